"""Lookups, held against trying every flow, and where flows lead. That Open vSwitch finds the same: tests/golden."""

from __future__ import annotations

from random import Random

import pytest

from ryu_overlay.openflow.actions import (
    OFPP_CONTROLLER,
    OFPP_IN_PORT,
    Action,
    Ct,
    DecTtl,
    Instructions,
    Output,
    Punt,
    Resubmit,
    SetField,
    ToGroup,
)
from ryu_overlay.openflow.actions_nicira import Controller, OutputTo
from ryu_overlay.openflow.fields import (
    CT_STATE,
    ETH_DST,
    ETH_IP,
    ETH_TYPE,
    IP_PROTO,
    IPV4_DST,
    METADATA,
    TCP_DST,
    UDP_DST,
    Field,
    register,
)
from ryu_overlay.openflow.flow import Bucket, Flow, Group, make_match
from ryu_overlay.openflow.lookup import End, Lookup, ends, leads_to

FIELDS = (METADATA, ETH_DST, CT_STATE)
TABLES = (0, 7)


def some_flows(chance: Random) -> list[Flow]:
    """Flows that overlap at will, none of the same priority."""
    priorities = chance.sample(range(100), 40)
    return [
        Flow(chance.choice(TABLES), priority, make_match(some_match(chance)), Instructions(), priority) for priority in priorities
    ]


def some_match(chance: Random) -> dict[Field, int | tuple[int, int]]:
    asked = chance.sample(FIELDS, chance.randint(1, len(FIELDS)))
    return {field: chance.choice((chance.randint(0, 3), (chance.randint(0, 3), chance.randint(1, 3)))) for field in asked}


def holds(flow: Flow, state: dict[Field, int]) -> bool:
    return all((state.get(field, 0) ^ value) & (field.full if mask is None else mask) == 0 for field, value, mask in flow.match)


def is_unwanted(flow: Flow) -> bool:
    return flow.cookie % 3 == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_highest_that_holds_is_found(seed: int) -> None:
    chance = Random(seed)
    flows = some_flows(chance)
    lookup = Lookup(iter(flows))
    for _ in range(100):
        table = chance.choice(TABLES)
        state = {field: chance.randint(0, 3) for field in FIELDS if chance.random() < 0.9}
        there = [flow for flow in flows if flow.table == table and holds(flow, state)]
        assert lookup.find(table, state) is max(there, key=lambda flow: flow.priority, default=None)
        left = [flow for flow in there if not is_unwanted(flow)]
        found = lookup.find(table, state, is_unwanted)
        assert found is max(left, key=lambda flow: flow.priority, default=None)


def flow(match: dict[Field, int | tuple[int, int]], priority: int = 1) -> Flow:
    return Flow(4, priority, make_match(match), Instructions(), priority)


def test_what_is_not_there_is_nought() -> None:
    fresh, tcp = flow({register(6): 0, METADATA: (0, 0xFF)}), flow({ETH_TYPE: ETH_IP, IP_PROTO: 6, TCP_DST: (0, 0x8000)}, 2)
    lookup = Lookup([fresh, tcp])
    assert lookup.find(4, {}) is fresh
    assert lookup.find(4, {METADATA: 0x100}) is fresh and lookup.find(4, {METADATA: 1}) is None
    assert lookup.find(4, {ETH_TYPE: ETH_IP, IP_PROTO: 1}) is fresh
    assert lookup.find(4, {ETH_TYPE: ETH_IP, IP_PROTO: 6}) is tcp
    assert lookup.find(4, {ETH_TYPE: ETH_IP, IP_PROTO: 17, UDP_DST: 5}) is fresh
    assert lookup.find(5, {}) is None and Lookup([]).find(4, {}) is None


def test_a_mask_of_all_bits_is_as_good_as_none() -> None:
    whole = Flow(4, 1, ((IPV4_DST, 5, IPV4_DST.full),), Instructions(), 1)
    assert Lookup([whole]).find(4, {IPV4_DST: 5}) is whole and Lookup([whole]).find(4, {IPV4_DST: 7}) is None


EMPTY = Group(1, ())
SPREAD = Group(2, ((SetField(METADATA, 1), Resubmit(10)), Bucket((Ct(5, 11),)), (Output(3),)))
FALL_BACK = Group(3, (Bucket((ToGroup(2),), watch_group=2), Bucket((Punt(),), watch=1)), "failover")
DROPPING = Group(4, ((Resubmit(12),), ()))
GROUPS = {group.number: group for group in (EMPTY, SPREAD, FALL_BACK, DROPPING)}

LEADS: dict[str, tuple[Instructions, set[int], set[End]]] = {
    "nothing": (Instructions(), set(), {"drop"}),
    "goto": (Instructions(goto=9), {9}, set()),
    "goto after actions": (Instructions((DecTtl(), Output(3)), goto=9), {9}, {"output"}),
    "resubmits": (Instructions((Resubmit(5), Resubmit(6))), {5, 6}, set()),
    "changed, then dropped": (Instructions((SetField(METADATA, 1), DecTtl())), set(), {"drop"}),
    "tracked": (Instructions((Ct(5, 7),)), {7}, set()),
    "tracked from table 0 on": (Instructions((Ct(5, 0),)), {0}, set()),
    "committed only": (Instructions((Ct(5, commit=True),)), set(), {"drop"}),
    "output": (Instructions((Output(OFPP_IN_PORT),)), set(), {"output"}),
    "output by register": (Instructions((OutputTo(register(3)),)), set(), {"output"}),
    "punt": (Instructions((Punt(),)), set(), {"punt"}),
    "output to the controller": (Instructions((Output(OFPP_CONTROLLER),)), set(), {"punt"}),
    "copy, then on": (Instructions((Controller(128, 1), Resubmit(4))), {4}, {"punt"}),
    "group": (Instructions((ToGroup(2),)), {10, 11}, {"output"}),
    "failover": (Instructions((ToGroup(3),)), {10, 11}, {"output", "punt", "drop"}),
    "failover, and beside it": (Instructions((ToGroup(3), Resubmit(1))), {10, 11, 1}, {"output", "punt"}),
    "a bucket that drops": (Instructions((ToGroup(4),)), {12}, {"drop"}),
    "a bucket that drops, then on": (Instructions((ToGroup(4),), goto=8), {12, 8}, set()),
    "no bucket": (Instructions((ToGroup(1),)), set(), {"drop"}),
}


@pytest.mark.parametrize(("instructions", "tables", "ways"), LEADS.values(), ids=list(LEADS))
def test_where_a_flow_leads(instructions: Instructions, tables: set[int], ways: set[End]) -> None:
    some = Flow(4, 1, (), instructions, 1)
    assert set(leads_to(some, GROUPS)) == tables
    assert set(ends(some, GROUPS)) == ways


def test_a_group_that_is_not_there_is_an_error() -> None:
    actions: tuple[Action, ...] = (ToGroup(99),)
    for ask in (leads_to, ends):
        with pytest.raises(KeyError):
            ask(Flow(4, 1, (), Instructions(actions), 1), GROUPS)
