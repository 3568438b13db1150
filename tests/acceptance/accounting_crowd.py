"""Many uplinks and ports, and what it costs to read what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.outside import PHYSICAL_NETWORK
from tests.acceptance.outdoors import settle
from tests.acceptance.waiting import until

_EXTERNAL = {
    "name": "internet",
    "physical_network": PHYSICAL_NETWORK,
    "subnet": "203.0.112.0/21",
    "gateway": "203.0.112.1",
    "pools": ["203.0.113.10-203.0.118.250"],
}


@dataclass(frozen=True)
class Cost:
    """So far: rounds of reading, seconds of CPU for them and of the whole controller, and bytes that were read."""

    rounds: float
    cpu: float
    process: float
    bytes: float


def populate(lab: Lab, uplinks: int, ports: int) -> int:
    """Tenants with an uplink each, which hv1 and hv2 carry, and ports that are shared out among them and the hypervisors. Gives
    how many ports are bound."""
    names = [f"p{number}" for number in range(ports)]
    tenants = [_tenant(number, names[number::uplinks]) for number in range(uplinks)]
    answer = lab.rest.put("/v1/network", {"external_networks": [_EXTERNAL], "tenants": tenants})
    assert answer.status in (200, 201), answer.text
    for index, host in enumerate(lab.hypervisors.values()):
        for some in _slices(names[index::3], 50):
            words: list[str] = []
            for name in some:
                words += ["--", "add-port", "br-int", name]
                words += ["--", "set", "Interface", name, "type=internal", f"external_ids:iface-id={name}"]
            host.vsctl(*words[1:])
    until("ports bound", lambda: _bound(lab) == ports, 120)
    settle(lab)
    return _bound(lab)


def _tenant(number: int, names: list[str]) -> dict[str, Any]:
    ports = [{"name": name} for name in names]
    inward = {"name": "lan", "switch": "lan", "addresses": ["10.0.0.1/24"]}
    outward = {"name": "up", "external": "internet", "gateways": ["hv1", "hv2"] if number % 2 else ["hv2", "hv1"]}
    return {
        "name": f"t{number}",
        "switches": [{"name": "lan", "subnets": ["10.0.0.0/24"], "ports": ports}],
        "routers": [{"name": "r1", "ports": [inward, outward], "snats": [{"name": "all", "prefixes": ["10.0.0.0/24"]}]}],
    }


def _slices(names: list[str], length: int) -> list[list[str]]:
    return [names[start : start + length] for start in range(0, len(names), length)]


def _bound(lab: Lab) -> int:
    return sum(chassis["vifs"] for chassis in lab.rest.get("/v1/chassis").json["chassis"])


def cost(lab: Lab) -> Cost:
    """By the controller's own metrics."""
    text = lab.rest.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(("overlay_usage_r", "process_cpu")))
    names = ("overlay_usage_rounds_total", "overlay_usage_read_cpu_seconds_total", "process_cpu_seconds_total")
    return Cost(*(float(values[name]) for name in (*names, "overlay_usage_read_bytes_total")))
