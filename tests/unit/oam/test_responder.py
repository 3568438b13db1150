"""From packet-ins to packet-outs: which are answered, from which address, and that nothing makes it raise."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Port, Router, RouterPort, Switch, Tenant
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow import messages
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, NEXT_HOP
from ryu_overlay.pipeline.tables import LR_IN_ROUTE

R1, R2, WEB, UP, DOWN, VM = 10, 20, 11, 12, 21, 50
NO_MATCH, ACTION, INVALID_TTL = 0, 1, 2
MAC_VM, MAC_WEB = bytes.fromhex("020100000001"), bytes.fromhex("020000000001")
OTHERS = (
    *(Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH),
    *(Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_OBSERVED, Feature.PUNT_GUEST, Feature.PUNT_ECHO),
)
"""Punts that no router answers: they are the engine's, the health checks', and of probes and captures."""
PUNTS = [feature for feature in Feature if feature.name.startswith("PUNT_") and feature not in OTHERS]


def network(web: str = "10.0.1.1/24") -> Network:
    draft = Draft(Network())

    def router_port(router: str, name: str, key: int, *addresses: str) -> RouterPort:
        return RouterPort("red", router, name, key, f"u{key}", "02:00:00:00:00:01", tuple(map(IPv4Interface, addresses)))

    for obj in (
        Tenant("red", 1, "u1"),
        Switch("red", "web", 2, "u2", 2),
        Port("red", "web", "vm", VM, "u50", "02:01:00:00:00:01", (IPv4Address("10.0.1.9"),)),
        Router("red", "r1", R1, "u10"),
        Router("red", "r2", R2, "u20"),
        router_port("r1", "web", WEB, web, "10.0.9.1/24"),
        router_port("r1", "up", UP, "100.64.0.1/30"),
        router_port("r2", "down", DOWN, "100.64.0.2/30"),
    ):
        draft.put(obj)
    return draft.freeze(1)


@pytest.fixture
def responder() -> Responder:
    made = Responder()
    made.network(network())
    return made


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source: str = "10.0.1.9", target: str = "192.0.2.1") -> bytes:
    ends = IPv4Address(source).packed + IPv4Address(target).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 36, 1, 0, 1, 17, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return MAC_WEB + MAC_VM + b"\x08\0" + head + struct.pack("!HHHH", 1000, 33434, 16, 0) + bytes(8)


def packet_in(
    frame: bytes,
    why: Feature = Feature.PUNT_TTL_EXCEEDED,
    router: int = R1,
    port: int = WEB,
    reason: int = ACTION,
    cookie: int = -1,
) -> bytes:
    oxm = b"".join(
        struct.pack("!I", f.header | f.size) + value.to_bytes(f.size, "big")
        for f, value in ((NEXT_HOP.field, 7), (IN_LPORT.field, port), (DATAPATH.field, router))
        if value
    )
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    match += bytes(-len(match) % 8)
    cookie = Why(why, 1, 2).cookie if cookie < 0 else cookie
    head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(frame), reason, 36, cookie)
    return messages.message(messages.PACKET_IN, head + match + b"\0\0" + frame)


def sender(out: bytes | None) -> str:
    """The IPv4 source of the frame in a packet-out."""
    assert out is not None and out[1] == messages.PACKET_OUT
    (actions,) = struct.unpack_from("!H", out, 16)
    frame = out[24 + actions :]
    return str(IPv4Address(frame[26:30]))


def test_an_answer_enters_at_the_routers_routing_table(responder: Responder) -> None:
    out = responder.answer(packet_in(udp()))
    assert out is not None
    (actions,) = struct.unpack_from("!H", out, 16)
    applied, frame = out[24 : 24 + actions], out[24 + actions :]
    assert struct.pack("!Q", R1) in applied and applied[-4] == LR_IN_ROUTE.number
    assert frame[:12] == MAC_VM + MAC_WEB and frame[34:36] == b"\x0b\0"
    assert responder.answered[Feature.PUNT_TTL_EXCEEDED] == 1 and not any(responder.unanswered.values())


@pytest.mark.parametrize(
    ("source", "port", "router", "answered_from"),
    [
        ("10.0.1.9", WEB, R1, "10.0.1.1"),
        ("10.0.9.9", WEB, R1, "10.0.9.1"),
        ("172.16.0.1", WEB, R1, "10.0.1.1"),
        ("10.0.1.9", UP, R1, "100.64.0.1"),
        ("10.0.1.9", DOWN, R2, "100.64.0.2"),
    ],
)
def test_the_source_is_the_in_ports_address_nearest_to_the_sender(
    responder: Responder, source: str, port: int, router: int, answered_from: str
) -> None:
    assert sender(responder.answer(packet_in(udp(source), router=router, port=port))) == answered_from


@pytest.mark.parametrize(
    ("router", "port"), [(99, WEB), (R1, 99), (R2, WEB), (R1, VM), (R1, 0), (0, WEB), (WEB, WEB), (1, WEB)], ids=str
)
def test_what_names_no_port_of_a_router_is_not_answered(responder: Responder, router: int, port: int) -> None:
    assert responder.answer(packet_in(udp(), router=router, port=port)) is None
    assert responder.unanswered[Feature.PUNT_TTL_EXCEEDED] == 1


@pytest.mark.parametrize("own", ["10.0.1.1", "10.0.9.1", "100.64.0.1"])
@pytest.mark.parametrize("why", PUNTS)
def test_a_router_does_not_complain_to_itself(responder: Responder, own: str, why: Feature) -> None:
    """An echo reply that it made finds no route back: the registers still name the port the request came by."""
    assert responder.answer(packet_in(udp(own), why)) is None
    assert sender(responder.answer(packet_in(udp("100.64.0.2")))) == "10.0.1.1", "another router is told"


def test_reasons_and_cookies(responder: Responder) -> None:
    assert responder.answer(packet_in(udp(), Feature.PUNT_NET_UNREACHABLE, reason=NO_MATCH)), "a table's miss flow"
    assert responder.answer(packet_in(udp(), reason=INVALID_TTL)) is None
    assert responder.answer(packet_in(udp(), reason=77)) is None
    for foreign in (0, 0x1234, 0xFFFFFFFFFFFFFFFF, Why(Feature.ROUTING, 1, 2).cookie, Why(Feature.DROP_BAD_SOURCE).cookie):
        assert responder.answer(packet_in(udp(), cookie=foreign)) is None
    assert sum(responder.answered.values()) == 1 and not any(responder.unanswered.values()) and not responder.malformed


def test_each_reason_is_counted_apart(responder: Responder) -> None:
    for why in PUNTS:
        responder.answer(packet_in(udp(), why))
    assert {why: responder.answered[why] + responder.unanswered[why] for why in PUNTS} == dict.fromkeys(PUNTS, 1)
    assert responder.unanswered[Feature.PUNT_TCP_RESET] == 1, "it was no TCP"


@pytest.mark.parametrize("why", OTHERS)
def test_what_others_are_to_take_is_neither_answered_nor_counted(responder: Responder, why: Feature) -> None:
    assert responder.answer(packet_in(udp(), why)) is None
    assert not any(responder.answered.values()) and not any(responder.unanswered.values()) and not responder.malformed


def test_a_changed_network_is_answered_for_at_once(responder: Responder) -> None:
    assert sender(responder.answer(packet_in(udp()))) == "10.0.1.1"
    responder.network(network("10.0.1.254/24"))
    assert sender(responder.answer(packet_in(udp()))) == "10.0.1.254"
    responder.network(Network())
    assert responder.answer(packet_in(udp())) is None


WHOLE = packet_in(udp())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_do_no_harm(data: bytes) -> None:
    made = Responder()
    made.network(network())
    made.answer(data)


@given(st.sampled_from(PUNTS), st.integers(0, len(WHOLE)), st.integers(8, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_spoilt_packet_ins_do_no_harm(why: Feature, length: int, at: int, noise: bytes) -> None:
    made = Responder()
    made.network(network())
    whole = packet_in(udp(), why)
    made.answer(whole[:length])
    made.answer(whole[:at] + noise + whole[at + len(noise) :])
    assert sum(made.answered.values()) + sum(made.unanswered.values()) + made.malformed <= 2


def test_what_is_cut_short_is_counted(responder: Responder) -> None:
    for length in (0, 15, 27, 40):
        assert responder.answer(WHOLE[:length]) is None
    assert responder.malformed == 4
    assert responder.answer(WHOLE[:-40]) is None
    assert responder.unanswered[Feature.PUNT_TTL_EXCEEDED] == 1
