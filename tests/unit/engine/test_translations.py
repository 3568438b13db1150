"""Connections of translations that are taken away are forgotten; of those that stay they are not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from ryu_overlay.engine.events import Send
from ryu_overlay.openflow.messages import Way, ct_flush
from tests.unit.engine.outdoors import BALANCER, FLOATING, MEMBER, outdoors
from tests.unit.engine.world import World, port

TENANT_ZONE, UPLINK_ZONE = 1, 65535
ANY = 0


@pytest.fixture
def world() -> World:
    return outdoors()


def forgotten(world: World) -> set[bytes]:
    """What every bridge is told to forget, now that the engine is told the network."""
    told = {e.dpid: [m for m in e.messages if m[1] == 4] for e in world.tell() if isinstance(e, Send) and e.messages[0][1] == 4}
    assert not told or told.keys() == {1, 2, 3}
    assert len({tuple(messages) for messages in told.values()}) <= 1
    world.settle()
    world.assert_converged()
    return set(next(iter(told.values()), []))


def outer(address: str) -> set[bytes]:
    """Both sides of connections of an address outside."""
    way = Way(target=int(IPv4Address(address)))
    return {ct_flush(UPLINK_ZONE, ANY, original=way), ct_flush(UPLINK_ZONE, ANY, reply=way)}


def the(world: World, key: int) -> Any:
    return world.network.by_key[key]


@pytest.mark.parametrize("change", [{"address": IPv4Address("203.0.113.150")}, {"port": "t1-p3"}, None], ids=str)
def test_a_floating_ip_that_goes_or_stands_for_another(world: World, change: dict[str, Any] | None) -> None:
    floating = the(world, FLOATING)
    if change is None:
        world.edit(deletes=(floating,))
    else:
        world.edit(replace(floating, **change))
    assert forgotten(world) == outer("203.0.113.101")


def test_a_floating_ip_whose_port_moves_keeps_its_connections(world: World) -> None:
    del world["hv1"].vifs["t1-p1"]
    world["hv2"].plug("t1-p1")
    effects = world.report("hv2") + world.report("hv1")
    assert not [m for e in effects if isinstance(e, Send) for m in e.messages if m[1] == 4]


def test_a_source_nat_that_goes(world: World) -> None:
    world.edit(deletes=(the(world, 185),))
    way = Way(target=int(IPv4Address("203.0.113.11")))
    assert forgotten(world) == {ct_flush(UPLINK_ZONE, ANY, reply=way)}


def test_a_member_that_goes_is_forgotten_in_both_zones(world: World) -> None:
    world.edit(deletes=(the(world, MEMBER + 2),))
    way = Way(source=int(IPv4Address("10.0.2.14")), source_port=8080)
    assert forgotten(world) == {ct_flush(zone, 6, reply=way) for zone in (TENANT_ZONE, UPLINK_ZONE)}


def test_a_load_balancer_that_moves(world: World) -> None:
    world.edit(replace(the(world, BALANCER), port=8000))
    way = Way(target=int(IPv4Address("203.0.113.21")), target_port=80)
    member = Way(source=int(IPv4Address("10.0.2.12")), source_port=80)
    expected = {ct_flush(zone, 6, original=way) for zone in (TENANT_ZONE, UPLINK_ZONE)}
    assert forgotten(world) == expected | {ct_flush(zone, 6, reply=member) for zone in (TENANT_ZONE, UPLINK_ZONE)}


def test_an_uplink_that_goes_takes_its_zone_along(world: World) -> None:
    at_border = [the(world, key) for key in (FLOATING, FLOATING + 1, 185, 180, BALANCER, MEMBER, MEMBER + 2)]
    world.edit(deletes=tuple(at_border))
    told = forgotten(world)
    assert ct_flush(UPLINK_ZONE, ANY) in told
    assert not any(message[-4:-2] == UPLINK_ZONE.to_bytes(2, "big") for message in told - {ct_flush(UPLINK_ZONE, ANY)})


def test_what_has_no_translation_of_its_own_forgets_nothing(world: World) -> None:
    world.edit(port(1, 1, 9))
    assert forgotten(world) == set()
    world.edit(replace(the(world, MEMBER), weight=7, drained=True))
    assert forgotten(world) == set(), "connections of who is drained go on"
