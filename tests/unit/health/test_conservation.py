"""Counters that begin anew, are not read for a while, or agree; what they prove; and what is kept of them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Count
from tests.unit.health.wire import KEY, Wire, between, steady, watched


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_flow_that_is_made_anew_begins_anew(side: int, keeps: bool) -> None:
    """As a deleted flow does, from 0, or one that was added over itself, which keeps its packets."""
    wire, ledger = Wire(Random(3), steady(500), steady(0.0)), Ledger()
    list(watched(wire, 60, ledger))
    wire.born[side] = 59.5
    wire.added[side] = 0 if keeps else -29_700
    assert [found for _, found in watched(wire, 200, ledger) if found] == []


@pytest.mark.parametrize(("gap", "born", "keeps"), [(0, 59.5, False), (0, 59.5, True), (0, 58.0, True), (50, 90.0, True)])
def test_loss_is_found_again_after_a_flow_was_made_anew(gap: int, born: float, keeps: bool) -> None:
    """Also if it has as many packets as before, was read late, or is older than it was when it was read last."""
    wire, ledger = Wire(Random(3), steady(500), steady(0.1)), Ledger()
    wire.born[1] = 50.0 if gap else -1000.0
    list(watched(wire, 60, ledger))
    wire.born[1], wire.added[1] = born, 0 if keeps else -26_000
    for _ in range(gap):
        wire.read()
    told = [at for at, found in watched(wire, 60, ledger) if any(not loss.step for loss in found)]
    assert 63 <= told[0] - gap <= 66


@pytest.mark.parametrize("missing", [0, 1])
@pytest.mark.parametrize("restarts", [True, False])
def test_what_is_not_read_is_unknown_and_carries_on(missing: int, restarts: bool) -> None:
    wire, ledger = Wire(Random(5), steady(500), steady(0.0)), Ledger()
    list(watched(wire, 60, ledger))
    for _ in range(30):
        at, *counts = wire.read()
        ledger.take(KEY, at, *(None if side == missing else count for side, count in enumerate(counts)))
        assert ledger.findings(at) == []
    assert not ledger.known(KEY, 89.0)
    wire.added[0] += 100
    if restarts:
        wire.born[missing] = 70.0
    told = [loss for _, found in watched(wire, 60, ledger) for loss in found]
    assert ledger.known(KEY, 149.0)
    assert all(loss.step for loss in told)
    assert {loss.since for loss in told} == (set() if restarts else {59.0}), "packets lost meanwhile count if both went on"


def test_unread_loss_is_not_told_on_and_on() -> None:
    wire, ledger = Wire(Random(5), steady(500), steady(1.0)), Ledger()
    *_, (at, found) = watched(wire, 30, ledger)
    assert found[0].share == 1.0
    assert ledger.findings(at + 2) == found
    assert ledger.findings(at + 4) == []


def test_traffic_and_proof() -> None:
    wire, ledger = Wire(Random(5), between(500, 0, 20.0), between(1.0, 10.0)), Ledger()
    told = [(ledger.traffic(KEY), ledger.proven(KEY, at, 3)) for at, _ in watched(wire, 40, ledger)]
    assert told[15][0] == pytest.approx(500, rel=0.1)
    assert told[30][0] == 0
    assert [at for at, (_, proven) in enumerate(told) if proven] == [*range(1, 13)]
    assert ledger.busy(39.0) == {}
    assert ledger.traffic((8, "hv1", "hv2")) == 0
    assert not ledger.proven((8, "hv1", "hv2"), 0.0, 3)


def test_what_came_in_a_gap_proves_nothing_of_now() -> None:
    ledger = Ledger()
    for at, packets in ((0.0, 0), (1.0, 9), (60.0, 99)):
        ledger.take(KEY, at, Count(packets, 100 + at), Count(packets, 100 + at))
    assert not ledger.proven(KEY, 60.0, 5)
    assert ledger.proven(KEY, 60.0, 59)


def test_forgotten_is_as_never_read() -> None:
    wire, ledger = Wire(Random(5), steady(500), steady(1.0)), Ledger()
    *_, (at, found) = watched(wire, 30, ledger)
    ledger.forget(KEY)
    assert found and not ledger.findings(at) and not ledger.known(KEY, at) and not ledger.busy(at)


def test_memory_is_bounded_and_little_without_traffic() -> None:
    """That of one pair of counters, and of the sums of what either chassis sends and gets."""
    sizes = []
    ledger, wire = Ledger(), Wire(Random(1), between(500, 0, 900), steady(0.0))
    for _ in range(5):
        list(watched(wire, 300, ledger))
        sizes.append(len(pickle.dumps(ledger)))
    assert max(sizes) < 1.1 * sizes[0] < 3 * 4000
    assert sizes[4] < sizes[0] / 1.5


def test_others_do_not_matter() -> None:
    ledger, random = Ledger(), Random(2)
    wires = {(vni, "hv1", "hv2"): Wire(random, steady(500), steady(0.1 if vni == 3 else 0.0)) for vni in range(6)}
    for _ in range(40):
        for key, wire in wires.items():
            at, sent, received = wire.read()
            ledger.take(key, at, sent, received)
        found = ledger.findings(at)
    assert [loss.key for loss in found] == [(3, "hv1", "hv2")]


growths = st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 1)), min_size=1, max_size=60)


@given(growths, st.integers(0, 10**9))
def test_counters_that_agree_lose_nothing_and_no_more_is_told_than_was_lost(seconds: list[tuple[int, float]], start: int) -> None:
    """Read at the very same moments."""
    good, bad = Ledger(), Ledger()
    sent, lost = start, 0
    for at, (packets, share) in enumerate(seconds):
        sent, lost = sent + packets, lost + round(packets * share)
        count = Count(sent, 1000.0 + at)
        good.take(KEY, at, count, Count(sent, 50.0 + at))
        bad.take(KEY, at, count, replace(count, packets=sent - lost))
        assert good.findings(at) == []
        for loss in bad.findings(at):
            assert 4 <= loss.lost <= loss.sent and 0 < loss.share <= 1
            assert loss.seconds > 0 and -inf < loss.since < at


@given(st.lists(st.tuples(st.floats(0.1, 50), *[st.none() | st.tuples(st.integers(0, 300), st.floats(0, 99))] * 2), max_size=60))
def test_any_readings_can_be_taken(readings: list[tuple[float, tuple[int, float] | None, tuple[int, float] | None]]) -> None:
    ledger, at = Ledger(), 0.0
    for gap, sent, received in readings:
        at += gap
        ledger.take(KEY, at, *(None if each is None else Count(*each) for each in (sent, received)))
        assert all(loss.key == KEY for loss in ledger.findings(at))
        assert ledger.traffic(KEY) >= 0
