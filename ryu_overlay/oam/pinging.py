"""Pings: what one trace of an echo request comes to, in the words of ping, and what many come to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Literal

from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import MEANINGS, Kind, Layer
from ryu_overlay.oam.world import Unable

GUEST = ("guest_off", "guest_silent", "outside_silent")
"""Verdicts on who was asked, when the network did its part."""


@dataclass(frozen=True, slots=True)
class Echo:
    """One echo request. `ms` is the round trip in milliseconds, None without an answer.

    `there_ms`, `guest_ms` and `back_ms` are its parts where the one that was asked is a VM or a host outside: from the sender to
    it, its own time, and back.
    """

    seq: int
    kind: Kind
    layer: Layer
    sentence: str
    ms: float | None = None
    there_ms: float | None = None
    guest_ms: float | None = None
    back_ms: float | None = None
    reply: Literal["echo"] = "echo"


@dataclass(frozen=True, slots=True)
class Summary:
    """All of them. `guest_silent` were delivered and not answered, `network_lost` were not delivered, or the answer was lost."""

    sent: int
    received: int
    guest_silent: int
    network_lost: int
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None
    reply: Literal["summary"] = "summary"


def echo(seq: int, report: Report) -> Echo:
    """What a trace that was delivered comes to."""
    found, there = report.verdict, report.there.journey
    if found.kind != "ok":
        return Echo(seq, found.kind, found.layer, found.sentence)
    if report.guest_ms is None:
        return Echo(seq, found.kind, found.layer, found.sentence, _ms(there.last_seen - there.begun))
    there_ms = _ms(there.way()[-1].last.at - there.begun)
    back = None if report.back is None else report.back.journey
    back_ms = None if back is None else _ms(back.last_seen - back.begun)
    whole = round(there_ms + report.guest_ms + (back_ms or 0.0), 3)
    return Echo(seq, found.kind, found.layer, found.sentence, whole, there_ms, round(report.guest_ms, 3), back_ms)


def unsent(seq: int, error: Unable) -> Echo:
    """One that could not even be sent any more. Not for `busy`: that comes to an end."""
    assert error.code != "busy"
    kind: Kind = error.code
    return Echo(seq, kind, MEANINGS[kind][0], error.problem.reason)


def as_line(told: Echo | Summary) -> bytes:
    """As JSON, on a line of its own."""
    return json.dumps(asdict(told), ensure_ascii=False).encode() + b"\n"


def summary(echoes: Sequence[Echo]) -> Summary:
    """What echo requests come to."""
    times = [e.ms for e in echoes if e.ms is not None]
    silent = sum(e.kind in GUEST for e in echoes)
    least, mean, most = (min(times), round(fmean(times), 3), max(times)) if times else (None, None, None)
    return Summary(len(echoes), len(times), silent, len(echoes) - len(times) - silent, least, mean, most)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
