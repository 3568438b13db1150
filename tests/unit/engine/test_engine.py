"""One engine through its life: first connection, change, restarts on either side, audits, refusals."""

from __future__ import annotations

import struct

import pytest

from ryu_overlay.engine.bridge import ANSWER_WITHIN, RETRY_AFTER, UNCONFIRMED_AT_MOST
from ryu_overlay.engine.engine import WAIT_FOR_CHASSIS
from ryu_overlay.engine.events import (
    ChassisForgotten,
    ChassisReported,
    Confirmed,
    FabricRemembered,
    NetworkChanged,
    PlanTunnels,
    Refusal,
    SwitchConnected,
)
from ryu_overlay.openflow import messages
from ryu_overlay.pipeline.cookies import OURS_COOKIE
from ryu_overlay.pipeline.tables import PUNT_METER
from tests.unit.engine.world import FOREIGN_COOKIE, OPTIONS, World, hypervisor, port, reads, route, sends, tenant


@pytest.fixture
def world() -> World:
    """Two tenants on three hypervisors, all confirmed."""
    world = World()
    world.edit(*tenant(1), *tenant(2), *(port(t, s, 2 * n + s) for t in (1, 2) for s in (1, 2) for n in range(3)))
    for number, known in enumerate(sorted(world.network.port_by_name)):
        world[f"hv{number % 3 + 1}"].plug(known)
    world.start()
    return world


def test_first_connection_fills_the_bridge_and_confirms(world: World) -> None:
    world.assert_converged()
    assert all(len(hv.switch.flows) > 50 for hv in world.hypervisors.values())


def test_nothing_is_sent_before_the_dump_and_nothing_confirmed_before_the_barrier(world: World) -> None:
    world["hv1"].switch.restart()
    world.disconnect("hv1")
    effects = world.connect("hv1")
    assert reads(effects) and not sends(effects)
    assert world.engine.confirmed("hv1") == 0 and world.engine.lagging(world.network.revision) == ["hv1"]
    world["hv1"].switch.work()
    assert sends(world.deliver("hv1"))
    world["hv1"].switch.work(5)
    assert world.engine.confirmed("hv1") == 0
    world.settle()
    world.assert_converged()


def test_a_change_reaches_only_whom_it_concerns(world: World) -> None:
    world[f"hv{1}"].plug("t3-p1")
    world.report("hv1")
    world.edit(*tenant(3), port(3, 1, 1))
    assert [s.dpid for s in sends(world.tell())] == [1]
    assert world.engine.lagging(world.network.revision) == ["hv1"]
    world.settle()
    world.assert_converged()


def test_several_changes_before_a_barrier_are_confirmed_one_by_one(world: World) -> None:
    tokens, revisions = [], []
    for number in range(3):
        world.edit(port(1, 1, 50 + number))
        (send,) = [s for s in sends(world.tell()) if s.dpid == 1]
        tokens.append(struct.unpack_from("!I", send.messages[-1], 4)[0])
        revisions.append(world.network.revision)
    assert world.engine.confirmed("hv1") < revisions[0]
    for token, revision in zip(tokens, revisions):
        world.step(Confirmed(1, token))
        assert world.engine.confirmed("hv1") == revision
    world.settle()
    world.assert_converged()


def test_a_revision_without_flows_for_a_bridge_waits_for_what_was_sent_before_it(world: World) -> None:
    world.edit(port(1, 1, 50))
    world.tell()
    before = world.engine.confirmed("hv1")
    world.edit(*tenant(9))
    assert not sends(world.tell())
    assert world.engine.confirmed("hv1") == before
    world.settle()
    world.assert_converged()


def test_a_bridge_that_does_not_confirm_gets_one_difference_when_it_does(world: World) -> None:
    sent = 0
    for number in range(3 * UNCONFIRMED_AT_MOST):
        world.edit(port(1, 1, 50 + number))
        sent += len([s for s in sends(world.tell()) if s.dpid == 1])
    assert sent == UNCONFIRMED_AT_MOST
    assert "hv1" in world.engine.lagging(world.network.revision)
    world["hv1"].switch.work()
    assert len([s for s in sends(world.deliver("hv1", 1)) if s.dpid == 1]) == 1
    world.settle()
    world.assert_converged()


@pytest.mark.parametrize("order", [("hv1", "hv2", "hv3"), ("hv3", "hv1", "hv2")])
@pytest.mark.parametrize("early", [0, 1, 3])
def test_a_restarted_controller_sends_nothing(world: World, order: tuple[str, ...], early: int) -> None:
    """Chassis report one at a time, some before the store answered, while the others are only remembered."""
    world.restart()
    effects = []
    for number, name in enumerate(order):
        if number == early:
            effects += world.load()
        effects += world.report(name) + world.connect(name) + world.settle()
    if early == len(order):
        effects += world.load() + world.settle()
    assert not sends(effects)
    assert all(e.tunnels for e in effects if isinstance(e, PlanTunnels))
    world.assert_converged()


def test_memory_before_network_is_as_good(world: World) -> None:
    world.restart()
    remembered = FabricRemembered(dict(world.remembered_ips), dict(world.remembered_bindings))
    effects = world.report("hv1") + world.connect("hv1") + world.step(remembered) + world.tell() + world.settle()
    assert not sends(effects)


def test_what_the_store_says_later_is_not_taken_for_memory(world: World) -> None:
    world["hv1"].vifs.clear()
    world.report("hv1")
    world.settle()
    stale = {p.uuid: "hv1" for p in world.network.port_by_name.values()}
    assert not world.step(FabricRemembered({"hv9": hypervisor(9).encap_ip}, stale))
    assert "hv9" not in world.engine.encap_ips
    world.assert_converged()


def test_a_restarted_switch_is_filled_again(world: World) -> None:
    world["hv2"].switch.restart()
    world.disconnect("hv2")
    assert world.engine.confirmed("hv2") == 0
    world.connect("hv2")
    world.settle()
    world.assert_converged()
    assert not world.engine.bridge_of("hv2").drift  # type: ignore[union-attr]


def test_a_channel_without_its_database_is_left_alone_and_the_reverse_waits(world: World) -> None:
    world.restart()
    world.load()
    assert not world.connect("hv1")
    assert not reads(world.report("hv2"))
    assert world.engine.lagging(world.network.revision) == ["hv2"], "hv2 is alive, and nobody knows what it has"
    world.connect("hv2")
    world.report("hv1")
    world.settle()
    world.assert_converged("hv1", "hv2")


def test_who_is_away_lags_once_something_changed_for_it(world: World) -> None:
    world.disconnect("hv3")
    world.lose("hv3")
    assert world.engine.lagging(world.network.revision) == []
    world.edit(*tenant(9))
    world.tell()
    world.settle()
    assert world.engine.lagging(world.network.revision) == []
    world.edit(port(1, 1, 50))
    world.tell()
    world.settle()
    assert world.engine.lagging(world.network.revision) == ["hv3"]
    world.report("hv3")
    world.connect("hv3")
    world.settle()
    world.assert_converged()


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
    first, second = sorted(groups)
    foreign = 0x1000001
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
    assert lost > 3
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


def test_a_chassis_that_left_is_emptied_and_leaves_nothing_behind(world: World) -> None:
    world["hv3"].switch.flows[0, 7, b""] = (FOREIGN_COOKIE, b"")
    world.lose("hv3", left=True)
    world["hv3"].switch.work()
    assert list(world["hv3"].switch.flows.values()) == [(FOREIGN_COOKIE, b"")] and not world["hv3"].switch.groups
    hv3 = world.hypervisors.pop("hv3")
    world.settle()
    world.assert_converged()
    assert "hv3" not in world.remembered_ips and "hv3" not in world.remembered_bindings.values()
    assert "hv3" not in repr(deep_vars(world.engine))
    world.hypervisors["hv3"] = hv3
    hv3.tunnels = {}
    world.report("hv3")
    world.settle()
    world.assert_converged()


def deep_vars(engine: object) -> dict[str, object]:
    """All state of an engine and its parts, but for what the compiler remembers and what was logged."""
    parts = {"bindings", "_tunnels", "_memory", "_revisions", "bridges"}
    state = {k: v for k, v in vars(engine).items() if k not in {"_compiler", "_remembered", *parts}}
    return {**state, **{f"{part}.{k}": v for part in parts for k, v in vars(getattr(engine, part)).items()}}


def test_only_who_is_away_can_be_forgotten(world: World) -> None:
    world.step(ChassisForgotten("hv3"))
    assert "hv3" in world.engine.encap_ips
    world.disconnect("hv3")
    world.lose("hv3")
    world.step(ChassisForgotten("hv3"))
    assert "hv3" not in world.engine.encap_ips
    assert world.engine.lagging(world.network.revision + 0) == ["hv1", "hv2"], "they unlearn where its ports were"
    world.hypervisors.pop("hv3")
    world.settle()
    world.assert_converged()


def test_what_a_chassis_that_stays_away_held_goes_to_who_claims_it(world: World) -> None:
    """It was evacuated while the controller was away."""
    known = world.network.port_by_name["t1-p1"]
    assert world.engine.bindings.spot(known).chassis == "hv1"  # type: ignore[union-attr]
    world.restart()
    world["hv2"].plug("t1-p1")
    world.load()
    world.report("hv2", "hv3")
    world.connect("hv2", "hv3")
    assert not sends(world.settle())
    world.tick(WAIT_FOR_CHASSIS)
    assert world.engine.bindings.spot(known).chassis == "hv2"  # type: ignore[union-attr]
    world.settle()
    world.assert_converged("hv2", "hv3")
    assert world.remembered_bindings[known.uuid] == "hv2"


def test_leaving_before_the_store_answered_is_not_lost(world: World) -> None:
    world.restart()
    world.report("hv3")
    world.lose("hv3", left=True)
    world.load()
    assert "hv3" not in world.engine.encap_ips and "hv3" not in world.remembered_ips


def test_two_chassis_with_one_datapath_id(world: World) -> None:
    """The first keeps it; the second is left alone and told about, until one of them changes."""
    twin = hypervisor(1, "hv4")
    twin.encap_ip = hypervisor(4).encap_ip
    effects = world.step(ChassisReported(twin.facts))
    assert not reads(effects) and not sends(effects)
    assert "hv4" in world.engine.bridges.problems and world.engine.bridge_of("hv4") is None
    world.step(ChassisReported(twin.facts))
    assert len([text for text in world.logs if "hv4" in text]) == 1
    assert world.engine.confirmed("hv4") == 0 and world.engine.confirmed("hv1") == world.network.revision
    twin.switch.dpid = 4
    twin.channel = True
    world.hypervisors["hv4"] = twin
    world.report("hv4")
    world.connect("hv4")
    world.settle()
    assert not world.engine.bridges.problems
    world.assert_converged()


def test_a_bridge_made_anew_with_another_datapath_id(world: World) -> None:
    hv1 = world["hv1"]
    world.step(SwitchConnected(111))
    hv1.switch.restart()
    hv1.switch.dpid = 111
    world.report("hv1")
    assert {bridge.dpid for bridge in world.engine.bridges} == {111, 2, 3}
    world.settle()
    world.assert_converged()


def test_another_encapsulation_address(world: World) -> None:
    world["hv2"].encap_ip = hypervisor(22).encap_ip
    world.report("hv2")
    assert {e.chassis: e.tunnels["hv2"] for e in world.unbuilt} == dict.fromkeys(("hv1", "hv3"), world["hv2"].encap_ip)
    assert set(world.engine.lagging(world.network.revision)) >= {"hv1", "hv3"}
    world.settle()
    world.assert_converged()
    assert world.remembered_ips["hv2"] == world["hv2"].encap_ip


def test_who_comes_under_the_address_of_one_that_is_away_takes_its_place(world: World) -> None:
    """hv2 was renamed while the controller was away: two tunnels to one address would be refused by Open vSwitch."""
    world.restart()
    renamed = world.hypervisors.pop("hv2")
    renamed.name = "hv2b"
    world.hypervisors["hv2b"] = renamed
    world.load()
    world.report("hv1", "hv2b", "hv3")
    world.connect("hv1", "hv2b", "hv3")
    world.settle()
    assert set(world.engine.encap_ips) == {"hv1", "hv2b", "hv3"} == set(world.remembered_ips)
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
