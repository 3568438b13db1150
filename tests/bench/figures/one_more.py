"""Figure: one more port with many in place."""

from __future__ import annotations

from tests.bench.effort import Effort
from tests.bench.figures.first_packet import cost_of_a_call
from tests.bench.networks import tenants
from tests.bench.new_port import measure_new_ports, samples
from tests.bench.results import Aim, Figure, Row
from tests.bench.sides import Bench
from tests.bench.stats import Sample

HOW = """As "A new port's first packet", in a tenant of its own beside the network of "From nothing" at its largest.
Processor time is that of making *and* removing the port, all of the controller's processes, mean over all rounds."""
_AIM = 20.0
_MANY = 1000


def measure(bench: Bench, effort: Effort) -> Figure:
    """Leaves the network empty."""
    ports = effort.in_place
    bench.stubs(tenants(ports))
    bench.small_network()
    for side in bench.controlled():
        side.put(tenants(ports))
    timings = measure_new_ports(bench, effort.one_more_rounds)
    for side in bench.controlled():
        side.clear()
    cpu = {title: Sample((each.cpu,)) for title, each in timings.items()}
    aim = Aim(f"under {_AIM:.0f} ms", _AIM) if ports >= _MANY else None
    rows = (
        Row("write to first packet", "ms", samples(timings, "first_packet"), percentile=95, aim=aim),
        Row("write to all chassis confirmed", "ms", samples(timings, "confirmed"), percentile=95, aim=aim),
        Row("processor time a port", "ms", cpu, paired=False),
    )
    return Figure("one-more", f"One more port with {ports:,} in place", HOW, rows, cost_of_a_call(bench))
