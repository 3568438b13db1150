"""Every rule about load balancers, where their VIPs may be, and their members."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.model.network import Network
from ryu_overlay.model.validate import validate_all
from tests.unit.model.bodies import edit, refused, the
from tests.unit.model.outside_bodies import RED, world

BAD_PATH = 'a path starts with "/" and holds printable ASCII characters, no blanks'


@pytest.fixture(scope="module")
def net() -> Network:
    return world()


def refused_on_router(net: Network, body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return refused(net, "load_balancer", "red/new", {"vip": "203.0.113.40", "port": 80, "router": "r1", **body})


def refused_on_switch(net: Network, body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return refused(net, "load_balancer", "red/new", {"vip": "10.0.1.50", "port": 80, "switch": "web", **body})


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"port": 0}, "port", "0 is not between 1 and 65535"),
        ({"port": 65536}, "port", "65536 is not between 1 and 65535"),
        ({"vip": None}, "vip", "is required"),
        ({"vip": "224.0.0.1"}, "vip", "224.0.0.1 is a multicast address"),
        ({"protocol": "sctp"}, "protocol", "'sctp' is none of tcp, udp"),
        ({"check": "ping"}, "check", "'ping' is none of none, tcp, http"),
        (
            {"check": "http", "protocol": "udp"},
            "check",
            "a UDP service does not answer HTTP; it can be checked by tcp or not at all",
        ),
        ({"path": ""}, "path", BAD_PATH),
        ({"path": "health"}, "path", BAD_PATH),
        ({"path": "/a b"}, "path", BAD_PATH),
        ({"path": "/a\n"}, "path", BAD_PATH),
        ({"path": "/ä"}, "path", BAD_PATH),
        ({"path": "/" * 201}, "path", "has 201 characters; at most 200 are allowed"),
        ({"interval": 0.4, "timeout": 0.1}, "interval", "0.4 is not between 0.5 and 3600"),
        ({"interval": 3601.0}, "interval", "3601.0 is not between 0.5 and 3600"),
        ({"interval": float("nan")}, "interval", "nan is not between 0.5 and 3600"),
        ({"timeout": 0.05}, "timeout", "0.05 is not between 0.1 and 60"),
        ({"interval": 100.0, "timeout": 61.0}, "timeout", "61.0 is not between 0.1 and 60"),
        ({"interval": 1.0, "timeout": 1.5}, "timeout", "1.5 s is longer than the interval, 1.0 s"),
        ({"rise": 0}, "rise", "0 is not between 1 and 10"),
        ({"fall": 11}, "fall", "11 is not between 1 and 10"),
        ({"mac": "01:00:00:00:00:01"}, "mac", "01:00:00:00:00:01 is a multicast address; an interface needs a unicast one"),
        ({"router": None}, "router", "a load balancer stands on a router or on a switch, and neither is given"),
        ({"switch": "web"}, "vip", "203.0.113.40 is in none of the subnets of switch web (10.0.1.0/24)"),
        ({"router": "r9"}, "router", "there is no router r9 in tenant red"),
        ({"vip": "203.0.113.1"}, "vip", "203.0.113.1 is the gateway of external network internet"),
        ({"vip": "203.0.113.255"}, "vip", "203.0.113.255 is the broadcast address of 203.0.113.0/24"),
        ({"vip": "10.0.1.50"}, "vip", "10.0.1.50 is in 10.0.1.0/24 of switch web; put the load balancer on that switch"),
        (
            {"vip": "100.64.0.5"},
            "vip",
            "100.64.0.5 is in 100.64.0.0/29 of router port r1/link; a VIP on a router is in no subnet inside",
        ),
    ],
)
def test_load_balancers(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    status, problems = refused_on_router(net, body)
    assert (status, problems[field]) == ("invalid", reason)
    if "switch" not in body:
        assert set(problems) == {field}


@pytest.mark.parametrize(
    "body",
    [
        {"vip": "203.0.113.11"},
        {"vip": "203.0.113.21", "port": 443},
        {"vip": "203.0.113.21", "protocol": "udp", "check": "tcp"},
        {"vip": "192.0.2.1", "port": 65535},
        {"interval": 3600, "timeout": 60, "rise": 10, "fall": 1, "path": "/" + "~" * 199, "check": "http"},
        {"router": "r2", "vip": "203.0.113.77"},
        {"router": None, "switch": "web", "vip": "10.0.1.50"},
        {"router": None, "switch": "db", "vip": "10.0.2.53"},
    ],
)
def test_good_load_balancers(net: Network, body: dict[str, Any]) -> None:
    after = edit(net, "load_balancer", "red/new", {"vip": "203.0.113.40", "port": 80, "router": "r1", **body})
    assert after.created and validate_all(after.network) == ()


def test_it_stands_in_one_place(net: Network) -> None:
    _, problems = refused(net, "load_balancer", "red/web", {"switch": "web"}, "patch")
    reason = "a load balancer stands on a router (r1) or on a switch (web), not both"
    assert problems["switch"].split(" | ")[0] == reason
    assert "a name is" in refused(net, "load_balancer", "red/-x", {"vip": "192.0.2.9", "port": 1, "router": "r1"})[1]["name"]


def test_a_routers_own_address_is_no_vip_but_the_uplinks(net: Network) -> None:
    reason = "10.0.1.1 is the address of router port r1/web"
    assert refused_on_router(net, {"vip": "10.0.1.1"}) == ("conflict", {"vip": reason})
    body = {"addresses": ["192.0.2.1/24"]}
    status, problems = refused(net, "router_port", "red/r2/new", body)
    assert (status, problems) == (
        "conflict",
        {"addresses": "load balancer secret: 192.0.2.1 is the address of router port r2/new"},
    )


def test_vip_port_and_protocol_are_unique_in_a_tenant(net: Network) -> None:
    reason = "VIP 203.0.113.21:80/tcp is already load balancer web's"
    assert refused_on_router(net, {"vip": "203.0.113.21"}) == ("conflict", {"vip": reason})
    other = edit(net, "load_balancer", "red/new", {"vip": "203.0.113.21", "port": 81, "router": "r1"}).network
    status, problems = refused(other, "load_balancer", "red/new", {"port": 80}, "patch")
    assert (status, problems) == ("conflict", {"port": reason})
    bodies = [{"name": n, "vip": "192.0.2.7", "port": 80, "router": "r9"} for n in ("a", "b")]
    status, problems = refused(Network(), "tenant", "red", {"routers": [{"name": "r9"}], "load_balancers": bodies})
    assert (status, problems) == (
        "invalid",
        {"load_balancers[1].vip": "VIP 192.0.2.7:80/tcp is already load balancer a's"},
    )


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"switch": "none"}, "switch", "there is no switch none in tenant red"),
        ({"vip": "10.0.2.50"}, "vip", "10.0.2.50 is in none of the subnets of switch web (10.0.1.0/24)"),
        ({"vip": "10.0.1.0"}, "vip", "10.0.1.0 is the network address of 10.0.1.0/24"),
        ({"switch": "bare"}, "vip", "10.0.1.50 is in none of the subnets of switch bare (it has none)"),
    ],
)
def test_vips_on_a_switch(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    assert refused_on_switch(net, body) == ("invalid", {field: reason})


def test_a_vip_on_a_switch_is_nobodys_address_there(net: Network) -> None:
    assert refused_on_switch(net, {"vip": "10.0.1.11"}) == ("conflict", {"vip": "10.0.1.11 is already port red-1's"})
    assert refused_on_switch(net, {"vip": "10.0.1.1"}) == ("conflict", {"vip": "10.0.1.1 is already router port r1/web's"})
    mac = the(net, "port", "red", "web", "red-1").mac
    assert refused_on_switch(net, {"mac": mac}) == ("conflict", {"mac": f"{mac} is already port red-1's"})


def test_a_port_takes_no_vip(net: Network) -> None:
    reason = "10.0.2.53 is already load balancer dns's"
    assert refused(net, "port", "red/db/new", {"addresses": ["10.0.2.5", "10.0.2.53"]}) == (
        "conflict",
        {"addresses[1]": reason},
    )
    assert refused(net, "port", "red/db/red-db", {"addresses": ["10.0.2.11", "10.0.2.53"]}, "patch") == (
        "conflict",
        {"addresses[1]": reason},
    )
    assert refused(net, "router_port", "red/r1/db", {"addresses": ["10.0.2.53/24"], "switch": "db"})[1] == {
        "addresses[0]": reason
    }
    mac = the(net, "load_balancer", "red", "dns").mac
    assert refused(net, "port", "red/db/new", {"mac": mac})[1] == {"mac": f"{mac} is already load balancer dns's"}
    given = {"name": "new", "subnets": ["10.8.0.0/24"], "ports": [{"name": "p", "addresses": ["10.8.0.9"]}]}
    balancer = {"name": "lb", "vip": "10.8.0.9", "port": 1, "switch": "new"}
    status, problems = refused(Network(), "tenant", "green", {"switches": [given], "load_balancers": [balancer]})
    assert (status, problems) == ("invalid", {"load_balancers[0].vip": "10.8.0.9 is already port p's"})


def test_a_switchs_subnets_change_under_a_vip(net: Network) -> None:
    lone = edit(net, "switch", "red/lone", {"subnets": ["10.8.0.0/24"]}).network
    lone = edit(lone, "load_balancer", "red/lone", {"vip": "10.8.0.127", "port": 80, "switch": "lone"}).network
    status, problems = refused(lone, "switch", "red/lone", {"subnets": ["10.9.0.0/24"]})
    reason = "load balancer lone: 10.8.0.127 is in none of the subnets of switch lone (10.9.0.0/24)"
    assert (status, problems) == ("conflict", {"subnets": reason})
    _, problems = refused(lone, "switch", "red/lone", {"subnets": ["10.8.0.0/25"]})
    assert problems == {"subnets": "load balancer lone: 10.8.0.127 is the broadcast address of 10.8.0.0/25"}
    _, problems = refused(lone, "switch", "red/lone", {"subnets": []})
    assert problems == {"subnets": "load balancer lone: 10.8.0.127 is in none of the subnets of switch lone (it has none)"}


def test_an_inside_subnet_appears_that_covers_a_routers_vip(net: Network) -> None:
    wider = {"subnets": ["10.0.2.0/24", "192.0.2.0/24"]}
    status, problems = refused(net, "switch", "red/db", wider, "patch")
    reason = "load balancer secret: 192.0.2.1 is in 192.0.2.0/24 of switch db; put the load balancer on that switch"
    assert (status, problems) == ("conflict", {"subnets": reason})
    status, problems = refused(net, "router_port", "red/r2/new", {"addresses": ["192.0.2.9/24"]})
    reason = "load balancer secret: 192.0.2.1 is in 192.0.2.0/24 of router port r2/new; a VIP on a router is in no subnet inside"
    assert (status, problems) == ("conflict", {"addresses": reason})
    net = edit(net, "switch", "red/other", {"subnets": ["192.0.2.0/24", "10.7.0.0/24"]}).network
    status, problems = refused(net, "router_port", "red/r2/new", {"addresses": ["10.7.0.1/24"], "switch": "other"})
    reason = "load balancer secret: 192.0.2.1 is in 192.0.2.0/24 of switch other; put the load balancer on that switch"
    assert (status, problems) == ("conflict", {"addresses": reason})
    net = edit(net, "router_port", "red/r2/new", {"addresses": ["10.7.0.1/24"]}).network
    status, problems = refused(net, "router_port", "red/r2/new", {"switch": "other"}, "patch")
    assert (status, problems) == ("conflict", {"switch": reason})


def test_an_uplink_brings_a_vip_outside(net: Network) -> None:
    net = edit(net, "load_balancer", "red/new", {"vip": "203.0.113.102", "port": 80, "router": "r2"}).network
    status, problems = refused(net, "router_port", "red/r2/up", {"external": "internet"})
    reason = "load balancer new: 203.0.113.102 is already floating IP blue/r1/web's"
    assert (status, problems) == ("conflict", {"external": reason})


def test_what_a_load_balancer_stands_on_goes(net: Network) -> None:
    alone = edit(net, "router", "red/r9", {}).network
    alone = edit(alone, "load_balancer", "red/r9", {"vip": "192.0.2.9", "port": 80, "router": "r9"}).network
    alone = edit(alone, "switch", "red/lone", {"subnets": ["10.8.0.0/24"]}).network
    alone = edit(alone, "load_balancer", "red/lone", {"vip": "10.8.0.9", "port": 80, "switch": "lone"}).network
    status, problems = refused(alone, "tenant", "red", {"routers": RED["routers"], "switches": RED["switches"]})
    assert (status, problems) == (
        "conflict",
        {
            "routers": "load balancer r9: there is no router r9 in tenant red",
            "switches": "load balancer lone: there is no switch lone in tenant red",
        },
    )


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"port": ""}, "port", "is required"),
        ({"port": "none"}, "port", "there is no port none in tenant red"),
        ({"port": "blue-1"}, "port", "there is no port blue-1 in tenant red"),
        ({"port": "red-bare"}, "port", "port red-bare has no address"),
        ({"number": 0}, "number", "0 is not between 1 and 65535"),
        ({"number": 65536}, "number", "65536 is not between 1 and 65535"),
        ({"weight": 0}, "weight", "0 is not between 1 and 100"),
        ({"weight": 101}, "weight", "101 is not between 1 and 100"),
    ],
)
def test_members(net: Network, body: dict[str, Any], field: str, reason: str) -> None:
    assert refused(net, "member", "red/web/new", {"port": "red-1", **body}) == ("invalid", {field: reason})


def test_good_members(net: Network) -> None:
    assert edit(net, "member", "red/web/new", {"port": "red-1", "number": 8081, "weight": 100, "drained": True}).created
    assert edit(net, "member", "red/web/new", {"port": "red-db"}).created
    assert "a name is" in refused(net, "member", "red/web/-x", {"port": "red-db"})[1]["name"]


def test_no_two_members_are_the_same_server(net: Network) -> None:
    body = {"port": "red-2", "number": 80}
    assert refused(net, "member", "red/web/new", body) == ("conflict", {"port": "80 of port red-2 is already member web/b"})
    status, problems = refused(net, "member", "red/web/a", {"port": "red-2", "number": None}, "patch")
    assert (status, problems) == ("conflict", {"port": "80 of port red-2 is already member web/b"})
    more = edit(net, "member", "red/web/new", {"port": "red-1"}).network
    status, problems = refused(more, "load_balancer", "red/web", {"port": 8080}, "patch")
    assert (status, problems) == ("conflict", {"port": "member web/new: 8080 of port red-1 is already member web/a"})


def test_members_of_a_switchs_load_balancer_are_on_that_switch(net: Network) -> None:
    reason = "port red-1 is on switch web, and load balancer dns on switch db"
    assert refused(net, "member", "red/dns/new", {"port": "red-1"}) == ("invalid", {"port": reason})
    moved = {"router": None, "switch": "web", "vip": "10.0.1.50"}
    after = edit(net, "load_balancer", "red/web", moved, "patch").network
    assert validate_all(after) == ()
    moved = {"switch": "web", "vip": "10.0.1.53"}
    status, problems = refused(net, "load_balancer", "red/dns", moved, "patch")
    reason = "member dns/a: port red-db is on switch db, and load balancer dns on switch web"
    assert (status, problems) == ("conflict", {"switch": reason})


def test_a_members_port_changes(net: Network) -> None:
    status, problems = refused(net, "port", "red/web/red-2", {"addresses": []}, "patch")
    assert (status, problems) == ("conflict", {"addresses": "member web/b: port red-2 has no address"})
    assert edit(net, "port", "red/web/red-2", {"addresses": ["10.0.1.99"]}, "patch").network is not net
    switches = [
        {**RED["switches"][0], "ports": RED["switches"][0]["ports"][:1]},
        {"name": "db", "subnets": ["10.0.2.0/24", "10.0.3.0/24"], "ports": [{"name": "red-2", "addresses": ["10.0.3.1"]}]},
    ]
    status, problems = refused(net, "tenant", "red", {"switches": switches}, "patch")
    assert status == "conflict"
    assert problems == {
        "switches[1].ports": "floating IP r1/db: there is no port red-db in tenant red"
        " | member dns/a: there is no port red-db in tenant red",
    }


def test_absurd_sizes(net: Network) -> None:
    members = [{"name": f"m{n}", "port": "red-1", "number": n + 1} for n in range(65)]
    status, problems = refused(net, "load_balancer", "red/web", {"members": members}, "patch")
    assert (status, problems) == ("invalid", {"members": "65 are given; at most 64 are allowed"})
    full = edit(net, "load_balancer", "red/web", {"members": members[:64]}, "patch").network
    reason = "load balancer web would have 65 members; at most 64 are allowed"
    assert refused(full, "member", "red/web/more", {"port": "red-2"}) == ("invalid", {"name": reason})
