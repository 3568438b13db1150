"""Every rule about routers, their ports, peers and routes: the field, the reason, and that nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.model import limits
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import BLUE, RED, edit, make, refused


@pytest.fixture(scope="module")
def net() -> Network:
    return make(RED, BLUE)


def refused_router_port(
    net: Network, body: dict[str, Any], path: str = "red/r1/new", mode: str = "put"
) -> tuple[str, dict[str, str]]:
    return refused(net, "router_port", path, body, mode)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.7.0.1/0", "0.0.0.0/0 has a prefix length that is not between 1 and 31"),
        ("10.7.0.1/32", "10.7.0.1/32 has a prefix length that is not between 1 and 31"),
        ("10.7.0.0/24", "10.7.0.0 is the network address of 10.7.0.0/24"),
        ("10.7.0.255/24", "10.7.0.255 is the broadcast address of 10.7.0.0/24"),
        ("224.0.0.1/24", "224.0.0.0/24 is a multicast address"),
        ("127.0.0.1/8", "127.0.0.0/8 is a loopback address"),
        ("255.255.255.255/1", "255.255.255.255 is the limited broadcast address"),
    ],
)
def test_addresses(address: str, reason: str) -> None:
    alone = make({"name": "red", "routers": [{"name": "r1"}]})
    assert refused_router_port(alone, {"addresses": [address]}) == ("invalid", {"addresses[0]": reason})


@pytest.mark.parametrize("address", ["100.64.9.0/31", "100.64.9.1/31", "192.168.1.1/1"])
def test_good_addresses(address: str) -> None:
    alone = make({"name": "red", "routers": [{"name": "r1"}]})
    assert edit(alone, "router_port", "red/r1/new", {"addresses": [address]}).created


def test_an_address_is_needed(net: Network) -> None:
    reason = "a router port needs at least one address, such as 10.0.1.1/24"
    assert refused_router_port(net, {}) == ("invalid", {"addresses": reason})
    assert refused_router_port(net, {"switch": "web"}, "red/r1/web")[1]["addresses"] == reason
    assert refused_router_port(net, {"addresses": []}, "red/r1/web", "patch")[1]["addresses"] == reason


def test_subnets_of_one_router_do_not_overlap(net: Network) -> None:
    reason = "10.0.0.0/16 overlaps 10.0.1.0/24 of router port r1/web, a port of the same router"
    assert refused_router_port(net, {"addresses": ["10.0.0.1/16"]}) == ("conflict", {"addresses[0]": reason})
    body = {"addresses": ["10.7.0.1/24", "10.7.0.2/24"]}
    assert refused_router_port(net, body) == ("invalid", {"addresses[1]": "10.7.0.0/24 overlaps 10.7.0.0/24 of the same port"})
    ports = [{"name": "a", "addresses": ["10.0.0.1/16"]}, {"name": "b", "addresses": ["10.0.200.1/24"]}]
    status, problems = refused(net, "tenant", "new", {"routers": [{"name": "r", "ports": ports}]})
    assert status == "invalid"
    assert problems == {
        "routers[0].ports[1].addresses[0]": "10.0.200.0/24 overlaps 10.0.0.0/16 of router port r/a, a port of the same router"
    }
    assert edit(net, "router_port", "red/r1/new", {"addresses": ["10.0.2.1/24"]}).created


def test_two_ports_of_a_router_on_one_switch_need_different_subnets(net: Network) -> None:
    body = {"addresses": ["10.0.1.2/24"], "switch": "web"}
    assert "addresses[0]" in refused_router_port(net, body)[1]
    wide = edit(net, "switch", "red/web", {"subnets": ["10.0.1.0/24", "10.0.7.0/24"]}, "patch").network
    assert edit(wide, "router_port", "red/r1/new", {"addresses": ["10.0.7.1/24"], "switch": "web"}).created


def test_an_address_goes_with_the_subnets_of_its_switch(net: Network) -> None:
    reason = "10.0.1.0/25 is not one of the subnets of switch web (10.0.1.0/24)"
    assert refused_router_port(net, {"addresses": ["10.0.1.2/25"], "switch": "web"}, "red/r2/x") == (
        "invalid",
        {"addresses[0]": reason},
    )
    assert edit(net, "router_port", "red/r2/x", {"addresses": ["10.0.1.2/25"], "switch": "bare"}).created
    assert edit(net, "router_port", "red/r2/x", {"addresses": ["10.0.1.2/25"]}).created


def test_a_switch_must_exist_and_exclude_a_peer(net: Network) -> None:
    body = {"addresses": ["10.7.0.1/24"], "switch": "none"}
    assert refused_router_port(net, body) == ("invalid", {"switch": "there is no switch none in tenant red"})
    assert refused_router_port(net, {"switch": "bare"}, "red/r1/up", "patch") == (
        "invalid",
        {"switch": "a router port is attached to a switch (bare) or to a peer (r2/down), not both"},
    )


def test_a_mac_is_unique_among_a_routers_ports(net: Network) -> None:
    body = {"addresses": ["10.7.0.1/24"], "mac": "02:00:00:00:00:01"}
    assert refused_router_port(net, body) == ("conflict", {"mac": "02:00:00:00:00:01 is already router port r1/web's"})
    assert edit(net, "router_port", "red/r2/new", body).created


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("r1/x", {"peer": "r1/x"}, "a router port cannot be the peer of itself"),
        ("r1/x", {"peer": "r1/web"}, "a router port cannot be the peer of router port r1/web, a port of its own router"),
        ("r1/x", {"peer": "r9/x"}, "there is no router port r9/x in tenant red"),
        ("r1/x", {"peer": "r2/db"}, "router port r2/db is attached to switch db"),
        ("r3/x", {"peer": "r2/down"}, "router port r2/down is already the peer of router port r1/up"),
        ("r3/x", {"peer": "r1/up"}, "router port r1/up is already the peer of router port r2/down"),
        ("r3/x", {"peer": "r2/free"}, "shares no subnet with router port r2/free (10.8.0.1/24)"),
        ("r3/x", {"peer": "r2/same"}, "10.7.0.1 is also the address of router port r2/same"),
    ],
)
def test_peers(net: Network, path: str, body: dict[str, Any], reason: str) -> None:
    net = edit(net, "router", "red/r3", {}).network
    net = edit(net, "router_port", "red/r2/free", {"addresses": ["10.8.0.1/24"]}).network
    net = edit(net, "router_port", "red/r2/same", {"addresses": ["10.7.0.1/24"]}).network
    status, problems = refused_router_port(net, {"addresses": ["10.7.0.1/24"], **body}, f"red/{path}")
    assert problems == {"peer": reason}
    assert status == ("conflict" if "r2/" in reason else "invalid")


def test_peers_may_name_each_other_and_refer_forward() -> None:
    def end(name: str, address: str, peer: str) -> dict[str, Any]:
        return {"name": name, "ports": [{"name": "p", "addresses": [address], "peer": peer}]}

    net = make({"name": "red", "routers": [end("a", "10.0.0.0/31", "b/p"), end("b", "10.0.0.1/31", "a/p")]})
    assert net.router_views["red", "a"].peers["p"].router == "b"
    body = {"routers": [end("a", "10.0.0.0/31", "b/p"), end("b", "10.0.0.1/31", "a/p"), end("c", "10.0.0.1/31", "a/p")]}
    assert refused(Network(), "tenant", "red", body) == (
        "invalid",
        {"routers[2].ports[0].peer": "router port a/p is already the peer of router port b/p"},
    )
    body = {
        "routers": [
            end("a", "10.0.0.0/31", "c/p"),
            end("b", "10.0.0.0/31", "c/p"),
            {"name": "c", "ports": [{"name": "p", "addresses": ["10.0.0.1/31"]}]},
        ]
    }
    assert refused(Network(), "tenant", "red", body) == (
        "invalid",
        {"routers[1].ports[0].peer": "router port c/p is already the peer of router port a/p"},
    )


def test_a_peer_made_wrong_from_the_other_end(net: Network) -> None:
    status, problems = refused_router_port(net, {"addresses": ["100.64.9.2/30"]}, "red/r2/down", "patch")
    assert status == "conflict"
    assert problems == {
        "addresses": "route 10.0.1.0/24 of router r2: next hop 100.64.0.1 is in no subnet of a port of router r2"
        " | router port r1/up: shares no subnet with router port r2/down (100.64.9.2/30)"
    }
    status, problems = refused_router_port(net, {"switch": "bare"}, "red/r2/down", "patch")
    assert (status, problems) == ("conflict", {"switch": "router port r1/up: router port r2/down is attached to switch bare"})
    net = edit(net, "router", "red/r3", {"ports": [{"name": "x", "addresses": ["100.64.0.1/30"]}]}).network
    status, problems = refused_router_port(net, {"peer": "r3/x"}, "red/r2/down", "patch")
    assert status == "conflict"
    assert problems == {"peer": "router port r1/up: router port r2/down is already the peer of router port r3/x"}


def test_what_a_document_leaves_out_may_be_needed(net: Network) -> None:
    status, problems = refused(net, "router", "red/r2", {"ports": [{"name": "db", "addresses": ["10.0.2.1/24"]}]})
    assert status == "conflict"
    assert problems == {
        "ports": "route 10.0.1.0/24 of router r2: next hop 100.64.0.1 is in no subnet of a port of router r2"
        " | router port r1/up: there is no router port r2/down in tenant red"
    }
    status, problems = refused(net, "tenant", "red", {"switches": RED["switches"][1:]})
    assert (status, problems) == ("conflict", {"switches": "router port r1/web: there is no switch web in tenant red"})


@pytest.mark.parametrize("prefix", ["10.0.0.1/8", "10.0.0.0/33", "x"])
def test_a_routes_prefix_must_be_one(net: Network, prefix: str) -> None:
    status, problems = refused(net, "route", f"red/r1/{prefix}", {"nexthops": ["100.64.0.2"]})
    assert status == "invalid" and set(problems) == {"prefix"}
    if prefix == "10.0.0.1/8":
        assert problems["prefix"].endswith("write 10.0.0.0/8")


@pytest.mark.parametrize(
    ("nexthops", "field", "reason"),
    [
        ([], "nexthops", "a route needs at least one next hop"),
        (["100.64.0.2", "100.64.0.2"], "nexthops[1]", "100.64.0.2 is given twice"),
        (["10.9.9.9"], "nexthops[0]", "next hop 10.9.9.9 is in no subnet of a port of router r1"),
        (["10.0.2.1"], "nexthops[0]", "next hop 10.0.2.1 is in no subnet of a port of router r1"),
        (["10.0.1.1"], "nexthops[0]", "next hop 10.0.1.1 is the router's own address, on router port r1/web"),
        (["10.0.1.255"], "nexthops[0]", "next hop 10.0.1.255 is the broadcast address of 10.0.1.0/24"),
    ],
)
def test_next_hops(net: Network, nexthops: list[str], field: str, reason: str) -> None:
    assert refused(net, "route", "red/r1/10.9.0.0/16", {"nexthops": nexthops}) == ("invalid", {field: reason})


def test_good_routes(net: Network) -> None:
    for prefix in ("0.0.0.0/1", "10.0.1.11/32", "10.0.1.0/24"):
        assert edit(net, "route", f"red/r1/{prefix}", {"nexthops": ["100.64.0.2", "10.0.1.11"]}).created
    assert refused(net, "route", "red/r1/224.0.0.0/4", {"nexthops": ["100.64.0.2"]}) == (
        "invalid",
        {"prefix": "224.0.0.0/4 is a multicast address"},
    )


def test_an_address_change_that_would_orphan_a_route_names_it(net: Network) -> None:
    unlinked = edit(net, "router_port", "red/r1/up", {"peer": None}, "patch").network
    status, problems = refused_router_port(unlinked, {"addresses": ["100.64.8.1/30"]}, "red/r1/up", "patch")
    assert status == "conflict"
    assert problems == {"addresses": "route 0.0.0.0/0 of router r1: next hop 100.64.0.2 is in no subnet of a port of router r1"}
    status, problems = refused_router_port(unlinked, {"addresses": ["100.64.0.2/30"]}, "red/r1/up", "patch")
    assert problems == {
        "addresses": "route 0.0.0.0/0 of router r1: next hop 100.64.0.2 is the router's own address, on router port r1/up"
    }
    wider = edit(unlinked, "router_port", "red/r1/up", {"addresses": ["100.64.0.1/24"]}, "patch")
    assert wider.network is not unlinked


def test_a_port_that_a_document_drops_may_be_a_routes_way_out(net: Network) -> None:
    ports = [{"name": "web", "addresses": ["10.0.1.1/24"], "switch": "web"}]
    _, problems = refused(net, "router", "red/r1", {"ports": ports})
    assert problems == {"ports": "route 0.0.0.0/0 of router r1: next hop 100.64.0.2 is in no subnet of a port of router r1"}
    after = edit(net, "router", "red/r1", {"ports": ports, "routes": []}).network
    assert after.router_views["red", "r2"].peers == {}


def test_absurd_sizes(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [f"10.{n}.0.1/24" for n in range(100, 117)]
    assert refused_router_port(net, {"addresses": addresses}) == (
        "invalid",
        {"addresses[16]": "a router port has at most 16 addresses"},
    )
    hops = [f"10.0.1.{n}" for n in range(2, 67)]
    assert refused(net, "route", "red/r1/10.9.0.0/16", {"nexthops": hops}) == (
        "invalid",
        {"nexthops[64]": "a route has at most 64 next hops"},
    )
    ports = [{"name": f"p{n}", "addresses": [f"10.{n // 250}.{n % 250}.1/24"]} for n in range(257)]
    _, problems = refused(net, "router", "red/r9", {"ports": ports})
    assert problems == {"ports": "257 are given; at most 256 are allowed"}
    full = edit(net, "router", "red/r9", {"ports": ports[:256]}).network
    _, problems = refused_router_port(full, {"addresses": ["10.9.0.1/24"]}, "red/r9/more")
    assert problems == {"name": "router r9 would have 257 ports; at most 256 are allowed"}
    monkeypatch.setattr(limits, "MAX_ROUTES_PER_ROUTER", 2)
    body = {"routes": [{"prefix": p, "nexthops": ["100.64.0.2"]} for p in ("0.0.0.0/0", "10.8.0.0/16", "10.9.0.0/16")]}
    _, problems = refused(net, "router", "red/r1", body)
    assert problems == {"routes[2].prefix": "router r1 would have 3 routes; at most 2 are allowed"}
