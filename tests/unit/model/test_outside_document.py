"""Documents of what leads outside: what they hold, and that putting one back changes nothing."""

from __future__ import annotations

import json
from typing import Any

from ryu_overlay.model.document import to_document
from ryu_overlay.model.edit import put_network
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import edit, make, parse, the
from tests.unit.model.outside_bodies import BLUE, INTERNET, RED, world

EXTERNAL: dict[str, Any] = {
    "name": "lan",
    "physical_network": "physnet2",
    "vlan": None,
    "subnet": "192.0.2.0/24",
    "gateway": None,
    "pools": ["192.0.2.5-192.0.2.9", "192.0.2.2-192.0.2.2"],
    "mtu": 9000,
}
ROUTER: dict[str, Any] = {
    "name": "r1",
    "answers": "local",
    "without_path": "unreachable",
    "ports": [
        {
            "name": "up",
            "mac": "02:00:00:00:00:01",
            "addresses": ["192.0.2.3/24"],
            "external": "lan",
            "gateways": ["hv2", "hv1"],
            "preempt": False,
        },
        {"name": "web", "mac": "02:00:00:00:00:02", "addresses": ["10.0.1.1/24"], "switch": "web"},
    ],
    "routes": [],
    "snats": [
        {"name": "a", "prefixes": ["10.0.1.0/25"], "addresses": ["192.0.2.4"], "ports": "20000-20010"},
        {"name": "b", "prefixes": ["10.0.1.128/25"], "addresses": [], "ports": None},
    ],
    "floating_ips": [
        {
            "name": "one",
            "address": "192.0.2.50",
            "mac": "02:00:00:00:00:03",
            "port": "web-1",
            "inside": "10.0.1.9",
            "distributed": False,
        }
    ],
}
BALANCER: dict[str, Any] = {
    "name": "www",
    "vip": "10.0.1.100",
    "port": 80,
    "protocol": "tcp",
    "mac": "02:00:00:00:00:04",
    "router": None,
    "switch": "web",
    "check": "http",
    "path": "/up",
    "interval": 2.5,
    "timeout": 0.5,
    "rise": 3,
    "fall": 4,
    "members": [{"name": "a", "port": "web-1", "number": None, "weight": 7, "drained": True}],
}
TENANT: dict[str, Any] = {
    "name": "green",
    "switches": [
        {"name": "web", "subnets": ["10.0.1.0/24"], "ports": [{"name": "web-1", "addresses": ["10.0.1.9"]}]},
    ],
    "routers": [ROUTER],
    "load_balancers": [BALANCER],
}


def put(base: Network, externals: list[Any], tenants: list[Any]) -> Network:
    return put_network(base, [parse("tenant", t) for t in tenants], [parse("external_network", e) for e in externals]).network


def test_documents_come_back_as_they_were_put() -> None:
    net = put(Network(), [EXTERNAL], [TENANT])
    for wanted, kind, ref in (
        (EXTERNAL, "external_network", ("lan",)),
        (ROUTER, "router", ("green", "r1")),
        (ROUTER["snats"][0], "snat", ("green", "r1", "a")),
        (ROUTER["floating_ips"][0], "floating_ip", ("green", "r1", "one")),
        (BALANCER, "load_balancer", ("green", "www")),
        (BALANCER["members"][0], "member", ("green", "www", "a")),
    ):
        document = to_document(net, the(net, kind, *ref))
        assert document == wanted
        assert json.loads(json.dumps(document)) == wanted
    whole = to_document(net, the(net, "tenant", "green"))
    assert (whole["routers"], whole["load_balancers"]) == ([ROUTER], [BALANCER])


def test_putting_any_objects_document_changes_nothing() -> None:
    net = world()
    for kind, table in net.tables.items():
        for ref, obj in table.items():
            outcome = edit(net, kind, "/".join(ref), to_document(net, obj))
            assert outcome.network is net and not outcome.created


def test_external_networks_and_tenants_are_put_together_or_not_at_all() -> None:
    net = world()
    exported = [[to_document(net, o) for o in net.tables[kind].values()] for kind in ("external_network", "tenant")]
    assert put(net, *exported) is net
    elsewhere = put(Network(), *exported)
    assert [[to_document(elsewhere, o) for o in elsewhere.tables[k].values()] for k in ("external_network", "tenant")] == exported
    more = put(net, [EXTERNAL], [])
    assert set(more.tables["external_network"]) == {("internet",), ("lan",)}, "others stay"
    assert put_network(net, [], [parse("external_network", EXTERNAL)]).created
    assert not put_network(net, [parse("tenant", RED)], [parse("external_network", {"name": "internet", **INTERNET})]).created
    assert make(BLUE, base=net) is net
