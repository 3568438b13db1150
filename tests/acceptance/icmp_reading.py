"""Messages in captures: packets put together from their fragments, and whose answers they are; on `wire`'s frames and headers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scapy.utils import checksum

from tests.acceptance import wire
from tests.acceptance.icmp_case import KINDS
from tests.acceptance.icmp_frames import Mark

ERRORS = frozenset({3, 4, 5, 11, 12})
_REQUESTS = frozenset({8, 10, 13, 15, 17})
_REPLIES = frozenset({0, 14, 16, 18})
_LAST_NUMBER = 4000


@dataclass(frozen=True)
class Message:
    """One IP packet. `headers` are those of its fragments in the order in which they came, `payload` is what they carry;
    `whole` says that nothing is missing.
    """

    to_mac: str
    from_mac: str
    headers: tuple[wire.Header, ...]
    payload: bytes
    whole: bool

    @property
    def ip(self) -> wire.Header:
        return self.headers[0]

    @property
    def tos(self) -> int:
        return self.ip.data[1]

    @cached_property
    def icmp(self) -> tuple[int, int] | None:
        """Type and code."""
        is_icmp = self.ip.protocol == wire.ICMP and self.whole and len(self.payload) >= 8
        return (self.payload[0], self.payload[1]) if is_icmp else None

    @cached_property
    def quote(self) -> bytes | None:
        """What an error quotes."""
        return self.payload[8:] if self.icmp is not None and self.icmp[0] in ERRORS else None

    @cached_property
    def mark(self) -> int | None:
        """The number of the mark of the probe that this answers; None where it is no answer to any. Of what is not whole, the
        identification says so: what sends a fragment back leaves it as it is.
        """
        if not self.whole:
            return _number(self.ip.ident, Mark(0).ident)
        if self.quote is not None and len(self.quote) >= 6:
            return _number(int.from_bytes(self.quote[4:6], "big"), Mark(0).ident)
        if self.icmp is not None and self.icmp[0] in _REPLIES:
            return _number(int.from_bytes(self.payload[4:6], "big"), Mark(0).port)
        if self.ip.protocol in (wire.TCP, wire.UDP) and len(self.payload) >= 4:
            return _number(int.from_bytes(self.payload[2:4], "big"), Mark(0).port)
        return None

    @cached_property
    def wrong_sums(self) -> list[str]:
        """Which checksums are wrong."""
        wrong = ["ip"] if any(checksum(h.data[: (h.data[0] & 15) * 4]) for h in self.headers) else []
        ip, name = self.ip, {wire.TCP: "tcp", wire.UDP: "udp", wire.ICMP: "icmp"}.get(self.ip.protocol)
        unsummed = ip.protocol == wire.UDP and self.payload[6:8] == b"\0\0"
        pseudo = b"" if ip.protocol == wire.ICMP else ip.data[12:20] + struct.pack("!HH", ip.protocol, len(self.payload))
        if self.whole and name is not None and not unsummed and checksum(pseudo + self.payload):
            wrong.append(name)
        return wrong

    def __str__(self) -> str:
        what = f"protocol {self.ip.protocol}" if self.whole else "a fragment"
        if self.icmp is not None:
            what = (
                KINDS.get(self.icmp)
                or {0: "echo reply", 14: "timestamp reply"}.get(self.icmp[0])
                or "ICMP {}/{}".format(*self.icmp)
            )
        elif self.ip.protocol == wire.TCP and len(self.payload) > 13:
            what = "TCP reset" if self.payload[13] & 4 else "TCP"
        return f"{what} from {self.ip.source}"


def messages(path: Path) -> list[Message]:
    """Those of a capture that may still be written, in order of their last fragment."""
    return list(_together(_packets(path)))


def is_answer(message: Message) -> bool:
    """Whether it is an answer to some probe, and no probe on its way."""
    return message.mark is not None and (message.icmp is None or message.icmp[0] not in _REQUESTS)


def _packets(path: Path) -> Iterator[tuple[bytes, wire.Header]]:
    for _, frame in wire.frames(path):
        head = wire.header(frame[14:]) if frame[12:14] == b"\x08\x00" else None
        if head is not None:
            yield frame, head


def _together(packets: Iterable[tuple[bytes, wire.Header]]) -> Iterator[Message]:
    begun: dict[tuple[str, str, int, int], list[tuple[bytes, wire.Header]]] = {}
    for frame, head in packets:
        if not _fragment_field(head) & 0x3FFF:
            yield _message([(frame, head)], head.payload, True)
            continue
        pieces = begun.setdefault((head.source, head.destination, head.protocol, head.ident), [])
        pieces.append((frame, head))
        payload = _payload([h for _, h in pieces])
        if payload is not None:
            yield _message(begun.pop((head.source, head.destination, head.protocol, head.ident)), payload, True)
    for pieces in begun.values():
        yield _message(pieces, pieces[0][1].payload, False)


def _message(pieces: list[tuple[bytes, wire.Header]], payload: bytes, whole: bool) -> Message:
    frame = pieces[0][0]
    return Message(frame[:6].hex(":"), frame[6:12].hex(":"), tuple(head for _, head in pieces), payload, whole)


def _payload(heads: list[wire.Header]) -> bytes | None:
    """What the fragments carry, None while some is missing."""
    found, last = b"", False
    for head in sorted(heads, key=lambda h: _fragment_field(h) & 0x1FFF):
        if (_fragment_field(head) & 0x1FFF) * 8 != len(found):
            return None
        found, last = found + head.payload, not _fragment_field(head) & 0x2000
    return found if last else None


def _fragment_field(head: wire.Header) -> int:
    return int.from_bytes(head.data[6:8], "big")


def _number(value: int, first: int) -> int | None:
    return value - first if 0 <= value - first < _LAST_NUMBER else None
