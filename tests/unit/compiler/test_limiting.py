"""What goes to the controller passes the meters of the uplink and of the port it came by before that of its chassis."""

from __future__ import annotations

from collections import Counter

import pytest

from ryu_overlay.compiler.limiting import uplink_limit, uplink_limits
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Program
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.pipeline.limits import OF_CHECKS, OF_GUESTS, Limits, ofport_of, port_meter, uplink_meter
from ryu_overlay.pipeline.registers import CAME_BY, IN_LPORT, LINK, PROBE
from ryu_overlay.pipeline.tables import GUEST_METER, HEALTH_METER, OAM_METER, PUNT_METER, PUNT_UPLINK
from tests.unit.compiler.test_pieces import compiled, port
from tests.unit.engine.outdoors import outdoors, uplink

PORT, TUNNEL = 7, 102
OF_PORT, OF_TUNNEL = port_meter(PORT, 10), port_meter(TUNNEL, 50)


@pytest.fixture(scope="module")
def program() -> Program:
    """`compiled` gives a chassis 100 a second and a port 10."""
    return compiled([port(11), port(12)], {"hv1": {"p11": PORT}, "hv2": {"p12": PORT}})["hv1"]


def passed(program: Program, packet: dict[Field, int]) -> list[int]:
    """The meters that a packet passes on its way to the controller."""
    lookup, table, meters = Lookup(program.flows()), PUNT_UPLINK.number, []
    while True:
        flow = lookup.find(table, packet)
        assert flow is not None
        meters += [] if flow.instructions.meter is None else [flow.instructions.meter]
        if flow.instructions.goto is None:
            return meters
        table = flow.instructions.goto


@pytest.mark.parametrize(
    ("packet", "meters"),
    [
        ({CAME_BY.field: PORT}, [OF_PORT.number, PUNT_METER]),
        ({CAME_BY.field: PORT, LINK.field: 3}, [OF_PORT.number, PUNT_METER]),
        ({CAME_BY.field: PORT, LINK.field: OF_CHECKS}, [OF_PORT.number, HEALTH_METER]),
        ({CAME_BY.field: PORT, LINK.field: OF_GUESTS}, [OF_PORT.number, GUEST_METER]),
        ({CAME_BY.field: TUNNEL}, [OF_TUNNEL.number, PUNT_METER]),
        ({CAME_BY.field: 0}, [PUNT_METER]),
        ({CAME_BY.field: PORT, PROBE.field: 1}, [OAM_METER]),
    ],
    ids=["a VM's", "a VM's that NAT has looked at", "check", "guest", "tunnel", "the controller's own", "probe"],
)
def test_the_ports_meter_comes_before_the_chassis(program: Program, packet: dict[Field, int], meters: list[int]) -> None:
    assert passed(program, packet) == meters


def test_a_bridge_has_a_meter_for_each_port_that_something_comes_by(program: Program) -> None:
    assert {m for m in program.own_meters() if ofport_of(m.number) is not None} == {OF_PORT, OF_TUNNEL}


def test_an_uplinks_meter_comes_before_those_that_many_share() -> None:
    world = outdoors(uplink("hv1"))
    (key,) = (view.uplink.key for view in world.engine.network.router_views.values() if view.uplink is not None)
    program = world.engine.programs["hv1"]
    tunnel = next(iter(world.engine.fabric.tunnels["hv1"].values()))
    meters = [uplink_meter(key, 1).number, port_meter(tunnel, 1).number, PUNT_METER]
    assert passed(program, {IN_LPORT.field: key, CAME_BY.field: tunnel}) == meters
    assert passed(program, {IN_LPORT.field: key, CAME_BY.field: tunnel, PROBE.field: 1}) == [OAM_METER]
    assert {meters[0]} < {meter.number for meter in program.all_meters()}


def test_uplinks_share_the_numbers_that_are_left() -> None:
    left = range(port_meter(65279, 1).number + 1, 2**18)
    assert {uplink_meter(key, 1).number for key in range(1, 5000)} == set(left)
    for apart in (1, 3, 8, 64, 100, 256):
        used = Counter(uplink_meter(key, 1).number for key in range(7, 7 + 100 * apart, apart))
        assert max(used.values()) <= 2 and len(used) > 80, "tenants that are made alike are spread as well as any"
    views = outdoors(uplink("hv1")).engine.network.router_views.values()
    (limit,) = (uplink_limit(view.tenant, view.uplink, 10) for view in views if view.uplink is not None)
    (meter,) = uplink_limits(limit, limit).meters
    assert meter.rate == 10 and ofport_of(meter.number) is None


def test_what_many_share_gets_half_of_the_chassis() -> None:
    assert [Limits(chassis=chassis).shared for chassis in (1, 100)] == [1, 50]


def test_meters_of_ports_are_told_from_others() -> None:
    assert ofport_of(port_meter(65279, 1).number) == 65279
    assert ofport_of(PUNT_METER) is None
    assert port_meter(65279, 1).number < 2**18, "as many as Open vSwitch has"
