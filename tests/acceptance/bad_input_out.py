"""Requests about the way out that must be refused, on the network WAY_OUT: (what, method, path, body, status, field named)."""

from __future__ import annotations

from mininet_topos.scenarios_out import BLUE_FLOATING, RED_FLOATING, RED_UP, VIP

_R1 = "/tenants/red/routers/r1"
_SNATS, _FLOATING = f"{_R1}/snats", f"{_R1}/floating-ips"
_BALANCERS = "/tenants/red/load-balancers"
_MEMBERS = f"{_BALANCERS}/public/members"
_INNER = "/tenants/green/routers/r2/ports"
_NETS = "/external-networks"
_NET = {"name": "x", "physical_network": "physnet2", "subnet": "192.0.2.0/24"}
_UP = {"name": "up", "external": "internet"}
_WEB = {"name": "x", "router": "r1", "vip": VIP, "port": 81}

BAD_INPUT_OUT: list[tuple[str, str, str, object, int, str]] = [
    ("uplink address outside the subnet", "POST", _INNER, {**_UP, "addresses": ["192.0.2.5/24"]}, 422, "addresses[0]"),
    ("uplink address that is the gateway's", "POST", _INNER, {**_UP, "addresses": ["203.0.113.1/24"]}, 422, "addresses[0]"),
    ("uplink address of another tenant", "POST", _INNER, {**_UP, "addresses": [f"{RED_UP}/24"]}, 409, "addresses[0]"),
    ("uplink into no external network", "POST", _INNER, {"name": "up", "external": "moon"}, 422, "external"),
    ("second uplink of a router", "POST", f"{_R1}/ports", {"name": "up2", "external": "internet"}, 409, "external"),
    ("gateway named twice", "POST", _INNER, {**_UP, "gateways": ["hv1", "hv1"]}, 422, "gateways[1]"),
    (
        "floating IP outside the subnet",
        "POST",
        _FLOATING,
        {"name": "x", "address": "192.0.2.5", "port": "red-web-1"},
        422,
        "address",
    ),
    ("floating IP used twice", "POST", _FLOATING, {"name": "x", "address": RED_FLOATING, "port": "red-web-1"}, 409, "address"),
    (
        "floating IP of another tenant",
        "POST",
        _FLOATING,
        {"name": "x", "address": BLUE_FLOATING, "port": "red-web-1"},
        409,
        "address",
    ),
    ("second floating IP of an address", "POST", _FLOATING, {"name": "x", "port": "red-web-3"}, 409, "port"),
    ("floating IP of no port", "POST", _FLOATING, {"name": "x", "port": "nobody"}, 422, "port"),
    ("NAT prefix that is no inside prefix", "POST", _SNATS, {"name": "x", "prefixes": ["192.168.0.0/24"]}, 422, "prefixes[0]"),
    ("NAT prefix twice", "POST", _SNATS, {"name": "x", "prefixes": ["10.0.1.0/24"]}, 409, "prefixes[0]"),
    (
        "NAT on a router without uplink",
        "POST",
        "/tenants/green/routers/r2/snats",
        {"name": "x", "prefixes": ["10.1.0.0/16"]},
        422,
        "addresses",
    ),
    ("NAT address outside the subnet", "PATCH", f"{_SNATS}/all", {"addresses": ["192.0.2.5"]}, 422, "addresses[0]"),
    ("NAT address that is a floating IP", "PATCH", f"{_SNATS}/all", {"addresses": [RED_FLOATING]}, 409, "addresses[0]"),
    ("NAT ports that end before they begin", "PATCH", f"{_SNATS}/all", {"ports": "20010-20000"}, 422, "ports"),
    ("VIP clash", "POST", _BALANCERS, {**_WEB, "port": 80}, 409, "vip"),
    ("VIP that is a floating IP", "POST", _BALANCERS, {**_WEB, "vip": RED_FLOATING}, 409, "vip"),
    ("VIP that is another tenant's uplink", "POST", _BALANCERS, {**_WEB, "vip": "203.0.113.12"}, 409, "vip"),
    (
        "VIP of a switch outside its subnets",
        "POST",
        _BALANCERS,
        {"name": "x", "switch": "db", "vip": "10.8.0.1", "port": 80},
        422,
        "vip",
    ),
    ("load balancer nowhere", "POST", _BALANCERS, {"name": "x", "vip": VIP, "port": 81}, 422, "router"),
    ("member that is no port", "POST", _MEMBERS, {"name": "x", "port": "nobody"}, 422, "port"),
    ("weight 0", "PATCH", f"{_MEMBERS}/m1", {"weight": 0}, 422, "weight"),
    ("check that takes longer than its interval", "PATCH", f"{_BALANCERS}/public", {"timeout": 5}, 422, "timeout"),
    ("VLAN 4095", "POST", _NETS, {**_NET, "vlan": 4095}, 422, "vlan"),
    ("pool outside the subnet", "POST", _NETS, {**_NET, "pools": ["10.0.0.1-10.0.0.9"]}, 422, "pools[0]"),
    ("gateway outside the subnet", "POST", _NETS, {**_NET, "gateway": "10.0.0.1"}, 422, "gateway"),
    ("physical network and VLAN taken", "POST", _NETS, {**_NET, "physical_network": "physnet1"}, 409, "vlan"),
    ("deleting an external network in use", "DELETE", f"{_NETS}/internet", None, 409, "external_network"),
    ("deleting an uplink with NAT behind it", "DELETE", f"{_R1}/ports/up", None, 409, "port"),
    ("deleting a port that a floating IP needs", "DELETE", "/tenants/red/switches/web/ports/red-web-3", None, 409, "port"),
]
