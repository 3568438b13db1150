"""ICMP echo requests as bytes, for the agents beside this file."""

from __future__ import annotations

import ctypes
import socket
import struct

ECHO_REPLY, ECHO_REQUEST, TIME_EXCEEDED = 0, 8, 11
_HEADER = struct.Struct("!BBHHH")
_ATTACH_FILTER = 26
_TYPE_AT = 20
_IDENTIFIER_AT = {ECHO_REPLY: 24, TIME_EXCEEDED: 52}
"""In an IP packet without options; an error quotes another without."""


def echo_request(identifier: int, sequence: int, size: int = 64) -> bytes:
    """An ICMP echo request of `size` bytes, ICMP header included (RFC 792)."""
    payload = bytes(size - _HEADER.size)
    checksum = _checksum(_HEADER.pack(ECHO_REQUEST, 0, 0, identifier, sequence) + payload)
    return _HEADER.pack(ECHO_REQUEST, 0, checksum, identifier, sequence) + payload


def read(packet: bytes) -> tuple[int, int, int] | None:
    """(type, identifier, sequence) of an ICMP message in an IP packet, of the echo request it quotes if it is an error.

    None when it is cut short.
    """
    start = (packet[0] & 15) * 4
    if len(packet) < start + _HEADER.size:
        return None
    kind = packet[start]
    if kind == TIME_EXCEEDED:
        quoted = packet[start + _HEADER.size :]
        inner = read(quoted) if quoted else None
        return None if inner is None else (kind, *inner[1:])
    _, _, _, identifier, sequence = _HEADER.unpack_from(packet, start)
    return kind, identifier, sequence


def hear_only(sock: socket.socket, kind: int, identifier: int) -> None:
    """Have the kernel give a raw ICMP socket only echo replies, or time exceeded, about echo requests of that identifier.

    A namespace may get many others meanwhile, and reading them would take longer than what is timed.
    """
    load_byte, load_half, equal, give = 0x30, 0x28, 0x15, 0x06
    program = (
        *((load_byte, 0, 0, _TYPE_AT), (equal, 0, 3, kind)),
        *((load_half, 0, 0, _IDENTIFIER_AT[kind]), (equal, 0, 1, identifier)),
        *((give, 0, 0, 0xFFFF), (give, 0, 0, 0)),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
