"""Every scenario on a real Open vSwitch: what it has, how it takes the text, and where packets go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ryu_overlay.oam.sighting import LOOKING
from ryu_overlay.openflow.diff import Installed, difference
from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.cookies import Feature
from tests.golden.expectations import Case
from tests.golden.following import Follower
from tests.golden.rig import Loaded, Rig
from tools.scenarios import scenarios

SCENARIOS = scenarios()
CASES = [Case(scenario, given) for scenario in SCENARIOS for given in scenario.packets]


def installed(made: Rig, bridge: str) -> Installed:
    flows, groups, meters = made.switch.dump(bridge)
    assert max(Counter(f.key for f in flows).values(), default=0) <= 1
    return Installed({f.key: f.value for f in flows}, groups, meters)


def as_installed(program: Program) -> Installed:
    groups = {g.number: g.value for g in program.groups()}
    meters = {m.number: m.encoded for m in program.all_meters()}
    return Installed({f.key: f.value for f in program.flows()}, groups, meters)


@pytest.mark.ovs
def test_the_switch_dumps_back_what_was_compiled_byte_for_byte(loaded: Loaded) -> None:
    for chassis, program in loaded.scenario.programs.items():
        had = installed(loaded.rig, loaded.rig.bridge(chassis))
        assert had == as_installed(program)
        assert not difference(had, program, None)


@pytest.mark.ovs
def test_the_text_says_the_same_as_the_bytes(loaded: Loaded) -> None:
    switch = loaded.rig.switch
    for chassis, program in loaded.scenario.programs.items():
        bridge = f"text-{chassis}"
        switch.add_bridge(bridge, [], [])
        files: dict[str, Path] = {s: loaded.scenario.path / f"{chassis}.{s}" for s in ("meters", "groups", "flows")}
        at = f"unix:{switch.directory}/{bridge}.mgmt"
        for line in files["meters"].read_text().splitlines():
            switch.ofctl("add-meter", at, line)
        if files["groups"].exists():
            switch.ofctl("add-groups", at, str(files["groups"]))
        switch.ofctl("add-flows", at, str(files["flows"]))
        assert installed(loaded.rig, bridge) == as_installed(program)


@pytest.mark.ovs
def test_ovs_ofctl_finds_no_difference_between_text_and_switch(loaded: Loaded) -> None:
    for chassis in loaded.scenario.chassis:
        path = loaded.scenario.path / f"{chassis}.flows"
        assert loaded.rig.switch.ofctl("parse-flows", str(path))
        assert loaded.rig.switch.ofctl("diff-flows", str(path), loaded.rig.management(chassis)) == ""


@pytest.mark.ovs
def test_traced_packets_go_the_ways_expected(loaded: Loaded) -> None:
    scenario = loaded.scenario
    follower = Follower(loaded.rig, scenario.network, scenario.fabric)
    cases = [Case(scenario, given) for given in scenario.packets]
    assert {c.given["name"]: c.traced(follower) for c in cases} == {c.given["name"]: c.expected() for c in cases}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.only_traced],
    ids=lambda case: f"{case.scenario.name}: {case.given['name']}",
)
def test_walked_packets_go_the_ways_expected(case: Case) -> None:
    assert case.walked() == case.expected()


def test_the_scenarios_show_every_way_to_end() -> None:
    shown = {leg.end.partition(": ")[2] for case in CASES for way in case.expected() for leg in way}
    features = {
        f.reason if f.is_drop else f.name.removeprefix("PUNT_").lower()
        for f in set(Feature) - LOOKING - {Feature.PUNT_ECHO}
        if f >= Feature.PUNT_TTL_EXCEEDED
    }
    # No packet of a scenario comes by a port that is bound to nothing, and connection tracking never runs out here.
    # Ways that are broken are test_paths'.
    elsewhere = (Feature.DROP_UNKNOWN_IN_PORT, Feature.DROP_NAT_EXHAUSTED, Feature.DROP_NO_PATH)
    assert features - shown == {feature.reason for feature in elsewhere}
