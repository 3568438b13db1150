"""A flood costs those who ask for little nothing, and nobody gets more than there is."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ryu_overlay.oam.fairness import Bucket, Fairness

HV1, HV2, HV3 = 1, 2, 3
Source = tuple[int, int]


def ask(fairness: Fairness, rates: dict[Source, int], seconds: float) -> tuple[Counter[Source], Counter[Source]]:
    """Everybody asks at his rate, in an order by chance: what was asked and what was admitted."""
    chance = random.Random(1)
    packets = sorted((chance.uniform(0, seconds), source) for source, rate in rates.items() for _ in range(int(rate * seconds)))
    asked, got = Counter(source for _, source in packets), Counter[Source]()
    for at, source in packets:
        got[source] += fairness.admit(*source, at)
    return asked, got


def test_while_there_is_enough_everybody_is_answered() -> None:
    asked, got = ask(Fairness(1000, 2000), {(HV1, 7): 300, (HV2, 7): 400}, 10)
    assert got == asked


def test_who_asks_for_little_loses_nothing_to_floods() -> None:
    floods = {(HV1, port): 2000 for port in range(20)}
    asked, got = ask(Fairness(1000, 50_000), {**floods, (HV1, 99): 10, (HV2, 7): 20}, 10)
    assert (got[HV1, 99], got[HV2, 7]) == (asked[HV1, 99], asked[HV2, 7])
    assert sum(got.values()) <= 1000 * 11


def test_floods_share_what_is_left() -> None:
    floods = {(HV1, 1): 1000, (HV2, 1): 4000, (HV3, 1): 20_000}
    _, got = ask(Fairness(1000, 50_000), floods, 20)
    assert min(got.values()) > 0.95 * 0.9 * 1000 * 20 / 3, "nine tenths are shared out"
    assert sum(got.values()) == pytest.approx(1000 * 20, rel=0.06), "the rest goes to whoever comes first"


def test_a_chassis_whose_meters_are_gone_does_not_take_all() -> None:
    fairness = Fairness(10_000, 100)
    _, got = ask(fairness, {(HV1, 1): 5000, (HV2, 1): 50}, 10)
    assert got[HV1, 1] <= 100 * 12 and got[HV2, 1] == 500
    assert fairness.withheld == {HV1: 50_000 - got[HV1, 1]}
    assert fairness.admitted == sum(got.values())


def test_a_bucket_fills_and_does_not_run_over() -> None:
    bucket = Bucket(10, 5)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(0.1), bucket.take(0.1)] == [True, False]
    assert bucket.filled(100.0) == 5
    assert bucket.filled(99.0) == 5, "a clock that goes back takes nothing"
