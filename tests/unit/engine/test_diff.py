"""What is sent to lead from one program to another, and in which order."""

from __future__ import annotations

import struct

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Instructions, Output, SetField, ToGroup
from ryu_overlay.openflow.diff import COUNTING, Installed, difference, retirement
from ryu_overlay.openflow.fields import IN_PORT, METADATA
from ryu_overlay.openflow.flow import EMPTY, UNLIMITED, Block, Flow, Group, Meter, Program, make_match
from ryu_overlay.pipeline.limits import port_meter


def flow(table: int, port: int, *, to: int = 1, group: int | None = None) -> Flow:
    then = (Output(to),) if group is None else (ToGroup(group),)
    return Flow(table, 10, make_match({IN_PORT: port}), Instructions(then), 1)


def group(number: int, *ways: int) -> Group:
    return Group(number, tuple((SetField(METADATA, way), Output(way)) for way in ways))


def program(*flows: Flow, groups: tuple[Group, ...] = (), meters: tuple[Meter, ...] = ()) -> Program:
    """Each flow in a block of its own table, so that some blocks stay as they are."""
    blocks: dict[object, Block] = {n: Block(tuple(f for f in flows if f.table == n)) for n in {f.table for f in flows}}
    return Program({**blocks, "groups": Block(groups=groups)}, meters)


def have(what: Program) -> Installed:
    installed = Installed()
    difference(installed, what, None).apply(installed)
    return installed


def words(installed: Installed, wanted: Program, base: Program | None) -> list[str]:
    """The messages in short: +flow table/port, -flow table/port, +group, ~group, -group, barrier."""
    found = []
    for data in difference(installed, wanted, base).messages(installed, 7):
        if data[1] == messages.FLOW_MOD:
            table, command = data[24], data[25]
            found.append(f"{'-' if command == 4 else '+'}{table}/{struct.unpack_from('!I', data, 56)[0]}")
        elif data[1] == messages.GROUP_MOD:
            command, number = struct.unpack_from("!HxxI", data, 8)
            found.append(f"{'+~-'[command]}group{number}")
        elif data[1] == messages.METER_MOD:
            found.append(f"{'+~-'[struct.unpack_from('!H', data, 8)[0]]}meter")
        else:
            found.append(f"barrier{struct.unpack_from('!I', data, 4)[0]}")
    return found


def test_from_nothing_to_all_and_back() -> None:
    whole = program(flow(0, 1), flow(8, 1), flow(4, 1, group=5), groups=(group(5, 1, 2),), meters=(Meter(1, 10, 10),))
    assert words(Installed(), whole, None) == ["+meter", "+group5", "+8/1", "+4/1", "+0/1", "barrier7"]
    assert words(have(whole), EMPTY, None) == ["barrier0", "-0/1", "-4/1", "-8/1", "-group5", "-meter", "barrier7"]
    assert not difference(have(whole), whole, None)


def test_what_is_there_changes_only_once_what_it_will_lead_to_is() -> None:
    """A route gets another next hop: nobody may be sent to it before its neighbour is known (table 44 here)."""
    old = program(flow(0, 1), flow(40, 1, group=5), flow(44, 1), flow(44, 2), groups=(group(5, 1, 2),))
    new = program(flow(0, 1, to=2), flow(40, 1, group=5), flow(44, 1, to=9), flow(44, 3), groups=(group(5, 1, 3),))
    assert words(have(old), new, old) == ["+44/3", "~group5", "+44/1", "+0/1", "barrier0", "-44/2", "barrier7"]


def test_a_group_comes_and_goes() -> None:
    plain, grouped = program(flow(40, 1)), program(flow(40, 1, group=5), groups=(group(5, 1, 2),))
    assert words(have(plain), grouped, plain) == ["+group5", "+40/1", "barrier7"]
    assert words(have(grouped), plain, grouped) == ["+40/1", "barrier0", "-group5", "barrier7"]


def test_a_group_of_another_type_is_made_ours() -> None:
    wanted = program(groups=(group(5, 1, 2),))
    installed = have(wanted)
    installed.groups[5] = 3, installed.groups[5][1]
    assert words(installed, wanted, None) == ["~group5", "barrier7"]


def test_a_flow_that_moves_between_blocks_is_not_deleted() -> None:
    moving = flow(8, 1)
    old = Program({"a": Block((moving,)), "b": Block((flow(8, 2),))})
    new = Program({"a": Block(()), "b": Block((flow(8, 2), flow(8, 1)))})
    assert not difference(have(old), new, old)
    assert words(have(old), Program({"b": old.blocks["b"]}), old) == ["barrier0", "-8/1", "barrier7"]


def test_only_blocks_that_differ_are_looked_at() -> None:
    """What the base says of others is believed: that is what the audit is for."""
    old = program(flow(0, 1), flow(8, 1))
    new = Program({**old.blocks, 8: Block((flow(8, 2),))})
    assert words(Installed(), new, old) == ["+8/2", "barrier7"]


def test_a_meter_that_counts_outlasts_its_flows_until_it_is_retired() -> None:
    counts = Meter(COUNTING.start, UNLIMITED, UNLIMITED)
    old = Program({"a": Block((flow(8, 1),), meters=(counts,))})
    assert words(Installed(), old, EMPTY) == ["+meter", "+8/1", "barrier7"]
    assert words(have(old), EMPTY, old) == words(have(old), EMPTY, None) == ["barrier0", "-8/1", "barrier7"]
    assert words(have(EMPTY), old, EMPTY) == words(Installed(), old, None)
    assert not retirement(have(old), old, {COUNTING.start})
    assert retirement(have(old), EMPTY, {COUNTING.start, COUNTING.start + 1}).delete_meters == {COUNTING.start}
    limits = program(meters=(Meter(1, 10, 10),))
    assert not retirement(have(limits), EMPTY, {1})


def test_a_meter_of_a_port_goes_with_its_block_and_moves_with_its_port() -> None:
    meter = port_meter(7, 200)
    old = Program({"a": Block((flow(8, 1),), meters=(meter,)), "b": Block((flow(8, 2),))})
    assert words(have(old), Program({"b": old.blocks["b"]}), old) == ["barrier0", "-8/1", "-meter", "barrier7"]
    moved = Program({"a": Block((flow(8, 1),)), "b": Block((flow(8, 2),), meters=(meter,))})
    assert not difference(have(old), moved, old) and not retirement(have(old), EMPTY, {meter.number})
    assert words(have(old), EMPTY, None) == ["barrier0", "-8/1", "-8/2", "-meter", "barrier7"]


def test_a_meter_changes() -> None:
    old, new = program(meters=(Meter(1, 10, 10),)), program(meters=(Meter(1, 20, 20),))
    assert words(have(old), new, old) == ["~meter", "barrier7"]
