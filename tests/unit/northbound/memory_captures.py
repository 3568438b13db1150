"""Captures in memory, for tests of REST: streams that are made of what a test puts there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import count

from ryu_overlay.northbound.service_captures import CaptureStatus, PointStatus
from ryu_overlay.oam.capture import NotPossible, Wanted

BEGAN = datetime(2024, 5, 1, 12, 30, tzinfo=timezone.utc)


class MemoryStream:
    """Gives `pieces`, then ends."""

    def __init__(self, number: int, wanted: Wanted, pieces: Iterator[bytes]) -> None:
        self.number = number
        self.wanted = wanted
        self.closed = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self.closed += 1


class MemoryCaptures:
    """`refusal` is raised instead of a start. `pieces` is what the next stream gives."""

    def __init__(self) -> None:
        self.streams: list[MemoryStream] = []
        self.refusal: NotPossible | None = None
        self.pieces: Iterator[bytes] = iter([b"some ", b"bytes"])
        self._numbers = count(1)

    def start(self, wanted: Wanted) -> MemoryStream:
        if self.refusal is not None:
            raise self.refusal
        self.streams.append(MemoryStream(next(self._numbers), wanted, self.pieces))
        return self.streams[-1]

    def statuses(self) -> list[CaptureStatus]:
        return [
            CaptureStatus(
                *(s.number, BEGAN, s.wanted.filter.text, s.wanted.packets, s.wanted.seconds, s.wanted.rate or 1000),
                *(s.wanted.snaplen, ("hv1",), tuple(PointStatus(p, 7, 5, 2) for p in s.wanted.points)),
            )
            for s in self.streams
            if not s.closed
        ]

    def end(self, number: int) -> bool:
        found = [s for s in self.streams if s.number == number and not s.closed]
        for stream in found:
            stream.close()
        return bool(found)
