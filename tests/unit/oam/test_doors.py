"""Where probes get in, and where they cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.oam.doors import Door, doors, own_uplink
from ryu_overlay.oam.journey import Places
from ryu_overlay.oam.launch import from_port, from_router
from ryu_overlay.oam.start import Start, Traffic, start
from ryu_overlay.oam.world import Unable, World
from tests.unit.oam.asked import FACTS, NET
from tests.unit.oam.bridges import PATCH, world
from tests.unit.oam.sightings import FRAME

WORLD = world()
R1, R2 = (NET.tables["router"]["green", name].key for name in ("r1", "r2"))
UPLINK = ("green", "r1", "up")


def begun(sender: str, to: str = "green-a-1", source: Any = None) -> Start:
    return start(NET, sender, to, Traffic(), source, FACTS)


def without(world: World, *chassis: str) -> World:
    return replace(world, connected=world.connected - {*chassis})


def reached(*chassis: str, gateways: Iterable[str] = ()) -> World:
    """A world in which green's ports are bound on these chassis only."""
    placements = {ref: p for ref, p in WORLD.placements.items() if ref[0] != "green"}
    kept = {ref: p for ref, p in WORLD.placements.items() if ref[0] == "green" and p.chassis <= {*chassis}}
    return replace(WORLD, placements={**placements, **kept}, gateways={**WORLD.gateways, UPLINK: tuple(gateways)})


def refused(world: World, sender: str, chassis: str | None = None, to: str = "green-a-1") -> tuple[str, str, str]:
    with pytest.raises(Unable) as error:
        doors(world, begun(sender, to), chassis)
    problem = error.value.problem
    assert str(error.value) == f"{problem.field}: {problem.reason}"
    return problem.field, problem.reason, error.value.code


def test_a_port_s_door_is_its_own() -> None:
    assert doors(WORLD, begun("red-web-2", "red-db-1")) == [Door(*WORLD.bound["red-web-2"])]
    assert doors(WORLD, begun("red-web-2", "red-db-1"), "hv3") == [Door(*WORLD.bound["red-web-2"])]


def test_a_port_that_is_bound_nowhere_or_whose_chassis_is_away() -> None:
    nowhere = replace(WORLD, bound={})
    assert refused(nowhere, "red-web-2", to="red-db-1") == ("from", "port red-web-2 is bound on no chassis", "not_bound")
    away = ("from", "hv2, where port red-web-2 is, is not connected", "chassis_away")
    assert refused(without(WORLD, "hv2"), "red-web-2", to="red-db-1") == away


def test_what_comes_from_a_wire_comes_in_at_all_that_are_there() -> None:
    def entry(now: World) -> list[Door]:
        return doors(now, begun("outside:internet", "203.0.113.33"))

    assert entry(WORLD) == [Door(name, PATCH) for name in ("hv1", "hv2", "hv3")]
    assert entry(without(WORLD, "hv2")) == [Door("hv1", PATCH), Door("hv3", PATCH)]
    other = replace(WORLD, places=Places({}, {}, {("hv1", 7): "physnet2", ("hv3", PATCH): "physnet1"}))
    assert entry(other) == [Door("hv3", PATCH)]
    nobody = ("from", "no connected chassis maps physnet1", "not_bound")
    assert refused(without(WORLD, "hv1", "hv2", "hv3"), "outside:internet", to="203.0.113.33") == nobody


def test_a_router_s_door_is_at_its_uplink_s_gateway() -> None:
    assert doors(WORLD, begun("router:green/r1")) == [Door("hv1", None, R1)]
    swapped = replace(WORLD, gateways={**WORLD.gateways, UPLINK: ("hv2", "hv1")})
    assert doors(swapped, begun("router:green/r1")) == [Door("hv2", None, R1)]
    assert doors(without(WORLD, "hv1"), begun("router:green/r1")) == [Door("hv2", None, R1)]
    assert doors(without(WORLD, "hv1", "hv2"), begun("router:green/r1")) == [Door("hv3", None, R1)]


def test_an_inner_router_s_door_is_at_the_first_chassis_that_it_reaches() -> None:
    assert doors(WORLD, begun("router:green/r2")) == [Door("hv1", None, R2)]
    assert doors(without(WORLD, "hv1"), begun("router:green/r2")) == [Door("hv2", None, R2)]


def test_a_router_s_door_at_a_chassis_that_is_given() -> None:
    assert doors(WORLD, begun("router:green/r1"), "hv3") == [Door("hv3", None, R1)]
    nowhere = ("chassis", "router green/r1 does not reach chassis hv9", "not_bound")
    assert refused(WORLD, "router:green/r1", "hv9") == nowhere
    assert refused(without(WORLD, "hv3"), "router:green/r1", "hv3")[0] == "from"


def test_a_router_that_reaches_no_chassis() -> None:
    assert doors(reached("hv2", gateways=("hv2",)), begun("router:green/r1")) == [Door("hv2", None, R1)]
    assert refused(reached(), "router:green/r1") == ("from", "router green/r1 reaches no connected chassis", "not_bound")
    assert refused(reached(), "router:green/r1", "hv1")[0] == "chassis"


def test_what_a_router_sends_from_outside_needs_no_translation() -> None:
    outside = begun("router:green/r1", "198.51.100.10")
    assert own_uplink(WORLD, outside) == NET.tables["router_port"][UPLINK].key
    assert doors(WORLD, outside) == [Door("hv1", None, R1, outside=True)]
    for other in (
        begun("router:green/r1"),
        begun("router:green/r2"),
        begun("green-b-1"),
        begun("outside:internet", "203.0.113.33"),
    ):
        assert own_uplink(WORLD, other) is None


def test_doors_make_packet_outs() -> None:
    for deliver in (False, True):
        assert Door("hv1", 4).put(FRAME, deliver) == from_port(FRAME, 4, deliver)
        assert Door("hv1", None, R1, True).put(FRAME, deliver) == from_router(FRAME, R1, outside=True, deliver=deliver)
