"""A packet of the reference walk in its other forms: JSON, `ovs-ofctl` flow syntax, bytes of a frame."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from scapy.layers.inet import ICMP as IcmpHeader
from scapy.layers.inet import IP as IpHeader
from scapy.layers.inet import TCP as TcpHeader
from scapy.layers.inet import UDP as UdpHeader
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from ryu_overlay.model.walk_values import ICMP, TCP, UDP, Arp, Ip, Packet

_WORDS = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}
_NUMBERS = {word: number for number, word in _WORDS.items()}
_OFFSET = 185
"""Fragment offset, in units of 8 bytes, that stands for every later fragment."""
_RST = 0x04
_ERRORS = (3, 4, 5, 11, 12)
_FLAGS = {"rst": "R", "syn_ack": "SA", "ack": "A", "": "S"}
_BITS = {"R": 0x04, "SA": 0x12, "A": 0x10, "S": 0x02}


def from_json(given: dict[str, Any]) -> Packet:
    """The packet that `{"eth_src", "eth_dst", and "ipv4", "arp" or "eth_type"}` describes, as in flows/README.md."""
    body: Ip | Arp | int
    if "ipv4" in given:
        ip = dict(given["ipv4"])
        proto = ip.pop("proto")
        l4 = tuple(ip.pop("l4", (0, 0)))
        about = ip.pop("about", None)
        src, dst = IPv4Address(ip.pop("src")), IPv4Address(ip.pop("dst"))
        quoted = None if about is None else from_json({"eth_src": "", "eth_dst": "", "ipv4": about}).body
        assert quoted is None or isinstance(quoted, Ip)
        body = Ip(src, dst, _NUMBERS[proto] if proto in _NUMBERS else int(proto), l4=(l4[0], l4[1]), about=quoted, **ip)
    elif "arp" in given:
        arp = given["arp"]
        body = Arp(arp["op"], arp["sha"], IPv4Address(arp["spa"]), arp["tha"], IPv4Address(arp["tpa"]))
    else:
        body = given["eth_type"]
    return Packet(given["eth_src"], given["eth_dst"], body)


def to_flow(packet: Packet) -> str:
    """The packet in the syntax of `ofproto/trace`, without in_port."""
    ethernet = f"dl_src={packet.eth_src},dl_dst={packet.eth_dst}"
    body = packet.body
    if isinstance(body, Ip):
        return f"{ethernet},{_ip_flow(body)}"
    if isinstance(body, Arp):
        return f"arp,{ethernet},arp_op={body.op},arp_spa={body.spa},arp_tpa={body.tpa},arp_sha={body.sha},arp_tha={body.tha}"
    return f"{ethernet},dl_type=0x{body:04x}"


def _ip_flow(ip: Ip) -> str:
    word = _WORDS.get(ip.proto)
    head = f"{word or f'ip,nw_proto={ip.proto}'},nw_src={ip.src},nw_dst={ip.dst},nw_ttl={ip.ttl}"
    if ip.later_fragment:
        return f"{head},nw_frag=later"
    if word is None:
        return head
    names = ("icmp_type", "icmp_code") if ip.proto == ICMP else (f"{word}_src", f"{word}_dst")
    flags = f",tcp_flags={_BITS[_flags(ip)]}" if ip.proto == TCP else ""
    return head + "".join(f",{name}={value}" for name, value in zip(names, ip.l4)) + flags


def _flags(ip: Ip) -> str:
    return _FLAGS["rst" if ip.rst else "syn_ack" if ip.syn_ack else "ack" if ip.ack else ""]


def to_frame(packet: Packet) -> bytes:
    """An IPv4 packet as Ethernet bytes, its checksums right. Raises TypeError for any other."""
    ip = packet.body
    if not isinstance(ip, Ip):
        raise TypeError("only IPv4 packets go to the controller")
    return bytes(Ether(src=packet.eth_src, dst=packet.eth_dst) / _ip(ip))


def _ip(ip: Ip) -> Any:
    frag, flags = _OFFSET if ip.later_fragment else 0, "DF" if ip.df else 0
    header = IpHeader(src=str(ip.src), dst=str(ip.dst), proto=ip.proto, ttl=ip.ttl, frag=frag, flags=flags)
    whole = header / (Raw(b"fragment") if ip.later_fragment else _l4(ip))
    return whole / Raw(bytes(max(0, ip.size - len(whole)))) if ip.size is not None else whole


def _l4(ip: Ip) -> Any:
    if ip.proto == TCP:
        return TcpHeader(sport=ip.l4[0], dport=ip.l4[1], flags=_flags(ip))
    if ip.proto == UDP:
        return UdpHeader(sport=ip.l4[0], dport=ip.l4[1])
    if ip.proto != ICMP:
        return Raw(b"payload" if ip.size is None else b"")
    header = IcmpHeader(type=ip.l4[0], code=ip.l4[1])
    return header if ip.about is None else header / Raw(bytes(_ip(replace(ip.about, size=None))))


def from_frame(frame: bytes) -> Packet:
    """The packet in an Ethernet frame with IPv4 and ICMP or TCP in it: what routers send."""
    ether = Ether(frame)
    return Packet(ether.src, ether.dst, _read(ether[IpHeader]))


def _read(header: Any) -> Ip:
    ip = Ip(IPv4Address(header.src), IPv4Address(header.dst), header.proto, header.ttl, later_fragment=bool(header.frag))
    if ip.later_fragment or ip.proto not in _WORDS:
        return ip
    l4 = header.payload
    if ip.proto == TCP:
        return replace(ip, l4=(l4.sport, l4.dport), rst=bool(int(l4.flags) & _RST))
    if ip.proto == UDP:
        return replace(ip, l4=(l4.sport, l4.dport))
    quoted = bytes(l4.payload)
    about = _read(IpHeader(quoted)) if l4.type in _ERRORS and quoted else None
    return replace(ip, l4=(l4.type, l4.code), about=about)
