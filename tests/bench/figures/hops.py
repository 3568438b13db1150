"""Figure: routers answering packets whose TTL ends: how fast, and how many a second."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench import remote
from tests.bench.effort import Effort
from tests.bench.networks import FAR, NEAR
from tests.bench.results import Figure, Row
from tests.bench.sides import Bench, Controlled
from tests.bench.stats import Sample

HOW = """Latency: echo requests with TTL 1, one at a time, 5 ms apart, to a VM behind the router. Rate: UDP with TTL 1
from one VM for {seconds:g} s at each of {rates} a second; the kernel of that VM counts the answers. "Without loss" is
the highest of these rates at which at least 999 of 1,000 were answered, "most" the most answers a second at any of
them. Our limit, 2,000 a second and chassis by default, was lifted for this with `punt-rate`; OVN has none by default."""
_LOSSLESS = 0.999
_ON_TIME = 1.05
_SPARE = 30


@dataclass(frozen=True, slots=True)
class Offer:
    """How long a rate was offered, in seconds, and how many were answered. `lossless` also means that the sender kept up."""

    seconds: float
    answered: int
    lossless: bool


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network."""
    bench.small_network()
    sides = bench.controlled()
    latencies: dict[str, list[float]] = {side.title: [] for side in sides}
    for _ in range(effort.ttl_rounds):
        for side in sides:
            latencies[side.title] += _latencies(bench, side, effort.ttl_probes)
    lossless: dict[str, list[float]] = {side.title: [] for side in sides}
    most: dict[str, list[float]] = {side.title: [] for side in sides}
    for _ in range(effort.rate_rounds):
        for side in sides:
            found = {rate: _offer(bench, side, rate, effort.rate_seconds) for rate in effort.rates}
            lossless[side.title].append(max((rate for rate, offer in found.items() if offer.lossless), default=0))
            most[side.title].append(max(offer.answered / offer.seconds for offer in found.values()))
    rows = (
        Row("time exceeded: latency", "ms", _samples(latencies), digits=2, percentile=95, paired=False),
        Row("time exceeded: rate without loss", "/s", _samples(lossless), digits=0),
        Row("time exceeded: most", "/s", _samples(most), digits=0),
    )
    rates = ", ".join(f"{rate:,}" for rate in effort.rates)
    return Figure("hops", "Routers that answer", HOW.format(seconds=effort.rate_seconds, rates=rates), rows)


def _samples(values: dict[str, list[float]]) -> dict[str, Sample]:
    return {title: Sample.of(each) for title, each in values.items()}


def _latencies(bench: Bench, side: Controlled, count: int) -> list[float]:
    near = bench.guests(side)[NEAR.name]
    found: list[float] = remote.run(near, "hop_latency", FAR, count, seconds=count + _SPARE)["milliseconds"]
    return found


def _offer(bench: Bench, side: Controlled, rate: int, seconds: float) -> Offer:
    near = bench.guests(side)[NEAR.name]
    found = remote.run(near, "expire", FAR, rate, seconds, seconds=3 * seconds + _SPARE)
    on_time = found["seconds"] <= seconds * _ON_TIME
    return Offer(found["seconds"], found["answered"], on_time and found["answered"] >= _LOSSLESS * found["sent"])
