"""The logical network over REST, as docs/rest-and-cli.md says: every kind, every method."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.northbound.memory import RED, Caller, MemoryService

WEB = "/v1/tenants/red/switches/web"
WEB_1 = f"{WEB}/ports/web-1"
R1 = "/v1/tenants/red/routers/r1"
GREEN_R1 = "/v1/tenants/green/routers/r1"
WWW = "/v1/tenants/green/load-balancers/www"
ITEMS = (
    "/v1/tenants/red",
    WEB,
    WEB_1,
    R1,
    f"{R1}/ports/up",
    f"{R1}/routes/10.9.0.0/16",
    "/v1/external-networks/internet",
    "/v1/tenants/green",
    GREEN_R1,
    f"{GREEN_R1}/ports/up",
    f"{GREEN_R1}/snats/out",
    f"{GREEN_R1}/floating-ips/web",
    WWW,
    f"{WWW}/members/a",
)
PARAMETERS = {
    "tenants": "tenant",
    "switches": "switch",
    "routers": "router",
    "ports": "port",
    "routes": "prefix",
    "external-networks": "external_network",
    "snats": "snat",
    "floating-ips": "floating_ip",
    "load-balancers": "load_balancer",
    "members": "member",
}
NEW: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("/v1/tenants", {"name": "blue"}, "/v1/tenants/blue"),
    ("/v1/tenants/red/switches", {"name": "db", "subnets": ["10.0.2.0/24"]}, "/v1/tenants/red/switches/db"),
    (f"{WEB}/ports", {"name": "web-2"}, f"{WEB}/ports/web-2"),
    ("/v1/tenants/red/routers", {"name": "r3"}, "/v1/tenants/red/routers/r3"),
    (f"{R1}/ports", {"name": "out", "addresses": ["192.0.2.1/24"]}, f"{R1}/ports/out"),
    (f"{R1}/routes", {"prefix": "10.8.0.0/16", "nexthops": ["100.64.0.2"]}, f"{R1}/routes/10.8.0.0%2F16"),
    (
        "/v1/external-networks",
        {"name": "office", "physical_network": "physnet2", "subnet": "198.51.100.0/24"},
        "/v1/external-networks/office",
    ),
    (f"{R1}/ports", {"name": "out", "external": "internet"}, f"{R1}/ports/out"),
    (
        f"{GREEN_R1}/snats",
        {"name": "two", "prefixes": ["10.0.1.128/25"], "addresses": ["203.0.113.30"], "ports": "4000-4001"},
        f"{GREEN_R1}/snats/two",
    ),
    (
        f"{GREEN_R1}/floating-ips",
        {"name": "db", "port": "g-2", "address": "203.0.113.40", "inside": "10.0.1.12", "distributed": False},
        f"{GREEN_R1}/floating-ips/db",
    ),
    (
        "/v1/tenants/green/load-balancers",
        {"name": "dns", "vip": "10.0.1.53", "port": 53, "protocol": "udp", "switch": "lan", "interval": 0.5, "timeout": 0.25},
        "/v1/tenants/green/load-balancers/dns",
    ),
    (f"{WWW}/members", {"name": "c", "port": "g-2", "number": 81, "weight": 5}, f"{WWW}/members/c"),
)


@pytest.mark.parametrize(("collection", "body", "location"), NEW)
def test_post_creates_and_is_idempotent_by_name(green: Caller, collection: str, body: Any, location: str) -> None:
    status, made, response = green("POST", collection, body)
    assert (status, response.headers["Location"]) == (201, location)
    assert body.items() <= made.items()
    assert made["uuid"] and made["key"] > 0
    after = green.service.network
    again, found, response = green("POST", collection, body)
    assert (again, found, "Location" in response.headers) == (200, made, False)
    assert green.service.network is after
    assert response.headers["X-Revision"] == str(after.revision)
    assert found in green("GET", collection)[1][collection.rpartition("/")[2].replace("-", "_")] or collection == "/v1/tenants"
    shown = green("GET", location.replace("%2F", "/"))
    assert (shown[1], shown[2].headers["ETag"]) == (made, response.headers["ETag"])


def test_post_of_what_differs_is_a_conflict_that_names_the_field(red: Caller) -> None:
    reasons = red.refused(409, "POST", f"{WEB}/ports", {"name": "web-1", "addresses": ["10.0.1.12"]})
    assert list(reasons) == ["addresses"]


@pytest.mark.parametrize("path", ITEMS)
def test_an_objects_own_document_can_be_put_back(green: Caller, path: str) -> None:
    status, document, _ = green("GET", path)
    assert status == 200
    before = green.service.network
    assert green("PUT", path, document)[0] == 200
    assert green("PATCH", path, document)[0] == 200
    assert green.service.network is before


@pytest.mark.parametrize("path", ITEMS)
def test_head_is_get(green: Caller, path: str) -> None:
    get, head = green.raw("GET", path), green.raw("HEAD", path)
    assert (head.status, head.headers, head.body) == (get.status, get.headers, get.body)


@pytest.mark.parametrize("path", ITEMS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_unknown_names_in_the_path_are_not_found(green: Caller, method: str, path: str) -> None:
    names = path.split("/")[3::2]
    for depth, name in enumerate(names):
        wrong = path.replace(f"/{name}", "/10.7.0.0" if name.startswith("10.") else "/nobody", 1)
        status, document, _ = green(method, wrong, {} if method == "PATCH" else None)
        collection = path.split("/")[2::2][depth]
        assert (status, document["errors"][0]["field"]) == (404, PARAMETERS[collection])


def test_patch_changes_only_what_is_given(red: Caller) -> None:
    before = red("GET", WEB_1)[1]
    status, after, _ = red("PATCH", WEB_1, {"enabled": False})
    assert (status, after) == (200, {**before, "enabled": False})


def test_put_takes_defaults_but_keeps_what_was_assigned(red: Caller) -> None:
    before = red("GET", WEB_1)[1]
    red("PATCH", WEB_1, {"enabled": False, "port_security": False})
    assert red("PUT", WEB_1, {})[:2] == (200, before)


def test_put_makes_what_is_not_there(red: Caller) -> None:
    status, made, response = red("PUT", f"{R1}/routes/10.8.0.0/16", {"nexthops": ["100.64.0.2"]})
    assert (status, made["prefix"], response.headers["Location"]) == (201, "10.8.0.0/16", f"{R1}/routes/10.8.0.0%2F16")


def test_an_assigned_address_is_told(red: Caller) -> None:
    made = red("POST", f"{WEB}/ports", {"name": "web-2"})[1]
    assert made["addresses"] and made["mac"]
    assert red("POST", f"{WEB}/ports", {"name": "web-3", "addresses": []})[1]["addresses"] == []


def test_put_of_a_collection_deletes_what_it_does_not_name(red: Caller) -> None:
    assert red("PUT", WEB, {"subnets": ["10.0.1.0/24"]})[1]["ports"][0]["name"] == "web-1"
    assert red("PUT", WEB, {"subnets": ["10.0.1.0/24"], "ports": []})[1]["ports"] == []


def test_another_name_in_the_body_is_refused(red: Caller) -> None:
    assert list(red.refused(422, "PUT", WEB, {"name": "dmz"})) == ["name"]
    assert list(red.refused(422, "PATCH", f"{R1}/routes/10.9.0.0/16", {"prefix": "10.8.0.0/16"})) == ["prefix"]


@pytest.mark.parametrize("name", ["-x", "ü", "a" * 64, "a b", ".."])
def test_a_name_in_the_path_has_to_be_one(red: Caller, name: str) -> None:
    assert red.refused(422, "PUT", f"/v1/tenants/{name}", {})


def test_a_prefix_in_the_path_has_to_be_one(red: Caller) -> None:
    for prefix in ("10.8.0.1/16", "10.8.0.0", "x/y", "2001:db8::/32"):
        assert list(red.refused(422, "PUT", f"{R1}/routes/{prefix}", {"nexthops": ["100.64.0.2"]})) == ["prefix"]
        assert red("GET", f"{R1}/routes/{prefix}")[0] == 404


def test_delete_refuses_what_is_in_use_unless_told_to_cascade(red: Caller) -> None:
    reasons = red.refused(409, "DELETE", WEB)
    assert list(reasons) == ["switch"]
    status, nothing, response = red("DELETE", WEB, query="cascade=true")
    assert (status, nothing, response.content_type) == (204, None, None)
    assert response.headers["X-Revision"] == str(red.service.network.revision)
    assert red("GET", WEB)[0] == 404


def test_collections_are_in_order_of_name(red: Caller) -> None:
    for name in ("zoo", "Ant", "bee"):
        red("POST", "/v1/tenants", {"name": name})
        red("POST", "/v1/tenants/red/switches", {"name": name})
    tenants = red("GET", "/v1/tenants")[1]["tenants"]
    assert [t["name"] for t in tenants] == ["Ant", "bee", "red", "zoo"]
    assert set(tenants[0]) == {"name", "description", "uuid", "key"}
    assert [s["name"] for s in red("GET", "/v1/tenants/red/switches")[1]["switches"]] == ["Ant", "bee", "web", "zoo"]
    assert [p["name"] for p in red("GET", f"{R1}/ports")[1]["ports"]] == ["up", "web"]
    assert red("GET", f"{R1}/routes")[1]["routes"][0]["prefix"] == "10.9.0.0/16"


def test_documents_show_what_is_bound_and_the_mtu(red: Caller) -> None:
    red("POST", f"{WEB}/ports", {"name": "web-2"})
    bound = {"chassis": "hv2", "interface": "tap0"}
    switch = red("GET", WEB)[1]
    assert (switch["mtu"], [p["binding"] for p in switch["ports"]]) == (1450, [bound, None])
    assert red("GET", "/v1/tenants/red")[1]["switches"] == [switch]
    assert red("GET", "/v1/network")[1]["tenants"][0]["switches"] == [switch]


def test_a_port_is_found_by_name_and_by_uuid(red: Caller) -> None:
    port = red("GET", WEB_1)[1]
    for name in ("web-1", port["uuid"]):
        assert red("GET", f"/v1/ports/{name}")[1] == {**port, "tenant": "red", "switch": "web", "mtu": 1450}
    assert list(red.refused(404, "GET", "/v1/ports/web-9")) == ["port"]


def test_wait_says_whether_the_chassis_have_it(red: Caller, service: MemoryService) -> None:
    response = red("PATCH", WEB_1, {"enabled": False}, "wait=2.5")[2]
    assert (response.headers["X-Converged"], service.waits) == ("true", [(service.network.revision, 2.5)])
    service.confirmed = 0
    assert red("DELETE", WEB_1, query="wait=0")[2].headers["X-Converged"] == "false"
    assert "X-Converged" not in red("POST", f"{WEB}/ports", {"name": "web-3"})[2].headers


def test_a_new_port_whose_vif_is_there_already_says_so(red: Caller) -> None:
    assert red("POST", f"{WEB}/ports", {"name": "b-1"})[1]["binding"]["chassis"] == "hv2"
    assert red("POST", f"{WEB}/ports", {"name": "b-2"})[1]["binding"] is None


def test_a_network_is_put_in_one_transaction_and_tells_what_changed(red: Caller) -> None:
    network = red("GET", "/v1/network")[1]
    network["tenants"][0]["switches"][0]["ports"] = [{"name": "web-9"}]
    network["tenants"][0]["description"] = "new"
    network["tenants"].append({"name": "blue"})
    expected = {
        "created": [{"kind": "tenant", "name": "blue"}, {"kind": "port", "name": "red/web/web-9"}],
        "changed": [{"kind": "tenant", "name": "red"}],
        "deleted": [{"kind": "port", "name": "red/web/web-1"}],
    }
    before = red.service.network
    assert red("PUT", "/v1/network", network, "dry_run=true")[:2] == (200, expected)
    assert red.service.network is before
    status, told, response = red("PUT", "/v1/network", network, "wait=1")
    assert (status, told, response.headers["X-Converged"]) == (200, expected, "true")
    network["tenants"][1]["switches"] = [{"name": "a", "vni": 7}]
    assert list(red.refused(409, "PUT", "/v1/network", {"tenants": network["tenants"][1:]})) == ["tenants[0].switches[0].vni"]


def test_router_ports_are_called_as_overlayctl_calls_them(red: Caller) -> None:
    body = {"tenants": [{**RED, "routers": []}]}
    deleted = red("PUT", "/v1/network", body, "dry_run=true")[1]["deleted"]
    assert {"kind": "router-port", "name": "red/r1/up"} in deleted


def test_an_edit_that_lost_a_race_is_made_again_on_what_won(red: Caller, service: MemoryService) -> None:
    service.meddle = lambda: red("PATCH", WEB_1, {"port_security": False})
    assert red("PATCH", WEB_1, {"enabled": False})[1] | {"enabled": False, "port_security": False} == red("GET", WEB_1)[1]


def test_answers_are_json_in_one_line(red: Caller) -> None:
    response = red.raw("GET", "/v1/network")
    assert response.content_type == "application/json"
    assert response.body.endswith(b"}\n") and response.body.count(b"\n") == 1
    assert json.loads(response.body)
