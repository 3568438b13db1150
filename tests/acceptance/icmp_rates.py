"""How many echo requests and packets whose TTL ends the routers of one chassis answer for one VM, how soon, and at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

from mininet_topos.lab import Lab
from tests.acceptance.icmp_load import ECHO, LOUD, OTHER_TENANT, Cost, Kind, costs, first, flood, settle_seconds
from tests.bench import remote
from tests.bench.figures.hops import Offer
from tests.bench.stats import Sample

_A_PROBE_AT_MOST = 0.02
_SPARE = 30


@dataclass(frozen=True, slots=True)
class Offered:
    """A rate that was offered, and what answering cost."""

    offer: Offer
    cost: Cost


@dataclass(frozen=True, slots=True)
class Times:
    """Of probes one at a time: how many were sent, and the milliseconds to the answers."""

    sent: int
    milliseconds: Sample

    @property
    def lost(self) -> int:
        return self.sent - self.milliseconds.n

    @property
    def text(self) -> str:
        p50, p95, p99 = self.percentiles
        return f"{p50:.2f} / {p95:.2f} / {p99:.2f}"

    @property
    def percentiles(self) -> tuple[float, float, float]:
        return self.milliseconds.median, self.milliseconds.percentile(95), self.milliseconds.percentile(99)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was seen while `rate` a second were sent (0: nothing): probes of the VM that sends them, pings of another tenant's
    VM on the same chassis, how many of all that the first sent got no answer, and the cost.
    """

    rate: float
    own: Times
    other: Times
    unanswered: int
    cost: Cost


def offered(lab: Lab, kind: Kind, rate: int, seconds: float) -> Offered:
    """Offer a rate to the end."""
    with costs(lab) as cost, flood(lab.vms[LOUD[0]], kind, rate, seconds) as agent:
        found = agent.result(settle_seconds(seconds))
    offer = Offer(rate, seconds, found["seconds"], found["sent"], found["answered"])
    return Offered(offer, cost.over(offer.seconds))


def without_loss(offers: Iterable[Offered]) -> int:
    """The highest rate of which at least 999 of 1,000 were answered; 0 for none."""
    return max((each.offer.rate for each in offers if each.offer.lossless), default=0)


def calm(lab: Lab, kind: Kind, probes: int) -> Loaded:
    """Probe while nothing else is offered."""
    with costs(lab) as cost:
        own, other = _probe(lab, kind, probes)
    return Loaded(0, own, other, 0, cost)


def loaded(lab: Lab, kind: Kind, rate: int, probes: int, before_guests: bool = False) -> Loaded:
    """Probe while a rate is offered, with what answers before all else if so asked (see `icmp_load.first`). Raises AgentFailed
    if that ended before the probes did.
    """
    longest = _longest(probes) + _SPARE
    with flood(lab.vms[LOUD[0]], kind, rate, longest) as agent:
        with first(lab, agent) if before_guests else nullcontext(), costs(lab) as cost:
            own, other = _probe(lab, kind, probes)
        found = agent.finish(settle_seconds(longest))
    return Loaded(found["sent"] / found["seconds"], own, other, found["sent"] + own.sent - found["answered"], cost)


def _probe(lab: Lab, kind: Kind, probes: int) -> tuple[Times, Times]:
    with ThreadPoolExecutor() as pool:
        own = pool.submit(_timed, lab, LOUD[0], kind.timed_by, kind.target, probes)
        other = pool.submit(_timed, lab, OTHER_TENANT.vm, ECHO.timed_by, OTHER_TENANT.target, probes)
        return own.result(), other.result()


def _longest(probes: int) -> float:
    """Seconds for so many probes, of which few are lost; where many are, there are fewer probes."""
    return probes * _A_PROBE_AT_MOST


def _timed(lab: Lab, vm: str, agent: str, target: str, probes: int) -> Times:
    found = remote.run(lab.vms[vm], agent, target, probes, _longest(probes), seconds=_longest(probes) + _SPARE)
    return Times(found["sent"], Sample.of(found["milliseconds"]))
