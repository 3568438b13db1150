"""Figure: the active gateway dies; how long no new connection from inside works."""

from __future__ import annotations

import math
from functools import partial

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS
from tests.acceptance.failing_over import Probe, during
from tests.bench.effort import Effort
from tests.bench.networks import NEAR
from tests.bench.networks_out import GATEWAYS
from tests.bench.results import OURS, OVN, Aim, Figure, Row
from tests.bench.serving import SERVER_PORT, servers
from tests.bench.sides import Bench, Controlled
from tests.bench.stats import Sample

HOW = """A VM opens a new TCP connection to a server outside every 20 ms, each given up after 0.5 s; the ovs-vswitchd of its
router's active gateway, on another chassis, is killed with SIGKILL. The outage is the longest time between the beginnings
of two connections in a row that worked, so at least 0.02 s. Two chassis are gateways, by priority; the upstream router is a
plain kernel that learns by ARP and through a learning bridge. Our controller is stopped meanwhile; OVN's processes all run
on, since its ovn-controllers have to act (BFD between them by its defaults)."""
_AIM = 0.5
_WHAT = "SNAT"
_PROBES: dict[str, Probe] = {_WHAT: (NEAR.name, SERVER_ADDRESS, SERVER_PORT, False)}
_PATIENCE = {OURS: 2.0, OVN: 5.0}
"""Seconds after the death: some times what is usual."""


class NoFailover(Exception):
    """Nothing worked again in time, or nothing had worked before."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network with its way out."""
    bench.way_out()
    outages: dict[str, list[float]] = {side.title: [] for side in bench.controlled()}
    with servers(bench):
        for _ in range(effort.failovers):
            for side in bench.controlled():
                outages[side.title].append(_outage(bench, side))
    samples = {title: Sample.of(values) for title, values in outages.items()}
    row = Row("outage of new connections", "s", samples, digits=2, aim=Aim(f"at most {_AIM} s", _AIM))
    return Figure("failover", "A gateway dies", HOW, (row,))


def _outage(bench: Bench, side: Controlled) -> float:
    """Of one death, in seconds; the gateway is back, though perhaps not in charge, when this returns. Raises NoFailover."""
    bench.settled(side)
    gateway = side.lab.hypervisors[GATEWAYS[0]]
    patience = _PATIENCE[side.title]
    side.leave_alone()
    try:
        seconds = during(side.lab, partial(_kill, gateway), _PROBES, patience)[_WHAT]
    finally:
        gateway.start_vswitchd()
        side.come_back()
    if not math.isfinite(seconds):
        raise NoFailover(f"{side.title}: no new connection within {patience:g} s")
    return seconds


def _kill(gateway: Hypervisor, _lab: Lab) -> None:
    gateway.kill_vswitchd()
