"""Verdicts on flows that differ, translations that run out, and uplinks that nobody carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.health.elements import read_element
from ryu_overlay.health.evidence import Altered, Evidence, Exhausted
from ryu_overlay.health.virtual import MANY, TOLD_FOR, on_virtual

NOW = 100.0
FLOW = Altered("hv1", "missing", "ls_in_lookup", "port red/web/p1", "priority=5 actions=drop", 99.0, lasts=True)
FULL = Exhausted("hv1", 12, 98.0)


def told(**known: Any) -> list[tuple[str, str, float]]:
    return [(v.kind, v.element.text, since) for v, since in on_virtual(Evidence(NOW, {}, **known))]


@pytest.mark.parametrize(
    ("what", "kind"),
    [("missing", "flow_missing"), ("changed", "flow_altered"), ("extra", "flow_extra"), ("foreign", "flow_foreign")],
)
def test_a_flow_that_differs_is_told_by_its_place_and_object(what: str, kind: str) -> None:
    assert told(altered=(replace(FLOW, what=what),)) == [(kind, "flow hv1 ls_in_lookup port red/web/p1", 99.0)]


def test_a_group_has_no_table() -> None:
    assert told(altered=(replace(FLOW, what="group", object="router red/r1"),)) == [
        ("group_altered", "group hv1 router red/r1", 99.0)
    ]


def test_what_was_put_right_is_told_for_a_while() -> None:
    healed = replace(FLOW, lasts=False)
    ((verdict, _),) = on_virtual(Evidence(NOW, {}, altered=(healed,)))
    assert verdict.evidence == (f"{FLOW.text}; put right",)
    assert told(altered=(replace(healed, since=NOW - TOLD_FOR),)) == []
    assert len(told(altered=(replace(FLOW, since=NOW - TOLD_FOR),))) == 1, "what lasts is told on"


def test_flows_of_one_object_in_one_table_are_one() -> None:
    flows = (FLOW, replace(FLOW, text="other", since=97.0), replace(FLOW, table="lr_in_route"), replace(FLOW, chassis="hv2"))
    found = told(altered=flows)
    assert [element for _, element, _ in found] == [
        "flow hv1 ls_in_lookup port red/web/p1",
        "flow hv1 lr_in_route port red/web/p1",
        "flow hv2 ls_in_lookup port red/web/p1",
    ]
    assert found[0][2] == 97.0


@pytest.mark.parametrize("number", [MANY, MANY + 1])
def test_many_flows_are_one_program(number: int) -> None:
    flows = tuple(replace(FLOW, object=f"port red/web/p{n}", since=90.0 + n / 10) for n in range(number))
    found = told(altered=flows)
    if number <= MANY:
        assert len(found) == number
    else:
        assert found == [("flow_missing", "program hv1", 90.0)]
        ((verdict, _),) = on_virtual(Evidence(NOW, {}, altered=flows))
        assert len(verdict.evidence) == MANY + 1


def test_every_element_can_be_typed() -> None:
    flows = (FLOW, replace(FLOW, what="group"), replace(FLOW, object="-"))
    for verdict, _ in on_virtual(Evidence(NOW, {}, altered=flows, orphans=("red/r1/up",))):
        assert read_element(verdict.element.text) == verdict.element


def test_connections_without_translation_are_told_by_what_ran_out() -> None:
    rules = ("red/r1/one", "red/r1/two")
    assert told(exhausted=(replace(FULL, room=False),)) == [("conntrack_full", "conntrack hv1", 98.0)]
    assert told(exhausted=(replace(FULL, room=True, rules=rules),)) == [
        ("nat_exhausted", "snat red/r1/one", 98.0),
        ("nat_exhausted", "snat red/r1/two", 98.0),
    ]
    assert told(exhausted=(replace(FULL, rules=rules),)) == [], "while it is not known whether conntrack has room"


def test_an_uplink_that_nobody_carries_is_told() -> None:
    assert told(orphans=("red/r1/up",)) == [("no_gateway", "router-port red/r1/up", NOW)]
