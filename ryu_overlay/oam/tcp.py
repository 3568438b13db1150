"""TCP segments as bytes: Ethernet, IPv4 and TCP in one frame, made and read (RFC 791, RFC 9293 section 3.1).

For frames that the controller itself exchanges with a virtual machine. What is made is whole and has right checksums; what
is read is believed only if it is the same. This module does not know connections: which numbers are right is for the caller.
For the arithmetic of checksums see `icmp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from struct import Struct
from typing import NamedTuple

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_HEADERS = Struct("!6s6sHBBHHHBBHII")
_TCP = Struct("!HHIIBBHHH")
_ETHERNET, _IPV4_HEADER = 14, 20
_LEAST = _HEADERS.size + _TCP.size
_IPV4, _TCP_PROTOCOL = 0x0800, 6
_VERSION_AND_IHL = 0x45
_DONT_FRAGMENT = 0x4000
"""Set on all: without it each would need an identification of its own (RFC 6864 section 4.1), and all are short."""
_FRAGMENT = 0x3FFF
_TTL = 64
_IP_SUM = (_VERSION_AND_IHL << 8) + _DONT_FRAGMENT + (_TTL << 8) + _TCP_PROTOCOL
_MODULUS = 1 << 32
_MSS_OPTION = Struct("!BBH")


class Ends(NamedTuple):
    """The two ends of a connection as the sender of a frame writes them: MACs, IPv4 addresses, ports."""

    eth_src: bytes
    eth_dst: bytes
    src: int
    dst: int
    sport: int
    dport: int

    def turned(self) -> Ends:
        """As the other end writes them."""
        return Ends(self.eth_dst, self.eth_src, self.dst, self.src, self.dport, self.sport)


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment without its ends and options. `seq` and `ack` are 0 to 2**32 - 1, `flags` the sum of FIN, SYN, ..."""

    seq: int
    ack: int
    flags: int
    data: bytes = b""


def ends(source: tuple[str, IPv4Address, int], destination: tuple[str, IPv4Address, int]) -> Ends:
    """Of two (MAC, address, port). Raises ValueError for a MAC that is not six bytes in hex with colons."""
    return Ends(_mac(source[0]), _mac(destination[0]), int(source[1]), int(destination[1]), source[2], destination[2])


def make(between: Ends, segment: Segment, window: int, mss: int | None = None) -> bytes:
    """The frame that carries `segment`. `window` is in bytes, not scaled; `mss` (0 to 65535) is announced if given.

    Raises struct.error for what does not fit its field, or more data than one IPv4 packet holds.
    """
    options = b"" if mss is None else _MSS_OPTION.pack(2, 4, mss)
    header = _TCP.size + len(options)
    total = _IPV4_HEADER + header + len(segment.data)
    eth_src, eth_dst, src, dst, sport, dport = between
    fields = (sport, dport, segment.seq, segment.ack, header << 2, segment.flags, window)
    rest = options + segment.data
    checksum = -_sum(src, dst, _TCP.pack(*fields, 0, 0) + rest) % 0xFFFF
    ip_checksum = -(_IP_SUM + total + src + dst) % 0xFFFF
    return (
        _HEADERS.pack(
            *(eth_dst, eth_src, _IPV4, _VERSION_AND_IHL, 0, total, 0, _DONT_FRAGMENT),
            *(_TTL, _TCP_PROTOCOL, ip_checksum, src, dst),
        )
        + _TCP.pack(*fields, checksum, 0)
        + rest
    )


def read(frame: bytes | memoryview) -> tuple[Ends, Segment] | None:
    """Whose segment a frame carries and which; None unless it is a whole TCP segment over IPv4 with right checksums.

    The frame is untagged Ethernet; padding after the packet is left out. Options are passed over. Never raises.
    """
    if len(frame) < _LEAST:
        return None
    eth_dst, eth_src, kind, version_ihl, _, total, _, fragment, _, proto, _, src, dst = _HEADERS.unpack_from(frame)
    header = (version_ihl & 0x0F) * 4
    if kind != _IPV4 or proto != _TCP_PROTOCOL or version_ihl >> 4 != 4 or fragment & _FRAGMENT:
        return None
    if header < _IPV4_HEADER or not header + _TCP.size <= total <= len(frame) - _ETHERNET:
        return None
    payload = bytes(frame[_ETHERNET + header : _ETHERNET + total])
    sport, dport, seq, ack, offset, flags, _, _, _ = _TCP.unpack_from(payload)
    data = (offset >> 4) * 4
    if not _TCP.size <= data <= len(payload):
        return None
    if int.from_bytes(frame[_ETHERNET : _ETHERNET + header], "big") % 0xFFFF or _sum(src, dst, payload) % 0xFFFF:
        return None
    return Ends(eth_src, eth_dst, src, dst, sport, dport), Segment(seq, ack, flags, payload[data:])


def after(number: int, count: int) -> int:
    """The sequence number `count` after `number`; negative counts go back."""
    return (number + count) % _MODULUS


def ahead(number: int, of: int) -> int:
    """How far `number` is ahead of another, 0 to 2**32 - 1: one that is behind by a little is ahead by nearly 2**32."""
    return (number - of) % _MODULUS


def _sum(src: int, dst: int, payload: bytes) -> int:
    """What TCP's checksum is made of: the pseudo-header and the segment, an odd byte at the end filled up."""
    return src + dst + _TCP_PROTOCOL + len(payload) + (int.from_bytes(payload, "big") << (len(payload) & 1) * 8)


def _mac(text: str) -> bytes:
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != 6:
        raise ValueError(f"{text!r} is no MAC")
    return mac
