"""A valid network with everything on its way out: two tenants with the same addresses inside, in one external network."""

from __future__ import annotations

from typing import Any

from ryu_overlay.model.network import Network
from tests.unit.model.bodies import Body, edit, make

INTERNET: Body = {
    "physical_network": "physnet1",
    "vlan": 100,
    "subnet": "203.0.113.0/24",
    "gateway": "203.0.113.1",
    "pools": ["203.0.113.50-203.0.113.99", "203.0.113.120-203.0.113.120"],
}


def tenant(name: str, nth: int, snat: Body) -> dict[str, Any]:
    """A web switch at router r1, which has the uplink, and behind r2 a database switch; its external addresses end in `nth`."""
    uplink = {"name": "up", "addresses": [f"203.0.113.1{nth}/24"], "external": "internet", "gateways": ["hv1", "hv2"]}
    check = {"check": "http", "path": "/health?deep=1", "interval": 1.5, "timeout": 0.5}
    return {
        "name": name,
        "switches": [
            {
                "name": "web",
                "subnets": ["10.0.1.0/24"],
                "ports": [{"name": f"{name}-{n}", "addresses": [f"10.0.1.1{n}"]} for n in (1, 2)],
            },
            {"name": "db", "subnets": ["10.0.2.0/24"], "ports": [{"name": f"{name}-db", "addresses": ["10.0.2.11"]}]},
            {"name": "bare", "ports": [{"name": f"{name}-bare"}]},
        ],
        "routers": [
            {
                "name": "r1",
                "ports": [
                    uplink,
                    {"name": "web", "addresses": ["10.0.1.1/24"], "switch": "web"},
                    {"name": "link", "addresses": ["100.64.0.1/29"], "peer": "r2/link"},
                ],
                "routes": [{"prefix": "10.0.2.0/24", "nexthops": ["100.64.0.2"]}],
                "snats": [{"name": "all", "prefixes": ["10.0.1.0/24", "10.0.2.0/24"], **snat}],
                "floating_ips": [
                    {"name": "web", "address": f"203.0.113.10{nth}", "port": f"{name}-1"},
                    {"name": "db", "address": f"203.0.113.11{nth}", "port": f"{name}-db", "inside": "10.0.2.11"},
                ],
            },
            {
                "name": "r2",
                "ports": [
                    {"name": "link", "addresses": ["100.64.0.2/29"]},
                    {"name": "db", "addresses": ["10.0.2.1/24"], "switch": "db"},
                ],
                "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.1"]}],
            },
        ],
        "load_balancers": [
            {
                "name": "web",
                "vip": f"203.0.113.2{nth}",
                "port": 80,
                "router": "r1",
                **check,
                "members": [{"name": "a", "port": f"{name}-1", "number": 8080}, {"name": "b", "port": f"{name}-2", "weight": 3}],
            },
            {
                "name": "dns",
                "vip": "10.0.2.53",
                "port": 53,
                "protocol": "udp",
                "switch": "db",
                "check": "tcp",
                "members": [{"name": "a", "port": f"{name}-db", "drained": True}],
            },
            {"name": "secret", "vip": "192.0.2.1", "port": 443, "router": "r2", "members": []},
        ],
    }


RED = tenant("red", 1, {})
BLUE = tenant("blue", 2, {"addresses": ["203.0.113.12", "203.0.113.32"], "ports": "20000-20010"})


def world() -> Network:
    return make(RED, BLUE, base=edit(Network(), "external_network", "internet", INTERNET).network)
