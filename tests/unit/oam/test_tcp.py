"""Segments to bytes and back, held against scapy, and that nothing read makes it raise."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from ryu_overlay.oam.tcp import ACK, PSH, SYN, Ends, Segment, after, ahead, ends, make, read
from tests.unit.oam.peer import MEMBER, MEMBER_MAC, ROUTER_MAC, VIP, data, seen

OURS = ends((ROUTER_MAC, IPv4Address(VIP), 40000), (MEMBER_MAC, IPv4Address(MEMBER), 8080))
words = st.integers(0, 0xFFFFFFFF)
ports = st.integers(0, 0xFFFF)
macs = st.binary(min_size=6, max_size=6)
any_ends = st.builds(Ends, macs, macs, words, words, ports, ports)
segments = st.builds(Segment, words, words, st.integers(0, 255), st.binary(max_size=1300))


def test_a_segment_is_what_scapy_reads() -> None:
    packet = seen(make(OURS, Segment(7, 9, ACK | PSH, b"odd"), window=2400))
    assert (packet.src, packet.dst, packet[IP].src, packet[IP].dst) == (ROUTER_MAC, MEMBER_MAC, VIP, MEMBER)
    tcp = packet[TCP]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, str(tcp.flags), tcp.window) == (40000, 8080, 7, 9, "PA", 2400)
    assert data(packet) == b"odd" and packet[IP].flags == "DF"


def test_mss_is_an_option() -> None:
    assert seen(make(OURS, Segment(1, 0, SYN), 2400, mss=1200))[TCP].options == [("MSS", 1200)]


@given(any_ends, segments, st.none() | ports)
def test_what_is_made_is_read_back(between: Ends, segment: Segment, mss: int | None) -> None:
    frame = make(between, segment, 1000, mss)
    seen(frame)
    assert read(frame) == (between, segment)
    assert read(memoryview(frame + bytes(20))) == (between, segment)
    assert between.turned().turned() == between


def bare(**ip: Any) -> Any:
    return Ether(src=MEMBER_MAC, dst=ROUTER_MAC) / IP(src=MEMBER, dst=VIP, **ip)


def test_options_are_passed_over() -> None:
    tcp = TCP(seq=5, flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2))])
    got = read(bytes(bare(options=[IPOption_NOP()] * 4) / tcp / Raw(b"x")))
    assert got is not None and got[1] == Segment(5, 0, SYN, b"x")


GOOD = bytes(bare() / TCP(sport=8080, dport=40000, flags="A") / Raw(b"hello"))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        GOOD[:53],
        GOOD[:-1],
        bytes(Ether() / ARP()),
        bytes(bare() / UDP() / Raw(bytes(40))),
        bytes(Ether() / Dot1Q(vlan=3) / IP(src=MEMBER, dst=VIP) / TCP()),
        bytes(bare(flags="MF") / TCP() / Raw(bytes(8))),
        bytes(bare(frag=1) / TCP()),
        bytes(bare(chksum=1) / TCP()),
        bytes(bare() / TCP(chksum=1)),
        bytes(bare() / TCP(dataofs=4)),
        bytes(bare() / TCP(dataofs=15)),
        bytes(bare(ihl=4) / TCP()),
        bytes(bare(version=6) / TCP()),
        bytes(bare(len=39) / TCP()),
        bytes(bare(len=41) / TCP()),
    ],
)
def test_what_is_not_a_whole_segment_is_not_read(frame: bytes) -> None:
    assert read(GOOD) is not None
    assert read(frame) is None


@given(st.integers(14, len(GOOD) - 1), st.integers(1, 255))
def test_one_changed_byte_is_found(at: int, change: int) -> None:
    """Version, protocol and lengths too: all that is not Ethernet's is under one of the checksums."""
    changed = bytearray(GOOD)
    changed[at] ^= change
    assert read(bytes(changed)) is None


@given(st.binary(max_size=80))
def test_any_bytes_can_be_read(noise: bytes) -> None:
    read(noise)
    read(GOOD[:14] + noise)


@given(words, st.integers(-100, 100))
def test_sequence_numbers_go_round(number: int, count: int) -> None:
    assert ahead(after(number, count), number) == count % 2**32


@pytest.mark.parametrize("mac", ["02:00:00:00:00", "02:00:00:00:00:0g", ""])
def test_what_is_no_mac_is_refused(mac: str) -> None:
    with pytest.raises(ValueError):
        ends((mac, IPv4Address(VIP), 1), (MEMBER_MAC, IPv4Address(MEMBER), 1))
