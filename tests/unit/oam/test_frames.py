"""Frames for packets of the reference walk, held against scapy's reading and writing of them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP as IcmpHeader
from scapy.layers.inet import IP as IpHeader
from scapy.layers.inet import TCP as TcpHeader
from scapy.layers.inet import UDP as UdpHeader
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from ryu_overlay.model.walk_values import ICMP, TCP, UDP, Arp, Ip, Packet
from ryu_overlay.oam.frames import LATER_OFFSET, answer_of, from_frame, ident_of, to_frame

SRC, DST = "02:00:00:00:01:0b", "02:00:00:00:01:01"
A, B = IPv4Address("10.0.1.11"), IPv4Address("10.0.2.12")
MACS = {"src": SRC, "dst": DST}
ENDS = {"src": str(A), "dst": str(B)}

word = st.integers(0, 0xFFFF)
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
payloads = st.binary(max_size=40)
ttls = st.integers(0, 255)


@st.composite
def ips(draw: st.DrawFn) -> Ip:
    """All that a walk's packet can be, but for errors and fragments."""
    proto = draw(st.sampled_from((ICMP, TCP, UDP, 47, 132, 0, 255)))
    l4 = (0, 0)
    if proto == ICMP:
        l4 = draw(st.sampled_from(((8, 0), (0, 0), (13, 0), (255, 255))))
    elif proto in (TCP, UDP):
        l4 = draw(st.tuples(word, word))
    kind = draw(st.sampled_from(("rst", "ack", None))) if proto == TCP else None
    size = draw(st.none() | st.integers(40, 1600))
    return Ip(
        draw(addresses),
        draw(addresses),
        proto,
        draw(ttls),
        l4,
        rst=kind == "rst",
        ack=kind == "ack",
        size=size,
        df=draw(st.booleans()),
    )


def packet(ip: Ip) -> Packet:
    return Packet(SRC, DST, ip)


def written_anew(frame: bytes) -> bytes:
    """The frame with lengths and checksums as scapy works them out."""
    read = Ether(frame)
    layer: Any = read
    while layer:
        for name in ("len", "chksum", "ihl", "dataofs"):
            if name in layer.fields:
                del layer.fields[name]
        layer = layer.payload if not isinstance(layer, IcmpHeader) else None
    return bytes(read)


@given(ips(), word, payloads, st.integers(0, 63), st.tuples(word, word), st.integers(0, 2**32 - 1))
def test_what_is_made_is_right_and_reads_back(
    ip: Ip, ident: int, payload: bytes, dscp: int, echo: tuple[int, int], seq: int
) -> None:
    frame = to_frame(packet(ip), ident, payload, dscp=dscp, echo=echo, seq=seq)
    assert from_frame(frame) == packet(replace(ip, size=len(frame) - 14))
    assert ident_of(frame) == ident
    header = Ether(frame)[IpHeader]
    assert (header.tos, header.len, header.ihl) == (dscp << 2, len(frame) - 14, 5)
    assert ip.size in (None, header.len)
    assert (int.from_bytes(frame[14:34], "big")) % 0xFFFF == 0
    if ip.proto in (ICMP, TCP, UDP):
        assert frame == written_anew(frame)
        body, l4 = frame[34:], header.payload
        data = {ICMP: 8, TCP: 20, UDP: 8}[ip.proto]
        assert body[data:] == payload.ljust(len(body) - data, b"\0")[: len(body) - data]
        assert ip.proto != TCP or (l4.seq, l4.dataofs, l4.window > 0) == (seq, 5, True)
        assert ip.l4 != (8, 0) or ip.proto != ICMP or (l4.id, l4.seq) == echo
    else:
        assert frame[34:].startswith(payload[: len(frame) - 34])


@pytest.mark.parametrize(
    ("ip", "flags", "expected"),
    [
        (Ip(A, B, TCP), None, "S"),
        (Ip(A, B, TCP, ack=True), None, "A"),
        (Ip(A, B, TCP, rst=True), None, "R"),
        (Ip(A, B, TCP), 0x18, "PA"),
    ],
)
def test_flags_are_what_the_packet_says_or_as_given(ip: Ip, flags: int | None, expected: str) -> None:
    assert Ether(to_frame(packet(ip), 1, flags=flags))[TcpHeader].flags == expected


def test_scapy_writes_the_same() -> None:
    udp = Ether(**MACS) / IpHeader(**ENDS, id=7, ttl=9, flags="DF", tos=0xB8) / UdpHeader(sport=53, dport=54) / b"odd"
    assert to_frame(packet(Ip(A, B, UDP, 9, (53, 54), df=True)), 7, b"odd", dscp=46) == bytes(udp)
    ping = Ether(**MACS) / IpHeader(**ENDS, id=7) / IcmpHeader(id=3, seq=4) / bytes(72)
    assert to_frame(packet(Ip(A, B, ICMP, l4=(8, 0), size=100)), 7, echo=(3, 4)) == bytes(ping)


def test_an_error_quotes_what_it_is_about() -> None:
    about = Ip(B, A, UDP, 1, (53, 54), df=True, size=1400)
    ip = Ip(A, B, ICMP, l4=(11, 0), about=about)
    frame = to_frame(packet(ip), 7)
    assert from_frame(frame) == packet(replace(ip, size=56))
    assert frame == written_anew(frame)
    tcp = Ip(A, B, ICMP, l4=(3, 1), about=Ip(B, A, TCP, l4=(1, 2), size=40))
    assert from_frame(to_frame(packet(tcp), 7)).body == replace(tcp, size=56)


def test_a_later_fragment_has_no_header_of_layer_4() -> None:
    ip = Ip(A, B, UDP, later_fragment=True, size=60)
    frame = to_frame(packet(ip), 7, b"data")
    assert frame == bytes(Ether(**MACS) / IpHeader(**ENDS, id=7, frag=LATER_OFFSET, proto=UDP) / Raw(b"data".ljust(40, b"\0")))
    assert from_frame(frame) == packet(ip)


@pytest.mark.parametrize(("proto", "least"), [(ICMP, 28), (UDP, 28), (TCP, 40), (47, 20)])
def test_a_size_that_cannot_be_is_refused(proto: int, least: int) -> None:
    ip = Ip(A, B, proto)
    assert len(to_frame(packet(replace(ip, size=least)), 1, b"cut away")) == 14 + least
    assert len(to_frame(packet(replace(ip, size=65535)), 1)) == 14 + 65535
    for wrong in (least - 1, 65536):
        with pytest.raises(ValueError, match=f"{least} to 65535 bytes, not {wrong}"):
            to_frame(packet(replace(ip, size=wrong)), 1)


def test_only_ipv4_becomes_a_frame() -> None:
    for body in (0x88B5, Arp(1, SRC, A, DST, B)):
        with pytest.raises(ValueError, match="IPv4"):
            to_frame(Packet(SRC, DST, body), 1)
    with pytest.raises(ValueError, match="MAC"):
        to_frame(Packet("02:00", DST, Ip(A, B)), 1)


def test_what_is_not_ipv4_is_read() -> None:
    arp = Ether(**MACS) / ARP(op=1, hwsrc=SRC, psrc=str(A), hwdst="00:00:00:00:00:00", pdst=str(B))
    assert from_frame(bytes(arp)) == Packet(SRC, DST, Arp(1, SRC, A, "00:00:00:00:00:00", B))
    other = bytes(Ether(**MACS, type=0x88B5))
    assert from_frame(other) == Packet(SRC, DST, 0x88B5)
    assert ident_of(other) is None and ident_of(bytes(arp)) is None and answer_of(bytes(arp), 1) is None


def test_a_tag_is_passed_over_and_kept() -> None:
    untagged = to_frame(packet(Ip(A, B, UDP, l4=(1, 2))), 7, b"data")
    tagged = bytes(Ether(**MACS) / Dot1Q(vlan=5, prio=1, type=0x0800) / untagged[14:])
    assert from_frame(tagged) == from_frame(untagged) and ident_of(tagged) == 7
    answer, plain = answer_of(tagged, 8), answer_of(untagged, 8)
    assert answer is not None and plain is not None
    assert answer[12:18] == tagged[12:18] and answer[:12] + answer[16:] == plain


@given(ips().filter(lambda ip: ip.proto in (UDP, 47, 132)), payloads)
def test_udp_and_the_unknown_come_back_turned_round(ip: Ip, payload: bytes) -> None:
    frame = to_frame(packet(ip), 7, payload, dscp=10)
    answer = answer_of(frame, 8)
    assert answer is not None
    turned = replace(ip, src=ip.dst, dst=ip.src, l4=(ip.l4[1], ip.l4[0]), ttl=64, size=len(frame) - 14)
    assert from_frame(answer) == Packet(DST, SRC, turned)
    assert answer[42:] == frame[42:] and answer[15] == 40 and ident_of(answer) == 8
    assert ip.proto != UDP or answer == written_anew(answer)


def test_a_ping_comes_back() -> None:
    frame = to_frame(packet(Ip(A, B, ICMP, 3, (8, 0), size=101, df=True)), 7, b"data", echo=(3, 4))
    answer = answer_of(frame, 8)
    assert answer == bytes(
        Ether(src=DST, dst=SRC)
        / IpHeader(src=str(B), dst=str(A), id=8, flags="DF")
        / IcmpHeader(type=0, id=3, seq=4)
        / frame[42:]
    )


TCP_ANSWERS = {
    "S": ("SA", 0xFFFFFFFF, 0, 0),
    "SA": ("A", 500, 0, 0),
    "A": ("A", 500, 0xFFFFFFFF, 0),
    "PA": ("A", 500, 3, 4),
    "FA": ("A", 500, 0, 0),
}


@pytest.mark.parametrize(("flags", "expected"), TCP_ANSWERS.items(), ids=list(TCP_ANSWERS))
def test_tcp_is_taken_up(flags: str, expected: tuple[str, int, int, int]) -> None:
    """`expected`: flags, sequence number, acknowledged number, and how much data was sent."""
    word, seq, ack, size = expected
    sent = Ether(**MACS) / IpHeader(**ENDS) / TcpHeader(sport=1, dport=2, seq=0xFFFFFFFF, ack=500, flags=flags) / bytes(size)
    answer = answer_of(bytes(sent), 8, seq=0xFFFFFFFF)
    assert answer is not None and answer == written_anew(answer)
    tcp = Ether(answer)[TcpHeader]
    assert (tcp.sport, tcp.dport, tcp.flags, tcp.seq, tcp.ack, bytes(tcp.payload)) == (2, 1, word, seq, ack, b"")


UNANSWERED = {
    "reset": IpHeader(**ENDS) / TcpHeader(flags="R"),
    "reset with ack": IpHeader(**ENDS) / TcpHeader(flags="RA"),
    "tcp without flags": IpHeader(**ENDS) / TcpHeader(flags=0),
    "echo reply": IpHeader(**ENDS) / IcmpHeader(type=0),
    "error": IpHeader(**ENDS) / IcmpHeader(type=3) / IpHeader(**ENDS) / UdpHeader(),
    "first fragment": IpHeader(**ENDS, flags="MF") / UdpHeader(),
    "later fragment": IpHeader(**ENDS, frag=5, proto=6) / bytes(20),
    "cut": IpHeader(**ENDS, len=100) / UdpHeader(),
    "short tcp": IpHeader(**ENDS, proto=6) / bytes(19),
    "short udp": IpHeader(**ENDS, proto=17) / bytes(7),
    "short icmp": IpHeader(**ENDS, proto=1) / b"\x08\0\0\0",
    "bad offset": IpHeader(**ENDS) / TcpHeader(flags="S", dataofs=4),
    "long offset": IpHeader(**ENDS) / TcpHeader(flags="S", dataofs=6),
}


@pytest.mark.parametrize("sent", UNANSWERED.values(), ids=list(UNANSWERED))
def test_what_a_host_does_not_answer(sent: Any) -> None:
    assert answer_of(bytes(Ether(**MACS) / sent), 1) is None


@given(ips(), st.integers(0, 80), st.integers(12, 60), st.binary(max_size=30))
def test_any_bytes_do_no_harm(ip: Ip, length: int, at: int, noise: bytes) -> None:
    whole = to_frame(packet(ip), 7, b"some data")
    for frame in (noise, whole[:length], whole[:at] + noise + whole[at + len(noise) :]):
        ident_of(frame)
        answer_of(frame, 1)
        try:
            from_frame(frame)
        except ValueError:
            continue


@pytest.mark.parametrize("frame", [b"", bytes(13), bytes(12) + b"\x08\0" + bytes(20), bytes(12) + b"\x08\x06" + bytes(28)])
def test_what_is_no_whole_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"no frame|IPv4|ARP"):
        from_frame(frame)
