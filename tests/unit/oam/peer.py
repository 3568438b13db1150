"""The other end of a health check, by hand: frames read and made by scapy, an independent parser with independent checksums."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from scapy.layers.inet import IP, TCP, in4_chksum
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from ryu_overlay.oam.checker import Target

ROUTER_MAC, MEMBER_MAC = "02:00:00:00:01:01", "02:00:00:00:01:0a"
VIP, MEMBER = "203.0.113.20", "10.0.1.10"
FIRST = 4_294_967_290
"""A server's first sequence number, which soon passes 2**32."""


def target(key: int = 1, **changes: Any) -> Target:
    source, destination = (ROUTER_MAC, IPv4Address(VIP), 80), (MEMBER_MAC, IPv4Address(MEMBER), 8080)
    return replace(Target(key, "hv1", 7, source, destination, "tcp", "/", interval=2.0, timeout=1.0, rise=2, fall=3), **changes)


def seen(frame: bytes) -> Packet:
    """A frame of ours as scapy reads it, once its lengths and checksums are right."""
    packet = Ether(frame)
    ip = packet[IP]
    assert (ip.version, ip.ihl, ip.ttl, ip.frag, ip.proto) == (4, 5, 64, 0, 6)
    assert ip.len == len(frame) - 14
    assert checksum(frame[14:34]) == 0
    assert in4_chksum(6, IP(src=ip.src, dst=ip.dst), frame[34:]) == 0
    return packet


def data(packet: Packet) -> bytes:
    """What a segment carries."""
    return bytes(packet[TCP].payload)


def answer(frame: bytes, flags: str, content: bytes = b"", seq: int | None = None, ack: int | None = None) -> bytes:
    """A segment back on `frame`: it acknowledges all of that one and follows what that one acknowledges, unless told."""
    packet = seen(frame)
    tcp = packet[TCP]
    if seq is None:
        seq = tcp.ack if tcp.flags.A else FIRST
    if ack is None:
        ack = (tcp.seq + len(data(packet)) + int(tcp.flags.S)) % 2**32
    made: Packet = (
        Ether(src=packet.dst, dst=packet.src)
        / IP(src=packet[IP].dst, dst=packet[IP].src)
        / TCP(sport=tcp.dport, dport=tcp.sport, flags=flags, seq=seq, ack=ack)
    )
    return bytes(made / Raw(content) if content else made)
