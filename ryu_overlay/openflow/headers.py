"""The match fields of a frame's headers, as Open vSwitch has them when it looks the frame up (its flow_extract).

Knows Ethernet, one 802.1Q or 802.1ad tag, ARP, IPv4, TCP, UDP and ICMP. Where a header is cut short or makes no sense, Open
vSwitch has 0 in its fields; here they are left out, and `lookup` takes what is left out for 0.
"""

from __future__ import annotations

from struct import Struct

from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_ARP,
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    FRAG_LATER,
    ICMP_CODE,
    ICMP_TYPE,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    NW_TTL,
    TCP_DST,
    TCP_FLAGS,
    TCP_SRC,
    UDP_DST,
    UDP_SRC,
    VLAN_PRESENT,
    VLAN_VID,
    Field,
)

_ETHERNET, _TAG = 14, 4
_TAGS = (0x8100, 0x88A8)
_VID = 0x0FFF
_LEAST_TYPE = 0x0600
"""Below it, it is a length: what follows is 802.2 (IEEE 802.3)."""
_NO_TYPE = 0x05FF
"""What Open vSwitch has for 802.2 without a type (OFP_DL_TYPE_NOT_ETH_TYPE)."""
_SNAP, _SNAP_HEADER = b"\xaa\xaa\x03\0\0\0", 8
_IPV4 = Struct("!BxHxxHBBxxII")
_ARP = Struct("!HHBBH6sI6sI")
_ARP_ETHERNET = (1, ETH_IP, 6, 4)
_ARP_OPS = 0xFF
_PORTS, _TCP_FLAGS = Struct("!HH"), Struct("!H")
_ICMP, _TCP, _UDP = 1, 6, 17
_LEAST = {_ICMP: 8, _TCP: 20, _UDP: 8}
_FRAGMENT, _OFFSET = 0x3FFF, 0x1FFF
_FRAG_NO, _FRAG_FIRST = 0, 1


def headers(frame: bytes) -> dict[Field, int]:
    """The fields of an Ethernet frame, as far as it goes. Never raises.

    A later fragment has no ports, flags, type or code. vlan_vid is 0 where there is no tag.
    """
    if len(frame) < _ETHERNET:
        return {}
    found = {ETH_DST: int.from_bytes(frame[:6], "big"), ETH_SRC: int.from_bytes(frame[6:12], "big"), VLAN_VID: 0}
    at, kind = _ETHERNET, int.from_bytes(frame[12:14], "big")
    if kind in _TAGS and len(frame) >= _ETHERNET + _TAG:
        found[VLAN_VID] = int.from_bytes(frame[at : at + 2], "big") & _VID | VLAN_PRESENT
        at, kind = at + _TAG, int.from_bytes(frame[at + 2 : at + 4], "big")
    if kind < _LEAST_TYPE:
        at, kind = _typed(frame, at)
    found[ETH_TYPE] = kind
    if kind == ETH_IP:
        _ip(frame[at:], found)
    elif kind == ETH_ARP:
        _arp(frame[at:], found)
    return found


def _typed(frame: bytes, at: int) -> tuple[int, int]:
    """Where what 802.2 carries begins, and its EtherType (RFC 1042)."""
    if len(frame) < at + _SNAP_HEADER or not frame.startswith(_SNAP, at):
        return at, _NO_TYPE
    kind = int.from_bytes(frame[at + 6 : at + _SNAP_HEADER], "big")
    return at + _SNAP_HEADER, kind if kind >= _LEAST_TYPE else _NO_TYPE


def _ip(packet: bytes, found: dict[Field, int]) -> None:
    if len(packet) < _IPV4.size:
        return
    version_ihl, total, fragment, ttl, proto, src, dst = _IPV4.unpack_from(packet)
    header = (version_ihl & 0x0F) * 4
    if not _IPV4.size <= header <= total <= len(packet):
        return
    frag = FRAG_LATER if fragment & _OFFSET else _FRAG_FIRST if fragment & _FRAGMENT else _FRAG_NO
    found |= {IPV4_SRC: src, IPV4_DST: dst, IP_PROTO: proto, NW_TTL: ttl, IP_FRAG: frag}
    if frag != FRAG_LATER and proto in _LEAST and total - header >= _LEAST[proto]:
        _l4(proto, packet[header:total], found)


def _l4(proto: int, body: bytes, found: dict[Field, int]) -> None:
    if proto == _ICMP:
        found[ICMP_TYPE], found[ICMP_CODE] = body[0], body[1]
    elif proto == _UDP:
        found[UDP_SRC], found[UDP_DST] = _PORTS.unpack_from(body)
    elif _LEAST[_TCP] <= (body[12] >> 4) * 4 <= len(body):
        found[TCP_SRC], found[TCP_DST] = _PORTS.unpack_from(body)
        found[TCP_FLAGS] = _TCP_FLAGS.unpack_from(body, 12)[0] & 0x0FFF


def _arp(packet: bytes, found: dict[Field, int]) -> None:
    if len(packet) < _ARP.size:
        return
    *kind, op, sha, spa, tha, tpa = _ARP.unpack_from(packet)
    if tuple(kind) != _ARP_ETHERNET:
        return
    found |= {ARP_OP: op if op <= _ARP_OPS else 0, ARP_SPA: spa, ARP_TPA: tpa}
    found |= {ARP_SHA: int.from_bytes(sha, "big"), ARP_THA: int.from_bytes(tha, "big")}
