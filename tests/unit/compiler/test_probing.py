"""Probes go where tenants' packets go, are told of at each table, and do no harm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest
from hypothesis import given

from ryu_overlay.compiler.base import base
from ryu_overlay.compiler.keys import VNI_BITS
from ryu_overlay.compiler.program import compile_all
from ryu_overlay.oam.sighting import only_looks
from ryu_overlay.openflow.actions import Punt, Resubmit, SetField
from ryu_overlay.openflow.actions_nicira import Load
from ryu_overlay.openflow.fields import ETH_CFM, ETH_IP, ETH_SRC, ETH_TYPE, TUN_ID, Field
from ryu_overlay.openflow.flow import Block, Flow, Group, Program
from ryu_overlay.openflow.lookup import Lookup, ends, leads_to
from ryu_overlay.pipeline.cookies import DROP_BIT, Feature, read_cookie
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.pipeline.registers import ANSWER, DELIVERED, HELD, LINK, OFPORT, PROBE, ROUTERS_AT, ROUTERS_BITS, SEEN, TUNNEL
from ryu_overlay.pipeline.table import ON_TOP
from ryu_overlay.pipeline.tables import (
    ECHO_BACK_VNI,
    ECHO_VNI,
    EXT_BEAT,
    EXT_CLOCK,
    EXT_STEADY,
    LR_IN_ADMIT,
    LR_IN_TRACKED,
    OAM_METER,
    PHY_IN_TUNNEL,
    PHY_OUT,
    PUNT_CHASSIS,
    PUNT_PORT,
    PUNT_UPLINK,
    TABLES,
)
from tests.golden.networks import Placed, placed_networks
from tests.golden.networks_out import placed_outside
from tests.unit.compiler.test_borders import usual
from tools.scenarios import scenarios

CLOCK = {EXT_CLOCK.number, EXT_BEAT.number, EXT_STEADY.number}
COUNTERS = {table.number for table in TABLES.values() if table.name.startswith(("lr_count_", "tun_count_", "use_"))}
METERS = {PUNT_UPLINK.number, PUNT_PORT.number, PUNT_CHASSIS.number}
GROUP_BIT, MARK = 1 << 40, 1 << 23
Bits = Mapping[Field, tuple[int, int]]


def all_programs() -> Iterator[Program]:
    for scenario in scenarios():
        yield from scenario.programs.values()
    yield from usual().values()


def bits(flow: Flow) -> dict[Field, tuple[int, int]]:
    """What a flow asks for: by field, value and mask."""
    return {field: (value, field.full if mask is None else mask) for field, value, mask in flow.match}


def without_probe(flow: Flow) -> Bits:
    return {field: asked for field, asked in bits(flow).items() if field is not PROBE.field}


def holds_all(wider: Bits, narrower: Bits) -> bool:
    """Whether every packet that has the bits of `narrower` has those of `wider`."""
    return all(
        f in narrower and mask & ~narrower[f][1] == 0 and narrower[f][0] & mask == value for f, (value, mask) in wider.items()
    )


def feature(flow: Flow) -> Feature:
    why = read_cookie(flow.cookie)
    assert why is not None
    return why.feature


def catches(flow: Flow) -> bool:
    return feature(flow) is Feature.PUNT_CAUGHT and flow.instructions.actions == (Punt(),)


def by_table(program: Program) -> dict[int, list[Flow]]:
    found: dict[int, list[Flow]] = {}
    for flow in program.flows():
        found.setdefault(flow.table, []).append(flow)
    return found


def groups_of(program: Program) -> dict[int, Group]:
    return {group.number: group for group in program.groups()}


def check(program: Program) -> None:
    """All that has to hold of any program."""
    groups = groups_of(program)
    for number, flows in by_table(program).items():
        catching = [flow for flow in flows if catches(flow)]
        # What is sent back by the tunnel that it came by is no probe, and none of the tenants' either.
        tenants = [f for f in flows if not only_looks(f) and feature(f) not in (Feature.PUNT_ECHO, Feature.PATH)]
        for flow in tenants:
            assert flow.priority < min(ON_TOP.values())
            for after in leads_to(flow, groups) - {number}:
                assert BITS[after] != BITS[number], flow.text
            if flow.cookie & DROP_BIT or ("output" in ends(flow, groups) and number != PHY_OUT.number):
                assert any(c.priority > flow.priority and holds_all(without_probe(c), bits(flow)) for c in catching), flow.text
        for catch in catching:
            check_no_more_is_caught(catch, tenants)


BITS = {table.number: table.bit for table in TABLES.values()}


def check_no_more_is_caught(catch: Flow, tenants: Iterable[Flow]) -> None:
    """Whatever a flow that catches probes keeps from them, drops, floods, or answers ARP, or something above it does."""
    match = without_probe(catch)
    below = [flow for flow in tenants if flow.priority < catch.priority and overlap(match, bits(flow))]
    ending = [flow for flow in below if is_end(flow)]
    for flow in below:
        if not is_end(flow):
            both = {**bits(flow), **match}
            assert any(e.priority > flow.priority and holds_all(bits(e), both) for e in ending), (catch.text, flow.text)
    assert not any(flow.priority == catch.priority and overlap(match, bits(flow)) for flow in tenants), catch.text


def is_end(flow: Flow) -> bool:
    return bool(flow.cookie & DROP_BIT) or feature(flow) in (Feature.FLOODING, Feature.ARP)


def overlap(one: Bits, other: Bits) -> bool:
    return all((one[f][0] ^ other[f][0]) & one[f][1] & other[f][1] == 0 for f in one.keys() & other.keys())


def test_probes_are_caught_where_and_only_where_packets_would_end_and_reach_nobody() -> None:
    for program in all_programs():
        check(program)


@given(placed_networks(most_hops=3))
def test_so_they_are_in_any_network(placed: Placed) -> None:
    for program in compile_all(placed.network, placed.fabric, Limits(100, 10)).values():
        check(program)


@given(placed_outside())
def test_so_they_are_at_any_border(placed: Placed) -> None:
    for program in compile_all(placed.network, placed.fabric, Limits(100, 10)).values():
        check(program)


def test_every_table_tells_of_a_probe_once_before_it_looks_it_up() -> None:
    lookup = Lookup(base().flows)
    for table in TABLES.values():
        new, seen = ({PROBE.field: 1, SEEN.field: value} for value in (0xFFFFFFFF & ~table.bit, table.bit))
        gate = lookup.find(table.number, new)
        assert gate is not None
        if table.number in CLOCK | COUNTERS | METERS:
            assert feature(gate) in (Feature.CLOCK, Feature.COUNTER, Feature.LIMIT)
            continue
        assert feature(gate) is Feature.PUNT_SEEN and gate.priority >= ON_TOP["gate"]
        first, told, *_, again = gate.instructions.actions
        assert (first, told, again) == (Punt(), SetField(SEEN.field, table.bit), Resubmit(table.number))
        after = lookup.find(table.number, seen)
        assert after is not None and feature(after) is not Feature.PUNT_SEEN
        passing = lookup.find(table.number, {SEEN.field: 0})
        assert passing is not None and feature(passing) is not Feature.PUNT_SEEN, "tenants' packets pass"


@pytest.mark.parametrize("kind", [1, DELIVERED])
def test_the_third_router_holds_a_probe(kind: int) -> None:
    """Else it would go back to earlier tables more often than Open vSwitch lets a packet."""
    counted = []
    for routers in range(HELD + 1):
        state = {PROBE.field: kind | routers << ROUTERS_AT, SEEN.field: 0, ETH_TYPE: ETH_IP}
        flow = Lookup(base().flows).find(LR_IN_ADMIT.number, state)
        assert flow is not None and feature(flow) is Feature.PUNT_SEEN
        counted.append([a.value for a in flow.instructions.actions if isinstance(a, Load) and a.field is PROBE.field])
        assert (flow.instructions.actions == (Punt(),)) == (routers == HELD)
    assert counted == [[1], [2], []] and HELD.bit_length() <= ROUTERS_BITS


def test_no_probe_gets_where_there_are_no_gates() -> None:
    """Only beats of the clock do, which are no probes; counters lead nowhere."""
    for program in all_programs():
        groups = groups_of(program)
        for flow in program.flows():
            if flow.table not in CLOCK and leads_to(flow, groups) & CLOCK:
                assert bits(flow)[ETH_TYPE] == (ETH_CFM, 0xFFFF)
            if flow.table in COUNTERS:
                assert flow.instructions.goto in {None, *COUNTERS}
                assert all(isinstance(a, SetField) and a.field is LINK.field for a in flow.instructions.actions)


def test_what_makes_packets_probes_that_come_from_outside_is_metered() -> None:
    """Each becomes a dozen packet-ins."""
    makes = [flow for flow in base().flows if any(isinstance(a, SetField) and a.field is PROBE.field for a in actions(flow))]
    assert {flow.table for flow in makes} == {PHY_IN_TUNNEL.number, LR_IN_TRACKED.number}
    assert {flow.instructions.meter for flow in makes} == {OAM_METER}


def actions(flow: Flow) -> tuple[object, ...]:
    return flow.instructions.actions


UNMARK, MARKED = "load:0x0->NXM_NX_TUN_ID[23]", "output:NXM_NX_REG3[0..15]"
GROUP = "load:0x1->NXM_OF_ETH_SRC[40]"


@pytest.mark.parametrize(
    ("probe", "answer", "ofport", "then"),
    [
        (0, 0, 7, MARKED),
        (0, 1, TUNNEL | 7, f"resubmit(,93),{MARKED}"),
        (1, 0, 7, "set_field:0x0->reg5"),
        (1, 1, 7, "set_field:0x0->reg5"),
        (DELIVERED, 0, 7, MARKED),
        (DELIVERED, 1, 7, MARKED),
        (1, 0, TUNNEL | 7, f"{MARKED},{UNMARK},{GROUP},{MARKED}"),
        (DELIVERED, 1, TUNNEL | 7, f"{GROUP},{MARKED},{UNMARK},{MARKED}"),
        (DELIVERED, 0, TUNNEL | 7, f"{GROUP},{MARKED},{UNMARK},{MARKED}"),
    ],
)
def test_what_leaves_the_bridge(probe: int, answer: int, ofport: int, then: str) -> None:
    state = {PROBE.field: probe, ANSWER.field: answer, OFPORT.field: ofport, SEEN.field: PHY_OUT.bit}
    flow = Lookup(base().flows).find(PHY_OUT.number, state)
    assert flow is not None and flow.instructions.text == then


@pytest.mark.parametrize(
    ("tun_id", "eth_src", "then"),
    [
        (MARK | 5, 2 << 40, f"meter:6,set_field:0x1->reg6,{UNMARK},resubmit(,4)"),
        (MARK | 5, 3 << 40, f"meter:6,set_field:0x3->reg6,{UNMARK},load:0x0->NXM_OF_ETH_SRC[40],resubmit(,4)"),
        (5, 3 << 40, "meter:6,CONTROLLER:65535"),
        (5, 2 << 40, "drop"),
        (ECHO_VNI, 3 << 40, f"meter:8,CONTROLLER:65535,set_field:{ECHO_BACK_VNI:#x}->tun_id,IN_PORT"),
        (ECHO_BACK_VNI, 2 << 40, "meter:8,CONTROLLER:65535"),
    ],
)
def test_what_comes_by_a_tunnel(tun_id: int, eth_src: int, then: str) -> None:
    flow = Lookup(base().flows).find(PHY_IN_TUNNEL.number, {TUN_ID: tun_id, ETH_SRC: eth_src})
    assert flow is not None and flow.instructions.text == then


def test_nothing_of_a_network_is_taken_for_an_echo() -> None:
    """Neither tenants' packets nor probes, whose VNIs have the mark and the network's bits."""
    assert {ECHO_VNI >> VNI_BITS, ECHO_BACK_VNI >> VNI_BITS} == {0b11} and MARK >> VNI_BITS == 0b10


def test_without_the_flows_that_catch_probes_the_check_fails() -> None:
    program = usual()["hv1"]
    groups = tuple(program.groups())
    for catching in filter(catches, program.flows()):
        others = tuple(flow for flow in program.flows() if flow is not catching)
        with pytest.raises(AssertionError):
            check(Program({0: Block(others, groups)}))
