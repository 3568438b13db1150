"""The shapes of steady monitoring: health, faults, silences, impact.

Times are told as ISO 8601 in UTC, elements as operators type them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from ryu_overlay.health.elements import SHAPES, Layer
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.kinds import KINDS
from ryu_overlay.health.report import LayerStatus, Report, Silence
from ryu_overlay.northbound.shape import Shape
from ryu_overlay.northbound.values import Description, instant

MAX_SILENCE = 366 * 86_400
"""Seconds of the longest silence that ends by itself."""
_WORDS = " ".join(SHAPES).replace("_", "-").replace(" ", "|")

KindName = Annotated[str, WithJsonSchema({"type": "string", "enum": list(KINDS)})]
Quiet = Annotated[str, WithJsonSchema({"type": "string", "enum": ["", "silenced", "maintenance"]})]
ElementText = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({_WORDS}) .+$", "examples": ["link hv2"]})]


class FaultDocument(BaseModel):
    """A fault: `text` is one sentence, `evidence` what it rests on, `check` commands to check it by hand.

    `since` is when its first sign was seen, `raised` when it was certain, `until` when it was over (null: it lasts). `flaps`
    counts how often it came back meanwhile. `provider`: whether it is the provider's to mend. `quiet` says why nobody is to be
    alarmed.
    """

    id: str
    text: str
    layer: Layer
    kind: KindName
    element: ElementText
    provider: bool
    since: datetime
    raised: datetime
    until: datetime | None
    flaps: int
    quiet: Quiet
    evidence: list[str]
    check: list[str]
    impact: Impact


class Faults(BaseModel):
    """Faults that last and that ended lately, the newest first."""

    faults: list[FaultDocument]


class SilenceDocument(BaseModel):
    """Nobody is to be alarmed by an element, or by anything of a chassis under maintenance, `until` then (null: for good)."""

    what: Literal["element", "chassis"]
    name: str
    until: datetime | None
    reason: str


class Silences(BaseModel):
    """Every silence and maintenance in force."""

    silences: list[SilenceDocument]


class SilenceRequest(Shape):
    """For how many seconds (null: until it is taken back), and why."""

    seconds: Annotated[float, Field(ge=1, le=MAX_SILENCE)] | None = None
    reason: Description = ""


class HealthReport(BaseModel):
    """Everything at one moment: the five layers from the wire up, faults as in `Faults`, and silences."""

    at: datetime
    layers: list[LayerStatus]
    faults: list[FaultDocument]
    silences: list[SilenceDocument]


class ProbePlan(BaseModel):
    """Which paths are probed, and which faults can be told apart by them, in lines for people."""

    lines: list[str]


class ImpactAnswer(BaseModel):
    """Who rests on an element."""

    element: ElementText
    impact: Impact


class DependsAnswer(BaseModel):
    """What a logical port rests on."""

    port: str
    tenant: str
    switch: str
    elements: list[ElementText]


def fault_document(fault: Fault) -> FaultDocument:
    """A fault as REST tells it."""
    verdict = fault.verdict
    return FaultDocument(
        id=fault.id,
        text=fault.text,
        layer=fault.layer,
        kind=verdict.kind,
        element=verdict.element.text,
        provider=verdict.what.provider,
        since=instant(fault.since),
        raised=instant(fault.raised),
        until=None if fault.until is None else instant(fault.until),
        flaps=fault.flaps,
        quiet=fault.quiet,
        evidence=list(verdict.evidence),
        check=list(verdict.check),
        impact=fault.impact,
    )


def silence_document(silence: Silence) -> SilenceDocument:
    """A silence as REST tells it."""
    until = None if silence.until is None else instant(silence.until)
    return SilenceDocument(what=silence.what, name=silence.name, until=until, reason=silence.reason)


def report_document(report: Report) -> HealthReport:
    """A report as REST tells it."""
    faults = [fault_document(fault) for fault in report.faults]
    silences = [silence_document(silence) for silence in report.silences]
    return HealthReport(at=instant(report.at), layers=list(report.layers), faults=faults, silences=silences)
