"""Views of what leads outside: what is in them, and that only those are made anew in which something changed."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.document import to_document
from ryu_overlay.model.edit import Refused, delete, put_network
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.views import Views
from tests.unit.model.bodies import assert_same, edit, parse, rebuilt, the
from tests.unit.model.edit_strategies import Edit
from tests.unit.model.outside_bodies import world
from tests.unit.model.outside_strategies import outside_edits, start

START = start()
SINGULAR = {"balancers": "balancer", "switches": "switch", "routers": "router", "externals": "external"}
EDITS = st.lists(outside_edits(), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def net() -> Network:
    return world()


def replaced(before: Network, after: Network) -> set[str]:
    """The views that are not the same object in both."""
    found = set()
    for field in ("balancers", "switches", "routers", "externals"):
        old, new = getattr(before.views, field), getattr(after.views, field)
        found |= {"/".join((SINGULAR[field], *ref)) for ref in {*old, *new} if old.get(ref) is not new.get(ref)}
    return found


def test_views_show_what_stands_outside(net: Network) -> None:
    router = net.router_views["red", "r1"]
    assert router.uplink is the(net, "router_port", "red", "r1", "up")
    assert router.external is the(net, "external_network", "internet")
    assert [s.name for s in router.snats] == ["all"]
    assert [(f.name, p.name) for f, p in router.floating_ips] == [("db", "red-db"), ("web", "red-1")]
    assert [b.balancer.name for b in router.balancers] == ["web"]
    assert net.router_views["red", "r2"].uplink is None and net.router_views["red", "r2"].external is None
    assert [b.balancer.name for b in net.switch_views["red", "db"].balancers] == ["dns"]
    assert [b.balancer.name for b in net.balancers["red"]] == ["dns", "secret", "web"]
    assert net.balancers["red"][2] is router.balancers[0]
    assert [(m.name, p.name) for m, p in router.balancers[0].members] == [("a", "red-1"), ("b", "red-2")]
    assert [view.router.ref for view in net.external_views["internet",].routers] == [("blue", "r1"), ("red", "r1")]
    assert net.external_views["internet",].routers[1] is router
    assert {user.ref for user in net.users(net.port_by_name["red-1"])} == {("red", "r1", "web"), ("red", "web", "a")}
    assert {net.zones[up.zone] for up in net.uplinks(("internet",))} == {("red", "r1", "up"), ("blue", "r1", "up")}


@pytest.mark.parametrize(
    ("kind", "path", "body", "stale"),
    [
        ("port", "red/bare/red-bare", {"enabled": False}, {"switch/red/bare"}),
        (
            *("port", "red/web/red-1", {"enabled": False}),
            {"switch/red/web", "router/red/r1", "balancer/red/web", "external/internet"},
        ),
        (
            "port",
            "red/web/red-2",
            {"enabled": False},
            {"switch/red/web", "router/red/r1", "balancer/red/web", "external/internet"},
        ),
        (
            *("port", "red/db/red-db", {"enabled": False}),
            {"switch/red/db", "router/red/r1", "balancer/red/dns", "external/internet"},
        ),
        ("member", "red/dns/a", {"weight": 9}, {"switch/red/db", "balancer/red/dns"}),
        ("load_balancer", "red/secret", {"rise": 9}, {"router/red/r2", "balancer/red/secret"}),
        (
            "load_balancer",
            "red/secret",
            {"router": "r1"},
            {"router/red/r1", "router/red/r2", "balancer/red/secret", "external/internet"},
        ),
        ("snat", "red/r1/all", {"ports": "5-6"}, {"router/red/r1", "external/internet"}),
        ("floating_ip", "red/r1/web", {"distributed": False}, {"router/red/r1", "external/internet"}),
        ("router_port", "red/r1/up", {"gateways": ["hv3"]}, {"router/red/r1", "external/internet"}),
        ("router_port", "red/r2/db", {"mac": "02:00:00:00:00:77"}, {"router/red/r2", "switch/red/db"}),
        (
            *("router_port", "red/r2/link", {"mac": "02:00:00:00:00:77"}),
            {"router/red/r2", "router/red/r1", "external/internet"},
        ),
        ("external_network", "internet", {"mtu": 1400}, {"external/internet", "router/red/r1", "router/blue/r1"}),
    ],
)
def test_a_change_replaces_what_shows_it_and_nothing_else(net: Network, kind: str, path: str, body: Any, stale: set[str]) -> None:
    after = edit(net, kind, path, body, "patch").network
    assert replaced(net, after) == stale
    assert_same(after, rebuilt(after))


def test_a_tenants_change_replaces_all_of_it(net: Network) -> None:
    after = edit(net, "tenant", "red", {"description": "new"}, "patch").network
    tenants = {"switch/red/web", "switch/red/db", "switch/red/bare", "router/red/r1", "router/red/r2", "external/internet"}
    assert replaced(net, after) == tenants | {"balancer/red/dns", "balancer/red/web", "balancer/red/secret"}
    assert after.balancers["blue"] is net.balancers["blue"]


def test_a_port_that_moves_to_another_switch_takes_its_users_views_along(net: Network) -> None:
    draft = Draft(net)
    port = net.port_by_name["red-1"]
    draft.delete(port)
    moved = type(port)("red", "bare", "red-1", 7777, "new", port.mac, port.addresses)
    draft.put(moved)
    after = draft.freeze(net.revision + 1)
    assert {f.name: p for f, p in after.router_views["red", "r1"].floating_ips}["web"] is moved
    assert after.balancers["red"][2].members[0][1] is moved


def test_a_floating_ip_and_a_member_of_the_same_names_are_two_users_of_a_port(net: Network) -> None:
    net = edit(net, "load_balancer", "red/r1", {"vip": "192.0.2.9", "port": 1, "router": "r2"}).network
    net = edit(net, "member", "red/r1/web", {"port": "red-1"}).network
    assert [user.kind for user in net.users(net.port_by_name["red-1"])] == ["floating_ip", "member", "member"]
    net = delete(net, "member", ("red", "r1", "web"))
    assert [user.ref for user in net.users(net.port_by_name["red-1"])] == [("red", "r1", "web"), ("red", "web", "a")]


def test_what_names_nothing_is_left_out_of_views(net: Network) -> None:
    draft = Draft(net)
    for kind in ("external_network", "port", "switch"):
        for obj in list(draft.table(kind).values()):
            draft.delete(obj)
    after = draft.freeze(net.revision + 1)
    assert after.router_views["red", "r1"].external is None and not after.external_views
    assert after.router_views["red", "r1"].floating_ips == ()
    assert all(view.members == () for view in after.balancers["red"])
    again = Draft(after)
    for kind in ("external_network", "port", "switch"):
        for obj in net.tables[kind].values():
            again.put(obj)
    assert again.freeze(net.revision).views == net.views


def test_what_is_gone_leaves_no_trace(net: Network) -> None:
    for tenant in ("red", "blue"):
        net = delete(net, "tenant", (tenant,), cascade=True)
    net = delete(net, "external_network", ("internet",))
    assert all(not getattr(net.views, field.name) for field in fields(Views))
    assert not (net.by_key or net.vnis or net.zones)


@given(EDITS)
def test_views_are_true_and_shared_whatever_is_edited(edits: list[Edit]) -> None:
    network = START
    for step in edits:
        try:
            after = step.apply(network)
        except Refused:
            continue
        assert_same(after, rebuilt(after))
        for field in ("balancers", "switches", "routers", "externals"):
            old, new = getattr(network.views, field), getattr(after.views, field)
            assert not [ref for ref in new if ref in old and old[ref] == new[ref] and old[ref] is not new[ref]], step
        network = after


@given(EDITS)
def test_documents_and_edits_put_again_change_nothing(edits: list[Edit]) -> None:
    network = START
    for step in edits:
        try:
            network = step.apply(network)
        except Refused:
            continue
        if step.call != "delete":
            assert step.apply(network) is network
    externals, tenants = (
        [parse(kind, to_document(network, obj)) for obj in network.tables[kind].values()]
        for kind in ("external_network", "tenant")
    )
    assert put_network(network, tenants, externals).network is network


@given(EDITS)
def test_numbers_are_unique(edits: list[Edit]) -> None:
    network = START
    for step in edits:
        try:
            network = step.apply(network)
        except Refused:
            continue
    objects = [o for kind, table in network.tables.items() if kind != "tenant" for o in table.values()]
    assert len({o.key for o in objects}) == len({o.uuid for o in objects}) == len(objects) == len(network.by_key)
    uplinks = [port for port in network.tables["router_port"].values() if port.external is not None]
    zones = [*(up.zone for up in uplinks), *(tenant.key for tenant in network.tables["tenant"].values())]
    vnis = [*(up.vni for up in uplinks), *(switch.vni for switch in network.tables["switch"].values())]
    assert len(set(zones)) == len(zones) and len(set(vnis)) == len(vnis) == len(network.vnis)
    assert 0 not in (*zones, *vnis)
