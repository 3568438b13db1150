"""Every bad input is answered with its field and a reason, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ryu_overlay.northbound.bodies import MAX_FIELDS, MAX_ITEMS
from ryu_overlay.northbound.shape import MAX_FAULTS
from tests.unit.northbound.memory import Caller

WEB = "/v1/tenants/red/switches/web"
PORTS = f"{WEB}/ports"
R1 = "/v1/tenants/red/routers/r1"
EXTERNAL = "/v1/external-networks"
GREEN_R1 = "/v1/tenants/green/routers/r1"
LBS = "/v1/tenants/green/load-balancers"


@pytest.mark.parametrize(
    ("raw", "status", "field"),
    [
        (b"", 400, "body"),
        (b"{", 400, "body"),
        (b'{"name": "a",}', 400, "body"),
        (b"{'name': 'a'}", 400, "body"),
        (b'{"name": NaN}', 400, "body"),
        (b'{"vni": Infinity}', 400, "body"),
        (b'{"name": "\xff"}', 400, "body"),
        (b'{"name": "\\ud800"}', 400, "body"),
        (b'\xef\xbb\xbf{"name": "a"}', 400, "body"),
        ('{"name": "a"}'.encode("utf-16"), 400, "body"),
        (b'{"vni": ' + b"9" * 5000 + b"}", 400, "body"),
        (b'{"uuid": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "body"),
        (b'{"name": "a"} {}', 400, "body"),
        (b'{"name": "a", "name": "b"}', 400, "name"),
        (b'{"name": "a", "binding": {"x": 1, "x": 2}}', 400, "x"),
        (json.dumps({f"f{n}": 1 for n in range(MAX_FIELDS + 1)}).encode(), 400, f"f{MAX_FIELDS}"),
        (b'{"uuid": [' + b"1," * MAX_ITEMS + b"1]}", 413, "body"),
        (b"[]", 422, "body"),
        (b"null", 422, "body"),
        (b'"a"', 422, "body"),
        (b"17", 422, "body"),
    ],
)
def test_what_is_no_json_object(red: Caller, raw: bytes, status: int, field: str) -> None:
    assert list(red.refused(status, "POST", PORTS, raw)) == [field]


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        (PORTS, {}, {"name"}),
        (PORTS, {"name": None}, {"name"}),
        (PORTS, {"name": 3}, {"name"}),
        (PORTS, {"name": ""}, {"name"}),
        (PORTS, {"name": "a" * 64}, {"name"}),
        (PORTS, {"name": "a\n"}, {"name"}),
        (PORTS, {"name": "a", "colour": 1}, {"colour"}),
        (PORTS, {"name": "a", "x" * 1000: 1}, {"x" * 80 + "..."}),
        (PORTS, {"name": "a", "enabled": 1, "port_security": "true"}, {"enabled", "port_security"}),
        (PORTS, {"name": "a", "mac": "02-00-00-00-00-01"}, {"mac"}),
        (PORTS, {"name": "a", "mac": "01:00:00:00:00:01"}, {"mac"}),
        (PORTS, {"name": "a", "mac": "x" * 10**6}, {"mac"}),
        (PORTS, {"name": "a", "mac": None}, {"mac"}),
        (PORTS, {"name": "a", "addresses": "10.0.1.3"}, {"addresses"}),
        (
            PORTS,
            {"name": "a", "addresses": ["10.0.1.3", "10.0.1.300", 7, None, "10.0.01.3"]},
            {f"addresses[{n}]" for n in (1, 2, 3, 4)},
        ),
        (PORTS, {"name": "a", "addresses": ["10.0.1.3/24"]}, {"addresses[0]"}),
        (PORTS, {"name": "a", "addresses": ["10.0.1.3"] * 65}, {"addresses"}),
        (PORTS, {"name": "a", "addresses": ["192.0.2.1"]}, {"addresses[0]"}),
        (PORTS, {"name": "a", "addresses": ["10.0.1.11"]}, {"addresses[0]"}),
        (PORTS, {"name": "a", "mac": "02:00:00:00:01:0B"}, {"mac"}),
        ("/v1/tenants", {"name": "a", "description": "x" * 1025}, {"description"}),
        ("/v1/tenants", {"name": "a", "description": "\x00"}, {"description"}),
        ("/v1/tenants", {"name": "a", "switches": {"name": "b"}}, {"switches"}),
        ("/v1/tenants", {"name": "a", "switches": ["b"]}, {"switches[0]"}),
        ("/v1/tenants", {"name": "a", "switches": [{"name": "b"}] * 2}, {"switches[1].name"}),
        (
            "/v1/tenants",
            {"name": "a", "switches": [{"name": "b", "ports": [{"name": "c", "mac": 1}]}]},
            {"switches[0].ports[0].mac"},
        ),
        ("/v1/tenants/red/switches", {"name": "a", "vni": 0}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "vni": 2**22}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "vni": 1.0}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "vni": True}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "vni": 10**400}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "vni": 7}, {"vni"}),
        ("/v1/tenants/red/switches", {"name": "a", "subnets": ["10.0.1.1/24"]}, {"subnets[0]"}),
        ("/v1/tenants/red/switches", {"name": "a", "subnets": ["10.0.1.0/255.255.255.0"]}, {"subnets[0]"}),
        ("/v1/tenants/red/switches", {"name": "a", "subnets": ["10.0.0.0/16", "10.0.1.0/24"]}, {"subnets[1]"}),
        (f"{R1}/ports", {"name": "a"}, {"addresses"}),
        (f"{R1}/ports", {"name": "a", "addresses": []}, {"addresses"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.2.0.1"]}, {"addresses[0]"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.0.1.2/24"]}, {"addresses[0]"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.2.0.1/24"], "switch": "nobody"}, {"switch"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.2.0.1/24"], "peer": "r2"}, {"peer"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.2.0.1/24"], "peer": ["r2", "down"]}, {"peer"}),
        (f"{R1}/ports", {"name": "a", "addresses": ["10.2.0.1/24"], "peer": "r2/nobody"}, {"peer"}),
        (f"{R1}/routes", {"prefix": "10.8.0.0/16"}, {"nexthops"}),
        (f"{R1}/routes", {"prefix": "10.8.0.1/16", "nexthops": ["100.64.0.2"]}, {"prefix"}),
        (f"{R1}/routes", {"prefix": "10.8.0.0/16", "nexthops": ["192.0.2.1"]}, {"nexthops[0]"}),
    ],
)
def test_wrong_values(red: Caller, path: str, body: Any, fields: set[str]) -> None:
    before = red.service.network
    status, document, _ = red("POST", path, body)
    assert status in (409, 422), document
    assert {error["field"] for error in document["errors"]} == fields
    assert red.service.network is before


def external(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "physical_network": "physnet2", "subnet": "198.51.100.0/24", **fields}


def balancer(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "vip": "203.0.113.21", "port": 80, "router": "r1", **fields}


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        (EXTERNAL, {"name": "a"}, {"physical_network", "subnet"}),
        (EXTERNAL, external(vlan=0), {"vlan"}),
        (EXTERNAL, external(vlan=4095), {"vlan"}),
        (EXTERNAL, external(vlan="5"), {"vlan"}),
        (EXTERNAL, external(gateway="198.51.100.0/24"), {"gateway"}),
        (EXTERNAL, external(gateway="203.0.113.1"), {"gateway"}),
        (EXTERNAL, external(mtu=575), {"mtu"}),
        (EXTERNAL, external(mtu=None), {"mtu"}),
        (EXTERNAL, external(pools="198.51.100.1"), {"pools"}),
        (EXTERNAL, external(pools=["198.51.100.9-198.51.100.1"]), {"pools[0]"}),
        (EXTERNAL, external(pools=["198.51.100.1-", 3, "198.51.100.1-x", "a", "1-2-3", None]), {f"pools[{n}]" for n in range(6)}),
        (EXTERNAL, external(pools=["203.0.113.1"]), {"pools[0]"}),
        (EXTERNAL, external(physical_network="physnet1", vlan=100), {"vlan"}),
        (f"{GREEN_R1}/ports", {"name": "a", "external": None}, {"addresses"}),
        (f"{GREEN_R1}/ports", {"name": "a", "external": "a b"}, {"external"}),
        (f"{GREEN_R1}/ports", {"name": "a", "external": "internet", "addresses": None}, {"addresses"}),
        (f"{R1}/ports", {"name": "a", "external": "nowhere"}, {"external"}),
        (f"{R1}/ports", {"name": "a", "external": "internet", "addresses": ["203.0.113.1/24"]}, {"addresses[0]"}),
        (f"{R1}/ports", {"name": "a", "external": "internet", "gateways": ["hv1", "-"]}, {"gateways[1]"}),
        (f"{R1}/ports", {"name": "a", "external": "internet", "gateways": ["hv1"] * 9}, {"gateways"}),
        (f"{R1}/ports", {"name": "a", "external": "internet", "preempt": None}, {"preempt"}),
        (f"{GREEN_R1}/snats", {"name": "a"}, {"prefixes"}),
        (f"{GREEN_R1}/snats", {"name": "a", "prefixes": []}, {"prefixes"}),
        (f"{GREEN_R1}/snats", {"name": "a", "prefixes": ["10.0.1.129/25"]}, {"prefixes[0]"}),
        (f"{GREEN_R1}/snats", {"name": "a", "prefixes": ["10.7.0.0/16"]}, {"prefixes[0]"}),
        *(
            (f"{GREEN_R1}/snats", {"name": "a", "prefixes": ["10.0.1.128/25"], "ports": ports}, {"ports"})
            for ports in ("", "0", "0-9", "9-1", "1-65536", "1-", "01-2", "1 - 2", 5, [1, 2], "1-2-3", "x")
        ),
        (f"{GREEN_R1}/floating-ips", {"name": "a"}, {"port"}),
        (f"{GREEN_R1}/floating-ips", {"name": "a", "port": "g-2", "address": None}, {"address"}),
        (f"{GREEN_R1}/floating-ips", {"name": "a", "port": "g-2", "address": "192.0.2.1"}, {"address"}),
        (f"{GREEN_R1}/floating-ips", {"name": "a", "port": "g-2", "inside": "10.0.1.11"}, {"inside"}),
        (f"{R1}/floating-ips", {"name": "a", "port": "web-1"}, {"address"}),
        (LBS, {"name": "a"}, {"vip", "port"}),
        (LBS, balancer(port=65536), {"port"}),
        (LBS, balancer(protocol="sctp"), {"protocol"}),
        (LBS, balancer(check="ping", path="x"), {"check", "path"}),
        (LBS, balancer(path="/a b"), {"path"}),
        (LBS, balancer(path="/" * 201), {"path"}),
        (LBS, balancer(interval=0.4, timeout=61, rise=0, fall=11), {"interval", "timeout", "rise", "fall"}),
        (LBS, balancer(interval="2", timeout=True), {"interval", "timeout"}),
        (LBS, balancer(interval=10**400), {"interval"}),
        (LBS, balancer(interval=1, timeout=2), {"timeout"}),
        (LBS, balancer(vip="203.0.113.20"), {"vip"}),
        (LBS, balancer(members=[{"name": "m"}]), {"members[0].port"}),
        (f"{LBS}/www/members", {"name": "c", "port": "g-2", "weight": 0, "number": 0}, {"weight", "number"}),
        (f"{LBS}/www/members", {"name": "c", "port": "nobody"}, {"port"}),
        (f"{LBS}/www/members", {"name": "c", "port": "g-1", "number": 8080}, {"port"}),
    ],
)
def test_wrong_values_of_the_way_out(green: Caller, path: str, body: Any, fields: set[str]) -> None:
    before = green.service.network
    status, document, _ = green("POST", path, body)
    assert status in (409, 422), document
    assert {error["field"] for error in document["errors"]} == fields, document
    assert green.service.network is before


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (LBS, balancer(check="ping"), "must be 'none', 'tcp' or 'http'"),
        (LBS, balancer(interval="2"), "must be a number"),
        (LBS, balancer(interval=0.25), "must be at least 0.5"),
        (f"{GREEN_R1}/snats", {"name": "a", "prefixes": []}, "needs at least 1"),
        (
            f"{GREEN_R1}/snats",
            {"name": "a", "prefixes": ["10.0.1.128/25"], "ports": "9-1"},
            "'9-1' ends before it begins; write 1-9",
        ),
        (f"{GREEN_R1}/ports", {"name": "a"}, "is required, except for an uplink (with external)"),
    ],
)
def test_reasons_are_told_in_words(green: Caller, path: str, body: Any, reason: str) -> None:
    assert list(green.refused(422, "POST", path, body).values()) == [reason]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PORTS, {"name": "a", "addresses": ["2001:db8::1"]}),
        ("/v1/tenants/red/switches", {"name": "a", "subnets": ["2001:db8::/64"]}),
        (f"{R1}/ports", {"name": "a", "addresses": ["2001:db8::1/64"]}),
        (f"{R1}/routes", {"prefix": "::/0", "nexthops": ["100.64.0.2"]}),
    ],
)
def test_ipv6_is_refused_as_such(red: Caller, path: str, body: Any) -> None:
    [reason] = red.refused(422, "POST", path, body).values()
    assert "IPv6 is not supported yet" in reason


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_what_is_not_declared_json(red: Caller, content_type: str) -> None:
    assert list(red.refused(415, "POST", PORTS, {"name": "a"}, content_type=content_type)) == ["Content-Type"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_what_is_declared_json(red: Caller, content_type: str) -> None:
    assert red("POST", PORTS, {"name": "a"}, content_type=content_type)[0] == 201


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("wait=-1", "wait"),
        ("wait=61", "wait"),
        ("wait=nan", "wait"),
        ("wait=inf", "wait"),
        ("wait=1_0", "wait"),
        ("wait=%201", "wait"),
        ("wait=", "wait"),
        ("wait=1.2.3", "wait"),
        ("wait=1&wait=2", "wait"),
        ("cascade=yes", "cascade"),
        ("colour=red", "colour"),
        ("wait", "query"),
        ("%ff=1", "query"),
        ("&".join(["a=1"] * 17), "query"),
    ],
)
def test_bad_query(red: Caller, query: str, field: str) -> None:
    assert list(red.refused(400, "DELETE", f"{PORTS}/web-1", query=query)) == [field]


@pytest.mark.parametrize("text", ["0", "60", "0.5", "1e-05", "6e1"])
def test_good_wait(red: Caller, text: str) -> None:
    red("DELETE", f"{PORTS}/web-1", query=f"wait={text}")
    assert red.service.waits[-1][1] == float(text)


def test_paths_and_methods_that_are_not_there(red: Caller) -> None:
    for path in ("/v1", "/v1/", "/v1/tenants/", "/v2/tenants", "/v1/tenants/red/switches/web/ports/web-1/x", "*", ""):
        assert list(red.refused(404, "GET", path)) == ["path"]
    status, _, response = red("PATCH", PORTS, {})
    assert (status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert red("BREW", "/v1/chassis/hv1")[2].headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert red.raw("OPTIONS", "/metrics").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_of_a_body_that_is_wrong_everywhere_not_everything_is_told(red: Caller) -> None:
    ports = [{"mac": "x", "colour": 1, "addresses": ["y"] * 64}] * 1000
    body = json.dumps({"name": "a", "switches": [{"name": f"s{n}", "ports": ports} for n in range(10)]}).encode()
    [reason] = red.refused(422, "POST", "/v1/tenants", body).values()
    assert str(MAX_FAULTS) in reason
