"""What steady monitoring costs: measured in labs of a few chassis, planned and simulated for many."""

from __future__ import annotations

import time
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.scenarios import Scenario, write
from ryu_overlay.health.planning import certificate, plan
from ryu_overlay.health.topology import Topology
from tests.acceptance.outdoors import settle


def measured(name: str, chassis: int, seconds: float) -> tuple[float, float]:
    """Probes a second, and the share of a CPU that the controller takes, in a lab with a VM of one switch on each chassis."""
    with Lab(name, hypervisors=chassis) as lab:
        network = _one_switch(chassis)
        write(lab.rest, network)
        for guest in network.guests():
            lab.vm(guest.name, guest.hypervisor, guest.mac, guest.address, guest.gateway)
        settle(lab)
        time.sleep(5.0)
        before, began = _counted(lab), time.monotonic()
        time.sleep(seconds)
        after, took = _counted(lab), time.monotonic() - began
    return tuple((b - a) / took for a, b in zip(before, after))  # type: ignore[return-value]


def planned(chassis: int) -> str:
    """A plan for leaves of 16 and 4 spines, beside the full mesh."""
    racks = {f"hv{n:04}": f"rack{n // 16:02}" for n in range(chassis)}
    topology = Topology.of(racks, spines=4)
    began = time.process_time()
    found = certificate(topology, plan(topology))
    took = time.process_time() - began
    alike = sum(map(len, found.alike))
    told = "each single fault told from every other" if not alike else f"{alike} of {found.parts} elements not told apart"
    size = f"{found.paths} paths ({found.ratio:.2f} a chassis) for {found.parts} elements"
    return f"{size}, {told}; full mesh {found.mesh}; planned in {took:.1f} s"


def _counted(lab: Lab) -> tuple[float, float]:
    lines = dict(line.rsplit(" ", 1) for line in lab.rest.get("/metrics").text.splitlines() if not line.startswith("#"))
    return float(lines["overlay_health_probes_total"]), float(lines["process_cpu_seconds_total"])


def _one_switch(chassis: int) -> Scenario:
    ports: list[dict[str, Any]] = [
        {"name": f"vm{n}", "mac": f"02:00:00:00:05:{n:02x}", "addresses": [f"10.5.0.{n}"]} for n in range(1, chassis + 1)
    ]
    router = {"name": "r1", "ports": [{"name": "lan", "addresses": ["10.5.0.254/24"], "switch": "lan"}]}
    tenant = {"name": "grey", "switches": [{"name": "lan", "subnets": ["10.5.0.0/24"], "ports": ports}], "routers": [router]}
    return Scenario("one-switch", chassis, (tenant,), tuple((f"vm{n}", f"hv{n}") for n in range(1, chassis + 1)))
