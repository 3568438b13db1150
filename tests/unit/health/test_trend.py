"""Loss out of readings that are never exact: found soon, never where there is none, and forgotten when it is over. Simulated."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from random import Random
from statistics import median

import pytest

from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Loss
from ryu_overlay.health.trend import Stretch, rise
from tests.unit.health.wire import Clock, Restless, Wire, between, steady, watched


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
    [(500, 1.0, 8, 5), (500, 0.1, 8, 5), (500, 0.1, 90, 5), (10, 1.0, 30, 5), (500, 0.01, 60, 11)],
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


def test_a_loss_before_a_pause_is_not_told_after_it() -> None:
    for seed in range(10):
        random = Random(seed)
        wire = Wire(
            random, lambda at: (0.0, 180.0) if 80 <= at < 180 else (500.0, 80.0 if at < 80 else inf), between(0.01, 0, 90)
        )
        told = [at for at, found in watched(wire, 300) if any(not loss.step for loss in found)]
        assert told and told[-1] < 100


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


def stretch(lost: Sequence[float], skew: Sequence[float] = (0.0,) * 20, rate: float = 100.0) -> Stretch:
    """Readings of steady traffic, one a second."""
    at = [float(n) for n in range(len(lost))]
    return Stretch(at, [rate * second for second in at], lost, skew[: len(lost)], [rate] * len(lost))


def test_what_comes_back_to_where_it_was_is_skew() -> None:
    found = stretch([-40, -30, -20, -10, 0])
    assert rise(found) is not None
    assert rise(found, before=(-40, -41, 5, -40)) is not None, "one that was late"
    assert rise(found, before=(0, -30, 0, 0)) is None


def test_ages_that_say_that_there_is_more_skew_are_heeded() -> None:
    lost = [0, 3, 7, 9, 13]
    assert rise(stretch(lost)) is not None
    assert rise(stretch(lost, skew=(0, 0.04, -0.04, 0.03, 0))) is None


def test_what_is_noisier_than_skew_would_make_it_is_not_certain() -> None:
    assert rise(stretch([-11, 1, -1, 20, 0, 13, 20, 16, 39], rate=5.0)) is None
    assert rise(stretch([-4, 1, 5, 11, 13, 17, 20, 26, 31], rate=5.0)) is not None
