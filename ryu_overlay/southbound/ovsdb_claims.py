"""Who a chassis says it is, and which connection may be it.

Pure: connections are opaque holders in order of arrival. A name and an encapsulation address belong to one connected
chassis at a time; who comes later and claims either is refused, and the first is not disturbed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Generic, Protocol, TypeVar
from uuid import UUID

SYSTEM_ID = "system-id"
ENCAP_IP = "overlay-encap-ip"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A chassis' name and encapsulation address, and the row that tells its database from every other."""

    name: str
    encap_ip: IPv4Address
    database: UUID


class Unidentified(ValueError):
    """What the chassis says about itself does not make an identity. `absent` when something is missing, not just wrong."""

    def __init__(self, reason: str, absent: bool) -> None:
        super().__init__(reason)
        self.absent = absent


def identify(external_ids: Mapping[str, str], database: UUID) -> Identity:
    """The identity in Open_vSwitch `external_ids`. Raises Unidentified.

    The name is 1 to 63 characters of A-Z a-z 0-9 . _ - starting with a letter or digit; the address one that a host can
    have on a network (not loopback, multicast, reserved or unspecified: RFC 1122 section 3.2.1.3).
    """
    missing = [key for key in (SYSTEM_ID, ENCAP_IP) if not external_ids.get(key)]
    if missing:
        raise Unidentified(f"external_ids has no {' and no '.join(missing)}", absent=True)
    name, text = external_ids[SYSTEM_ID], external_ids[ENCAP_IP]
    if not _NAME.fullmatch(name):
        raise Unidentified(f"{SYSTEM_ID} {name!r} is not 1 to 63 characters of A-Z a-z 0-9 . _ -", absent=False)
    try:
        address = IPv4Address(text)
    except ValueError:
        raise Unidentified(f"{ENCAP_IP} {text!r} is not an IPv4 address", absent=False) from None
    if address.is_loopback or address.is_multicast or address.is_reserved or address.is_unspecified:
        raise Unidentified(f"{ENCAP_IP} {address} is not an address of a host", absent=False)
    return Identity(name, address, database)


class Claimant(Protocol):
    """A connection. `serial` grows with the time of its arrival; `peer` is its far end, for messages."""

    @property
    def serial(self) -> int: ...

    @property
    def peer(self) -> str: ...


C = TypeVar("C", bound=Claimant)


@dataclass(frozen=True, slots=True)
class Ruling(Generic[C]):
    """`refused` says why the claim was not granted, if it was not. `replaced`, an older link of the same chassis, held it."""

    refused: str | None = None
    replaced: C | None = None


class Claims(Generic[C]):
    """Which connection holds which name and address."""

    def __init__(self) -> None:
        self._by_name: dict[str, C] = {}
        self._by_ip: dict[IPv4Address, C] = {}
        self._held: dict[C, Identity] = {}

    def holder(self, name: str) -> C | None:
        """The connection that is the chassis `name`."""
        return self._by_name.get(name)

    def held(self, claimant: C) -> Identity | None:
        """What `claimant` holds."""
        return self._held.get(claimant)

    def claim(self, claimant: C, identity: Identity) -> Ruling[C]:
        """Grant `identity` in place of whatever `claimant` held before, or refuse and change nothing."""
        replaced: C | None = None
        other = self._by_name.get(identity.name)
        if other is not None and other is not claimant:
            if self._held[other] != identity:
                address = self._held[other].encap_ip
                return Ruling(f"{SYSTEM_ID} {identity.name} is in use by {other.peer} with {ENCAP_IP} {address}")
            if other.serial > claimant.serial:
                return Ruling(superseded(identity, other))
            replaced = other
        neighbour = self._by_ip.get(identity.encap_ip)
        if neighbour is not None and neighbour not in (claimant, replaced):
            return Ruling(f"{ENCAP_IP} {identity.encap_ip} is in use by chassis {self._held[neighbour].name}")
        self.release(claimant)
        if replaced is not None:
            self.release(replaced)
        self._by_name[identity.name] = claimant
        self._by_ip[identity.encap_ip] = claimant
        self._held[claimant] = identity
        return Ruling(replaced=replaced)

    def release(self, claimant: C) -> Identity | None:
        """Give up what `claimant` held, and return it."""
        identity = self._held.pop(claimant, None)
        if identity is not None:
            del self._by_name[identity.name]
            del self._by_ip[identity.encap_ip]
        return identity


def superseded(identity: Identity, by: Claimant) -> str:
    """The sentence for an older connection of a chassis that connected again."""
    return f"chassis {identity.name} connected anew, from {by.peer}"
