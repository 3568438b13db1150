"""The OpenAPI document says what the route table says, and hangs together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ryu_overlay.northbound.routes import ROUTES
from tests.unit.northbound.memory import Caller


@pytest.fixture
def document(call: Caller) -> dict[str, Any]:
    document: dict[str, Any] = call("GET", "/v1/openapi.json")[1]
    return document


def nodes(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def test_every_path_and_method_is_there(document: dict[str, Any]) -> None:
    told = {path: {m.upper() for m in item if m != "parameters"} for path, item in document["paths"].items()}
    assert told == {route.path: set(route.operations) for route in ROUTES}
    assert document["openapi"].startswith("3.1.")


def test_every_reference_leads_somewhere_and_everything_is_used(document: dict[str, Any]) -> None:
    refs = {node["$ref"] for node in nodes(document) if isinstance(node, dict) and "$ref" in node}
    for ref in refs:
        target: Any = document
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]
    made = {f"#/components/{kind}/{name}" for kind, held in document["components"].items() for name in held}
    assert made == refs


def test_operations_are_whole(document: dict[str, Any]) -> None:
    identifiers = []
    for path, item in document["paths"].items():
        assert [p["name"] for p in item.get("parameters", [])] == re.findall(r"{(\w+)}", path)
        for method in set(item) - {"parameters"}:
            operation = item[method]
            identifiers.append(operation["operationId"])
            assert operation["summary"] and "default" in operation["responses"]
            assert ("requestBody" in operation) == (method in ("post", "put", "patch"))
    assert len(identifiers) == len(set(identifiers))


def test_schemas_say_what_may_be_left_out(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    required = {
        "Port": ["name"],
        "PortChange": [],
        "RouterPort": ["name"],
        "Route": ["prefix", "nexthops"],
        "ExternalNetwork": ["name", "physical_network", "subnet"],
        "ExternalNetworkChange": [],
        "Snat": ["name", "prefixes"],
        "FloatingIp": ["name", "port"],
        "FloatingIpPut": ["port"],
        "LoadBalancer": ["name", "vip", "port"],
        "Member": ["name", "port"],
        "NetworkDocument": ["tenants"],
    }
    assert {name: schemas[name].get("required", []) for name in required} == required
    assert schemas["Port"]["additionalProperties"] is False
    assert schemas["Port"]["properties"]["binding"]["readOnly"] is True
    assert schemas["Port"]["properties"]["enabled"]["default"] is True
    assert "default" not in schemas["Port"]["properties"]["mac"]
    assert "default" not in schemas["LoadBalancer"]["properties"]["vip"]
    assert schemas["RouterPort"]["properties"]["zone"]["readOnly"] is True
    assert schemas["LoadBalancer"]["properties"]["interval"] == {
        "type": "number",
        "minimum": 0.5,
        "maximum": 3600,
        "default": 2.0,
        "title": "Interval",
    }


def test_the_document_is_json_and_always_the_same(call: Caller) -> None:
    first, second = (call.raw("GET", "/v1/openapi.json").body for _ in range(2))
    assert first == second
    assert json.loads(first)["info"]["title"] == "ryu_overlay"
