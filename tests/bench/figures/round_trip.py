"""Figure: ping round trips, to the VM's own router port and through it."""

from __future__ import annotations

from mininet_topos.measure import PingResult, ping
from tests.bench.effort import Effort
from tests.bench.networks import FAR, GATEWAY, GUESTS, NEAR
from tests.bench.results import OURS, OVN, PLAIN, Figure, Row
from tests.bench.sides import Bench, Side
from tests.bench.stats import Sample

HOW = """`ping` every 5 ms, in turns; each value is the median of one turn. Plain Open vSwitch has no router: beside
"a VM on another chassis" stands the same distance without routing."""
_INTERVAL = 0.005
_ACROSS = next(guest.ip for guest in GUESTS if guest.name == "across")
_TARGETS = (
    ("own router port", {OURS: GATEWAY, OVN: GATEWAY}),
    ("a VM on another chassis, same switch", {OURS: _ACROSS, OVN: _ACROSS, PLAIN: _ACROSS}),
    ("a VM behind the router on another chassis", {OURS: FAR, OVN: FAR}),
)


class PingsLost(Exception):
    """More than one in a hundred: no round trip to speak of."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network, and plain Open vSwitch beside it."""
    bench.small_network()
    bench.plain_network()
    sides: list[Side] = [*bench.controlled(), bench.plain]
    rows = []
    for what, targets in _TARGETS:
        asked = [side for side in sides if side.title in targets]
        medians: dict[str, list[float]] = {side.title: [] for side in asked}
        for _ in range(effort.ping_rounds):
            for side in asked:
                medians[side.title].append(_median(bench, side, targets[side.title], effort.pings))
        rows.append(Row(what, "ms", {title: Sample.of(values) for title, values in medians.items()}, digits=3))
    return Figure("round-trip", "Round trips", HOW, tuple(rows))


def _median(bench: Bench, side: Side, target: str, count: int) -> float:
    near = bench.guests(side)[NEAR.name]
    result: PingResult = ping(near, target, count=count, interval=_INTERVAL)
    if result.lost > count / 100:
        raise PingsLost(f"{side.title}: {result.lost} of {result.sent} pings to {target}")
    return Sample.of(result.rtts).median
