"""A table refuses what it did not declare, and tables, registers and cookies are right as declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.openflow.actions import CheckLarger, Ct, ForgetInPort, Move, Multipath, Output, Punt, Resubmit, SetField, ToGroup
from ryu_overlay.openflow.actions_nicira import Controller, Load, OutputTo
from ryu_overlay.openflow.fields import ETH_SRC, IN_PORT, IPV4_DST, METADATA, TUN_ID, register
from ryu_overlay.pipeline import registers, tables
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.document import document
from ryu_overlay.pipeline.registers import CHOSEN, DATAPATH, LINK, NEXT_HOP, OFPORT, OUT_LPORT, PROBE, REGISTERS, SEEN, Register
from ryu_overlay.pipeline.table import ON_TOP, Table, Undeclared

CAUGHT = Why(Feature.PUNT_CAUGHT)
BIND, DROP, ROUTE = Why(Feature.BINDING), Why(Feature.DROP_UNKNOWN_IN_PORT), Why(Feature.ROUTING)
FIRST, LOOKUP, LAST = tables.PHY_IN_PORT, tables.LS_IN_LOOKUP, tables.LS_OUT_PORT


def test_a_flow_gets_what_its_table_declares() -> None:
    flow = FIRST.flow("mac", {IN_PORT: 3}, (SetField(DATAPATH.field, 5),), why=BIND, goto=tables.LS_IN_ARP)
    assert flow.text == "table=0,priority=20,in_port=3,cookie=0xe7a020000000000,actions=set_field:0x5->metadata,goto_table:12"


def test_a_range_of_priorities_is_taken_by_rank() -> None:
    to = (SetField(OUT_LPORT.field, 1),)
    ranks = [tables.LR_IN_ROUTE.flow("prefix", {}, to, why=ROUTE, goto=tables.LR_OUT_SIZE, rank=r).priority for r in (0, 65)]
    assert ranks == [100, 165]
    for rank in (-1, 66):
        with pytest.raises(Undeclared, match="rank"):
            tables.LR_IN_ROUTE.flow("prefix", {}, to, why=ROUTE, goto=tables.LR_OUT_SIZE, rank=rank)


@pytest.mark.parametrize(
    ("table", "arguments", "reason"),
    [
        (FIRST, {"match": {IPV4_DST: 1}}, "may not match"),
        (FIRST, {"then": (SetField(OUT_LPORT.field, 1),)}, "set_field"),
        (FIRST, {"then": (Output(1),)}, "output"),
        (FIRST, {"then": (ToGroup(1),)}, "group"),
        (FIRST, {"then": (Punt(),)}, "CONTROLLER"),
        (FIRST, {"then": (ForgetInPort(),)}, "IN_PORT"),
        (FIRST, {"then": (Multipath("nw_src", 2, LINK.field),)}, "multipath"),
        (LOOKUP, {"then": (CheckLarger(1500, CHOSEN.field),)}, "check_pkt_larger"),
        (tables.LR_OUT_TRACKED, {"then": (Ct(1, tables.LR_IN_TRACKED.number),)}, "ct"),
        (LOOKUP, {"then": (Move(IPV4_DST, ETH_SRC),)}, "move"),
        (LOOKUP, {"then": (Resubmit(tables.LS_IN_ARP.number),)}, "resubmit"),
        (LOOKUP, {"then": (), "goto": tables.LR_IN_ROUTE}, "may not go to lr_in_route"),
        (tables.LR_OUT_PORT, {"then": (), "goto": LOOKUP}, "may not go to ls_in_lookup"),
        (LAST, {"then": (SetField(TUN_ID, 1),), "priority": "flood"}, "no priority flood"),
        (LAST, {"then": (SetField(TUN_ID, 1), Output(1))}, "output"),
        (LAST, {"then": (OutputTo(OFPORT.field),)}, "output"),
        (LAST, {"then": (Load(ETH_SRC, 1, 40, 1),)}, "load"),
        (LAST, {"then": (Controller(128, 100),)}, "controller"),
        (LAST, {"then": (Punt(),), "match": {PROBE.field: (0, 1)}}, "CONTROLLER"),
        (LAST, {"then": (Output(1),), "match": {PROBE.field: (1, 1)}}, "output"),
        (LAST, {"then": (Punt(),), "match": {IPV4_DST: 1, PROBE.field: (1, 1)}}, r"match \['nw_dst'\]"),
        (LAST, {"then": (Punt(),), "priority": "observe"}, "looked at"),
        (LAST, {"then": (), "priority": "gate", "match": LAST.unseen({})}, "looked at"),
    ],
)
def test_it_refuses_what_it_did_not_declare(table: Table, arguments: dict[str, object], reason: str) -> None:
    given = {"priority": "miss", "match": {}, "then": (SetField(DATAPATH.field, 1),), "why": BIND, **arguments}
    with pytest.raises(Undeclared, match=reason):
        table.flow(given.pop("priority"), given.pop("match"), given.pop("then"), **given)  # type: ignore[arg-type]


def test_a_drop_says_why_and_nothing_else_says_so() -> None:
    assert FIRST.flow("miss", {}, why=DROP).instructions.text == "drop"
    with pytest.raises(Undeclared, match="do not agree"):
        FIRST.flow("miss", {}, why=BIND)
    with pytest.raises(Undeclared, match="do not agree"):
        FIRST.flow("miss", {}, (SetField(DATAPATH.field, 1),), goto=tables.LS_IN_ARP, why=DROP)


def test_any_table_may_send_probes_to_the_controller_and_look_at_what_it_did_not_look_at_yet() -> None:
    assert LAST.flow("caught", {PROBE.field: (1, 1)}, (Punt(),), why=CAUGHT).match_text == "reg6=0x1/0x1"
    looks = (Controller(128, 100), SetField(SEEN.field, LAST.bit), Resubmit(LAST.number))
    flow = LAST.flow("observe", LAST.unseen({IPV4_DST: 1}), looks, why=Why(Feature.PUNT_OBSERVED))
    assert flow.match_text == f"nw_dst=0.0.0.1,reg5=0x0/{LAST.bit:#x}", "whatever the table matches else"
    assert flow.priority == ON_TOP["observe"] == max(ON_TOP.values()) < 2**16
    highest = [p if isinstance(p, int) else p[1] for t in tables.TABLES.values() for p in t.priorities.values()]
    assert max(highest) < min(ON_TOP.values())


def test_what_drops_has_a_twin_above_that_catches_probes() -> None:
    dropping, catching = LOOKUP.drop("hairpin", {METADATA: 5}, why=Why(Feature.DROP_HAIRPIN, 1, 2))
    assert (dropping.instructions.text, catching.instructions.text) == ("drop", "CONTROLLER:65535")
    assert (catching.priority, catching.match_text) == (dropping.priority + 1, "reg6=0x1/0x1,metadata=0x5")
    assert read_cookie(catching.cookie) == Why(Feature.PUNT_CAUGHT, 1, 2), "of the same object"
    crowded = replace(LOOKUP, priorities={**LOOKUP.priorities, "above": 31})
    for table, priority in ((crowded, "hairpin"), (replace(LOOKUP, priorities={"hairpin": 30, "range": (25, 35)}), "hairpin")):
        with pytest.raises(Undeclared, match="no room"):
            table.drop(priority, {}, why=Why(Feature.DROP_HAIRPIN))


def test_tables_that_follow_one_another_have_bits_of_their_own() -> None:
    for table in tables.TABLES.values():
        assert table.bit.bit_count() == 1 and table.bit < 2**SEEN.bits
        assert all(tables.TABLES[name].bit != table.bit for name in (table.next | table.tracks) - {table.name})
    names = [f"t{n}" for n in range(33)]
    made = [Table(n, name, "", frozenset(), frozenset(), {}) for n, name in enumerate(names)]
    with pytest.raises(ValueError, match="bit"):
        tables._linked((replace(made[0], next=frozenset({f"t{tables._PERIOD}"})), *made[1:]))


def test_tables_are_in_order_and_lead_to_tables_that_exist() -> None:
    one, two = Table(0, "a", "", frozenset(), frozenset(), {}), Table(4, "b", "", frozenset(), frozenset(), {})
    assert list(tables._linked((one, two))) == ["a", "b"]
    for wrong, reason in (
        ((one, replace(two, name="a")), "share"),
        ((one, replace(two, number=0)), "share"),
        ((two, one), "order"),
        ((one, replace(two, number=254)), "253"),
        ((replace(one, next=frozenset({"c"})), two), "do not exist"),
    ):
        with pytest.raises(ValueError, match=reason):
            tables._linked(wrong)


def test_registers_neither_overlap_nor_overflow() -> None:
    registers.check(REGISTERS)
    with pytest.raises(ValueError, match="reg0"):
        registers.check((NEXT_HOP, Register(register(0), "again", 8, "", "")))
    for bits in (0, 33):
        with pytest.raises(ValueError, match="bits"):
            registers.check((Register(register(1), "wide", bits, "", ""),))


def test_registers_hold_every_key() -> None:
    assert all(reg.bits >= KEY_BITS for reg in REGISTERS if "key of" in reg.meaning and reg is not LINK)
    assert LINK.bits >= TENANT_KEY_BITS


def test_a_logical_position_is_in_no_field_of_the_packet() -> None:
    assert {reg.field for reg in REGISTERS} <= {METADATA, *map(register, range(16))}
    assert all(IN_PORT not in table.writes for table in tables.TABLES.values())


def test_the_page_shows_every_table_register_and_feature() -> None:
    page = document()
    assert all(f"### {t.number} {t.name}\n" in page for t in tables.TABLES.values())
    assert all(f"| {reg.name} | {reg.field.name} |" in page for reg in REGISTERS)
    assert all(f"`{name}` ({priority})" in page for name, priority in ON_TOP.items())
    assert all(f"{f.value} {f.name.lower()}" in page or f"| {f.value} | {f.reason} |" in page for f in Feature)
