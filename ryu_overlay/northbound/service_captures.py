"""What REST needs for packet captures: one protocol, and what it reports of a running one.

The app implements it. Nothing here knows HTTP, flows or bridges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ryu_overlay.oam.capture import Wanted


@dataclass(frozen=True, slots=True)
class PointStatus:
    """One point of a capture. `received` passed the filter there, `captured` of these are in the stream, `missing` are not."""

    point: str
    received: int
    captured: int
    missing: int


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """A running capture. `rate` is packets a second for each point and chassis. `chassis` are those that look."""

    capture: int
    began: datetime
    filter: str
    packets: int
    seconds: int
    rate: int
    snaplen: int
    chassis: tuple[str, ...]
    points: tuple[PointStatus, ...]


class Stream(Protocol):
    """The bytes of a capture, as they come. `number` is its name. `close` ends it."""

    number: int

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Captures(Protocol):
    """All captures."""

    def start(self, wanted: Wanted) -> Stream:
        """A capture whose flows are there. Raises what `oam.capture` has for that: NotPossible, Busy, NotReady."""
        ...

    def statuses(self) -> Sequence[CaptureStatus]:
        """Those that run, in the order in which they began."""
        ...

    def end(self, number: int) -> bool:
        """End one in good order. Returns whether there was one."""
        ...
