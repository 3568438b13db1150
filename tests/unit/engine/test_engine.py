"""One engine through its life: first connection, changes, restarts on either side."""

from __future__ import annotations

import struct

import pytest

from ryu_overlay.engine.bridge import UNCONFIRMED_AT_MOST
from ryu_overlay.engine.events import (
    Confirmed,
    FabricRemembered,
    PlanTunnels,
)
from tests.unit.engine.world import World, hypervisor, port, reads, sends, tenant


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
    effects = world.report("hv1") + world.connect("hv1") + world.step(world.memory) + world.tell() + world.settle()
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
