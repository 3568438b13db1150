"""Bridges and the ways between them, for a simulated fabric: when what a probe brings about is heard, if at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple

from ryu_overlay.health.probes import Ask, Pair, Probe
from tests.unit.health.troubles import Chassis, Noise, Trouble

_HOP = 0.0004
METER = 2000
"""Probes a second that a bridge may tell of (`punt_rate`)."""


class Word(NamedTuple):
    """What a bridge says, and when that is heard: of a probe that came, or came back, or in answer."""

    at: float
    number: int
    chassis: str
    what: Probe | Ask
    back: bool
    whole: bool


class Ways:
    """Between each two chassis one each way, but where tunnels are `unmade`, or lead `astray` to another. All wait where there is
    `noise`. `told_of` counts the probes that a bridge told of, or should have, by chassis and second."""

    def __init__(self, chassis: Iterable[str], random: Random) -> None:
        self.chassis = {name: Chassis() for name in chassis}
        self.random = random
        self.noise: Noise | None = None
        self.unmade: set[frozenset[str]] = set()
        self.astray: dict[Pair, str] = {}
        self.troubles: dict[Pair, list[Trouble]] = {}
        self._coming: list[Word] = []
        self._kept: list[Word] = []
        self.told_of: Counter[tuple[str, int]] = Counter()
        self._number = count()

    def send(self, what: Probe | Ask, now: float) -> None:
        """The controller sends it."""
        if isinstance(what, Ask):
            self._say(what.chassis, self.wake(what.chassis, now), what)
            return
        a, b = what.sender, self.astray.get((what.sender, what.receiver), what.receiver)
        if not self.carries(a, b) or not self.chassis[a].speaks or (there := self._cross((a, b), what)) is None:
            return
        if not self.chassis[b].confirmed or not self._metered(b, now):
            return
        at = self.wake(b, self.wake(a, now) + there[0])
        self._say(b, at, what, whole=there[1])
        if what.vni is None and (back := self._cross((b, a), what)) is not None and self._metered(a, now):
            self._say(a, self.wake(a, at + back[0]), what, back=True, whole=there[1] and back[1])

    def heard(self, now: float) -> list[Word]:
        """What bridges have said by now. What one cannot say it keeps."""
        found: list[Word] = []
        while self._coming and self._coming[0].at <= now:
            word = heappop(self._coming)
            host = self.chassis.get(word.chassis)
            if host is not None and host.channel:
                (found if host.speaks else self._kept).append(word)
        return found

    def speak_again(self, now: float) -> None:
        """What was kept is said now."""
        for word in self._kept:
            heappush(self._coming, word._replace(at=now))
        self._kept = []

    def carries(self, a: str, b: str) -> bool:
        """Whether anything can pass."""
        ends = self.chassis.get(a), self.chassis.get(b)
        return all(end is not None and end.forwards for end in ends) and frozenset((a, b)) not in self.unmade

    def wake(self, name: str, at: float) -> float:
        """When a chassis gets to what comes at this moment."""
        at += self.chassis[name].late
        return at if self.noise is None else self.noise.wake(name, at)

    def _cross(self, pair: Pair, probe: Probe) -> tuple[float, bool] | None:
        """How long a probe takes, and whether its bytes stay as they are; None: it is lost."""
        took, whole, random = _HOP * (0.5 + self.random.random()), True, self.random
        for each in self.troubles.get(pair, ()):
            if probe.vni in each.vnis or random.random() < max(each.loss, probe.full * each.full_loss):
                return None
            took += each.delay * (0.9 + 0.2 * random.random())
            whole = whole and random.random() >= each.corrupt
        return took, whole

    def _metered(self, name: str, now: float) -> bool:
        """Whether a bridge still takes a probe in this second."""
        self.told_of[name, int(now)] += 1
        return self.told_of[name, int(now)] <= METER

    def _say(self, name: str, at: float, what: Probe | Ask, *, back: bool = False, whole: bool = True) -> None:
        """What is said at one moment comes in any order."""
        heappush(self._coming, Word(at + _HOP * (0.5 + self.random.random()), next(self._number), name, what, back, whole))
