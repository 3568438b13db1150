"""A fabric for `Watch` in virtual time: chassis, the ways between them, and what networks send. Steps, clocks and facts are as in
`southbound/monitor.py` and `engine/scene.py`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from random import Random

from ryu_overlay.health.book import Book
from ryu_overlay.health.covering import wider
from ryu_overlay.health.evidence import Altered, Host
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.planning import plan
from ryu_overlay.health.probes import Ask, Pair, Probe
from ryu_overlay.health.topology import ProbePath, Topology
from ryu_overlay.health.watch import Scene, Watch
from tests.unit.health.troubles import Chassis, Flow, Pauses, Trouble, traffic_lost
from tests.unit.health.ways import Ways

TICK = 0.02
MOST_OF_A_TICK = 0.06
EPOCH = 1.7e9
_WORK, _READ_APART = 0.003, 0.005


def warm(size: int, seed: int = 0) -> Fabric:
    """A fabric that has run for a while, as the monitor has it: with chosen paths if it is large."""
    fabric = deepcopy(_warm(size))
    fabric.random.seed(seed)
    fabric.run(fabric.random.random())
    return fabric


@cache
def _warm(size: int) -> Fabric:
    fabric = Fabric(size, planned=True, rate=400, vnis=(7,)) if size > 5 else Fabric(size)
    fabric.run(20)
    return fabric


class Fabric(Ways):
    """Chassis hv1, hv2, ... with networks, of which each sends `rate` packets a second from each chassis to each other.

    `planned`: only chosen `paths` are tried all the time, else all. `told` is all that was said of faults, `spent` the watch's
    CPU seconds.
    """

    def __init__(
        self, size: int, seed: int = 0, *, planned: bool = False, rate: float = 200, vnis: Collection[int] = (7, 8)
    ) -> None:
        super().__init__((f"hv{i + 1}" for i in range(size)), Random(seed))
        self.watch = Watch(Book(lambda element: Impact(), wider))
        self.raw = self.clock = 0.0
        self.pauses = Pauses()
        self.flows = {(vni, *pair): Flow(rate) for vni in vnis for pair in permutations(self.chassis, 2) if rate}
        self.altered: tuple[Altered, ...] = ()
        self.told: list[Fault] = []
        self.spent = 0.0
        self.paths: tuple[ProbePath, ...] = ()
        self._planned = planned
        self._last, self._read_at = 0.0, 1.0
        self._plan()

    def run(self, seconds: float) -> list[Fault]:
        """Let time pass. What was told meanwhile."""
        before, until = len(self.told), self.raw + seconds
        while self.raw < until:
            self._tick()
        return self.told[before:]

    @property
    def lasting(self) -> list[Fault]:
        return [fault for fault in self.watch.book.faults(EPOCH + self.raw) if fault.until is None]

    def between(self, name: str, *, into: bool = True, out: bool = True) -> set[Pair]:
        """The directions from and to a chassis."""
        others = self.chassis.keys() - {name}
        return {(name, other) for other in others if out} | {(other, name) for other in others if into}

    def trouble(self, trouble: Trouble, pairs: Iterable[Pair]) -> None:
        """From now on, in these directions."""
        self._go_on()
        for pair in pairs:
            self.troubles.setdefault(pair, []).append(trouble)

    def mend(self) -> None:
        """All is well again."""
        self._go_on()
        self.troubles.clear()
        self.astray.clear()
        self.altered = ()
        for name, host in self.chassis.items():
            if not host.forwards:
                for (_, a, b), flow in self.flows.items():
                    if name in (a, b):
                        flow.begin_anew(name == a)
            self.chassis[name] = Chassis()
        self.speak_again(self.raw)

    def stop(self, name: str) -> None:
        """Its vswitch is dead."""
        self._go_on()
        self.chassis[name].forwards = False
        self.cut(name)

    def cut(self, name: str) -> None:
        """Its channel is closed."""
        self.chassis[name].channel, self.chassis[name].gone = False, self.clock

    def hang(self, name: str, *, forwards: bool = False) -> None:
        """Its bridge says nothing any more."""
        self._go_on()
        self.chassis[name].speaks, self.chassis[name].forwards = False, forwards

    def join(self, name: str) -> None:
        """A chassis comes, without traffic so far."""
        self.chassis[name] = Chassis()
        self._plan()

    def leave(self, name: str) -> None:
        """A chassis is taken out."""
        del self.chassis[name]
        for key in [key for key in self.flows if name in key]:
            del self.flows[key]
            self.watch.ledger.forget(key)
        self._plan()

    def _plan(self) -> None:
        if self._planned:
            self.paths = plan(Topology.of(dict.fromkeys(self.chassis)), before=self.paths).paths
        else:
            self.paths = tuple(ProbePath(*pair) for pair in combinations(sorted(self.chassis), 2))
        self.watch.prober.schedule.steady([(path.a, path.b, path.entropy) for path in self.paths], self.clock)

    def _tick(self) -> None:
        self.raw += TICK + _WORK * self.random.random()
        if self.pauses.hold(self.raw) or (self.noise is not None and self.noise.wake("controller", self.raw) > self.raw):
            return
        held = self.raw - self._last > MOST_OF_A_TICK
        # After a pause it depends which comes first.
        steps_first = held and self.random.random() < 0.5
        if not steps_first:
            self._hear(held)
        self._step()
        if steps_first:
            self._hear(held)
        if self.raw >= self._read_at:
            self._read_at = self.raw + 1.0
            self._read()

    def _step(self) -> None:
        self.clock += min(self.raw - self._last, MOST_OF_A_TICK)
        self._last = self.raw
        with self._spending():
            self.watch.prober.present([n for n, c in self.chassis.items() if c.channel and c.confirmed], self.clock)
            out, faults = self.watch.step(self.clock, self.raw, EPOCH + self.raw, self._scene)
        self.told += faults
        for each in out:
            if isinstance(each, Probe) and not self._has_tunnel(each.sender, each.receiver):
                self.watch.prober.unsent(each)
            else:
                self.send(each, self.raw)

    def _has_tunnel(self, sender: str, receiver: str) -> bool:
        """To a chassis that is not just being told what to do."""
        there = self.chassis.get(receiver)
        joining = there is not None and there.channel and not there.confirmed
        return not joining and there is not None and frozenset((sender, receiver)) not in self.unmade

    def _scene(self) -> Scene:
        hosts = {name: self._host(name, host) for name, host in self.chassis.items()}
        return Scene(hosts, set(self.flows), {vni: f"red/net{vni}" for vni, _, _ in self.flows}, self.altered)

    def _host(self, name: str, host: Chassis) -> Host:
        silent = self.watch.prober.silent(name, self.clock)
        return Host(name, host.channel, host.database, gone=host.gone, silent=silent, carrier=host.carrier)

    def _hear(self, held: bool) -> None:
        """What bridges have said by now; at this moment only if the controller was held up."""
        words, prober = self.heard(self.raw), self.watch.prober
        with self._spending():
            for word in words:
                at = self.raw if held else word.at
                if isinstance(word.what, Ask):
                    prober.answered(word.what.token, self.clock, at)
                else:
                    prober.heard(word.what.token, word.chassis, word.back, self.clock, at, word.whole)

    @contextmanager
    def _spending(self) -> Iterator[None]:
        began = time.process_time()
        yield
        self.spent += time.process_time() - began

    def _go_on(self) -> None:
        """Count what networks sent until now."""
        for (vni, a, b), flow in self.flows.items():
            self._count(vni, a, b, flow, self.raw)

    def _count(self, vni: int, a: str, b: str, flow: Flow, until: float) -> None:
        if not self.chassis[a].forwards:
            flow.at = until
            return
        lost = (
            traffic_lost(self.troubles.get((a, b), ()), vni, flow.full)
            if self.carries(a, b) and (a, b) not in self.astray
            else 1.0
        )
        flow.go_on(until, lost, self.random)

    def _read(self) -> None:
        """The two sides a few milliseconds apart."""
        for key, flow in self.flows.items():
            moments = [self.wake(name, self.raw + _READ_APART * self.random.random()) for name in key[1:]]
            sent_first = moments[0] < moments[1]
            moments.sort()
            self._count(*key, flow, moments[0])
            early = flow.counts()
            self._count(*key, flow, moments[1])
            found = (early[0], flow.counts()[1]) if sent_first else (flow.counts()[0], early[1])
            readable = [host.channel and host.speaks for host in (self.chassis[key[1]], self.chassis[key[2]])]
            self.watch.ledger.take(key, self.clock, *(c if r else None for c, r in zip(found, readable)))


@dataclass(frozen=True, slots=True)
class Cost:
    """Of watching so many chassis with all in order: probes and CPU seconds a second."""

    chassis: int
    paths: int
    probes: float
    cpu: float


def cost(size: int, *, planned: bool, seconds: float = 10.0, warm_up: float = 5.0) -> Cost:
    """What the watch costs the controller, without what it takes to send and to read its messages."""
    fabric = Fabric(size, planned=planned, rate=0)
    fabric.run(warm_up)
    sent, spent, began = fabric.watch.prober.sent, fabric.spent, fabric.raw
    fabric.run(seconds)
    took = fabric.raw - began
    return Cost(size, len(fabric.paths), (fabric.watch.prober.sent - sent) / took, (fabric.spent - spent) / took)
