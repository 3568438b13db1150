"""Patch ports to bridges of physical networks, their clock and carrier, and fast checks, against real Open vSwitch daemons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from ryu_overlay.southbound.ovsdb_plan import ChassisPlan
from tests.unit.southbound.ovsdb_lab import Chassis, Controller, until

MAPPINGS = "external_ids:overlay-bridge-mappings"
CLOCK = '{cfm_extended="true", cfm_interval="100"}'
MPID = str(int(IPv4Address("172.31.0.1")))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    with closing(Controller(tmp_path_factory.mktemp("controller") / "log")) as started:
        yield started


@pytest.fixture
def controller(process: Controller) -> Controller:
    process.start()
    return process


@pytest.fixture
def hv1(tmp_path: Path, controller: Controller) -> Iterator[Chassis]:
    """A joined chassis that maps physnet1 to br-ex, which has the NIC eth0, and physnet2 to br-dc, which has none."""
    with closing(Chassis(tmp_path / "hv1", "hv1", "172.31.0.1")) as one:
        one.start()
        for bridge in ("br-ex", "br-dc"):
            one.vsctl("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=dummy")
        one.vsctl("add-port", "br-ex", "eth0", "--", "set", "Interface", "eth0", "type=dummy")
        one.join(controller, f"{MAPPINGS}=physnet1:br-ex,physnet2:br-dc,physnet9:br-none")
        controller.facts("hv1", lambda f: f["dpid"])
        yield one


def patched(**wanted: bool) -> Callable[[dict[str, Any]], bool]:
    """Whether facts show just these physical networks, each with its `up`."""
    return lambda facts: {network: up for network, (_, up) in facts["patches"].items()} == wanted


def ports(chassis: Chassis, bridge: str) -> set[str]:
    return set(chassis.vsctl("list-ports", bridge).split())


def set_link(chassis: Chassis, interface: str, state: str) -> None:
    chassis.appctl("netdev-dummy/set-admin-state", interface, state)


def test_plans_have_defaults() -> None:
    plan = ChassisPlan({"hv2": IPv4Address("172.31.0.2")})
    assert plan == ChassisPlan({"hv2": IPv4Address("172.31.0.2")}, frozenset(), frozenset())
    assert ChassisPlan().tunnels == {}


def test_a_pair_is_made_and_removed(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet1", "physnet9", "unknown"])
    facts = controller.facts("hv1", patched(physnet1=True))
    assert facts["patches"]["physnet1"][0] == int(hv1.get("Interface", "ext-physnet1", "ofport"))
    assert facts["problems"] == ["overlay-bridge-mappings: there is no bridge br-none for physnet9"]
    for end, peer in (("ext-physnet1", "int-physnet1"), ("int-physnet1", "ext-physnet1")):
        assert hv1.get("Interface", end, "type") == "patch"
        assert hv1.get("Interface", end, "options") == f"{{peer={peer}}}"
        assert hv1.get("Interface", end, "external_ids") == "{overlay-patch=physnet1}"
    assert (hv1.get("Interface", "int-physnet1", "cfm_mpid"), hv1.get("Interface", "ext-physnet1", "cfm_mpid")) == (MPID, "[]")
    assert hv1.get("Interface", "int-physnet1", "other_config") == CLOCK
    assert ports(hv1, "br-int") == {"ext-physnet1"} and ports(hv1, "br-ex") == {"eth0", "int-physnet1"}
    controller.tell("plan", "hv1", {}, ["physnet2"])
    controller.facts("hv1", patched(physnet2=True))
    assert ports(hv1, "br-int") == {"ext-physnet2"} and ports(hv1, "br-ex") == {"eth0"}
    controller.tell("plan", "hv1", {})
    controller.facts("hv1", patched())
    assert ports(hv1, "br-int") == ports(hv1, "br-dc") == set()


def test_names_that_are_taken_or_too_long(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("add-port", "br-ex", "ext-physnet1", "--", "set", "Interface", "ext-physnet1", "type=internal")
    hv1.vsctl("set", "Open_vSwitch", ".", f"{MAPPINGS}=physnet1:br-ex,a-long-network-name:br-dc")
    controller.tell("plan", "hv1", {}, ["physnet1", "a-long-network-name"])
    controller.facts("hv1", patched(**{"physnet1": True, "a-long-network-name": True}))
    near = ports(hv1, "br-int")
    assert len(near) == 2 and all(len(name) == 15 and name.startswith("ext-") for name in near)
    assert "ext-physnet1" in ports(hv1, "br-ex")
    controller.tell("plan", "hv1", {})
    controller.facts("hv1", patched())
    assert ports(hv1, "br-ex") == {"eth0", "ext-physnet1"}


def test_pairs_that_hands_changed_are_healed(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet1"])
    controller.facts("hv1", patched(physnet1=True))
    far = ("Interface", "int-physnet1")
    hv1.vsctl("--no-wait", "set", *far, "options:peer=nobody", "other_config:cfm_interval=5000", "other_config:mine=1")
    until(lambda: hv1.get(*far, "options:peer") == "ext-physnet1", "the peer to be put right")
    until(lambda: hv1.get(*far, "other_config:cfm_interval") == '"100"', "the clock to be put right")
    assert hv1.get(*far, "other_config:mine") == '"1"'
    hv1.vsctl("--no-wait", "clear", *far, "cfm_mpid")
    until(lambda: hv1.get(*far, "cfm_mpid") == MPID, "the clock to be put back")
    for bridge, port in (("br-ex", "int-physnet1"), ("br-int", "ext-physnet1")):
        hv1.vsctl("--no-wait", "del-port", port)
        until(lambda b=bridge, p=port: p in ports(hv1, b), "the port to be put back")  # type: ignore[misc]
    hv1.vsctl("--no-wait", "del-br", "br-int")
    until(lambda: "br-int" in hv1.vsctl("list-br") and "ext-physnet1" in ports(hv1, "br-int"), "the bridge to be put back")
    controller.facts("hv1", patched(physnet1=True))


def test_a_bridge_that_comes_and_goes(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet9"])
    hv1.vsctl("add-br", "br-none", "--", "set", "Bridge", "br-none", "datapath_type=dummy")
    controller.facts("hv1", patched(physnet9=True))
    hv1.vsctl("--no-wait", "del-br", "br-none")
    controller.facts("hv1", patched())
    until(lambda: ports(hv1, "br-int") == set(), "our end to go too")


def test_the_mapping_changes(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet1"])
    controller.facts("hv1", patched(physnet1=True))
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"{MAPPINGS}=physnet1:br-dc")
    until(lambda: ports(hv1, "br-dc") == {"int-physnet1"}, "the far end on the other bridge")
    assert ports(hv1, "br-ex") == {"eth0"} and ports(hv1, "br-int") == {"ext-physnet1"}
    until(lambda: int(hv1.get("Interface", "int-physnet1", "ofport").replace("[]", "0")) > 0, "the far end to be open")
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"{MAPPINGS}=physnet1:br-int")
    facts = controller.facts("hv1", lambda f: f["bridge_mappings"] == [["physnet1", "br-int"]] and not f["patches"])
    assert facts["problems"] == ["overlay-bridge-mappings: physnet1 is mapped to br-int itself"]
    until(lambda: ports(hv1, "br-int") == ports(hv1, "br-dc") == set(), "both ends to go")
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"{MAPPINGS}=physnet1:br-ex")
    controller.facts("hv1", patched(physnet1=True))
    hv1.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "overlay-bridge-mappings")
    controller.facts("hv1", patched())
    until(lambda: ports(hv1, "br-ex") == {"eth0"}, "the far end to go")


def test_leaving_takes_both_ends(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("add-port", "br-ex", "mine", "--", "set", "Interface", "mine", "type=patch", "options:peer=nobody")
    controller.tell("plan", "hv1", {}, ["physnet1", "physnet2"])
    controller.facts("hv1", patched(physnet1=True, physnet2=True))
    hv1.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "system-id")
    until(lambda: ports(hv1, "br-ex") == {"eth0", "mine"}, "the far end to go")
    assert ports(hv1, "br-int") == ports(hv1, "br-dc") == set()


def test_a_restart_touches_nothing(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet1"])
    controller.facts("hv1", patched(physnet1=True))
    rows = hv1.vsctl("--columns=_uuid,external_ids,options", "list", "Interface")
    controller.start(controller.port)
    controller.facts("hv1", patched(physnet1=True))
    controller.tell("plan", "hv1", {}, ["physnet1"])
    controller.quiet(0.3)
    assert hv1.vsctl("--columns=_uuid,external_ids,options", "list", "Interface") == rows


def test_up_follows_the_carrier(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {}, ["physnet1", "physnet2"])
    controller.facts("hv1", patched(physnet1=True, physnet2=True))
    set_link(hv1, "eth0", "down")
    controller.facts("hv1", patched(physnet1=False, physnet2=True))
    hv1.vsctl("add-port", "br-ex", "eth1", "--", "set", "Interface", "eth1", "type=dummy")
    set_link(hv1, "eth1", "up")
    controller.facts("hv1", patched(physnet1=True, physnet2=True))
    hv1.vsctl("--no-wait", "del-port", "eth1")
    controller.facts("hv1", patched(physnet1=False, physnet2=True))
    set_link(hv1, "eth0", "up")
    controller.facts("hv1", patched(physnet1=True, physnet2=True))


def test_bridges_of_two_datapaths_are_told(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("--no-wait", "set", "Bridge", "br-dc", "datapath_type=netdev")
    controller.tell("plan", "hv1", {}, ["physnet2"])
    sentence = "bridge br-dc for physnet2 has datapath type netdev but br-int has dummy; no packet passes between"
    controller.facts("hv1", lambda f: sentence in f["problems"])


def test_fast_checks_come_and_go(hv1: Chassis, controller: Controller) -> None:
    tunnels = {"hv2": "172.31.0.2", "hv3": "172.31.0.3"}

    def intervals() -> list[str]:
        return [hv1.get("Interface", f"vx-{name}", "other_config:cfm_interval").strip('"') for name in tunnels]

    controller.tell("plan", "hv1", tunnels, [], ["hv2", "hv9"])
    controller.facts("hv1", lambda f: len(f["tunnels"]) == 2)
    assert intervals() == ["60", "1000"]
    rows = hv1.vsctl("--columns=_uuid,ofport", "list", "Interface")
    controller.tell("plan", "hv1", tunnels, [], ["hv3"])
    until(lambda: intervals() == ["1000", "60"], "the other tunnel to be the fast one")
    hv1.vsctl("--no-wait", "set", "Interface", "vx-hv3", "other_config:cfm_interval=1000")
    until(lambda: intervals() == ["1000", "60"], "the interval to be put right")
    assert hv1.vsctl("--columns=_uuid,ofport", "list", "Interface") == rows
