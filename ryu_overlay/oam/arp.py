"""ARP for IPv4 over Ethernet (RFC 826) as bytes: requests, announcements (RFC 5227 section 3), and what a frame says.

Knows nothing of who may answer or where a frame came from.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

REQUEST, REPLY = 1, 2
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERTYPE, _ETHERNET, _IPV4 = 0x0806, 1, 0x0800
_BROADCAST = b"\xff" * 6


@dataclass(frozen=True, slots=True)
class Arp:
    """What an ARP frame says. MACs in lower case with colons."""

    op: int
    sha: str
    spa: IPv4Address
    tpa: IPv4Address


def request(mac: str, address: IPv4Address, target: IPv4Address) -> bytes:
    """The frame by which the holder of `mac` and `address` asks everybody for `target`."""
    own = bytes.fromhex(mac.replace(":", ""))
    body = (_ETHERNET, _IPV4, 6, 4, REQUEST, own, address.packed, bytes(6), target.packed)
    return _FRAME.pack(_BROADCAST, own, _ETHERTYPE, *body)


def announcement(mac: str, address: IPv4Address) -> bytes:
    """The frame that tells everybody where `address` and `mac` are."""
    return request(mac, address, address)


def parse(frame: bytes) -> Arp | None:
    """What an untagged frame says, or None if it is no ARP for IPv4 over Ethernet, or from a sender that cannot be one."""
    if len(frame) < _FRAME.size:
        return None
    _, _, kind, hardware, protocol, hlen, plen, op, sha, spa, _, tpa = _FRAME.unpack_from(frame)
    if (kind, hardware, protocol, hlen, plen) != (_ETHERTYPE, _ETHERNET, _IPV4, 6, 4) or sha[0] & 1 or not any(sha):
        return None
    return Arp(op, sha.hex(":"), IPv4Address(spa), IPv4Address(tpa))
