"""Steady monitoring: what must raise no fault, an hour of changes on a healthy network, what Prometheus sees of it, and what it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from random import Random

import pytest

from mininet_topos.lab import Lab
from tests.acceptance import monitoring_calm as calm
from tests.acceptance import monitoring_score as score
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.monitoring_lab import opened, traffic

CAPABILITY = "monitoring"
TITLE = "steady monitoring: no false alarms, and what it costs"
pytestmark = pytest.mark.lab

CALM = "Negative controls: no provider fault is raised"
SEED = int(os.environ.get("SEED", "20261126"))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with opened(f"m{os.getpid()}") as made:
        yield made


@pytest.mark.parametrize("name", calm.CONTROLS if FULL else calm.SHORT)
def test_no_fault_is_raised(lab: Lab, evidence: Evidence, name: str) -> None:
    control: Callable[[Lab, Random], AbstractContextManager[None]] = calm.CONTROLS[name]
    times, raised, random = 20 if FULL else 1, list[str](), Random(f"{SEED} {name}")
    with traffic(lab, 60.0):
        score.warm(lab)
        score.calm(lab)
        for _ in range(times):
            with score.nothing_raised(lab) as found:
                with control(lab, random):
                    pass
                time.sleep(calm.LOOKED_AT_FOR)
            raised += found
    evidence.show(CALM, name, f"{len(raised)} raised in {times}")
    assert not raised, raised
