"""Links as Open vSwitch itself shows them: VIFs that were taken down or have no carrier, and the way to the underlay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.southbound.ovsdb_lab import Chassis, Controller


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    with closing(Controller(tmp_path_factory.mktemp("controller") / "log")) as started:
        yield started


@pytest.fixture
def hv1(tmp_path: Path, controller: Controller) -> Iterator[Chassis]:
    controller.start()
    with closing(Chassis(tmp_path / "hv1", "hv1", "172.31.0.1")) as one:
        one.start()
        one.vsctl("add-br", "br-phy", "--", "set", "Bridge", "br-phy", "datapath_type=dummy")
        one.vsctl("add-port", "br-phy", "eth0", "--", "set", "Interface", "eth0", "type=dummy")
        one.join(controller)
        controller.facts("hv1", lambda f: f["dpid"])
        yield one


def links(controller: Controller, down: list[str], off: list[str]) -> Any:
    return controller.facts("hv1", lambda f: (f["down"], f["off"]) == (down, off))


def put(chassis: Chassis, interface: str, **columns: str) -> None:
    """Have the database say something, which Open vSwitch is not there to put right."""
    chassis.vsctl("--no-wait", "set", "Interface", interface, *(f"{name}={value}" for name, value in columns.items()))


def test_a_vif_that_is_taken_down_and_up(hv1: Chassis, controller: Controller) -> None:
    hv1.plug("tap1", "web")
    links(controller, [], [])
    hv1.appctl("netdev-dummy/set-admin-state", "tap1", "down")
    assert links(controller, ["web"], [])["vifs"] == {"web": ["tap1", 1]}
    hv1.appctl("netdev-dummy/set-admin-state", "tap1", "up")
    links(controller, [], [])


def test_a_vif_without_carrier_is_off_only_while_it_is_up(hv1: Chassis, controller: Controller) -> None:
    for number in (1, 2):
        hv1.plug(f"tap{number}", f"web{number}")
    controller.facts("hv1", lambda f: len(f["vifs"]) == 2)
    hv1.kill("vs")
    put(hv1, "tap1", link_state="down")
    links(controller, [], ["web1"])
    put(hv1, "tap1", admin_state="down")
    links(controller, ["web1"], [])
    put(hv1, "tap2", link_state="down")
    links(controller, ["web1"], ["web2"])
    put(hv1, "tap1", **{"external_ids:iface-id": "other"})
    links(controller, ["other"], ["web2"])
    put(hv1, "tap2", ofport="-1")
    assert links(controller, ["other"], [])["vifs"] == {"other": ["tap1", 1]}
    hv1.vsctl("--no-wait", "del-port", "tap1")
    links(controller, [], [])


def test_of_two_interfaces_with_one_iface_id_the_one_that_counts_is_told(hv1: Chassis, controller: Controller) -> None:
    for number in (1, 2):
        hv1.plug(f"tap{number}", "web")
    assert controller.facts("hv1", lambda f: f["problems"])["vifs"] == {"web": ["tap1", 1]}
    hv1.kill("vs")
    put(hv1, "tap2", link_state="down", admin_state="down")
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:overlay-underlay-mtu=9000")
    facts = controller.facts("hv1", lambda f: f["mtu"] == 9000)
    assert (facts["down"], facts["off"]) == ([], [])
    put(hv1, "tap1", link_state="down")
    links(controller, [], ["web"])


def test_the_carrier_is_that_of_the_bridge_by_which_tunnels_leave(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    assert controller.facts("hv1", lambda f: f["tunnels"])["carrier"] is None
    hv1.kill("vs")
    put(hv1, "vx-hv2", **{"status:tunnel_egress_iface": "br-phy"})
    controller.facts("hv1", lambda f: f["carrier"] is True)
    put(hv1, "eth0", link_state="down")
    controller.facts("hv1", lambda f: f["carrier"] is False)
    for elsewhere in ("bond0", "br-int"):
        put(hv1, "vx-hv2", **{"status:tunnel_egress_iface": elsewhere})
        controller.facts("hv1", lambda f: f["carrier"] is None)
        put(hv1, "vx-hv2", **{"status:tunnel_egress_iface": "br-phy"})
        controller.facts("hv1", lambda f: f["carrier"] is False)


def test_the_carrier_follows_the_ports_of_that_bridge(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    controller.facts("hv1", lambda f: f["tunnels"])
    hv1.kill("vs")
    put(hv1, "vx-hv2", **{"status:tunnel_egress_iface": "br-phy"})
    put(hv1, "eth0", link_state="down")
    controller.facts("hv1", lambda f: f["carrier"] is False)
    hv1.vsctl("--no-wait", "add-port", "br-phy", "eth1", "--", "set", "Interface", "eth1", "link_state=up")
    controller.facts("hv1", lambda f: f["carrier"] is True)
    hv1.vsctl("--no-wait", "del-port", "eth1")
    controller.facts("hv1", lambda f: f["carrier"] is False)
