"""Captures over REST: what is asked for, what is refused, and that the stream is handed on as it is."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.oam.capture import MAX_POINTS, MAX_SECONDS, Busy, NotPossible, NotReady
from ryu_overlay.oam.filters import parse_filter
from tests.unit.northbound.memory import Caller, MemoryService

PATH = "/v1/captures"
POINT = "port:web-1"


def test_the_answer_is_the_stream(call: Caller, service: MemoryService) -> None:
    body = {"points": [POINT, "tunnel:hv1/*"], "filter": "tcp port 80", "packets": 5, "seconds": 6, "rate": 7, "snaplen": 96}
    status, nothing, response = call("POST", PATH, body)
    (stream,) = service.captures.streams
    assert (status, nothing, response.content_type) == (201, None, "application/x-pcapng")
    assert response.headers["Location"] == f"{PATH}/1" and response.stream is stream
    wanted = stream.wanted
    assert (wanted.points, wanted.filter) == ((POINT, "tunnel:hv1/*"), parse_filter("tcp port 80"))
    assert (wanted.packets, wanted.seconds, wanted.rate, wanted.snaplen) == (5, 6, 7, 96)


def test_what_is_not_given_has_a_default(call: Caller, service: MemoryService) -> None:
    assert call("POST", PATH, {"points": [POINT], "rate": 0})[0] == 201
    wanted = service.captures.streams[0].wanted
    assert wanted.filter == parse_filter("") and wanted.rate is None
    assert (wanted.packets, wanted.seconds, wanted.snaplen) == (100_000, 600, 65_535)


WRONG: list[tuple[Any, str, str]] = [
    ({}, "points", "is required"),
    ({"points": []}, "points", "needs at least 1"),
    ({"points": [f"port:p{n}" for n in range(MAX_POINTS + 1)]}, "points", f"at most {MAX_POINTS} are allowed"),
    ({"points": POINT}, "points", "must be a list"),
    ({"points": [POINT, 5]}, "points[1]", "must be a string"),
    ({"points": ["x" * 301]}, "points[0]", ""),
    ({"points": [POINT], "filter": 5}, "filter", "must be a string"),
    (
        {"points": [POINT], "filter": "not tcp"},
        "filter",
        "'not' cannot be had: a flow matches what a packet is, not what it is not",
    ),
    ({"points": [POINT], "filter": "tcp or " * 100 + "udp"}, "filter", ""),
    ({"points": [POINT], "packets": 0}, "packets", "must be at least 1"),
    ({"points": [POINT], "seconds": MAX_SECONDS + 1}, "seconds", f"must be at most {MAX_SECONDS}"),
    ({"points": [POINT], "seconds": 1.5}, "seconds", "must be a whole number"),
    ({"points": [POINT], "rate": -1}, "rate", "must be at least 0"),
    ({"points": [POINT], "snaplen": 13}, "snaplen", "must be at least 14"),
    ({"points": [POINT], "snaplen": True}, "snaplen", "must be a whole number"),
    ({"points": [POINT], "file": "/tmp/x"}, "file", "is not a field of this object"),
]


@pytest.mark.parametrize(("body", "field", "reason"), WRONG)
def test_what_is_wrong_is_told_by_field_before_anything_begins(
    call: Caller, service: MemoryService, body: Any, field: str, reason: str
) -> None:
    status, document, _ = call("POST", PATH, body)
    assert status == 422 and document["errors"][0]["field"] == field
    assert reason in document["errors"][0]["reason"]
    assert not service.captures.streams


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(NotPossible("points[0]", "no"), 422), (Busy("rate", "none left"), 409), (NotReady("points[0]", "hv1 is away"), 503)],
)
def test_what_cannot_be_begun_is_told(call: Caller, service: MemoryService, refusal: NotPossible, status: int) -> None:
    service.captures.refusal = refusal
    got, document, response = call("POST", PATH, {"points": [POINT]})
    assert (got, response.stream) == (status, None)
    assert document["errors"] == [{"field": refusal.field, "reason": refusal.reason}]


def test_running_ones_are_listed_and_ended(call: Caller, service: MemoryService) -> None:
    assert call("GET", PATH)[1] == {"captures": []}
    for words in ("icmp", ""):
        call("POST", PATH, {"points": [POINT], "filter": words})
    listed = call("GET", PATH)[1]["captures"]
    assert [(c["capture"], c["filter"]) for c in listed] == [(1, "icmp"), (2, "")]
    assert listed[0]["points"] == [{"point": POINT, "received": 7, "captured": 5, "missing": 2}]
    assert (listed[0]["began"], listed[0]["chassis"], listed[0]["rate"]) == ("2024-05-01T12:30:00Z", ["hv1"], 1000)
    assert call("DELETE", f"{PATH}/1")[0] == 204
    assert [c["capture"] for c in call("GET", PATH)[1]["captures"]] == [2]


@pytest.mark.parametrize("name", ["1", "0", "01", "-1", "x", "9" * 40, "1 "])
def test_one_that_does_not_run_is_not_ended(call: Caller, name: str) -> None:
    status, document, _ = call("DELETE", f"{PATH}/{name}")
    assert (status, document["errors"][0]["field"]) == (404, "capture")
