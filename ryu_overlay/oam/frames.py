"""Packets of the reference walk as frames, and back; and the frame that a peer would answer one with.

What is made is whole, has right lengths and checksums, and no options. What is read is believed as it is: checksums are not
looked at. Frames may have one VLAN tag, which packets of the walk do not know. For the arithmetic of checksums see `icmp`.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from struct import Struct, unpack_from
from typing import NamedTuple

from ryu_overlay.model.walk_values import ECHO_REPLY, ECHO_REQUEST, ICMP, ICMP_QUOTING, TCP, UDP, Arp, Ip, Packet
from ryu_overlay.oam.tcp import ACK, FIN, RST, SYN

LATER_OFFSET = 185
"""Where later fragments begin, in units of 8 bytes: behind a first one of 1500 bytes."""

_ETHERNET, _TAG = 14, 4
_IPV4, _ARP_TYPE, _TAGS = 0x0800, 0x0806, (0x8100, 0x88A8)
_HEADER = Struct("!BBHHHBBHII")
_ARP = Struct("!HHBBH6sI6sI")
_ARP_HEAD = (1, _IPV4, 6, 4)
_TCP, _UDP, _ICMP = Struct("!HHIIBBHHH"), Struct("!HHHH"), Struct("!BBHHH")
_PSEUDO = Struct("!IIHH")
_VERSION_AND_IHL = 0x45
_DONT_FRAGMENT, _MORE, _OFFSET = 0x4000, 0x2000, 0x1FFF
_DSCP = 0xFC
_TTL = 64
_WINDOW = 64240
_LARGEST = 0xFFFF
_MODULUS = 1 << 32
_QUOTED = 8
"""Bytes of its payload that are quoted."""


class _IpPacket(NamedTuple):
    """An IPv4 packet as read; `body` is what follows its header."""

    tos: int
    ident: int
    fragment: int
    ttl: int
    proto: int
    src: int
    dst: int
    body: bytes
    size: int


def to_frame(
    packet: Packet,
    ident: int,
    payload: bytes = b"",
    *,
    dscp: int = 0,
    echo: tuple[int, int] = (0, 0),
    seq: int = 0,
    flags: int | None = None,
) -> bytes:
    """An IPv4 packet as an untagged frame.

    `ident` is its IPv4 identification (0 to 65535), `dscp` 0 to 63, `echo` an ICMP query's identifier and sequence number (0 to
    65535), `seq` TCP's (0 to 2**32 - 1), `flags` TCP's (None: what the packet says, SYN if nothing). A packet with a size has its
    payload cut or filled up to that. An ICMP error's is what it is about.

    Raises ValueError for a packet that is not IPv4, and for a size that its headers do not fit in or above 65535; struct.error
    for what does not fit its field.
    """
    ip = packet.body
    if not isinstance(ip, Ip):
        raise ValueError("only an IPv4 packet can be made a frame")
    return (
        _mac(packet.eth_dst) + _mac(packet.eth_src) + _IPV4.to_bytes(2, "big") + _ip(ip, ident, dscp, payload, echo, seq, flags)
    )


def from_frame(frame: bytes) -> Packet:
    """The packet in a frame; an IPv4 one has its size. Raises ValueError where the frame does not hold what it says it does."""
    if len(frame) < _ETHERNET:
        raise ValueError(f"{len(frame)} bytes are no frame")
    at, kind = _payload(frame)
    body: Ip | Arp | int = kind
    if kind == _IPV4:
        body = _walked(_read(frame[at:]))
    elif kind == _ARP_TYPE:
        body = _arp(frame[at:])
    return Packet(frame[6:12].hex(":"), frame[:6].hex(":"), body)


def ident_of(frame: bytes) -> int | None:
    """The IPv4 identification of the packet in a frame, None if that is not IPv4 or is cut short. Never raises."""
    at, kind = _payload(frame)
    if kind != _IPV4 or len(frame) < at + _HEADER.size:
        return None
    return int.from_bytes(frame[at + 4 : at + 6], "big")


def echo_of(frame: bytes) -> tuple[int, int]:
    """An ICMP query's or reply's identifier and sequence number; zeros for what has none. Never raises."""
    at, kind = _payload(frame)
    try:
        read = _read(frame[at:]) if kind == _IPV4 else None
    except ValueError:
        return 0, 0
    if read is None or read.proto != ICMP or len(read.body) < _ICMP.size:
        return 0, 0
    _, _, _, ident, seq = _ICMP.unpack_from(read.body)
    return ident, seq


def answer_of(frame: bytes, ident: int, seq: int = 0) -> bytes | None:
    """What a host that serves everything would send back for a frame that it gets, or None where that is nothing.

    To an echo request its reply; to a SYN the SYN with ACK, from `seq`; to TCP that goes on, data or not, an ACK; to UDP and
    protocols not known here the same payload. Nothing to a RST, to other ICMP, to fragments, and to what is not IPv4. The answer
    keeps tag, DSCP and DF, has TTL 64 and this IPv4 identification (0 to 65535). Never raises because of what `frame` holds.
    """
    at, kind = _payload(frame)
    try:
        asked = _read(frame[at:]) if kind == _IPV4 else None
    except ValueError:
        return None
    body = None if asked is None or asked.fragment & (_MORE | _OFFSET) else _answer(asked, seq)
    if asked is None or body is None:
        return None
    said = (asked.tos & _DSCP, ident, asked.fragment & _DONT_FRAGMENT, _TTL, asked.proto, asked.dst, asked.src)
    return frame[6:12] + frame[:6] + frame[12:at] + _headed(*said, body)


def _ip(ip: Ip, ident: int, dscp: int, payload: bytes, echo: tuple[int, int], seq: int, flags: int | None) -> bytes:
    src, dst = int(ip.src), int(ip.dst)
    if ip.about is not None:
        about = _ip(ip.about, 0, 0, bytes(_QUOTED), (0, 0), 0, None)
        payload = about[: _HEADER.size + _QUOTED]
    least = _HEADER.size + (0 if ip.later_fragment else {TCP: _TCP.size, UDP: _UDP.size, ICMP: _ICMP.size}.get(ip.proto, 0))
    size = least + len(payload) if ip.size is None else ip.size
    if not least <= size <= _LARGEST:
        raise ValueError(f"a packet like this has {least} to {_LARGEST} bytes, not {size}")
    payload = payload[: size - least].ljust(size - least, b"\0")
    if ip.later_fragment:
        body = payload
    elif ip.proto == TCP:
        if flags is None:
            flags = RST if ip.rst else SYN | ACK if ip.syn_ack else ACK if ip.ack else SYN
        body = _tcp(src, dst, ip.l4, (seq, 0, flags), payload)
    elif ip.proto == UDP:
        body = _udp(src, dst, ip.l4, payload)
    else:
        body = _icmp(ip.l4, echo, payload) if ip.proto == ICMP else payload
    fragment = (_DONT_FRAGMENT if ip.df else 0) | (LATER_OFFSET if ip.later_fragment else 0)
    return _headed(dscp << 2, ident, fragment, ip.ttl, ip.proto, src, dst, body)


def _headed(tos: int, ident: int, fragment: int, ttl: int, proto: int, src: int, dst: int, body: bytes) -> bytes:
    size = _HEADER.size + len(body)
    fields = (_VERSION_AND_IHL, tos, size, ident, fragment, ttl, proto)
    return _HEADER.pack(*fields, _checksum(_HEADER.pack(*fields, 0, src, dst)), src, dst) + body


def _tcp(src: int, dst: int, ports: tuple[int, int], numbers: tuple[int, int, int], payload: bytes) -> bytes:
    """`numbers` are seq, ack and flags."""
    seq, ack, flags = numbers
    fields = (*ports, seq, ack, _TCP.size << 2, flags, _WINDOW)
    pseudo = _PSEUDO.pack(src, dst, TCP, _TCP.size + len(payload))
    return _TCP.pack(*fields, _checksum(pseudo + _TCP.pack(*fields, 0, 0) + payload), 0) + payload


def _udp(src: int, dst: int, ports: tuple[int, int], payload: bytes) -> bytes:
    length = _UDP.size + len(payload)
    checksum = _checksum(_PSEUDO.pack(src, dst, UDP, length) + _UDP.pack(*ports, length, 0) + payload)
    return _UDP.pack(*ports, length, checksum or 0xFFFF) + payload  # 0: there is none (RFC 768)


def _icmp(kind: tuple[int, int], rest: tuple[int, int], payload: bytes) -> bytes:
    return _ICMP.pack(*kind, _checksum(_ICMP.pack(*kind, 0, *rest) + payload), *rest) + payload


def _checksum(data: bytes) -> int:
    return -(int.from_bytes(data, "big") << (len(data) & 1) * 8) % 0xFFFF


def _mac(text: str) -> bytes:
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != 6:
        raise ValueError(f"{text!r} is no MAC")
    return mac


def _payload(frame: bytes) -> tuple[int, int]:
    """Where what a frame carries begins, and its EtherType."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind in _TAGS and len(frame) >= _ETHERNET + _TAG:
        return _ETHERNET + _TAG, int.from_bytes(frame[16:18], "big")
    return _ETHERNET, kind


def _read(packet: bytes, quoted: bool = False) -> _IpPacket:
    """Of a packet that is quoted the end may be missing. Raises ValueError if it is no IPv4 packet."""
    if len(packet) < _HEADER.size:
        raise ValueError("an IPv4 header is cut short")
    version_ihl, tos, size, ident, fragment, ttl, proto, _, src, dst = _HEADER.unpack_from(packet)
    header = (version_ihl & 0x0F) * 4
    if version_ihl >> 4 != 4 or not _HEADER.size <= header <= size or (size > len(packet) and not quoted):
        raise ValueError("an IPv4 header's lengths are not the packet's")
    return _IpPacket(tos, ident, fragment, ttl, proto, src, dst, packet[header:size], size)


def _walked(read: _IpPacket, quoted: bool = False) -> Ip:
    later = bool(read.fragment & _OFFSET)
    l4, rst, ack, syn_ack, about = (0, 0), False, False, False, None
    if not later and read.proto in (TCP, UDP) and len(read.body) >= 4:
        l4 = unpack_from("!HH", read.body)
        if read.proto == TCP and len(read.body) >= _TCP.size:
            rst, begins = bool(read.body[13] & RST), read.body[13] & (ACK | SYN)
            ack, syn_ack = begins == ACK, begins == ACK | SYN
    elif not later and read.proto == ICMP and len(read.body) >= 2:
        l4 = read.body[0], read.body[1]
        if l4[0] in ICMP_QUOTING and not quoted and len(read.body) >= _ICMP.size + _HEADER.size:
            about = _quoted(read.body[_ICMP.size :])
    addresses = IPv4Address(read.src), IPv4Address(read.dst)
    df = bool(read.fragment & _DONT_FRAGMENT)
    return Ip(*addresses, read.proto, read.ttl, l4, later, rst, ack, read.size, df, about, syn_ack)


def _quoted(packet: bytes) -> Ip | None:
    """What an ICMP error is about. A guest may quote whatever it likes."""
    try:
        return _walked(_read(packet, quoted=True), quoted=True)
    except ValueError:
        return None


def _arp(body: bytes) -> Arp:
    if len(body) < _ARP.size:
        raise ValueError("an ARP is cut short")
    *head, op, sha, spa, tha, tpa = _ARP.unpack_from(body)
    if tuple(head) != _ARP_HEAD:
        raise ValueError("an ARP is not for IPv4 over Ethernet")
    return Arp(op, sha.hex(":"), IPv4Address(spa), tha.hex(":"), IPv4Address(tpa))


def _answer(asked: _IpPacket, seq: int) -> bytes | None:
    """What follows the answer's IPv4 header."""
    body, ends = asked.body, (asked.dst, asked.src)
    if asked.proto == TCP:
        return _tcp_answer(body, ends, seq)
    if asked.proto == UDP:
        if len(body) < _UDP.size:
            return None
        sport, dport = unpack_from("!HH", body)
        return _udp(*ends, (dport, sport), body[_UDP.size :])
    if asked.proto != ICMP:
        return body
    if len(body) < _ICMP.size or body[0] != ECHO_REQUEST:
        return None
    _, _, _, *rest = _ICMP.unpack_from(body)
    return _icmp((ECHO_REPLY, 0), (rest[0], rest[1]), body[_ICMP.size :])


def _tcp_answer(body: bytes, ends: tuple[int, int], seq: int) -> bytes | None:
    """RFC 9293 section 3.10.7."""
    if len(body) < _TCP.size:
        return None
    sport, dport, theirs, ours, offset, flags, *_ = _TCP.unpack_from(body)
    data = len(body) - (offset >> 4) * 4
    if flags & RST or not flags & (SYN | ACK) or offset >> 4 < 5 or data < 0:
        return None
    ack = (theirs + data + bool(flags & SYN) + bool(flags & FIN)) % _MODULUS
    numbers = (ours, ack, ACK) if flags & ACK else (seq, ack, SYN | ACK)
    return _tcp(*ends, (dport, sport), numbers, b"")
