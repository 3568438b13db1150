"""pcapng (draft-ietf-opsawg-pcapng), as far as a live capture at several points needs it: one section, an interface for each
point, packets, and statistics as often as wanted.

Each function gives one block whose bytes can be sent at once: nothing is ever gone back to. Times are nanoseconds since 1970.
It does not know what a point is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Literal

CONTENT_TYPE = "application/x-pcapng"
MAX_TEXT = 1_000
"""Octets of the longest text that is put into an option; what is longer is cut."""

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_BYTE_ORDER = 0x1A2B3C4D
_UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF
_ETHERNET = 1
_NANOSECONDS = 9
_END, _COMMENT = 0, 1
_APPLICATION = 4
_NAME, _DESCRIPTION, _RESOLUTION, _FILTER = 2, 3, 9, 11
_FLAGS = 2
_START_TIME, _END_TIME, _RECEIVED, _DROPPED = 2, 3, 4, 5
_DIRECTIONS = {"in": 1, "out": 2}

Direction = Literal["in", "out"]
Option = tuple[int, bytes]


def section(application: str, comment: str = "") -> bytes:
    """What a file begins with (section 4.1): who wrote it, and a remark."""
    body = struct.pack("<IHHQ", _BYTE_ORDER, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION, body, [*_texts(_COMMENT, comment), *_texts(_APPLICATION, application)])


def interface(name: str, description: str, snaplen: int, filter_text: str = "") -> bytes:
    """One point (section 4.2). They are numbered from 0 in the order in which they are written.

    `snaplen` is octets (0: no limit). Readers of the older sort want all interfaces to have the same.
    """
    options = [*_texts(_NAME, name), *_texts(_DESCRIPTION, description), (_RESOLUTION, bytes([_NANOSECONDS]))]
    options += [(_FILTER, b"\0" + _text(filter_text))] if filter_text else []
    return _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, snaplen), options)


def packet(number: int, time: int, frame: bytes, length: int, direction: Direction | None = None, comment: str = "") -> bytes:
    """A frame (section 4.3) that interface `number` saw, `length` octets long before it was cut."""
    head = struct.pack("<IIIII", number, *_time(time), len(frame), length)
    options = [*_texts(_COMMENT, comment)]
    if direction is not None:
        options.append((_FLAGS, struct.pack("<I", _DIRECTIONS[direction])))
    return _block(_PACKET, head + _padded(frame), options)


def statistics(number: int, time: int, began: int, received: int, dropped: int, *, final: bool, comment: str = "") -> bytes:
    """What interface `number` has counted (section 4.6): packets that passed the filter there, and those among them that are not
    in the file. With `final` it is the last word, and says when the capture ended."""
    options = [*_texts(_COMMENT, comment), (_START_TIME, struct.pack("<II", *_time(began)))]
    options += [(_END_TIME, struct.pack("<II", *_time(time)))] if final else []
    options += [(_RECEIVED, struct.pack("<Q", received)), (_DROPPED, struct.pack("<Q", dropped))]
    return _block(_STATISTICS, struct.pack("<III", number, *_time(time)), options)


def _block(kind: int, body: bytes, options: Iterable[Option]) -> bytes:
    told = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    told += struct.pack("<HH", _END, 0) if told else b""
    length = 12 + len(body) + len(told)
    return struct.pack("<II", kind, length) + body + told + struct.pack("<I", length)


def _time(nanoseconds: int) -> tuple[int, int]:
    return nanoseconds >> 32, nanoseconds & 0xFFFFFFFF


def _texts(code: int, text: str) -> list[Option]:
    return [(code, _text(text))] if text else []


def _text(text: str) -> bytes:
    return text.encode()[:MAX_TEXT].decode(errors="ignore").encode()


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
