"""What a pcapng stream says of itself while it passes by: its interfaces, how many packets each has, and the last counts.

Reads blocks of draft-ietf-opsawg-pcapng in little-endian order, which is what the controller writes. Changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_INTERFACE, _STATISTICS, _PACKET = 1, 5, 6
_HEAD = struct.Struct("<II")
_NAME, _COMMENT = 2, 1
_RECEIVED, _DROPPED = 4, 5


@dataclass
class Interface:
    """One point. `comment` is what the controller says of its last counts."""

    name: str
    packets: int = 0
    received: int = 0
    dropped: int = 0
    comment: str = ""

    @property
    def sentence(self) -> str:
        noun = "packet" if self.packets == 1 else "packets"
        passed = f", {self.received} passed the filter" if self.received != self.packets else ""
        return f"{self.name}: {self.packets} {noun}{passed}" + (f"; {self.comment}" if self.comment else "")


class Reader:
    """Takes the stream in pieces of any size."""

    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self._buffer = b""

    def take(self, data: bytes) -> None:
        """The next piece. What makes no sense is passed over."""
        self._buffer += data
        offset = 0
        while offset + _HEAD.size <= len(self._buffer):
            kind, length = _HEAD.unpack_from(self._buffer, offset)
            if length < 12 or offset + length > len(self._buffer):
                break
            self._block(kind, self._buffer[offset + _HEAD.size : offset + length - 4])
            offset += length
        self._buffer = self._buffer[offset:]

    def _block(self, kind: int, body: bytes) -> None:
        if kind == _INTERFACE:
            self.interfaces.append(Interface(_text(dict(_options(body[8:])).get(_NAME, b""))))
        elif kind in (_STATISTICS, _PACKET) and len(body) >= 4:
            (number,) = struct.unpack_from("<I", body)
            if number < len(self.interfaces):
                self._of_interface(self.interfaces[number], kind, body)

    def _of_interface(self, interface: Interface, kind: int, body: bytes) -> None:
        if kind == _PACKET:
            interface.packets += 1
            return
        options = dict(_options(body[12:]))
        interface.received, interface.dropped = (int.from_bytes(options.get(n, b""), "little") for n in (_RECEIVED, _DROPPED))
        interface.comment = _text(options.get(_COMMENT, b""))


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, offset)
        if code == 0:
            return
        yield code, data[offset + 4 : offset + 4 + length]
        offset += 4 + (length + 3) // 4 * 4


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
