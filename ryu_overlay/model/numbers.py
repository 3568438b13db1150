"""The next free number: keys, tenant keys, VNIs, conntrack zones, accounts, and the MACs derived from keys.

A search starts behind the number given last and wraps around, so that a number rests before it is used again: counters,
conntrack zones, meters and flows of the old owner have time to go. Tenant keys are conntrack zones too, so they and the zones of
uplinks, given out from the other end, are never equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

from ryu_overlay.model.network import MAX_ACCOUNT, MAX_ZONE, Draft
from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.model.values import MAX_VNI

MAX_KEY = 2**KEY_BITS - 1
MAX_TENANT_KEY = 2**TENANT_KEY_BITS - 1

MAC_PREFIX = 0x026F76000000
"""Locally administered, unicast, and in the quadrant IEEE 802c leaves to the local administrator (x2)."""
_MAC_VARIANT = 1 << KEY_BITS


class Exhausted(Exception):
    """Every number of the kind is taken. The text says so to an operator."""


class Numbers:
    """Gives out numbers for one draft and moves the draft's counters on. Each raises Exhausted when none is left."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._keys: set[int] = set()
        self._tenant_keys: set[int] | None = None
        self._vnis: set[int] = set()
        self._zones: set[int] = set()
        self._accounts: set[int] = set()

    def key(self) -> int:
        """A key no object has, 1 to 2**24 - 1."""
        taken = (self._draft.base.by_key, self._keys)
        number = _next_free(_upward(self._draft.next_key, MAX_KEY), MAX_KEY, taken, "key")
        self._keys.add(number)
        self._draft.next_key = number % MAX_KEY + 1
        return number

    def tenant_key(self) -> int:
        """A key no tenant has and no uplink has as its zone, 1 to 2**16 - 1."""
        taken = (self._known_tenant_keys(), self._draft.base.zones, self._zones)
        number = _next_free(_upward(self._draft.next_tenant_key, MAX_TENANT_KEY), MAX_TENANT_KEY, taken, "tenant key")
        self._known_tenant_keys().add(number)
        self._draft.next_tenant_key = number % MAX_TENANT_KEY + 1
        return number

    def zone(self) -> int:
        """A conntrack zone no uplink has and no tenant has as its key, 1 to 2**16 - 1; downward from the one given last."""
        taken = (self._known_tenant_keys(), self._draft.base.zones, self._zones)
        number = _next_free(_downward(self._draft.next_zone), MAX_ZONE, taken, "conntrack zone")
        self._zones.add(number)
        self._draft.next_zone = number - 1 or MAX_ZONE
        return number

    def account(self) -> int:
        """A number that no other tenant, uplink or floating IP is counted by, 1 to 24544."""
        taken = (self._draft.base.accounts, self._accounts)
        number = _next_free(_upward(self._draft.next_account, MAX_ACCOUNT), MAX_ACCOUNT, taken, "account")
        self._accounts.add(number)
        self._draft.next_account = number % MAX_ACCOUNT + 1
        return number

    def _known_tenant_keys(self) -> set[int]:
        if self._tenant_keys is None:
            self._tenant_keys = {tenant.key for tenant in self._draft.base.tables["tenant"].values()}
        return self._tenant_keys

    def reserve_vnis(self, vnis: Iterable[int]) -> None:
        """Take out VNIs that the edit itself asks for."""
        self._vnis.update(vnis)

    def vni(self) -> int:
        """A VNI no switch and no uplink has, 1 to 2**22 - 1."""
        taken = (self._draft.base.vnis, self._vnis)
        number = _next_free(_upward(self._draft.next_vni, MAX_VNI), MAX_VNI, taken, "VNI")
        self._vnis.add(number)
        self._draft.next_vni = number % MAX_VNI + 1
        return number


def mac_for(key: int, *taken: Collection[str]) -> str:
    """The MAC of the object with `key`: the same at every call, and no other key's. Passes over those in any of `taken`."""
    number = MAC_PREFIX | key
    mac = _format_mac(number)
    while any(mac in macs for macs in taken):
        number += _MAC_VARIANT
        mac = _format_mac(number)
    return mac


def _format_mac(number: int) -> str:
    digits = f"{number:012x}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _upward(start: int, last: int) -> Iterable[int]:
    return chain(range(start, last + 1), range(1, start))


def _downward(start: int) -> Iterable[int]:
    return chain(range(start, 0, -1), range(MAX_ZONE, start, -1))


def _next_free(order: Iterable[int], last: int, taken: tuple[Collection[int], ...], what: str) -> int:
    """The first number in `order`, which is some order of 1 to `last`, that is in none of `taken`."""
    if sum(len(numbers) for numbers in taken) < last:
        for number in order:
            if not any(number in numbers for numbers in taken):
                return number
    raise Exhausted(f"no {what} is free: all {last:,} are taken")
