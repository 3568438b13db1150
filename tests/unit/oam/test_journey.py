"""Journeys: what several bridges tell of one packet, in whatever order, becomes its way."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.oam.journey import VNI, End, Journey
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import FRAG_LATER, IN_PORT, IP_FRAG, TUN_ID
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import HELD, OFPORT, PROBE, ROUTERS_AT, TUNNEL
from ryu_overlay.pipeline.tables import (
    EXT_IN,
    EXT_LOOKUP,
    EXT_OWNER,
    EXT_RESOLVE,
    LR_IN_ADMIT,
    LR_IN_ROUTE,
    LS_IN_LOOKUP,
    LS_OUT_PORT,
    PHY_IN_PORT,
    PHY_IN_TUNNEL,
    PHY_OUT,
)
from tests.unit.oam.sightings import seen

MARK = 1 << 23
A, B = 71, 72
"""VNIs."""


def into(chassis: str, vni: int, at: float = 0.0) -> Sighting:
    return seen(chassis, PHY_OUT, {OFPORT: TUNNEL | 102, PROBE: 1}, at, fields={TUN_ID: vni | MARK})


def by_tunnel(chassis: str, vni: int, at: float = 0.0) -> Sighting:
    return seen(chassis, PHY_IN_TUNNEL, {PROBE: 1}, at, fields={TUN_ID: vni, IN_PORT: 101})


def out(chassis: str, at: float = 0.0) -> Sighting:
    return seen(chassis, PHY_OUT, {OFPORT: 3, PROBE: 1}, at)


def crossed(chassis: str, vni: int, at: float = 0.0) -> Sighting:
    return seen(chassis, PHY_IN_TUNNEL, None, at, Feature.PUNT_CROSSED, fields={TUN_ID: vni})


def starts(chassis: str) -> Sighting:
    return seen(chassis, PHY_IN_PORT, {PROBE: 1})


def caught(chassis: str, table: object, at: float = 0.0) -> Sighting:
    return seen(chassis, table, None, at, Feature.PUNT_CAUGHT)  # type: ignore[arg-type]


TOLD: dict[str, list[Sighting]] = {
    "hv1": [starts("hv1"), seen("hv1", LS_IN_LOOKUP), into("hv1", A)],
    "hv2": [by_tunnel("hv2", A), seen("hv2", LS_IN_LOOKUP), into("hv2", B)],
    "hv3": [by_tunnel("hv3", B), seen("hv3", LS_OUT_PORT), out("hv3")],
}


def taken(sightings: Iterable[Sighting], chassis: str = "hv1", expected: int = 1) -> Journey:
    journey = Journey(7, chassis, 0.0)
    journey.expected = expected
    for sighting in sightings:
        journey.take(sighting)
    return journey


def interleaved(told: dict[str, list[Sighting]], random: Random) -> list[Sighting]:
    """What each bridge tells in its own order, one with another as it comes."""
    rest = {name: list(sightings) for name, sightings in told.items()}
    found = []
    while rest:
        name = random.choice(sorted(rest))
        found.append(rest[name].pop(0))
        if not rest[name]:
            del rest[name]
    return found


def names(journey: Journey) -> list[tuple[str, list[int], End]]:
    return [(stay.chassis, [s.table for s in stay.seen], stay.end) for stay in journey.way()]


@given(st.randoms(use_true_random=False))
def test_bridges_are_heard_in_any_order(random: Random) -> None:
    journey = taken(interleaved(TOLD, random))
    assert [(name, end) for name, _, end in names(journey)] == [("hv1", "into_tunnel"), ("hv2", "into_tunnel"), ("hv3", "out")]
    assert journey.end == "out"
    assert [stay.vni for stay in journey.way()[:2]] == [A, B]
    assert [stay.by_tunnel for stay in journey.way()] == [False, True, True]


@given(st.randoms(use_true_random=False))
def test_a_chassis_is_visited_twice(random: Random) -> None:
    told = {"hv1": [*TOLD["hv1"], by_tunnel("hv1", B), out("hv1")], "hv2": TOLD["hv2"]}
    journey = taken(interleaved(told, random))
    assert [name for name, _, _ in names(journey)] == ["hv1", "hv2", "hv1"]
    assert [len(stay.seen) for stay in journey.way()] == [3, 3, 2]


def test_the_way_goes_as_far_as_one_leads_to_the_next() -> None:
    assert names(taken(TOLD["hv3"])) == [], "it began at hv1, and that told nothing yet"
    journey = taken([*TOLD["hv1"], *TOLD["hv3"]])
    assert [name for name, _, _ in names(journey)] == ["hv1"], "hv3 got another VNI"
    assert journey.end == "into_tunnel"
    assert taken([]).end == "under_way" and taken([]).last_seen == 0.0


def test_it_does_not_begin_where_it_was_not_put_in() -> None:
    assert names(taken([starts("hv2"), out("hv2")])) == []
    assert names(taken([by_tunnel("hv1", B), out("hv1")])) == [], "nor where it came by a tunnel"
    assert [n for n, _, _ in names(taken([starts("hv2"), out("hv2")], chassis=""))] == ["hv2"]


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (seen("hv1", LS_IN_LOOKUP), "under_way"),
        (out("hv1"), "out"),
        (into("hv1", A), "into_tunnel"),
        (caught("hv1", LS_IN_LOOKUP), "caught"),
        (seen("hv1", LR_IN_ROUTE, feature=Feature.PUNT_NET_UNREACHABLE), "sent_up"),
        (seen("hv1", LR_IN_ADMIT, {PROBE: 1 | HELD << ROUTERS_AT}), "held"),
        (seen("hv1", LR_IN_ADMIT, {PROBE: 3 | HELD << ROUTERS_AT}), "held"),
        (seen("hv1", LR_IN_ADMIT, {PROBE: 1 | (HELD - 1) << ROUTERS_AT}), "under_way"),
    ],
)
def test_where_it_ends(last: Sighting, end: End) -> None:
    assert taken([starts("hv1"), last]).end == end


WIRE = {
    "hv1": [starts("hv1"), caught("hv1", PHY_IN_PORT)],
    "hv2": [starts("hv2"), seen("hv2", EXT_IN), seen("hv2", EXT_OWNER), out("hv2")],
    "hv3": [starts("hv3"), seen("hv3", EXT_IN), caught("hv3", EXT_OWNER)],
}


@given(st.randoms(use_true_random=False))
def test_of_those_on_a_wire_one_has_to_do_with_it(random: Random) -> None:
    journey = taken(interleaved(WIRE, random), "", 3)
    assert [name for name, _, _ in names(journey)] == ["hv2"]


def test_where_nobody_on_the_wire_has_it_is_dropped_where_it_came_furthest() -> None:
    told = {"hv1": WIRE["hv1"], "hv2": [starts("hv2"), seen("hv2", EXT_IN), seen("hv2", EXT_OWNER), caught("hv2", EXT_LOOKUP)]}
    for order in permutations(told):
        journey = taken([s for name in order for s in told[name]], "", 2)
        assert names(journey)[0][0] == "hv2" and journey.end == "caught"
    waiting = taken(WIRE["hv1"], "", 2)
    assert waiting.end == "under_way", "the others have not told"


def test_it_goes_over_a_wire_to_another_chassis() -> None:
    journey = taken([starts("hv1"), out("hv1")])
    journey.expected += 2
    for sighting in [*WIRE["hv3"], *WIRE["hv2"]]:
        journey.take(sighting)
    assert [name for name, _, _ in names(journey)] == ["hv1", "hv2"]


def test_a_drop_that_is_the_network_s_is_for_it() -> None:
    told = [starts("hv2"), seen("hv2", EXT_IN), seen("hv2", EXT_RESOLVE), caught("hv2", EXT_RESOLVE)]
    assert not taken(told, "").stays[0].not_for_it
    assert taken(WIRE["hv3"], "").stays[0].not_for_it


def test_copies_in_the_network_s_own_vni() -> None:
    journey = taken([*TOLD["hv1"], *TOLD["hv2"], *TOLD["hv3"]])
    assert [(a.chassis, b.chassis) for a, b in journey.uncrossed()] == [("hv1", "hv2"), ("hv2", "hv3")]
    journey.take(crossed("hv3", B, 5.0))
    journey.take(crossed("hv3", B, 6.0))
    journey.take(crossed("hv1", A))
    assert [(a.chassis, b.chassis) for a, b in journey.uncrossed()] == [("hv1", "hv2")], "hv1 is not where it had to come"
    journey.take(crossed("hv2", A | MARK))
    assert journey.uncrossed() == [] and journey.crossed["hv3", B] == 5.0
    assert VNI & MARK == 0
    assert taken([*TOLD["hv1"]]).uncrossed() == [], "what did not arrive cannot tell"


def test_later_fragments_tell_nothing() -> None:
    first, *rest = TOLD["hv1"]
    later = [seen("hv1", PHY_OUT, {OFPORT: 4}, fields={IP_FRAG: FRAG_LATER}), crossed("hv2", A)]
    later[1].state[IP_FRAG] = FRAG_LATER  # type: ignore[index]
    journey = taken([first, *later, *rest])
    assert [s.table for s in journey.stays[0].seen] == [s.table for s in TOLD["hv1"]]
    assert journey.crossed == {}


def test_when_something_was_heard_last() -> None:
    assert taken([into("hv1", A, 3.0), by_tunnel("hv2", A, 2.0)]).last_seen == 3.0
    assert taken([starts("hv1"), out("hv1", 4.0)]).last_seen == 4.0


def test_who_gets_it_by_a_tunnel_does_not_count_for_one_where_it_was_put_in() -> None:
    """It may tell before the chassis that sent it there, by a connection of its own."""
    sightings = [starts("hv3"), out("hv3"), starts("hv1"), caught("hv1", EXT_OWNER), by_tunnel("hv3", A), out("hv3")]
    journey = taken(sightings, "hv3", expected=3)
    assert journey.entered == 2 and not journey.is_told
    for sighting in (starts("hv2"), into("hv2", A)):
        journey.take(sighting)
    assert journey.entered == 3 and journey.is_told
    assert [stay.chassis for stay in journey.way()] == ["hv3", "hv2", "hv3"]
