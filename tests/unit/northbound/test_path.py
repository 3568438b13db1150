"""Questions about paths over REST: ways there and back, what a change would do, and what is wrong with a question."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.engine import knowledge
from ryu_overlay.model.walk import Facts
from ryu_overlay.northbound import oam_path
from tests.unit.northbound.memory import UPSTREAM, Caller, MemoryService

PATH, CHANGES = "/v1/path", "/v1/path/changes"


@pytest.fixture
def out(call: Caller) -> Caller:
    """Scenario way-out."""
    assert call("PUT", "/v1/network", WAY_OUT.document)[0] == 200
    return call


def red(**router: Any) -> dict[str, Any]:
    """A change of red's router."""
    tenant = copy.deepcopy(WAY_OUT.document["tenants"][0])
    tenant["routers"][0] |= router
    return {"tenants": [tenant]}


def ask(call: Caller, path: str = PATH, **body: Any) -> dict[str, Any]:
    """The answer; asking changes nothing."""
    body = {name.rstrip("_"): value for name, value in body.items()}
    before = call.service.network
    status, answer, _ = call("POST", path, body)
    assert status == 200, answer
    assert call.service.network is before
    return dict(answer)


def test_there_and_back_through_snat(out: Caller) -> None:
    answer = ask(out, from_="green-b-2", to="198.51.100.10")
    trip = answer["before"]
    assert (answer["after"], answer["change"]) == (None, None)
    assert (trip["talks"], trip["reason"], trip["ways"], trip["talking"], trip["complete"]) == (True, None, 1, 1, True)
    assert trip["sentence"] == "left by internet to 203.0.113.1; answer: delivered to green-b-2"
    kinds = ["port", "switch", "router", "router", "switch", "router", "nat", "external"]
    assert [hop["kind"] for hop in trip["there"]["hops"]] == kinds
    nat = trip["there"]["hops"][6]
    assert (nat["name"], nat["direction"], nat["rule"], nat["after"]["src"]) == (
        *("green/r1/up", "out", "snat green/r1/all"),
        "203.0.113.13",
    )
    assert trip["there"]["outcome"]["mac"] == UPSTREAM
    assert trip["back"]["outcome"]["arrivals"][0]["port"] == "green-b-2"


def test_all_that_can_be_asked(out: Caller) -> None:
    sent: dict[str, Any] = {
        "protocol": "tcp",
        "port": 80,
        "source_port": 1234,
        "size": 1400,
        "ttl": 9,
        "df": True,
        "source": "10.0.1.11",
    }
    packet = ask(out, from_="red-web-1", to="203.0.113.20", **sent)["before"]["there"]["hops"][0]["packet"]
    assert packet.items() >= {"protocol": "tcp", "ports": [1234, 80], "size": 1400, "ttl": 9, "df": True}.items()
    number = ask(out, from_="red-web-1", to="red-db-1", protocol=47)["before"]["there"]["hops"][0]["packet"]
    assert (number["protocol"], number["ports"], number["dst"]) == ("47", None, "10.0.2.11")
    outside = ask(out, from_="outside:internet/198.51.100.7", to="203.0.113.31")["before"]
    assert outside["there"]["hops"][0]["packet"]["src"] == "198.51.100.7" and outside["talks"]
    uuid = out("GET", "/v1/ports/red-web-1")[1]["uuid"]
    assert ask(out, from_=uuid, to="red-db-1")["before"]["there"]["hops"][0]["name"] == "red-web-1"


def test_ways_and_choices(out: Caller) -> None:
    trip = ask(out, from_="red-web-1", to="203.0.113.20", protocol="tcp", port=80)["before"]
    assert (trip["ways"], trip["talking"], trip["complete"]) == (3, 3, True)
    assert trip["choices"] == [{"taken": "member red/public/m1", "of": 3}]


def test_an_answer_on_the_way_has_its_way_back(out: Caller) -> None:
    trip = ask(out, from_="green-b-2", to="198.51.100.10", ttl=2)["before"]
    assert (trip["talks"], trip["part"], trip["reason"], trip["back"]) == (False, "way", "ttl_exceeded", None)
    outcome = trip["there"]["outcome"]
    assert outcome["back"]["hops"][0].items() >= {"kind": "answer", "name": "green/r2/r3", "rule": "ttl_exceeded"}.items()


def test_before_and_after_a_change(out: Caller) -> None:
    answer = ask(out, from_="red-web-1", to="203.0.113.1", change=red(snats=[]))
    assert answer["change"] == {"created": [], "changed": [], "deleted": [{"kind": "snat", "name": "red/r1/all"}]}
    assert answer["before"]["talks"] and not answer["after"]["talks"]
    assert (answer["after"]["reason"], answer["after"]["there"]["outcome"]["at"]) == ("not_translated", "nat red/r1/up")


def test_a_change_may_take_an_end_away_or_bring_it(out: Caller) -> None:
    change = red()
    change["tenants"][0]["switches"][0]["ports"].append({"name": "red-web-9", "addresses": ["10.0.1.99"]})
    answer = ask(out, from_="red-web-9", to="red-db-1", change=change)
    assert answer["before"]["unsent"] == {"field": "from", "reason": "there is no port red-web-9", "code": "no_such_port"}
    assert answer["before"]["there"] is None and answer["after"]["talks"]


def test_which_pairs_a_change_stops(out: Caller, service: MemoryService) -> None:
    answer = ask(out, CHANGES, change=red(snats=[]))
    assert answer["tenants"] == ["red"] and (answer["left_out"], answer["limit"]) == (0, None)
    assert answer["counts"] == {"stops": 5, "partly": 0, "starts": 0, "otherwise": 0}
    assert sorted(name for d in answer["differences"] for name in d["senders"]) == [
        *("red-db-1", "red-db-2", "red-db-3"),
        *("red-web-1", "red-web-2"),
    ]
    assert {d["after"]["reason"] for d in answer["differences"]} == {"not_translated"}
    assert service.breaths == answer["questions"] > 0
    assert ask(out, CHANGES, change={"tenants": []})["pairs"] == 0


def test_when_time_is_up_the_rest_is_left_out(out: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oam_path, "MAX_SECONDS", 0.0)
    answer = ask(out, CHANGES, change=red(snats=[]))
    assert (answer["pairs"], answer["limit"], answer["differences"]) == (0, "time", []) and answer["left_out"] == 70


def test_what_the_running_network_knows(out: Caller) -> None:
    """Members that failed their checks, and those that are bound nowhere, are not in service."""
    network = out.service.network
    members = network.tables["member"]
    dead, unbound = members["red", "public", "m1"], members["red", "public", "m2"]
    engine: Any = SimpleNamespace(
        mtu=1450,
        members=SimpleNamespace(dead=frozenset({dead.key})),
        bindings=SimpleNamespace(spot=lambda port: None if port.name == unbound.port else "somewhere"),
        outside=SimpleNamespace(neighbours=SimpleNamespace(macs={("internet",): {}})),
    )
    found = knowledge.facts(engine, network)
    behind = {m.key for m in members.values() if m.port == unbound.port}
    assert found == Facts(1450, {("internet",): {}}, frozenset({dead.key, *behind}))


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"from", "to"}, {}),
        ({"from"}, {"from": "nobody", "to": "red-db-1"}),
        ({"from"}, {"from": "outside:internet/300.1.1.1", "to": "203.0.113.31"}),
        ({"from"}, {"from": "red/web/red-web-1", "to": "203.0.113.31"}),
        ({"from"}, {"from": 7, "to": "203.0.113.31"}),
        ({"from", "sender"}, {"sender": "red-web-1", "to": "red-db-1"}),
        ({"to"}, {"from": "red-web-1", "to": "10.0.1.0/24"}),
        ({"to"}, {"from": "red-web-1", "to": "10.0.1.77"}),
        ({"protocol"}, {"from": "red-web-1", "to": "red-db-1", "protocol": "gre"}),
        ({"protocol"}, {"from": "red-web-1", "to": "red-db-1", "protocol": True}),
        ({"protocol"}, {"from": "red-web-1", "to": "red-db-1", "protocol": 256}),
        ({"protocol"}, {"from": "red-web-1", "to": "red-db-1", "protocol": None}),
        ({"port"}, {"from": "red-web-1", "to": "red-db-1", "protocol": "udp"}),
        ({"port"}, {"from": "red-web-1", "to": "red-db-1", "protocol": "udp", "port": 65536}),
        ({"source_port"}, {"from": "red-web-1", "to": "red-db-1", "source_port": 1}),
        ({"size"}, {"from": "red-web-1", "to": "red-db-1", "size": 20}),
        ({"size"}, {"from": "red-web-1", "to": "red-db-1", "size": 65536}),
        ({"ttl"}, {"from": "red-web-1", "to": "red-db-1", "ttl": 0}),
        ({"source"}, {"from": "red-web-1", "to": "red-db-1", "source": "::1"}),
        ({"colour"}, {"from": "red-web-1", "to": "red-db-1", "colour": "red"}),
        ({"change.tenants[0].name"}, {"from": "red-web-1", "to": "red-db-1", "change": {"tenants": [{}]}}),
    ],
)
def test_what_is_wrong_is_named(out: Caller, fields: set[str], body: dict[str, Any]) -> None:
    assert set(out.refused(422, "POST", PATH, body)) == fields


def test_a_change_that_would_be_refused_is_refused_with_its_fields(out: Caller) -> None:
    change = red(snats=[{"name": "x", "prefixes": ["10.0.0.0/16"], "addresses": ["192.0.2.1"]}])
    for path, rest in ((PATH, {"from": "red-web-1", "to": "red-db-1"}), (CHANGES, {})):
        [field] = out.refused(422, "POST", path, {**rest, "change": change})
        assert field == "change.tenants[0].routers[0].snats[0].addresses[0]"
    assert set(out.refused(422, "POST", CHANGES, {})) == {"change"}
    assert set(out.refused(422, "POST", CHANGES, {"change": red(snats=[]), "port": 80})) == {"port"}
