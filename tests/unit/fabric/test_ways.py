"""Where interfaces are, and whether the way there works, in a tenant of three routers in a row.

a (a1 on hv1) -- r1 -- transit -- r2 -- r3 -- b (b1 on hv2, b2 on hv3)
                 |
              internet (gateways hv2, hv3)
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.fabric.ways import (
    BROKEN,
    HERE,
    Beyond,
    Way,
    ahead,
    beyond,
    ends_here,
    ports_by_address,
    to_destination,
    to_interface,
)
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref, Switch, Tenant
from ryu_overlay.model.views import SwitchView
from tools.scenarios import Chassis, Outside, fabric_of, network_of

UP: Ref = ("red", "r1", "up")


def port(name: str, number: int, address: str) -> dict[str, Any]:
    return {"name": name, "mac": f"02:00:00:00:01:{number:02x}", "addresses": [address]}


def switch(name: str, subnet: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "subnets": [subnet], "ports": list(ports)}


def route(prefix: str, nexthop: str) -> dict[str, Any]:
    return {"prefix": prefix, "nexthops": [nexthop]}


NET = network_of(
    {
        "external_networks": [
            {"name": "internet", "physical_network": "physnet1", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1"}
        ],
        "tenants": [
            {
                "name": "red",
                "switches": [
                    switch("a", "10.0.1.0/24", port("a1", 1, "10.0.1.11")),
                    switch("transit", "100.64.0.0/24"),
                    switch("b", "10.0.2.0/24", port("b1", 2, "10.0.2.11"), port("b2", 3, "10.0.2.12")),
                ],
                "routers": [
                    {
                        "name": "r1",
                        "answers": "path",
                        "ports": [
                            {"name": "a", "addresses": ["10.0.1.1/24"], "switch": "a"},
                            {"name": "t", "addresses": ["100.64.0.1/24"], "switch": "transit"},
                            {"name": "up", "addresses": ["203.0.113.11/24"], "external": "internet", "gateways": ["hv2", "hv3"]},
                        ],
                        "routes": [route("10.0.2.0/24", "100.64.0.2"), route("100.64.1.0/30", "100.64.0.2")],
                    },
                    {
                        "name": "r2",
                        "ports": [
                            {"name": "t", "addresses": ["100.64.0.2/24"], "switch": "transit"},
                            {"name": "r3", "addresses": ["100.64.1.1/30"], "peer": "r3/r2"},
                        ],
                        "routes": [route("10.0.1.0/24", "100.64.0.1"), route("10.0.2.0/24", "100.64.1.2")],
                    },
                    {
                        "name": "r3",
                        "ports": [
                            {"name": "r2", "addresses": ["100.64.1.2/30"]},
                            {"name": "b", "addresses": ["10.0.2.1/24"], "switch": "b"},
                        ],
                        "routes": [route("0.0.0.0/0", "100.64.1.1")],
                    },
                ],
            }
        ],
    }
)
PORTS = {"hv1": {"a1": 7}, "hv2": {"b1": 7}, "hv3": {"b2": 7}}


def fabric(network: Network = NET, **signs: Any) -> Fabric:
    chassis = {
        name: Chassis(
            IPv4Address(f"172.31.0.{n}"), PORTS[name], {o: 100 + int(o[2]) for o in PORTS if o != name}, {"physnet1": 500}
        )
        for n, name in enumerate(PORTS, 1)
    }
    return fabric_of(network, chassis, Outside(gateways={UP: ("hv2", "hv3")}, **signs))


def way(router: str, name: str, here: str = "hv1", made: Fabric | None = None) -> Way:
    view = NET.router_views["red", router]
    return to_interface(NET, made or fabric(), view, NET.tables["router_port"]["red", router, name], here)


def way_on(router: str, name: str, destination: str, made: Fabric | None = None) -> Way:
    """The way on from hv1 of what came into a router by a port."""
    view, port, on = NET.router_views["red", router], NET.tables["router_port"]["red", router, name], made or fabric()
    if ends_here(on, port, "hv1"):
        return HERE
    known = ahead(NET, on, view, port, beyond(NET, view, port), "hv1")
    return to_destination(on, known, ports_by_address, int(IPv4Address(destination)), "hv1")


def bare(number: int, *subnets: str) -> SwitchView:
    made = Switch("red", f"s{number}", number, f"u{number}", number, tuple(map(IPv4Network, subnets)))
    return SwitchView(Tenant("red", 1, "u"), made, (), ())


def test_an_interface_on_a_switch_is_where_the_switchs_ports_are() -> None:
    assert way("r1", "a") == HERE
    assert way("r1", "a", "hv2") == Way(True, "hv1")
    assert way("r3", "b") == Way(True, "hv2"), "the first that hears us stands for both"
    assert way("r3", "b", "hv3") == HERE


def test_one_that_no_port_is_near_is_on_the_chassis_behind_its_router() -> None:
    assert [way("r2", "t"), way("r3", "r2")] == [Way(True, "hv2")] * 2
    assert way("r2", "r3", "hv2", replace(fabric(), gateways={})) == Way(True, "hv1"), "seen from the other side"
    assert way("r2", "r3", "hv2") == HERE, "the uplink is there, too, and it is here"
    assert way("r2", "t", "hv3") == HERE


def test_an_uplink_is_on_the_gateway_that_carries_it() -> None:
    assert way("r1", "up") == Way(True, "hv2")
    assert way("r1", "up", "hv2") == HERE
    assert way("r1", "up", made=replace(fabric(), gateways={UP: ("hv3", "hv2")})) == Way(True, "hv3")
    assert way("r1", "up", made=replace(fabric(), gateways={UP: ()})) == BROKEN


@pytest.mark.parametrize("here", ["hv1", "hv2"])
def test_a_gateway_that_hears_nobody_upstream_carries_nothing(here: str) -> None:
    assert way("r1", "up", here, fabric(silent=frozenset({("hv2", "internet")}))) == BROKEN
    assert way("r1", "up", here, fabric(silent=frozenset({("hv3", "internet")}))).works, "the other one is asked for nothing"


def test_a_way_is_broken_when_none_of_the_chassis_is_heard() -> None:
    some, all_of_them = fabric(deaf={"hv1": frozenset({"hv2"})}), fabric(deaf={"hv1": frozenset({"hv2", "hv3"})})
    assert way("r3", "b", made=some) == way("r2", "t", made=some) == Way(True, "hv3")
    assert way("r3", "b", made=all_of_them) == way("r2", "t", made=all_of_them) == BROKEN
    assert way("r1", "up", made=some) == BROKEN, "an uplink has one place"
    assert way("r3", "b", "hv2", all_of_them) == HERE, "others are not concerned"


def test_without_a_tunnel_there_is_no_way() -> None:
    assert way("r3", "b", made=replace(fabric(), tunnels={"hv1": {}})) == BROKEN


def test_where_nothing_is_behind_nothing_can_be_broken() -> None:
    assert way("r3", "b", made=replace(fabric(), placements={}, gateways={})) == HERE


@pytest.mark.parametrize(
    ("router", "port", "destination", "expected"),
    [
        ("r1", "a", "10.0.2.12", HERE),  # where it came in, whatever is behind
        ("r2", "t", "10.0.2.12", Way(True, "hv3")),
        ("r3", "r2", "10.0.2.11", Way(True, "hv2")),
        ("r3", "r2", "10.0.2.99", Way(True, "hv2")),  # nobody's: to where the interface is
        ("r2", "t", "198.18.0.1", Way(True, "hv2")),  # no uplink beyond: likewise
        ("r1", "t", "198.18.0.1", Way(True, "hv2")),  # by the uplink
    ],
)
def test_an_error_on_the_way_stands_for_the_way_on(router: str, port: str, destination: str, expected: Way) -> None:
    assert way_on(router, port, destination) == expected


def test_an_error_on_the_way_to_one_chassis_is_not_for_another() -> None:
    deaf = fabric(deaf={"hv1": frozenset({"hv3"})})
    assert [way_on("r2", "t", f"10.0.2.{n}", deaf) for n in (11, 12)] == [Way(True, "hv2"), BROKEN]


def test_an_address_is_looked_for_where_it_may_be() -> None:
    views = [bare(0, "10.0.0.0/8"), bare(1), bare(2, "10.1.0.0/16", "10.2.0.0/16"), bare(3, "10.1.0.0/16")]
    found = Beyond({view.switch.ref: view for view in views})
    for address, expected in (("10.1.0.5", [0, 1, 2, 3]), ("10.2.0.5", [0, 1, 2]), ("10.3.0.5", [0, 1]), ("11.0.0.5", [1])):
        assert found.holding(int(IPv4Address(address))) == [views[n] for n in expected]


def test_beyond_a_port_is_what_is_reached_without_it() -> None:
    view = NET.router_views["red", "r2"]
    there = beyond(NET, view, NET.tables["router_port"]["red", "r2", "t"])
    back = beyond(NET, view, NET.tables["router_port"]["red", "r2", "r3"])
    assert (list(there.switches), list(there.uplinks)) == ([("red", "b")], [])
    assert (list(back.switches), list(back.uplinks)) == ([("red", "transit"), ("red", "a")], [UP])
