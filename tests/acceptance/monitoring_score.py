"""Runs faults of the catalogue and keeps the score: detected, right layer, right element, right ports, how soon, what else
was said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mininet_topos.lab import Lab
from tests.acceptance.monitoring_faults import Case
from tests.acceptance.waiting import until

_POLL = 0.03
_STAYS = 2.0
"""Seconds for which the last verdict is looked at after the right one came: what is said then is what an operator reads."""
_HEALS_WITHIN = 240.0


@dataclass
class Row:
    """What came of a case. `seconds` is the time to the right verdict, None if it never came; `others` are provider faults
    beside it."""

    case: Case
    seconds: float | None = None
    layer: bool = False
    element: bool = False
    ports: bool | None = None
    first: str = ""
    others: list[str] = field(default_factory=list)

    @property
    def detected(self) -> bool:
        """Whether any fault of the provider's was raised."""
        return bool(self.first)

    @property
    def text(self) -> str:
        """One line."""
        when = "never" if self.seconds is None else f"{self.seconds:.2f} s"
        beside = f"; beside it: {', '.join(self.others)}" if self.others else ""
        return f"{self.case.kind}, {self.case.place}: {when}; first: {self.first or 'nothing'}{beside}; ports {self.ports}"


def lasting(lab: Lab) -> list[dict[str, Any]]:
    """The faults that last."""
    return [f for f in lab.rest.get("/v1/health").json["faults"] if f["until"] is None]


def calm(lab: Lab, seconds: float = _HEALS_WITHIN) -> None:
    """Wait until no fault lasts."""
    until("no fault lasts", lambda: not lasting(lab), seconds)


def warm(lab: Lab) -> None:
    """Wait until the monitor has seen enough to know what is usual."""

    def watched() -> bool:
        layers = {layer["layer"]: layer for layer in lab.rest.get("/v1/health").json["layers"]}
        return layers["underlay"]["watched"] > 0 and not layers["underlay"]["unknown"] and not layers["tunnel"]["unknown"]

    until("all is watched", watched, 30.0)


def table(rows: list[Row]) -> str:
    """By kind: how many, how many detected, with the right layer and element, hit exactly, and times in seconds."""
    lines = [f"{'fault':<28} {'n':>2} {'seen':>4} {'layer':>5} {'element':>7} {'ports':>5} {'median':>7} {'worst':>7}  beside it"]
    for kind in dict.fromkeys(row.case.kind for row in rows):
        own = [row for row in rows if row.case.kind == kind]
        times = sorted(row.seconds for row in own if row.seconds is not None)
        hit = [row.ports for row in own if row.ports is not None]
        timed = f"{median(times):>7.2f} {times[-1]:>7.2f}" if times else f"{'-':>7} {'-':>7}"
        ports = f"{sum(hit):>5}" if hit else f"{'-':>5}"
        counts = f"{sum(r.detected for r in own):>4} {sum(r.layer for r in own):>5} {sum(r.element for r in own):>7}"
        beside = "; ".join(sorted({other for row in own for other in row.others}))
        lines.append(f"{kind:<28} {len(own):>2} {counts} {ports} {timed}  {beside}".rstrip())
    return "\n".join(lines)


def run(lab: Lab, case: Case) -> Row:
    """Break, watch, mend, and wait until it is well again."""
    calm(lab)
    known = {f["id"] for f in lab.rest.get("/v1/health").json["faults"]}
    row = Row(case)
    allowed = None if case.ports is None else case.ports(lab)
    with case.breaks(lab):
        began = time.monotonic()
        right_at = None
        while time.monotonic() < began + case.within:
            new = [f for f in lab.rest.get("/v1/health").json["faults"] if f["id"] not in known]
            now = time.monotonic() - began
            _look(row, case, new, now)
            if row.seconds is not None:
                right_at = right_at if right_at is not None else time.monotonic()
                if time.monotonic() - right_at > _STAYS:
                    break
            time.sleep(_POLL)
        new = [f for f in lab.rest.get("/v1/health").json["faults"] if f["id"] not in known and f["provider"]]
        right = [f for f in new if _is_right(case, f)]
        ids = [f["id"] for f in right]
        beside = [f for f in new if not _is_right(case, f) and not any(f"part of {i}" in " ".join(f["evidence"]) for i in ids)]
        row.others = sorted({f"{f['kind']} {f['element']}" for f in beside})
        if right and allowed is not None:
            row.ports = any(set(f["impact"]["ports"]) in allowed for f in right)
    return row


def _look(row: Row, case: Case, faults: list[dict[str, Any]], now: float) -> None:
    for fault in faults:
        if fault["provider"] and not row.first:
            row.first = f"{fault['kind']} {fault['element']} at {now:.2f} s"
        row.layer = row.layer or fault["layer"] in case.layers
        if _is_right(case, fault) and row.seconds is None:
            row.element, row.seconds = True, now


def _is_right(case: Case, fault: dict[str, Any]) -> bool:
    element = fault["element"]
    named = any(element == wanted or (wanted.endswith(" ") and element.startswith(wanted)) for wanted in case.elements)
    return fault["layer"] in case.layers and fault["kind"] in case.kinds and named


@contextmanager
def nothing_raised(lab: Lab) -> Iterator[list[str]]:
    """The provider faults that are raised meanwhile, as text."""
    known = {f["id"] for f in lab.rest.get("/v1/health").json["faults"]}
    found: list[str] = []
    yield found
    faults = lab.rest.get("/v1/health").json["faults"]
    found += [f"{f['kind']} {f['element']}: {'; '.join(f['evidence'])}" for f in faults if f["id"] not in known and f["provider"]]
