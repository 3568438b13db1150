"""Networks to look at and to test with: tenants' documents (docs/rest-and-cli.md) and where their VMs run.

A scenario is data. `populate` puts one into a lab: the documents by REST, then a VM for each placement with
MAC, address and gateway read back from the documents, so that neither can disagree with the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

from mininet_topos.http import Rest

if TYPE_CHECKING:
    from mininet_topos.lab import Lab

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guest:
    """What a VM needs for its logical port. `address` has its prefix; `gateway` is None on a switch without router."""

    name: str
    hypervisor: str
    mac: str
    address: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Tenants' documents, and for each logical port with a VM the hypervisor it runs on.

    `external_networks` are the operator's, `external` the hypervisors that have to map their physical networks.
    """

    name: str
    hypervisors: int
    tenants: tuple[Document, ...]
    placement: tuple[tuple[str, str], ...]
    external_networks: tuple[Document, ...] = ()
    external: tuple[str, ...] = ()

    @property
    def document(self) -> Document:
        """The body of PUT /v1/network."""
        outside = {"external_networks": list(self.external_networks)} if self.external_networks else {}
        return {**outside, "tenants": list(self.tenants)}

    def guests(self) -> Iterator[Guest]:
        """The VMs, in order of placement. Raises KeyError for a placed port that no tenant has."""
        ports = {
            port["name"]: (tenant, switch, port)
            for tenant in self.tenants
            for switch in tenant["switches"]
            for port in switch["ports"]
        }
        for name, hypervisor in self.placement:
            tenant, switch, port = ports[name]
            prefix = switch["subnets"][0].partition("/")[2]
            yield Guest(name, hypervisor, port["mac"], f"{port['addresses'][0]}/{prefix}", _gateway(tenant, switch["name"]))


def write(rest: Rest, scenario: Scenario) -> None:
    """Give the controller the scenario's documents. Raises RuntimeError when it refuses."""
    answer = rest.put("/v1/network", scenario.document)
    if answer.status not in (200, 201):
        raise RuntimeError(f"scenario {scenario.name} refused: {answer.status} {answer.text}")


def populate(lab: Lab, scenario: Scenario, wait: int = 30) -> None:
    """Write the scenario and make its VMs; returns when every chassis has confirmed, at most `wait` seconds later.

    Raises RuntimeError when the controller refuses or does not converge.
    """
    write(lab.rest, scenario)
    for guest in scenario.guests():
        lab.vm(guest.name, guest.hypervisor, guest.mac, guest.address, guest.gateway)
    settled = lab.rest.get(f"/v1/revision?wait={wait}")
    if settled.status != 200 or not settled.json["converged"]:
        raise RuntimeError(f"scenario {scenario.name} did not converge within {wait} s: {settled.text}")


def _gateway(tenant: Document, switch: str) -> str | None:
    for router in tenant.get("routers", ()):
        for port in router["ports"]:
            if port.get("switch") == switch:
                return str(ip_interface(port["addresses"][0]).ip)
    return None


def _port(name: str, mac_tail: str, address: str) -> Document:
    return {"name": name, "mac": f"02:00:00:{mac_tail}", "addresses": [address]}


def two_tier(tenant: str, number: int) -> Document:
    """A tenant with switches web and db on one router, a VM of each on every chassis: the same addresses whoever the tenant."""
    switches = []
    for index, tier in enumerate(("web", "db"), start=1):
        hosts = (1, 2, 3)
        ports = [_port(f"{tenant}-{tier}-{n}", f"{number:02x}:{index:02x}:{10 + n:02x}", f"10.0.{index}.{10 + n}") for n in hosts]
        switches.append({"name": tier, "subnets": [f"10.0.{index}.0/24"], "ports": ports})
    ports = [
        {"name": tier, "addresses": [f"10.0.{index}.1/24"], "switch": tier} for index, tier in enumerate(("web", "db"), start=1)
    ]
    return {"name": tenant, "switches": switches, "routers": [{"name": "r1", "ports": ports}]}


def chained() -> Document:
    """Tenant green: a - r1 - transit switch - r2 - peer link - r3 - b, with static routes both ways."""
    far_a, far_b = "10.1.1.0/24", "10.1.2.0/24"
    switches = [
        {
            "name": "a",
            "subnets": [far_a],
            "ports": [_port("green-a-1", "03:01:0b", "10.1.1.11"), _port("green-a-2", "03:01:0c", "10.1.1.12")],
        },
        {
            "name": "b",
            "subnets": [far_b],
            "ports": [_port("green-b-1", "03:02:0b", "10.1.2.11"), _port("green-b-2", "03:02:0c", "10.1.2.12")],
        },
        {"name": "transit", "subnets": ["100.64.0.0/24"], "ports": []},
    ]
    r1 = {
        "name": "r1",
        "ports": [
            {"name": "a", "addresses": ["10.1.1.1/24"], "switch": "a"},
            {"name": "transit", "addresses": ["100.64.0.1/24"], "switch": "transit"},
        ],
        "routes": [{"prefix": prefix, "nexthops": ["100.64.0.2"]} for prefix in (far_b, "100.64.1.0/30")],
    }
    r2 = {
        "name": "r2",
        "ports": [
            {"name": "transit", "addresses": ["100.64.0.2/24"], "switch": "transit"},
            {"name": "r3", "addresses": ["100.64.1.1/30"], "peer": "r3/r2"},
        ],
        "routes": [{"prefix": far_a, "nexthops": ["100.64.0.1"]}, {"prefix": far_b, "nexthops": ["100.64.1.2"]}],
    }
    r3 = {
        "name": "r3",
        "ports": [
            {"name": "b", "addresses": ["10.1.2.1/24"], "switch": "b"},
            {"name": "r2", "addresses": ["100.64.1.2/30"], "peer": "r2/r3"},
        ],
        "routes": [{"prefix": prefix, "nexthops": ["100.64.1.1"]} for prefix in (far_a, "100.64.0.0/24")],
    }
    return {"name": "green", "switches": switches, "routers": [r1, r2, r3]}


def spread(tenant: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{tenant}-{tier}-{n}", f"hv{n}") for tier in ("web", "db") for n in (1, 2, 3))


DEMO = Scenario(
    name="demo",
    hypervisors=3,
    tenants=(two_tier("red", 1), two_tier("blue", 2), chained()),
    placement=(
        *spread("red"),
        *spread("blue"),
        ("green-a-1", "hv1"),
        ("green-a-2", "hv3"),
        ("green-b-1", "hv2"),
        ("green-b-2", "hv3"),
    ),
)
"""`red` and `blue` have the same addresses and VMs everywhere; `green` has three routers in a row."""
