"""Steady monitoring as metrics, and the alert rules that rest on them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ryu_overlay.health.kinds import KINDS
from ryu_overlay.northbound.metrics_health import MAX_NAMED
from tests.unit.northbound.memory import Caller, MemoryService
from tests.unit.northbound.memory_health import DOWN, LOSSY, fault

RULES = Path(__file__).parents[3] / "docs" / "prometheus-rules.yml"


def lines(call: Caller) -> list[str]:
    return call.raw("GET", "/metrics").body.decode().splitlines()


def test_lasting_faults_are_counted_and_those_of_the_provider_named(call: Caller) -> None:
    told = [line for line in lines(call) if line.startswith("overlay_health_fault")]
    assert told == [
        'overlay_health_faults{kind="guest_off",layer="guest",quiet="false"} 1.0',
        'overlay_health_faults{kind="down",layer="underlay",quiet="false"} 1.0',
        'overlay_health_faults{kind="lossy",layer="underlay",quiet="true"} 1.0',
        'overlay_health_fault{element="link hv2",id="f3",kind="down",layer="underlay",quiet="false"} 1.0',
        'overlay_health_fault{element="path hv1>hv2",id="f2",kind="lossy",layer="underlay",quiet="true"} 1.0',
    ]


def test_what_is_watched_and_not_known(call: Caller) -> None:
    told = lines(call)
    assert 'overlay_health_watched{layer="guest"} 40.0' in told and 'overlay_health_unknown{layer="guest"} 4.0' in told


def test_who_is_hit_is_counted_once_and_only_by_what_is_not_quiet(call: Caller, service: MemoryService) -> None:
    other = replace(DOWN, id="f9", impact=replace(DOWN.impact, ports=("b-1", "b-2"), routers=()))
    service.health.faults = (DOWN, other, LOSSY)
    told = dict(re.findall(r'^overlay_health_impacted\{what="(\w+)"\} (.+)$', "\n".join(lines(call)), re.M))
    assert told == {"tenants": "2.0", "switches": "3.0", "routers": "1.0", "ports": "3.0", "floating_ips": "1.0"}


def test_only_so_many_have_a_name_the_oldest_that_are_to_alarm(call: Caller, service: MemoryService) -> None:
    many = [fault(f"n{n}", "down", f"link hv{n}", float(n), quiet="" if n > 2 else "maintenance") for n in range(2 * MAX_NAMED)]
    service.health.faults = tuple(reversed(many))
    told = lines(call)
    named = {match[1] for line in told if (match := re.search(r'^overlay_health_fault\{.*id="(\w+)"', line))}
    assert named == {f"n{n}" for n in range(3, MAX_NAMED + 3)}
    assert f'overlay_health_faults{{kind="down",layer="underlay",quiet="false"}} {2 * MAX_NAMED - 3:.1f}' in told


def test_rules_name_only_metrics_and_labels_that_there_are(call: Caller) -> None:
    text = RULES.read_text(encoding="utf-8")
    told = "\n".join(lines(call))
    labels = {
        name: set(re.findall(r'(\w+)="', next(iter(re.findall(rf"^{name}(\{{.*\}})? ", told, re.M)))))
        for name in set(re.findall(r"\boverlay_\w+", text))
    }
    assert set(labels) > {"overlay_health_fault", "overlay_health_unknown", "overlay_revision"}
    for name, selectors in re.findall(r"\b(overlay_\w+)\{([^}]*)\}", text):
        assert set(re.findall(r"(\w+)(?:=|!)", selectors)) <= labels[name]
    for rule in text.split("- alert:")[1:]:
        [expression] = re.findall(r"expr: (.*)", rule)
        used = set().union(*(labels[name] for name in re.findall(r"\boverlay_\w+", expression)))
        assert set(re.findall(r"\$labels\.(\w+)", rule)) <= used
        assert re.search(r"severity: (page|warn)\n", rule)


def test_guests_own_are_what_rules_leave_out() -> None:
    assert all((kind.layer == "guest") is not kind.provider for kind in KINDS.values())
