"""The networks that are measured, as tenants' documents (docs/rest-and-cli.md), and where their ports are.

Every MAC and address is given, so that each side builds the very same network from one document. Knows no side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

CHASSIS = 3
PREFIX = 24
TENANT = "bench"
FAR = "10.0.2.11"
"""The VM behind the router on another chassis: whom everything here talks to."""
GATEWAY = "10.0.1.1"
NEW_ADDRESS = "10.0.1.200"
NEW_MAC = "02:00:00:01:00:c8"
_PORTS_PER_SWITCH = 5
_SWITCHES = ((1, "a"), (2, "b"))


@dataclass(frozen=True, slots=True)
class Place:
    """A port and the number, 1 to 3, of the chassis its interface is on."""

    port: str
    chassis: int


@dataclass(frozen=True, slots=True)
class Guest:
    """A real VM of the small network."""

    name: str
    chassis: int
    switch: str
    mac: str
    ip: str
    gateway: str


NEAR = Guest("near", 1, "a", "02:00:00:01:00:0b", "10.0.1.11", GATEWAY)
GUESTS = (
    NEAR,
    Guest("beside", 1, "a", "02:00:00:01:00:0c", "10.0.1.12", GATEWAY),
    Guest("across", 2, "a", "02:00:00:01:00:0d", "10.0.1.13", GATEWAY),
    Guest("behind", 2, "b", "02:00:00:02:00:0b", FAR, "10.0.2.1"),
)
"""`beside` shares chassis and switch with `near`; `across` shares the switch; `behind` is elsewhere, behind the router."""


def router_mac(tenant: int, switch: int) -> str:
    return f"02:ff:{tenant >> 8:02x}:{tenant & 255:02x}:{switch:02x}:01"


def small() -> Document:
    """The tenant of the real VMs: a router with switches a and b."""
    return _tenant(TENANT, 0, {s: [port(g.name, g.mac, g.ip) for g in GUESTS if g.switch == s] for _, s in _SWITCHES})


def port(name: str, mac: str, address: str) -> Document:
    return {"name": name, "mac": mac, "addresses": [address]}


def tenants(ports: int) -> list[Document]:
    """`ports` (a multiple of 10, to 2,500) in tenants of ten: each a router with two switches; all with the same addresses."""
    return [_ten(number) for number in range(1, ports // 10 + 1)]


def places(documents: list[Document]) -> Iterator[Place]:
    """Where the ports of `tenants` are: dealt out to the chassis in turn, so that every tenant is on all of them."""
    for document in documents:
        names = [p["name"] for switch in document["switches"] for p in switch["ports"]]
        for index, name in enumerate(names):
            yield Place(name, index % CHASSIS + 1)


def _ten(number: int) -> Document:
    ports = {
        switch: [_numbered(number, switch, index, n) for n in range(1, _PORTS_PER_SWITCH + 1)] for index, switch in _SWITCHES
    }
    return _tenant(f"t{number}", number, ports)


def _numbered(tenant: int, switch: str, index: int, number: int) -> Document:
    mac = f"02:{tenant >> 8:02x}:{tenant & 255:02x}:{index:02x}:01:{10 + number:02x}"
    return port(f"t{tenant}{switch}{number}", mac, f"10.0.{index}.{10 + number}")


def _tenant(name: str, number: int, ports: dict[str, list[Document]]) -> Document:
    """Switch N of the tenant has subnet 10.0.N.0/24, and the router has the first address of each."""
    switches = [{"name": s, "subnets": [f"10.0.{n}.0/{PREFIX}"], "ports": ports[s]} for n, s in _SWITCHES]
    router_ports = [
        {"name": s, "mac": router_mac(number, n), "addresses": [f"10.0.{n}.1/{PREFIX}"], "switch": s} for n, s in _SWITCHES
    ]
    return {"name": name, "switches": switches, "routers": [{"name": "r", "ports": router_ports}]}
