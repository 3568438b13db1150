"""Figure: short TCP connections from a machine outside to a load balancer's VIP."""

from __future__ import annotations

from tests.acceptance.kernel_nat import NAT_ADDRESS
from tests.bench import short
from tests.bench.effort import Effort
from tests.bench.figures.snat import how
from tests.bench.networks_out import VIP, VIP_PORT
from tests.bench.results import KERNEL, Figure
from tests.bench.serving import servers
from tests.bench.short import Way
from tests.bench.sides import Bench

HOW = """As above, from the server outside to a VIP in the external network, on the router's gateway, with three VMs on two other
chassis as members: {single:,} connections one at a time, and {many:,} with {at_once} at once. OVN's is a load balancer
of the same router. Kernel NAT is nft's `dnat` to three servers on one machine behind it."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network with its way out, and the kernel beside it."""
    bench.way_out()
    ways = [Way(side.title, side.lab.server, VIP, VIP_PORT, side.lab) for side in bench.controlled()]
    ways.append(Way(KERNEL, bench.ours.lab.server, NAT_ADDRESS, VIP_PORT, None))
    with servers(bench):
        rows = short.rows(ways, effort)
    return Figure("vip", "Short TCP connections through a load balancer", how(HOW, effort), rows)
