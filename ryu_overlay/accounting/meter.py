"""From counters of meters, which come and go, to usage: each packet once, and none too many. Pure.

1. A meter counts from 0 when it is made, and what it counts is usage: its growth since it was read last, and all of it if it
   never was.
2. A meter that is younger than it was, or has less, was made anew. What the one before counted after it was read last is not
   known. That is not guessed: there is a gap from that reading to when the new one was made.
3. A meter that is gone leaves the same gap, unless no flow led to it any more and it had ceased to grow: then it was retired.
4. Where readings are far apart, what passed between them is known only as a whole: that is marked, too.

What was read and what is booked are two things: `take` only looks, `book` gives what is new together with the counts that it
stands for, to be kept in one. After a crash the meter goes on from what was kept, and counters make up for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from ryu_overlay.accounting.values import NOTHING, Account, Count, Gap, Use
from ryu_overlay.pipeline.accounts import Line, line_of

FAR_APART = 10.0
"""Seconds between two readings from which on what passed meanwhile is marked as late."""
_TAG = 4
_NOTHING_KEPT: Mapping[Any, Any] = MappingProxyType({})


class Seen(NamedTuple):
    """A meter as it was read: what it had counted, its age in seconds, and how many flows led to it."""

    counted: Count
    age: float
    flows: int


class Spot(NamedTuple):
    """A meter: of which chassis, and its number."""

    chassis: str
    number: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A meter's state as far as it is booked: whose it is, what it had counted, and its age then."""

    object: str
    count: Count
    age: float


@dataclass(frozen=True, slots=True)
class Booking:
    """What is new since the booking before: usage and gaps. `kept` and `gone` are the meters whose state changed by it, `read`
    says when each chassis was read last, `at` when all of them were."""

    at: float
    used: Mapping[Use, Count]
    gaps: tuple[Gap, ...]
    kept: Mapping[Spot, Kept]
    gone: frozenset[Spot]
    read: Mapping[str, float]
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a new meter goes on from, and the number of the booking that was written last. The next is `last` + 1."""

    last: int
    kept: Mapping[Spot, Kept]
    read: Mapping[str, float]
    accounts: Mapping[str, Account]


@dataclass(slots=True)
class _Known:
    account: str
    seen: Seen
    still: bool = False
    named: Account | None = None


class Meter:
    """The meters of all chassis. Times are seconds since 1970."""

    def __init__(
        self,
        kept: Mapping[Spot, Kept] = _NOTHING_KEPT,
        read: Mapping[str, float] = _NOTHING_KEPT,
        accounts: Mapping[str, Account] = _NOTHING_KEPT,
    ) -> None:
        """Go on from what was kept."""
        self.total: dict[Use, Count] = {}
        self.accounts: dict[str, Account] = dict(accounts)
        self.read: dict[str, float] = dict(read)
        self._known: dict[str, dict[int, _Known]] = {}
        self._used: dict[Use, Count] = {}
        self._gaps: list[Gap] = []
        self._changed: set[Spot] = set()
        self._new_accounts: set[str] = set()
        for spot, state in kept.items():
            self._of(spot.chassis)[spot.number] = _Known(state.object, Seen(state.count, state.age, 1))

    def take(self, chassis: str, at: float, seen: Mapping[int, Seen], whose: Mapping[int, Account]) -> frozenset[int]:
        """All meters of a chassis as read at one moment. `whose` says whose each account is now.

        Gives the meters to which nothing leads and that have ceased to grow: they may be taken away.
        """
        known, since = self._of(chassis), self.read.get(chassis, at)
        if chassis in self.read and at <= since:
            return frozenset()
        for number in known.keys() - seen.keys():
            self._gone(Spot(chassis, number), known.pop(number), since, at)
        for number, now in seen.items():
            line, before = line_of(number), known.get(number)
            account = None if line is None else whose.get(line.account)
            # Most count nothing most of the time.
            if before is not None and account is before.named and _is_the_same(before.seen, now):
                before.seen, before.still = now, True
            elif line is not None:
                self._read(Spot(chassis, number), line, now, since, at, account)
        self.read[chassis] = at
        return frozenset(number for number, state in known.items() if state.still and not state.seen.flows)

    def forget(self, chassis: str, at: float) -> None:
        """The chassis is no more: what it counted after its last reading is not known."""
        since = self.read.pop(chassis, at)
        for number, state in self._known.pop(chassis, {}).items():
            self._gone(Spot(chassis, number), state, since, at)

    def book(self, at: float) -> Booking:
        """What is new since the last time."""
        used, gaps, changed = self._used, tuple(self._gaps), self._changed
        self._used, self._gaps, self._changed = {}, [], set()
        kept = {spot: state for spot in changed if (state := self._kept(spot)) is not None}
        accounts = tuple(self.accounts[uuid] for uuid in sorted(self._new_accounts))
        self._new_accounts = set()
        return Booking(at, used, gaps, kept, frozenset(changed - kept.keys()), dict(self.read), accounts)

    def _kept(self, spot: Spot) -> Kept | None:
        state = self._of(spot.chassis).get(spot.number)
        return None if state is None else Kept(state.account, state.seen.counted, state.seen.age)

    def _read(self, spot: Spot, line: Line, now: Seen, since: float, at: float, account: Account | None) -> None:
        known = self._of(spot.chassis)
        before = known.get(spot.number)
        if account is not None:
            self._name(account)
        uuid = account.uuid if account is not None else None if before is None else before.account
        if uuid is None:
            return
        use = Use(uuid, line.peer, line.way)
        grown = now.counted
        if before is not None:
            if _is_anew(before.seen, now):
                made = max(since, at - now.age)
                self._lost(spot, line, before, since, made)
            else:
                grown = now.counted - before.seen.counted
                if grown != NOTHING and at - since > FAR_APART:
                    self._gaps.append(Gap(spot.chassis, use, since, at, "late"))
        still = before is not None and grown == NOTHING
        if not still or before is None or before.account != uuid:
            self._changed.add(spot)
        known[spot.number] = _Known(uuid, now, still, account)
        if grown != NOTHING:
            self._use(use, grown)

    def _gone(self, spot: Spot, state: _Known, since: float, at: float) -> None:
        self._changed.add(spot)
        line = line_of(spot.number)
        if line is not None:
            self._lost(spot, line, state, since, at)

    def _lost(self, spot: Spot, line: Line, state: _Known, since: float, until: float) -> None:
        """The meter is no more. Unless it was retired, it may have counted after it was read."""
        if state.seen.flows or not state.still:
            self._gaps.append(Gap(spot.chassis, Use(state.account, line.peer, line.way), since, until, "lost"))

    def _name(self, account: Account) -> None:
        known = self.accounts.get(account.uuid)
        if known is not account and known != account:
            self.accounts[account.uuid] = account
            self._new_accounts.add(account.uuid)

    def _use(self, use: Use, more: Count) -> None:
        account = self.accounts.get(use.object)
        # The tag of what comes in is taken off, but the meter sees the frame as it came.
        tag = _TAG * more.packets if account is not None and account.tagged and use.way == "in" else 0
        more = Count(more.packets, more.bytes - tag)
        for sums in (self._used, self.total):
            sums[use] = sums.get(use, NOTHING) + more

    def _of(self, chassis: str) -> dict[int, _Known]:
        return self._known.setdefault(chassis, {})


def _is_the_same(before: Seen, now: Seen) -> bool:
    return now.counted == before.counted and now.age >= before.age


def _is_anew(before: Seen, now: Seen) -> bool:
    return now.age < before.age or now.counted.packets < before.counted.packets or now.counted.bytes < before.counted.bytes


def merged(first: Booking, second: Booking) -> Booking:
    """Both as one: the second came after the first."""
    used = dict(first.used)
    for use, count in second.used.items():
        used[use] = used.get(use, NOTHING) + count
    kept = {spot: state for spot, state in first.kept.items() if spot not in second.gone}
    accounts = {account.uuid: account for account in (*first.accounts, *second.accounts)}
    gone = (first.gone - second.kept.keys()) | second.gone
    gaps = (*first.gaps, *second.gaps)
    return Booking(second.at, used, gaps, {**kept, **second.kept}, gone, second.read, tuple(accounts.values()))
