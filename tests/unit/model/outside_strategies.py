"""Random edits of what leads outside, in a world small enough that they meet; the rest of each tenant is `edit_strategies`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ryu_overlay.model.network import Network
from tests.unit.model.bodies import edit, make
from tests.unit.model.edit_strategies import (
    LIKELY_INTERFACES,
    MACS,
    PEERS,
    PORT_FIELDS,
    PORTS,
    PREFIXES,
    ROUTER_PORTS,
    ROUTERS,
    SWITCHES,
    TENANTS,
    Edit,
    fields,
    named,
    some,
)

EXTERNALS = ("e", "f")
OUTSIDE = tuple(f"192.0.2.{n}" for n in range(1, 11))
VIPS = (*OUTSIDE, *OUTSIDE, "10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.1.5", "10.7.0.1")
NUMBERS = st.sampled_from((None, 80, 81))


def either(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


EXTERNAL_FIELDS = {
    "vlan": either(None, 1, 2),
    "gateway": either(None, None, "192.0.2.1", "192.0.2.14"),
    "pools": either([], ["192.0.2.2-192.0.2.4"], ["192.0.2.2-192.0.2.2", "192.0.2.5-192.0.2.5"]),
}
SUBNET = either(*["192.0.2.0/28"] * 6, "192.0.2.0/29", "10.0.9.0/28")
UPLINK = {"addresses": either(*([f"{host}/28"] for host in OUTSIDE)), "mac": either(*MACS), "gateways": some(("g", "h"), 2)}
ROUTER_PORT = {
    "addresses": some((*LIKELY_INTERFACES, "192.0.2.3/28"), 1, least=1),
    "switch": either(None, *SWITCHES),
    "peer": PEERS,
    "external": either(None, None, *EXTERNALS),
}
SNAT = {"addresses": some(OUTSIDE, 2), "ports": either(None, "20000-20010")}
PREFIX = some(("10.0.0.0/29", "10.0.1.0/29", "10.0.0.0/30", "10.9.0.0/16", "10.0.2.0/31"), 2, least=1)
FLOATING_IP = {"address": either(*OUTSIDE), "inside": either(None, "10.0.0.2", "10.0.1.2"), "mac": either(*MACS)}
BALANCER = {
    "protocol": either("tcp", "udp"),
    "mac": either(*MACS),
    "members": named(("m", "n"), {"port": either(*PORTS)}, {"number": NUMBERS}),
}
PLACE = either(*({"router": r, "switch": None} for r in ROUTERS), *({"router": None, "switch": s} for s in SWITCHES))

NAMES = ("u", "v")
BODIES: dict[str, tuple[tuple[Any, ...], st.SearchStrategy[dict[str, Any]]]] = {
    "external_network": ((EXTERNALS,), fields({"physical_network": either("p", "q"), "subnet": SUBNET}, EXTERNAL_FIELDS)),
    "router_port": (
        (TENANTS, ROUTERS, ROUTER_PORTS),
        st.one_of(fields({"external": either(*EXTERNALS)}, UPLINK), fields({}, ROUTER_PORT)),
    ),
    "route": ((TENANTS, ROUTERS, PREFIXES), fields({"nexthops": some(("10.0.2.1", "192.0.2.7", "192.0.2.1"), 2, least=1)}, {})),
    "snat": ((TENANTS, ROUTERS, NAMES), fields({"prefixes": PREFIX}, SNAT)),
    "floating_ip": ((TENANTS, ROUTERS, NAMES), fields({"port": either(*PORTS)}, FLOATING_IP)),
    "load_balancer": (
        (TENANTS, NAMES),
        st.builds(lambda a, b: {**a, **b}, fields({"vip": either(*VIPS), "port": either(80, 81)}, BALANCER), PLACE),
    ),
    "member": ((TENANTS, NAMES, ("m", "n")), fields({"port": either(*PORTS)}, {"number": NUMBERS})),
    "port": ((TENANTS, SWITCHES, PORTS), fields({}, PORT_FIELDS)),
    "switch": ((TENANTS, SWITCHES), fields({}, {"subnets": some(("10.0.0.0/29", "10.0.1.0/29", "192.0.2.0/28"), 2)})),
    "router": ((TENANTS, ROUTERS), fields({}, {"ports": either([]), "routes": either([]), "snats": either([])})),
    "tenant": ((TENANTS,), fields({}, {"routers": either([]), "switches": either([]), "load_balancers": either([])})),
}

OFTEN = ("router_port", "snat", "floating_ip", "load_balancer", "member", "port", "switch")


@st.composite
def outside_edits(draw: st.DrawFn) -> Edit:
    """Any edit of what leads outside, or of what it stands on."""
    kind = draw(st.sampled_from((*BODIES, *OFTEN * 3)))
    names, body = BODIES[kind]
    path = "/".join(draw(st.sampled_from(choices + choices[:1] * 2)) for choices in names)
    if draw(st.integers(0, 14)) == 0:
        return Edit("delete", kind, path, cascade=draw(st.booleans()))
    return Edit("upsert", kind, path, draw(body), draw(st.sampled_from(("put", "patch", "patch"))))


def start() -> Network:
    """Where sequences begin: two tenants, each with a router that has an uplink, a link to another, and two ports."""
    ports = [
        {"name": "x", "addresses": ["10.0.0.1/29"], "switch": "s"},
        {"name": "y", "addresses": ["10.0.2.0/31"], "peer": "r/y"},
    ]
    base = edit(Network(), "external_network", "e", {"physical_network": "p", "subnet": "192.0.2.0/28"}).network
    tenants = [
        {
            "name": name,
            "switches": [
                {"name": "s", "subnets": ["10.0.0.0/29"], "ports": [{"name": first, "addresses": ["10.0.0.2"]}]},
                {"name": "t", "subnets": ["10.0.1.0/29"], "ports": [{"name": second, "addresses": ["10.0.1.2"]}]},
            ],
            "routers": [
                {
                    "name": "q",
                    "ports": [*ports, {"name": "z", "external": "e", "addresses": [outside]}],
                    "routes": [{"prefix": "10.9.0.0/16", "nexthops": ["10.0.2.1"]}],
                    "snats": [{"name": "u", "prefixes": ["10.0.0.0/29"]}],
                    "floating_ips": [{"name": "u", "address": floating, "port": first}],
                },
                {"name": "r", "ports": [{"name": "y", "addresses": ["10.0.2.1/31"]}]},
            ],
            "load_balancers": [
                {"name": "u", "vip": vip, "port": 80, "router": "q", "members": [{"name": "m", "port": second}]},
                {"name": "v", "vip": "10.0.1.5", "port": 80, "switch": "t", "members": [{"name": "m", "port": second}]},
            ],
        }
        for name, first, second, outside, floating, vip in (
            ("a", "p0", "p1", "192.0.2.2/28", "192.0.2.4", "192.0.2.2"),
            ("b", "p2", "p3", "192.0.2.3/28", "192.0.2.5", "192.0.2.6"),
        )
    ]
    return make(*tenants, base=base)
