"""The 95th percentile of a month, and shares of what is known only as a whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.accounting.billing import bills, month, percentile_95
from ryu_overlay.accounting.summary import Sum, Whose
from ryu_overlay.accounting.values import Count

RED = Whose("red")


def test_the_highest_five_percent_are_left_out() -> None:
    volumes = {300 * n: 300 * n for n in range(1, 101)}
    assert percentile_95(volumes, 300, 300 * 101, 300) == 8 * 95 * 300 / 300
    assert percentile_95({}, 0, 3000, 300) == 0.0
    assert percentile_95({0: 600}, 0, 300, 300) == 16.0
    with pytest.raises(ValueError):
        percentile_95({}, 0, 299, 300)


def test_intervals_without_traffic_count_as_nothing() -> None:
    assert percentile_95({300 * n: 1000 for n in range(5)}, 0, 30_000, 300) == 0.0
    assert percentile_95({300 * n: 1200 for n in range(6)}, 0, 30_000, 300) == 32.0


def test_a_month_of_steady_traffic_costs_its_rate() -> None:
    since, until = month("2026-11")
    assert (until - since) == 30 * 86400 and month("2026-12")[1] == month("2027-01")[0]
    steady = [
        Sum(RED, float(s), 300.0, {("internet", "out"): Count(3, 37500), ("own", "out"): Count(9, 9)})
        for s in range(since, until, 300)
    ]
    (bill,) = bills(steady, since, until, 300)
    assert (bill.billed, bill.percentile, bill.volume) == (1000.0, (0.0, 1000.0), (0, 37500 * 30 * 288))
    assert bill.complete and bill.intervals == 30 * 288


@pytest.mark.parametrize("text", ["2026-13", "2026", "11-2026", "now"])
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="must be a month"):
        month(text)


@given(st.integers(0, 10**12))
def test_an_hour_of_which_no_intervals_are_left_is_shared_out_to_the_byte(octets: int) -> None:
    hour = [Sum(RED, 7200.0, 3600.0, {("internet", "in"): Count(1, octets)})]
    (bill,) = bills(hour, 7200, 10800, 300)
    assert bill.volume == (octets, 0)
    assert bill.percentile[0] == pytest.approx(8 * octets / 3600, abs=8 / 300)
