"""The case of `icmp_crowd` in rounds, on our lab and on others beside it: figures as text, and what is not as promised."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mininet_topos.lab import Lab
from tests.acceptance.icmp_crowd import Counted, Flooded, Seen, counted, counted_at_last, flooded, watch
from tests.acceptance.icmp_load import WATCHED

UNCHANGED = 2.0
"""Times during a flood may be this many times those before: its packets still cross the switch, and take processor time there."""


@dataclass(frozen=True, slots=True)
class Round:
    """Before and during one flood, and what was counted of it where there is somebody to ask."""

    before: list[Seen]
    during: Flooded
    counted: Counted | None

    def flaws(self, unheard: float = 0.0) -> list[str]:
        """What others lost, and what was not counted. `unheard` is the part of a flood that need not have come to the switch."""
        found = [f"{watched.what}: {flaw}" for watched, seen in zip(WATCHED, self.during.seen) for flaw in seen.flaws(watched)]
        return found + ([] if self.counted is None else _miscounted(self.during, self.counted, unheard))


def run(lab: Lab, loud: Sequence[str], rate: int, traces: int, cycles: int) -> Round:
    """One round."""
    before, has_rest = watch(lab, traces, cycles), bool(lab.net.controllers)
    at_first = counted(lab) if has_rest else None
    during = flooded(lab, loud, rate, traces, cycles)
    return Round(before, during, None if at_first is None else counted_at_last(lab, at_first, during))


def slower(rounds: Sequence[Round]) -> list[float]:
    """By `WATCHED`: the median over rounds of how many times longer mtr's probes took meanwhile."""
    return _slower(rounds, lambda seen: seen.mtr_average)


def traced_slower(rounds: Sequence[Round]) -> list[float]:
    """The same of traceroute's."""
    return _slower(rounds, lambda seen: seen.milliseconds.median)


def table(sides: Mapping[str, Sequence[Round]]) -> str:
    """Medians over rounds; what was lost is added up."""
    lines = [
        "| who | | traceroute, ms before / during | mtr, ms before / during | lost during |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, watched in enumerate(WATCHED):
        for title, rounds in sides.items():
            pairs = [(r.before[number], r.during.seen[number]) for r in rounds]
            lost = sum(during.silent for _, during in pairs)
            asked = sum(during.silent + during.milliseconds.n for _, during in pairs)
            mtr_lost = max(during.mtr_loss for _, during in pairs)
            traced, measured = _both(pairs, lambda s: s.milliseconds.median), _both(pairs, lambda s: s.mtr_average)
            lines.append(f"| {watched.what} | {title} | {traced} | {measured} | {lost} of {asked}, mtr {mtr_lost:g} % |")
    return "\n".join(lines)


def counts(rounds: Sequence[Round]) -> str:
    """What was sent, answered and counted, in words."""
    sent, answered = (
        sum(sum(each.values()) for each in found) for found in zip(*((r.during.sent, r.during.answered) for r in rounds))
    )
    told = [r.counted for r in rounds if r.counted is not None]
    if not told:
        return f"{sent:,} sent, {answered:,} answered, the others not counted"
    exceeded, drops = (sum(sum(each.values()) for each in found) for found in zip(*((c.exceeded, c.drops) for c in told)))
    lost = max(0, sent - answered - exceeded)
    counted = f"{exceeded:,} too many by `overlayctl limits`, {drops:,} by `overlayctl drops`"
    return f"{sent:,} sent, {answered:,} answered, {counted}; {lost:,} never came to the switch"


def rest(rounds: Sequence[Round]) -> str:
    """Milliseconds that REST took during floods: median, slowest."""
    found = [r.during.rest for r in rounds if r.during.rest is not None]
    return f"{statistics.median(each.median for each in found):.1f}, slowest {max(each.high for each in found):.1f}"


def _slower(rounds: Sequence[Round], of: Callable[[Seen], float]) -> list[float]:
    factors = ([of(r.during.seen[n]) / max(of(r.before[n]), 0.1) for r in rounds] for n in range(len(WATCHED)))
    return [statistics.median(each) for each in factors]


def _both(pairs: list[tuple[Seen, Seen]], of: Callable[[Seen], float]) -> str:
    return " / ".join(f"{statistics.median(of(pair[n]) for pair in pairs):.2f}" for n in (0, 1))


def _miscounted(during: Flooded, told: Counted, unheard: float) -> list[str]:
    found = []
    for vm, sent in during.sent.items():
        unanswered = sent - during.answered[vm]
        for what, count in (("limits", told.exceeded[vm]), ("drops", told.drops[vm])):
            if not unanswered - unheard * sent <= count <= unanswered:
                found.append(f"{vm}: {unanswered} of {sent} without an answer, but {what} counts {count}")
        found += [] if unanswered else [f"{vm}: nothing of {sent} was too much"]
    return found + ([f"{told.shared} too many for the chassis or the controller"] if told.shared else [])
