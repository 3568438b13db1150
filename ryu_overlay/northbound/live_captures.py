"""Captures of the running controller, as REST has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from ryu_overlay.northbound.service_captures import CaptureStatus, PointStatus, Stream
from ryu_overlay.oam.capture import Wanted
from ryu_overlay.southbound.capture import Capture
from ryu_overlay.southbound.captures import Captures


class LiveCaptures:
    """See `service_captures.Captures`, which it implements."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    def start(self, wanted: Wanted) -> Stream:
        return self._captures.start(wanted)

    def statuses(self) -> Sequence[CaptureStatus]:
        return [_status(capture) for capture in self._captures.running()]

    def end(self, number: int) -> bool:
        return self._captures.end(number)


def _status(capture: Capture) -> CaptureStatus:
    wanted = capture.wanted
    return CaptureStatus(
        capture.number,
        datetime.fromtimestamp(capture.began / 1e9, timezone.utc),
        wanted.filter.text,
        wanted.packets,
        wanted.seconds,
        capture.room.rate,
        wanted.snaplen,
        tuple(capture.chassis),
        tuple(PointStatus(p.name, t.received, t.written, t.missing) for p, t in zip(capture.points, capture.tallies)),
    )
