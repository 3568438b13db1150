"""One long-lived compiler gives, after any edits, what a new one gives; and switches follow by differences alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.compiler.program import Compiler, compile_all
from ryu_overlay.openflow.diff import COUNTING, Installed, difference, retirement
from ryu_overlay.openflow.flow import EMPTY, Program
from ryu_overlay.pipeline.limits import Limits
from tests.golden.effort import heavy
from tests.unit.compiler import edits, outside_edits
from tests.unit.compiler.edits import Draw, World
from tests.unit.openflow.pretend_switch import PretendSwitch

LIMITS = Limits(100, 10)
Populate = Callable[[Draw], World]
Step = Callable[[World, Draw], None]

inside_and_outside = pytest.mark.parametrize(
    ("populated", "step"),
    [(edits.populated, edits.step), (outside_edits.populated, outside_edits.step)],
    ids=["inside", "outside"],
)


def content(program: Program) -> Installed:
    """The program as a switch would have it. No key comes twice, not even with the same value: blocks come and go alone."""
    flows = list(program.flows())
    groups = list(program.groups())
    assert [k for k, n in Counter(f.key for f in flows).items() if n > 1] == []
    assert [k for k, n in Counter(g.number for g in groups).items() if n > 1] == []
    meters = {m.number: m.encoded for m in program.all_meters()}
    assert len(meters) == len(program.meters) + len(list(program.own_meters()))
    return Installed({f.key: f.value for f in flows}, {g.number: g.value for g in groups}, meters)


def without(installed: Installed, meters: set[int]) -> Installed:
    return replace(installed, meters={n: value for n, value in installed.meters.items() if n not in meters})


def contents(programs: dict[str, Program]) -> dict[str, Installed]:
    return {chassis: content(program) for chassis, program in programs.items()}


@inside_and_outside
@heavy(1)
@given(data=st.data())
def test_incremental_compilation_equals_full_compilation(populated: Populate, step: Step, data: st.DataObject) -> None:
    world, compiler = populated(data.draw), Compiler(LIMITS)
    for _ in range(data.draw(st.integers(3, 12))):
        programs = compiler.compile_all(world.network, world.fabric)
        assert contents(programs) == contents(compile_all(world.network, world.fabric, LIMITS))
        step(world, data.draw)


@inside_and_outside
@heavy(1)
@given(data=st.data())
def test_switches_follow_step_by_step_without_a_hole(populated: Populate, step: Step, data: st.DataObject) -> None:
    world, compiler = populated(data.draw), Compiler(LIMITS)
    had: dict[str, Program] = {}
    switches: dict[str, PretendSwitch] = {}
    believed: dict[str, Installed] = {}
    for _ in range(data.draw(st.integers(3, 12))):
        programs = compiler.compile_all(world.network, world.fabric)
        for chassis, program in programs.items():
            switch = switches.setdefault(chassis, PretendSwitch())
            installed = believed.setdefault(chassis, Installed())
            change = difference(installed, program, had.get(chassis, EMPTY))
            whole = difference(installed, program, None)
            assert (change.put_flows, change.delete_flows) == (whole.put_flows, whole.delete_flows)
            assert (change.put_groups, change.delete_groups) == (whole.put_groups, whole.delete_groups)
            assert change.put_meters == whole.put_meters
            for message in change.messages(installed, 7):
                switch.take(message)
            change.apply(installed)
            left = installed.meters.keys() - content(program).meters.keys()
            assert all(number in COUNTING for number in left)
            retired = retirement(installed, program, data.draw(st.sets(st.sampled_from(sorted(installed.meters)))))
            assert retired.delete_meters <= left
            for message in retired.messages(installed, 8):
                switch.take(message)
            retired.apply(installed)
            for number in left - retired.delete_meters:
                assert installed.meters[number] == switch.installed.meters[number]
            assert without(installed, left) == without(switch.installed, left) == content(program)
        had |= programs
        step(world, data.draw)


@inside_and_outside
@heavy(0.5)
@given(data=st.data())
def test_what_did_not_change_is_the_same_object(populated: Populate, step: Step, data: st.DataObject) -> None:
    world, compiler = populated(data.draw), Compiler(LIMITS)
    for _ in range(data.draw(st.integers(1, 5))):
        step(world, data.draw)
    first = compiler.compile_all(world.network, world.fabric)
    again = compiler.compile_all(world.network, world.fabric)
    for chassis, program in first.items():
        assert program.blocks.keys() == again[chassis].blocks.keys()
        assert all(again[chassis].blocks[scope] is block for scope, block in program.blocks.items())
