"""The figures, by name, in the order they are measured: small networks first, then the many ports, which stay behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.bench.effort import Effort
from tests.bench.figures import (
    connections,
    failover,
    first_packet,
    floating,
    hops,
    one_more,
    round_trip,
    scale,
    snat,
    throughput,
    uplinks,
    vip,
)
from tests.bench.results import Figure
from tests.bench.sides import Bench

Measure = Callable[[Bench, Effort], Figure]

FIGURES: Mapping[str, Measure] = {
    "first-packet": first_packet.measure,
    "round-trip": round_trip.measure,
    "hops": hops.measure,
    "throughput": throughput.measure,
    "connections": connections.measure,
    "snat": snat.measure,
    "vip": vip.measure,
    "floating": floating.measure,
    "failover": failover.measure,
    "scale": scale.measure,
    "one-more": one_more.measure,
    "uplinks": uplinks.measure,
}
