"""ETag, If-Match and If-None-Match (RFC 9110 section 13)."""

from __future__ import annotations

import pytest

from tests.unit.northbound.memory import Caller, MemoryService

PORT = "/v1/tenants/red/switches/web/ports/web-1"


def tag(call: Caller, path: str) -> str:
    return call("GET", path)[2].headers["ETag"]


def test_a_tag_changes_with_the_object_and_with_what_is_in_it(red: Caller) -> None:
    paths = (PORT, PORT.rpartition("/ports")[0], "/v1/tenants/red", "/v1/network")
    before = [tag(red, path) for path in paths]
    assert before == [tag(red, path) for path in paths]
    assert len(set(before)) == len(before)
    answered = red("PATCH", PORT, {"enabled": False})[2].headers["ETag"]
    after = [tag(red, path) for path in paths]
    assert answered == after[0]
    assert not set(before) & set(after)


def test_a_tag_does_not_change_when_a_vm_moves(red: Caller, service: MemoryService) -> None:
    before = tag(red, PORT)
    service.unbound.add("web-1")
    assert red("GET", PORT)[1]["binding"] is None
    assert tag(red, PORT) == before


def test_an_object_made_again_has_another_tag(red: Caller) -> None:
    before, document = tag(red, PORT), red("GET", PORT)[1]
    red("DELETE", PORT)
    red("PUT", PORT, document)
    assert tag(red, PORT) != before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_refuses_what_has_changed_since(red: Caller, method: str) -> None:
    old = tag(red, PORT)
    red("PATCH", PORT, {"enabled": False})
    body = None if method == "DELETE" else {"enabled": True}
    assert list(red.refused(412, method, PORT, body, if_match=old)) == ["If-Match"]
    assert list(red.refused(412, method, PORT, body, if_match=f"W/{tag(red, PORT)}")) == ["If-Match"]
    assert red(method, PORT, body, if_match=f'"x", {tag(red, PORT)}')[0] < 300


def test_if_match_is_checked_on_the_network_that_counts(red: Caller, service: MemoryService) -> None:
    old = tag(red, PORT)
    service.meddle = lambda: red("PATCH", PORT, {"port_security": False})
    assert red("PATCH", PORT, {"enabled": False}, if_match=old)[0] == 412
    assert red("GET", PORT)[1]["enabled"] is True


def test_conditions_on_what_is_not_there(red: Caller) -> None:
    new = PORT.replace("web-1", "web-2")
    assert list(red.refused(412, "PUT", new, {}, if_match="*")) == ["If-Match"]
    assert list(red.refused(404, "PATCH", new, {}, if_match="*")) == ["port"]
    assert list(red.refused(404, "DELETE", new, if_match='"x"')) == ["port"]
    assert red("PUT", new, {}, if_none_match="*")[0] == 201
    assert list(red.refused(412, "PUT", new, {}, if_none_match="*")) == ["If-None-Match"]


def test_a_collection_has_no_tag_that_could_match(red: Caller) -> None:
    ports = PORT.rpartition("/")[0]
    assert list(red.refused(412, "POST", ports, {"name": "web-2"}, if_match=tag(red, PORT))) == ["If-Match"]
    assert red("POST", ports, {"name": "web-2"}, if_match="*")[0] == 201


def test_the_network_has_a_tag_too(red: Caller) -> None:
    old = tag(red, "/v1/network")
    red("PATCH", PORT, {"enabled": False})
    body = {"tenants": [{"name": "blue"}]}
    assert list(red.refused(412, "PUT", "/v1/network", body, if_match=old)) == ["If-Match"]
    assert red("PUT", "/v1/network", body, if_match=tag(red, "/v1/network"))[0] == 200


@pytest.mark.parametrize("header", ["abc", '"a" "b"', "*,*", '"', "", '"a",'])
def test_a_malformed_condition_is_refused(red: Caller, header: str) -> None:
    assert list(red.refused(400, "PATCH", PORT, {}, if_match=header)) == ["If-Match"]
    assert list(red.refused(400, "PATCH", PORT, {}, if_none_match=header)) == ["If-None-Match"]
