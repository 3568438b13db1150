"""Packets that are cut, put together again by scapy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, IPOption, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Timestamp, defrag
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import checksum

from ryu_overlay.oam.fragments import cut


def frame(payload: bytes, **ip: Any) -> bytes:
    head = IP(src="10.0.1.11", dst="203.0.113.200", id=77, ttl=9, tos=0x20, proto=17, **ip)
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / head / Raw(payload))


def check(pieces: list[bytes], mtu: int) -> list[IP]:
    """The pieces as scapy reads them, each right by itself."""
    packets = []
    for piece in pieces:
        packet = Ether(piece)[IP]
        assert len(piece) - 14 == packet.len <= mtu
        assert checksum(piece[14 : 14 + 4 * packet.ihl]) == 0
        packets.append(packet)
    return packets


@given(st.binary(min_size=1, max_size=200), st.integers(1, 20), st.integers(68, 2000))
def test_put_together_again_it_is_what_it_was(start: bytes, times: int, mtu: int) -> None:
    whole = frame(start * times)
    pieces = cut(whole, mtu)
    packets = check(pieces, mtu)
    assert all(piece[:14] == whole[:14] for piece in pieces)
    assert [bool(packet.flags.MF) for packet in packets] == [True] * (len(packets) - 1) + [False]
    assert all(len(packet.payload) == (mtu - 20) // 8 * 8 for packet in packets[:-1]), "as few as can be"
    again = defrag(packets)[1][0] if len(packets) > 1 else packets[0]
    assert bytes(again.payload) == start * times
    assert (again.id, again.ttl, again.tos, again.proto) == (77, 9, 0x20, 17)


@pytest.mark.parametrize("last", [False, True])
def test_a_fragment_is_cut_further_in_its_place(last: bool) -> None:
    packets = check(cut(frame(bytes(1000), frag=100, flags="" if last else "MF"), 500), 500)
    assert [packet.frag for packet in packets] == [100, 160, 220]
    assert [bool(packet.flags.MF) for packet in packets] == [True, True, not last]


def test_the_last_fragment_of_the_longest_packet_is_cut_further() -> None:
    packets = check(cut(frame(bytes(899), frag=8077), 500), 500)
    assert packets[0].frag == 8077 and packets[-1].frag * 8 + packets[-1].len == 0xFFFF


def options(packet: IP) -> bytes:
    return bytes(packet)[20 : 4 * packet.ihl]


def test_only_copied_options_are_in_later_fragments() -> None:
    given = [
        IPOption_NOP(),
        IPOption_RR(routers=["0.0.0.0"]),
        IPOption_LSRR(routers=["192.0.2.1"]),
        IPOption_Timestamp(flg=0, timestamp=0),
    ]
    whole = frame(bytes(900), options=given)
    first, *later = check(cut(whole, 400), 400)
    assert options(first) == options(Ether(whole)[IP])
    lsrr, others = bytes(given[2]), [b"\x01" * len(bytes(option)) for option in given]
    for packet in later:
        assert options(packet).rstrip(b"\0") == others[0] + others[1] + lsrr + others[3]
    assert sum(len(packet.payload) for packet in (first, *later)) == 900


@given(st.binary(max_size=40), st.integers(100, 400))
def test_any_options_do_no_harm(given_: bytes, mtu: int) -> None:
    padded = given_ + bytes(-len(given_) % 4)
    whole = bytearray(frame(bytes(600), options=[IPOption(b"\x01\x01\x01\x01")] * (len(padded) // 4)))
    length = 4 * (whole[14] & 15) - 20
    whole[34 : 34 + length] = padded[:length].ljust(length, b"\0")
    whole[24:26] = bytes(2)
    whole[24:26] = checksum(bytes(whole[14 : 34 + length])).to_bytes(2, "big")
    packets = check(cut(bytes(whole), mtu), mtu)
    assert b"".join(bytes(packet)[4 * packet.ihl :] for packet in packets) == bytes(600)


@pytest.mark.parametrize(
    "whole",
    [
        frame(bytes(900), flags="DF"),
        frame(bytes(900))[:500],
        frame(b"")[:33],
        b"",
        frame(bytes(900), ihl=4),
        frame(bytes(30), ihl=15, len=40),
        bytes(Ether() / ARP()),
        bytes(Ether() / Dot1Q(vlan=5) / IP() / UDP() / Raw(bytes(900))),
        frame(bytes(900), chksum=0xBAD),
        frame(bytes(900), frag=8191),
        frame(bytes(900), frag=8191, flags="MF"),
        frame(bytes(900), frag=8077),
    ],
    ids=[
        *("DF", "cut short", "half a header", "nothing", "no header", "all header", "ARP", "tagged"),
        *("wrong checksum", "far beyond the end", "with more to come", "just beyond the end"),
    ],
)
def test_what_must_not_be_cut_is_not(whole: bytes) -> None:
    assert cut(whole, 300) == []


def test_padding_of_the_frame_is_no_part_of_it() -> None:
    whole = bytes(Ether() / IP(len=100) / ICMP() / Raw(bytes(72)))
    assert cut(whole + b"padding", 80) == cut(whole, 80)


@given(st.binary(max_size=120), st.integers(68, 1500))
def test_any_bytes_do_no_harm(data: bytes, mtu: int) -> None:
    cut(data, mtu)
    cut(frame(bytes(100))[:14] + data, mtu)
