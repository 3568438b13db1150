"""Steady monitoring: what must raise no fault, an hour of changes on a healthy network, what Prometheus sees of it, and what
it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from random import Random

import pytest

from mininet_topos.lab import Lab
from tests.acceptance import monitoring_calm as calm
from tests.acceptance import monitoring_cost as cost
from tests.acceptance import monitoring_score as score
from tests.acceptance import oam_breaking as breaking
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.monitoring_lab import opened, traffic
from tests.acceptance.monitoring_prometheus import prometheus
from tests.acceptance.waiting import until

CAPABILITY = "monitoring"
TITLE = "steady monitoring: no false alarms, and what it costs"
pytestmark = pytest.mark.lab

CALM = "Negative controls: no provider fault is raised"
ALERTS = "Prometheus"
COST = "Cost"
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


def test_changes_of_a_healthy_network_raise_nothing(lab: Lab, evidence: Evidence) -> None:
    seconds = 3600.0 if FULL else 20.0
    with traffic(lab, 60.0):
        score.warm(lab)
        score.calm(lab)
        with score.nothing_raised(lab) as raised:
            changes = calm.churn(lab, Random(SEED), seconds)
            time.sleep(calm.LOOKED_AT_FOR)
    evidence.show(CALM, f"{seconds:.0f} s of churn (ports, routes, migrations)", f"{len(raised)} raised in {changes} changes")
    assert not raised, raised


def test_prometheus_fires_for_a_link_that_is_cut(lab: Lab, evidence: Evidence) -> None:
    """Debian's Prometheus, with the rules of docs/."""
    score.calm(lab)
    with prometheus(lab) as server:
        with breaking.cut(lab, "hv4"):
            began = time.monotonic()
            until("the alert fires", lambda: server.alerts("OverlayFault", element="link hv4", severity="page"), 30.0)
            evidence.show(
                ALERTS, "from the cut of a link to the alert firing", f"{time.monotonic() - began:.1f}", "s, scraped every second"
            )
        until("it is over", lambda: not server.alerts("OverlayFault"), 60.0)
        assert not server.failing_rules()


def test_what_it_costs(evidence: Evidence) -> None:
    """Probes and the controller's CPU in real labs, idle; of larger fabrics, planned and simulated."""
    for chassis in (3, 10) if FULL else (3,):
        rate, cpu = cost.measured(f"c{os.getpid()}", chassis, 60.0 if FULL else 10.0)
        evidence.show(
            COST, f"{chassis} chassis: probes; the controller's CPU in all", f"{rate:.0f} a second; {100 * cpu:.1f}", "%"
        )
    for chassis in (10, 256, 1000) if FULL else (10, 256):
        evidence.show(COST, f"planned, {chassis} chassis", cost.planned(chassis))
