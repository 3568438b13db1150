"""Ping, traceroute and their like on real packets: the conformance suite, and in full the same suite on OVN beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mininet_topos.lab import Lab
from tests.acceptance import icmp_network, icmp_table, icmp_tools
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.icmp_cases import CASES
from tests.acceptance.icmp_judge import Result
from tests.acceptance.icmp_run import Run
from tests.bench.ovn import installed

CAPABILITY = "icmp"
TITLE = "ping and traceroute as before, and meaning something"
pytestmark = pytest.mark.lab

CONFORMANCE = "Conformance"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with icmp_network.ours() as made:
        yield made


def conformance(lab: Lab) -> list[Result]:
    """What comes of all cases, in the order of `icmp_table.ALL`."""
    return [*Run(lab, CASES).results(), *icmp_tools.run(lab)]


def test_conformance(lab: Lab, evidence: Evidence) -> None:
    """Every case of docs/icmp.md is right."""
    ours = conformance(lab)
    ovn: list[Result] = []
    if FULL and installed():
        with icmp_network.ovn() as other:
            ovn = conformance(other)
    evidence.show(CONFORMANCE, "cases right", icmp_table.summary(ours))
    if ovn:
        evidence.show(CONFORMANCE, "cases right with OVN", icmp_table.summary(ovn))
    evidence.table(CONFORMANCE, icmp_table.results(ours, ovn))
    assert icmp_table.wrong(ours) == []
