"""The responder at uplinks and for packets that are too large: marks, MTUs, fragments."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Resubmit, SetField, SetTtl, encode_actions
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import ANSWER, CAME_BY, DATAPATH, HOME, IN_LPORT, NEXT_HOP, OUT_LPORT, Register
from ryu_overlay.pipeline.tables import LR_IN_ROUTE, LR_OUT_UPLINK, ORIGIN_TTL
from tests.unit.engine.outdoors import INTERNET, UPLINK, uplink
from tests.unit.engine.world import port, tenant

ROUTER, WEB, DB = 110, 121, 122
"""Keys of tenant t1's router and of its ports 10.0.1.1/24 and 10.0.2.1/24."""
VM, OFPORT = "10.0.1.11", 7


def network(**external: Any) -> Network:
    draft = Draft(Network())
    for obj in (*tenant(1), port(1, 1, 1), replace(INTERNET, **external), uplink()):
        draft.put(obj)
    return draft.freeze(1)


def responder(mtu: int | None = 1450, /, **external: Any) -> Responder:
    made = Responder(lambda: mtu)
    made.network(network(**external))
    return made


def frame(payload: int = 8, src: str = VM, dst: str = "203.0.113.200", **ip: Any) -> bytes:
    packet = Ether(src="02:01:00:00:00:01", dst="02:00:00:01:00:01") / IP(src=src, dst=dst, **ip) / UDP(sport=1000, dport=2000)
    return bytes(packet / Raw(bytes(payload)))


def packet_in(data: bytes, why: Feature, **registers: int) -> bytes:
    known = {"router": DATAPATH, "in_port": IN_LPORT, "out_port": OUT_LPORT, "next_hop": NEXT_HOP, "home": HOME}
    known |= {"answer": ANSWER, "came_by": CAME_BY}
    position = {"router": ROUTER, "in_port": WEB, "came_by": OFPORT, **registers}
    fields = [(known[name].field, value) for name, value in position.items()]
    oxm = b"".join(struct.pack("!I", f.header | f.size) + value.to_bytes(f.size, "big") for f, value in fields)
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(data), 1, 42, Why(why, 1, 2).cookie)
    return messages.message(messages.PACKET_IN, head + match + bytes(-len(match) % 8) + b"\0\0" + data)


def packet_outs(data: bytes | None) -> list[tuple[bytes, Any]]:
    """(actions, frame as scapy reads it) of each packet-out."""
    assert data is not None
    found = []
    while data:
        (length,) = struct.unpack_from("!H", data, 2)
        assert data[1] == messages.PACKET_OUT
        actions = int.from_bytes(data[16:18], "big")
        found.append((data[24 : 24 + actions], Ether(data[24 + actions : length])))
        data = data[length:]
    return found


def sets(register: Register, value: int) -> bytes:
    return SetField(register.field, value).encode()


def enters(home: int, answer: int) -> bytes:
    marks = (SetField(HOME.field, home), SetField(ANSWER.field, answer), SetField(CAME_BY.field, OFPORT))
    return encode_actions((SetField(DATAPATH.field, ROUTER), SetTtl(ORIGIN_TTL + 1), *marks, Resubmit(LR_IN_ROUTE.number)))


@pytest.mark.parametrize(("in_port", "home"), [(WEB, 0), (DB, 0), (UPLINK, 1)])
@pytest.mark.parametrize(
    ("why", "own"),
    [
        (Feature.PUNT_TTL_EXCEEDED, 0),
        (Feature.PUNT_NET_UNREACHABLE, 0),
        (Feature.PUNT_HOST_UNREACHABLE, 0),
        (Feature.PUNT_PORT_UNREACHABLE, 1),
        (Feature.PUNT_PROTOCOL_UNREACHABLE, 1),
    ],
)
def test_answers_say_whether_they_leave_here_and_are_the_routers_own(in_port: int, home: int, why: Feature, own: int) -> None:
    """What came by the uplink is answered by it here, whichever gateway carries it; own answers are not translated."""
    ((actions, reply),) = packet_outs(responder().answer(packet_in(frame(), why, in_port=in_port)))
    assert actions == enters(home, own)
    assert reply[IP].dst == VM


def test_an_uplink_is_told_from_the_ports_that_many_share() -> None:
    asked = []

    def admit(chassis: int, cause: int) -> bool:
        asked.append((chassis, cause))
        return False

    made = Responder(lambda: 1450, admit)
    made.network(network())
    for in_port in (WEB, UPLINK):
        assert made.answer(packet_in(frame(), Feature.PUNT_TTL_EXCEEDED, in_port=in_port), 3) is None
    assert asked == [(3, OFPORT), (3, UPLINK << 16)]


def test_what_comes_by_the_uplink_is_answered_from_its_address_even_if_a_vm_behind_it_sent_it() -> None:
    """A VM's packet to a floating IP of its own router comes back by the uplink, translated to the uplink's address."""
    hairpin = packet_in(frame(src="203.0.113.11"), Feature.PUNT_TTL_EXCEEDED, in_port=UPLINK)
    ((_, reply),) = packet_outs(responder().answer(hairpin))
    assert (reply[IP].src, reply[IP].dst) == ("203.0.113.11", "203.0.113.11")
    assert responder().answer(packet_in(frame(src="203.0.113.11"), Feature.PUNT_TTL_EXCEEDED)) is None, (
        "inside it is the router's"
    )


@pytest.mark.parametrize(
    ("mtu", "external", "out_port", "told"),
    [
        (1450, 1500, UPLINK, 1450),
        (8950, 1500, UPLINK, 1500),
        (None, 1400, UPLINK, 1400),
        (1450, 1500, DB, 1450),
        (1350, 9000, DB, 1350),
    ],
)
def test_the_sender_is_told_the_out_ports_mtu(mtu: int | None, external: int, out_port: int, told: int) -> None:
    whole = frame(9500, flags="DF", ttl=9)
    made = responder(mtu, mtu=external)
    ((actions, reply),) = packet_outs(made.answer(packet_in(whole, Feature.PUNT_FRAGMENTATION_NEEDED, out_port=out_port)))
    assert (reply[ICMP].type, reply[ICMP].code, reply[ICMP].nexthopmtu) == (3, 4, told)
    assert (reply[IP].src, reply[IP].dst) == ("10.0.1.1", VM)
    assert actions == enters(0, 0)
    assert made.answered[Feature.PUNT_FRAGMENTATION_NEEDED] == 1


def test_what_may_be_cut_goes_on_from_where_it_was_in_pieces() -> None:
    whole = frame(3000, ttl=9)
    registers = {"out_port": UPLINK, "next_hop": 0xCB007101, "home": 1, "answer": 1}
    found = packet_outs(responder().answer(packet_in(whole, Feature.PUNT_FRAGMENTATION_NEEDED, **registers)))
    assert [len(bytes(piece[IP])) for _, piece in found] == [1444, 1444, 180]
    assert b"".join(bytes(piece[IP].payload) for _, piece in found) == whole[34:]
    onward = sets(DATAPATH, ROUTER) + sets(IN_LPORT, WEB) + sets(OUT_LPORT, UPLINK) + sets(NEXT_HOP, 0xCB007101) + sets(HOME, 1)
    onward += sets(ANSWER, 1) + sets(CAME_BY, OFPORT)
    assert {actions for actions, _ in found} == {onward + Resubmit(LR_OUT_UPLINK.number).encode()}


@pytest.mark.parametrize(
    ("registers", "mtu"),
    [
        ({"out_port": 99}, 1450),
        ({"out_port": 0}, 1450),
        ({"out_port": ROUTER}, 1450),
        ({"out_port": DB, "router": 1}, 1450),
        ({"out_port": DB}, None),
        ({"out_port": DB, "in_port": 99}, 1450),
    ],
    ids=str,
)
def test_what_has_no_limit_or_place_is_not_answered(registers: dict[str, int], mtu: int | None) -> None:
    made = responder(mtu)
    assert made.answer(packet_in(frame(3000, flags="DF"), Feature.PUNT_FRAGMENTATION_NEEDED, **registers)) is None
    assert made.unanswered[Feature.PUNT_FRAGMENTATION_NEEDED] == 1


@pytest.mark.parametrize("flags", ["", "DF"])
@pytest.mark.parametrize("wrong", [{"chksum": 0xBAD}, {"frag": 8191}], ids=str)
def test_of_what_is_invalid_nothing_goes_on_and_nothing_is_told(wrong: dict[str, Any], flags: str) -> None:
    made = responder()
    whole = frame(3000, flags=flags, **wrong)
    assert made.answer(packet_in(whole, Feature.PUNT_FRAGMENTATION_NEEDED, out_port=UPLINK)) is None
    assert made.unanswered[Feature.PUNT_FRAGMENTATION_NEEDED] == 1


@given(st.binary(max_size=100), st.sampled_from([UPLINK, DB, 7]), st.sampled_from([None, 60, 68, 1450]))
def test_any_frame_does_no_harm(data: bytes, out_port: int, mtu: int | None) -> None:
    made = responder(mtu)
    for sent in (data, frame()[:14] + data, frame(500)[:20] + data):
        made.answer(packet_in(sent, Feature.PUNT_FRAGMENTATION_NEEDED, out_port=out_port))
