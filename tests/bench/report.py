"""A run's results as Markdown for people and as JSON for programs. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence

from tests.bench.results import OTHERS, OURS, SIDES, Figure, Report, Row
from tests.bench.stats import Sample

_WIDTH = 120
_NUMBERS = re.compile(r"\[\s+([-+.,\de\s]+?)\s+\]")
_INTRODUCTION = """Written by `make bench`; every single value is in [benchmarks.json](benchmarks.json). Values are
medians with the smallest and the largest in brackets; n is the number of turns (of probes, for latency of single
packets). What is compared ran in turns on the same machine, each side in network namespaces of its own with an Open
vSwitch for each chassis; "ours / ..." is the median of the ratios of turns next to each other, with its spread.
Absolute times hold for this machine only."""
_QUICK = """**This was a short run (`--quick`), meant to show that everything runs: too few turns to conclude anything
from.**"""


def as_markdown(report: Report) -> str:
    """The whole of docs/benchmarks.md."""
    minutes = f" in {report.seconds / 60:.0f} minutes" if report.seconds >= 90 else ""
    title = f"Measured on {report.date}{minutes}."
    parts = ["# Benchmarks", _wrap(_INTRODUCTION), title, *([_QUICK] if report.quick else [])]
    parts += [_table(["machine", ""], [[label, value] for label, value in report.machine.items()])]
    parts += ["\n".join(f"* {remark}" for remark in report.remarks)] if report.remarks else []
    parts += _aims(report.figures)
    for figure in report.figures:
        parts += _section(figure)
    if report.failed:
        parts += ["## Not measured", "\n".join(f"* {name}: {why}" for name, why in report.failed.items())]
    return "\n\n".join(parts) + "\n"


def as_json(report: Report) -> str:
    """The whole of docs/benchmarks.json; lists of numbers stand on one line."""
    text = json.dumps(report.as_json(), indent=1)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def cell(row: Row, sample: Sample) -> str:
    """A sample in a table: median, spread where there is one, and the percentile that the row asks for."""
    unit = f" {row.unit}" if row.unit else ""
    text = f"{_number(sample.median, row.digits)}{unit}"
    low, high = _number(sample.low, row.digits), _number(sample.high, row.digits)
    if low != high:
        text += f" [{low}..{high}]"
    if row.percentile is not None and sample.n >= 100 / (100 - row.percentile) / 2:
        text += f", p{row.percentile} {_number(sample.percentile(row.percentile), row.digits)}"
    return text


def _aims(figures: Iterable[Figure]) -> list[str]:
    lines = []
    for figure in figures:
        for row in figure.rows:
            verdict = row.verdict()
            if row.aim is not None and verdict is not None:
                lines.append([f"{figure.title}: {row.what}", row.aim.text, _measured(row), "yes" if verdict[1] else "**no**"])
    return ["## Aims", _table(["", "aim", "measured", "met"], lines)] if lines else []


def _measured(row: Row) -> str:
    ratio = None if row.aim is None or row.aim.of is None else row.ratio(row.aim.of)
    return cell(row, row.samples[OURS]) if ratio is None else _share(ratio)


def _section(figure: Figure) -> list[str]:
    sides = [side for side in SIDES if any(side in row.samples for row in figure.rows)]
    others = [other for other in OTHERS if any(row.ratio(other) is not None for row in figure.rows)]
    aims = any(row.aim is not None for row in figure.rows)
    header = ["", *sides, *(f"ours / {other}" for other in others), "n", *(["aim"] if aims else [])]
    lines = []
    for row in figure.rows:
        cells = [cell(row, row.samples[side]) if side in row.samples else "" for side in sides]
        shares = ["" if (ratio := row.ratio(other)) is None else _share(ratio) for other in others]
        aim = [row.aim.text if row.aim is not None else ""] if aims else []
        lines.append([row.what, *cells, *shares, str(max(sample.n for sample in row.samples.values())), *aim])
    notes = [_wrap(note) for note in figure.notes]
    return [f"## {figure.title}", _wrap(figure.how), _table(header, lines), *notes]


def _share(ratio: Sample) -> str:
    text = f"{ratio.median:.2f}"
    return text if ratio.n == 1 else f"{text} [{ratio.low:.2f}..{ratio.high:.2f}]"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _wrap(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *lines])
