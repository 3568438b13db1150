"""Verdicts on hosts: dead, hung, cut off or slow, by what can be told of them; their interfaces, and guests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.health.direction import Direction
from ryu_overlay.health.elements import Element
from ryu_overlay.health.evidence import Evidence, Host
from ryu_overlay.health.hosts import forwarding_nothing, on_hosts, starving
from ryu_overlay.health.lives import Life

NOW = 100.0
GOOD = Host("hv1", channel=True, database=True)
TRIES = {("hv2", "hv1", False): Direction(), ("hv1", "hv2", False): Direction()}


def evidence(*hosts: Host, **other: Any) -> Evidence:
    """Of these, and of hv2, with which all is well."""
    known = {host.name: host for host in (Host("hv2", channel=True, database=True), *hosts)}
    lives = {name: Life(NOW) for name in known}
    return Evidence(NOW, known, **{"lives": lives, "directions": TRIES, **other})


def verdicts(found: Evidence) -> list[tuple[str, str]]:
    return [(verdict.kind, verdict.element.text) for verdict, _ in on_hosts(found)]


CUT = replace(GOOD, channel=False, gone=99.0)
SILENT = replace(GOOD, silent=99.0)
BACK: dict[str, Any] = {"reflected": 99.5}
NOT_BACK: dict[str, Any] = {"reflected": 98.5, "unreflected": 3}


@pytest.mark.parametrize(
    ("host", "life", "verdict"),
    [
        (CUT, NOT_BACK, ("vswitch_down", "vswitch hv1")),
        (replace(CUT, database=False), NOT_BACK, ("chassis_down", "chassis hv1")),
        (SILENT, NOT_BACK, ("vswitch_hung", "vswitch hv1")),
        (CUT, BACK, ("channel_down", "channel hv1")),
        (replace(CUT, database=False), BACK, ("channel_down", "channel hv1")),
        (SILENT, BACK, ("channel_down", "channel hv1")),
    ],
)
def test_whether_it_forwards_is_told_by_what_others_get_back(host: Host, life: dict[str, Any], verdict: tuple[str, str]) -> None:
    found = evidence(host, lives={"hv1": Life(NOW, **life), "hv2": Life(NOW)})
    assert verdicts(found) == [verdict]
    assert on_hosts(found)[0][1] == 99.0


@pytest.mark.parametrize("host", [CUT, SILENT])
@pytest.mark.parametrize("life", [{}, {"reflected": 98.5}, {"unreflected": 2}, {"reflected": 99.5, "unreflected": 1}])
def test_until_that_is_known_nothing_is_told(host: Host, life: dict[str, Any]) -> None:
    assert verdicts(evidence(host, lives={"hv1": Life(NOW, **life), "hv2": Life(NOW)})) == []


def test_one_that_is_well_is_not_told_of() -> None:
    assert verdicts(evidence(GOOD)) == []


def test_one_that_no_other_can_try_counts_as_dead_after_a_while_if_the_others_are_well() -> None:
    for gone, expected in ((99.0, []), (97.0, [("vswitch_down", "vswitch hv1")])):
        assert verdicts(evidence(replace(CUT, gone=gone), directions={})) == expected


def test_if_all_are_cut_off_they_are_not_dead_for_all_that_is_known() -> None:
    for host in (replace(CUT, gone=97.0), replace(CUT, gone=97.0, database=False)):
        found = evidence(host, replace(host, name="hv2"))
        assert verdicts(found) == [("channel_down", "channel hv1"), ("channel_down", "channel hv2")]


def test_of_one_that_forwards_nothing_probes_tell_nothing() -> None:
    dead, cut = {"lives": {"hv1": Life(NOW, **NOT_BACK)}}, {"lives": {"hv1": Life(NOW, **BACK)}}
    assert forwarding_nothing(on_hosts(evidence(CUT, **dead))) == {"hv1"}
    assert forwarding_nothing(on_hosts(evidence(SILENT, **dead))) == {"hv1"}
    assert forwarding_nothing(on_hosts(evidence(CUT, **cut))) == set()


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"dead_ends": frozenset({"physnet1"})}, ("external_down", "external-link hv1 physnet1")),
        ({"unplugged": frozenset({"red-web-1"})}, ("vnic_down", "vnic hv1 red-web-1")),
        ({"off": frozenset({"red-web-1"})}, ("guest_off", "port red-web-1")),
        ({"behind": 80.0}, ("not_converged", "program hv1")),
    ],
)
def test_facts_are_told_as_they_are(facts: dict[str, Any], verdict: tuple[str, str]) -> None:
    assert verdicts(evidence(replace(GOOD, **facts))) == [verdict]


def test_a_program_has_some_time() -> None:
    assert verdicts(evidence(replace(GOOD, behind=95.0))) == []
    assert verdicts(evidence(replace(CUT, behind=80.0))) == []


def test_why_a_program_is_not_confirmed_is_told() -> None:
    ((verdict, since),) = on_hosts(evidence(replace(GOOD, behind=80.0, problems=("it refused a group",))))
    assert since == 80.0
    assert "it refused a group" in verdict.evidence


def test_a_guest_that_does_not_answer_is_not_the_providers_fault() -> None:
    ((verdict, _),) = on_hosts(evidence(GOOD, silent_guests=("red-web-1",)))
    assert (verdict.kind, verdict.element, verdict.what.provider) == ("guest_silent", Element("port", ("red-web-1",)), False)


def answered(seconds: Iterable[float], every: float = 1.0) -> Life:
    """The last answer took the last of these."""
    took = list(seconds)
    return Life(NOW, took=[(NOW - every * (len(took) - 1 - n), s) for n, s in enumerate(took)])


def late(**lives: Life) -> list[str]:
    hosts = [Host(name, channel=True, database=True) for name in lives]
    return [text for kind, text in verdicts(evidence(*hosts, lives=lives)) if kind == "starved"]


def test_one_that_answers_late_where_others_do_not_is_starved() -> None:
    assert late(hv1=answered([0.1] * 8), hv2=answered([0.002] * 8)) == ["vswitch hv1"]


def test_if_all_answer_late_it_is_the_controller_or_the_machine() -> None:
    assert late(hv1=answered([0.15] * 8), hv2=answered([0.1] * 8)) == []


@pytest.mark.parametrize("took", [[0.1], [0.1, 0.002] * 4, [0.002] * 8, [0.002, 0.1, 0.1]])
def test_a_few_late_answers_are_nothing(took: list[float]) -> None:
    assert late(hv1=answered(took), hv2=answered([0.002] * 8)) == []


def test_late_answers_of_long_ago_are_nothing() -> None:
    life = answered([0.1] * 8)
    life.took = [(at - 60, seconds) for at, seconds in life.took]
    assert late(hv1=life, hv2=answered([0.002] * 8)) == []


def test_suspected_is_one_before_it_is_certain() -> None:
    lives = {"hv1": answered([0.1] * 3), "hv2": answered([0.002] * 8)}
    assert starving(evidence(GOOD, lives=lives)) == {"hv1"}
    assert late(**lives) == []
