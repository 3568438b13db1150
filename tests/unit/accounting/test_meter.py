"""Counters that begin anew, are read late, or are lost: each packet is booked once, and none that was not there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.accounting.meter import NOTHING, Count, Gap, Kept, Line, Meter, total

LINE = Line("hv1", "u1", "internet", "out")
OTHER = Line("hv1", "u1", "own", "out")


def count(packets: int) -> Count:
    return Count(packets, 100 * packets)


def read(meter: Meter, at: float, packets: int, began: float = 0.0) -> None:
    meter.take("hv1", began, at, {LINE: count(packets)})


def used(meter: Meter) -> int:
    return meter.book().used.get(LINE, NOTHING).packets


def test_growth_is_usage_and_is_booked_once() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    read(meter, 2.0, 9)
    assert used(meter) == 9 and used(meter) == 0
    read(meter, 3.0, 10)
    assert used(meter) == 1


def test_a_flow_that_is_removed_and_made_anew_begins_at_0() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    meter.removed(LINE, count(8))
    read(meter, 2.0, 20)
    booking = meter.book()
    assert booking.used[LINE] == count(28) and not booking.gaps


def test_word_of_a_removal_that_comes_after_the_next_flow_was_read_adds_nothing() -> None:
    meter = Meter()
    read(meter, 1.0, 50)
    meter.removed(LINE, count(8))
    read(meter, 2.0, 51)
    assert used(meter) == 51


def test_a_flow_that_went_unheard_leaves_a_gap() -> None:
    meter = Meter()
    read(meter, 1.0, 50)
    read(meter, 3.0, 7)
    booking = meter.book()
    assert booking.used[LINE] == count(57) and booking.gaps == (Gap(LINE, 1.0, 3.0),)


def test_a_flow_that_is_gone_and_was_not_told_of_leaves_a_gap_and_one_that_was_told_of_none() -> None:
    meter = Meter()
    meter.take("hv1", 0.0, 1.0, {LINE: count(5), OTHER: count(3)})
    meter.removed(OTHER, count(4))
    meter.take("hv1", 0.0, 2.0, {})
    booking = meter.book()
    assert booking.used == {LINE: count(5), OTHER: count(4)} and booking.gaps == (Gap(LINE, 1.0, 2.0),)
    assert not booking.kept.booked


def test_a_bridge_that_began_anew_leaves_a_gap_even_if_it_has_counted_more_since() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    read(meter, 30.0, 70, began=15.0)
    booking = meter.book()
    assert booking.used[LINE] == count(120) and booking.gaps == (Gap(LINE, 10.0, 15.0),)


def test_when_a_bridge_began_is_not_known_to_the_tenth_of_a_second() -> None:
    meter = Meter()
    read(meter, 10.0, 50, began=5.0)
    read(meter, 11.0, 70, began=5.6)
    booking = meter.book()
    assert booking.used[LINE] == count(70) and not booking.gaps


def test_readings_that_come_out_of_order_are_left_out() -> None:
    meter = Meter()
    read(meter, 2.0, 50)
    read(meter, 1.0, 40)
    assert used(meter) == 50 and not meter.book().gaps


def test_lines_do_not_matter_to_each_other() -> None:
    meter = Meter()
    meter.take("hv1", 0.0, 1.0, {LINE: count(5), OTHER: count(3)})
    meter.take("hv2", 0.0, 1.0, {LINE._replace(chassis="hv2"): count(7)})
    meter.take("hv1", 0.0, 2.0, {LINE: count(5), OTHER: count(4)})
    assert meter.book().used == {LINE: count(5), OTHER: count(4), LINE._replace(chassis="hv2"): count(7)}


def test_after_a_crash_counters_make_up_for_what_was_not_booked() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    kept = meter.book().kept
    read(meter, 2.0, 9)
    after = Meter(kept)
    read(after, 3.0, 12)
    assert used(after) == 7


Step = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 1000)),
    st.sampled_from([("read", 0), ("edit", 0), ("crash", 0), ("restart", 0), ("unheard", 0)]),
)


@given(st.lists(Step, max_size=60))
def test_whatever_happens_nothing_is_booked_that_was_not_sent(steps: list[tuple[str, int]]) -> None:
    """`edit` removes the flow and adds it, `unheard` does so and nobody tells; a `restart` is the bridge's, a `crash` that of who
    reads. What is missing after restarts has a gap."""
    meter, kept = Meter(), Kept({}, {})
    ledger, gaps = NOTHING, 0
    flow = sent = 0
    began, now = 0.0, 0.0

    def book() -> None:
        nonlocal kept, ledger, gaps
        booking = meter.book()
        kept, ledger, gaps = booking.kept, ledger + total(booking.used.values()), gaps + len(booking.gaps)

    for what, number in [("read", 0), *steps, ("read", 0)]:
        now += 10.0
        if what == "send":
            flow, sent = flow + number, sent + number
        elif what == "read":
            read(meter, now, flow, began)
            book()
        elif what == "edit":
            meter.removed(LINE, count(flow))
            book()
            flow = 0
        elif what == "crash":
            meter = Meter(kept)
        else:
            flow, began = 0, now if what == "restart" else began
    assert ledger.packets <= sent
    unheard = any(what == "unheard" for what, _ in steps)
    assert ledger.packets == sent or gaps or unheard
