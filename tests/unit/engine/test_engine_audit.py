"""What is not as it was believed to be: audits, drift, refusals, faults."""

from __future__ import annotations

import struct

import pytest

from ryu_overlay.engine.bridge import ANSWER_WITHIN, RETRY_AFTER
from ryu_overlay.engine.drift import GROUP_NUMBER_BITS
from ryu_overlay.engine.events import (
    Confirmed,
    NetworkChanged,
    Refusal,
)
from ryu_overlay.openflow import messages
from ryu_overlay.pipeline.cookies import OURS_COOKIE
from ryu_overlay.pipeline.tables import PUNT_METER
from tests.unit.engine.world import FOREIGN_COOKIE, OPTIONS, World, port, reads, route, sends, tenant


def audit(world: World) -> list[str]:
    """What a round of audits finds, as (kind) words in order."""
    seen = {name: len(world.engine.bridge_of(name).drift) for name in world.hypervisors}  # type: ignore[union-attr]
    world.tick(OPTIONS.audit_every)
    world.settle()
    for _ in world.hypervisors:
        world.tick()
        world.settle()
    return [d.what for name in seen for d in world.engine.bridge_of(name).drift[seen[name] :]]  # type: ignore[union-attr]


def test_an_audit_heals_and_reports_once(world: World) -> None:
    flows = world["hv2"].switch.flows
    missing, changed = sorted(key for key, (_, does) in flows.items() if does)[3:5]
    del flows[missing]
    flows[changed] = (flows[changed][0], b"")
    flows[99, 5, b""] = (OURS_COOKIE, b"")
    assert sorted(audit(world)) == ["changed", "extra", "missing"]
    world.assert_converged()
    assert audit(world) == []
    assert len(world.logs) == 3


def test_a_cookie_of_ours_taken_away_is_a_change(world: World) -> None:
    flows = world["hv1"].switch.flows
    key = sorted(flows)[0]
    flows[key] = (FOREIGN_COOKIE, flows[key][1])
    assert audit(world) == ["changed"]
    world.assert_converged()


def test_foreign_flows_are_reported_untouched_until_they_are_gone(world: World) -> None:
    foreign = (0, 7, b"")
    world["hv1"].switch.flows[foreign] = (FOREIGN_COOKIE, b"")
    for _ in range(2):
        assert audit(world) == []
        (found,) = world.engine.bridge_of("hv1").foreign  # type: ignore[union-attr]
        assert (found.key, found.what, found.healed) == (foreign, "foreign", False)
    assert foreign in world["hv1"].switch.flows
    del world["hv1"].switch.flows[foreign]
    audit(world)
    assert not world.engine.bridge_of("hv1").foreign  # type: ignore[union-attr]


def test_groups_drift_too_but_foreign_ones_do_not(world: World) -> None:
    groups = world["hv1"].switch.groups
    first, second, _ = sorted(groups)
    foreign = 1 << GROUP_NUMBER_BITS | 1
    groups[foreign] = (0, b"whatever")
    kind, data = groups[first]
    groups[first] = (0, data)
    groups[second] = (kind, data[:-1])
    groups[77] = (1, data)
    audit(world)
    assert groups.pop(foreign) == (0, b"whatever")
    world.assert_converged()
    assert sorted(w for w in world.logs if "group" in w) == [
        f"hv1: group {first} was changed; put right",
        f"hv1: group {second} was changed; put right",
        "hv1: group 77 was extra; put right",
    ]


def test_a_meter_deleted_by_hand_is_put_back_with_the_flows_it_took_along(world: World) -> None:
    before = len(world["hv1"].switch.flows)
    world["hv1"].switch.delete_meter(PUNT_METER)
    lost = before - len(world["hv1"].switch.flows)
    assert lost == 1, "that of punt_chassis"
    assert audit(world) == ["missing"] * lost
    world.assert_converged()
    world["hv1"].switch.meters[PUNT_METER] = b"other"
    assert audit(world) == []
    world.assert_converged()


def test_an_audit_amid_changes_finds_what_drifted_and_nothing_else(world: World) -> None:
    """The dump is of before the changes that were sent after it was asked for."""
    switch = world["hv1"].switch
    drifted = sorted(switch.ours)[0]
    for number in range(6):
        if number == 3:
            del switch.flows[drifted]
        world.tick(OPTIONS.audit_every)
        world.edit(port(1, 1, 50 + number), route(1, *("10.0.2.8", f"10.0.2.{100 + number}")))
        world.tell()
        gone = port(1, 1, 49 + number)
        if number:
            world.edit(deletes=(gone,))
            world.tell()
        for name in world.hypervisors:
            world[name].switch.work()
            world.deliver(name)
    world.settle()
    found = [d.key for name in world.hypervisors for d in world.engine.bridge_of(name).drift]  # type: ignore[union-attr]
    assert found == [drifted]
    assert not [w for w in world.logs if "group" in w or "meter" in w]
    world.assert_converged()


def test_a_reading_that_is_not_answered_is_asked_for_again(world: World) -> None:
    world["hv1"].switch.restart()
    world.disconnect("hv1")
    assert reads(world.connect("hv1"))
    world["hv1"].switch.inbox.clear()
    world.now += ANSWER_WITHIN - 2
    assert 1 not in {read.dpid for read in reads(world.tick())}
    assert 1 in {read.dpid for read in reads(world.tick())}
    world.settle()
    world.assert_converged()


def test_audits_go_on_when_the_clock_is_set_back(world: World) -> None:
    assert reads(world.tick(-3600))


def test_what_is_refused_is_not_confirmed_and_is_tried_again_without_haste(world: World) -> None:
    switch = world["hv1"].switch
    before = world.engine.confirmed("hv1")
    switch.refuses = lambda message: message[1] == messages.FLOW_MOD
    world.edit(port(1, 1, 50))
    world.tell()
    world.settle()
    assert world.engine.confirmed("hv1") == before
    assert world.engine.lagging(world.network.revision) == ["hv1"]
    bridge = world.engine.bridge_of("hv1")
    assert bridge is not None and bridge.refused
    assert len(world.logs) == 1, "one line a batch, however much of it is refused"
    attempts = 0
    for _ in range(60):
        attempts += len([r for r in reads(world.tick(RETRY_AFTER)) if r.dpid == 1])
        world.settle()
    assert 4 <= attempts <= 7
    assert not bridge.drift
    switch.refuses = lambda message: False
    for _ in range(40):
        world.tick()
        world.settle()
    world.assert_converged()
    assert not bridge.refused and not bridge.drift


def test_a_refused_reading_is_asked_for_again(world: World) -> None:
    world["hv1"].switch.restart()
    world.disconnect("hv1")
    (read,) = reads(world.connect("hv1"))
    world["hv1"].switch.inbox.clear()
    world.step(Refusal(1, read.token, "no"))
    assert reads(world.tick(RETRY_AFTER))
    world.settle()
    world.assert_converged()


def test_errors_about_what_the_engine_did_not_send_are_none_of_its_business(world: World) -> None:
    world.step(Refusal(1, 0, "a packet-out"), Refusal(1, 12345678, "who knows"), Refusal(55, 1, "nobody"))
    assert world.engine.lagging(world.network.revision) == [] and not world.logs


def test_answers_meant_for_an_earlier_connection_count_for_nothing(world: World) -> None:
    world.edit(port(1, 1, 50))
    (send,) = [s for s in sends(world.tell()) if s.dpid == 1]
    (late,) = struct.unpack_from("!I", send.messages[-1], 4)
    world["hv1"].switch.inbox.clear()
    world.disconnect("hv1")
    world.connect("hv1")
    world["hv1"].switch.work()
    (answer,) = world["hv1"].switch.outbox
    world.deliver("hv1")
    world.step(Confirmed(1, late), answer)
    assert world.engine.confirmed("hv1") == 0
    world.settle()
    world.assert_converged()


def test_after_a_fault_bridges_are_read_and_healed(world: World) -> None:
    """Whatever was lost between the engine and the switches."""
    world.edit(port(1, 1, 50))
    world.tell()
    for hv in world.hypervisors.values():
        hv.switch.inbox.clear()
    world.engine.distrust()
    assert not world.settle()
    assert world.engine.lagging(world.network.revision) == ["hv1", "hv2", "hv3"]
    assert len(reads(world.tick())) == 3
    world.settle()
    world.assert_converged()


def test_a_step_that_fails_loses_no_effects_and_confirms_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.edit(*tenant(3), port(3, 1, 1))
    with monkeypatch.context() as broken:
        broken.setattr(world.engine._compiler, "compile_all", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                world.step(NetworkChanged(world.network))
            assert set(world.engine.lagging(world.network.revision)) == set(world.hypervisors)
    world.engine.distrust()
    world.tick()
    world.settle()
    world.assert_converged()
