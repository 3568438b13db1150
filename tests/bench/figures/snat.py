"""Figure: short TCP connections from a VM to a server outside, through source NAT."""

from __future__ import annotations

from mininet_topos.outside import SERVER_ADDRESS
from tests.bench import short
from tests.bench.effort import Effort
from tests.bench.networks import NEAR
from tests.bench.results import KERNEL, Figure
from tests.bench.serving import SERVER_PORT, servers
from tests.bench.short import MANY, Way
from tests.bench.sides import Bench

HOW = """New TCP connections from a VM to a server outside, each to the end of a one-line answer: {single:,} one at a time,
and {many:,} with {at_once} at once, in turns. The gateway is another chassis than the VM's, so the way is VM, tunnel,
gateway, upstream router, server. Kernel NAT is nft's `snat` in a namespace between a machine of its own and the same
server: no hypervisor, no tunnel, one router less. Processor time is of all three ovs-vswitchd, and of the whole machine,
client, server and whatever else runs included: the kernel's NAT shows nowhere else."""


def how(text: str, effort: Effort) -> str:
    return text.format(single=effort.one_at_a_time, many=effort.at_once, at_once=MANY)


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network with its way out, and the kernel beside it."""
    bench.way_out()
    ways = [Way(side.title, bench.guests(side)[NEAR.name], SERVER_ADDRESS, SERVER_PORT, side.lab) for side in bench.controlled()]
    ways.append(Way(KERNEL, bench.kernel.inside, SERVER_ADDRESS, SERVER_PORT, None))
    with servers(bench):
        rows = short.rows(ways, effort)
    return Figure("snat", "Short TCP connections through SNAT", how(HOW, effort), rows)
