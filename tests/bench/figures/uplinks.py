"""Figure: many routers with uplinks, source NAT and floating IPs at once, from nothing."""

from __future__ import annotations

from tests.bench.build import Built, build, samples
from tests.bench.effort import Effort
from tests.bench.networks_out import WIDE, uplinks
from tests.bench.results import Figure, Row
from tests.bench.sides import Bench

HOW = """As "From nothing": tenants each with one router, one switch, and an uplink into one external network with SNAT, on two
of the three chassis as gateways; floating IPs dealt out to them, each for a port of its own on one of the three chassis,
which translates it itself. Every interface is there before. Flows may come after confirmation here (OVN's do, once its
chassis have claimed the gateway ports): "the last flow" is when no more came or went for a second, looked at every 0.1 s,
and processor time is until then."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """Leaves the network empty, and the interfaces in place."""
    documents = uplinks(effort.uplinks, effort.floating_ips)
    for side in bench.controlled():
        side.clear()
    bench.stubs(documents)
    built: dict[str, list[Built]] = {side.title: [] for side in bench.controlled()}
    for _ in range(effort.uplink_rounds):
        for side in bench.controlled():
            built[side.title].append(build(side, documents, (WIDE,), strict=False))
    title = f"{effort.uplinks:,} uplinks and {effort.floating_ips:,} floating IPs from nothing"
    return Figure("uplinks", title, HOW, _rows(built))


def _rows(built: dict[str, list[Built]]) -> tuple[Row, ...]:
    return (
        Row("write to all chassis confirmed", "s", samples(built, "seconds"), digits=2),
        Row("write to the last flow", "s", samples(built, "settled"), digits=2),
        Row("processor time", "s", samples(built, "cpu"), digits=2),
        Row("flows a chassis", "", samples(built, "flows"), digits=0),
        Row("memory", "MiB", samples(built, "memory"), digits=0, paired=False),
    )
