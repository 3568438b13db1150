"""Figure: many ports at once, from nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.cost import cpu_seconds, memory
from tests.bench.effort import Effort
from tests.bench.networks import tenants
from tests.bench.results import Aim, Figure, Row
from tests.bench.sides import Bench, Controlled
from tests.bench.stats import Sample

HOW = """Tenants of ten ports, each a router with two switches on all three chassis, all with the same addresses;
every interface is there before. One write makes everything (`PUT /v1/network?wait=`; one `ovn-nbctl --wait=hv`). That
no flow comes or goes in the second after confirmation is checked. Processor time and memory are of everything that
would not run without the controller: ours is ryu-manager and its database; OVN's is northd, two databases and three
ovn-controllers. Flows are those of br-int on the chassis with most."""
_LARGE = 1000
_SECONDS = 3.5
_FLOWS = 10_000
_QUIET = 1.0


class Unconfirmed(Exception):
    """Flows came or went after every chassis had confirmed."""


@dataclass(frozen=True, slots=True)
class Built:
    """What one build took: seconds, processor seconds, the most flows on a chassis, MiB."""

    seconds: float
    cpu: float
    flows: int
    memory: float


def measure(bench: Bench, effort: Effort) -> Figure:
    """Leaves the network empty, and the interfaces of the largest scale in place."""
    rows: list[Row] = []
    for side in bench.controlled():
        side.clear()
    for ports in effort.scales:
        bench.stubs(ports)
        built: dict[str, list[Built]] = {side.title: [] for side in bench.controlled()}
        for _ in range(effort.scale_rounds):
            for side in bench.controlled():
                built[side.title].append(_build(side, ports))
        rows += _rows(ports, built)
    return Figure("scale", "From nothing", HOW, tuple(rows))


def _build(side: Controlled, ports: int) -> Built:
    documents = tenants(ports)
    processes = side.processes()
    spent, began = cpu_seconds(processes), time.monotonic()
    side.put(documents)
    seconds = time.monotonic() - began
    spent = cpu_seconds(processes) - spent
    flows = _flows(side)
    # Were confirmation given too early, the rest would come within the second.
    time.sleep(_QUIET)
    later = _flows(side)
    if later != flows:
        raise Unconfirmed(f"{side.title}, {ports} ports: {flows} flows when confirmed, {later} after {_QUIET:g} s")
    built = Built(seconds, spent, max(flows), memory(processes))
    side.clear()
    return built


def _flows(side: Controlled) -> list[int]:
    """Flows of br-int, by chassis."""
    hosts = side.lab.hypervisors.values()
    return [int(host.ofctl("dump-aggregate").rpartition("flow_count=")[2]) for host in hosts]


def _rows(ports: int, built: dict[str, list[Built]]) -> list[Row]:
    def sample(field: str) -> dict[str, Sample]:
        return {title: Sample.of(getattr(each, field) for each in builds) for title, builds in built.items()}

    large = ports == _LARGE
    seconds = Aim(f"under {_SECONDS} s", _SECONDS) if large else None
    flows = Aim(f"under {_FLOWS:,}", _FLOWS - 1) if large else None
    return [
        Row(f"{ports:,} ports: write to all chassis confirmed", "s", sample("seconds"), digits=2, aim=seconds),
        Row(f"{ports:,} ports: processor time", "s", sample("cpu"), digits=2),
        Row(f"{ports:,} ports: flows a chassis", "", sample("flows"), digits=0, aim=flows),
        Row(f"{ports:,} ports: memory", "MiB", sample("memory"), digits=0, paired=False),
    ]
