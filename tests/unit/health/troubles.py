"""What a simulated fabric is made of: chassis, what networks send, what becomes of packets, and what keeps the controller waiting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from ryu_overlay.health.conservation import Count

_BORN = -1000.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of packets: the chance that any is lost, that one of full size is, that one comes with other bytes; by how many
    seconds they are late; networks of which all is lost, and those of which all but probes is."""

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
    """One host. `forwards`: its datapath does; `speaks`: what is said on its channel gets there; `confirmed`: its bridge has what it
    was told. `late` are seconds that its bridge is late by. `channel` and `gone` are as in `Host`."""

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


@dataclass(slots=True)
class Noise:
    """The whole machine is short of CPU now and then, for 0.1 to 1.5 s: then everything takes 50 to 300 ms longer."""

    random: Random
    lag: float = 0.0
    until: float = 0.0

    def at(self, now: float) -> float:
        if now >= self.until:
            self.lag = 0.0 if self.lag else self.random.uniform(0.05, 0.3)
            self.until = now + (self.random.uniform(0.1, 1.5) if self.lag else self.random.expovariate(0.3))
        return self.lag * self.random.uniform(0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Pauses:
    """The controller is held up for so many seconds of every so many."""

    every: float = 10.0
    seconds: float = 0.0

    def hold(self, now: float) -> bool:
        return now % self.every < self.seconds
