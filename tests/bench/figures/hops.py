"""Figure: routers answering packets whose TTL ends: how fast, and how many a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.bench import remote
from tests.bench.effort import Effort
from tests.bench.networks import FAR, NEAR
from tests.bench.results import Figure, Row
from tests.bench.sides import Bench, Controlled
from tests.bench.stats import Sample

HOW = """Latency: echo requests with TTL 1, one at a time, 5 ms apart, to a VM behind the router. Rate: UDP with TTL 1
from one VM for {seconds:g} s at each of {rates} a second; the kernel of that VM counts the answers. "Without loss" is
the highest of these rates at which at least 999 of 1,000 were answered, "most answers" the most a second at any of
them. Our limits, by default 200 a second and VM, 2,000 a chassis and 10,000 in all, were lifted for this with
`punt-rate-port`, `punt-rate` and `answer-rate`; OVN has none by default."""
_LOSSLESS = 0.999
_ON_TIME = 1.05
_SPARE = 30


@dataclass(frozen=True, slots=True)
class Offer:
    """How long a rate was offered, in seconds, how many packets that made, and how many of them were answered."""

    rate: int
    asked_seconds: float
    seconds: float
    sent: int
    answered: int

    @property
    def lossless(self) -> bool:
        """Whether practically all were answered, and the sender kept up."""
        return self.answered >= _LOSSLESS * self.sent and self.seconds <= _ON_TIME * self.asked_seconds


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network."""
    bench.small_network()
    rates = ", ".join(f"{rate:,}" for rate in effort.rates)
    how = HOW.format(seconds=effort.rate_seconds, rates=rates)
    return Figure("hops", "Routers that answer", how, (_latency_row(bench, effort), *_rate_rows(bench, effort)))


def _latency_row(bench: Bench, effort: Effort) -> Row:
    latencies: dict[str, list[float]] = {side.title: [] for side in bench.controlled()}
    for _ in range(effort.ttl_rounds):
        for side in bench.controlled():
            near = bench.guests(side)[NEAR.name]
            found = remote.run(near, "hop_latency", FAR, effort.ttl_probes, seconds=effort.ttl_probes + _SPARE)
            latencies[side.title] += found["milliseconds"]
    samples = {title: Sample.of(values) for title, values in latencies.items()}
    return Row("latency", "ms", samples, digits=2, percentile=95, paired=False)


def _rate_rows(bench: Bench, effort: Effort) -> Iterator[Row]:
    turns: dict[str, list[list[Offer]]] = {side.title: [] for side in bench.controlled()}
    for _ in range(effort.rate_rounds):
        for side in bench.controlled():
            turns[side.title].append([_offer(bench, side, rate, effort.rate_seconds) for rate in effort.rates])

    def samples(of: Callable[[list[Offer]], float]) -> dict[str, Sample]:
        return {title: Sample.of(of(offers) for offers in each) for title, each in turns.items()}

    yield Row("rate without loss", "/s", samples(_lossless), digits=0)
    yield Row("most answers", "/s", samples(_most), digits=0)
    for index, rate in enumerate(effort.rates):
        yield Row(f"answered of {rate:,} /s", "%", samples(partial(_share, index)), paired=False)


def _lossless(offers: list[Offer]) -> float:
    return max((offer.rate for offer in offers if offer.lossless), default=0)


def _most(offers: list[Offer]) -> float:
    return max(offer.answered / offer.seconds for offer in offers)


def _share(index: int, offers: list[Offer]) -> float:
    return offers[index].answered / offers[index].sent * 100


def _offer(bench: Bench, side: Controlled, rate: int, seconds: float) -> Offer:
    near = bench.guests(side)[NEAR.name]
    found = remote.run(near, "expire", FAR, rate, seconds, seconds=3 * seconds + _SPARE)
    return Offer(rate, seconds, found["seconds"], found["sent"], found["answered"])
