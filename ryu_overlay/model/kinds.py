"""What each kind of object has, as an edit sees it: names, parents, fields with their defaults, collections.

Declared once, so that the code that lays a body over a network has no case per kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ryu_overlay.model.objects import KINDS, Ref

UNASSIGNED_VNI = 0
UNASSIGNED_ZONE = 0
UNASSIGNED_ACCOUNT = 0
UNASSIGNED_MAC = ""
"""What stands in a draft between an object's making and the assignment of what its body left open."""

CLASSES: Mapping[str, Any] = {c.kind: c for c in KINDS}  # type: ignore[attr-defined]

PARENTS: Mapping[str, str] = {
    "switch": "tenant",
    "port": "switch",
    "router": "tenant",
    "router_port": "router",
    "route": "router",
    "snat": "router",
    "floating_ip": "router",
    "load_balancer": "tenant",
    "member": "load_balancer",
}
"""The kind of object that a kind's objects stand under; its ref is theirs without the last name."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "tenant": ("name",),
    "switch": ("tenant", "name"),
    "port": ("tenant", "switch", "name"),
    "router": ("tenant", "name"),
    "router_port": ("tenant", "router", "name"),
    "route": ("tenant", "router", "prefix"),
    "external_network": ("name",),
    "snat": ("tenant", "router", "name"),
    "floating_ip": ("tenant", "router", "name"),
    "load_balancer": ("tenant", "name"),
    "member": ("tenant", "load_balancer", "name"),
}
"""The fields that a kind's ref is made of."""

PARAMETERS: Mapping[str, str] = {
    "tenant": "tenant",
    "switch": "switch",
    "port": "port",
    "router": "router",
    "router_port": "port",
    "route": "prefix",
    "external_network": "external_network",
    "snat": "snat",
    "floating_ip": "floating_ip",
    "load_balancer": "load_balancer",
    "member": "member",
}
"""What the last part of a kind's path is called, for problems that are not in the body."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "tenant": {"description": ""},
    "switch": {"subnets": ()},
    "port": {"port_security": True, "enabled": True},
    "router": {"answers": "local", "without_path": "unreachable"},
    "router_port": {"switch": None, "peer": None, "external": None, "gateways": (), "preempt": True},
    "route": {"nexthops": ()},
    "external_network": {"physical_network": "", "subnet": None, "vlan": None, "gateway": None, "pools": (), "mtu": 1500},
    "snat": {"prefixes": (), "addresses": (), "ports": None},
    "floating_ip": {"port": "", "inside": None, "distributed": True},
    "load_balancer": {
        "vip": None,
        "port": 0,
        "protocol": "tcp",
        "router": None,
        "switch": None,
        "check": "none",
        "path": "/",
        "interval": 2.0,
        "timeout": 1.0,
        "rise": 2,
        "fall": 3,
    },
    "member": {"port": "", "number": None, "weight": 1, "drained": False},
}
"""What a field is when a PUT leaves it out. An empty `addresses` or `nexthops` is refused later, by validation."""

ASSIGNED: Mapping[str, Mapping[str, Any]] = {
    "switch": {"vni": UNASSIGNED_VNI},
    "port": {"mac": UNASSIGNED_MAC, "addresses": ()},
    "router_port": {"mac": UNASSIGNED_MAC, "addresses": ()},
    "floating_ip": {"address": None, "mac": UNASSIGNED_MAC},
    "load_balancer": {"mac": UNASSIGNED_MAC},
}
"""Fields that stay when a PUT leaves them out, and what they are until they are assigned."""

COLLECTIONS: Mapping[str, Mapping[str, str]] = {
    "tenant": {"switches": "switch", "routers": "router", "load_balancers": "load_balancer"},
    "switch": {"ports": "port"},
    "router": {"ports": "router_port", "routes": "route", "snats": "snat", "floating_ips": "floating_ip"},
    "load_balancer": {"members": "member"},
}
"""The collections inside a kind's document, and the kind of their members."""


def ancestors(kind: str, ref: Ref) -> list[tuple[str, Ref]]:
    """(kind, ref) of everything an object stands under, the tenant first."""
    above: list[tuple[str, Ref]] = []
    while kind in PARENTS:
        kind, ref = PARENTS[kind], ref[:-1]
        above.insert(0, (kind, ref))
    return above
