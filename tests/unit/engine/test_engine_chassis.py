"""Chassis that leave, come back, move, and claim what is another's."""

from __future__ import annotations

from ryu_overlay.engine.engine import WAIT_FOR_CHASSIS
from ryu_overlay.engine.events import (
    ChassisForgotten,
    ChassisReported,
    SwitchConnected,
)
from tests.unit.engine.world import FOREIGN_COOKIE, World, hypervisor, reads, sends


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
