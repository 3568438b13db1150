"""The router's answers, read back by scapy: an independent parser and an independent checksum."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, in4_chksum
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from ryu_overlay.model.walk_rules import silent
from ryu_overlay.model.walk_values import AnswerKind, Ip
from ryu_overlay.model.walk_values import Packet as WalkPacket
from ryu_overlay.oam.icmp import MAX_ERROR_LENGTH, Reason, answer

VM_MAC, ROUTER_MAC = "02:00:00:00:01:0b", "02:00:00:00:00:01"
VM, FAR, ROUTER = "10.0.1.11", "10.9.9.9", "10.0.1.1"
SOURCE = int(IPv4Address(ROUTER))
ERRORS = [r for r in Reason if r is not Reason.TCP_RESET]


def frame(*layers: Packet, src: str = VM, dst: str = FAR, eth_dst: str = ROUTER_MAC, **ip: Any) -> bytes:
    packet: Packet = Ether(src=VM_MAC, dst=eth_dst) / IP(src=src, dst=dst, **ip)
    for layer in layers:
        packet = packet / layer
    return bytes(packet)


def check(data: bytes | None) -> Packet:
    """The answer as scapy reads it, once its lengths and checksums are what scapy makes of them."""
    assert data is not None
    packet = Ether(data)
    ip = packet[IP]
    assert (ip.version, ip.ihl, ip.ttl, ip.flags, ip.frag) == (4, 5, 64, 0, 0)
    assert ip.len == len(data) - 14
    assert checksum(data[14:34]) == 0
    if ip.proto == 1:
        assert checksum(data[34:]) == 0
    else:
        assert in4_chksum(6, IP(src=ip.src, dst=ip.dst), data[34:]) == 0
    return packet


UDP_PROBE = frame(UDP(sport=40000, dport=33434), Raw(b"probe"), ttl=1, id=77)


@pytest.mark.parametrize(
    ("reason", "layer", "type_", "code", "from_"),
    [
        (Reason.TTL_EXCEEDED, UDP(), 11, 0, ROUTER),
        (Reason.NET_UNREACHABLE, UDP(), 3, 0, ROUTER),
        (Reason.HOST_UNREACHABLE, UDP(), 3, 1, ROUTER),
        (Reason.PORT_UNREACHABLE, UDP(), 3, 3, FAR),
        (Reason.PROTOCOL_UNREACHABLE, IP(), 3, 2, FAR),
    ],
)
def test_each_error_has_its_type_and_comes_from_the_right_address(
    reason: Reason, layer: Packet, type_: int, code: int, from_: str
) -> None:
    packet = check(answer(reason, frame(layer), SOURCE))
    assert (packet.src, packet.dst) == (ROUTER_MAC, VM_MAC)
    assert (packet[IP].src, packet[IP].dst, packet[IP].tos) == (from_, VM, 0xC0)
    assert (packet[ICMP].type, packet[ICMP].code) == (type_, code)


def test_the_quote_is_the_packet_as_it_came() -> None:
    data = answer(Reason.TTL_EXCEEDED, UDP_PROBE, SOURCE)
    check(data)
    assert data is not None and data[42:] == UDP_PROBE[14:]
    assert data[38:42] == bytes(4)


def test_the_quote_leaves_out_ethernet_padding() -> None:
    assert answer(Reason.TTL_EXCEEDED, UDP_PROBE + bytes(27), SOURCE) == answer(Reason.TTL_EXCEEDED, UDP_PROBE, SOURCE)


@pytest.mark.parametrize("size", [500, 519, 520, 521, 1400, 8000])
def test_the_quote_fills_576_bytes_and_no_more(size: int) -> None:
    received = frame(UDP(), Raw(b"\xa5" * size))
    data = answer(Reason.TTL_EXCEEDED, received, SOURCE)
    check(data)
    assert data is not None and len(data) - 14 == min(MAX_ERROR_LENGTH, 28 + 28 + size)
    assert data[42:] == received[14 : 14 + len(data) - 42]


def test_an_odd_quote_has_a_right_checksum() -> None:
    data = answer(Reason.TTL_EXCEEDED, frame(UDP(), Raw(b"odd")), SOURCE)
    check(data)
    assert data is not None and len(data) % 2 == 1


def test_a_header_with_options_is_quoted_whole() -> None:
    received = frame(UDP(sport=1, dport=2), options=[IPOption_NOP()] * 8)
    quoted = check(answer(Reason.TTL_EXCEEDED, received, SOURCE))[ICMP].payload
    assert quoted.ihl == 7 and (quoted.payload.sport, quoted.payload.dport) == (1, 2)


def test_different_packets_get_answers_with_different_ids() -> None:
    frames = [frame(UDP(sport=40000, dport=33434 + n), flags="DF", id=0) for n in range(200)]
    assert len({check(answer(Reason.TTL_EXCEEDED, f, SOURCE))[IP].id for f in frames}) > 190


def test_a_memoryview_is_as_good_as_bytes() -> None:
    assert answer(Reason.TTL_EXCEEDED, memoryview(bytearray(UDP_PROBE)), SOURCE) == answer(Reason.TTL_EXCEEDED, UDP_PROBE, SOURCE)


@pytest.mark.parametrize("type_", [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43])
def test_icmp_queries_are_answered(type_: int) -> None:
    check(answer(Reason.TTL_EXCEEDED, frame(Raw(bytes([type_, 0]) + bytes(6)), proto=1), SOURCE))


@pytest.mark.parametrize("type_", [3, 4, 5, 11, 12, 31, 40, 200])
@pytest.mark.parametrize("reason", Reason)
def test_icmp_errors_and_what_may_be_one_are_not(type_: int, reason: Reason) -> None:
    assert answer(reason, frame(Raw(bytes([type_, 0]) + bytes(6)), proto=1), SOURCE) is None


@pytest.mark.parametrize("src", ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.9.9.9", "240.0.0.1", "255.255.255.255"])
@pytest.mark.parametrize("reason", ERRORS)
def test_a_source_that_is_no_host_gets_nothing(src: str, reason: Reason) -> None:
    assert answer(reason, frame(UDP(), src=src), SOURCE) is None


@pytest.mark.parametrize("dst", ["224.0.0.5", "239.255.255.250", "255.255.255.255", "0.0.0.0"])
@pytest.mark.parametrize("reason", Reason)
def test_broadcast_and_multicast_destinations_get_nothing(dst: str, reason: Reason) -> None:
    assert answer(reason, frame(UDP(), dst=dst), SOURCE) is None
    assert answer(reason, frame(TCP(flags="S"), dst=dst), SOURCE) is None


@pytest.mark.parametrize("eth_dst", ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05", "33:33:00:00:00:01"])
@pytest.mark.parametrize("reason", Reason)
def test_link_layer_broadcast_and_multicast_get_nothing(eth_dst: str, reason: Reason) -> None:
    assert answer(reason, frame(UDP(), eth_dst=eth_dst), SOURCE) is None
    assert answer(reason, frame(TCP(flags="S"), eth_dst=eth_dst), SOURCE) is None


def test_only_the_first_fragment_is_answered() -> None:
    check(answer(Reason.TTL_EXCEEDED, frame(UDP(), flags="MF"), SOURCE))
    assert answer(Reason.TTL_EXCEEDED, frame(Raw(bytes(64)), proto=17, frag=1), SOURCE) is None
    assert answer(Reason.TTL_EXCEEDED, frame(Raw(bytes(64)), proto=17, frag=8191), SOURCE) is None


@pytest.mark.parametrize(
    "field",
    [{"version": 6}, {"ihl": 4}, {"ihl": 15}, {"len": 19}, {"len": 34}, {"len": 0}, {"chksum": 0x1234}],
    ids=str,
)
def test_malformed_headers_get_nothing(field: dict[str, Any]) -> None:
    assert answer(Reason.TTL_EXCEEDED, frame(UDP(), **field), SOURCE) is None


def test_a_truncated_packet_gets_nothing() -> None:
    assert all(answer(Reason.TTL_EXCEEDED, UDP_PROBE[:n], SOURCE) is None for n in range(len(UDP_PROBE)))


@pytest.mark.parametrize("other", [Ether() / ARP(), Ether(type=0x86DD) / Raw(bytes(80)), Ether(type=0x8100) / Raw(bytes(80))])
def test_what_is_not_ipv4_gets_nothing(other: Packet) -> None:
    assert answer(Reason.TTL_EXCEEDED, bytes(other), SOURCE) is None


def test_reasons_only_answer_the_protocol_they_are_about() -> None:
    assert answer(Reason.PORT_UNREACHABLE, frame(TCP()), SOURCE) is None
    assert answer(Reason.PORT_UNREACHABLE, frame(Raw(bytes(7)), proto=17), SOURCE) is None
    assert answer(Reason.TCP_RESET, frame(UDP(), Raw(bytes(64))), SOURCE) is None
    assert answer(Reason.TCP_RESET, frame(Raw(bytes(19)), proto=6), SOURCE) is None
    assert answer(Reason.TTL_EXCEEDED, frame(proto=1), SOURCE) is None


@pytest.mark.parametrize(
    ("flags", "data", "expected_flags", "seq", "ack"),
    [
        ("S", b"", "RA", 0, 1001),
        ("F", b"", "RA", 0, 1001),
        ("", b"12345", "RA", 0, 1005),
        ("SF", b"12345", "RA", 0, 1007),
        ("A", b"12345", "R", 5000, 0),
        ("SA", b"", "R", 5000, 0),
        ("FPA", b"x", "R", 5000, 0),
    ],
)
def test_a_reset_follows_rfc_9293(flags: str, data: bytes, expected_flags: str, seq: int, ack: int) -> None:
    options = [("MSS", 1460), ("NOP", None)]
    segment = TCP(sport=1234, dport=80, seq=1000, ack=5000, flags=flags, options=options)
    packet = check(answer(Reason.TCP_RESET, frame(segment, Raw(data), dst=ROUTER, tos=0xBB), 0) or b"")
    tcp = packet[TCP]
    assert (packet.src, packet.dst) == (ROUTER_MAC, VM_MAC)
    assert (packet[IP].src, packet[IP].dst, packet[IP].tos) == (ROUTER, VM, 0xB8)
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, tcp.window, tcp.dataofs) == (80, 1234, seq, ack, 0, 5)
    assert tcp.flags == expected_flags


def test_the_acknowledgment_wraps() -> None:
    assert check(answer(Reason.TCP_RESET, frame(TCP(flags="S", seq=0xFFFFFFFF)), 0))[TCP].ack == 0


def test_a_reset_does_not_count_ethernet_padding() -> None:
    received = frame(TCP(flags="S", seq=1))
    assert answer(Reason.TCP_RESET, received + bytes(6), 0) == answer(Reason.TCP_RESET, received, 0)


@pytest.mark.parametrize("tcp", [{"flags": "R"}, {"flags": "RA"}, {"dataofs": 4}, {"dataofs": 6}], ids=str)
def test_a_reset_or_a_broken_segment_is_never_reset(tcp: dict[str, object]) -> None:
    assert answer(Reason.TCP_RESET, frame(TCP(**{"flags": "S", **tcp})), 0) is None


def test_a_segment_in_fragments_is_not_reset() -> None:
    assert answer(Reason.TCP_RESET, frame(TCP(flags="S"), flags="MF"), 0) is None


@given(reason=st.sampled_from(Reason), data=st.binary(max_size=200), source=st.integers(0, 2**32 - 1))
def test_arbitrary_bytes_never_raise(reason: Reason, data: bytes, source: int) -> None:
    answer(reason, data, source)


@st.composite
def nearly_packets(draw: st.DrawFn) -> bytes:
    """A good packet, then possibly cut, padded, or with one of its bytes changed and its checksum put right."""
    proto = draw(st.sampled_from([1, 6, 17, 47]))
    payload = draw(st.binary(max_size=80)) * draw(st.sampled_from([1, 1, 20]))
    src, dst = (str(IPv4Address(draw(st.integers(0, 2**32 - 1)))) for _ in range(2))
    data = bytearray(frame(Raw(payload), proto=proto, src=src, dst=dst, ttl=draw(st.integers(0, 255))))
    if draw(st.booleans()):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        data[24:26] = bytes(2)
        data[24:26] = checksum(bytes(data[14 : 14 + (data[14] & 15) * 4])).to_bytes(2, "big")
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data) + draw(st.binary(max_size=8))


@given(reason=st.sampled_from(Reason), data=nearly_packets(), source=st.integers(1, 2**32 - 1))
def test_every_answer_is_well_formed_and_goes_back(reason: Reason, data: bytes, source: int) -> None:
    reply = answer(reason, data, source)
    if reply is None:
        return
    packet = check(reply)
    assert reply[:12] == data[6:12] + data[:6]
    assert packet[IP].dst == str(IPv4Address(data[26:30]))
    assert packet[IP].len <= MAX_ERROR_LENGTH
    if packet[IP].proto == 1:
        assert data[14:].startswith(reply[42:])
    assert answer(Reason.TTL_EXCEEDED if packet[IP].proto == 1 else Reason.TCP_RESET, reply, source) is None


HOSTS = st.integers(1 << 24, 0xE0000000 - 1).filter(lambda a: a >> 24 != 127) | st.integers(0xF0000000, 0xF0000009)
PORTS = st.tuples(st.integers(0, 255), st.integers(0, 255))


@given(
    reason=st.sampled_from(Reason),
    ip=st.builds(
        Ip,
        src=HOSTS.map(IPv4Address),
        dst=(HOSTS | st.just(0)).map(IPv4Address),
        proto=st.sampled_from([1, 6, 17, 47]),
        l4=PORTS,
        later_fragment=st.booleans(),
        rst=st.booleans(),
    ),
)
def test_the_reference_walk_is_silent_about_the_same_packets(reason: Reason, ip: Ip) -> None:
    """For the packets that a router would answer for that reason, had it not to be silent."""
    about = {Reason.PORT_UNREACHABLE: 17, Reason.PROTOCOL_UNREACHABLE: 47, Reason.TCP_RESET: 6}.get(reason, ip.proto)
    ip = replace(ip, proto=about)
    first, second = ip.l4
    layers = {1: ICMP(type=first, code=second), 6: TCP(sport=first, dport=second, flags="R" if ip.rst else "S"), 17: UDP()}
    layer = layers.get(about, Raw(bytes(8)))
    flags = "DF" if reason is Reason.FRAGMENTATION_NEEDED else 0
    received = frame(Raw(bytes(layer)), proto=about, src=str(ip.src), dst=str(ip.dst), frag=3 * ip.later_fragment, flags=flags)
    # What is too large is silent where other errors are, given that it must not be cut.
    kind = AnswerKind.NET_UNREACHABLE if reason is Reason.FRAGMENTATION_NEEDED else AnswerKind[reason.name]
    expected = silent(kind, WalkPacket(VM_MAC, ROUTER_MAC, ip))
    assert (answer(reason, received, SOURCE) is None) == expected
