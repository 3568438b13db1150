"""Flows that last as long as somebody looks: there while wanted, gone afterwards, and never taken for drift."""

from __future__ import annotations

import pytest

from ryu_overlay.engine.events import Observe
from ryu_overlay.openflow.actions import Instructions, Resubmit
from ryu_overlay.openflow.actions_nicira import Controller
from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.openflow.flow import Block, Flow, Meter, Program, make_match
from ryu_overlay.pipeline.cookies import OURS_COOKIE
from ryu_overlay.pipeline.tables import CAPTURE_METERS
from tests.unit.engine.test_engine_audit import audit
from tests.unit.engine.world import World, assert_holds, port, sends

TOP = 65000


def looking(number: int, *chassis: str, rate: int = 10) -> Observe:
    """An observation with a flow and a meter of its own on each of the chassis."""
    meter = Meter(CAPTURE_METERS[number], rate, rate)
    does = Instructions((Controller(128, meter.number), Resubmit(0)))
    block = Block((Flow(0, TOP, make_match({IN_PORT: 1000 + number}), does, OURS_COOKIE | number),))
    return Observe(number, dict.fromkeys(chassis, block), (meter,))


def gone(event: Observe) -> Observe:
    return Observe(event.key, None)


def assert_converged_with(world: World, *events: Observe) -> None:
    for name, program in world.expected().items():
        blocks, meters = dict(program.blocks), list(program.meters)
        for event in events:
            if event.blocks is not None and name in event.blocks:
                blocks["more", event.key] = event.blocks[name]
                meters += event.meters
        assert_holds(world[name].switch, Program(blocks, tuple(meters)))
        assert world.engine.confirmed(name) == world.network.revision


def test_it_is_there_where_it_was_asked_for_and_only_it_is_sent(world: World) -> None:
    event = looking(1, "hv1", "hv3")
    effects = world.step(event)
    assert [(s.dpid, len(s.messages)) for s in sends(effects)] == [(1, 3), (3, 3)], "a meter, a flow, a barrier"
    world.settle()
    assert_converged_with(world, event)


def test_several_do_not_know_of_each_other_and_end_in_any_order(world: World) -> None:
    first, second, third = looking(1, "hv1", "hv2"), looking(2, "hv1"), looking(3, "hv2")
    world.step(first, second)
    world.step(third)
    world.settle()
    assert_converged_with(world, first, second, third)
    world.step(gone(first))
    world.settle()
    assert_converged_with(world, second, third)
    world.step(gone(third), gone(second))
    world.settle()
    world.assert_converged()


def test_the_same_key_again_replaces_and_the_same_again_does_nothing(world: World) -> None:
    world.step(looking(1, "hv1"))
    world.settle()
    moved = looking(1, "hv2", rate=20)
    world.step(moved)
    world.settle()
    assert_converged_with(world, moved)
    assert not world.step(moved, looking(1, "hv2", rate=20))
    assert not world.step(gone(looking(2, "hv1")))


def test_it_stays_through_changes_of_the_network(world: World) -> None:
    event = looking(1, "hv1", "hv2", "hv3")
    world.step(event)
    for number in range(3):
        world.edit(port(1, 1, 50 + number))
        world.tell()
    world.settle()
    assert_converged_with(world, event)
    assert world.engine.lagging(world.network.revision) == []


def test_who_asked_can_tell_when_it_is_there_and_when_it_is_gone(world: World) -> None:
    event = looking(1, "hv1")
    engine = world.engine
    assert engine.settled("hv1") and not engine.observed(event, ["hv1"])
    world.step(event)
    assert not engine.observed(event, ["hv1"]) and not engine.settled("hv1") and engine.settled("hv2")
    world.settle()
    assert engine.observed(event, ["hv1"]) and not engine.observed(gone(event), ["hv1"])
    world.step(gone(event))
    assert not engine.observed(event, ["hv1"]) and not engine.observed(gone(event), ["hv1"])
    world.settle()
    assert engine.observed(gone(event), ["hv1"])


def test_nobody_is_told_that_it_is_there_while_the_bridge_is_away_or_refuses(world: World) -> None:
    event = looking(1, "hv1")
    world.disconnect("hv1")
    world.step(event)
    assert not world.engine.observed(event, ["hv1"]) and not world.engine.settled("nobody")
    world.connect("hv1")
    assert not world.engine.observed(event, ["hv1"])
    world.settle()
    assert world.engine.observed(event, ["hv1"])
    assert_converged_with(world, event)
    other = looking(2, "hv1")
    world["hv1"].switch.refuses = lambda message: True
    world.step(other)
    world.settle()
    assert not world.engine.observed(other, ["hv1"])


def test_an_audit_finds_no_drift_in_it_and_heals_it(world: World) -> None:
    event = looking(1, "hv1", "hv2")
    world.step(event)
    world.settle()
    assert audit(world) == []
    (flow,) = event.blocks["hv1"].flows  # type: ignore[index]
    del world["hv1"].switch.flows[flow.key]
    assert audit(world) == ["missing"]
    assert_converged_with(world, event)
    world["hv1"].switch.restart()
    world.disconnect("hv1")
    world.connect("hv1")
    world.settle()
    assert_converged_with(world, event)


@pytest.mark.parametrize("others_meter", [COUNTING.start, 70000])
def test_a_restarted_controller_removes_it_and_leaves_meters_of_others(world: World, others_meter: int) -> None:
    world.step(looking(1, "hv1", "hv3"), looking(2, "hv3"))
    world.settle()
    world["hv1"].switch.meters[others_meter] = b"whatever"
    world.restart()
    world.load()
    world.report(*world.hypervisors)
    effects = world.connect(*world.hypervisors) + world.settle()
    assert {s.dpid for s in sends(effects)} == {1, 3}
    assert world["hv1"].switch.meters.pop(others_meter) == b"whatever"
    world.assert_converged()


def test_a_chassis_that_is_forgotten_is_left_empty(world: World) -> None:
    world.step(looking(1, "hv1"))
    world.settle()
    world.lose("hv1", left=True)
    world["hv1"].switch.work()
    assert not world["hv1"].switch.ours and not world["hv1"].switch.meters
