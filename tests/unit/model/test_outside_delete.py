"""What stands in the way of deleting what leads outside, and what a cascade takes along."""

from __future__ import annotations

import pytest

from ryu_overlay.model.edit import delete
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import edit
from tests.unit.model.outside_bodies import world
from tests.unit.model.test_edit_delete import cascade, obstacles


@pytest.fixture(scope="module")
def net() -> Network:
    return world()


@pytest.mark.parametrize(
    ("kind", "path", "reasons"),
    [
        ("port", "red/web/red-1", ["floating IP r1/web uses it", "member web/a uses it"]),
        ("external_network", "internet", [f"router port {name}/r1/up is an uplink into it" for name in ("blue", "red")]),
        (
            *("router_port", "red/r1/up"),
            [f"{what} needs it" for what in ("snat r1/all", "floating IP r1/db", "floating IP r1/web", "load balancer web")],
        ),
        ("route", "red/r1/10.0.2.0/24", ["snat r1/all needs it", "floating IP r1/db needs it"]),
        ("load_balancer", "red/web", ["member web/a is in it", "member web/b is in it"]),
    ],
)
def test_what_is_in_use(net: Network, kind: str, path: str, reasons: list[str]) -> None:
    assert [reason for _, reason in obstacles(net, kind, path)] == reasons


def test_a_switch_and_a_router_with_load_balancers_are_in_use(net: Network) -> None:
    assert ("switch", "load balancer dns is on it") in obstacles(net, "switch", "red/db")
    assert ("router", "load balancer secret is on it") in obstacles(net, "router", "red/r2")


def test_a_route_through_the_uplink_is_in_the_way_of_it(net: Network) -> None:
    net = edit(net, "route", "red/r1/172.16.0.0/12", {"nexthops": ["203.0.113.7"]}).network
    reasons = [reason for _, reason in obstacles(net, "router_port", "red/r1/up")]
    assert reasons[0] == "route 172.16.0.0/12 of router r1 goes out of it to 203.0.113.7"


def test_with_an_uplink_goes_all_that_translates_at_it(net: Network) -> None:
    _, puts, deletes = cascade(net, "router_port", "red/r1/up")
    assert puts == []
    assert deletes == [
        *("floating_ip r1/db", "floating_ip r1/web", "load_balancer web"),
        *("member web/a", "member web/b", "router_port r1/up", "snat r1/all"),
    ]


def test_a_load_balancer_that_only_its_router_knows_outlives_the_uplink(net: Network) -> None:
    net = edit(net, "load_balancer", "red/in", {"vip": "192.0.2.9", "port": 1, "router": "r1"}).network
    after, _, _ = cascade(net, "router_port", "red/r1/up")
    assert after.get("load_balancer", ("red", "in")) is not None


def test_with_a_port_go_those_that_stand_for_it(net: Network) -> None:
    _, puts, deletes = cascade(net, "port", "red/web/red-1")
    assert (puts, deletes) == ([], ["floating_ip r1/web", "member web/a", "port web/red-1"])


def test_what_is_no_longer_inside_is_not_translated(net: Network) -> None:
    _, puts, deletes = cascade(net, "route", "red/r1/10.0.2.0/24")
    assert (puts, deletes) == (["snat r1/all"], ["floating_ip r1/db", "route r1/10.0.2.0/24"])
    _, puts, deletes = cascade(net, "router_port", "red/r1/web")
    assert (puts, deletes) == (["snat r1/all"], ["floating_ip r1/web", "router_port r1/web"])
    net = edit(net, "snat", "red/r1/all", {"prefixes": ["10.0.1.0/24"]}, "patch").network
    assert cascade(net, "router_port", "red/r1/web")[2] == ["floating_ip r1/web", "router_port r1/web", "snat r1/all"]


def test_a_cascade_takes_a_switch_a_router_or_a_tenant_whole(net: Network) -> None:
    _, _, deletes = cascade(net, "switch", "red/db")
    assert {"load_balancer dns", "member dns/a", "floating_ip r1/db", "port db/red-db"} <= set(deletes)
    _, puts, deletes = cascade(net, "router", "red/r1")
    assert puts == [] and {"load_balancer web", "member web/a", "snat r1/all", "router_port r1/up"} <= set(deletes)
    after, puts, _ = cascade(net, "tenant", "red")
    assert puts == [] and all(obj.tenant == "blue" for obj in after.by_key.values() if hasattr(obj, "tenant"))


def test_with_an_external_network_go_the_uplinks_of_all_tenants(net: Network) -> None:
    after, _, _ = cascade(net, "external_network", "internet")
    assert not any(after.tables[kind] for kind in ("external_network", "snat", "floating_ip"))
    assert {ref[1] for ref in after.tables["load_balancer"]} == {"dns", "secret"}
    bare = delete(after, "router_port", ("red", "r1", "web"))
    assert bare.revision == after.revision + 1
