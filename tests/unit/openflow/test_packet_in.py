"""What packet-ins say, a real Open vSwitch's among them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Ct, Instructions, Nat, Punt, SetField, encode_actions
from ryu_overlay.openflow.fields import (
    CT_MARK,
    CT_NW_DST,
    CT_NW_PROTO,
    CT_NW_SRC,
    CT_STATE,
    CT_TP_DST,
    CT_TP_SRC,
    CT_ZONE,
    ETH_DST,
    ETH_TYPE,
    IN_PORT,
    METADATA,
    TCP_FLAGS,
    TUN_ID,
    WIRE_ORDER,
    Field,
    register,
)
from ryu_overlay.openflow.flow import Block, Flow, Program, make_match
from ryu_overlay.openflow.packet_in import PacketIn, carries, parse_packet_in
from tests.dummy import DummySwitch, OpenFlow

FRAME = b"a frame"
PROBE = register(6)
UNKNOWN = bytes.fromhex("0001e010 0102030405060708090a0b0c0d0e0f10")  # NXM_NX_XXREG0


def packet_in(oxm: bytes, frame: bytes = FRAME) -> bytes:
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(frame), 1, 70, 0x0E7A000000000001)
    return messages.message(messages.PACKET_IN, head + match + bytes(-len(match) % 8) + b"\0\0" + frame)


def oxm(fields: Mapping[Field, int | tuple[int, int]]) -> bytes:
    return Flow(0, 0, make_match(fields), Instructions(), 0).match_bytes


@st.composite
def said(draw: st.DrawFn) -> dict[Field, int | tuple[int, int]]:
    """Fields with a value, or value and mask."""
    found: dict[Field, int | tuple[int, int]] = {}
    for field in draw(st.lists(st.sampled_from(WIRE_ORDER), unique=True)):
        value, mask = draw(st.integers(0, field.full)), draw(st.integers(1, field.full))
        found[field] = (value & mask, mask) if draw(st.booleans()) else value
    return found


@given(said(), st.sampled_from((b"", UNKNOWN)), st.binary(max_size=70))
def test_all_fields_are_read(fields: dict[Field, int | tuple[int, int]], unknown: bytes, frame: bytes) -> None:
    data = packet_in(unknown + oxm(fields) + unknown, frame)
    expected = {field: given[0] if isinstance(given, tuple) else given for field, given in fields.items()}
    assert parse_packet_in(data) == PacketIn(0x0E7A000000000001, 70, 1, expected, frame)


@given(said(), said(), st.sampled_from(WIRE_ORDER))
def test_a_field_that_is_carried_whole_is_found(
    some: dict[Field, int | tuple[int, int]], more: dict[Field, int | tuple[int, int]], field: Field
) -> None:
    given = some | {field: 1}
    assert carries(packet_in(UNKNOWN + oxm(given)), field)
    given = {f: v for f, v in more.items() if f is not field}
    assert not carries(packet_in(UNKNOWN + oxm(given)), field)
    assert not carries(packet_in(oxm(given), FRAME + field.head(masked=False) + FRAME), field)


def test_a_value_that_looks_like_a_field_is_none() -> None:
    looks = int.from_bytes(PROBE.head(masked=False), "big")
    assert not carries(packet_in(oxm({TUN_ID: looks})), PROBE)
    assert not carries(packet_in(oxm({register(0): looks, METADATA: looks << 16})), PROBE)
    assert carries(packet_in(oxm({PROBE: 1, METADATA: looks})), PROBE)


WHOLE = packet_in(oxm({IN_PORT: 5, METADATA: 21, PROBE: 1, TCP_FLAGS: 2, ETH_DST: (1 << 40, 1 << 40)}) + UNKNOWN)


@pytest.mark.parametrize("length", range(len(WHOLE) - len(FRAME)))
def test_what_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises((struct.error, ValueError)):
        parse_packet_in(WHOLE[:length])
    assert carries(WHOLE[:length], PROBE) == (length >= WHOLE.index(PROBE.head(masked=False)) + 4)


@given(st.integers(8, len(WHOLE)), st.binary(max_size=40))
def test_any_bytes_do_no_harm(at: int, noise: bytes) -> None:
    for data in (noise, WHOLE[:at] + noise, WHOLE[:at] + noise + WHOLE[at + len(noise) :]):
        carries(data, PROBE)
        try:
            parse_packet_in(data)
        except (struct.error, ValueError):
            continue


BRIDGE = "br"
A, B, OUTER = (int(IPv4Address(text)) for text in ("10.0.0.1", "10.0.0.2", "203.0.113.5"))
ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
SENT = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1001, dport=80) / FRAME)


@pytest.fixture
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFlow]:
    switch = DummySwitch(tmp_path_factory.mktemp("ovs"))
    try:
        switch.start()
        switch.add_bridge(BRIDGE, [("p1", 1)], [])
        punt = Flow(7, 9, (), Instructions((Punt(),)), 0x0E7A000000000002)
        switch.load(BRIDGE, Program({"punt": Block((punt,))}))
        with OpenFlow(switch.directory / f"{BRIDGE}.mgmt") as made:
            made.send(messages.match_fragments())
            yield made
    finally:
        switch.stop()


@pytest.mark.ovs
def test_open_vswitch_says_all_that_conntrack_knows(channel: OpenFlow) -> None:
    given = {METADATA: 2**63, PROBE: 3, register(15): 2**32 - 1, TUN_ID: 5}
    marks = tuple(SetField(field, value) for field, value in given.items())
    translated = Ct(65535, 7, commit=True, nat=Nat("src", OUTER))
    channel.send(messages.packet_out(encode_actions((*marks, translated)), SENT))
    while (data := channel.receive())[1] != messages.PACKET_IN:
        pass
    read = parse_packet_in(data)
    assert (read.cookie, read.table, read.reason) == (0x0E7A000000000002, 7, 1)
    assert int.from_bytes(read.frame[26:30], "big") == OUTER and len(read.frame) == len(SENT) and read.frame.endswith(FRAME)
    conntrack = {CT_STATE: 0x61, CT_ZONE: 65535, CT_NW_SRC: A, CT_NW_DST: B, CT_NW_PROTO: 17, CT_TP_SRC: 1001, CT_TP_DST: 80}
    assert read.fields == {**given, **conntrack, ETH_TYPE: 0x0800, IN_PORT: 0xFFFFFFFD}
    assert carries(data, PROBE) and not carries(data, CT_MARK)
