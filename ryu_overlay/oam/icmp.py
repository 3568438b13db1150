"""The answers a virtual router gives to packets it cannot take further: ICMP errors and TCP resets.

From the bytes of the frame to the bytes of the answer, once for each packet a chassis sends up, so many thousand
times a second: one unpack, one pack, and checksums without a loop. This module does not know routes or rates:
which answer is due and from which address is for the caller to say, and whether answers are metered is the pipeline's.

A ones' complement sum (RFC 1071) is arithmetic modulo 65535, and 2**16 is 1 there. So bytes read as one big number,
or 32-bit addresses added whole, have the same sum as their 16-bit words, and a checksum is `-sum % 65535`.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from zlib import crc32


class Reason(IntEnum):
    """Why a packet is answered, hence with what."""

    TTL_EXCEEDED = 0
    NET_UNREACHABLE = 1
    HOST_UNREACHABLE = 2
    PORT_UNREACHABLE = 3
    """UDP to the router's own address."""
    PROTOCOL_UNREACHABLE = 4
    """Neither ICMP, UDP nor TCP, to the router's own address."""
    TCP_RESET = 5
    """TCP to the router's own address."""
    FRAGMENTATION_NEEDED = 6
    """Larger than the next link's MTU, and not to be cut (RFC 1191)."""


MAX_ERROR_LENGTH = 576
"""Bytes of the longest ICMP error, IPv4 header included (RFC 1812 section 4.3.2.3)."""

_TYPE_AND_CODE = {
    Reason.TTL_EXCEEDED: 0x0B00,
    Reason.NET_UNREACHABLE: 0x0300,
    Reason.HOST_UNREACHABLE: 0x0301,
    Reason.PORT_UNREACHABLE: 0x0303,
    Reason.PROTOCOL_UNREACHABLE: 0x0302,
    Reason.FRAGMENTATION_NEEDED: 0x0304,
}
"""ICMP type and code as one word (RFC 792)."""

_ICMP_QUERIES = frozenset((0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43))
"""Types that are known not to be errors (RFC 792, 950, 1256, 8335). An unknown type may be one, so it is not answered."""

_ICMP, _TCP, _UDP = 1, 6, 17
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10

_HEADERS = Struct("!6s6sHBBHHHBBHII")
_ERROR = Struct("!6s6sHBBHHHBBHIIHHI")
_RESET = Struct("!6s6sHBBHHHBBHIIHHIIHHHH")
_SEGMENT = Struct("!HHIIBB")

_ETHERNET = 14
_TCP_HEADER = 20
_MORE_FRAGMENTS = 0x2000
_DONT_FRAGMENT = 0x4000
_DSCP = 0xFC
"""A reset keeps the segment's class; its ECN bits stay clear, for only data may be ECN-capable (RFC 3168 section 6.1.4)."""
_IPV4 = 0x0800
_VERSION_AND_IHL = 0x45
_TTL = 64
_INTERNETWORK_CONTROL = 0xC0
"""Precedence 6, which RFC 1812 section 4.3.2.5 asks for in ICMP errors."""

_MAX_QUOTE = MAX_ERROR_LENGTH - 28
_ERROR_SUM = (_VERSION_AND_IHL << 8) + _INTERNETWORK_CONTROL + (_TTL << 8) + _ICMP
_RESET_LENGTH = 20 + _TCP_HEADER
_RESET_SUM = (_VERSION_AND_IHL << 8) + _RESET_LENGTH + (_TTL << 8) + _TCP
_TCP_SUM = _TCP + _TCP_HEADER

_OWN_ADDRESS = (Reason.PORT_UNREACHABLE, Reason.PROTOCOL_UNREACHABLE)


def answer(reason: Reason, frame: bytes | memoryview, source: int, mtu: int = 0) -> bytes | None:
    """The Ethernet frame that answers `frame`, or None where none may be sent.

    `mtu` is what FRAGMENTATION_NEEDED tells, in bytes; packets that may be cut get no such answer.

    `frame` is untagged Ethernet as the router received it. `source` is the IPv4 address (0 to 2**32 - 1) of the
    interface it came in by. PORT_UNREACHABLE, PROTOCOL_UNREACHABLE and TCP_RESET come from the packet's own
    destination instead and ignore `source`. The answer's MACs are the packet's, swapped; it carries no padding.

    An ICMP error quotes what fits in 576 bytes (RFC 1812 section 4.3.2.3). Nothing is answered where RFC 1122
    section 3.2.2 and RFC 1812 section 4.3.2.7 forbid it: to ICMP errors, fragments other than the first, broadcast
    or multicast by IP or by Ethernet, sources that are not a single host, and headers that fail validation
    (RFC 1812 section 5.2.2). A segment with RST is not reset (RFC 9293 section 3.5.2). Nor is anything answered
    that does not carry, whole, the protocol its reason is about.

    Raises struct.error if `source` is used and out of range; never because of what `frame` holds.
    """
    frame = bytes(frame)
    if len(frame) < _HEADERS.size:
        return None
    eth_dst, eth_src, eth_type, version_ihl, tos, total, _, fragment, _, proto, _, src, dst = _HEADERS.unpack_from(frame)
    header = (version_ihl & 0x0F) * 4
    if eth_type != _IPV4 or version_ihl >> 4 != 4 or not 20 <= header <= total <= len(frame) - _ETHERNET:
        return None
    if fragment & 0x1FFF or eth_dst[0] & 1 or not _may_be_answered(src, dst):
        return None
    if int.from_bytes(frame[_ETHERNET : _ETHERNET + header], "big") % 0xFFFF:  # its checksum is wrong
        return None
    payload = frame[_ETHERNET + header : _ETHERNET + total]
    if reason == Reason.TCP_RESET:
        # A segment cut into fragments does not tell its length, which the reset has to acknowledge.
        whole = proto == _TCP and not fragment & _MORE_FRAGMENTS
        return _tcp_reset(eth_src, eth_dst, tos & _DSCP, dst, src, payload) if whole else None
    if proto == _ICMP and (not payload or payload[0] not in _ICMP_QUERIES):
        return None
    if reason == Reason.FRAGMENTATION_NEEDED and not fragment & _DONT_FRAGMENT:
        return None
    if reason == Reason.PORT_UNREACHABLE and (proto != _UDP or len(payload) < 8):
        return None
    quote = frame[_ETHERNET : _ETHERNET + min(total, _MAX_QUOTE)]
    from_ = dst if reason in _OWN_ADDRESS else source
    return _icmp_error(eth_src, eth_dst, _TYPE_AND_CODE[reason], from_, src, quote, mtu)


def _may_be_answered(src: int, dst: int) -> bool:
    """Whether `src` is a single host and `dst` neither multicast nor a broadcast (0.0.0.0 is an old form of one)."""
    net = src >> 24
    return 0 < net < 224 and net != 127 and dst >> 28 != 0xE and dst != 0xFFFFFFFF and dst != 0


def _ident(answered: bytes) -> int:
    """The answer's IPv4 identification: a digest of what is answered.

    Answers must not share one while fragments of both may be about (RFC 6864 section 4.3). This needs no state, and
    fragments of two equal answers may well be mixed. A checksum would not do: those in a packet make its sum constant.
    """
    return crc32(answered) & 0xFFFF


def _icmp_error(eth_dst: bytes, eth_src: bytes, type_and_code: int, src: int, dst: int, quote: bytes, rest: int) -> bytes:
    total = 28 + len(quote)
    quoted = int.from_bytes(quote, "big")
    if len(quote) & 1:
        quoted <<= 8
    checksum = -(type_and_code + rest + quoted) % 0xFFFF
    ident = _ident(quote)
    ip_checksum = -(_ERROR_SUM + total + ident + src + dst) % 0xFFFF
    return (
        _ERROR.pack(
            *(eth_dst, eth_src, _IPV4, _VERSION_AND_IHL, _INTERNETWORK_CONTROL, total, ident, 0, _TTL, _ICMP, ip_checksum),
            *(src, dst, type_and_code, checksum, rest),
        )
        + quote
    )


def _tcp_reset(eth_dst: bytes, eth_src: bytes, tos: int, src: int, dst: int, segment: bytes) -> bytes | None:
    """The reset that a closed port answers `segment` with (RFC 9293 section 3.5.2, group 1), or None if it is one."""
    if len(segment) < _TCP_HEADER:
        return None
    sport, dport, seq, ack, offset, flags = _SEGMENT.unpack_from(segment)
    length = len(segment) - (offset >> 4) * 4
    if flags & _RST or length < 0 or offset >> 4 < 5:
        return None
    if flags & _ACK:
        seq, ack, reply = ack, 0, _RST
    else:
        length += bool(flags & _SYN) + (flags & _FIN)
        seq, ack, reply = 0, (seq + length) & 0xFFFFFFFF, _RST | _ACK
    offset_and_flags = 5 << 12 | reply
    checksum = -(_TCP_SUM + src + dst + sport + dport + seq + ack + offset_and_flags) % 0xFFFF
    ident = _ident(segment)
    ip_checksum = -(_RESET_SUM + tos + ident + src + dst) % 0xFFFF
    return _RESET.pack(
        *(eth_dst, eth_src, _IPV4, _VERSION_AND_IHL, tos, _RESET_LENGTH, ident, 0, _TTL, _TCP, ip_checksum),
        *(src, dst, dport, sport, seq, ack, offset_and_flags, 0, checksum, 0),
    )
