"""Limits and what was too much, from meters of bridges: whose each is, and what is shown of it."""

from __future__ import annotations

import struct

import pytest

from ryu_overlay.northbound.live_limits import EXCEEDED, drops, of_chassis, of_controller
from ryu_overlay.northbound.service import DropCount, LimitStatus
from ryu_overlay.oam.fairness import Fairness
from ryu_overlay.pipeline.limits import meter_number, uplink_meter
from ryu_overlay.pipeline.tables import ARP_METER, HEALTH_METER, OAM_METER, PUNT_METER
from tests.unit.engine.outdoors import outdoors, uplink
from tests.unit.engine.world import OPTIONS, World

UNKNOWN = 4242
RATE, OF_PORT, SHARED = OPTIONS.limits.chassis, OPTIONS.limits.port, OPTIONS.limits.shared


@pytest.fixture(scope="module")
def world() -> World:
    """t1-p1 is bound on hv1, which has a tunnel to hv2 and maps physnet1."""
    return outdoors()


def body(*meters: tuple[int, int, int]) -> bytes:
    """A reply with meters: number, packets that came, packets dropped (of 10 bytes each)."""
    return b"".join(struct.pack("!IH10xQ16xQQ", number, 56, came, dropped, 10 * dropped) for number, came, dropped in meters)


def port_of(world: World, what: str) -> int:
    hv1 = world["hv1"]
    if what == "vif":
        return hv1.vifs["t1-p1"].ofport
    return hv1.tunnels[world["hv2"].encap_ip].ofport if what == "tunnel" else hv1.patches["physnet1"].ofport


def test_each_limit_is_named_by_what_comes_by_it(world: World) -> None:
    ports = {what: meter_number(port_of(world, what)) for what in ("vif", "tunnel", "patch")}
    reply = body(*((number, 30, 4) for number in ports.values()), (PUNT_METER, 90, 12), (OAM_METER, 0, 0))
    assert list(of_chassis(world.engine, "hv1", [reply])) == [
        LimitStatus("port", "t1/s1/t1-p1", "hv1", OF_PORT, 26, 4),
        LimitStatus("tunnel", "hv2", "hv1", SHARED, 26, 4),
        LimitStatus("physical-network", "physnet1", "hv1", SHARED, 26, 4),
        LimitStatus("chassis", "answers", "hv1", RATE, 78, 12),
        LimitStatus("chassis", "probes", "hv1", RATE, 0, 0),
    ]


def test_uplinks_are_named_and_what_was_too_much_is_theirs() -> None:
    engine = outdoors(uplink("hv1")).engine
    (key,) = (view.uplink.key for view in engine.network.router_views.values() if view.uplink is not None)
    reply = body((uplink_meter(key, 1).number, 30, 4), (uplink_meter(key + 1, 1).number, 0, 0))
    assert list(of_chassis(engine, "hv1", [reply])) == [LimitStatus("uplink", "t1/r/up", "hv1", OF_PORT, 26, 4)]
    assert list(drops(engine, "hv1", [reply])) == [DropCount(EXCEEDED, "hv1", "router_port", "t1/r/up", 4, 40)]


def test_ports_that_nothing_came_by_and_meters_that_are_no_limits_are_left_out(world: World) -> None:
    reply = body((meter_number(port_of(world, "vif")), 0, 0), (300, 7, 0), (meter_number(UNKNOWN), 7, 7))
    assert list(of_chassis(world.engine, "hv1", [reply])) == []


def test_what_was_too_much_is_a_drop_of_the_port_if_it_is_a_vms(world: World) -> None:
    vif, tunnel = (meter_number(port_of(world, what)) for what in ("vif", "tunnel"))
    reply = body((vif, 9, 3), (tunnel, 9, 2), (HEALTH_METER, 9, 1), (ARP_METER, 9, 0), (OAM_METER, 9, 5))
    assert list(drops(world.engine, "hv1", [reply])) == [
        DropCount(EXCEEDED, "hv1", "port", "t1/s1/t1-p1", 3, 30),
        DropCount(EXCEEDED, "hv1", None, None, 2, 20),
        DropCount(EXCEEDED, "hv1", None, None, 1, 10),
    ]


def test_the_controllers_own_is_over_all_chassis() -> None:
    fairness = Fairness(2, 1)
    for chassis in (1, 1, 1, 2):
        fairness.admit(chassis, 7, 0.0)
    assert of_controller(fairness) == LimitStatus("controller", "answers", None, 2, fairness.admitted, 4 - fairness.admitted)
    assert fairness.admitted < 4
