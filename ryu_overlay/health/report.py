"""Health on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ryu_overlay.health.elements import Layer
from ryu_overlay.health.faults import Fault

State = Literal["ok", "fault", "unknown"]


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """One layer: how many of its elements are watched, of how many of those nothing is known, and what watches them in words."""

    layer: Layer
    state: State
    watched: int
    unknown: int
    faults: int
    by: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is to be alarmed by faults of an element (as typed), or of a chassis under maintenance, until a time (None: until it
    is taken back). Times are in seconds since 1970."""

    what: Literal["element", "chassis"]
    name: str
    until: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it at one moment. `faults` are those that last and those that ended lately, the newest first. `probes` were
    sent so far."""

    at: float
    layers: tuple[LayerStatus, ...]
    faults: tuple[Fault, ...]
    silences: tuple[Silence, ...] = ()
    probes: int = 0
