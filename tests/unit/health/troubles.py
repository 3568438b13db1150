"""What a simulated fabric is made of: chassis, what networks send, what becomes of packets, what keeps everybody waiting."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from random import Random

from ryu_overlay.health.counted import Count

_BORN = -1000.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of packets: the chance that any is lost, that one of full size is, that one comes with other bytes; by how
    many seconds they are late; networks of which all is lost, and those of which all but probes is."""

    loss: float = 0.0
    full_loss: float = 0.0
    corrupt: float = 0.0
    delay: float = 0.0
    vnis: frozenset[int] = frozenset()
    diverged: frozenset[int] = frozenset()


def traffic_lost(troubles: Iterable[Trouble], vni: int, full: float) -> float:
    """The share of a network's packets that is lost, if a share of them is of full size."""
    kept = 1.0
    for each in troubles:
        kept *= 0.0 if vni in each.vnis | each.diverged else (1 - each.loss) * (1 - full * each.full_loss)
    return 1 - kept


@dataclass(slots=True)
class Chassis:
    """One host. `forwards`: its datapath does; `speaks`: what is said on its channel gets there; `confirmed`: its bridge has what
    it was told. `late` are seconds that its bridge is late by. `channel` and `gone` are as in `Host`."""

    channel: bool = True
    database: bool = True
    forwards: bool = True
    speaks: bool = True
    confirmed: bool = True
    carrier: bool | None = True
    late: float = 0.0
    gone: float | None = None


@dataclass(slots=True)
class Flow:
    """So many packets a second of a network between two chassis, a share of them of full size, and the two counters."""

    rate: float
    full: float = 0.0
    at: float = 0.0
    sent: float = 0.0
    received: float = 0.0
    born: tuple[float, float] = (_BORN, _BORN)

    def go_on(self, now: float, lost: float, random: Random) -> None:
        """Packets were sent until now, of which such a share was lost, and none but whole ones."""
        packets = self.rate * (now - self.at)
        gone = sum(random.random() < lost for _ in range(int(packets))) if 0 < lost < 1 else packets * lost
        self.at = now
        self.sent += packets
        self.received += packets - gone

    def begin_anew(self, sender: bool) -> None:
        """The sender's counter, or the receiver's, is made anew."""
        if sender:
            self.sent, self.born = 0.0, (self.at, self.born[1])
        else:
            self.received, self.born = 0.0, (self.born[0], self.at)

    def counts(self) -> tuple[Count, Count]:
        """As they are read at this moment."""
        return Count(int(self.sent), self.at - self.born[0]), Count(int(self.received), self.at - self.born[1])


class Noise:
    """A machine that is short of CPU for 0.5 to 3 s, now and then: a process gets some for a moment, then none for 50 to 300 ms.

    One process does what came to it in the order in which it came.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._short = [(0.0, 0.0)]
        self._stalls: dict[str, list[tuple[float, float]]] = {}

    def wake(self, process: str, at: float) -> float:
        """When it gets to what comes at this moment."""
        stalls = self._stalls.setdefault(process, [(0.0, 0.0)])
        while stalls[-1][1] <= at:
            began = stalls[-1][1] + self._random.uniform(0.0, 0.05)
            began = max(began, self._shortage(began))
            stalls.append((began, began + self._random.uniform(0.05, 0.3)))
        began, ended = stalls[bisect(stalls, (at, inf)) - 1]
        return max(at, ended) if began <= at else at

    def _shortage(self, at: float) -> float:
        """When CPU is short next, or that it is."""
        while self._short[-1][1] <= at:
            began = self._short[-1][1] + self._random.expovariate(1 / 4)
            self._short.append((began, began + self._random.uniform(0.5, 3.0)))
        return next(began for began, ended in self._short if ended > at)


@dataclass(frozen=True, slots=True)
class Pauses:
    """The controller is held up for so many seconds of every so many."""

    every: float = 10.0
    seconds: float = 0.0

    def hold(self, now: float) -> bool:
        return now % self.every < self.seconds
