"""Signs of ways: who does not hear whom, and upstream routers that are asked for at each beat and fall silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_overlay.engine.events import ArpHeard, Beat, Effect
from ryu_overlay.engine.paths import MISSES
from ryu_overlay.fabric.facts import Patch
from ryu_overlay.oam import arp
from tests.unit.engine.outdoors import GATEWAY, GATEWAY_MAC, NEIGHBOUR, NET, arps, heard, outdoors, uplink
from tests.unit.engine.world import World

ASKED = [(1, "203.0.113.11", str(GATEWAY))]


@pytest.fixture
def world() -> World:
    """hv1 carries the uplink of a router whose answers stand for paths; its gateway has just been heard."""
    made = outdoors(uplink("hv1"))
    router = made.network.tables["router"]["t1", "r"]
    made.edit(replace(router, answers="path"))
    made.tell()
    made.step(heard(1, GATEWAY, GATEWAY_MAC))
    return made


def beats(world: World, count: int) -> list[Effect]:
    return [effect for _ in range(count) for effect in world.step(Beat())]


def test_without_such_a_router_nothing_is_asked_and_nothing_known(world: World) -> None:
    world.edit(replace(world.network.tables["router"]["t1", "r"], answers="local"))
    world.tell()
    assert not world.engine.paths.watched(world.engine.network) and arps(beats(world, 3)) == []
    world["hv2"].tunnels = {ip: replace(port, up=False) for ip, port in world["hv2"].tunnels.items()}
    world.report("hv2")
    assert not world.engine.fabric.deaf and not world.engine.fabric.silent


def test_the_gateways_upstream_is_asked_for_at_each_beat(world: World) -> None:
    assert arps(beats(world, 2)) == 2 * ASKED


def test_it_is_silent_after_some_beats_without_an_answer_and_not_before(world: World) -> None:
    beats(world, 1)
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    for _ in range(3):
        beats(world, MISSES)
        assert not world.engine.fabric.silent
        world.step(heard(1, GATEWAY, GATEWAY_MAC))
    beats(world, MISSES + 1)
    assert world.engine.fabric.silent == {("hv1", "internet")}
    world.step(heard(1, NEIGHBOUR, GATEWAY_MAC), heard(2, GATEWAY, GATEWAY_MAC), ArpHeard(9, NET, b"torn"))
    assert world.engine.fabric.silent, "by others, or elsewhere, it is not heard"
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    assert not world.engine.fabric.silent


def test_who_carries_the_uplink_from_now_on_asks_anew(world: World) -> None:
    beats(world, MISSES + 1)
    world.edit(uplink("hv2"))
    world.tell()
    asked = beats(world, 1)
    assert [dpid for dpid, *_ in arps(asked)] == [2] and not world.engine.fabric.silent


@pytest.mark.parametrize("moved", [False, True], ids=["since the start", "since it moved"])
def test_one_that_was_never_heard_has_the_time_of_two_beats(world: World, moved: bool) -> None:
    if moved:
        beats(world, 1)
        world.edit(uplink("hv2"))
        world.tell()
    beats(world, 2)
    assert not world.engine.fabric.silent
    beats(world, 1)
    assert world.engine.fabric.silent == {("hv2" if moved else "hv1", "internet")}


def test_a_gateway_without_carrier_hears_nobody(world: World) -> None:
    world["hv1"].patches = {name: Patch(patch.ofport, False) for name, patch in world["hv1"].patches.items()}
    world.report("hv1")
    assert world.engine.fabric.silent == {("hv1", "internet")}


def test_who_does_not_hear_is_not_heard_either(world: World) -> None:
    hv1 = world["hv1"]
    hv1.tunnels = {ip: replace(port, up=ip != world["hv3"].encap_ip) for ip, port in hv1.tunnels.items()}
    world.report("hv1")
    assert world.engine.fabric.deaf == {"hv1": {"hv3"}, "hv3": {"hv1"}}


def test_an_external_network_without_a_gateway_is_not_asked_for(world: World) -> None:
    external = world.network.tables["external_network"]["internet",]
    world.edit(replace(external, gateway=None))
    world.tell()
    assert arps(beats(world, MISSES + 1)) == [] and not world.engine.fabric.silent
    assert arp.parse(b"torn") is None
