"""Steady monitoring over REST: what is told of faults, the stream, silences, impact, and what is refused."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest

from tests.unit.northbound.memory import Caller, MemoryService
from tests.unit.northbound.memory_health import DOWN, MISSING, OFF, SINCE, fault

SILENCES = "/v1/health/silences"
DOCUMENT = {
    "id": "f3",
    "text": "link hv2 carries nothing",
    "layer": "underlay",
    "kind": "down",
    "element": "link hv2",
    "provider": True,
    "since": "2024-05-01T12:30:00Z",
    "raised": "2024-05-01T12:30:00.250000Z",
    "until": None,
    "flaps": 2,
    "quiet": "",
    "evidence": ["evidence of f3"],
    "check": ["check f3"],
    "impact": {
        "tenants": ["blue", "red"],
        "switches": ["blue/a", "red/db", "red/web"],
        "routers": ["red/r1"],
        "ports": ["b-1", "web-1"],
        "floating_ips": ["red/r1/web"],
    },
}


def seconds_from_now(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - time.time()


def test_everything_at_one_moment(call: Caller) -> None:
    report = call("GET", "/v1/health")[1]
    assert report["at"] == "2024-05-01T12:31:33Z" and report["silences"] == []
    assert [layer["layer"] for layer in report["layers"]] == ["underlay", "tunnel", "host", "virtual", "guest"]
    assert report["layers"][1] == {
        "layer": "tunnel",
        "state": "unknown",
        "watched": 10,
        "unknown": 1,
        "faults": 0,
        "by": "what watches the tunnel",
    }
    assert [fault["id"] for fault in report["faults"]] == ["f4", "f3", "f2", "f1", "f0"]
    assert report["faults"][1] == DOCUMENT


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["f4", "f3", "f2", "f1", "f0"]),
        ("layer=underlay", ["f3", "f2"]),
        ("state=lasting", ["f4", "f3", "f2"]),
        ("state=ended&layer=virtual", ["f1", "f0"]),
        ("quiet=true", ["f2"]),
        ("quiet=false&state=lasting", ["f4", "f3"]),
    ],
)
def test_faults_by_layer_state_and_quiet(call: Caller, query: str, ids: list[str]) -> None:
    assert [fault["id"] for fault in call("GET", "/v1/health/faults", query=query)[1]["faults"]] == ids


@pytest.mark.parametrize("query", ["layer=physical", "state=", "quiet=silenced"])
def test_what_faults_are_not_chosen_by(call: Caller, query: str) -> None:
    assert list(call.refused(400, "GET", "/v1/health/faults", query=query)) == [query.partition("=")[0]]


def test_one_fault(call: Caller) -> None:
    assert call("GET", "/v1/health/faults/f3")[:2] == (200, DOCUMENT)
    over = call("GET", "/v1/health/faults/f1")[1]
    assert (over["until"], over["element"]) == ("2024-05-01T12:20:00.500000Z", MISSING.verdict.element.text)
    assert call("GET", "/v1/health/faults/f4")[1]["provider"] is False
    assert call.refused(404, "GET", "/v1/health/faults/f9") == {"fault": "there is no fault f9"}


def test_events_come_a_line_each_and_beats_as_empty_ones(call: Caller, service: MemoryService) -> None:
    service.health.events = [DOWN, None, OFF]
    response = call.raw("GET", "/v1/health/events")
    assert (response.status, response.content_type) == (200, "application/x-ndjson") and response.stream is not None
    lines = list(response.stream)
    assert [lines[0], lines[2]] == [b"\n", b"\n"] and all(line.count(b"\n") == 1 for line in lines)
    assert json.loads(lines[1]) == DOCUMENT and json.loads(lines[3])["id"] == "f4"


def test_who_leaves_the_stream_is_watching_no_more(call: Caller, service: MemoryService) -> None:
    service.health.events = [DOWN] * 3
    stream: Any = call.raw("GET", "/v1/health/events").stream
    assert [next(stream) for _ in range(2)] and service.health.watching == 1
    stream.close()
    assert service.health.watching == 0


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("element/link hv2", "link hv2"),
        ("element/ link_in hv2", "link-in hv2"),
        ("element/vni red/web hv1>hv2", "vni red/web hv1>hv2"),
        ("chassis/hv2", "hv2"),
    ],
)
def test_a_silence_is_made_replaced_and_taken_back(call: Caller, typed: str, name: str) -> None:
    path, what = f"{SILENCES}/{typed}", typed.partition("/")[0]
    status, made, response = call("PUT", path, {"seconds": 3600, "reason": "new cable"})
    assert status == 201 and response.headers["Location"].startswith(f"{SILENCES}/{what}/")
    assert (made["what"], made["name"], made["reason"]) == (what, name, "new cable")
    assert 3590 < seconds_from_now(made["until"]) <= 3600
    assert call("PUT", path, {"seconds": None})[:2] == (200, {**made, "until": None, "reason": ""})
    assert call("PUT", path, {})[0] == 200
    assert call("GET", SILENCES)[1] == {"silences": call("GET", "/v1/health")[1]["silences"]}
    assert len(call("GET", SILENCES)[1]["silences"]) == 1
    assert call("DELETE", path)[0] == 204
    assert call.refused(404, "DELETE", path) == {"name": f"{what} {name} is not silenced"}
    assert call("GET", SILENCES)[1] == {"silences": []}


def test_the_location_of_a_silence_leads_to_it(call: Caller) -> None:
    location = call("PUT", f"{SILENCES}/element/vni red/web hv1>hv2", {})[2].headers["Location"]
    assert location == f"{SILENCES}/element/vni%20red%2Fweb%20hv1%3Ehv2"


@pytest.mark.parametrize(
    ("typed", "status", "field", "reason"),
    [
        ("layer/host", 404, "what", "must be element or chassis, not layer"),
        ("chassis/hv9", 404, "chassis", "there is no chassis hv9"),
        ("element/link hv9", 404, "name", "there is no hv9"),
        ("element/hv2", 422, "name", "'hv2' is no kind of element"),
        ("element/tunnel hv1", 422, "name", "tunnel needs 2 names: chassis, chassis"),
        ("element/port " + "x" * 8000, 422, "name", "is longer than"),
    ],
)
def test_what_cannot_be_silenced(call: Caller, typed: str, status: int, field: str, reason: str) -> None:
    told = call.refused(status, "PUT", f"{SILENCES}/{typed}", {})
    assert list(told) == [field] and told[field].startswith(reason)
    assert call("GET", SILENCES)[1] == {"silences": []}


def test_a_fault_of_what_no_model_knows_can_be_silenced(call: Caller, service: MemoryService) -> None:
    path = f"{SILENCES}/element/flow hv7 table=3 nobody's"
    assert call("PUT", path, {})[0] == 404
    service.health.faults = (fault("f5", "flow_foreign", "flow hv7 table=3 nobody's", SINCE),)
    assert call("PUT", path, {})[0] == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": 366 * 86_400 + 1}, "seconds"),
        ({"seconds": "3600"}, "seconds"),
        ({"reason": "x" * 2000}, "reason"),
        ({"reason": None}, "reason"),
        ({"until": "2024-05-01T12:30:00Z"}, "until"),
    ],
)
def test_a_silence_that_is_wrong(call: Caller, body: Any, field: str) -> None:
    assert list(call.refused(422, "PUT", f"{SILENCES}/chassis/hv1", body)) == [field]


def test_impact(call: Caller) -> None:
    assert call("GET", "/v1/impact", query="element=link_in%20hv2")[1] == {
        "element": "link-in hv2",
        "impact": DOCUMENT["impact"],
    }
    assert call("GET", "/v1/impact", query="element=tunnel%20hv1>hv1")[1]["impact"]["ports"] == []
    assert call.refused(404, "GET", "/v1/impact", query="element=link%20hv9") == {"element": "there is no hv9"}
    assert call.refused(400, "GET", "/v1/impact") == {"element": "is required"}
    wrong = call.refused(400, "GET", "/v1/impact", query="element=cable%201")["element"]
    assert wrong.startswith("'cable' is no kind of element; known are link, link-in")


def test_depends(red: Caller) -> None:
    uuid = red("GET", "/v1/ports/web-1")[1]["uuid"]
    for name in ("web-1", uuid):
        found = red("GET", "/v1/depends", query=f"port={name}")[1]
        assert (found["port"], found["tenant"], found["switch"]) == ("web-1", "red", "web")
        assert found["elements"] == ["vnic hv2 web-1", "vni red/web hv1>hv2"]
    assert red.refused(404, "GET", "/v1/depends", query="port=web-9") == {"port": "there is no port web-9"}
    assert red.refused(400, "GET", "/v1/depends", query="chassis=hv1") == {
        "port": "is required",
        "chassis": "is not a query parameter here; known: port",
    }


def test_the_plan(call: Caller) -> None:
    assert call("GET", "/v1/health/plan")[1]["lines"][0] == "3 elements, 2 paths"


def test_the_document_says_what_is_required(call: Caller) -> None:
    document = call("GET", "/v1/openapi.json")[1]
    assert document["paths"]["/v1/impact"]["get"]["parameters"][0]["required"] is True
    assert "required" not in document["paths"]["/v1/health/faults"]["get"]["parameters"][0]
    fault = document["components"]["schemas"]["FaultDocument"]
    assert fault["required"] == list(DOCUMENT) and "guest_silent" in fault["properties"]["kind"]["enum"]
    assert fault["properties"]["quiet"]["enum"] == ["", "silenced", "maintenance"]
