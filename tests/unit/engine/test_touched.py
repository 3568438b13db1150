"""Somebody else changes a bridge's flows: it is audited at once, and no more often than is good for anybody."""

from __future__ import annotations

from itertools import count

import pytest

from ryu_overlay.engine.bridge import ANSWER_WITHIN, Bridge
from ryu_overlay.engine.events import SwitchRead, SwitchTouched
from tests.unit.engine.world import FOREIGN_COOKIE, OPTIONS, World, reads

HV1 = SwitchTouched(1)


def bridge(world: World, name: str = "hv1") -> Bridge:
    found = world.engine.bridge_of(name)
    assert found is not None
    return found


def readings(until: float, touched: bool = True, start: float = 100.0) -> list[float]:
    """When a bridge that was last read at `start` is read, in seconds since then, if it is touched at each tick and answers at
    once."""
    one, found = Bridge(1, "hv1", count(1)), list[float]()
    now = start
    while now <= start + until:
        for read in [*one.tick(now), *(one.touch(now) if touched else [])]:
            found.append(now - start)
            one.was_read(SwitchRead(1, read.token, (), {}, {}), now)  # type: ignore[union-attr]
        now += 0.5
    return found


def test_a_touched_bridge_is_read_at_once_and_healed(world: World) -> None:
    switch = world["hv1"].switch
    lost = sorted(key for key, (_, does) in switch.flows.items() if does)[3]
    del switch.flows[lost]
    world.now += 5
    assert [read.dpid for read in reads(world.step(HV1))] == [1]
    world.settle()
    world.assert_converged()
    assert [(d.what, d.key, d.at) for d in bridge(world).drift] == [("missing", lost, world.now)]


def test_touches_without_end_are_read_ever_less_often_down_to_every_4_s() -> None:
    assert readings(24) == [0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0]
    assert readings(24, touched=False) == [0.0]


def test_once_it_was_quiet_it_is_read_at_once_again() -> None:
    one = Bridge(1, "hv1", count(1))

    def touched(now: float) -> bool:
        """Whether a touch is answered by a reading at once."""
        found = one.touch(now) or one.tick(now)
        for read in found:
            one.was_read(SwitchRead(1, read.token, (), {}, {}), now)  # type: ignore[union-attr]
        return bool(found)

    for read in one.tick(0.0):
        one.was_read(SwitchRead(1, read.token, (), {}, {}), 0.0)  # type: ignore[union-attr]
    assert [now for now in range(1, 40) if touched(now)] == [1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert touched(36 + 2 * 4 + 1)
    assert not touched(45.5) and touched(46)


def test_audits_do_not_keep_it_from_being_read_at_once(world: World) -> None:
    """After minutes without a touch, an audit that happened to come just before is none."""
    for _ in range(80):
        world.step(HV1)
        world.tick()
        world.settle()
    for _ in range(300):
        world.tick()
        world.settle()
    while not any(read.dpid == 1 for read in reads(world.tick())):
        world.settle()
    world.settle()
    world.tick(2.0)
    world.settle()
    assert reads(world.step(HV1)) or reads(world.tick())


def test_a_touch_while_it_is_read_is_not_forgotten(world: World) -> None:
    world.now += 5
    world.step(HV1)
    world["hv1"].switch.work()
    del world["hv1"].switch.flows[min(world["hv1"].switch.ours)]
    assert not world.step(HV1)
    world.settle()
    assert not bridge(world).drift
    world.tick()
    world.settle()
    assert [d.what for d in bridge(world).drift] == ["missing"]
    world.assert_converged()


def test_an_audit_answers_touches_before_it(world: World) -> None:
    world.now += 5
    world.step(HV1)
    world.settle()
    assert not world.step(HV1)
    world.tick(OPTIONS.audit_every)
    world.settle()
    later = [read for _ in range(5) for read in reads(world.tick()) if read.dpid == 1]
    assert not later


def test_what_is_not_known_or_does_not_answer_is_not_asked_more_for_it() -> None:
    one = Bridge(1, "hv1", count(1))
    assert one.touch(0.0) == []
    assert len(one.tick(0.0)) == 1
    assert [one.touch(now) + one.tick(now) for now in (1.0, ANSWER_WITHIN - 1)] == [[], []]
    assert len(one.tick(ANSWER_WITHIN)) == 1


@pytest.mark.parametrize("dpid", [9, 2])
def test_others_are_not_read_for_it(world: World, dpid: int) -> None:
    world.now += 5
    assert [read.dpid for read in reads(world.step(SwitchTouched(dpid)))] == ([2] if dpid == 2 else [])


def test_foreign_flows_come_to_light(world: World) -> None:
    world["hv1"].switch.flows[0, 7, b""] = (FOREIGN_COOKIE, b"")
    world.now += 5
    world.step(HV1)
    world.settle()
    assert [d.key for d in bridge(world).foreign] == [(0, 7, b"")] and not bridge(world).drift


def test_groups_are_told_as_they_are_believed_to_be_and_when_they_differed(world: World) -> None:
    switch = world["hv1"].switch
    assert dict(bridge(world).groups) == switch.groups != {}
    first, second, *_ = sorted(switch.groups)
    del switch.groups[first]
    switch.groups[second] = (switch.groups[second][0], b"")
    world.now += 5
    world.step(HV1)
    world.settle()
    told = {(world.now, f"group {first} was missing"), (world.now, f"group {second} was changed")}
    assert {*bridge(world).group_drift} == told and len(bridge(world).group_drift) == 2
    assert dict(bridge(world).groups) == switch.groups
    world.assert_converged()
    assert not Bridge(1, "hv1", count(1)).groups


def test_of_groups_that_differ_again_and_again_the_newest_are_kept() -> None:
    one = Bridge(1, "hv1", count(1))
    for now in range(1100):
        for read in one.read(now):
            one.was_read(SwitchRead(1, read.token, (), {7: (now % 2, b"")}, {}), now)  # type: ignore[union-attr]
    assert [at for at, _ in one.group_drift] == list(range(100, 1100))
