"""Whose a packet-in is."""

from __future__ import annotations

from itertools import cycle, repeat

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from ryu_overlay.oam.guests import Answer
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.launch import stamped
from ryu_overlay.oam.register import ArpAnswer, Busy, Register
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP
from tests.unit.oam.sightings import FRAME, seen

ANSWER = bytes(Ether() / IP(src="10.0.2.13", dst="10.0.1.11") / ICMP(type=0))


def test_numbers_are_given_to_one_at_a_time() -> None:
    register = Register(cycle((5, 6, 7)))
    journeys = []
    for expected in (5, 6, 7):
        assert register.free() == expected
        journeys.append(Journey(expected, "hv1", 0.0))
        register.begin(journeys[-1])
    with pytest.raises(Busy):
        register.free()
    register.end(journeys[1:2])
    assert register.free() == 6
    register.end(journeys)
    assert register.free() == 7, "ending twice does no harm"


def test_a_search_without_end_ends() -> None:
    register = Register(repeat(5))
    assert register.free() == 5
    register.begin(Journey(5, "hv1", 0.0))
    with pytest.raises(Busy, match="too many probes are under way"):
        register.free()


def test_a_probe_is_known_by_its_identification() -> None:
    register, journey = Register(cycle((7,))), Journey(7, "hv1", 0.0)
    sighting = seen("hv1", LS_IN_LOOKUP)
    assert register.journey_of(sighting) is None
    register.begin(journey)
    assert register.journey_of(sighting) is journey
    assert register.journey_of(seen("hv1", LS_IN_LOOKUP, frame=stamped(FRAME, 8))) is None
    assert register.journey_of(seen("hv1", LS_IN_LOOKUP, frame=bytes(Ether() / ARP()))) is None
    register.end([journey])
    assert register.journey_of(sighting) is None


def test_answers_of_hosts_outside_are_followed_those_of_guests_are_kept() -> None:
    register = Register(cycle((7,)))
    guest, outside = Answer(FRAME), Answer(FRAME, Journey(0, "", 0.0))
    sighting = seen("hv1", LS_IN_LOOKUP, frame=ANSWER)
    register.expect(guest)
    assert register.answered(ANSWER) is guest and register.journey_of(sighting) is None
    register.expect(outside)
    assert register.answered(ANSWER) is guest and register.journey_of(sighting) is outside.journey
    register.expect_no_more(guest)
    assert register.answered(ANSWER) is None and register.journey_of(sighting) is outside.journey
    register.expect_no_more(outside)
    assert register.journey_of(sighting) is None
    assert register.answered(FRAME) is None


def test_a_guest_that_tells_by_arp_is_told_from_another_with_its_address_and_to_all_who_wait() -> None:
    register = Register(cycle((7,)))
    first, second, others = ArpAnswer("hv1", 5, 9), ArpAnswer("hv1", 5, 9), ArpAnswer("hv1", 6, 9)
    for answer in (first, second, others):
        register.expect_arp(answer)
    register.expect_arp_no_more(first)
    register.told("hv2", 5, 9)
    assert not second.came
    register.told("hv1", 5, 9)
    assert (first.came, second.came, others.came) == (False, True, False)
    register.told("hv1", 6, 8)
    assert not others.came
    register.expect_arp_no_more(others)
    register.told("hv1", 6, 9)
    assert not others.came
