"""Packets of one trace: sent, followed past what holds or answers them and over wires, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from ryu_overlay.model.walk_values import Ip, Packet
from ryu_overlay.oam.doors import Door
from ryu_overlay.oam.frames import echo_of, from_frame, ident_of, to_frame
from ryu_overlay.oam.launch import resumed
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.register import Register
from ryu_overlay.oam.sending import MOST_ANSWERS, Sender
from ryu_overlay.openflow.actions import Resubmit, SetField, encode_actions
from ryu_overlay.openflow.messages import EXPERIMENTER, PACKET_OUT, packet_out
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, LR_IN_TTL, PHY_OUT
from tests.unit.oam.asked import NET
from tests.unit.oam.bridges import NAMES, PATCH, Bridges, observer
from tests.unit.oam.sightings import packet

OUTSIDE = "198.51.100.10"


class Parts:
    """A sender and what it works with."""

    def __init__(self, seed: int = 0) -> None:
        self.bridges = Bridges(seed=seed)
        self.register = Register(count(100))
        self.bridges.tracer._register = self.register
        self.observer: Observer = observer()
        self.sender = Sender(self.register, self.bridges, self.bridges.world(), self.observer)

    def door(self, port: str) -> list[Door]:
        return [Door(*self.bridges.now_world.bound[port])]

    def packet_outs(self) -> Iterator[tuple[str, bytes]]:
        return ((name, data) for name, data in self.bridges.sent if data[1] == PACKET_OUT)

    def flushed(self) -> list[str]:
        return [name for name, data in self.bridges.sent if data[1] == EXPERIMENTER]


@pytest.fixture
def parts() -> Parts:
    return Parts()


def ip(given: Packet) -> Ip:
    assert isinstance(given.body, Ip)
    return given.body


def frame_of(sender: str, to: str, **traffic: object) -> bytes:
    return to_frame(packet(sender, to, **traffic), 0, echo=(5, 6))


def test_each_packet_is_known_by_a_number_of_its_own(parts: Parts) -> None:
    frame = frame_of("red-web-1", "red-db-3")
    journeys = [parts.sender.go(frame, parts.door("red-web-1")) for _ in range(3)]
    assert [j.ident for j in journeys] == [100, 101, 102] and parts.sender.journeys == journeys
    assert [ident_of(data[-len(frame) :]) for _, data in parts.packet_outs()] == [100, 101, 102]
    assert all(journey.end == "out" and journey.put_in == ("hv1",) for journey in journeys)
    assert all(len(journey.crossed) == 1 for journey in journeys), "the second copy is waited for"
    parts.sender.done()
    assert not parts.register._journeys


def test_three_routers_hold_it_and_it_goes_on(parts: Parts) -> None:
    journey = parts.sender.go(frame_of("green-b-2", OUTSIDE), parts.door("green-b-2"))
    assert journey.end == "out"
    told = [seen for stay in journey.stays for seen in stay.seen]
    held = [seen for seen in told if seen.table == LR_IN_ADMIT.number]
    assert len(held) == 3
    assert [data for name, data in parts.packet_outs()][1:] == [resumed(held[2])]


def test_one_that_is_held_by_a_bridge_that_falls_silent_is_given_up(parts: Parts) -> None:
    parts.bridges.hears = lambda chassis, data: len(list(parts.packet_outs())) < 2
    journey = parts.sender.go(frame_of("green-b-2", OUTSIDE), parts.door("green-b-2"))
    assert journey.end == "held"
    assert len(list(parts.packet_outs())) == 2, "it is sent on once, not for ever"


def test_a_router_s_answer_goes_on_as_the_same_probe(parts: Parts) -> None:
    journey = parts.sender.go(frame_of("red-web-1", "red-db-3", ttl=1), parts.door("red-web-1"))
    assert journey.end == "out"
    error = from_frame(journey.way()[-1].last.frame)
    assert ident_of(journey.way()[-1].last.frame) == journey.ident == 100
    assert str(error.body.src) == "10.0.1.1"  # type: ignore[union-attr]
    assert len(list(parts.packet_outs())) == 2


def test_answers_without_end_end(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bytes] = []

    def answer(data: bytes) -> bytes:
        answers.append(data)
        here = parse_packet_in(data).fields
        marks = [SetField(r.field, here[r.field]) for r in (DATAPATH, IN_LPORT)]
        return packet_out(encode_actions((*marks, Resubmit(LR_IN_TTL.number))), frame_of("red-web-1", "red-db-3", ttl=1))

    monkeypatch.setattr(parts.sender._responder, "answer", answer)
    journey = parts.sender.go(frame_of("red-web-1", "red-db-3", ttl=1), parts.door("red-web-1"))
    assert journey.end == "sent_up" and len(answers) == MOST_ANSWERS


def test_what_no_router_answers_ends_there(parts: Parts) -> None:
    asked = packet("red-web-1", "red-db-3", ttl=1)
    icmp_error = replace(asked, body=replace(ip(asked), l4=(3, 1)))
    journey = parts.sender.go(to_frame(icmp_error, 0), parts.door("red-web-1"))
    assert journey.end == "sent_up"
    assert len(list(parts.packet_outs())) == 1


def test_a_wire_brings_it_to_all_others(parts: Parts) -> None:
    journey = parts.sender.go(frame_of("red-web-1", "203.0.113.33"), parts.door("red-web-1"))
    assert journey.over_wire and journey.expected == 3 and journey.end == "out"
    carried = [name for name, data in parts.packet_outs()][1:]
    assert sorted(carried[:2]) == ["hv2", "hv3"], "not to where it came from"
    assert journey.way()[0].chassis == "hv1" and journey.way()[1].chassis in ("hv2", "hv3")


def test_it_is_carried_over_no_wire_to_others_than_our_own(parts: Parts) -> None:
    journey = parts.sender.go(frame_of("red-web-1", OUTSIDE), parts.door("red-web-1"))
    assert not journey.over_wire and journey.end == "out"
    assert (journey.way()[-1].last.table, len(list(parts.packet_outs()))) == (PHY_OUT.number, 1)


def test_those_that_are_away_get_nothing_from_a_wire(parts: Parts) -> None:
    parts.bridges.away("hv2")
    sender = Sender(parts.register, parts.bridges, parts.bridges.world(), parts.observer)
    journey = sender.go(frame_of("red-web-1", "203.0.113.33"), parts.door("red-web-1"))
    assert journey.over_wire and journey.expected == 2
    assert "hv2" not in [name for name, _ in parts.packet_outs()]


@pytest.mark.parametrize("deliver", [False, True])
def test_it_is_delivered_behind_the_wire_only(parts: Parts, deliver: bool) -> None:
    frame = frame_of("red-web-1", "203.0.113.33")
    parts.sender.go(frame, parts.door("red-web-1"), deliver=deliver, over_wire=True)
    assert parts.bridges.wire == [], "it is put in again behind it"
    assert bool([got for got in parts.bridges.received if got[2][23] == 1]) == deliver


def test_from_a_wire_it_comes_in_at_all_that_are_there(parts: Parts) -> None:
    frame = to_frame(packet("outside:internet", "203.0.113.33"), 0)
    journey = parts.sender.go(frame, [Door(name, PATCH) for name in NAMES])
    assert (journey.chassis, journey.expected, journey.put_in) == ("", 3, NAMES)
    assert journey.end == "out" and len(journey.stays) >= 3


def test_the_same_in_another_size(parts: Parts) -> None:
    frame = frame_of("red-web-1", "red-db-3", size=1000, df=True)
    journey = parts.sender.go(frame, parts.door("red-web-1"))
    assert parts.sender.size(journey) == 1000
    for size in (84, 999):
        again = parts.sender.resized(journey, size)
        sent = [data for _, data in parts.packet_outs()][-1]
        out = sent[24 + int.from_bytes(sent[16:18], "big") :]
        assert again.end == "out" and len(out) == 14 + size and echo_of(out) == (5, 6)
        whole, other = from_frame(frame), from_frame(out)
        assert replace(ip(other), size=1000) == whole.body and other.eth_dst == whole.eth_dst


def test_a_router_s_own_in_another_size(parts: Parts) -> None:
    frame = to_frame(packet("router:red/r1", "red-db-3"), 0)
    door = Door("hv1", None, NET.tables["router"]["red", "r1"].key)
    again = parts.sender.resized(parts.sender.go(frame, [door]), 500)
    assert again.end == "out" and again.way()[-1].chassis == "hv3"


def test_connections_are_forgotten_once_and_that_is_waited_for(parts: Parts) -> None:
    parts.sender.go(frame_of("red-web-1", OUTSIDE), parts.door("red-web-1"))
    assert parts.bridges.bridges["hv1"].known.entries
    parts.sender.forget_connections()
    assert parts.flushed() == ["hv1"] and parts.bridges.asked == ["hv1"]
    assert not parts.bridges.bridges["hv1"].known.entries
    parts.sender.forget_connections()
    parts.sender.done()
    assert parts.flushed() == ["hv1"]
    assert parts.bridges.left_behind() == []


def test_what_is_under_way_ends_even_where_forgetting_fails(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.sender.go(frame_of("red-web-1", OUTSIDE), parts.door("red-web-1"))

    def fails(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(parts.bridges, "send", fails)
    with pytest.raises(OSError):
        parts.sender.done()
    assert not parts.register._journeys
