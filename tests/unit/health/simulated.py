"""A fabric of chassis for `Watch`, in virtual time: bridges that tell of probes and answer, ways between them that lose, delay and
change packets, counters of what networks send. Steps, clocks and facts are as in `southbound/monitor.py` and `engine/scene.py`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from heapq import heappop, heappush
from itertools import combinations, count, permutations
from random import Random

from ryu_overlay.health.book import Book
from ryu_overlay.health.covering import wider
from ryu_overlay.health.covering import wider
from ryu_overlay.health.evidence import Altered, Host
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.planning import plan
from ryu_overlay.health.prober import Ask, Pair, Probe
from ryu_overlay.health.topology import ProbePath, Topology
from ryu_overlay.health.watch import Scene, Watch
from tests.unit.health.troubles import Chassis, Flow, Noise, Pauses, Trouble, traffic_lost

TICK = 0.02
MOST_OF_A_TICK = 0.06
EPOCH = 1.7e9
_WORK = 0.003
_HOP = 0.0004
_READ_APART = 0.005

Word = tuple[float, int, str, Probe | Ask, bool, bool]
"""When and in which order it is said, the chassis, what of, whether a probe came back, and whether it was whole."""


def warm(size: int, seed: int = 0) -> Fabric:
    """A fabric that has run for a while, as the monitor has it: with chosen paths if it is large."""
    fabric = deepcopy(_warm(size))
    fabric.random.seed(seed)
    fabric.run(fabric.random.random())
    return fabric


@cache
def _warm(size: int) -> Fabric:
    fabric = Fabric(size, planned=size > 5)
    fabric.run(20)
    return fabric


class Fabric:
    """Chassis hv1, hv2, ... with networks, of which each sends `rate` packets a second from each chassis to each other.

    `planned`: only chosen `paths` are tried all the time, else all. `told` is all that was said of faults, `spent` the CPU seconds
    of the watch.
    """

    def __init__(
        self, size: int, seed: int = 0, *, planned: bool = False, rate: float = 200, vnis: Collection[int] = (7, 8)
    ) -> None:
        self.random = Random(seed)
        self.watch = Watch(Book(lambda element: Impact(), wider))
        self.raw = self.clock = 0.0
        self.chassis = {f"hv{i + 1}": Chassis() for i in range(size)}
        self.flows = {(vni, *pair): Flow(rate) for vni in vnis for pair in permutations(self.chassis, 2) if rate}
        self.altered: tuple[Altered, ...] = ()
        self.unmade: set[frozenset[str]] = set()
        self.noise: Noise | None = None
        self.pauses = Pauses()
        self.told: list[Fault] = []
        self.spent = 0.0
        self.paths: tuple[ProbePath, ...] = ()
        self._planned = planned
        self._troubles: dict[Pair, list[Trouble]] = {}
        self._coming: list[Word] = []
        self._kept: list[Word] = []
        self._number = count()
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
            self._troubles.setdefault(pair, []).append(trouble)

    def mend(self) -> None:
        """All is well again."""
        self._go_on()
        self._troubles.clear()
        self.altered = ()
        for name, host in self.chassis.items():
            if not host.forwards:
                for (_, a, b), flow in self.flows.items():
                    if name in (a, b):
                        flow.begin_anew(name == a)
            self.chassis[name] = Chassis()
        for _, *word in self._kept:
            heappush(self._coming, (self.raw, *word))  # type: ignore[arg-type]
        self._kept = []

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
        self.watch.prober.steady([(path.a, path.b, path.entropy) for path in self.paths], self.clock)

    def _tick(self) -> None:
        self.raw += TICK + _WORK * self.random.random()
        if self.pauses.hold(self.raw) or (self.noise is not None and self.noise.wake("controller", self.raw) > self.raw):
            return
        # After a pause it depends which comes first.
        steps_first = self.raw - self._last > MOST_OF_A_TICK and self.random.random() < 0.5
        if not steps_first:
            self._hear()
        self._step()
        if steps_first:
            self._hear()
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
            if isinstance(each, Probe):
                self._send(each)
            else:
                self._say(each.chassis, self._wake(each.chassis, self.raw), each)

    def _scene(self) -> Scene:
        prober, clock = self.watch.prober, self.clock
        hosts = {n: Host(n, c.channel, c.database, c.gone, prober.silent(n, clock), c.carrier) for n, c in self.chassis.items()}
        return Scene(hosts, set(self.flows), {vni: f"red/net{vni}" for vni, _, _ in self.flows}, self.altered)

    def _hear(self) -> None:
        """What bridges have said by now."""
        due = []
        while self._coming and self._coming[0][0] <= self.raw:
            due.append(heappop(self._coming))
        prober, held = self.watch.prober, self.raw - self._last > MOST_OF_A_TICK
        with self._spending():
            for word in due:
                at, _, name, what, back, whole = word
                host = self.chassis.get(name)
                if host is None or not host.channel:
                    continue
                if not host.speaks:
                    self._kept.append(word)
                    continue
                at = self.raw if held else at
                if isinstance(what, Ask):
                    prober.answered(what.token, self.clock, at)
                else:
                    prober.heard(what.token, name, back, self.clock, at, whole)

    @contextmanager
    def _spending(self) -> Iterator[None]:
        began = time.process_time()
        yield
        self.spent += time.process_time() - began

    def _send(self, probe: Probe) -> None:
        a, b = probe.sender, probe.receiver
        if not self._carries(a, b) or not self.chassis[a].speaks or (there := self._cross((a, b), probe)) is None:
            return
        if not self.chassis[b].confirmed:
            return
        at = self._wake(b, self._wake(a, self.raw) + there[0])
        self._say(b, at, probe, whole=there[1])
        if probe.vni is None and (back := self._cross((b, a), probe)) is not None:
            self._say(a, self._wake(a, at + back[0]), probe, back=True, whole=there[1] and back[1])

    def _say(self, name: str, at: float, what: Probe | Ask, *, back: bool = False, whole: bool = True) -> None:
        """A bridge says something. What it says at one moment comes in any order."""
        heappush(self._coming, (at + _HOP * (0.5 + self.random.random()), next(self._number), name, what, back, whole))

    def _carries(self, a: str, b: str) -> bool:
        ends = self.chassis.get(a), self.chassis.get(b)
        return all(end is not None and end.forwards for end in ends) and frozenset((a, b)) not in self.unmade

    def _cross(self, pair: Pair, probe: Probe) -> tuple[float, bool] | None:
        """How long a probe takes, and whether its bytes stay as they are; None: it is lost."""
        took, whole, random = _HOP * (0.5 + self.random.random()), True, self.random
        for each in self._troubles.get(pair, ()):
            if probe.vni in each.vnis or random.random() < max(each.loss, probe.full * each.full_loss):
                return None
            took += each.delay * (0.9 + 0.2 * random.random())
            whole = whole and random.random() >= each.corrupt
        return took, whole

    def _wake(self, name: str, at: float) -> float:
        """When a bridge gets to what comes at this moment."""
        at += self.chassis[name].late
        return at if self.noise is None else self.noise.wake(name, at)

    def _go_on(self) -> None:
        """Count what networks sent until now."""
        for (vni, a, b), flow in self.flows.items():
            self._count(vni, a, b, flow, self.raw)

    def _count(self, vni: int, a: str, b: str, flow: Flow, until: float) -> None:
        if not self.chassis[a].forwards:
            flow.at = until
            return
        lost = traffic_lost(self._troubles.get((a, b), ()), vni, flow.full) if self._carries(a, b) else 1.0
        flow.go_on(until, lost, self.random)

    def _read(self) -> None:
        """The two sides a few milliseconds apart."""
        for key, flow in self.flows.items():
            moments = [self._wake(name, self.raw + _READ_APART * self.random.random()) for name in key[1:]]
            sent_first = moments[0] < moments[1]
            moments.sort()
            self._count(*key, flow, moments[0])
            early = flow.counts()
            self._count(*key, flow, moments[1])
            found = (early[0], flow.counts()[1]) if sent_first else (flow.counts()[0], early[1])
            readable = [host.channel and host.speaks for host in (self.chassis[key[1]], self.chassis[key[2]])]
            self.watch.ledger.take(key, self.clock, *(c if r else None for c, r in zip(found, readable)))
