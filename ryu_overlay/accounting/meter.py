"""From the counters of flows that come and go to what was carried, each packet once and none too many. Pure.

1. A flow counts from 0 when it is made, and what it counts is usage. So a line's usage is the growth of its counter since it was
   booked last, and all of it if that flow was never booked.
2. A flow that is removed tells its last count: it is booked, and the next flow of the line begins at 0.
3. A counter that is smaller than what was booked of it, or gone, belongs to a flow that went unheard. What that one counted after
   it was read last is not known. It is not guessed: the line has a gap from then to this reading.
4. A bridge that began anew has lost all its flows: each line of it has a gap, from its last reading to that beginning.

What was read and what is booked are two things: `take` only looks, `book` gives what is new, with the counts that it stands
for, to be kept together. After a crash the meter goes on from what was kept, and counters make up for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Peer = Literal["internet", "others", "own"]
"""Whose the other end is."""
Way = Literal["in", "out"]
"""Into the tenant's network, or out of it."""
_SAME_RUN = 2.0
"""Seconds by which two readings of when a bridge began may differ."""


class Line(NamedTuple):
    """What one flow of one chassis counts: an uplink or floating IP, by its UUID, in one class and direction."""

    chassis: str
    object: str
    peer: Peer
    way: Way


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
class Gap:
    """Something that `line` carried in that time may be missing: after `since` and before `until`, in seconds since 1970."""

    line: Line
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What has to outlast the process, by line: how much of the flow that is there now is booked. And for each chassis when its
    bridge began, and when it was read last."""

    booked: Mapping[Line, Count]
    bridges: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Booking:
    """What was carried and is not booked yet, gaps in it, and what is to be kept together with it."""

    used: Mapping[Line, Count]
    gaps: tuple[Gap, ...]
    kept: Kept


@dataclass(slots=True)
class _Bridge:
    began: float
    read: float


class Meter:
    """Counters of all chassis. Times are seconds since 1970."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._seen: dict[str, dict[Line, Count]] = {}
        self._used: dict[Line, Count] = {}
        self._gaps: list[Gap] = []
        self._bridges: dict[str, _Bridge] = {}
        if kept is not None:
            for line, count in kept.booked.items():
                self._of(line.chassis)[line] = count
            self._bridges = {name: _Bridge(*times) for name, times in kept.bridges.items()}

    def take(self, chassis: str, began: float, at: float, counts: Mapping[Line, Count]) -> None:
        """All lines of a chassis as read at one moment, and when its bridge began. A reading older than the last is left out."""
        bridge = self._bridges.get(chassis, _Bridge(began, at))
        if chassis in self._bridges and at <= bridge.read:
            return
        seen = self._of(chassis)
        if began > bridge.began + _SAME_RUN:
            self._gaps += (Gap(line, bridge.read, max(bridge.read, began)) for line in seen)
            seen.clear()
        for line in seen.keys() - counts.keys():
            if seen.pop(line) != NOTHING:
                self._gaps.append(Gap(line, bridge.read, at))
        for line, count in counts.items():
            before = seen.get(line, NOTHING)
            if count.packets < before.packets or count.bytes < before.bytes:
                self._gaps.append(Gap(line, bridge.read, at))
                before = NOTHING
            self._use(line, count - before)
            seen[line] = count
        self._bridges[chassis] = _Bridge(began, at)

    def removed(self, line: Line, count: Count) -> None:
        """The line's flow is no more; that was its last count."""
        seen = self._of(line.chassis)
        before = seen.get(line, NOTHING)
        # One that has less than was seen of it was removed before that was seen.
        if count.packets >= before.packets and count.bytes >= before.bytes:
            self._use(line, count - before)
            seen[line] = NOTHING

    def book(self) -> Booking:
        """What is new since the last time."""
        used, gaps = {line: count for line, count in self._used.items() if count != NOTHING}, tuple(self._gaps)
        self._used, self._gaps = {}, []
        booked = {line: count for seen in self._seen.values() for line, count in seen.items()}
        return Booking(used, gaps, Kept(booked, {name: (b.began, b.read) for name, b in self._bridges.items()}))

    def _of(self, chassis: str) -> dict[Line, Count]:
        return self._seen.setdefault(chassis, {})

    def _use(self, line: Line, more: Count) -> None:
        self._used[line] = self._used.get(line, NOTHING) + more


def total(counts: Iterable[Count]) -> Count:
    """All of them together."""
    found = NOTHING
    for count in counts:
        found = found + count
    return found
