from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from ryu_overlay.cli.main import PROGRAM, cli
from tests.unit.cli.fake_rest import FakeRest, Run, serving


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
    """The fake controller with tenant red in it: two chained routers, one switch, one bound port."""
    port = {"name": "web-1", "mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11"], "port_security": True, "enabled": True}
    port |= {"uuid": "u-web-1", "key": 9, "binding": {"chassis": "hv1", "interface": "tap1"}}
    switch = {"name": "web", "uuid": "u-web", "key": 2, "mtu": 1450, "subnets": ["10.0.1.0/24"], "vni": 1, "ports": [port]}
    up = {"name": "up", "mac": "02:00:00:00:00:02", "addresses": ["100.64.0.1/30"], "peer": "r2/down"}
    web = {"name": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.0.1.1/24"], "switch": "web"}
    down = {"name": "down", "mac": "02:00:00:00:00:03", "addresses": ["100.64.0.2/30"]}
    r1 = {"name": "r1", "ports": [web, up], "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.2"]}]}
    r2 = {"name": "r2", "ports": [down], "routes": []}
    rest.tenants = [{"name": "red", "description": "", "uuid": "u-red", "key": 1, "switches": [switch], "routers": [r2, r1]}]
    return rest
