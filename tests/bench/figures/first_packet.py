"""Figure: a new port on a small network, from the write to its first packet through a router to another chassis."""

from __future__ import annotations

from tests.bench.effort import Effort
from tests.bench.new_port import command_cost, measure_new_ports, samples
from tests.bench.results import Figure, Row
from tests.bench.sides import Bench

HOW = """The interface, with its `iface-id`, is on the chassis before. A prober in its VM sends an echo request each
millisecond to a VM behind the router on another chassis; the clock runs from the write (`POST ...?wait=`; `ovn-nbctl
--wait=hv lsp-add`) to the first reply, and to the moment every chassis has confirmed. The port is then removed; the
next has another name."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network only; see `one_more` for the same with many ports in place."""
    bench.small_network()
    timings = measure_new_ports(bench, effort.first_packet_rounds)
    rows = (
        Row("write to first packet", "ms", samples(timings, "first_packet"), percentile=99),
        Row("write to all chassis confirmed", "ms", samples(timings, "confirmed"), percentile=99),
    )
    return Figure("first-packet", "A new port's first packet", HOW, rows, cost_of_a_call(bench))


def cost_of_a_call(bench: Bench) -> tuple[str, ...]:
    """The remark that OVN's times hold a command-line call and what one takes; nothing without OVN."""
    cost = command_cost(bench)
    if cost is None:
        return ()
    return (f"OVN's times hold one call of `ovn-nbctl`; one that only reads takes {cost:.1f} ms.",)
