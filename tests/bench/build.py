"""Everything at once, from nothing: one write, timed until every chassis has confirmed, and what it cost."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.cost import cpu_seconds, memory
from tests.bench.networks import Document
from tests.bench.sides import Controlled
from tests.bench.stats import Sample

_QUIET = 1.0
_POLL = 0.1
_PATIENCE = 60.0


class Unconfirmed(Exception):
    """Flows came or went after every chassis had confirmed; or they did not come to rest within a minute."""


@dataclass(frozen=True, slots=True)
class Built:
    """What one build took: seconds until confirmed and until the last flow had come, processor seconds until then, the most
    flows on a chassis, MiB.
    """

    seconds: float
    settled: float
    cpu: float
    flows: int
    memory: float


def build(side: Controlled, documents: list[Document], externals: tuple[Document, ...] = (), strict: bool = True) -> Built:
    """Make all that, and take it away again. Raises Unconfirmed; with `strict` also for flows that came after confirmation."""
    processes = side.processes()
    spent, began = cpu_seconds(processes), time.monotonic()
    side.put(documents, externals)
    seconds = settled = time.monotonic() - began
    cpu = cpu_seconds(processes) - spent
    flows = _flows(side)
    # Were confirmation given too early, the rest would come within the second.
    while (now := time.monotonic() - began) - settled < _QUIET:
        time.sleep(_POLL)
        later = _flows(side)
        if later != flows:
            if strict or now > _PATIENCE:
                raise Unconfirmed(
                    f"{side.title}, {len(documents)} tenants: {flows} flows, {later} after {now - seconds:.1f} s more"
                )
            flows, settled, cpu = later, now, cpu_seconds(processes) - spent
    built = Built(seconds, settled, cpu, max(flows), memory(processes))
    side.clear()
    return built


def samples(built: dict[str, list[Built]], what: str) -> dict[str, Sample]:
    """One of the fields of Built, by side."""
    return {title: Sample.of(getattr(each, what) for each in builds) for title, builds in built.items()}


def _flows(side: Controlled) -> list[int]:
    """Flows of br-int, by chassis."""
    hosts = side.lab.hypervisors.values()
    return [int(host.ofctl("dump-aggregate").rpartition("flow_count=")[2]) for host in hosts]
