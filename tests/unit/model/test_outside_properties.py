"""Whatever is edited of the way out, in whatever order, the network stays one that the whole set of rules accepts."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import assume, given
from hypothesis import strategies as st

from ryu_overlay.model.assemble import Assembly
from ryu_overlay.model.assign import assign
from ryu_overlay.model.edit import Refused
from ryu_overlay.model.kinds import ancestors
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.numbers import Numbers
from ryu_overlay.model.report import Mentions, Report
from ryu_overlay.model.validate import validate, validate_all
from tests.unit.model.bodies import parse, to_ref
from tests.unit.model.edit_strategies import Edit
from tests.unit.model.outside_strategies import outside_edits, start

EDITS = st.lists(outside_edits(), min_size=1, max_size=15)
START = start()


def run(edits: list[Edit]) -> Network:
    """The network after a sequence of edits, refused ones left out."""
    network = START
    for step in edits:
        try:
            network = step.apply(network)
        except Refused as refused:
            assert refused.problems
    return network


@given(EDITS)
def test_every_accepted_edit_leaves_a_valid_network(edits: list[Edit]) -> None:
    network = START
    for step in edits:
        try:
            network = step.apply(network)
        except Refused:
            continue
        assert validate_all(network) == (), step


@given(EDITS, outside_edits())
def test_looking_only_at_what_was_touched_finds_what_looking_at_everything_finds(edits: list[Edit], last: Edit) -> None:
    assume(last.call == "upsert")
    network, ref = run(edits), to_ref(last.kind, last.path)
    assume(all(network.get(*parent) is not None for parent in ancestors(last.kind, ref)))
    draft, mentions = Draft(network), Mentions()
    report, numbers = Report(draft, mentions), Numbers(draft)
    assembly = Assembly(draft, mentions, report, numbers, uuid4)
    assembly.lay(last.kind, ref, parse(last.kind, last.body), "", patch=last.mode != "put")
    try:
        assign(draft, assembly.wanting, numbers, mentions, report)
    except Refused:
        assume(False)
    assume(not report.problems)
    validate(draft, report)
    assert bool(report.problems) == bool(validate_all(draft.freeze(network.revision + 1))), report.problems
