"""Packets on their way between two chassis, and two counters that are read once a second, never quite at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, inf, sin
from random import Random

from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Count, Key, Loss

KEY: Key = (7, "hv1", "hv2")

Course = Callable[[float], tuple[float, float]]
"""From a moment: a value, and until when it stays."""


def steady(value: float) -> Course:
    return lambda at: (value, inf)


def between(value: float, start: float, stop: float = inf) -> Course:
    """The value from start to stop, else 0."""
    return lambda at: (0.0, start) if at < start else (value, stop) if at < stop else (0.0, inf)


class Restless:
    """Packets a second as networks have them: nothing, steady, on and off, bursts, ramps like TCP's; up to 50,000."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._kind, self._kind_until = "off", 0.0
        self._level = self._rate = self._period = 1.0
        self._until = 0.0

    def __call__(self, at: float) -> tuple[float, float]:
        if at >= self._until:
            if at >= self._kind_until:
                self._begin(at)
            self._until = at + max(0.01, self._next())
        return self._rate, self._until

    def _begin(self, at: float) -> None:
        random = self._random
        self._kind = random.choice(("off", "steady", "on and off", "bursts", "ramps", "drifting"))
        self._kind_until = at + random.expovariate(1 / 60)
        self._level = min(50_000.0, 10 ** random.uniform(0.5, 4.7))
        self._period = 10 ** random.uniform(-1.3, 1.3)
        self._rate = 0.0

    def _next(self) -> float:
        """Change the rate. Gives for how long."""
        random, on = self._random, self._rate < self._level / 2
        if self._kind == "off":
            return 1.0
        if self._kind == "steady":
            self._rate = self._level
            return 5.0
        if self._kind == "on and off":
            self._rate = self._level * on
            return self._period * random.uniform(0.5, 1.5)
        if self._kind == "bursts":
            self._rate = self._level * (1.0 if on else 0.02)
            return 0.1 if on else random.expovariate(1 / 5)
        if self._kind == "ramps":
            self._rate = max(10.0, self._rate * 1.3) if self._rate < self._level else self._rate / 2
            return 0.2
        self._rate = min(50_000.0, abs(self._rate + random.gauss(0, 0.05) * self._level))
        return 0.5


@dataclass(slots=True)
class Clock:
    """How late a side is read: up to 15 ms, the receiver's up to `bias` more, which comes and goes in minutes, and for a share of
    `late` up to a second. With a chance of `starved` a reading is the first of some in a row that are late."""

    random: Random
    late: float = 0.01
    bias: float = 0.0
    starved: float = 0.0
    left: int = 0
    second: int = 0

    def read(self, received: bool) -> float:
        random = self.random
        self.second += 1
        if self.left or random.random() < self.starved:
            self.left = self.left - 1 if self.left else random.randint(2, 8)
            return random.random() * 0.98
        if random.random() < self.late:
            return random.random() * 0.98
        return random.random() * 0.015 + self.bias * received * (1 + sin(self.second / 30)) / 2


class Wire:
    """Packets arrive at random at the rate of the moment, and each may be lost with the chance of the moment. What was `added` to
    the counters is on top."""

    def __init__(self, random: Random, rate: Course, chance: Course, sides: tuple[Clock, Clock] | None = None) -> None:
        self._random, self._rate, self._chance = random, rate, chance
        self._sides = sides or (Clock(random), Clock(random))
        self._now = 0.0
        self._counts = [0, 0]
        self._second = 0
        self.added = [0, 0]
        self.born = [-random.uniform(1e3, 1e4), -random.uniform(1e3, 1e4)]

    def read(self) -> tuple[float, Count, Count]:
        at = float(self._second)
        self._second += 1
        moments = [at + clock.read(bool(side)) for side, clock in enumerate(self._sides)]
        found = [Count(0, 0.0)] * 2
        for side in sorted((0, 1), key=moments.__getitem__):
            self._go_on(moments[side])
            found[side] = Count(self._counts[side] + self.added[side], moments[side] - self.born[side])
        return at, found[0], found[1]

    def _go_on(self, until: float) -> None:
        while self._now < until:
            (rate, changes), (chance, turns) = self._rate(self._now), self._chance(self._now)
            end = min(until, changes, turns)
            sent = _poisson(self._random, rate * (end - self._now))
            self._counts[0] += sent
            self._counts[1] += sent - (sent if chance >= 1 else min(sent, _poisson(self._random, sent * chance)))
            self._now = end


def watched(wire: Wire, seconds: int, ledger: Ledger | None = None) -> Iterator[tuple[float, list[Loss]]]:
    """Each reading, and what is found with it."""
    ledger = ledger or Ledger()
    for _ in range(seconds):
        at, sent, received = wire.read()
        ledger.take(KEY, at, sent, received)
        yield at, ledger.findings(at)


def _poisson(random: Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(random.gauss(mean, mean**0.5)))
    limit, chance, found = exp(-mean), random.random(), 0
    while chance > limit:
        chance *= random.random()
        found += 1
    return found
