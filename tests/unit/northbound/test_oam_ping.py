"""Pings over REST: what is sent, what is refused and by which field, and that answers come as they are, a line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.model.walk_values import ICMP, Ip
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.world import Unable
from tests.unit.northbound.memory import Caller, MemoryService

PATH = "/v1/ping"
BODY = {"from": "red-web-1", "to": "red-db-3"}
ONE = Echo(1, "ok", "none", "delivered to red-db-3", 1.5, 0.5, 0.7, 0.3)
TWO = Echo(2, "lost_in_underlay", "physical", "lost between hv-alpha and hv-beta")
SUM = Summary(2, 1, 0, 1, 1.5, 1.5, 1.5)


@pytest.fixture
def out(call: Caller, service: MemoryService) -> Caller:
    """Scenario way-out."""
    assert call("PUT", "/v1/network", WAY_OUT.document)[0] == 200
    service.echoes = [ONE, TWO, SUM]
    return call


def lines(call: Caller, body: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    response = call.raw("POST", PATH, json.dumps(body).encode(), query)
    assert (response.status, response.content_type) == (200, "application/x-ndjson")
    assert response.stream is not None
    parts = list(response.stream)
    assert all(part.endswith(b"\n") and part.count(b"\n") == 1 for part in parts)
    return [json.loads(part) for part in parts]


def test_answers_are_lines_and_the_summary_is_the_last(out: Caller, service: MemoryService) -> None:
    first, second, last = lines(out, BODY)
    assert first == {
        "reply": "echo",
        "seq": 1,
        "kind": "ok",
        "layer": "none",
        "sentence": "delivered to red-db-3",
        "ms": 1.5,
        "there_ms": 0.5,
        "guest_ms": 0.7,
        "back_ms": 0.3,
    }
    assert (second["kind"], second["ms"], second["reply"]) == ("lost_in_underlay", None, "echo")
    assert last == {
        "reply": "summary",
        "sent": 2,
        "received": 1,
        "guest_silent": 0,
        "network_lost": 1,
        "min_ms": 1.5,
        "avg_ms": 1.5,
        "max_ms": 1.5,
    }


def test_what_is_not_given_has_a_default(out: Caller, service: MemoryService) -> None:
    lines(out, BODY)
    [(begun, count, interval, chassis)] = service.pinged
    body = begun.packet.body
    assert (count, interval, chassis) == (5, 1.0, None)
    assert isinstance(body, Ip) and (body.proto, body.ttl, body.size, body.df) == (ICMP, 64, None, False)
    assert (str(body.src), str(body.dst)) == ("10.0.1.11", "10.0.2.13")


def test_all_that_is_given_is_sent(out: Caller, service: MemoryService) -> None:
    given = {"from": "router:red/r1", "source": "10.0.2.1", "count": 9, "interval": 0.25, "size": 1000, "ttl": 5, "df": True}
    lines(out, {**BODY, **given, "chassis": "hv2"})
    [(begun, count, interval, chassis)] = service.pinged
    body = begun.packet.body
    assert begun.at == ("red", "r1") and (count, interval, chassis) == (9, 0.25, "hv2")
    assert isinstance(body, Ip) and (body.src, body.size, body.ttl, body.df) == (IPv4Address("10.0.2.1"), 1000, 5, True)


@pytest.mark.parametrize("sender", ["red-web-1", "router:red/r1", "router:red/r1/web"])
def test_who_may_ping(out: Caller, service: MemoryService, sender: str) -> None:
    lines(out, {**BODY, "from": sender})
    assert len(service.pinged) == 1


WRONG: list[tuple[str, Any]] = [
    *(("from", sender) for sender in ("nobody", "outside:internet", "router:red", "router:red/r1/web/x", "router:red/r9", "", 5)),
    *(("to", to) for to in ("nobody", "10.0.1", 5, "10.0.1.11", "")),
    *(("source", source) for source in ("10.0.1", 5, "::1")),
    *(("count", count) for count in (0, 10001, 1.5, "3", True)),
    *(("interval", interval) for interval in (0, 0.009, 61, "1")),
    *(("size", size) for size in (27, 65_001, 65_536, "28")),
    *(("ttl", ttl) for ttl in (0, 256)),
    ("df", "yes"),
    ("chassis", 5),
    ("chassis", "x" * 300),
    ("deliver", True),
    ("protocol", "tcp"),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_sent(out: Caller, service: MemoryService, field: str, value: Any) -> None:
    assert set(out.refused(422, "POST", PATH, {**BODY, field: value})) == {field}
    assert service.pinged == []


def test_what_is_missing_is_named(out: Caller, service: MemoryService) -> None:
    assert set(out.refused(422, "POST", PATH, {})) == {"from", "to"}
    assert set(out.refused(422, "POST", PATH, {**BODY, "from": "router:red/r1", "source": "10.9.9.9"})) == {"source"}


@pytest.mark.parametrize(
    ("field", "reason", "code"),
    [
        ("from", "port red-web-1 is bound on no chassis", "not_bound"),
        ("from", "64 traces run already", "busy"),
        ("chassis", "router red/r1 does not reach chassis hv9", "not_bound"),
    ],
)
def test_what_cannot_be_sent(out: Caller, service: MemoryService, field: str, reason: str, code: Any) -> None:
    service.unable = Unable(field, reason, code)
    assert out.refused(409, "POST", PATH, BODY) == {field: reason}
    [told] = out.refused(409, "POST", PATH, BODY, query="tenant=red").values()
    assert told != reason and "chassis" not in told and "hv" not in told


def test_each_is_told_when_it_has_come(out: Caller, service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def ping(start: Start, count: int, interval: float, chassis: str | None) -> Iterator[Echo | Summary]:
        for echo in (ONE, TWO, SUM):
            sent.append(len(sent))
            yield echo

    monkeypatch.setattr(service, "ping", ping)
    response = out.raw("POST", PATH, json.dumps(BODY).encode())
    assert response.stream is not None
    stream = iter(response.stream)
    assert len(sent) == 1, "the first is waited for: what cannot be sent has to be refused"
    for expected in (1, 2, 3):
        next(stream)
        assert len(sent) == expected


def test_pings_end_where_nobody_listens_any_more(out: Caller, service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def ping(*_: object) -> Iterator[Echo | Summary]:
        try:
            yield ONE
            yield SUM
        finally:
            ended.append(True)

    monkeypatch.setattr(service, "ping", ping)
    response = out.raw("POST", PATH, json.dumps(BODY).encode())
    assert response.stream is not None and not ended
    del response
    assert ended


def test_a_tenant_sees_no_chassis(out: Caller) -> None:
    first, second, last = lines(out, BODY, "tenant=red")
    assert (first["kind"], first["guest_ms"], last["sent"]) == ("ok", 0.7, 2)
    assert second["kind"] == "provider" and "hv" not in str(second)


def test_a_tenant_pings_from_its_own_only(out: Caller, service: MemoryService) -> None:
    for body in ({**BODY, "from": "blue-web-1"}, {**BODY, "from": "router:blue/r1"}):
        assert set(out.refused(422, "POST", PATH, body, query="tenant=red")) == {"from"}
    assert set(out.refused(422, "POST", PATH, {**BODY, "to": "blue-web-1"}, query="tenant=red")) == {"to"}
    assert set(out.refused(422, "POST", PATH, {**BODY, "chassis": "hv1"}, query="tenant=red")) == {"chassis"}
    assert set(out.refused(404, "POST", PATH, BODY, query="tenant=grey")) == {"tenant"}
    assert service.pinged == []
