"""Weights become slots: exactly as many as there are, in proportion, and as blocks that a masked match can name."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.compiler.shares import SLOTS, blocks_of, shares

WEIGHTS = st.lists(st.integers(1, 100), min_size=1, max_size=64)


@given(WEIGHTS)
def test_every_slot_is_given_once_and_nobody_goes_without(weights: list[int]) -> None:
    found = shares(weights)
    assert len(found) == len(weights) and min(found) >= 1
    even = len(set(weights)) == 1 and len(weights) & (len(weights) - 1) == 0
    assert sum(found) == (len(weights) if even else SLOTS)


@given(WEIGHTS)
def test_shares_are_in_proportion_to_a_slot(weights: list[int]) -> None:
    found = shares(weights)
    exact = [weight * sum(found) / sum(weights) for weight in weights]
    too_small = sum(1 - share for share in exact if share < 1)
    for share, right in zip(found, exact):
        assert share - right <= 1, "nobody gets more than a slot too much"
        assert right - share <= 1 + too_small, "and less only because the smallest need one"


@given(WEIGHTS)
def test_more_weight_is_no_smaller_share(weights: list[int]) -> None:
    found = sorted(zip(weights, shares(weights)))
    for (lighter, less), (heavier, more) in pairwise(found):
        assert less <= more or (lighter == heavier and abs(less - more) <= 1)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ([], []),
        ([7], [1]),
        ([3, 3], [1, 1]),
        ([1] * 4, [1] * 4),
        ([1, 2, 3], [43, 85, 128]),
        ([1, 1, 1], [86, 85, 85]),
        ([1, 100], [3, 253]),
        ([1] * 63 + [100], [2] * 36 + [1] * 27 + [157]),
    ],
)
def test_examples(weights: list[int], found: list[int]) -> None:
    assert shares(weights) == found


@given(st.integers(0, SLOTS), st.integers(0, SLOTS))
def test_blocks_are_exactly_the_slots(first: int, count: int) -> None:
    covered = [slot for value, mask in blocks_of(first, count) for slot in range(65536) if slot & mask == value]
    assert covered == list(range(first, first + count))


@given(WEIGHTS)
def test_blocks_of_all_members_cover_what_a_hash_can_be(weights: list[int]) -> None:
    found = shares(weights)
    starts = [sum(found[:n]) for n in range(len(found))]
    blocks = [block for start, share in zip(starts, found) for block in blocks_of(start, share)]
    assert len(blocks) <= 16 * len(weights)
    assert sorted(slot for value, mask in blocks for slot in range(sum(found)) if slot & mask == value) == list(range(sum(found)))
