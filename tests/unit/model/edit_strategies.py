"""Random edits in a world small enough that they meet: two tenants, two switches and two routers each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ryu_overlay.model.edit import delete, put_tenants, upsert
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import parse, to_ref

TENANTS, SWITCHES, ROUTERS = ("a", "b"), ("s", "t"), ("q", "r")
PORTS, ROUTER_PORTS = ("p0", "p1", "p2", "p3"), ("x", "y", "z")
SUBNETS = ("10.0.0.0/29", "10.0.1.0/29", "10.0.0.0/24", "10.0.2.0/31")
PREFIXES = ("0.0.0.0/0", "10.9.0.0/16", "10.0.0.0/24")
HOSTS = tuple(f"10.0.{net}.{host}" for net in (0, 1, 2) for host in (0, 1, 2, 3, 7))
MACS = tuple(f"02:00:00:00:00:0{n}" for n in range(1, 6))


@dataclass(frozen=True)
class Edit:
    """One call of the write side."""

    call: str
    kind: str = "tenant"
    path: str = ""
    body: Any = None
    mode: Any = "put"
    cascade: bool = False

    def apply(self, network: Network) -> Network:
        if self.call == "delete":
            return delete(network, self.kind, to_ref(self.kind, self.path), self.cascade)
        if self.call == "put_tenants":
            return put_tenants(network, [parse("tenant", body) for body in self.body]).network
        return upsert(network, self.kind, to_ref(self.kind, self.path), parse(self.kind, self.body), self.mode).network


def fields(required: Mapping[str, Any], optional: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


def some(items: Any, most: int, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(items), min_size=least, max_size=most, unique=True)


PORT_FIELDS = {
    "mac": st.sampled_from(MACS),
    "addresses": some(HOSTS, 2),
    "port_security": st.booleans(),
    "enabled": st.booleans(),
}
LIKELY_INTERFACES = (*(f"10.0.{net}.{host}/29" for net in (0, 1, 3) for host in (1, 2)), "10.0.2.0/31", "10.0.2.1/31")
INTERFACES = st.one_of(
    some(LIKELY_INTERFACES, 1, least=1),
    some(LIKELY_INTERFACES, 2, least=1),
    some(tuple(f"{host}/{length}" for host in HOSTS for length in (24, 29, 31)), 2, least=1),
)
PEERS = st.one_of(st.none(), st.builds(lambda r, p: f"{r}/{p}", st.sampled_from(ROUTERS), st.sampled_from(ROUTER_PORTS)))
ROUTER_PORT_FIELDS = {
    "mac": st.sampled_from(MACS),
    "switch": st.one_of(st.none(), st.sampled_from(SWITCHES)),
    "peer": PEERS,
}
NEXTHOPS = st.one_of(some(("10.0.2.0", "10.0.2.1", "10.0.0.2", "10.0.1.2"), 1, least=1), some(HOSTS, 2, least=1))


def named(names: Any, required: Mapping[str, Any], optional: Mapping[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A list of bodies, mostly with different names."""
    return st.lists(fields({"name": st.sampled_from(names), **required}, optional), max_size=3, unique_by=lambda b: b["name"])


PORT_LIST = named(PORTS, {}, PORT_FIELDS)
SWITCH_FIELDS = {"subnets": some(SUBNETS, 2), "vni": st.integers(1, 4), "ports": PORT_LIST}
ROUTER_PORT_LIST = named(ROUTER_PORTS, {"addresses": INTERFACES}, ROUTER_PORT_FIELDS)
ROUTE_LIST = st.lists(fields({"prefix": st.sampled_from(PREFIXES), "nexthops": NEXTHOPS}, {}), max_size=2)
ROUTER_FIELDS = {"ports": ROUTER_PORT_LIST, "routes": ROUTE_LIST}
TENANT_FIELDS = {
    "description": st.sampled_from(("", "x")),
    "switches": named(SWITCHES, {}, SWITCH_FIELDS),
    "routers": named(ROUTERS, {}, ROUTER_FIELDS),
}

BODIES: Mapping[str, tuple[tuple[Any, ...], st.SearchStrategy[dict[str, Any]]]] = {
    "tenant": ((TENANTS,), fields({}, TENANT_FIELDS)),
    "switch": ((TENANTS, SWITCHES), fields({}, SWITCH_FIELDS)),
    "port": ((TENANTS, SWITCHES, PORTS), fields({}, PORT_FIELDS)),
    "router": ((TENANTS, ROUTERS), fields({}, ROUTER_FIELDS)),
    "router_port": ((TENANTS, ROUTERS, ROUTER_PORTS), fields({"addresses": INTERFACES}, ROUTER_PORT_FIELDS)),
    "route": ((TENANTS, ROUTERS, PREFIXES), fields({"nexthops": NEXTHOPS}, {})),
}


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Any edit; most make or change something, some take something away."""
    call = draw(st.sampled_from(("upsert",) * 6 + ("delete", "put_tenants")))
    if call == "put_tenants":
        return Edit(call, body=draw(named(TENANTS, {}, TENANT_FIELDS)))
    kind = draw(st.sampled_from(tuple(BODIES)))
    names, body = BODIES[kind]
    path = "/".join(draw(st.sampled_from(choices + choices[:1] * 2)) for choices in names)
    if call == "delete":
        return Edit(call, kind, path, cascade=draw(st.booleans()))
    return Edit(call, kind, path, draw(body), draw(st.sampled_from(("create", "put", "put", "patch"))))


START: tuple[dict[str, Any], ...] = tuple(
    {
        "name": name,
        "switches": [{"name": "s", "subnets": ["10.0.0.0/29"]}, {"name": "t", "subnets": ["10.0.1.0/29"]}],
        "routers": [
            {
                "name": "q",
                "ports": [
                    {"name": "x", "addresses": ["10.0.0.1/29"], "switch": "s"},
                    {"name": "y", "addresses": ["10.0.2.0/31"], "peer": "r/y"},
                ],
                "routes": [{"prefix": "10.9.0.0/16", "nexthops": ["10.0.2.1"]}],
            },
            {"name": "r", "ports": [{"name": "y", "addresses": ["10.0.2.1/31"]}]},
        ],
    }
    for name in TENANTS
)
"""Where most sequences begin, so that edits to what is linked are not rare."""
