"""add, set, remove, apply and wait: the requests they make, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.fake_rest import FakeRest, Problem, Run

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "add tenant blue --description b": ("POST", "/v1/tenants", {"name": "blue", "description": "b"}),
    "add switch red/db --subnet 10.1.0.0/24 --subnet 10.2.0.0/24 --vni 7": (
        *("POST", "/v1/tenants/red/switches"),
        {"name": "db", "subnets": ["10.1.0.0/24", "10.2.0.0/24"], "vni": 7},
    ),
    "add port red/web web-2": ("POST", "/v1/tenants/red/switches/web/ports", {"name": "web-2"}),
    "add port red/web web-2 --mac 02:00:00:00:00:99 --address 10.0.1.9 --no-port-security --disabled": (
        *("POST", "/v1/tenants/red/switches/web/ports"),
        {"name": "web-2", "mac": "02:00:00:00:00:99", "addresses": ["10.0.1.9"], "port_security": False, "enabled": False},
    ),
    "add port red/web web-2 --no-address": (
        *("POST", "/v1/tenants/red/switches/web/ports"),
        {"name": "web-2", "addresses": []},
    ),
    "add router red/r3": ("POST", "/v1/tenants/red/routers", {"name": "r3"}),
    "add router-port red/r2 web --address 10.0.1.2/24 --switch web": (
        *("POST", "/v1/tenants/red/routers/r2/ports"),
        {"name": "web", "addresses": ["10.0.1.2/24"], "switch": "web"},
    ),
    "add route red/r2 10.0.0.0/8 --nexthop 100.64.0.1 --nexthop 100.64.0.5": (
        *("POST", "/v1/tenants/red/routers/r2/routes"),
        {"prefix": "10.0.0.0/8", "nexthops": ["100.64.0.1", "100.64.0.5"]},
    ),
    "set tenant red --description x": ("PATCH", "/v1/tenants/red", {"description": "x"}),
    "set switch red/web --no-subnet": ("PATCH", "/v1/tenants/red/switches/web", {"subnets": []}),
    "set port web-1 --enabled": ("PATCH", "/v1/tenants/red/switches/web/ports/web-1", {"enabled": True}),
    "set port red/web/web-1 --port-security": (
        *("PATCH", "/v1/tenants/red/switches/web/ports/web-1"),
        {"port_security": True},
    ),
    "set router red/r1 --answers path --without-path silent": (
        *("PATCH", "/v1/tenants/red/routers/r1"),
        {"answers": "path", "without_path": "silent"},
    ),
    "set router-port red/r1/up --switch web": (
        *("PATCH", "/v1/tenants/red/routers/r1/ports/up"),
        {"switch": "web", "peer": None, "external": None, "gateways": [], "preempt": True},
    ),
    "set router-port red/r1/up --detach": (
        *("PATCH", "/v1/tenants/red/routers/r1/ports/up"),
        {"switch": None, "peer": None, "external": None, "gateways": [], "preempt": True},
    ),
    "set route red/r1/0.0.0.0/0 --nexthop 100.64.0.6": (
        *("PATCH", "/v1/tenants/red/routers/r1/routes/0.0.0.0%2F0"),
        {"nexthops": ["100.64.0.6"]},
    ),
    "add port red/web/web-2": ("POST", "/v1/tenants/red/switches/web/ports", {"name": "web-2"}),
    "add external-network office --physical-network physnet2 --vlan 7 --subnet 198.51.100.0/24 --gateway 198.51.100.1 "
    "--pool 198.51.100.9 --pool 198.51.100.20-198.51.100.29 --mtu 1400": (
        *("POST", "/v1/external-networks"),
        {
            "name": "office",
            "physical_network": "physnet2",
            "vlan": 7,
            "subnet": "198.51.100.0/24",
            "gateway": "198.51.100.1",
            "pools": ["198.51.100.9", "198.51.100.20-198.51.100.29"],
            "mtu": 1400,
        },
    ),
    "add router-port red/r2 out --external internet --gateway hv1 --gateway hv2 --no-preempt": (
        *("POST", "/v1/tenants/red/routers/r2/ports"),
        {"name": "out", "external": "internet", "gateways": ["hv1", "hv2"], "preempt": False},
    ),
    "add snat red/r1/some --prefix 10.0.1.0/24 --address 203.0.113.9 --ports 20000-20010": (
        *("POST", "/v1/tenants/red/routers/r1/snats"),
        {"name": "some", "prefixes": ["10.0.1.0/24"], "addresses": ["203.0.113.9"], "ports": "20000-20010"},
    ),
    "add floating-ip red/r1 db-ip --port web-1 --address 203.0.113.77 --inside 10.0.1.11 --centralised": (
        *("POST", "/v1/tenants/red/routers/r1/floating-ips"),
        {"name": "db-ip", "port": "web-1", "address": "203.0.113.77", "inside": "10.0.1.11", "distributed": False},
    ),
    "add load-balancer red/dns --vip 10.0.1.53 --port 53 --protocol udp --switch web --check tcp --interval 0.5 --fall 2": (
        *("POST", "/v1/tenants/red/load-balancers"),
        {
            "name": "dns",
            "vip": "10.0.1.53",
            "port": 53,
            "protocol": "udp",
            "switch": "web",
            "check": "tcp",
            "interval": 0.5,
            "fall": 2,
        },
    ),
    "add member red/www b --port web-1 --number 8080 --weight 5 --drain": (
        *("POST", "/v1/tenants/red/load-balancers/www/members"),
        {"name": "b", "port": "web-1", "number": 8080, "weight": 5, "drained": True},
    ),
    "set external-network internet --no-vlan --no-gateway --no-pool": (
        *("PATCH", "/v1/external-networks/internet"),
        {"vlan": None, "gateway": None, "pools": []},
    ),
    "set router-port red/r1/out --no-gateway --preempt": (
        *("PATCH", "/v1/tenants/red/routers/r1/ports/out"),
        {"gateways": [], "preempt": True},
    ),
    "set router-port red/r1/up --external internet --gateway hv2": (
        *("PATCH", "/v1/tenants/red/routers/r1/ports/up"),
        {"external": "internet", "gateways": ["hv2"], "switch": None, "peer": None},
    ),
    "set snat red/r1/all --no-address --no-ports": (
        *("PATCH", "/v1/tenants/red/routers/r1/snats/all"),
        {"addresses": [], "ports": None},
    ),
    "set floating-ip www-ip --port web-1 --no-inside --distributed": (
        *("PATCH", "/v1/tenants/red/routers/r1/floating-ips/www-ip"),
        {"port": "web-1", "inside": None, "distributed": True},
    ),
    "set load-balancer red/www --switch web --check http --path /healthz": (
        *("PATCH", "/v1/tenants/red/load-balancers/www"),
        {"switch": "web", "router": None, "check": "http", "path": "/healthz"},
    ),
    "set member red/www/a --no-drain --no-number": (
        *("PATCH", "/v1/tenants/red/load-balancers/www/members/a"),
        {"drained": False, "number": None},
    ),
    "remove floating-ip www-ip": ("DELETE", "/v1/tenants/red/routers/r1/floating-ips/www-ip", None),
    "remove external-network internet": ("DELETE", "/v1/external-networks/internet", None),
    "remove port web-1": ("DELETE", "/v1/tenants/red/switches/web/ports/web-1", None),
    "remove route red/r1/0.0.0.0/0": ("DELETE", "/v1/tenants/red/routers/r1/routes/0.0.0.0%2F0", None),
}


@pytest.mark.parametrize("line", REQUESTS)
def test_request(run: Run, out: FakeRest, line: str) -> None:
    result = run(*line.split())
    assert result.exit_code == 0, result.output
    method, path, _, body = out.asked[-1]
    assert (method, path) == REQUESTS[line][:2]
    assert body == REQUESTS[line][2] or {**REQUESTS[line][2], "mac": "02:00:00:00:00:0a"} == body
    assert result.output.endswith("(revision 1)\n")


def test_created_tells_what_was_assigned_and_again_is_no_error(run: Run, red: FakeRest) -> None:
    words = ("add", "port", "red/web", "web-2")
    assert run(*words).output == "port red/web/web-2 created: mac 02:00:00:00:00:0a (revision 1)\n"
    again = run(*words)
    assert again.exit_code == 0 and "port red/web/web-2 is there already" in again.output


def test_json_of_writes_is_the_answer(run: Run, red: FakeRest) -> None:
    assert json.loads(run("add", "router", "red/r3", "--json").output)["name"] == "r3"
    assert run("remove", "router", "red/r3", "--json").output == ""


def test_errors_are_one_line_each_with_their_field(run: Run, red: FakeRest) -> None:
    red.problem = Problem(422, "two", ("mac", "not a MAC"), ("addresses[0]", "outside\x1b[2J its subnet"))
    result = run("add", "port", "red/web", "web-2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: mac: not a MAC\nerror: addresses[0]: outside\\x1b[2J its subnet\n"
    with_json = run("add", "port", "red/web", "web-2", "--json")
    assert json.loads(with_json.stdout) == red.problem.document and with_json.stderr == result.stderr


def test_remove_is_refused_unless_it_cascades(run: Run, red: FakeRest) -> None:
    assert run("remove", "switch", "red/web").exit_code == 1
    assert run("remove", "switch", "red/web", "--cascade").output == "switch red/web removed (revision 2)\n"


def test_waiting_writes(run: Run, red: FakeRest) -> None:
    assert run("add", "tenant", "blue", "--wait", "2.5").exit_code == 0
    assert red.asked[-1][2] == {"wait": "2.5"}
    red.converges = False
    late = run("add", "tenant", "green", "--wait", "1")
    assert late.exit_code == 1 and "tenant green created" in late.stdout
    assert late.stderr == "error: written, but not every chassis concerned confirmed revision 2 within 1 s\n"


def test_wait(run: Run, rest: FakeRest) -> None:
    rest.revision = 4
    assert run("wait").output == "every chassis has revision 4\n"
    assert rest.asked[-1] == ("GET", "/v1/revision", {"wait": "60"}, None)
    rest.converges = False
    late = run("wait", "--timeout", "0")
    assert late.exit_code == 1
    assert late.stderr == "error: not every chassis has revision 4 after 0 s; hv1 has 3 and is not connected\n"


BLUE = {"name": "blue", "switches": [{"name": "s", "subnets": ["10.0.0.0/24"]}]}


@pytest.mark.parametrize("document", [BLUE, [BLUE], {"tenants": [BLUE]}], ids=["tenant", "list", "network"])
def test_apply_takes_three_shapes_and_tells_the_difference(run: Run, rest: FakeRest, document: object, tmp_path: Path) -> None:
    file = tmp_path / "blue.json"
    file.write_text(json.dumps(document))
    dry = run("apply", str(file), "--dry-run")
    assert dry.output == "+ tenant blue\n+ switch blue/s\ndry run, nothing written: 2 created, 0 changed, 0 deleted\n"
    assert rest.tenants == []
    assert run("apply", str(file)).output.endswith("2 created, 0 changed, 0 deleted (revision 1)\n")
    changed = {"name": "blue", "switches": [{"name": "t"}], "description": "now"}
    output = run("apply", "-", input=json.dumps(changed)).output
    assert output.splitlines()[:3] == ["+ switch blue/t", "~ tenant blue", "- switch blue/s"]


def test_apply_takes_external_networks_alone_and_names_their_fields(run: Run, rest: FakeRest) -> None:
    document = {"external_networks": [{"name": "internet"}]}
    assert run("apply", "-", input=json.dumps(document)).exit_code == 0
    assert rest.asked[-1][3] == {"external_networks": [{"name": "internet"}], "tenants": []}
    rest.problem = Problem(422, "wrong", ("external_networks[0].subnet", "is required"))
    assert run("apply", "-", input=json.dumps(document)).stderr == "error: external_networks[0].subnet: is required\n"


def test_apply_names_fields_as_they_stand_in_the_file(run: Run, rest: FakeRest) -> None:
    bad = {"name": "blue", "switches": [{"name": "s", "subnets": ["10.0.1.0/24", "10.0.1.0/24"]}]}
    for document, field in (
        (bad, "switches[0].subnets[1]"),
        ([BLUE, bad], "[1].switches[0].subnets[1]"),
        ({"tenants": [bad]}, "tenants[0].switches[0].subnets[1]"),
    ):
        result = run("apply", "-", input=json.dumps(document))
        assert (result.exit_code, result.stderr) == (1, f"error: {field}: overlaps 10.0.1.0/24\n")
    assert rest.tenants == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON: Expecting property name"),
        ("3", "neither a tenant"),
        ("{}", "neither a tenant"),
        ('{"name": "a", "name": "b"}', "'name' is given twice"),
        ('{"name": NaN}', "NaN is not a JSON value"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_apply_refuses_what_is_no_document_before_asking(run: Run, rest: FakeRest, text: str, says: str) -> None:
    result = run("apply", "-", input=text)
    assert result.exit_code == 1 and result.stderr.startswith("error: <stdin>: ") and says in result.stderr
    assert rest.asked == []


def test_contradicting_or_missing_options_are_wrong_usage(run: Run, rest: FakeRest) -> None:
    for line in (
        "add router-port red/r1 x --switch a --peer r2/b",
        "set router-port red/r1/x --switch a --detach",
        "add port red/web x --address 10.0.1.1 --no-address",
        "add router-port red/r1 x --external a --switch b",
        "set router-port red/r1/x --external a --detach",
        "set router-port red/r1/x --gateway a --no-gateway",
        "add load-balancer red/x --router a --switch b",
        "set snat red/r1/x --ports 1-2 --no-ports",
        "add snat red x",
        "add member red/www",
        "add route red 10.0.0.0/8",
        "set port red/web/x",
        "add switch red",
        "add port red/web/x y",
        "show switch red",
        "show nothing red",
        "apply",
        "apply /no/such/file",
        "add tenant red --wait 61",
        "list --no-such-option",
        "no-such-command",
        "list --url ftp://x",
    ):
        result = run(*line.split())
        assert result.exit_code == 2 and result.stdout == "", line
    assert rest.asked == []
