"""Loss out of two counters: found soon, never where there is none, and forgotten when it is over."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.conservation import Count, Key, Ledger, Loss
from tests.unit.health.wire import Clock, Restless, Wire, between, steady

KEY: Key = (7, "hv1", "hv2")


def watched(wire: Wire, seconds: int, ledger: Ledger | None = None) -> Iterator[tuple[float, list[Loss]]]:
    """Each reading, and what is found with it."""
    ledger = ledger or Ledger()
    for _ in range(seconds):
        at, sent, received = wire.read()
        ledger.take(KEY, at, sent, received)
        yield at, ledger.findings(at)


def first(rate: float, share: float, seed: int, within: int) -> tuple[float, Loss] | None:
    """How long after it began a loss is found, and as what."""
    random = Random(seed)
    begun = 40 + random.random()
    for at, found in watched(Wire(random, steady(rate), between(share, begun)), 42 + within):
        assert not found or at > begun
        if found and not found[0].step:
            return at - begun, found[0]
    return None


@pytest.mark.parametrize(
    ("rate", "share", "usual", "worst"),
    [
        (500, 1.0, 2.8, 4.5),
        (500, 0.5, 3.5, 5),
        (500, 0.1, 4, 6),
        (500, 0.01, 8, 12),
        (2000, 0.001, 45, 60),
        (10, 1.0, 4, 5),
        (50_000, 0.01, 7, 11),
    ],
)
def test_loss_is_found_soon(rate: float, share: float, usual: float, worst: float) -> None:
    found = [first(rate, share, seed, 70) for seed in range(20)]
    times, losses = zip(*(each for each in found if each is not None))
    assert len(times) == 20
    assert median(times) <= usual
    assert max(times) <= worst
    assert median(loss.share for loss in losses) == pytest.approx(share, rel=0.25)
    assert all(loss.since <= 41 or share < 0.1 for loss in losses)


@pytest.mark.parametrize(
    ("rate", "share", "lasts", "seconds"),
    [(500, 1.0, 8, 5), (500, 0.1, 8, 5), (500, 0.1, 90, 5), (10, 1.0, 30, 5), (500, 0.01, 60, 16)],
)
def test_what_is_over_is_told_no_more(rate: float, share: float, lasts: float, seconds: float) -> None:
    for seed in range(10):
        random = Random(seed)
        over = 40 + random.random() + lasts
        told = [
            at
            for at, found in watched(Wire(random, steady(rate), between(share, over - lasts, over)), int(over) + 60)
            if any(not loss.step for loss in found)
        ]
        assert told
        assert told[-1] - over <= seconds


def test_loss_that_lasts_is_told_all_the_time_and_began_once() -> None:
    random = Random(1)
    lasting = [found for at, found in watched(Wire(random, steady(500), between(0.1, 40.5)), 200) if at > 46]
    assert all(len(found) == 1 and not found[0].step for found in lasting)
    assert len({found[0].since for found in lasting}) == 1


def test_loss_that_is_only_just_certain_does_not_come_and_go() -> None:
    told = []
    for seed in range(20):
        course = [bool(found) for _, found in watched(Wire(Random(seed), steady(2000), between(0.001, 40)), 140)]
        told += course[course.index(True) :][:20]
    assert sum(told) > 0.95 * len(told)


def test_traffic_that_ends_ends_a_loss() -> None:
    told = [at for at, found in watched(Wire(Random(1), between(500, 0, 60.5), steady(1.0)), 90) if found]
    assert 60 <= told[-1] <= 65


SIDES = {
    "as usual": (0.01, 0.0, 0.0),
    "one falls behind": (0.01, 0.03, 0.0),
    "short of CPU": (0.05, 0.0, 0.003),
}


@pytest.mark.parametrize("kind", SIDES)
@pytest.mark.parametrize("seed", range(3))
def test_no_false_alarm_in_a_day(kind: str, seed: int) -> None:
    late, bias, starved = SIDES[kind]
    random = Random(seed)
    sides = Clock(random, late, bias, starved), Clock(random, late, bias, starved)
    wire = Wire(random, Restless(random), steady(0.0), sides)
    assert [found for _, found in watched(wire, 9600) if found] == []
    assert wire.read()[1].packets > 10**6


@pytest.mark.parametrize("rate", [0, 20, 480])
def test_what_is_lost_at_once_is_told_as_that(rate: float) -> None:
    for seed in range(5):
        wire, ledger = Wire(Random(seed), steady(rate), steady(0.0)), Ledger()
        list(watched(wire, 40, ledger))
        wire.added[0] = 50
        told = [loss for _, losses in watched(wire, 200, ledger) for loss in losses]
        assert told and all(loss.step for loss in told)
        assert {(loss.since, loss.seconds) for loss in told} == {(39.0, 1.0)}
        assert all(40 <= loss.lost <= 60 for loss in told)


def test_what_is_lost_at_once_and_may_be_skew_is_not_told() -> None:
    for seed in range(5):
        wire, ledger = Wire(Random(seed), steady(2000), steady(0.0)), Ledger()
        list(watched(wire, 40, ledger))
        wire.added[0] = 50
        assert [found for _, found in watched(wire, 200, ledger) if found] == []


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_flow_that_is_made_anew_begins_anew(side: int, keeps: bool) -> None:
    """As a deleted flow does, from 0, or one that was added over itself, which keeps its packets."""
    wire, ledger = Wire(Random(3), steady(500), steady(0.0)), Ledger()
    list(watched(wire, 60, ledger))
    wire.born[side] = 59.5
    wire.added[side] = 0 if keeps else -29_700
    assert [found for _, found in watched(wire, 200, ledger) if found] == []


@pytest.mark.parametrize(("age", "gap", "fresh"), [(90.0, 1.0, 0.9), (4.0, 30.0, 20.0)])
def test_a_flow_that_has_caught_up_was_still_made_anew(age: float, gap: float, fresh: float) -> None:
    """With more packets than before, or older than before."""
    ledger = Ledger()
    before = [(float(n), 10, 10, age + n) for n in range(6)]
    readings = [*before, *((5.0 + gap + n, 22, 12, fresh + n) for n in range(15))]
    for at, sent, received, aged in readings:
        ledger.take(KEY, at, Count(sent, 1000.0 + at), Count(received, aged))
        assert ledger.findings(at) == []


def test_loss_is_found_again_after_a_flow_was_made_anew() -> None:
    wire, ledger = Wire(Random(3), steady(500), steady(0.1)), Ledger()
    list(watched(wire, 60, ledger))
    wire.born[1], wire.added[1] = 59.5, -26_000
    told = [at for at, found in watched(wire, 60, ledger) if found]
    assert 63 <= told[0] <= 66


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
    assert ledger.busy() == {}
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
    assert found and not ledger.findings(at) and not ledger.known(KEY, at) and not ledger.busy()


def test_memory_is_bounded_and_little_without_traffic() -> None:
    sizes = []
    ledger, wire = Ledger(), Wire(Random(1), between(500, 0, 900), steady(0.0))
    for _ in range(5):
        list(watched(wire, 300, ledger))
        sizes.append(len(pickle.dumps(ledger)))
    assert max(sizes) < 1.1 * sizes[0] < 4000
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
