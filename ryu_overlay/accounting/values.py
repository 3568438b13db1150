"""What is counted, and what of it is told: accounts, counts, usage and what is missing in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ryu_overlay.pipeline.accounts import Peer, Way

INTERVAL, HOUR, DAY = 300, 3600, 86400
"""Seconds: the usual interval, and what they are summed up to."""


class Count(NamedTuple):
    """Packets and bytes. Bytes are those of Ethernet frames without tag and check sequence."""

    packets: int
    bytes: int

    def __add__(self, other: Count) -> Count:  # type: ignore[override]
        return Count(self.packets + other.packets, self.bytes + other.bytes)

    def __sub__(self, other: Count) -> Count:
        return Count(self.packets - other.packets, self.bytes - other.bytes)


NOTHING = Count(0, 0)


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant, uplink (`kind` "router_port") or floating IP, by its UUID, as it is called. `tagged`: its network has a VLAN."""

    uuid: str
    tenant: str
    kind: str
    router: str
    name: str
    address: str
    tagged: bool = False


class Use(NamedTuple):
    """Whose traffic, with whom, and which way: the class that each byte is in. `object` is the account's UUID."""

    object: str
    peer: Peer
    way: Way


@dataclass(frozen=True, slots=True)
class Gap:
    """Something of a use may be missing, or have been counted at another time than it passed.

    "lost": what chassis carried between `since` and `until` (seconds since 1970) is not all known. "late": it is, but only as a
    whole, and it is in the interval of `until`.
    """

    chassis: str
    use: Use
    since: float
    until: float
    what: Literal["lost", "late"]


@dataclass(frozen=True, slots=True)
class Used:
    """A use's amount in one closed interval of `length` seconds from `start`."""

    start: int
    length: int
    use: Use
    count: Count


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a time: usage, that of intervals that are still open last, what is missing in it, and whose all that is;
    and when the ledger began, None if there is nothing in it."""

    used: list[Used]
    gaps: list[Gap]
    accounts: Mapping[str, Account]
    began: float | None
