"""Packet-ins go to whom their cookie says, and bytes that are none do no harm."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.engine.events import ArpHeard, Event, Unresolved
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.fields import IN_PORT, Field
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, DELIVERED, NEXT_HOP, OUT_LPORT, PROBE
from ryu_overlay.southbound.punts import Punts

DPID, FRAME = 7, b"a frame"


class Counting(Responder):
    """A responder that only notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []

    def answer(self, packet_in: bytes, chassis: int = 0) -> bytes | None:
        self.asked.append(packet_in)
        return b"answered"


class Rig:
    def __init__(self) -> None:
        self.responder = Counting()
        self.posted: list[Event] = []
        self.health: list[tuple[int, int, bytes]] = []
        self.observed: list[tuple[int, int, bytes]] = []
        self.probes: list[tuple[int, bytes]] = []
        self.punts = Punts(
            self.responder,
            self.posted.append,
            self._health,
            lambda *observed: self.observed.append(observed),
            lambda *probe: self.probes.append(probe),
        )

    def _health(self, dpid: int, ofport: int, frame: bytes) -> bytes | None:
        self.health.append((dpid, ofport, frame))
        return b"health"

    @property
    def seen(self) -> int:
        told = len(self.observed) + len(self.probes)
        return len(self.responder.asked) + len(self.posted) + len(self.health) + told + self.responder.malformed


@pytest.fixture
def rig() -> Rig:
    return Rig()


def packet_in(cookie: int, fields: dict[Field, int], frame: bytes = FRAME, table: int = 70) -> bytes:
    oxm = b"".join(struct.pack("!I", f.header | f.size) + value.to_bytes(f.size, "big") for f, value in fields.items())
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(frame), 1, table, cookie)
    return messages.message(messages.PACKET_IN, head + match + bytes(-len(match) % 8) + b"\0\0" + frame)


OF_PROBES = (Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_GUEST, Feature.PUNT_ECHO)
ELSEWHERE = {Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH, Feature.PUNT_OBSERVED, *OF_PROBES}
PLACE = {IN_PORT: 5, DATAPATH.field: 21, NEXT_HOP.field: 0xCB0071C8, OUT_LPORT.field: 22}


def test_arp_is_posted_with_the_network_that_the_cookie_names(rig: Rig) -> None:
    assert rig.punts.answer(DPID, packet_in(Why(Feature.PUNT_ARP, 0, 33).cookie, PLACE)) is None
    assert rig.posted == [ArpHeard(DPID, 33, FRAME)] and rig.seen == 1


def test_what_has_no_mac_is_posted_with_its_place(rig: Rig) -> None:
    assert rig.punts.answer(DPID, packet_in(Why(Feature.PUNT_UNRESOLVED).cookie, PLACE)) is None
    assert rig.posted == [Unresolved(DPID, 21, 22, IPv4Address("203.0.113.200"), FRAME)] and rig.seen == 1


def test_answers_to_health_checks_are_answered_at_once(rig: Rig) -> None:
    assert rig.punts.answer(DPID, packet_in(Why(Feature.PUNT_HEALTH).cookie, PLACE)) == b"health"
    assert rig.health == [(DPID, 5, FRAME)] and rig.seen == 1


@pytest.mark.parametrize("feature", OF_PROBES)
def test_what_tells_of_a_probe_is_neither_answered_nor_learned_from(rig: Rig, feature: Feature) -> None:
    data = packet_in(Why(feature, 1, 2).cookie, PLACE)
    assert rig.punts.answer(DPID, data) is None
    assert rig.probes == [(DPID, data)] and rig.seen == 1


@pytest.mark.parametrize("feature", [f for f in Feature if f.name.startswith("PUNT_") and f is not Feature.PUNT_OBSERVED])
@pytest.mark.parametrize("probe", [1, DELIVERED, 5])
def test_a_probe_is_one_for_whatever_reason_it_comes(rig: Rig, feature: Feature, probe: int) -> None:
    """No router complains of it to whom it seems to be from, and no MAC is asked for."""
    data = packet_in(Why(feature, 1, 2).cookie, {**PLACE, PROBE.field: probe})
    assert rig.punts.answer(DPID, data) is None
    assert rig.probes == [(DPID, data)] and rig.seen == 1


def test_what_a_capture_looks_at_is_told_with_its_number(rig: Rig) -> None:
    data = packet_in(Why(Feature.PUNT_OBSERVED, 0, 33).cookie, {**PLACE, PROBE.field: 1})
    assert rig.punts.answer(DPID, data) is None
    assert rig.observed == [(DPID, 33, data)] and rig.seen == 1


@pytest.mark.parametrize("feature", [f for f in Feature if f not in ELSEWHERE])
def test_all_else_is_the_responders(rig: Rig, feature: Feature) -> None:
    data = packet_in(Why(feature, 1, 2).cookie, PLACE)
    assert rig.punts.answer(DPID, data) == b"answered"
    assert rig.responder.asked == [data] and rig.seen == 1


@pytest.mark.parametrize("cookie", [0, 0x1234, 0xFFFFFFFFFFFFFFFF])
def test_a_foreign_cookie_is_nothing_of_the_engines(rig: Rig, cookie: int) -> None:
    rig.punts.answer(DPID, packet_in(cookie, PLACE))
    assert not rig.posted and not rig.health


def test_what_the_match_leaves_out_is_nought(rig: Rig) -> None:
    rig.punts.answer(DPID, packet_in(Why(Feature.PUNT_UNRESOLVED).cookie, {}))
    assert rig.posted == [Unresolved(DPID, 0, 0, IPv4Address(0), FRAME)]


@pytest.mark.parametrize("feature", [Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH])
@pytest.mark.parametrize("length", [0, 15, 23, 27, 30])
def test_what_is_cut_short_is_counted(rig: Rig, feature: Feature, length: int) -> None:
    assert rig.punts.answer(DPID, packet_in(Why(feature).cookie, PLACE)[:length]) is None
    assert rig.responder.malformed == rig.seen == 1


TAKEN = st.sampled_from([Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH, Feature.PUNT_TTL_EXCEEDED])


@given(TAKEN, st.integers(0, 80), st.integers(8, 80), st.binary(max_size=40))
def test_any_bytes_do_no_harm(feature: Feature, length: int, at: int, noise: bytes) -> None:
    rig = Rig()
    whole = packet_in(Why(feature, 1, 2).cookie, PLACE)
    for data in (noise, whole[:length], whole[:length] + noise, whole[:at] + noise + whole[at + len(noise) :]):
        rig.punts.answer(DPID, data)
    assert rig.seen == 4
