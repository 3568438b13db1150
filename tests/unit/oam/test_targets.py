"""Which members are tried, from where and how."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port
from ryu_overlay.oam.checker import Target
from ryu_overlay.oam.targets import targets
from tests.unit.model.bodies import edit
from tests.unit.model.outside_bodies import world

PLACES = {"red-1": ("hv1", 11), "red-2": ("hv2", 12), "red-db": ("hv3", 13)}
NETWORK = world()


def where(port: Port) -> tuple[str, int] | None:
    return PLACES.get(port.name)


def tried(net: Network) -> dict[str, Target]:
    names = {m.key: "/".join(m.ref) for m in net.tables["member"].values()}
    return {names[target.member]: target for target in targets(net, where)}


def edited(kind: str, path: str, body: dict[str, Any], mode: str = "patch") -> Network:
    return edit(NETWORK, kind, path, body, mode).network


def test_members_that_are_bound_are_tried_as_their_load_balancer_says() -> None:
    found = tried(NETWORK)
    assert found.keys() == {"red/web/a", "red/web/b"}, "blue's are bound nowhere, red/dns/a is drained"
    web, member = NETWORK.tables["load_balancer"]["red", "web"], NETWORK.tables["member"]["red", "web", "a"]
    assert found["red/web/a"] == Target(
        member=member.key,
        chassis="hv1",
        ofport=11,
        source=(NETWORK.tables["router_port"]["red", "r1", "web"].mac, web.vip, 80),
        destination=(NETWORK.port_by_name["red-1"].mac, IPv4Address("10.0.1.11"), 8080),
        check="http",
        path="/health?deep=1",
        interval=1.5,
        timeout=0.5,
        rise=2,
        fall=3,
        avoid=frozenset({80}),
    )
    assert found["red/web/b"].destination[2] == 80, "the load balancer's, where the member says none"


def test_on_a_switch_the_member_answers_to_the_mac_of_the_first_at_that_address() -> None:
    net = edited("member", "red/dns/a", {"drained": False})
    assert tried(net)["red/dns/a"].source[0] == net.tables["load_balancer"]["red", "dns"].mac
    more = {"vip": "10.0.2.53", "port": 99, "protocol": "udp", "switch": "db"}
    net = edit(net, "load_balancer", "red/aaa", more, "put").network
    target = tried(net)["red/dns/a"]
    assert target.source[0] == net.tables["load_balancer"]["red", "aaa"].mac
    assert target.avoid == {53, 99}


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        ("member", "red/web/a", {"drained": True}),
        ("member", "red/web/a", {"port": "red-db"}),
        ("load_balancer", "red/web", {"check": "none"}),
    ],
    ids=["drained", "behind another router", "no check"],
)
def test_who_is_not_tried(kind: str, path: str, body: dict[str, Any]) -> None:
    assert "red/web/a" not in tried(edited(kind, path, body))


def test_nobody_is_tried_where_nobody_is_bound() -> None:
    assert not list(targets(NETWORK, lambda port: None))
