"""Which members of load balancers are alive: each is tried again and again from its own chassis, and judged.

The controller is the client of every try. It hands frames to the member's chassis to put out of the member's VIF, and
what the member answers comes back from there, so a try says how the member is, whatever the underlay does.

1. A member is first tried soon after it became known, spread so that many do not come at once, then every interval.
2. It is unknown until it was good once (up) or bad `fall` times in a row (down). Then it takes `fall` bad tries in a row to go
   down and `rise` good ones to come up.
3. A try comes from the VIP, so the member answers by the way its clients' answers go; its port changes from try to try and
   is no load balancer's.
4. An answer is told to its try by chassis, VIF, MACs, addresses and ports, so no VM answers for another.

All of it is state and arithmetic: time is an argument, frames are values. `now` is in seconds of any clock that does not jump;
one set back by a minute stops tries for a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from ipaddress import IPv4Address
from math import floor, inf
from random import Random, SystemRandom
from types import MappingProxyType

from ryu_overlay.oam.dialogue import Dialogue, Result, request
from ryu_overlay.oam.tcp import Ends, ends, read

FIRST_PORT, LAST_PORT = 32768, 60999
"""Source ports of tries: those of a Linux client."""
FIRST_TRY_WITHIN = 5.0
"""Seconds: a long interval must not leave a new member unknown for as long."""

UNKNOWN, UP, DOWN = "unknown", "up", "down"
_GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, lie spread over 0 to 1 however many there are."""
_PORTS = LAST_PORT - FIRST_PORT + 1


@dataclass(frozen=True, slots=True)
class Target:
    """A member as it is to be tried.

    `member` is its key, `chassis` and `ofport` where its VIF is. `source` is (MAC, VIP, the load balancer's port): the MAC the
    member sends to for the VIP, so the router port's on its switch, or the load balancer's. `destination` is the member's own.
    `check` is "tcp" or "http", `path` what the latter asks for. `interval` and `timeout` are seconds over 0, `rise` and `fall`
    counts from 1. Tries never come from the source's port nor from one of `avoid`: other ports where load balancers have the VIP.
    """

    member: int
    chassis: str
    ofport: int
    source: tuple[str, IPv4Address, int]
    destination: tuple[str, IPv4Address, int]
    check: str
    path: str
    interval: float
    timeout: float
    rise: int
    fall: int
    avoid: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Frame:
    """An Ethernet frame to put out of an OpenFlow port of a chassis."""

    chassis: str
    ofport: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What tries say of a member: "unknown", "up" or "down", since when (by the clock of `now`), and the latest reason."""

    state: str
    since: float
    reason: str


_Place = tuple[str, int, Ends]
"""Where answers of a try come from, and between which ends."""


class _Member:
    """What is remembered of a member. `at` is when it is next due: entries of the heap that say another time are stale."""

    __slots__ = ("at", "begun", "between", "dialogue", "place", "port", "row", "target", "wanted")

    def __init__(self, target: Target, port: int) -> None:
        self.take(target)
        self.port = port
        """Of the latest try, counted from FIRST_PORT."""
        self.row = 0
        """Tries in a row that were good, or if negative, bad."""
        self.begun = 0.0
        """When the latest try was due to begin."""
        self.at = inf
        self.dialogue: Dialogue | None = None
        self.place: _Place | None = None

    def take(self, target: Target) -> None:
        """Be tried like this. Raises ValueError, and nothing has changed then."""
        between = ends(target.source, target.destination)
        host = f"{target.source[1]}:{target.source[2]}"
        self.wanted = request(target.path, host) if target.check == "http" else None
        self.between = between
        self.target = target

    def places(self) -> Iterator[_Place]:
        """Where the next try's answers may come from, one for each port that it may use."""
        target = self.target
        for _ in range(_PORTS):
            self.port = (self.port + 1) % _PORTS
            number = FIRST_PORT + self.port
            if number != target.source[2] and number not in target.avoid:
                yield target.chassis, target.ofport, self.between._replace(sport=number).turned()

    def next_try(self, now: float) -> float:
        """An interval after the latest one; after a standstill at once, but in step with those before it."""
        interval = self.target.interval
        return self.begun + max(1, floor((now - self.begun) / interval)) * interval


class Checker:
    """Tries all of its targets. `step` is to be called when `due` says, and `heard` with what members answer."""

    def __init__(self, random: Random | None = None) -> None:
        """`random` gives sequence numbers, which VMs must not guess: the operating system's unless told."""
        self._random = random or SystemRandom()
        self._members: dict[int, _Member] = {}
        self._open: dict[_Place, _Member] = {}
        self._heap: list[tuple[float, int]] = []
        self._met = 0
        self._judged: dict[int, Verdict] = {}
        self._verdicts: Mapping[int, Verdict] | None = None

    def targets(self, targets: Iterable[Target], now: float) -> list[Frame]:
        """Try these from now on, and no others. Gives what to send.

        Who was known keeps its history; if anything about it has changed, a try under way is given up, with no result, and
        another follows soon. Raises ValueError for a MAC or path that is none; targets after that one are left as they were.
        """
        frames: list[Frame] = []
        wanted = {target.member: target for target in targets}
        for key in self._members.keys() - wanted.keys():
            gone = self._members.pop(key)
            frames += self._last_word(gone)
            self._close(gone)
            self._judge(key, None)
        for key, target in wanted.items():
            member = self._members.get(key)
            if member is None:
                member = self._members[key] = _Member(target, self._random.randrange(_PORTS))
                self._judge(key, Verdict(UNKNOWN, now, "not tried yet"))
            elif member.target == target:
                continue
            else:
                last = self._last_word(member)
                member.take(target)
                self._close(member)
                frames += last
            self._plan(member, now + self._met * _GOLDEN % 1 * min(target.interval, FIRST_TRY_WITHIN))
            self._met += 1
        if len(self._heap) > 4 * len(self._members):
            # Members with long intervals that come and go would fill it with what is stale.
            self._heap = [(member.at, key) for key, member in self._members.items()]
            heapify(self._heap)
        return frames

    def step(self, now: float) -> list[Frame]:
        """What to send now. This is also where silence is noted."""
        frames: list[Frame] = []
        while self._next() <= now:
            member = self._members[heappop(self._heap)[1]]
            if member.dialogue is None:
                frames += self._begin(member, now)
            else:
                frames += self._follow(member, member.dialogue, member.dialogue.wake(now), now)
        return frames

    def heard(self, member_frame: bytes | memoryview, chassis: str, ofport: int, now: float) -> list[Frame]:
        """What to send back on a frame that came from a VIF. Never raises; if no try waits for the frame, nothing happens."""
        got = read(member_frame)
        if got is None:
            return []
        answered, segment = got
        member = self._open.get((chassis, ofport, answered))
        if member is None or member.dialogue is None:
            return []
        return self._follow(member, member.dialogue, member.dialogue.heard(segment, now), now)

    def verdicts(self) -> Mapping[int, Verdict]:
        """By member key, of all targets. Never changes: it is the same object as before as long as no verdict did."""
        if self._verdicts is None:
            self._verdicts = MappingProxyType(dict(self._judged))
        return self._verdicts

    def due(self, now: float) -> float:
        """Seconds until `step` has something to do; 0 if it has, infinite if there is nothing to try."""
        return max(0.0, self._next() - now)

    def _next(self) -> float:
        """When the next member is due, which is then the first of the heap; infinite if none is."""
        while self._heap:
            at, key = self._heap[0]
            if key in self._members and self._members[key].at == at:
                return at
            heappop(self._heap)
        return inf

    def _plan(self, member: _Member, at: float) -> None:
        member.at = at
        heappush(self._heap, (at, member.target.member))

    def _begin(self, member: _Member, now: float) -> list[Frame]:
        target = member.target
        member.begun = member.at
        place = next((p for p in member.places() if p not in self._open), None)
        if place is None:
            self._plan(member, member.begun + target.interval)
            return []
        isn = self._random.getrandbits(32)
        dialogue = Dialogue(place[2].turned(), member.wanted, isn, target.timeout, now)
        member.dialogue, member.place = dialogue, place
        self._open[place] = member
        return self._follow(member, dialogue, [dialogue.begin()], now)

    def _follow(self, member: _Member, dialogue: Dialogue, sent: list[bytes], now: float) -> list[Frame]:
        """A try has gone on, with frames to send: plan what is next, and judge the member if it was the end."""
        if dialogue.result is not None:
            self._close(member)
            self._count(member, dialogue.result, now)
            self._plan(member, member.next_try(now))
        elif member.at != dialogue.due:
            self._plan(member, dialogue.due)
        return [Frame(member.target.chassis, member.target.ofport, data) for data in sent]

    def _last_word(self, member: _Member) -> list[Frame]:
        """To where the member is, of a try under way."""
        sent = [] if member.dialogue is None else member.dialogue.give_up()
        return [Frame(member.target.chassis, member.target.ofport, data) for data in sent]

    def _close(self, member: _Member) -> None:
        """The try under way is over, if there is one."""
        if member.place is not None:
            del self._open[member.place]
        member.dialogue = member.place = None

    def _count(self, member: _Member, result: Result, now: float) -> None:
        target, before = member.target, self._judged[member.target.member]
        member.row = max(member.row, 0) + 1 if result.good else min(member.row, 0) - 1
        state = before.state
        if result.good and (state == UNKNOWN or member.row >= target.rise):
            state = UP
        elif -member.row >= target.fall:
            state = DOWN
        if state != before.state:
            self._judge(target.member, Verdict(state, now, result.reason))
        elif state == UNKNOWN or result.good == (state == UP):
            self._judge(target.member, Verdict(state, before.since, result.reason))

    def _judge(self, key: int, verdict: Verdict | None) -> None:
        """Put down a verdict, or with None that there is none any more."""
        if verdict == self._judged.get(key):
            return
        if verdict is None:
            del self._judged[key]
        else:
            self._judged[key] = verdict
        self._verdicts = None
