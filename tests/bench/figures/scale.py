"""Figure: many ports at once, from nothing."""

from __future__ import annotations

from tests.bench.build import Built, build, samples
from tests.bench.effort import Effort
from tests.bench.networks import tenants
from tests.bench.results import Aim, Figure, Row
from tests.bench.sides import Bench

HOW = """Tenants of ten ports, each a router with two switches on all three chassis, all with the same addresses; every interface
is there before. One write makes everything (`PUT /v1/network?wait=`; one `ovn-nbctl --wait=hv`). That none of our flows
comes or goes in the second after confirmation is checked; OVN's may, and are waited for. Processor time and memory are
of everything that would not run without the controller: ours is ryu-manager and its database; OVN's is northd, two
databases and three ovn-controllers. Flows are those of br-int on the chassis with most."""
_LARGE = 1000
_SECONDS = 3.5
_FLOWS = 10_000


def measure(bench: Bench, effort: Effort) -> Figure:
    """Leaves the network empty, and the interfaces of the largest scale in place."""
    rows: list[Row] = []
    for side in bench.controlled():
        side.clear()
    for ports in effort.scales:
        documents = tenants(ports)
        bench.stubs(documents)
        built: dict[str, list[Built]] = {side.title: [] for side in bench.controlled()}
        for _ in range(effort.scale_rounds):
            for side in bench.controlled():
                built[side.title].append(build(side, documents, strict=side is bench.ours))
        rows += _rows(ports, built)
    return Figure("scale", "From nothing", HOW, tuple(rows))


def _rows(ports: int, built: dict[str, list[Built]]) -> list[Row]:
    large = ports == _LARGE
    seconds = Aim(f"under {_SECONDS} s", _SECONDS) if large else None
    flows = Aim(f"under {_FLOWS:,}", _FLOWS - 1) if large else None
    return [
        Row(f"{ports:,} ports: write to all chassis confirmed", "s", samples(built, "seconds"), digits=2, aim=seconds),
        Row(f"{ports:,} ports: processor time", "s", samples(built, "cpu"), digits=2),
        Row(f"{ports:,} ports: flows a chassis", "", samples(built, "flows"), digits=0, aim=flows),
        Row(f"{ports:,} ports: memory", "MiB", samples(built, "memory"), digits=0, paired=False),
    ]
