"""What stands in the way of a delete, and what a cascade takes along."""

from __future__ import annotations

import pytest

from ryu_overlay.model.edit import delete, put_tenants
from ryu_overlay.model.network import Network, changes
from ryu_overlay.model.validate import validate_all
from tests.unit.model.bodies import BLUE, RED, edit, make, parse, refusal, the, to_ref


@pytest.fixture(scope="module")
def net() -> Network:
    return make(RED, BLUE)


def obstacles(net: Network, kind: str, path: str) -> list[tuple[str, str]]:
    error = refusal(lambda: delete(net, kind, to_ref(kind, path)))
    assert error.status == "conflict"
    return [(p.field, p.reason) for p in error.problems]


def cascade(net: Network, kind: str, path: str) -> tuple[Network, list[str], list[str]]:
    """The network after a cascade, and what it changed and deleted as `kind a/b`."""
    after = delete(net, kind, to_ref(kind, path), cascade=True)
    assert after.revision == net.revision + 1
    assert validate_all(after) == ()
    puts, deletes = changes(net, after)
    shown = [[f"{o.kind} {'/'.join(o.ref[1:])}" for o in objects] for objects in (puts, deletes)]
    return after, sorted(shown[0]), sorted(shown[1])


def test_what_is_in_use(net: Network) -> None:
    assert obstacles(net, "tenant", "blue") == [("tenant", "switch web is in it")]
    assert obstacles(net, "switch", "red/web") == [
        ("switch", "port web-1 is in it"),
        ("switch", "port web-2 is in it"),
        ("switch", "router port r1/web is attached to it"),
    ]
    assert obstacles(net, "router", "red/r1") == [
        ("router", "router port r1/up is in it"),
        ("router", "router port r1/web is in it"),
        ("router", "route 0.0.0.0/0 of router r1 is in it"),
    ]
    assert obstacles(net, "router_port", "red/r2/down") == [
        ("port", "router port r1/up has it as its peer"),
        ("port", "route 10.0.1.0/24 of router r2 goes out of it to 100.64.0.1"),
    ]
    assert obstacles(net, "router_port", "red/r1/up") == [("port", "route 0.0.0.0/0 of router r1 goes out of it to 100.64.0.2")]


def test_what_is_not_in_use(net: Network) -> None:
    for kind, path in [
        ("port", "red/web/web-1"),
        ("switch", "red/bare"),
        ("router_port", "red/r1/web"),
        ("route", "red/r1/0.0.0.0/0"),
    ]:
        after = delete(net, kind, to_ref(kind, path))
        assert after.get(kind, to_ref(kind, path)) is None
        assert validate_all(after) == ()


@pytest.mark.parametrize(
    ("kind", "path", "field"),
    [
        ("tenant", "no", "tenant"),
        ("port", "red/web/no", "port"),
        ("port", "no/web/web-1", "tenant"),
        ("route", "red/r1/10.0.0.0/8", "prefix"),
    ],
)
def test_what_is_not_there(net: Network, kind: str, path: str, field: str) -> None:
    error = refusal(lambda: delete(net, kind, to_ref(kind, path), cascade=True))
    assert (error.status, [p.field for p in error.problems]) == ("not_found", [field])


def test_a_switch_takes_its_ports_and_what_is_attached(net: Network) -> None:
    route = {"nexthops": ["10.0.1.11"]}
    more = edit(
        edit(net, "route", "red/r1/10.9.0.0/16", route).network,
        "route",
        "red/r1/0.0.0.0/0",
        {"nexthops": ["10.0.1.11", "100.64.0.2"]},
    ).network
    after, puts, deletes = cascade(more, "switch", "red/web")
    assert puts == ["route r1/0.0.0.0/0"]
    assert deletes == ["port web/web-1", "port web/web-2", "route r1/10.9.0.0/16", "router_port r1/web", "switch web"]
    assert [str(h) for h in the(after, "route", "red", "r1", "0.0.0.0/0").nexthops] == ["100.64.0.2"]


def test_a_router_leaves_the_far_port_without_a_peer(net: Network) -> None:
    after, puts, deletes = cascade(net, "router", "red/r2")
    assert puts == ["router_port r1/up"]
    assert deletes == ["route r2/10.0.1.0/24", "router r2", "router_port r2/db", "router_port r2/down"]
    assert the(after, "router_port", "red", "r1", "up").peer is None
    assert after.router_views["red", "r1"].peers == {}


def test_a_router_port_takes_the_routes_it_alone_carries(net: Network) -> None:
    _, puts, deletes = cascade(net, "router_port", "red/r2/down")
    assert (puts, deletes) == (["router_port r1/up"], ["route r2/10.0.1.0/24", "router_port r2/down"])


def test_a_tenant_goes_with_everything_in_it_and_nothing_else(net: Network) -> None:
    after, puts, _ = cascade(net, "tenant", "red")
    assert puts == []
    assert {ref[0] for table in after.tables.values() for ref in table} == {"blue"}
    assert after.switch_views["blue", "web"] is net.switch_views["blue", "web"]
    assert list(after.port_by_name) == ["blue-1"]
    assert put_tenants(after, [parse("tenant", RED)]).created
