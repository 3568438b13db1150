"""What create, put and patch mean: defaults, what stays, collections, idempotence, where a refusal points."""

from __future__ import annotations

from ipaddress import IPv4Network
from uuid import UUID

import pytest

from ryu_overlay.model.edit import put_tenants, upsert
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import BLUE, RED, by_field, edit, make, parse, refusal, refused, the


@pytest.fixture(scope="module")
def net() -> Network:
    return make(RED, BLUE)


def test_a_new_object_has_its_given_values_and_the_next_revision(net: Network) -> None:
    outcome = edit(net, "switch", "red/new", {"subnets": ["192.168.0.0/24"], "vni": 99})
    switch = the(outcome.network, "switch", "red", "new")
    assert outcome.created
    assert outcome.network.revision == net.revision + 1
    assert (switch.vni, switch.subnets) == (99, (IPv4Network("192.168.0.0/24"),))
    assert UUID(switch.uuid).version == 4
    assert outcome.network.by_key[switch.key] is switch


def test_uuids_come_from_the_given_factory(net: Network) -> None:
    outcome = upsert(net, "tenant", ("green",), {}, "create", new_uuid=lambda: "u-1")
    assert the(outcome.network, "tenant", "green").uuid == "u-1"


def test_put_resets_what_is_left_out_but_what_was_assigned_stays(net: Network) -> None:
    before = the(net, "port", "red", "web", "web-2")
    after = edit(net, "port", "red/web/web-2", {}).network.tables["port"][before.ref]
    assert not before.port_security and after.port_security
    assert (after.mac, after.addresses, after.key, after.uuid) == (before.mac, before.addresses, before.key, before.uuid)


def test_put_of_a_switch_keeps_its_vni_and_its_ports(net: Network) -> None:
    after = edit(net, "switch", "red/bare", {"subnets": ["10.0.9.0/24"]}).network
    assert the(after, "switch", "red", "bare").vni == the(net, "switch", "red", "bare").vni
    outcome = edit(net, "switch", "red/web", {"subnets": ["10.0.1.0/24"]})
    assert outcome.network is net and not outcome.created


def test_patch_changes_only_what_is_given(net: Network) -> None:
    port = the(edit(net, "port", "red/web/web-2", {"enabled": False}, "patch").network, "port", "red", "web", "web-2")
    assert not port.enabled and not port.port_security


def test_patch_moves_a_router_port_from_its_peer_to_a_switch(net: Network) -> None:
    body = {"peer": None, "switch": "bare"}
    port = the(edit(net, "router_port", "red/r1/up", body, "patch").network, "router_port", "red", "r1", "up")
    assert (port.peer, port.switch) == (None, "bare")


def test_patch_reaches_into_the_members_of_a_given_collection(net: Network) -> None:
    body = {"ports": [{"name": "web-2", "enabled": False}]}
    after = edit(net, "switch", "red/web", body, "patch").network
    [port] = after.switch_views["red", "web"].ports
    assert (port.name, port.enabled, port.port_security) == ("web-2", False, False)


def test_a_collection_left_out_stays_and_one_given_becomes_exactly_that(net: Network) -> None:
    web = the(net, "switch", "red", "web")
    kept = edit(net, "tenant", "red", {"description": "x", "switches": RED["switches"][:2]}).network
    assert ("red", "bare") not in kept.switch_views
    assert kept.get("switch", web.ref) == web
    assert kept.router_views["red", "r1"].ports == net.router_views["red", "r1"].ports
    assert edit(net, "switch", "red/web", {"subnets": ["10.0.1.0/24"], "ports": []}).network.switch_views[web.ref].ports == ()


def test_create_finds_what_has_every_given_value(net: Network) -> None:
    for kind, path, body in [
        ("tenant", "red", {"name": "red"}),
        ("tenant", "red", RED),
        ("switch", "red/web", {"name": "web", "vni": 7}),
        ("port", "red/web/web-2", {"port_security": False}),
        ("router_port", "red/r1/up", {"addresses": ["100.64.0.1/30"]}),
        ("route", "red/r1/0.0.0.0/0", {"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.2"]}),
    ]:
        outcome = edit(net, kind, path, body, "create")
        assert outcome.network is net and not outcome.created


def test_create_refuses_what_differs_and_says_where(net: Network) -> None:
    status, problems = refused(net, "port", "red/web/web-1", {"mac": "02:00:00:00:01:ff", "enabled": False}, "create")
    assert status == "conflict"
    assert problems == {
        "mac": "port web-1 is there already with 02:00:00:00:01:0b, not 02:00:00:00:01:ff",
        "enabled": "port web-1 is there already with true, not false",
    }
    body = {"ports": [{"name": "web-1"}, {"name": "new"}]}
    status, problems = refused(net, "switch", "red/web", body, "create")
    assert status == "conflict"
    assert problems == {"ports": "port web-2 is there and is not given", "ports[1]": "port new is not there"}


@pytest.mark.parametrize(
    ("kind", "path", "mode", "field", "reason"),
    [
        ("tenant", "none", "patch", "tenant", "there is no tenant none"),
        ("switch", "none/web", "create", "tenant", "there is no tenant none"),
        ("port", "red/none/p", "put", "switch", "there is no switch none in tenant red"),
        ("router_port", "red/none/p", "put", "router", "there is no router none in tenant red"),
        ("router_port", "red/r1/none", "patch", "port", "there is no router port r1/none in tenant red"),
        ("route", "red/r1/10.9.0.0/16", "patch", "prefix", "there is no route r1/10.9.0.0/16 in tenant red"),
    ],
)
def test_unknown_names_in_the_path(net: Network, kind: str, path: str, mode: str, field: str, reason: str) -> None:
    assert refused(net, kind, path, {}, mode) == ("not_found", {field: reason})


def test_the_name_in_the_body_is_the_one_in_the_path(net: Network) -> None:
    status, problems = refused(net, "switch", "red/web", {"name": "other"})
    assert (status, problems) == ("invalid", {"name": "is web in the path, and cannot be changed"})
    status, problems = refused(net, "route", "red/r1/0.0.0.0/0", {"prefix": "10.0.0.0/8"})
    assert (status, problems) == ("invalid", {"prefix": "is 0.0.0.0/0 in the path, and cannot be changed"})


def test_problems_of_one_body_are_reported_together_with_their_paths() -> None:
    body = {
        "name": "red",
        "description": "bell \x07",
        "switches": [
            {"name": "a", "subnets": ["10.0.0.0/24"], "ports": [{"name": "p"}, {"name": "q", "mac": "01:00:00:00:00:01"}]},
            {"name": "a"},
            {"name": "-b", "vni": 2**22},
        ],
        "routers": [{"name": "r", "ports": [{"name": "x", "addresses": []}], "routes": [{"nexthops": ["10.9.9.9"]}]}],
    }
    error = refusal(lambda: put_tenants(Network(), [parse("tenant", BLUE), parse("tenant", body)]))
    fields = by_field(error.problems)
    assert error.status == "invalid"
    assert set(fields) == {
        "tenants[1].description",
        "tenants[1].switches[0].ports[1].mac",
        "tenants[1].switches[1].name",
        "tenants[1].switches[2].name",
        "tenants[1].switches[2].vni",
        "tenants[1].routers[0].ports[0].addresses",
        "tenants[1].routers[0].routes[0].prefix",
    }
    assert fields["tenants[1].switches[1].name"] == "a is already tenants[1].switches[0]"


def test_at_most_a_hundred_problems() -> None:
    ports = [{"name": f"p{n}", "mac": "00:00:00:00:00:00", "addresses": ["127.0.0.1"]} for n in range(200)]
    body = {"name": "red", "switches": [{"name": "a", "ports": ports}]}
    assert len(refusal(lambda: make(body)).problems) == 100


def test_tenants_are_put_all_or_none(net: Network) -> None:
    bad = {"name": "green", "switches": [{"name": "a", "vni": 7}]}
    error = refusal(lambda: make({"name": "new"}, bad, base=net))
    assert error.status == "conflict"
    assert by_field(error.problems) == {"tenants[1].switches[0].vni": "7 is already switch red/web's"}
    error = refusal(lambda: make({"name": "a"}, {"description": ""}, {"name": "a"}))
    assert by_field(error.problems) == {"tenants[1].name": "is required", "tenants[2].name": "a is already tenants[0]"}


def test_other_tenants_stay(net: Network) -> None:
    outcome = put_tenants(net, [parse("tenant", {"name": "green"}), parse("tenant", {"name": "blue", "switches": []})])
    assert outcome.created
    assert the(outcome.network, "tenant", "red") is the(net, "tenant", "red")
    assert ("blue", "web") not in outcome.network.switch_views
    assert outcome.network.switch_views["red", "web"] is net.switch_views["red", "web"]


def test_a_port_moves_to_another_switch_within_one_document(net: Network) -> None:
    document = {
        **RED,
        "switches": [
            {**RED["switches"][0], "ports": []},
            RED["switches"][1],
            {"name": "bare", "ports": [{"name": "web-1", "mac": "02:00:00:00:01:0b"}]},
        ],
    }
    after = make(document, base=net)
    assert after.find_port("web-1") is the(after, "port", "red", "bare", "web-1")
    assert after.get("port", ("red", "web", "web-1")) is None


def test_numbers_swap_within_one_document(net: Network) -> None:
    body = {"switches": [{"name": "web", "vni": 50}, {"name": "db", "vni": 7}, {"name": "bare"}]}
    after = edit(net, "tenant", "red", body, "patch").network
    assert after.vnis[7] == ("red", "db")
    ports = [
        {"name": "web-1", "mac": "02:00:00:00:01:0c", "addresses": ["10.0.1.12"]},
        {"name": "web-2", "mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11"]},
    ]
    after = edit(net, "switch", "red/web", {"ports": ports}, "patch").network
    assert str(the(after, "port", "red", "web", "web-1").addresses[0]) == "10.0.1.12"


def test_null_for_what_is_assigned_is_the_same_as_leaving_it_out(net: Network) -> None:
    given = {"mac": None, "addresses": None}
    assert upsert(net, "port", ("red", "web", "web-1"), given, "put").network is net
    port = the(upsert(net, "port", ("red", "web", "p"), given, "put").network, "port", "red", "web", "p")
    assert port.mac and port.addresses


def test_read_only_fields_are_ignored(net: Network) -> None:
    given = {"uuid": "x", "key": 5, "binding": None, "enabled": True}
    assert upsert(net, "port", ("red", "web", "web-1"), given, "put").network is net
