"""Members that are down: what forgets their connections, and what is remembered."""

from __future__ import annotations

import pytest

from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import Send
from ryu_overlay.engine.members import Members
from ryu_overlay.openflow.messages import Way, ct_flush
from tests.unit.engine.outdoors import MEMBER, outdoors
from tests.unit.engine.world import World

TENANT_ZONE, UPLINK_ZONE = 1, 65535
INNER = 188
A = Way(source=int.from_bytes(bytes([10, 0, 2, 12]), "big"), source_port=80)
B = Way(source=int.from_bytes(bytes([10, 0, 2, 14]), "big"), source_port=8080)
INNER_A = Way(source=A.source, source_port=53)


@pytest.fixture(scope="module")
def world() -> World:
    return outdoors()


def flushed(members: Members, world: World) -> list[bytes]:
    """What every bridge is told, the same to all."""
    effects = members.flushes(world.network, world.engine.bridges)
    told = {e.dpid: e.messages for e in effects if isinstance(e, Send)}
    assert not told or told.keys() == {1, 2, 3}
    assert len(set(told.values())) <= 1
    return list(next(iter(told.values()), ()))


@pytest.mark.parametrize(
    ("dead", "flushes"),
    [
        ({MEMBER}, [ct_flush(zone, 6, reply=A) for zone in (TENANT_ZONE, UPLINK_ZONE)]),
        ({MEMBER + 2}, [ct_flush(zone, 6, reply=B) for zone in (TENANT_ZONE, UPLINK_ZONE)]),
        ({INNER}, [ct_flush(TENANT_ZONE, 17, reply=INNER_A)]),
        ({777}, []),
        (set(), []),
    ],
    ids=["outer", "other number", "on a switch, udp", "no member", "nobody"],
)
def test_connections_of_who_falls_are_forgotten(world: World, dead: set[int], flushes: list[bytes]) -> None:
    members = Members()
    assert members.judged(frozenset(dead)) == bool(dead)
    assert flushed(members, world) == flushes
    assert flushed(members, world) == [], "once"


def test_only_those_that_fall_now(world: World) -> None:
    members = Members()
    members.judged(frozenset({MEMBER}))
    flushed(members, world)
    assert not members.judged(frozenset({MEMBER}))
    assert members.judged(frozenset({MEMBER, MEMBER + 2}))
    assert len(flushed(members, world)) == 2
    assert members.judged(frozenset()) and flushed(members, world) == [] and members.dead == frozenset()


def test_what_is_down_is_remembered_by_uuid(world: World) -> None:
    members = Members()
    members.judged(frozenset({MEMBER, INNER, 777}))
    assert members.notes(world.network) == {"member/u-a": "down", "member/u-inner-a": "down"}
    assert members.notes(world.network) == {}
    members.judged(frozenset({INNER}))
    assert members.notes(world.network) == {"member/u-a": None}


def test_what_is_remembered_is_down_again_without_a_flush(world: World) -> None:
    members = Members()
    members.start({"member/u-a": "down", "member/gone": "down", "mtu/hv1": "1500"}, world.network)
    assert members.dead == {MEMBER}
    assert not members.judged(frozenset({MEMBER})) and flushed(members, world) == []
    assert members.notes(world.network) == {"member/gone": None}


def test_bridges_that_are_not_there_are_told_nothing(world: World) -> None:
    members = Members()
    members.judged(frozenset({MEMBER}))
    nobody = Bridges(world.engine.facts, world.engine._revisions)
    assert members.flushes(world.network, nobody) == []
