"""What packets in a capture file say, quoted headers in ICMP errors included, and whether their checksums are right.

The reader is our own, so that it is fast and shares nothing with what it judges; the sums are scapy's.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from scapy.utils import checksum

ICMP, TCP, UDP = 1, 6, 17
UNREACHABLE, EXCEEDED = 3, 11
FRAGMENTATION_NEEDED = (UNREACHABLE, 4)
_ERRORS = frozenset({3, 4, 5, 11, 12})
_TAGS = frozenset({0x8100, 0x88A8})
_MAGIC = {b"\xd4\xc3\xb2\xa1": ("<", 1e6), b"\x4d\x3c\xb2\xa1": ("<", 1e9), b"\xa1\xb2\xc3\xd4": (">", 1e6)}


@dataclass(frozen=True, slots=True)
class Header:
    """An IPv4 header and the first bytes behind it; `ports` are those of TCP and UDP, and (identifier, sequence) of an echo."""

    source: str
    destination: str
    protocol: int
    ttl: int
    ident: int
    length: int
    dont_fragment: bool
    fragment: bool
    ports: tuple[int, int]
    head: bytes
    """Eight bytes of the payload, or fewer."""
    data: bytes
    """All of the packet that was there."""

    @property
    def payload(self) -> bytes:
        return self.data[(self.data[0] & 15) * 4 : self.length]


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame with IPv4. `icmp` is (type, code), `mtu` that of a "fragmentation needed", `quote` what an error quotes."""

    at: float
    to_mac: str
    from_mac: str
    vlan: int | None
    ip: Header
    icmp: tuple[int, int] | None = None
    mtu: int = 0
    quote: Header | None = None

    @property
    def syn(self) -> bool:
        """Whether it is the first segment of a TCP connection."""
        return self.ip.protocol == TCP and len(self.ip.payload) > 13 and self.ip.payload[13] & 0x12 == 0x02


@dataclass(frozen=True, slots=True)
class Arp:
    """One ARP frame for IPv4."""

    at: float
    request: bool
    sender_mac: str
    sender: str
    target: str


def frames(path: Path) -> Iterator[tuple[float, bytes]]:
    """The frames of a pcap file that may still be written: what stands at its end in part is left out. Raises ValueError."""
    data = path.read_bytes()
    if data[:4] not in _MAGIC:
        raise ValueError(f"{path} is no pcap file")
    order, fraction = _MAGIC[data[:4]]
    offset = 24
    while offset + 16 <= len(data):
        seconds, part, size, _ = struct.unpack_from(f"{order}IIII", data, offset)
        if offset + 16 + size > len(data):
            return
        yield seconds + part / fraction, data[offset + 16 : offset + 16 + size]
        offset += 16 + size


def read(path: Path) -> Iterator[Packet | Arp]:
    """IPv4 and ARP of a capture, in its order; other frames are left out."""
    for at, frame in frames(path):
        offset, vlan = 12, None
        kind = int.from_bytes(frame[12:14], "big")
        if kind in _TAGS:
            vlan, offset = int.from_bytes(frame[14:16], "big") & 0xFFF, 16
            kind = int.from_bytes(frame[16:18], "big")
        body = frame[offset + 2 :]
        if kind == 0x0806 and len(body) >= 28:
            mac, sender, target = body[8:14].hex(":"), str(IPv4Address(body[14:18])), str(IPv4Address(body[24:28]))
            yield Arp(at, body[7] == 1, mac, sender, target)
        elif kind == 0x0800 and (ip := header(body)) is not None:
            yield _packet(at, frame, vlan, ip)


def packets(path: Path) -> list[Packet]:
    """The IPv4 packets of a capture."""
    return [entry for entry in read(path) if isinstance(entry, Packet)]


def header(data: bytes) -> Header | None:
    """The IPv4 header at the beginning of `data`; None when there is none."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return None
    length, ident, fragment, ttl, protocol = struct.unpack_from("!HHHBB", data, 2)
    start = (data[0] & 15) * 4
    head = data[start : start + 8]
    ports = (0, 0)
    if protocol in (TCP, UDP) and len(head) >= 4 and not fragment & 0x1FFF:
        ports = struct.unpack_from("!HH", head)
    elif protocol == ICMP and len(head) == 8 and head[0] in (0, 8):
        ports = struct.unpack_from("!HH", head, 4)
    source, destination = str(IPv4Address(data[12:16])), str(IPv4Address(data[16:20]))
    pieces = bool(fragment & 0x3FFF)
    return Header(source, destination, protocol, ttl, ident, length, bool(fragment & 0x4000), pieces, ports, head, data)


def addresses(entries: Iterable[Packet | Arp]) -> Counter[str]:
    """How often each IPv4 address occurs: in headers, in quoted headers, in ARP."""
    found: Counter[str] = Counter()
    for entry in entries:
        if isinstance(entry, Arp):
            found.update((entry.sender, entry.target))
            continue
        found.update((entry.ip.source, entry.ip.destination))
        if entry.quote is not None:
            found.update((entry.quote.source, entry.quote.destination))
    return found


def outside(found: Iterable[str], *networks: str) -> set[str]:
    """Those of the addresses that are in none of `networks`."""
    allowed = [IPv4Network(network) for network in networks]
    return {address for address in found if not any(IPv4Address(address) in network for network in allowed)}


def wrong_checksums(packet: Packet) -> list[str]:
    """Which checksums of `packet` are wrong: "ip", "tcp", "udp", "icmp", "quoted ip". Fragments have only the first."""
    wrong = [] if _sum_holds(packet.ip) else ["ip"]
    ip, payload = packet.ip, packet.ip.payload
    if not ip.fragment:
        name = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}.get(ip.protocol)
        unsummed = ip.protocol == UDP and payload[6:8] == b"\0\0"
        pseudo = b"" if ip.protocol == ICMP else ip.data[12:20] + struct.pack("!HH", ip.protocol, len(payload))
        if name is not None and not unsummed and checksum(pseudo + payload):
            wrong.append(name)
    if packet.quote is not None and not _sum_holds(packet.quote):
        wrong.append("quoted ip")
    return wrong


def all_wrong(entries: Iterable[Packet | Arp]) -> Counter[str]:
    """How many checksums of each kind are wrong."""
    return Counter(what for entry in entries if isinstance(entry, Packet) for what in wrong_checksums(entry))


def errors_to(entries: Iterable[Packet], address: str) -> list[Packet]:
    """The ICMP errors sent to `address`."""
    return [p for p in entries if p.quote is not None and p.ip.destination == address]


def quoted_as_sent(error: Packet, sent: Iterable[Packet]) -> bool:
    """Whether what `error` quotes is a packet of `sent`: addresses, protocol, IP identification, and eight bytes of payload.

    These eight hold the ports, of UDP the checksum, of an echo its checksum, identifier and sequence, of TCP the sequence number.
    """
    quote = error.quote
    return quote is not None and any(_same(quote, packet.ip) for packet in sent)


def _same(quote: Header, ip: Header) -> bool:
    key = (quote.source, quote.destination, quote.protocol, quote.ident, quote.head)
    return key == (ip.source, ip.destination, ip.protocol, ip.ident, ip.head)


def _packet(at: float, frame: bytes, vlan: int | None, ip: Header) -> Packet:
    macs = (frame[:6].hex(":"), frame[6:12].hex(":"))
    payload = ip.payload
    if ip.protocol != ICMP or ip.fragment or len(payload) < 8:
        return Packet(at, *macs, vlan, ip)
    icmp = (payload[0], payload[1])
    mtu = int.from_bytes(payload[6:8], "big") if icmp == FRAGMENTATION_NEEDED else 0
    return Packet(at, *macs, vlan, ip, icmp, mtu, header(payload[8:]) if icmp[0] in _ERRORS else None)


def _sum_holds(ip: Header) -> bool:
    return not checksum(ip.data[: (ip.data[0] & 15) * 4])
