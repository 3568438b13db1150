"""Every rule about external networks, uplinks into them, and whose addresses and MACs are whose there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.validate import validate_all
from tests.unit.model.bodies import by_field, edit, refused, the
from tests.unit.model.outside_bodies import INTERNET, RED, tenant, world

NO_NAME = "a name is 1 to 63 characters of A-Z a-z 0-9 . _ - and starts with a letter or digit"


@pytest.fixture(scope="module")
def net() -> Network:
    return world()


def test_a_network_with_everything_is_valid(net: Network) -> None:
    assert validate_all(net) == ()
    assert {view.router.ref for view in net.external_views["internet",].routers} == {("red", "r1"), ("blue", "r1")}
    assert edit(net, "tenant", "red", RED).network is net


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"physical_network": ""}, "physical_network", NO_NAME),
        ({"physical_network": "a b"}, "physical_network", NO_NAME),
        ({"vlan": 0}, "vlan", "0 is not between 1 and 4094"),
        ({"vlan": 4095}, "vlan", "4095 is not between 1 and 4094"),
        ({"mtu": 575}, "mtu", "575 is not between 576 and 65535"),
        ({"mtu": 65536}, "mtu", "65536 is not between 576 and 65535"),
        ({"subnet": "10.0.0.0/32"}, "subnet", "10.0.0.0/32 has a prefix length that is not between 1 and 31"),
        ({"subnet": "224.0.0.0/8"}, "subnet", "224.0.0.0/8 is a multicast address"),
        ({"gateway": "198.51.101.1"}, "gateway", "198.51.101.1 is not in 198.51.100.0/24"),
        ({"gateway": "198.51.100.0"}, "gateway", "198.51.100.0 is the network address of 198.51.100.0/24"),
        ({"gateway": "198.51.100.255"}, "gateway", "198.51.100.255 is the broadcast address of 198.51.100.0/24"),
        ({"pools": ["198.51.100.9-198.51.100.8"]}, "pools[0]", "198.51.100.9-198.51.100.8 ends before it begins"),
        ({"pools": ["198.51.100.9-198.51.101.9"]}, "pools[0]", "198.51.100.9-198.51.101.9 is not inside 198.51.100.0/24"),
        (
            {"pools": ["198.51.100.0-198.51.100.9"]},
            "pools[0]",
            "198.51.100.0-198.51.100.9: 198.51.100.0 is the network address of 198.51.100.0/24",
        ),
        (
            {"gateway": "198.51.100.9", "pools": ["198.51.100.9-198.51.100.10"]},
            "pools[0]",
            "198.51.100.9-198.51.100.10 holds 198.51.100.9, the gateway",
        ),
        (
            {"pools": ["198.51.100.5-198.51.100.9", "198.51.100.9-198.51.100.10"]},
            "pools[1]",
            "198.51.100.9-198.51.100.10 overlaps 198.51.100.5-198.51.100.9",
        ),
        (
            {"pools": [f"198.51.100.{n}-198.51.100.{n}" for n in range(1, 18)]},
            "pools[16]",
            "an external network has at most 16 pools",
        ),
    ],
)
def test_external_networks(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    given = {"physical_network": "physnet2", "subnet": "198.51.100.0/24", **body}
    assert refused(net, "external_network", "dmz", given) == ("invalid", {field: reason})


def test_an_external_network_needs_a_subnet_and_a_name(net: Network) -> None:
    assert refused(net, "external_network", "dmz", {"physical_network": "x"}) == ("invalid", {"subnet": "is required"})
    given = {"physical_network": "x", "subnet": "198.51.100.0/24"}
    assert refused(net, "external_network", "-dmz", given) == ("invalid", {"name": NO_NAME})


@pytest.mark.parametrize(
    "body",
    [
        {"subnet": "198.51.100.0/31", "gateway": "198.51.100.0", "pools": ["198.51.100.1-198.51.100.1"]},
        {"subnet": "10.0.1.0/24"},
        {"subnet": "203.0.113.0/24", "vlan": 4094, "mtu": 576},
    ],
)
def test_good_external_networks(net: Network, body: dict[str, Any]) -> None:
    assert edit(net, "external_network", "dmz", {"physical_network": "physnet1", **body}).created


def test_no_two_external_networks_are_the_same_frames(net: Network) -> None:
    reason = "VLAN 100 of physical network physnet1 is already external network internet's"
    body: dict[str, Any] = {"physical_network": "physnet1", "subnet": "198.51.100.0/24", "vlan": 100}
    assert refused(net, "external_network", "dmz", body) == ("conflict", {"vlan": reason})
    apart = edit(net, "external_network", "dmz", {**body, "physical_network": "physnet2"}).network
    changed: dict[str, Any] = {"physical_network": "physnet1"}
    assert refused(apart, "external_network", "dmz", changed, "patch") == ("conflict", {"physical_network": reason})
    untagged = edit(apart, "external_network", "dmz", {"vlan": None}, "patch").network
    changed = {**body, "physical_network": "physnet2", "vlan": None}
    reason = "untagged frames of physical network physnet2 are already external network dmz's"
    assert refused(untagged, "external_network", "lab", changed) == ("conflict", {"vlan": reason})


def test_a_change_of_an_external_network_keeps_what_is_in_use_right(net: Network) -> None:
    status, problems = refused(net, "external_network", "internet", {"gateway": "203.0.113.11"}, "patch")
    assert (status, problems) == (
        "conflict",
        {"gateway": "router port r1/up: 203.0.113.11 is the gateway of external network internet"},
    )
    status, problems = refused(net, "external_network", "internet", {"gateway": "203.0.113.101"}, "patch")
    assert problems == {"gateway": "floating IP r1/web: 203.0.113.101 is the gateway of external network internet"}
    status, problems = refused(net, "external_network", "internet", {"gateway": "203.0.113.32"}, "patch")
    assert problems == {"gateway": "snat r1/all: 203.0.113.32 is the gateway of external network internet"}
    status, problems = refused(net, "external_network", "internet", {"gateway": "203.0.113.21"}, "patch")
    assert problems == {"gateway": "load balancer web: 203.0.113.21 is the gateway of external network internet"}
    status, problems = refused(net, "external_network", "internet", {"subnet": "203.0.113.0/25"}, "patch")
    assert status == "conflict" and "router port r1/up: 203.0.113.11/24 has another prefix length than" in problems["subnet"]
    moved: dict[str, Any] = {"subnet": "198.51.100.0/24", "gateway": None, "pools": []}
    status, problems = refused(net, "external_network", "internet", moved, "patch")
    assert set(problems) == {"subnet"}
    for reason in (
        "router port r1/up: 203.0.113.11 is not in 198.51.100.0/24 of external network internet",
        "floating IP r1/web: 203.0.113.101 is not in 198.51.100.0/24 of external network internet",
        "snat r1/all: 203.0.113.32 is not in 198.51.100.0/24 of external network internet",
    ):
        assert reason in problems["subnet"]
    assert edit(net, "external_network", "internet", {"gateway": None, "pools": [], "mtu": 9000}, "patch").network is not net


def refused_uplink(net: Network, body: dict[str, Any], path: str = "red/r2/up") -> tuple[str, dict[str, str]]:
    return refused(net, "router_port", path, {"external": "internet", **body})


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"external": "none"}, "external", "there is no external network none"),
        ({"addresses": []}, "addresses", "an uplink needs one address in 203.0.113.0/24"),
        ({"addresses": ["203.0.113.40/24", "10.7.0.1/24"]}, "addresses[1]", "an uplink has exactly one address"),
        (
            {"addresses": ["198.51.100.9/24"]},
            "addresses[0]",
            "198.51.100.9 is not in 203.0.113.0/24 of external network internet",
        ),
        (
            {"addresses": ["203.0.113.40/25"]},
            "addresses[0]",
            "203.0.113.40/25 has another prefix length than 203.0.113.0/24 of external network internet",
        ),
        ({"addresses": ["203.0.113.1/24"]}, "addresses[0]", "203.0.113.1 is the gateway of external network internet"),
        ({"gateways": ["hv1", "h v"]}, "gateways[1]", NO_NAME),
        ({"gateways": ["hv1", "hv2", "hv1"]}, "gateways[2]", "hv1 is given twice"),
        ({"gateways": [f"hv{n}" for n in range(9)]}, "gateways[8]", "an uplink has at most 8 gateways"),
    ],
)
def test_uplinks(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    assert refused_uplink(net, body) == ("invalid", {field: reason})


def test_a_good_uplink_may_leave_everything_open(net: Network) -> None:
    after = edit(net, "router_port", "red/r2/up", {"external": "internet"}).network
    assert str(the(after, "router_port", "red", "r2", "up").addresses[0]) == "203.0.113.50/24"
    assert validate_all(after) == ()


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (
            {"switch": "web"},
            "switch",
            "a router port is attached to a switch (web) or to an external network (internet), not both",
        ),
        (
            {"peer": "r1/link"},
            "peer",
            "a router port is attached to a peer (r1/link) or to an external network (internet), not both",
        ),
    ],
)
def test_an_uplink_is_attached_to_nothing_else(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    _, problems = refused_uplink(net, {"addresses": ["203.0.113.40/24"], **body})
    assert problems[field].split(" | ")[0] == reason


def test_what_becomes_an_uplink_is_to_blame(net: Network) -> None:
    _, problems = refused(net, "router_port", "red/r1/web", {"external": "internet"}, "patch")
    assert problems["external"].startswith("a router port is attached to a switch (web) or")
    status, problems = refused(net, "router_port", "red/r2/link", {"external": "internet"}, "patch")
    assert "router port r1/link: router port r2/link is an uplink into external network internet" in problems["external"]
    assert status == "invalid"


def test_one_uplink_a_router(net: Network) -> None:
    status, problems = refused_uplink(net, {"addresses": ["203.0.113.40/24"]}, "red/r1/up2")
    assert status == "conflict" and problems["external"] == "router r1 has an uplink already, up"
    ports = [{"name": n, "external": "internet"} for n in ("a", "b")]
    status, problems = refused(net, "router", "red/r9", {"ports": ports})
    assert status == "invalid" and problems["ports[1].external"] == "router r9 has an uplink already, a"


def test_gateways_and_preemption_are_an_uplinks(net: Network) -> None:
    body = {"addresses": ["10.7.0.1/24"], "gateways": ["hv1"], "preempt": False}
    assert refused(net, "router_port", "red/r2/new", body) == (
        "invalid",
        {
            "gateways": "only an uplink has gateways, and no external network is given",
            "preempt": "only an uplink can do without preemption, and no external network is given",
        },
    )
    alone = edit(net, "router", "red/r9", {"ports": [{"name": "up", "external": "internet", "gateways": ["hv1"]}]}).network
    _, problems = refused(alone, "router_port", "red/r9/up", {"external": None}, "patch")
    assert problems == {"external": "only an uplink has gateways, and no external network is given"}
    assert edit(alone, "router_port", "red/r9/up", {"external": None, "gateways": []}, "patch").network is not alone


@pytest.mark.parametrize(
    ("address", "holder"),
    [
        ("203.0.113.11", "router port red/r1/up"),
        ("203.0.113.12", "router port blue/r1/up"),
        ("203.0.113.102", "floating IP blue/r1/web"),
        ("203.0.113.32", "snat blue/r1/all"),
        ("203.0.113.22", "load balancer blue/web"),
    ],
)
def test_an_address_outside_is_one_routers_in_all_tenants(net: Network, address: str, holder: str) -> None:
    reason = f"{address} is already {holder}'s"
    assert refused_uplink(net, {"addresses": [f"{address}/24"]}) == ("conflict", {"addresses[0]": reason})
    given: dict[str, tuple[str, dict[str, Any], str]] = {
        "floating_ip": ("red/r1/new", {"address": address, "port": "red-2"}, "address"),
        "snat": ("red/r1/new", {"prefixes": ["100.64.0.0/29"], "addresses": [address]}, "addresses[0]"),
        "load_balancer": ("red/new", {"vip": address, "port": 8443, "router": "r1"}, "vip"),
    }
    for kind, (path, body, field) in given.items():
        if kind != "floating_ip" and holder.split()[-1].startswith("red/r1"):
            assert edit(net, kind, path, body).created
        else:
            assert refused(net, kind, path, body) == ("conflict", {field: reason})


def test_a_floating_ip_shares_its_address_with_nothing_of_its_own_router(net: Network) -> None:
    reason = "203.0.113.101 is already floating IP red/r1/web's"
    body: dict[str, Any] = {"prefixes": ["100.64.0.0/29"], "addresses": ["203.0.113.40", "203.0.113.101"]}
    assert refused(net, "snat", "red/r1/new", body) == ("conflict", {"addresses[1]": reason})
    body = {"vip": "203.0.113.101", "port": 80, "router": "r1"}
    assert refused(net, "load_balancer", "red/new", body) == ("conflict", {"vip": reason})
    body = {"address": "203.0.113.101", "port": "red-2"}
    assert refused(net, "floating_ip", "red/r1/new", body) == ("conflict", {"address": reason})
    changed = {"address": "203.0.113.21"}
    assert refused(net, "floating_ip", "red/r1/web", changed, "patch") == (
        "conflict",
        {"address": "203.0.113.21 is already load balancer red/web's"},
    )


def test_two_tenants_of_one_body_with_one_address(net: Network) -> None:
    empty = edit(Network(), "external_network", "internet", INTERNET).network
    green = tenant("green", 1, {})
    alone = edit(empty, "tenant", "red", RED).network
    status, problems = refused(alone, "tenant", "green", green)
    assert status == "conflict"
    assert problems == {
        "routers[0].ports[0].addresses[0]": "203.0.113.11 is already router port red/r1/up's",
        "routers[0].floating_ips[0].address": "203.0.113.101 is already floating IP red/r1/web's",
        "routers[0].floating_ips[1].address": "203.0.113.111 is already floating IP red/r1/db's",
        "load_balancers[0].vip": "203.0.113.21 is already load balancer red/web's",
    }


def test_a_router_that_moves_brings_its_addresses_into_conflict(net: Network) -> None:
    dmz = {**INTERNET, "vlan": 200}
    apart = edit(net, "external_network", "dmz", dmz).network
    ports = [{"name": "up", "external": "dmz", "addresses": ["203.0.113.41/24"]}, {"name": "in", "addresses": ["10.0.9.1/24"]}]
    snats = [{"name": "s", "prefixes": ["10.0.9.0/24"], "addresses": ["203.0.113.102"]}]
    apart = edit(apart, "router", "red/r9", {"ports": ports, "snats": snats}).network
    status, problems = refused(apart, "router_port", "red/r9/up", {"external": "internet"}, "patch")
    assert status == "conflict"
    assert problems == {"external": "snat r9/s: 203.0.113.102 is already floating IP blue/r1/web's"}
    balancer = {"vip": "203.0.113.102", "port": 80, "router": "r2"}
    placed = edit(net, "load_balancer", "red/new", balancer).network
    status, problems = refused(placed, "load_balancer", "red/new", {"router": "r1"}, "patch")
    assert (status, problems) == ("conflict", {"router": "203.0.113.102 is already floating IP blue/r1/web's"})


def test_a_mac_outside_is_one_uplinks_or_floating_ips(net: Network) -> None:
    taken = the(net, "floating_ip", "blue", "r1", "web").mac
    reason = f"{taken} is already floating IP blue/r1/web's"
    assert refused_uplink(net, {"mac": taken}) == ("conflict", {"mac": reason})
    body = {"mac": taken, "port": "red-2"}
    assert refused(net, "floating_ip", "red/r1/new", body) == ("conflict", {"mac": reason})
    theirs = the(net, "router_port", "blue", "r1", "up").mac
    reason = f"{theirs} is already router port blue/r1/up's"
    assert refused(net, "router_port", "red/r1/up", {"mac": theirs}, "patch") == ("conflict", {"mac": reason})
    assert edit(net, "router_port", "red/r2/inner", {"mac": theirs, "addresses": ["10.7.0.1/24"]}).created


def test_an_uplinks_vni_is_no_switchs(net: Network) -> None:
    vni = the(net, "router_port", "red", "r1", "up").vni
    assert refused(net, "switch", "blue/new", {"vni": vni}) == ("conflict", {"vni": f"{vni} is already router port red/r1/up's"})
    assert refused(net, "switch", "red/new", {"vni": vni}) == ("conflict", {"vni": f"{vni} is already router port r1/up's"})


def test_the_subnet_outside_overlaps_none_inside(net: Network) -> None:
    status, problems = refused(net, "router_port", "red/r1/new", {"addresses": ["203.0.113.129/25"]})
    reason = "203.0.113.128/25 overlaps 203.0.113.0/24 of router port r1/up, a port of the same router"
    assert (status, problems) == ("conflict", {"addresses[0]": reason})


def test_a_route_leads_outside_by_all_next_hops_or_by_none(net: Network) -> None:
    assert edit(net, "route", "red/r1/198.51.100.0/24", {"nexthops": ["203.0.113.1", "203.0.113.2"]}).created
    body = {"nexthops": ["203.0.113.2", "100.64.0.2"]}
    reason = "next hop 100.64.0.2 is inside, and another is behind the uplink, up"
    assert refused(net, "route", "red/r1/198.51.100.0/24", body) == ("invalid", {"nexthops[1]": reason})


def test_a_port_that_becomes_the_uplink_parts_a_routes_next_hops() -> None:
    ports = [{"name": "a", "addresses": ["203.0.113.40/24"]}, {"name": "b", "addresses": ["10.0.0.1/24"]}]
    routes = [{"prefix": "10.9.0.0/16", "nexthops": ["203.0.113.41", "10.0.0.2"]}]
    base = edit(Network(), "external_network", "internet", INTERNET).network
    base = edit(base, "tenant", "red", {"routers": [{"name": "r", "ports": ports, "routes": routes}]}).network
    status, problems = refused(base, "router_port", "red/r/a", {"external": "internet"}, "patch")
    reason = "route 10.9.0.0/16 of router r: next hop 10.0.0.2 is inside, and another is behind the uplink, a"
    assert (status, problems) == ("conflict", {"external": reason})


def test_looking_at_everything_sees_what_no_edit_can_ask_for(net: Network) -> None:
    draft = Draft(net)
    red, blue = the(net, "router_port", "red", "r1", "up"), the(net, "router_port", "blue", "r1", "up")
    draft.put(replace(red, zone=the(net, "tenant", "blue").key, vni=the(net, "switch", "red", "db").vni))
    draft.put(replace(blue, zone=0, vni=0))
    draft.delete(the(net, "external_network", "internet"))
    problems = by_field(validate_all(draft.freeze(net.revision + 1)))
    assert problems == {
        "router_port red/r1/up.external": "there is no external network internet",
        "router_port blue/r1/up.external": "there is no external network internet",
        "router_port red/r1/up.vni": f"{the(net, 'switch', 'red', 'db').vni} is already switch red/db's",
        "router_port blue/r1/up.vni": "0 is not between 1 and 4194303",
        "router_port red/r1/up.zone": f"{the(net, 'tenant', 'blue').key} is already tenant blue's",
        "router_port blue/r1/up.zone": "0 is not between 1 and 65535",
    }
