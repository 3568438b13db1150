"""Whatever is edited in whatever order, the network stays one that the whole set of rules accepts."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from hypothesis import assume, given
from hypothesis import strategies as st

from ryu_overlay.model.assemble import Assembly
from ryu_overlay.model.assign import assign
from ryu_overlay.model.document import to_document
from ryu_overlay.model.edit import Refused, put_tenants
from ryu_overlay.model.kinds import ancestors
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.numbers import Numbers
from ryu_overlay.model.report import Mentions, Report
from ryu_overlay.model.validate import validate, validate_all
from tests.unit.model.bodies import assert_same, make, parse, rebuilt, to_ref
from tests.unit.model.edit_strategies import START, Edit, edits

SEQUENCES = st.tuples(st.sampled_from((True, True, True, False)), st.lists(edits(), min_size=1, max_size=12))


Sequence = tuple[bool, list[Edit]]


def begin(sequence: Sequence) -> Network:
    linked, _ = sequence
    return make(*(START if linked else ({"name": "a"},)))


def accepted(sequence: Sequence) -> Iterator[tuple[Edit, Network, Network]]:
    """Each edit of the sequence that is not refused, with the network before and after it."""
    network = begin(sequence)
    for step in sequence[1]:
        try:
            after = step.apply(network)
        except Refused as refused:
            assert refused.problems
            continue
        yield step, network, after
        network = after


def run(sequence: Sequence) -> Network:
    """The network after a sequence of edits, refused ones left out."""
    return [begin(sequence), *(after for _, _, after in accepted(sequence))][-1]


@given(SEQUENCES)
def test_every_accepted_edit_leaves_a_valid_network_with_true_views(sequence: Sequence) -> None:
    network = begin(sequence)
    for step in sequence[1]:
        before = rebuilt(network)
        try:
            after = step.apply(network)
        except Refused:
            assert_same(network, before)
            continue
        assert after is network or after.revision == network.revision + 1
        assert validate_all(after) == ()
        assert_same(after, rebuilt(after))
        network = after


@given(SEQUENCES, edits())
def test_looking_only_at_what_was_touched_finds_what_looking_at_everything_finds(sequence: Sequence, last: Edit) -> None:
    assume(last.call == "upsert")
    network, ref = run(sequence), to_ref(last.kind, last.path)
    assume(all(network.get(*parent) is not None for parent in ancestors(last.kind, ref)))
    draft, mentions = Draft(network), Mentions()
    report, numbers = Report(draft, mentions), Numbers(draft)
    assembly = Assembly(draft, mentions, report, numbers, uuid4)
    assembly.lay(last.kind, ref, parse(last.kind, last.body), "", patch=last.mode != "put")
    assign(draft, assembly.wanting, numbers, mentions, report)
    assume(not report.problems)
    validate(draft, report)
    assert bool(report.problems) == bool(validate_all(draft.freeze(network.revision + 1))), report.problems


@given(SEQUENCES)
def test_doing_an_accepted_edit_again_changes_nothing(sequence: Sequence) -> None:
    for step, _, network in accepted(sequence):
        if step.call != "delete":
            assert step.apply(network) is network


@given(SEQUENCES)
def test_an_export_put_back_changes_nothing_and_makes_the_same_elsewhere(sequence: Sequence) -> None:
    network = run(sequence)
    exported = [to_document(network, tenant) for tenant in network.tables["tenant"].values()]
    documents = [parse("tenant", document) for document in exported]
    assert put_tenants(network, documents).network is network
    elsewhere = put_tenants(Network(), documents).network
    assert [to_document(elsewhere, tenant) for tenant in elsewhere.tables["tenant"].values()] == exported


@given(SEQUENCES)
def test_keys_uuids_and_numbers_are_unique_and_stay(sequence: Sequence) -> None:
    for _, before, after in accepted(sequence):
        objects = [o for kind, table in after.tables.items() if kind != "tenant" for o in table.values()]
        assert len({o.key for o in objects}) == len({o.uuid for o in objects}) == len(objects) == len(after.by_key)
        tenants = after.tables["tenant"].values()
        assert len({t.key for t in tenants}) == len(tenants)
        for kind, table in after.tables.items():
            for ref, obj in table.items():
                was = before.get(kind, ref)
                assert was is None or (was.key, was.uuid) == (obj.key, obj.uuid)
