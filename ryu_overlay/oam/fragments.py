"""Cutting an IPv4 packet into fragments (RFC 791 section 2.3, RFC 815), from bytes to bytes."""

from __future__ import annotations

import struct

_ETHERNET = 14
_IPV4 = 0x0800
_LEAST_HEADER = 20
_MORE, _DONT, _OFFSET = 0x2000, 0x4000, 0x1FFF
_LONGEST = 0xFFFF
_COPIED = 0x80
_NOP = 1


def cut(frame: bytes, mtu: int) -> list[bytes]:
    """The frames that a frame's packet goes on in, each of at most `mtu` bytes of IP; none where it must not be cut.

    Must not: marked so (DF), no whole IPv4 packet, a wrong header checksum (RFC 1812 section 5.2.2), or a fragment that ends
    where no packet reaches. `mtu` is 68 bytes or more (RFC 791 section 3.2).
    """
    if len(frame) < _ETHERNET + _LEAST_HEADER or int.from_bytes(frame[12:14], "big") != _IPV4:
        return []
    header = (frame[_ETHERNET] & 0x0F) * 4
    total, _, flags = struct.unpack_from("!HHH", frame, _ETHERNET + 2)
    if flags & _DONT or not _LEAST_HEADER <= header <= total <= len(frame) - _ETHERNET:
        return []
    ip = frame[_ETHERNET : _ETHERNET + header]
    if int.from_bytes(ip, "big") % 0xFFFF or (flags & _OFFSET) * 8 + total > _LONGEST:
        return []
    payload = frame[_ETHERNET + header : _ETHERNET + total]
    step = (mtu - header) // 8 * 8
    pieces = []
    for start in range(0, len(payload), step):
        last = start + step >= len(payload)
        place = (flags & _OFFSET) + start // 8 | (flags & _MORE if last else _MORE)
        head = ip[:_LEAST_HEADER] + _later_options(ip[_LEAST_HEADER:]) if start else ip
        pieces.append(frame[:_ETHERNET] + _headed(head, place, payload[start : start + step]))
    return pieces


def _later_options(options: bytes) -> bytes:
    """Options of fragments after the first: those not marked as copied become no-operations (RFC 791 section 3.1)."""
    kept = bytearray(options)
    at = 0
    while at < len(kept) and kept[at]:
        length = 1 if kept[at] == _NOP else kept[at + 1] if at + 1 < len(kept) else 1
        length = max(1, min(length, len(kept) - at))
        if not kept[at] & _COPIED:
            kept[at : at + length] = bytes([_NOP]) * length
        at += length
    return bytes(kept)


def _headed(ip: bytes, place: int, payload: bytes) -> bytes:
    head = bytearray(ip)
    struct.pack_into("!H", head, 2, len(ip) + len(payload))
    struct.pack_into("!H", head, 6, place)
    struct.pack_into("!H", head, 10, 0)
    struct.pack_into("!H", head, 10, -int.from_bytes(head, "big") % 0xFFFF)
    return bytes(head) + payload
