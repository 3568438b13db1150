"""Choices that were seen are the ones that are expected; what was not seen is the first."""

from __future__ import annotations

from ipaddress import IPv4Address

from ryu_overlay.model.objects import Member
from ryu_overlay.oam.guided import Guided
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import IPV4_SRC
from ryu_overlay.pipeline.registers import CHOSEN, NEXT_HOP
from ryu_overlay.pipeline.tables import LB_MEMBER, LB_SLOT, LR_OUT_SIZE, LR_OUT_TRANSLATED, LS_IN_LOOKUP
from tests.unit.oam.asked import NET
from tests.unit.oam.sightings import seen

ONE, TWO, THREE = (IPv4Address(f"203.0.113.{n}") for n in (1, 2, 3))
MEMBERS = tuple((member, port) for views in NET.balancers.values() for view in views for member, port in view.members)[:3]


def guided(*sightings: Sighting) -> Guided:
    guide, journey = Guided(), Journey(7, "hv1", 0.0)
    for sighting in sightings:
        journey.take(sighting)
    guide.saw(journey)
    return guide


def test_without_anything_seen_it_is_the_first() -> None:
    assert guided()((ONE, TWO)) == ONE
    assert guided()(MEMBERS) == MEMBERS[0]
    assert guided(seen("hv1", LS_IN_LOOKUP, {NEXT_HOP: int(TWO), CHOSEN: MEMBERS[1][0].key}))((ONE, TWO)) == ONE


def test_next_hops_addresses_and_members_that_were_seen() -> None:
    assert guided(seen("hv1", LR_OUT_SIZE, {NEXT_HOP: int(TWO)}))((ONE, TWO, THREE)) == TWO
    assert guided(seen("hv1", LR_OUT_TRANSLATED, fields={IPV4_SRC: int(THREE)}))((ONE, TWO, THREE)) == THREE
    assert guided(seen("hv1", LB_MEMBER, {CHOSEN: MEMBERS[2][0].key}))(MEMBERS) == MEMBERS[2]
    assert guided(seen("hv1", LB_SLOT, {CHOSEN: MEMBERS[2][0].key}))(MEMBERS) == MEMBERS[0], "it was not chosen yet"


def test_what_was_seen_and_is_no_option() -> None:
    guide = guided(seen("hv1", LR_OUT_SIZE, {NEXT_HOP: 5}), seen("hv1", LB_MEMBER, {CHOSEN: 5}))
    assert guide((ONE, TWO)) == ONE and guide(MEMBERS) == MEMBERS[0]


def test_a_next_hop_goes_before_an_address() -> None:
    both = seen("hv1", LR_OUT_SIZE, {NEXT_HOP: int(TWO)}), seen("hv1", LR_OUT_TRANSLATED, fields={IPV4_SRC: int(THREE)})
    assert guided(*both)((ONE, TWO, THREE)) == TWO


def test_the_version_tells_of_more() -> None:
    guide, journey = Guided(), Journey(7, "hv1", 0.0)
    versions = [guide.version]
    for sighting in (
        seen("hv1", LR_OUT_SIZE, {NEXT_HOP: int(TWO)}),
        seen("hv1", LB_MEMBER, {CHOSEN: MEMBERS[1][0].key}),
        seen("hv1", LR_OUT_TRANSLATED),
    ):
        journey.take(sighting)
        guide.saw(journey)
        versions.append(guide.version)
        guide.saw(journey)
        assert guide.version == versions[-1], "the same again is nothing new"
    assert len(set(versions)) == 4
    assert all(isinstance(member, Member) for member, _ in MEMBERS)
