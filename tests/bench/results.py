"""What a run found: figures made of rows, one sample a side. Plain data, with a JSON form; knows not how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench.stats import Sample, ratios

OURS = "ryu_overlay"
OVN = "OVN"
PLAIN = "plain OVS"
KERNEL = "kernel NAT"
OTHERS = (OVN, PLAIN, KERNEL)
SIDES = (OURS, *OTHERS)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the issue asks of our median, or of its ratio to `of` where that is given."""

    text: str
    limit: float
    at_least: bool = False
    of: str | None = None

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity on every side that has it. `percentile` is shown beside the median; `paired`: turns were taken A B A B,
    so that ratios have a meaning; `digits` after the point.
    """

    what: str
    unit: str
    samples: Mapping[str, Sample]
    digits: int = 1
    percentile: int | None = None
    paired: bool = True
    aim: Aim | None = None

    def ratio(self, other: str) -> Sample | None:
        """Ours divided by the other side's, turn by turn; None where there is no such pair."""
        if not self.paired or OURS not in self.samples or other not in self.samples:
            return None
        divisor = self.samples[other]
        return ratios(self.samples[OURS], divisor) if divisor.low > 0 else None

    def verdict(self) -> tuple[float, bool] | None:
        """The value the aim is about and whether it was met; None without an aim or without a value."""
        if self.aim is None:
            return None
        sample = self.samples.get(OURS) if self.aim.of is None else self.ratio(self.aim.of)
        return None if sample is None else (sample.median, self.aim.met(sample.median))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was done (`how`, sentences for the reader), the rows, and remarks that only this run could make."""

    name: str
    title: str
    how: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """A run. `machine` is what `machine.describe` found; `failed` has, by figure, why it could not be measured."""

    machine: Mapping[str, str]
    date: str
    quick: bool
    seconds: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything, with every single value, for a program to read."""
        return {
            "date": self.date,
            "quick": self.quick,
            "seconds": round(self.seconds, 1),
            "machine": dict(self.machine),
            "remarks": self.remarks,
            "failed": self.failed,
            "figures": [_figure(figure) for figure in self.figures],
        }


def _figure(figure: Figure) -> dict[str, Any]:
    rows = [_row(row) for row in figure.rows]
    return {"name": figure.name, "title": figure.title, "notes": list(figure.notes), "rows": rows}


def _row(row: Row) -> dict[str, Any]:
    verdict = row.verdict()
    return {
        "what": row.what,
        "unit": row.unit,
        "sides": {side: _sample(sample) for side, sample in row.samples.items()},
        "ratios": {other: _sample(ratio) for other in OTHERS if (ratio := row.ratio(other)) is not None},
        "aim": None if row.aim is None else row.aim.text,
        "met": None if verdict is None else verdict[1],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    values = [round(value, 6) for value in sample.values]
    return {
        "n": sample.n,
        "median": round(sample.median, 6),
        "min": round(sample.low, 6),
        "max": round(sample.high, 6),
        "p95": round(sample.percentile(95), 6),
        "p99": round(sample.percentile(99), 6),
        "values": values,
    }
