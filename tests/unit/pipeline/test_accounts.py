"""Numbers of meters and what they count."""

from __future__ import annotations

from ryu_overlay.model.network import MAX_ACCOUNT
from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.pipeline.accounts import CLASSES, Line, line_of, meter_of

OPEN_VSWITCH_HAS = 2**18


def test_each_line_has_a_number_of_its_own_and_back() -> None:
    lines = [Line(account, *each) for account in (1, 2, 77, MAX_ACCOUNT) for each in CLASSES]
    numbers = [meter_of(line) for line in lines]
    assert [line_of(number) for number in numbers] == lines and len(set(numbers)) == len(numbers)
    assert min(numbers) == COUNTING.start and max(numbers) < COUNTING.stop < OPEN_VSWITCH_HAS


def test_other_numbers_count_nothing() -> None:
    assert [line_of(number) for number in (1, COUNTING.start - 1, COUNTING.start + 7, COUNTING.stop)] == [None] * 4
