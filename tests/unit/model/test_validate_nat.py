"""Every rule about source NAT and floating IPs, also when what they stand on changes."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.model import limits
from ryu_overlay.model.network import Network
from ryu_overlay.model.validate import validate_all
from tests.unit.model.bodies import edit, refused, the
from tests.unit.model.outside_bodies import RED, world

OUTSIDE = "it meets neither a subnet of a port, the uplink's aside, nor a static route to a next hop inside"


@pytest.fixture(scope="module")
def net() -> Network:
    return world()


def refused_snat(net: Network, body: dict[str, Any], path: str = "red/r1/new") -> tuple[str, dict[str, str]]:
    return refused(net, "snat", path, {"prefixes": ["100.64.0.0/29"], **body})


def refused_floating_ip(net: Network, body: dict[str, Any], path: str = "red/r1/new") -> tuple[str, dict[str, str]]:
    return refused(net, "floating_ip", path, {"port": "red-2", **body})


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"prefixes": []}, "prefixes", "source NAT needs at least one prefix, such as 10.0.1.0/24"),
        ({"prefixes": ["10.9.0.0/16"]}, "prefixes[0]", f"10.9.0.0/16 is no inside prefix of router r1: {OUTSIDE}"),
        ({"prefixes": ["203.0.113.0/24"]}, "prefixes[0]", f"203.0.113.0/24 is no inside prefix of router r1: {OUTSIDE}"),
        ({"prefixes": ["224.0.0.0/4"]}, "prefixes[0]", "224.0.0.0/4 is a multicast address"),
        (
            {"prefixes": ["100.64.0.0/29", "100.64.0.4/30"]},
            "prefixes[1]",
            "100.64.0.4/30 overlaps 100.64.0.0/29 of the same source NAT",
        ),
        ({"addresses": ["198.51.100.1"]}, "addresses[0]", "198.51.100.1 is not in 203.0.113.0/24 of external network internet"),
        (
            {"addresses": ["203.0.113.40", "203.0.113.1"]},
            "addresses[1]",
            "203.0.113.1 is the gateway of external network internet",
        ),
        ({"addresses": ["203.0.113.0"]}, "addresses[0]", "203.0.113.0 is the network address of 203.0.113.0/24"),
        ({"addresses": ["203.0.113.255"]}, "addresses[0]", "203.0.113.255 is the broadcast address of 203.0.113.0/24"),
        ({"addresses": ["203.0.113.40", "203.0.113.40"]}, "addresses[1]", "203.0.113.40 is given twice"),
        ({"ports": "0-10"}, "ports", "0 is not between 1 and 65535"),
        ({"ports": "10-65536"}, "ports", "65536 is not between 1 and 65535"),
        ({"ports": "10-9"}, "ports", "10-9 ends before it begins"),
    ],
)
def test_snats(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    assert refused_snat(net, body) == ("invalid", {field: reason})


@pytest.mark.parametrize(
    "body",
    [
        {"addresses": ["203.0.113.11", "203.0.113.21", "203.0.113.40"]},
        {"ports": "1-65535"},
        {"ports": "1024-1024"},
        {"prefixes": ["100.64.0.2/32"]},
        {"prefixes": ["100.0.0.0/8"]},
    ],
)
def test_good_snats(net: Network, body: dict[str, Any]) -> None:
    after = edit(net, "snat", "red/r1/new", {"prefixes": ["100.64.0.0/29"], **body})
    assert after.created and validate_all(after.network) == ()


def test_names_and_macs(net: Network) -> None:
    assert "a name is" in refused_snat(net, {}, "red/r1/-x")[1]["name"]
    assert "a name is" in refused_floating_ip(net, {}, "red/r1/-x")[1]["name"]
    reason = "01:00:00:00:00:01 is a multicast address; an interface needs a unicast one"
    assert refused_floating_ip(net, {"mac": "01:00:00:00:00:01"}) == ("invalid", {"mac": reason})


def test_prefixes_of_a_routers_source_nats_do_not_overlap(net: Network) -> None:
    reason = "10.0.1.128/25 overlaps 10.0.1.0/24 of snat r1/all"
    assert refused_snat(net, {"prefixes": ["100.64.0.0/29", "10.0.1.128/25"]}) == ("conflict", {"prefixes[1]": reason})
    snats = [{"name": n, "prefixes": [p]} for n, p in (("a", "10.0.0.0/16"), ("b", "10.0.1.0/24"))]
    status, problems = refused(net, "router", "red/r1", {"snats": snats}, "patch")
    assert status == "invalid"
    assert problems == {"snats[1].prefixes[0]": "10.0.1.0/24 overlaps 10.0.0.0/16 of snat r1/a"}


def test_translation_needs_an_uplink(net: Network) -> None:
    reason = "router r2 has no uplink"
    assert refused_snat(net, {}, "red/r2/new") == ("invalid", {"addresses": reason})
    assert refused_snat(net, {"addresses": ["203.0.113.40"]}, "red/r2/new") == ("invalid", {"addresses[0]": reason})
    assert refused_floating_ip(net, {"port": "red-db"}, "red/r2/new") == ("invalid", {"address": reason})


def test_an_uplink_that_goes_leaves_translation_behind(net: Network) -> None:
    _, problems = refused(net, "router_port", "red/r1/up", {"external": None, "gateways": []}, "patch")
    assert problems["external"] == (
        "snat r1/all: router r1 has no uplink"
        " | floating IP r1/db: router r1 has no uplink"
        " | floating IP r1/web: router r1 has no uplink"
        " | load balancer web: 203.0.113.21 is in 203.0.113.0/24 of router port r1/up; a VIP on a router is in no subnet inside"
    )
    router = {**RED["routers"][0], "ports": RED["routers"][0]["ports"][1:]}
    status, problems = refused(net, "router", "red/r1", router)
    assert status == "invalid"
    assert problems == {
        "ports": "snat r1/all: router r1 has no uplink"
        " | floating IP r1/db: router r1 has no uplink"
        " | floating IP r1/web: router r1 has no uplink"
    }
    status, problems = refused(net, "router", "red/r1", {"ports": router["ports"], "routes": router["routes"]}, "patch")
    assert status == "conflict" and set(problems) == {"ports"}


def test_an_uplink_that_moves_leaves_addresses_outside(net: Network) -> None:
    body = {"physical_network": "physnet2", "subnet": "198.51.100.0/24"}
    net = edit(net, "external_network", "dmz", body).network
    moved = {"external": "dmz", "addresses": ["198.51.100.2/24"]}
    status, problems = refused(net, "router_port", "blue/r1/up", moved, "patch")
    assert status == "conflict"
    assert problems == {
        "external": "snat r1/all: 203.0.113.12 is not in 198.51.100.0/24 of external network dmz"
        " | snat r1/all: 203.0.113.32 is not in 198.51.100.0/24 of external network dmz"
        " | floating IP r1/db: 203.0.113.112 is not in 198.51.100.0/24 of external network dmz"
        " | floating IP r1/web: 203.0.113.102 is not in 198.51.100.0/24 of external network dmz"
    }


def test_what_is_inside_changes_under_translation(net: Network) -> None:
    net = edit(net, "load_balancer", "red/web", {"members": []}, "patch").network
    _, problems = refused(net, "route", "red/r1/10.0.2.0/24", {"nexthops": ["203.0.113.2"]})
    assert problems == {
        "nexthops": f"snat r1/all: 10.0.2.0/24 is no inside prefix of router r1: {OUTSIDE}"
        f" | floating IP r1/db: 10.0.2.11 is not inside router r1: {OUTSIDE}"
    }
    status, problems = refused(net, "router", "red/r1", {"routes": []}, "patch")
    assert status == "conflict" and problems == {
        "routes": f"snat r1/all: 10.0.2.0/24 is no inside prefix of router r1: {OUTSIDE}"
        f" | floating IP r1/db: 10.0.2.11 is not inside router r1: {OUTSIDE}"
    }
    changed = {"addresses": ["10.0.5.1/24"], "switch": "bare"}
    status, problems = refused(net, "router_port", "red/r1/web", changed, "patch")
    assert status == "conflict" and problems == {
        "addresses": f"snat r1/all: 10.0.1.0/24 is no inside prefix of router r1: {OUTSIDE}"
        f" | floating IP r1/web: 10.0.1.11 is not inside router r1: {OUTSIDE}"
    }
    assert edit(net, "route", "red/r1/0.0.0.0/0", {"nexthops": ["100.64.0.2"]}).created


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"address": "198.51.100.1"}, "address", "198.51.100.1 is not in 203.0.113.0/24 of external network internet"),
        ({"address": "203.0.113.1"}, "address", "203.0.113.1 is the gateway of external network internet"),
        ({"address": "203.0.113.255"}, "address", "203.0.113.255 is the broadcast address of 203.0.113.0/24"),
        ({"port": ""}, "port", "is required"),
        ({"port": "none"}, "port", "there is no port none in tenant red"),
        ({"port": "blue-2"}, "port", "there is no port blue-2 in tenant red"),
        ({"port": "red-bare"}, "port", "port red-bare has no address"),
        ({"inside": "10.0.1.13"}, "inside", "10.0.1.13 is no address of port red-2"),
    ],
)
def test_floating_ips(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    assert refused_floating_ip(net, body) == ("invalid", {field: reason})


def test_a_floating_ip_stands_for_what_is_inside(net: Network) -> None:
    net = edit(net, "port", "red/bare/far", {"addresses": ["10.7.0.1", "10.0.1.99"]}).network
    assert refused_floating_ip(net, {"port": "far"}) == (
        "invalid",
        {"port": f"10.7.0.1 is not inside router r1: {OUTSIDE}"},
    )
    assert edit(net, "floating_ip", "red/r1/new", {"port": "far", "inside": "10.0.1.99"}).created
    assert edit(net, "floating_ip", "red/r1/new", {"port": "red-2"}).created


def test_one_floating_ip_for_an_inside_address_of_a_router(net: Network) -> None:
    assert refused_floating_ip(net, {"port": "red-1"}) == ("conflict", {"port": "10.0.1.11 has floating IP r1/web already"})
    body = {"port": "red-1", "inside": "10.0.1.11"}
    assert refused_floating_ip(net, body) == ("conflict", {"inside": "10.0.1.11 has floating IP r1/web already"})
    net = edit(net, "port", "red/web/red-1", {"addresses": ["10.0.1.11", "10.0.1.21"]}, "patch").network
    net = edit(net, "floating_ip", "red/r1/new", {"port": "red-1", "inside": "10.0.1.21"}).network
    status, problems = refused(net, "port", "red/web/red-1", {"addresses": ["10.0.1.21", "10.0.1.11"]}, "patch")
    assert status == "conflict"
    assert problems == {"addresses": "floating IP r1/web: 10.0.1.21 has floating IP r1/new already"}


def test_a_port_loses_the_address_a_floating_ip_stands_for(net: Network) -> None:
    status, problems = refused(net, "port", "red/db/red-db", {"addresses": ["10.0.2.12"]}, "patch")
    assert (status, problems) == ("conflict", {"addresses": "floating IP r1/db: 10.0.2.11 is no address of port red-db"})
    status, problems = refused(net, "port", "red/db/red-db", {"addresses": []}, "patch")
    assert status == "conflict"
    assert problems == {"addresses": "floating IP r1/db: port red-db has no address | member dns/a: port red-db has no address"}
    status, problems = refused(net, "switch", "red/web", {"ports": []}, "patch")
    assert status == "conflict"
    assert problems == {
        "ports": "floating IP r1/web: there is no port red-1 in tenant red"
        " | member web/a: there is no port red-1 in tenant red"
        " | member web/b: there is no port red-2 in tenant red"
    }
    after = edit(net, "port", "red/web/red-1", {"addresses": ["10.0.1.77"]}, "patch").network
    assert after.router_views["red", "r1"].floating_ips[1][1] is the(after, "port", "red", "web", "red-1")


def test_absurd_sizes(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes = [f"10.0.1.{n}/32" for n in range(65)]
    assert refused_snat(net, {"prefixes": prefixes}, "red/r1/all") == (
        "invalid",
        {"prefixes[64]": "source NAT has at most 64 prefixes"},
    )
    addresses = [f"203.0.113.{n}" for n in range(200, 217)]
    assert refused_snat(net, {"addresses": addresses}) == ("invalid", {"addresses[16]": "source NAT has at most 16 addresses"})
    monkeypatch.setattr(limits, "MAX_SNATS_PER_ROUTER", 1)
    monkeypatch.setattr(limits, "MAX_FLOATING_IPS_PER_ROUTER", 2)
    reason = "router r1 would have 2 source NATs; at most 1 are allowed"
    assert refused_snat(net, {}) == ("invalid", {"name": reason})
    reason = "router r1 would have 3 floating IPs; at most 2 are allowed"
    assert refused_floating_ip(net, {}) == ("invalid", {"name": reason})
