"""What routers and switches show of themselves by REST: paths, names that are not there, query parameters."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from tests.unit.northbound.memory import Caller

R1, WEB = "/v1/tenants/red/routers/r1", "/v1/tenants/red/switches/web"
ROUTER = {
    "table": ("routes", ("red", "r1"), None),
    "arp": ("neighbours", ("red", "r1")),
    "interfaces": ("router_interfaces", ("red", "r1")),
    "nat": ("nat", ("red", "r1")),
    "nat/translations": ("translations", ("red", "r1"), 2.0),
    "balancers": ("balancers", ("red", "r1")),
    "log": ("log", "router", ("red", "r1"), 100),
}
SWITCH = {
    "macs": ("macs", ("red", "web")),
    "interfaces": ("switch_interfaces", ("red", "web")),
    "arp": ("switch_neighbours", ("red", "web")),
    "log": ("log", "switch", ("red", "web"), 100),
}
PATHS = {f"{R1}/{last}": call for last, call in ROUTER.items()} | {f"{WEB}/{last}": call for last, call in SWITCH.items()}


@pytest.mark.parametrize("path", PATHS)
def test_each_is_asked_for_by_its_path(red: Caller, path: str) -> None:
    status, body, _ = red("GET", path)
    assert status == 200 and isinstance(body, dict)
    assert red.service.devices.asked == [PATHS[path]]
    assert red("POST", path)[0] == 405


@pytest.mark.parametrize("path", PATHS)
def test_names_that_are_not_there(red: Caller, path: str) -> None:
    assert "tenant" in red.refused(404, "GET", path.replace("/red/", "/nobody/"))
    kind = "router" if "routers" in path else "switch"
    assert kind in red.refused(404, "GET", path.replace("/r1/", "/none/").replace("/web/", "/none/"))
    assert red.service.devices.asked == []


def test_a_route_says_what_stands_where(red: Caller) -> None:
    body = red("GET", f"{R1}/table")[1]
    (route,) = body["routes"]
    assert (route["code"], route["prefix"], route["via"]) == ("C", "10.0.1.0/24", [{"next_hop": None, "port": "web"}])
    assert [(o["chassis"], o["state"]) for o in route["on"]] == [("hv1", "installed"), ("hv2", "missing")]
    assert body["beyond"][0]["what"] == "foreign"
    assert body["chassis"][1] == {"chassis": "hv2", "answered": False, "settled": False, "confirmed": 0}


def test_an_address_decides(red: Caller) -> None:
    assert red("GET", f"{R1}/table", query="address=10.0.2.5")[0] == 200
    assert red.service.devices.asked == [("routes", ("red", "r1"), IPv4Address("10.0.2.5"))]


@pytest.mark.parametrize(
    ("last", "query", "field"),
    [
        *(("table", f"address={text}", "address") for text in ("10.0.2", "10.0.2.5/32", "fe80::1", "")),
        *(("log", f"lines={text}", "lines") for text in ("0", "1001", "-1", "1e3", "many")),
        *(("nat/translations", f"seconds={text}", "seconds") for text in ("0", "31", "1.5", "nan")),
        ("arp", "address=10.0.2.5", "address"),
    ],
)
def test_query_parameters_that_are_wrong(red: Caller, last: str, query: str, field: str) -> None:
    assert field in red.refused(400, "GET", f"{R1}/{last}", query=query)
    assert red.service.devices.asked == []
