"""The CLI against this project's own REST, over HTTP, with the network in memory: what the fake only claims holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from ryu_overlay.cli.main import cli
from ryu_overlay.model.objects import RouterPort
from ryu_overlay.northbound.dispatch import Api
from ryu_overlay.northbound.http import Incoming
from tests.unit.cli.fake_rest import Run, listening
from tests.unit.northbound.memory import GREEN, INTERNET, RED, MemoryService


class _Handler(BaseHTTPRequestHandler):
    api: Api

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type") or ""
        incoming = Incoming(self.command, unquote(path), query, kind, read=lambda: raw)
        response = self.api.handle(incoming)
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.content_type:
            self.send_header("Content-Type", response.content_type)
        body = response.body if response.stream is None else b"".join(response.stream)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryService]:
    service = MemoryService()
    with listening(type("Handler", (_Handler,), {"api": Api(service)})) as url:
        monkeypatch.setenv("OVERLAY_URL", url)
        yield service


@pytest.fixture
def run(service: MemoryService) -> Run:
    return lambda *words, input=None: CliRunner().invoke(cli, list(words), input=input)


@pytest.fixture
def red(run: Run) -> None:
    result = run("apply", "-", input=json.dumps(RED))
    assert result.exit_code == 0, result.output


def done(run: Run, line: str) -> str:
    result = run(*line.split())
    assert result.exit_code == 0, f"{line}: {result.output}"
    return result.stdout


BY_HAND = """\
add tenant blue --description second
add switch blue/a --subnet 10.0.1.0/24
add switch blue/b --subnet 10.0.2.0/24 --vni 77
add port blue/a a-1 --address 10.0.1.11
add port blue/b b-1 --address 10.0.2.9 --no-port-security --disabled
add port blue/b b-2 --no-address
add router blue/r1
add router blue/r2
add router-port blue/r1 a --address 10.0.1.1/24 --switch a
add router-port blue/r1 up --address 100.64.0.1/30
add router-port blue/r2 down --address 100.64.0.2/30 --peer r1/up
add route blue/r1 0.0.0.0/0 --nexthop 100.64.0.2"""

WAY_OUT = """\
add external-network internet --physical-network physnet1 --vlan 100 --subnet 203.0.113.0/24 --gateway 203.0.113.1 \
--pool 203.0.113.50-203.0.113.99
add router-port blue/r1 out --external internet --gateway hv1 --gateway hv2
add snat blue/r1 all --prefix 10.0.1.0/24
add floating-ip blue/r1 a --port a-1
add load-balancer blue/www --vip 203.0.113.20 --port 80 --router r1 --check tcp --interval 1.5
add member blue/www one --port a-1 --number 8080
add load-balancer blue/dns --vip 10.0.2.53 --port 53 --protocol udp --switch b
add member blue/dns/one --port b-1 --weight 3"""


def test_a_tenant_by_hand_and_its_export_applied_elsewhere(run: Run, service: MemoryService) -> None:
    for line in BY_HAND.splitlines():
        assert " created" in done(run, line)
        assert " is there already" in done(run, line)
    exported = done(run, "export blue")
    assert json.loads(exported)["switches"][1]["ports"][1]["addresses"] == []
    assert run("apply", "-", input=exported).output.startswith("0 created, 0 changed, 0 deleted")
    done(run, "remove tenant blue --cascade")
    assert run("apply", "-", input=exported).output.count("+ ") == len(BY_HAND.splitlines())
    assert done(run, "export blue") == exported
    assert run("apply", "-", input=done(run, "export --json")).output.startswith("0 created, 0 changed, 0 deleted")


def test_a_way_out_by_hand_and_its_export_applied_elsewhere(run: Run, service: MemoryService) -> None:
    lines = [*BY_HAND.splitlines()[:-1], *WAY_OUT.splitlines()]
    for line in lines:
        assert " created" in done(run, line)
        assert " is there already" in done(run, line)
    exported = done(run, "export")
    [internet] = json.loads(exported)["external_networks"]
    assert (internet["mtu"], internet["pools"]) == (1500, ["203.0.113.50-203.0.113.99"])
    assert run("apply", "-", input=exported).output.startswith("0 created, 0 changed, 0 deleted")
    assert run("remove", "external-network", "internet").exit_code == 1
    done(run, "remove tenant blue --cascade")
    done(run, "remove external-network internet")
    assert run("apply", "-", input=exported).output.count("+ ") == len(lines)
    assert done(run, "export") == exported
    assert run("apply", "-", input=done(run, "export --json")).output.startswith("0 created, 0 changed, 0 deleted")


def test_changes_of_the_way_out_by_hand(run: Run, service: MemoryService) -> None:
    assert run("apply", "-", input=json.dumps({"external_networks": [INTERNET], "tenants": [GREEN]})).exit_code == 0
    done(run, "set external-network internet --mtu 1400 --no-vlan")
    done(run, "set member green/www/a --drain --no-number")
    done(run, "set snat green/r1/out --no-ports --address 203.0.113.77")
    done(run, "set floating-ip web --centralised --port g-2")
    done(run, "set load-balancer green/www --check tcp --timeout 0.5")
    done(run, "set router-port green/r1/up --no-gateway --preempt")
    tables = service.network.tables
    assert (tables["external_network"]["internet",].mtu, tables["external_network"]["internet",].vlan) == (1400, None)
    assert tables["member"]["green", "www", "a"].drained and tables["member"]["green", "www", "a"].number is None
    assert (tables["snat"]["green", "r1", "out"].ports, tables["floating_ip"]["green", "r1", "web"].port) == (None, "g-2")
    assert (tables["load_balancer"]["green", "www"].check, tables["load_balancer"]["green", "www"].timeout) == ("tcp", 0.5)
    assert tables["router_port"]["green", "r1", "up"].gateways == ()
    done(run, "remove load-balancer green/www --cascade")
    done(run, "remove floating-ip web")
    done(run, "remove snat green/r1/out")
    done(run, "set router-port green/r1/up --detach")
    up = service.network.tables["router_port"]["green", "r1", "up"]
    assert (up.external, up.vni, up.zone) == (None, 0, 0)


@pytest.mark.usefixtures("red")
def test_apply_tells_the_difference_and_a_dry_run_writes_nothing(run: Run, service: MemoryService) -> None:
    document = json.loads(json.dumps(RED))
    document["description"] = "now"
    document["switches"][0]["ports"] = [{"name": "web-2"}]
    before = service.network
    told = ["+ port red/web/web-2", "~ tenant red", "- port red/web/web-1"]
    dry = run("apply", "-", "--dry-run", input=json.dumps(document)).output.splitlines()
    assert dry == [*told, "dry run, nothing written: 1 created, 1 changed, 1 deleted"] and service.network is before
    assert run("apply", "-", input=json.dumps([document])).output.splitlines()[:3] == told


@pytest.mark.usefixtures("red")
def test_changes_by_hand(run: Run, service: MemoryService) -> None:
    done(run, "set tenant red --description x")
    done(run, "set port web-1 --disabled --no-port-security --no-address")
    done(run, "set route red/r1/10.9.0.0/16 --nexthop 10.0.1.254")
    done(run, "set router-port red/r1/up --detach")
    port = service.network.port_by_name["web-1"]
    assert (port.enabled, port.port_security, port.addresses) == (False, False, ())
    assert _router_port(service, "up").peer is None
    done(run, "add switch red/db --subnet 10.0.2.0/24")
    done(run, "set router-port red/r1/up --switch db --address 10.0.2.1/24")
    assert _router_port(service, "up").switch == "db"
    done(run, "set router-port red/r1/up --peer r2/down --address 100.64.0.1/30")
    assert (_router_port(service, "up").switch, _router_port(service, "up").peer) == (None, ("r2", "down"))
    done(run, "set switch red/db --no-subnet --vni 99")
    assert (service.network.vnis[99], service.network.switch_views["red", "db"].switch.subnets) == (("red", "db"), ())
    done(run, "remove route red/r1/10.9.0.0/16")
    done(run, "remove port red/web/web-1")
    assert service.network.tables["route"] == {} and service.network.port_by_name == {}


def _router_port(service: MemoryService, name: str) -> RouterPort:
    port: RouterPort = service.network.tables["router_port"]["red", "r1", name]
    return port


@pytest.mark.usefixtures("red")
def test_refusals_name_the_field_and_change_nothing(run: Run, service: MemoryService) -> None:
    before = service.network
    for line, field in (
        ("add switch red/db --subnet 10.0.1.300/24", "subnets[0]"),
        ("add port red/web web-2 --mac 02:00:00:00:01:0b", "mac"),
        ("add port red/web web-2 --address 10.9.9.9", "addresses[0]"),
        ("add switch red/web --vni 9", "vni"),
        ("add router-port red/r1 x --address 10.0.7.1/24 --switch nowhere", "switch"),
        ("set switch red/none --vni 4", "switch"),
        ("show port none", "port"),
    ):
        result = run(*line.split())
        assert (result.exit_code, result.stdout) == (1, ""), f"{line}: {result.output}"
        assert result.stderr.startswith(f"error: {field}: "), f"{line}: {result.stderr}"
    document = {**RED, "switches": [{"name": "web", "subnets": ["10.0.1.0/24", "10.0.1.128/25"]}]}
    assert run("apply", "-", input=json.dumps(document)).stderr.startswith("error: switches[0].subnets[1]: ")
    assert run("remove", "switch", "red/web").exit_code == 1
    assert service.network is before


@pytest.mark.usefixtures("red")
def test_every_view_and_its_json(run: Run, service: MemoryService) -> None:
    for line, holds in (
        ("list", "red     the first"),
        ("list switches", "red/web    7  10.0.1.0/24    1450      1"),
        ("list ports --tenant red", "web-1  red/web  02:00:00:00:01:0b  10.0.1.11  hv2"),
        ("list router-ports", "router port r2/down"),
        ("list routes", "red/r1  10.9.0.0/16  100.64.0.2"),
        ("show tenant red", "red/r2"),
        ("show switch red/web", "10.0.1.11"),
        ("show port web-1", "chassis hv2, interface tap0"),
        ("show router red/r1", "10.9.0.0/16"),
        ("show router-port red/r1/up", "r2/down"),
        ("show route red/r1/10.9.0.0/16", "100.64.0.2"),
        ("chassis", "no OpenFlow"),
        ("chassis hv1", "physnet1 br-ex"),
        ("bindings", "tap0"),
        ("tunnels", "172.31.0.2"),
        ("drops", "spoofed_mac"),
        ("drift", "ls_in_mac"),
        ("revision", "hv2"),
    ):
        assert holds in done(run, line), f"{line}:\n{done(run, line)}"
        json.loads(done(run, f"{line} --json"))


def test_every_view_of_the_way_out_and_its_json(run: Run, service: MemoryService) -> None:
    assert run("apply", "-", input=json.dumps({"external_networks": [INTERNET], "tenants": [GREEN]})).exit_code == 0
    for line, holds in (
        ("list external-networks", "203.0.113.50-203.0.113.99"),
        ("list snats green/r1", "green/r1  out   10.0.1.0/25"),
        ("list floating-ips --tenant green", "green/r1  web"),
        ("list load-balancers green", "green/www"),
        ("list members", "8080"),
        ("list router-ports green/r1", "external network internet"),
        ("show router green/r1", "floating ips:"),
        ("show router-port green/r1/up", "65535"),
        ("show floating-ip web", "g-1"),
        ("show load-balancer green/www", "members:"),
        ("show member green/www/b", "drained  yes"),
        ("show external-network internet", "physnet1"),
        ("uplinks", "hv1, hv2"),
        ("members", "answered 503"),
    ):
        assert holds in done(run, line), f"{line}:\n{done(run, line)}"
        json.loads(done(run, f"{line} --json"))


@pytest.mark.usefixtures("red")
def test_waiting(run: Run, service: MemoryService) -> None:
    newest = service.network.revision
    assert done(run, "wait --timeout 0") == f"every chassis has revision {newest}\n"
    assert done(run, "add router red/r3 --wait 0.5").startswith("router red/r3 created")
    assert service.waits[-1] == (newest + 1, 0.5)
    service.confirmed = newest
    late = run("add", "router", "red/r4", "--wait", "1")
    assert late.exit_code == 1 and late.stdout.startswith("router red/r4 created") and "not every chassis" in late.stderr
    late = run("wait", "--timeout", "0")
    assert late.exit_code == 1 and f"hv1 has {newest} and is not connected" in late.stderr


def test_a_chassis_that_is_gone_is_forgotten(run: Run, service: MemoryService) -> None:
    assert done(run, "remove chassis hv1").startswith("chassis hv1 removed")
    assert run("remove", "chassis", "hv9").exit_code == 1
    assert service.forgotten == ["hv1", "hv9"]


def test_the_store_is_away(run: Run, service: MemoryService) -> None:
    service.away = True
    result = run("add", "tenant", "red")
    assert result.exit_code == 1 and result.stderr.startswith("error: the store is away")
