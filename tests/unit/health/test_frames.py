"""Probes as bytes: what goes into the tunnel, held against Ryu's and scapy's readers, and what is read where it comes out."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_v1_3 as openflow
from ryu.ofproto import ofproto_v1_3_parser as ryu
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from ryu_overlay.health.frames import ROOM_PROTO, ROOM_WAY, probe_out, read_probe, room_out
from ryu_overlay.health.probes import Probe
from ryu_overlay.pipeline.tables import ECHO_VNI, ROOM_VNI

tokens = st.integers(1, 0xFFFFFFFF)
_OUT = struct.Struct("!BBHIIIH6x")


def read(message: bytes) -> tuple[int, list[Any], bytes]:
    """Port in, actions and frame of a packet-out."""
    _, kind, length, _, buffer, in_port, size = _OUT.unpack_from(message)
    assert (kind, length, buffer) == (openflow.OFPT_PACKET_OUT, len(message), openflow.OFP_NO_BUFFER)
    actions, at = [], _OUT.size
    while at < _OUT.size + size:
        actions.append(ryu.OFPAction.parser(message, at))
        at += actions[-1].len
    return in_port, actions, message[at:]


def frame_of(probe: Probe, largest: int = 1450) -> bytes:
    return read(probe_out(probe, 7, largest))[2]


@pytest.mark.parametrize("vni", [None, 5])
def test_it_leaves_by_the_tunnel_in_its_vni(vni: int | None) -> None:
    in_port, (tunnel_id, output), _ = read(probe_out(Probe("a", "b", 1, vni=vni), 7, 1450))
    assert (in_port, output.port) == (openflow.OFPP_CONTROLLER, 7)
    assert (tunnel_id.key, tunnel_id.value) == ("tunnel_id", ECHO_VNI if vni is None else vni)


@given(st.integers(576, 9000), st.integers(0, 63), tokens)
def test_it_is_a_packet_of_udp_as_large_as_the_largest(largest: int, way: int, token: int) -> None:
    for full, size in ((True, largest), (False, 84)):
        frame = Ether(frame_of(Probe("a", "b", token, way, full), largest))
        assert len(frame) == 14 + size == 14 + frame[IP].len
        assert frame[IP].flags == "DF" and frame[UDP].sport == 49152 + way and frame[UDP].len == size - 20
        checksum = frame[IP].chksum
        del frame[IP].chksum
        assert Ether(bytes(frame))[IP].chksum == checksum


def test_its_way_is_told_by_the_source_port_alone() -> None:
    one, other = (Ether(frame_of(Probe("a", "b", 1, way))) for way in (0, 1))
    one[UDP].sport, one[IP].chksum = other[UDP].sport, other[IP].chksum
    assert bytes(one) == bytes(other)


def test_in_a_network_it_has_a_source_that_no_guest_has() -> None:
    sources = {vni: Ether(frame_of(Probe("a", "b", 1, vni=vni))).src for vni in (None, 5)}
    assert int(sources[5][:2], 16) & 1
    assert not int(sources[None][:2], 16) & 1


@given(tokens, st.booleans(), st.none() | st.just(9))
@example(0xFFFFFFFF, True, None)
def test_what_was_sent_is_read_whole(token: int, full: bool, vni: int | None) -> None:
    assert read_probe(frame_of(Probe("a", "b", token, 3, full, vni))) == (token, True)


@given(tokens, st.booleans(), st.integers(64, 1463), st.integers(1, 255))
def test_any_byte_that_changed_is_seen(token: int, full: bool, at: int, by: int) -> None:
    frame = bytearray(frame_of(Probe("a", "b", token, full=full)))
    frame[at % (len(frame) - 64) + 64] ^= by
    assert read_probe(bytes(frame)) == (token, False)


def test_one_changed_byte_of_its_mark_is_seen_and_its_headers_may_change() -> None:
    frame = bytearray(frame_of(Probe("a", "b", 9)))
    frame[45] ^= 1
    assert read_probe(bytes(frame)) == (9, False)
    frame[45] ^= 1
    frame[22] -= 1  # TTL
    frame[0:6] = b"\x02\x00\x00\x00\x00\x01"
    assert read_probe(bytes(frame)) == (9, True)


def test_what_is_cut_short_is_not_whole() -> None:
    frame = frame_of(Probe("a", "b", 9, full=True))
    assert read_probe(frame[:-1]) == (9, False)


@given(st.binary(max_size=200))
def test_anything_else_is_no_probe(frame: bytes) -> None:
    assert read_probe(frame) is None


def test_padding_does_not_matter() -> None:
    assert read_probe(frame_of(Probe("a", "b", 9)) + bytes(4)) == (9, True)


def test_the_one_that_tries_conntrack_commits_a_connection_of_its_own_and_is_read() -> None:
    _, (tunnel_id, mark, _), data = read(room_out())
    frame = Ether(data)
    assert (tunnel_id.value, mark.value) == (ROOM_VNI, 1)
    assert (frame[IP].proto, frame[UDP].sport, frame[UDP].dport) == (ROOM_PROTO, ROOM_WAY.source_port, ROOM_WAY.target_port)
    assert read_probe(data) == (0, True)
    assert ECHO_VNI != ROOM_VNI
