"""The case of `icmp_rates` in rounds, on our lab and on others beside it in turns: figures as text, and the aims.

Of several rounds the best counts: other work on the machine can only take away from what is possible. The median stands beside.

Times are taken twice. As things are, generator, switch and controller share the machine's processors, and the slowest answers
waited for one of them. The aim is about what answers: it is held against the times seen where that comes first.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mininet_topos.lab import Lab
from tests.acceptance.icmp_load import ECHO, TTL_EXCEEDED, Cost, Kind
from tests.acceptance.icmp_rates import Loaded, Offered, Times, calm, loaded, offered, without_loss

_KEPT = 0.98


@dataclass(frozen=True, slots=True)
class Aim:
    """Of one kind: what is offered, the rate without loss that is aimed at, and the times at half of it, in ms."""

    kind: Kind
    rates: tuple[int, ...]
    rate: int
    p50: float = 0.9
    p99: float = 2.0

    @property
    def half(self) -> int:
        return self.rate // 2


AIMS = (
    Aim(ECHO, (20_000, 30_000, 40_000, 50_000, 60_000), 50_000),
    Aim(TTL_EXCEEDED, (10_000, 15_000, 20_000, 25_000), 20_000),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one kind: rates offered, then probes without a flood and at half the rate aimed at, as things are and with
    what answers before all else.
    """

    offers: list[Offered]
    calm: Loaded
    half: Loaded
    first: Loaded


@dataclass(frozen=True, slots=True)
class Found:
    """All rounds of one kind on one side."""

    aim: Aim
    rounds: list[Round]

    @property
    def limits(self) -> list[int]:
        """The highest rate without loss of each round."""
        return [without_loss(r.offers) for r in self.rounds]

    @property
    def half(self) -> Loaded:
        """As things are, the round at half the rate whose slow answers came soonest."""
        return _soonest(r.half for r in self.rounds)

    @property
    def first(self) -> Loaded:
        """The same with what answers before all else."""
        return _soonest(r.first for r in self.rounds)

    def short_of(self) -> list[str]:
        """Which aims the best rounds do not reach."""
        p50, _, p99 = self.first.own.percentiles
        name, kept, found = self.aim.kind.name, self.first.rate, []
        if max(self.limits) < self.aim.rate:
            found.append(f"{name}: {max(self.limits):,} a second without loss, not {self.aim.rate:,}")
        if p50 > self.aim.p50 or p99 > self.aim.p99:
            found.append(f"{name}: p50 {p50:.2f}, p99 {p99:.2f} ms at {self.aim.half:,}, not {self.aim.p50} and {self.aim.p99}")
        if kept < _KEPT * self.aim.half:
            found.append(f"{name}: {kept:,.0f} a second were sent, not {self.aim.half:,}")
        return found


def run(sides: Mapping[str, Lab], aim: Aim, rounds: int, seconds: float, probes: int) -> dict[str, Found]:
    """All sides in turns, so that what else the machine does meets them alike."""
    found: dict[str, Found] = {title: Found(aim, []) for title in sides}
    for _ in range(rounds):
        for title, lab in sides.items():
            offers = [offered(lab, aim.kind, rate, seconds) for rate in aim.rates]
            unloaded = calm(lab, aim.kind, probes)
            half, first = (loaded(lab, aim.kind, aim.half, probes, before_guests=first) for first in (False, True))
            found[title].rounds.append(Round(offers, unloaded, half, first))
    return found


def limit(found: Found) -> str:
    """The highest rate without loss, in words."""
    most = max(offer.offer.answered / offer.offer.seconds for r in found.rounds for offer in r.offers)
    limits = found.limits
    rest = f"median {statistics.median(limits):,.0f}; at most {most:,.0f} were answered"
    return f"{max(limits):,} a second, best of {len(limits)} rounds ({rest})"


def table(sides: Mapping[str, Found]) -> str:
    """One column a side."""
    rows: dict[str, list[str]] = {}
    for found in sides.values():
        for what, value in _rows(found):
            rows.setdefault(what, []).append(value)
    head = f"| {next(iter(sides.values())).aim.kind.name} | {' | '.join(sides)} |"
    return "\n".join(
        [head, "| --- |" + " --- |" * len(sides), *(f"| {what} | {' | '.join(row)} |" for what, row in rows.items())]
    )


def _rows(found: Found) -> list[tuple[str, str]]:
    aim = found.aim
    at_half = f"at {aim.half:,} a second"
    rows = [(f"{rate:,} a second: answered", _shares(found, n)) for n, rate in enumerate(aim.rates)]
    costs = [r.offers[aim.rates.index(aim.rate)].cost for r in found.rounds]
    rows += [
        ("ms without a flood: p50 / p95 / p99", _medians([r.calm.own for r in found.rounds])),
        (f"ms {at_half}, best round", found.half.own.text),
        (f"ms {at_half}, medians of rounds", _medians([r.half.own for r in found.rounds])),
        (f"ms {at_half}, what answers first, best round", found.first.own.text),
        (f"ms {at_half}, what answers first, medians of rounds", _medians([r.first.own for r in found.rounds])),
        (
            f"sent a second {at_half}; what answers first",
            f"{_sent(r.half for r in found.rounds)}; {_sent(r.first for r in found.rounds)}",
        ),
        (f"probes lost {at_half}", str(sum(each.own.lost for r in found.rounds for each in (r.half, r.first)))),
        ("another tenant's ping, ms: without a flood", _medians([r.calm.other for r in found.rounds])),
        (f"another tenant's ping, ms: {at_half}", _medians([r.half.other for r in found.rounds])),
        (f"another tenant's ping, ms: {at_half}, what answers first", _medians([r.first.other for r in found.rounds])),
        (f"processors for the answers, and for the switch, {at_half}", _processors([found.half.cost])),
        (f"the same while {aim.rate:,} a second are offered", _processors(costs)),
    ]
    return rows


def _soonest(rounds: Iterable[Loaded]) -> Loaded:
    return min(rounds, key=lambda loaded: loaded.own.percentiles[2])


def _sent(rounds: Iterable[Loaded]) -> str:
    return f"{statistics.median(loaded.rate for loaded in rounds):,.0f}"


def _processors(costs: Sequence[Cost]) -> str:
    answering, switch = (statistics.median(each) for each in ([c.answering for c in costs], [c.switch for c in costs]))
    return f"{answering:.2f}, {switch:.2f}"


def _shares(found: Found, index: int) -> str:
    shares = [r.offers[index].offer.answered / r.offers[index].offer.sent * 100 for r in found.rounds]
    return f"{max(shares):.2f} % (median {statistics.median(shares):.2f})"


def _medians(times: Sequence[Times]) -> str:
    return " / ".join(f"{statistics.median(each):.2f}" for each in zip(*(t.percentiles for t in times)))
