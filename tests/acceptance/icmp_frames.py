"""Packets of the ICMP cases, byte by byte: what a probe says it is, and nothing that a kernel would put right.

Each probe has a mark of its own in the IP identification, ports and echo identifier, by which its answers are told apart.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from scapy.utils import checksum

ICMP, TCP, UDP = 1, 6, 17
ECHO, TIMESTAMP = 8, 13
CLOSED = 33500
"""A port where nobody listens."""
_FIRST_IDENT, _FIRST_PORT = 0x2000, 20000
_DONT, _MORE = 0x4000, 0x2000
_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}


@dataclass(frozen=True)
class Probe:
    """One packet to send. `size` is that of the IP packet; `kind` and `code` are of ICMP, `flags` of TCP.

    `broken` is whose checksum is wrong ("ip", "icmp", "udp"), "no udp sum" for one left out, "edge" for an echo request whose
    reply has a checksum of all zeros or all ones. `pieces` is "all", "turned" (last first), "first" or "later" where it is
    sent in fragments. `mac` is the frame's destination where that is not the gateway, `padding` what follows the packet.
    """

    to: str
    protocol: int = ICMP
    size: int = 60
    ttl: int = 64
    tos: int = 0
    dont_fragment: bool = False
    source: str | None = None
    kind: int = ECHO
    code: int = 0
    port: int = CLOSED
    from_port: int = 0
    """Where it is not the mark's."""
    flags: str = "S"
    options: bytes = b""
    cut: int = 552
    """Bytes behind the header of each fragment but the last."""
    broken: str = ""
    pieces: str = ""
    mac: str | None = None
    padding: bytes = b""
    body: bytes | None = None
    """Of ICMP, behind type, code and checksum, in place of identifier, sequence and a pattern."""


@dataclass(frozen=True)
class Mark:
    """What tells the answers to one probe from those to others."""

    number: int

    @property
    def ident(self) -> int:
        return _FIRST_IDENT + self.number

    @property
    def port(self) -> int:
        """Source port, and identifier of an echo."""
        return _FIRST_PORT + self.number

    @property
    def sequence(self) -> int:
        """Of TCP."""
        return self.number * 65536 + 0xFFF0


def packets(probe: Probe, mark: Mark, source: str) -> list[bytes]:
    """The IP packets that are sent, in their order; one, or its fragments."""
    source = probe.source or source
    payload = _payload(probe, mark, source)
    if not probe.pieces:
        return [_packet(probe, mark, source, payload)]
    whole = []
    for at in range(0, len(payload), probe.cut):
        more = _MORE if at + probe.cut < len(payload) else 0
        whole.append(_packet(probe, mark, source, payload[at : at + probe.cut], at // 8 | more))
    return {"all": whole, "turned": whole[::-1], "first": whole[:1], "later": whole[1:]}[probe.pieces]


def whole(probe: Probe, mark: Mark, source: str) -> bytes:
    """The payload behind the IP header, as if it had not been cut."""
    return _payload(probe, mark, probe.source or source)


def frame(packet: bytes, to: str, of: str, padding: bytes = b"") -> bytes:
    """Ethernet around it; addresses as text."""
    macs = (bytes.fromhex(mac.replace(":", "")) for mac in (to, of))
    return b"".join(macs) + b"\x08\x00" + packet + padding


def header(source: str, to: str, protocol: int, length: int, ident: int, ttl: int = 64, tos: int = 0, fragment: int = 0) -> bytes:
    """An IPv4 header without options."""
    return _summed(
        struct.pack(
            "!BBHHHBBH4s4s", 0x45, tos, length, ident, fragment, ttl, protocol, 0,
            IPv4Address(source).packed, IPv4Address(to).packed,
        )
    )  # fmt: skip


def icmp(kind: int, code: int, body: bytes, broken: bool = False) -> bytes:
    """An ICMP message; `body` begins behind the checksum."""
    return _with_sum(struct.pack("!BBH", kind, code, 0) + body, 2, broken=broken)


def _packet(probe: Probe, mark: Mark, source: str, payload: bytes, fragment: int = 0) -> bytes:
    options = probe.options
    length = 20 + len(options) + len(payload)
    fragment |= _DONT if probe.dont_fragment else 0
    head = header(source, probe.to, probe.protocol, length, mark.ident, probe.ttl, probe.tos, fragment)
    head = _summed(bytes([0x45 + len(options) // 4]) + head[1:10] + b"\0\0" + head[12:] + options)
    if probe.broken == "ip":
        head = head[:10] + bytes([head[10] ^ 0x5A]) + head[11:]
    return head + payload


def _payload(probe: Probe, mark: Mark, source: str) -> bytes:
    room = probe.size - 20 - len(probe.options)
    if probe.protocol == ICMP:
        return _icmp(probe, mark, room)
    pseudo = IPv4Address(source).packed + IPv4Address(probe.to).packed + struct.pack("!HH", probe.protocol, room)
    if probe.protocol == UDP:
        datagram = struct.pack("!HHHH", probe.from_port or mark.port, probe.port, room, 0) + _pattern(mark, room - 8)
        if probe.broken == "no udp sum":
            return datagram
        return _with_sum(datagram, 6, pseudo, probe.broken == "udp")
    if probe.protocol == TCP:
        flags = sum(_FLAGS[letter] for letter in probe.flags)
        acknowledged = 77 if "A" in probe.flags else 0
        segment = struct.pack("!HHIIBBHHH", mark.port, probe.port, mark.sequence, acknowledged, 5 << 4, flags, 8192, 0, 0)
        return _with_sum(segment + _pattern(mark, room - 20), 16, pseudo)
    return struct.pack("!HH", mark.port, mark.number) + _pattern(mark, room - 4)


def _icmp(probe: Probe, mark: Mark, room: int) -> bytes:
    body = probe.body
    if body is None:
        body = struct.pack("!HH", mark.port, mark.number + 1) + _pattern(mark, room - 8)
    if probe.broken == "edge":
        open_sum = checksum(struct.pack("!BBH", 0, 0, 0) + body[:-2] + b"\0\0")
        body = body[:-2] + struct.pack("!H", open_sum)
    return icmp(probe.kind, probe.code, body, probe.broken == "icmp")


def _pattern(mark: Mark, length: int) -> bytes:
    return bytes((mark.number * 31 + n * 7) & 0xFF for n in range(length))


def _summed(head: bytes) -> bytes:
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def _with_sum(data: bytes, at: int, pseudo: bytes = b"", broken: bool = False) -> bytes:
    value = checksum(pseudo + data) ^ (0x1234 if broken else 0)
    return data[:at] + struct.pack("!H", value) + data[at + 2 :]
