"""Faults at random places on real packets, and the verdict on each.

`make faults` is the long run: each kind at five places. The short form takes some kinds at one place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from statistics import median

import pytest

from mininet_topos.lab import Lab
from tests.acceptance import monitoring_score as score
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.monitoring_faults import CATALOGUE, Case
from tests.acceptance.monitoring_lab import opened, traffic

CAPABILITY = "faults"
TITLE = "faults at random places, and the verdict of steady monitoring on each"
pytestmark = pytest.mark.lab

TABLE = "Single faults at random places"
TIMES = "Time from fault to verdict"
PLACES = 5 if FULL else 1
SEED = int(os.environ.get("SEED", "20261126"))
SHORT = (
    "uplink down at the switch",
    "one pair, one direction",
    "10 % random loss",
    "MTU hole",
    "one VNI lost in the fabric",
    "vswitchd killed",
    "controller channel cut",
    "flow shadowed",
    "NAT pool exhausted",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with opened(f"f{os.getpid()}") as made:
        yield made


@pytest.fixture(scope="module")
def rows() -> list[score.Row]:
    return []


def _cases() -> list[Case]:
    """The same for the same seed. Each kind has a sequence of places of its own, so that one more kind does not move the
    others."""
    found = []
    for number, kind in enumerate(CATALOGUE):
        random = Random(f"{SEED} {number}")
        found += [kind(random) for _ in range(PLACES)]
    return [case for case in found if FULL or case.kind in SHORT]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"{case.kind}, {case.place}")
def test_a_fault_has_one_verdict(lab: Lab, rows: list[score.Row], case: Case) -> None:
    with traffic(lab):
        score.warm(lab)
        row = score.run(lab, case)
    rows.append(row)
    print(row.text)
    assert row.detected, row.text
    assert row.layer, row.text
    assert row.element or FULL, row.text


def test_the_score(rows: list[score.Row], evidence: Evidence) -> None:
    """Of all of them together: what the aims ask for."""
    evidence.quote(TABLE, score.table(rows))
    shares = {name: sum(getattr(r, name) for r in rows) / len(rows) for name in ("detected", "layer", "element")}
    for name, share in shares.items():
        evidence.show(TABLE, f"right: {name}", f"{100 * share:.1f}", f"% of {len(rows)}")
    hit = [r.ports for r in rows if r.ports is not None]
    evidence.show(TABLE, "hard faults whose ports were named exactly", f"{sum(hit)} of {len(hit)}")
    beside = [r for r in rows if r.others]
    evidence.show(TABLE, "faults with another verdict beside the right one", f"{len(beside)} of {len(rows)}")
    for aim, words in ((1.0, "hard faults"), (5.0, "virtual"), (10.0, "loss of 1 % and more, under traffic")):
        times = sorted(r.seconds for r in rows if r.case.aim == aim and r.seconds is not None)
        if times:
            evidence.show(TIMES, f"{words}: median, worst", f"{median(times):.2f}, {times[-1]:.2f}", f"s of {len(times)}")
    assert shares["detected"] == 1.0
    assert shares["layer"] >= 0.99
    assert shares["element"] >= 0.98
    assert all(hit)
