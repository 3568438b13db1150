from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from ryu_overlay.cli.main import PROGRAM, cli
from tests.unit.cli.fake_rest import FakeRest, Json, Run, serving


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRest]:
    """A fake controller that the CLI finds through OVERLAY_URL."""
    fake = FakeRest()
    with serving(fake) as url:
        monkeypatch.setenv("OVERLAY_URL", url)
        yield fake


@pytest.fixture
def run(rest: FakeRest) -> Run:
    """Run overlayctl with these words; `input` is its standard input."""
    return lambda *words, input=None: CliRunner().invoke(cli, list(words), input=input, prog_name=PROGRAM)


@pytest.fixture
def red(rest: FakeRest) -> FakeRest:
    """The fake controller with tenant red in it: two chained routers, one switch, one bound port; and an external network."""
    port = {"name": "web-1", "mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11"], "port_security": True, "enabled": True}
    port |= {"uuid": "u-web-1", "key": 9, "binding": {"chassis": "hv1", "interface": "tap1"}}
    switch = {"name": "web", "uuid": "u-web", "key": 2, "mtu": 1450, "subnets": ["10.0.1.0/24"], "vni": 1, "ports": [port]}
    up = {"name": "up", "mac": "02:00:00:00:00:02", "addresses": ["100.64.0.1/30"], "peer": "r2/down"}
    web = {"name": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.0.1.1/24"], "switch": "web"}
    down = {"name": "down", "mac": "02:00:00:00:00:03", "addresses": ["100.64.0.2/30"]}
    r1 = {"name": "r1", "ports": [web, up], "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.2"]}]}
    r2 = {"name": "r2", "ports": [down], "routes": []}
    rest.tenants = [{"name": "red", "description": "", "uuid": "u-red", "key": 1, "switches": [switch], "routers": [r2, r1]}]
    internet: Json = {"name": "internet", "physical_network": "physnet1", "vlan": None, "subnet": "203.0.113.0/24"}
    internet |= {"gateway": "203.0.113.1", "pools": ["203.0.113.50-203.0.113.99"], "mtu": 1400, "uuid": "u-internet", "key": 3}
    rest.external_networks = [internet]
    return rest


@pytest.fixture
def out(red: FakeRest) -> FakeRest:
    """The same, with a way out of router r1: an uplink, a source NAT, a floating IP and a load balancer with one member."""
    up: Json = {"name": "out", "mac": "02:00:00:00:00:04", "addresses": ["203.0.113.50/24"], "external": "internet"}
    up |= {"gateways": ["hv1"], "preempt": True, "vni": 9, "zone": 65535, "uuid": "u-out", "key": 4}
    nat = {"name": "all", "prefixes": ["10.0.1.0/24"], "addresses": [], "ports": "20000-20010"}
    floating = {"name": "www-ip", "address": "203.0.113.51", "mac": "02:00:00:00:00:05", "port": "web-1", "inside": None}
    member = {"name": "a", "port": "web-1", "number": None, "weight": 3, "drained": True}
    balancer = {"name": "www", "vip": "203.0.113.20", "port": 80, "protocol": "tcp", "check": "tcp", "members": [member]}
    red.tenants[0]["load_balancers"] = [{**balancer, "router": "r1", "switch": None}]
    r1: Json = red.tenants[0]["routers"][1]
    r1["ports"].append(up)
    r1 |= {"snats": [nat], "floating_ips": [{**floating, "distributed": False}]}
    return red
