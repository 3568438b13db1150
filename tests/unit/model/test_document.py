"""Documents: what they hold, and that putting one back changes nothing."""

from __future__ import annotations

import json
from typing import Any

from ryu_overlay.model.document import to_document
from ryu_overlay.model.edit import put_tenants
from ryu_overlay.model.kinds import COLLECTIONS
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import BLUE, RED, edit, make, parse, the

DOCUMENT: dict[str, Any] = {
    "name": "red",
    "description": "",
    "switches": [
        {
            "name": "web",
            "subnets": ["10.0.1.0/24"],
            "vni": 1,
            "ports": [
                {
                    "name": "web-1",
                    "mac": "02:00:00:00:01:0b",
                    "addresses": ["10.0.1.11"],
                    "port_security": True,
                    "enabled": True,
                }
            ],
        }
    ],
    "routers": [
        {
            "name": "r1",
            "answers": "path",
            "without_path": "silent",
            "ports": [
                {"name": "up", "mac": "02:00:00:00:00:02", "addresses": ["100.64.0.1/30"], "peer": "r2/down"},
                {"name": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.0.1.1/24"], "switch": "web"},
            ],
            "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.2"]}],
            "snats": [],
            "floating_ips": [],
        },
        {
            "name": "r2",
            "answers": "local",
            "without_path": "unreachable",
            "ports": [{"name": "down", "mac": "02:00:00:00:00:03", "addresses": ["100.64.0.2/30"]}],
            "routes": [],
            "snats": [],
            "floating_ips": [],
        },
    ],
    "load_balancers": [],
}


def test_a_document_comes_back_as_it_was_put() -> None:
    net = make(DOCUMENT)
    document = to_document(net, the(net, "tenant", "red"))
    assert document == DOCUMENT
    assert json.loads(json.dumps(document)) == DOCUMENT


def test_each_object_is_its_part_of_the_tenants_document() -> None:
    net = make(DOCUMENT)
    assert to_document(net, the(net, "switch", "red", "web")) == DOCUMENT["switches"][0]
    assert to_document(net, the(net, "port", "red", "web", "web-1")) == DOCUMENT["switches"][0]["ports"][0]
    assert to_document(net, the(net, "router", "red", "r2")) == DOCUMENT["routers"][1]
    assert to_document(net, the(net, "router_port", "red", "r1", "up")) == DOCUMENT["routers"][0]["ports"][0]
    assert to_document(net, the(net, "route", "red", "r1", "0.0.0.0/0")) == DOCUMENT["routers"][0]["routes"][0]


def test_putting_an_objects_document_changes_nothing() -> None:
    net = make(RED, BLUE)
    for kind in ("tenant", *(k for members in COLLECTIONS.values() for k in members.values())):
        for ref, obj in net.tables[kind].items():
            outcome = edit(net, kind, "/".join(ref), to_document(net, obj))
            assert outcome.network is net and not outcome.created
    tenants = [parse("tenant", to_document(net, t)) for t in net.tables["tenant"].values()]
    assert put_tenants(net, tenants).network is net


def test_an_export_makes_the_same_network_elsewhere() -> None:
    net = make(RED, BLUE)
    tenants = [to_document(net, t) for t in net.tables["tenant"].values()]
    elsewhere: Network = make(*tenants)
    assert [to_document(elsewhere, t) for t in elsewhere.tables["tenant"].values()] == tenants
