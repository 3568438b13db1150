"""Every operation of the OpenAPI document, called with what the document says fits, nearly fits, or is absurd.

Whatever is sent: no 5xx; an error is a problem document that names a field and changes nothing; a success has the shape that
the document promises and leaves a network in which nothing is wrong.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ryu_overlay.model.validate import validate_all
from ryu_overlay.northbound.answers import ProblemDocument
from ryu_overlay.northbound.http import Incoming
from ryu_overlay.northbound.openapi import document
from ryu_overlay.northbound.routes import ROUTES
from tests.effort import times
from tests.unit.northbound.bodies_from_schema import JUNK, POOL, Bodies
from tests.unit.northbound.memory import GREEN, INTERNET, RED, Caller, MemoryService

DOCUMENT = json.loads(json.dumps(document(ROUTES)))
BODIES = Bodies(DOCUMENT)
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"]
SHAPES = {
    (r.path, m.lower(), status): shape for r in ROUTES for m, o in r.operations.items() for status, shape in o.answers.items()
}
NAMES = {
    "tenant": ["red", "green"],
    "switch": ["web", "lan"],
    "router": ["r1", "r2"],
    "port": ["web-1", "web", "up", "down", "lan", "g-1"],
    "prefix": ["10.9.0.0/16", "0.0.0.0/0", "10.9.0.0"],
    "chassis": ["hv1", "hv2"],
    "external_network": ["internet"],
    "snat": ["out"],
    "floating_ip": ["web"],
    "load_balancer": ["www"],
    "member": ["a", "b"],
    "capture": ["1"],
    "fault": ["f1"],
    "month": ["2024-05", "2024-13"],
    "file": ["app.js", "style.css"],
    "what": ["element", "chassis"],
    "name": ["link hv2", "hv1", "vni red/web hv1>hv2", "vnic hv9 web-1"],
}
GOOD = {
    "wait": "0.5",
    "element": "link%20hv2",
    "port": "web-1",
    "layer": "host",
    "state": "ended",
    "by": "tenant",
    "per": "hour",
    "since": "2024-05-01T12:00:00Z",
}
QUERY_JUNK = st.sampled_from(
    ["", "wait=x", "wait=1e999", "cascade=1", "colour=red", "&&", "%ff", "wait=0&wait=0", "dry_run=true"]
)


@lru_cache(maxsize=1)
def start() -> Any:
    """The network every example starts from."""
    service = MemoryService()
    body = {"external_networks": [INTERNET], "tenants": [RED, GREEN]}
    assert Caller(service)("PUT", "/v1/network", body)[0] == 200
    return service.network


@cache
def paths(template: str) -> st.SearchStrategy[str]:
    """A path's template filled in with names that mostly exist."""

    def name(param: str) -> st.SearchStrategy[str]:
        return st.one_of(
            st.sampled_from(NAMES[param]), st.sampled_from(NAMES[param]), st.sampled_from(POOL), st.text(min_size=1, max_size=8)
        )

    params = [p["name"] for p in DOCUMENT["paths"][template].get("parameters", [])]
    return st.fixed_dictionaries({param: name(param) for param in params}).map(lambda names: template.format(**names))


@cache
def bodies(template: str, method: str) -> st.SearchStrategy[bytes]:
    """Raw bodies for an operation."""
    content = DOCUMENT["paths"][template][method].get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return st.sampled_from([b"", b"{}", b"junk"])
    schema = content["schema"]
    made = st.one_of(BODIES.fitting(schema), BODIES.near(schema), BODIES.near(schema), JUNK).map(lambda v: json.dumps(v).encode())
    return st.one_of(made, made, made, st.builds(_torn, made, st.integers(0, 200), st.binary(max_size=4)))


def _torn(raw: bytes, at: int, patch: bytes) -> bytes:
    return raw[:at] + patch + raw[at + len(patch) + 1 :]


@cache
def queries(template: str, method: str) -> st.SearchStrategy[str]:
    """Query strings for an operation, of parameters that it has and some that it has not."""
    own = [p["name"] for p in DOCUMENT["paths"][template][method].get("parameters", []) if p["in"] == "query"]
    good = ["", *(f"{name}={GOOD.get(name, 'true')}" for name in own)]
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(good), QUERY_JUNK)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, Incoming]:
    template, method = draw(st.sampled_from(OPERATIONS))
    raw = draw(bodies(template, method))
    headers = draw(
        st.sampled_from([{}, {}, {}, {}, {"if_match": "*"}, {"if_match": '"x"'}, {"if_none_match": "*"}, {"if_match": "x"}])
    )
    kind = draw(st.sampled_from(["application/json"] * 7 + ["text/plain"]))
    path, query = draw(paths(template)), draw(queries(template, method))
    return template, method, Incoming(method.upper(), path, query, kind, read=lambda: raw, **headers)


@times(5)
@given(requests())
def test_nothing_breaks_it(request: tuple[str, str, Incoming]) -> None:
    template, method, incoming = request
    service = MemoryService()
    before = service.network = start()
    response = Caller(service).api.handle(incoming)
    event(f"{method} {response.status}")
    assert response.status < 500, response.body
    if response.status >= 400:
        problem = TypeAdapter(ProblemDocument).validate_json(response.body)
        assert response.content_type == "application/problem+json"
        assert problem.status == response.status and problem.errors
        assert all(error.field and error.reason for error in problem.errors)
        assert service.network is before
        return
    # A name with a slash in it can lead to another path; then the shape is that path's.
    shape = SHAPES.get((template, method, response.status))
    if isinstance(shape, type) and incoming.path.count("/") == template.count("/") + template.count("{prefix}"):
        TypeAdapter(shape).validate_json(response.body)
    assert validate_all(service.network) == ()
