"""One direction by its probes: down only when all are lost, strays where others pass, and how much later they are than usual."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.direction import DOWN_AFTER, DOWN_AFTER_STRAYS, KEPT, TRIED_WITHIN, Direction


def tried(*passed: bool, every: float = 0.25, start: float = 0.0) -> Direction:
    direction = Direction()
    go_on(direction, *passed, every=every, start=start)
    return direction


def go_on(direction: Direction, *passed: bool, every: float = 0.25, start: float = 0.0) -> None:
    for number, ok in enumerate(passed):
        at = start + number * every
        if ok:
            direction.passed(at, 0.001, whole=True)
        else:
            direction.lost(at)


def test_enough_lost_in_a_row_is_down_and_one_that_passes_ends_it() -> None:
    direction = tried(True, *[False] * (DOWN_AFTER - 1))
    assert not direction.down(3.0)
    direction.lost(3.0)
    assert direction.down(3.0)
    assert (direction.run, direction.run_since) == (DOWN_AFTER, 0.25)
    direction.passed(3.25, 0.001, whole=True)
    assert not direction.down(3.25)
    assert direction.run == 0


def test_it_takes_more_where_others_were_lost_lately_and_some_passed() -> None:
    direction = tried(False, True, False, True)
    go_on(direction, *[False] * (DOWN_AFTER_STRAYS - 1), start=1.0, every=0.02)
    assert not direction.down(2.0)
    direction.lost(2.0)
    assert direction.down(2.0)


def test_strays_of_long_ago_do_not_matter() -> None:
    direction = tried(False, True, False, True)
    go_on(direction, *[True] * 40, *[False] * DOWN_AFTER, start=1.0)
    assert direction.down(14.0)


def test_probes_that_could_still_come_late_are_not_enough() -> None:
    direction = tried(*[False] * DOWN_AFTER, every=0.02)
    assert not direction.down(0.3)
    assert direction.down(0.5)


def test_what_is_not_tried_any_more_is_not_known() -> None:
    direction = tried(*[False] * DOWN_AFTER, every=0.02)
    last = (DOWN_AFTER - 1) * 0.02
    assert direction.down(last + TRIED_WITHIN - 0.01)
    assert not direction.down(last + TRIED_WITHIN)


def test_what_was_lost_while_it_was_down_is_no_stray() -> None:
    direction = tried(True, *[False] * DOWN_AFTER, True, False, True)
    assert direction.since == (DOWN_AFTER + 1) * 0.25
    assert direction.strays(0.0) == 1
    assert direction.lost_since(0.0) == DOWN_AFTER + 1


def test_what_is_lost_now_is_no_stray_yet() -> None:
    direction = tried(True, False, True, False, False)
    assert (direction.strays(0.0), direction.strays(0.5)) == (1, 0)


def test_probes_of_a_burst_tell_whether_it_is_down_but_nothing_else() -> None:
    direction = Direction()
    direction.lost(0.0, steady=False)
    assert (direction.run, direction.count(0.0)) == (1, 0)
    direction.passed(0.1, 9.0, whole=False, steady=False)
    assert (direction.run, direction.count(0.0), direction.corruptions(0.0)) == (0, 0, 1)


def test_one_that_comes_late_was_not_lost() -> None:
    direction = tried(True, False)
    direction.came_late(0.25, 0.3)
    assert (direction.run, direction.lost_since(0.0), direction.passed_at) == (0, 0, 0.25)


def test_one_that_was_sent_before_the_last_that_passed_adds_nothing_to_the_run() -> None:
    direction = tried(True, every=1.0, start=5.0)
    direction.lost(4.0)
    assert direction.run == 0
    assert direction.strays(0.0) == 1


def test_to_begin_anew_forgets_what_was_lost() -> None:
    direction = tried(False, True, False, False)
    direction.begin_anew(1.0)
    assert (direction.run, direction.strays(0.0)) == (0, 0)
    assert direction.shift(0.0) is None


def slow(direction: Direction, seconds: float, times: int) -> None:
    for number in range(times):
        direction.passed(float(number), seconds, whole=True)


def test_how_much_later_than_usual_it_is() -> None:
    direction = Direction()
    slow(direction, 0.002, 20)
    assert direction.usual is None
    slow(direction, 0.002, 40)
    assert {direction.usual, direction.shift(0.5)} == {0.002, 0.0}
    slow(direction, 0.052, 4)
    assert direction.shift(0.5) == 0.0, "a few do not count"
    slow(direction, 0.052, 4)
    assert direction.shift(0.5) == pytest.approx(0.05)


@pytest.mark.parametrize(("late", "usual"), [(True, 0.002), (False, 0.052)])
def test_what_is_late_does_not_become_usual(late: bool, usual: float) -> None:
    direction = Direction()
    slow(direction, 0.002, 40)
    direction.late = late
    slow(direction, 0.052, 400)
    assert direction.usual == usual


def test_while_the_usual_is_not_known_that_elsewhere_does() -> None:
    direction = Direction()
    slow(direction, 0.052, 10)
    assert direction.shift(0.002) == pytest.approx(0.05)


def test_spread() -> None:
    direction = Direction()
    assert direction.spread == 0.0
    for number in range(100):
        direction.passed(float(number), 0.001 if number % 10 else 0.011, whole=True)
    assert direction.spread == pytest.approx(0.01)


def test_it_is_clean_while_next_to_nothing_is_lost() -> None:
    direction = tried(False, True)
    assert direction.is_clean(0.5)
    go_on(direction, False, start=0.5)
    assert not direction.is_clean(0.5)
    go_on(direction, True, start=0.75)
    assert not direction.is_clean(0.75)
    assert direction.is_clean(60.0)


@given(st.lists(st.booleans(), max_size=2 * KEPT))
def test_what_is_known_is_bounded_and_agrees(passed: list[bool]) -> None:
    direction = tried(*passed)
    ends = passed[::-1].index(True) if True in passed else len(passed)
    assert direction.run == ends
    assert direction.count(0.0) == min(len(passed), KEPT)
    assert direction.strays(0.0) + ends <= direction.lost_since(0.0) + max(0, ends - KEPT) + ends
    assert direction.down(len(passed) * 0.25) <= (ends >= DOWN_AFTER)
