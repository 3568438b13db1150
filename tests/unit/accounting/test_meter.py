"""Counters that begin anew, are read late, or are lost: each packet is booked once, and none that was not there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.accounting.meter import Kept, Meter, Seen, Spot, merged
from ryu_overlay.accounting.values import NOTHING, Account, Count, Gap, Use
from ryu_overlay.pipeline.accounts import Line, meter_of

UPLINK = Account("u1", "red", "router_port", "r1", "up", "203.0.113.11")
OTHER = Account("u2", "red", "floating_ip", "r1", "web", "203.0.113.12")
WHOSE = {7: UPLINK, 8: OTHER}
OUT = meter_of(Line(7, "internet", "out"))
USE = Use("u1", "internet", "out")


def seen(packets: int, age: float, flows: int = 1) -> Seen:
    return Seen(Count(packets, 100 * packets), age, flows)


def read(meter: Meter, at: float, packets: int, age: float | None = None, flows: int = 1) -> frozenset[int]:
    return meter.take("hv1", at, {OUT: seen(packets, at if age is None else age, flows)}, WHOSE)


def used(meter: Meter) -> int:
    return meter.book(0.0).used.get(USE, NOTHING).packets


def gaps(meter: Meter) -> list[tuple[float, float, str]]:
    return [(gap.since, gap.until, gap.what) for gap in meter.book(0.0).gaps]


def test_growth_is_usage_and_is_booked_once() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    read(meter, 2.0, 9)
    assert used(meter) == 9 and used(meter) == 0
    read(meter, 3.0, 10)
    assert used(meter) == 1 and meter.total[USE].packets == 10


def test_a_meter_made_anew_counts_from_0_and_leaves_a_gap_up_to_when_it_was_made() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    read(meter, 14.0, 60, age=1.5)
    booking = meter.book(14.0)
    assert booking.used[USE].packets == 110
    assert booking.gaps == (Gap("hv1", USE, 10.0, 12.5, "lost"),)


def test_a_meter_that_has_less_was_made_anew_whatever_its_age() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    read(meter, 11.0, 7)
    booking = meter.book(11.0)
    assert booking.used[USE].packets == 57 and booking.gaps[0].until == 10.0


def test_a_clock_that_was_held_up_makes_no_usage() -> None:
    """The reading is late, or early, by seconds: what tells of a new meter is its own clock."""
    meter = Meter()
    meter.take("hv1", 10.0, {OUT: seen(50, 1.0)}, WHOSE)
    meter.take("hv1", 19.0, {OUT: seen(51, 2.0)}, WHOSE)
    booking = meter.book(19.0)
    assert booking.used[USE].packets == 51 and booking.gaps == ()


def test_a_meter_that_is_gone_leaves_a_gap_unless_it_was_retired() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    meter.take("hv1", 11.0, {}, WHOSE)
    assert gaps(meter) == [(10.0, 11.0, "lost")]
    read(meter, 12.0, 5, age=0.5)
    assert read(meter, 13.0, 6, age=1.5, flows=0) == frozenset()
    assert read(meter, 14.0, 6, age=2.5, flows=0) == {OUT}
    meter.take("hv1", 15.0, {}, WHOSE)
    booking = meter.book(15.0)
    assert booking.gaps == () and booking.gone == {Spot("hv1", OUT)} and booking.used[USE].packets == 6


def test_one_that_was_retired_and_is_there_again_leaves_no_gap() -> None:
    meter = Meter()
    for at, packets, flows in ((1.0, 5, 1), (2.0, 6, 0), (3.0, 6, 0)):
        read(meter, at, packets, flows=flows)
    read(meter, 4.0, 2, age=0.5)
    booking = meter.book(4.0)
    assert booking.used[USE].packets == 8 and booking.gaps == ()


def test_what_nothing_leads_to_for_now_is_counted_on() -> None:
    meter = Meter()
    for at, packets, flows in ((1.0, 5, 1), (2.0, 5, 0), (3.0, 5, 0), (4.0, 8, 1)):
        read(meter, at, packets, flows=flows)
    assert used(meter) == 8


def test_an_account_that_is_no_more_gets_what_its_meter_counts_last() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    meter.take("hv1", 2.0, {OUT: seen(9, 2.0, 0)}, {})
    assert used(meter) == 9


def test_a_number_that_another_has_now_is_counted_for_that_one() -> None:
    meter = Meter()
    read(meter, 1.0, 5)
    meter.take("hv1", 2.0, {OUT: seen(9, 2.0)}, {7: OTHER})
    booking = meter.book(2.0)
    assert booking.used == {USE: Count(5, 500), USE._replace(object="u2"): Count(4, 400)}
    assert booking.kept[Spot("hv1", OUT)].object == "u2"


def test_meters_of_nobody_are_left_out() -> None:
    meter = Meter()
    assert meter.take("hv1", 1.0, {OUT: seen(5, 1.0), 3: seen(7, 1.0)}, {}) == frozenset()
    assert meter.book(1.0).used == {}


def test_readings_far_apart_are_marked_as_late() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    read(meter, 100.0, 50)
    assert gaps(meter) == []
    read(meter, 200.0, 60)
    assert gaps(meter) == [(100.0, 200.0, "late")]


def test_a_reading_that_is_older_than_the_last_is_left_out() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    read(meter, 9.0, 40)
    assert used(meter) == 50


def test_tags_are_no_part_of_what_came_in() -> None:
    inward = meter_of(Line(7, "internet", "in"))
    tagged = {7: replace(UPLINK, tagged=True)}
    meter = Meter()
    meter.take("hv1", 1.0, {OUT: seen(5, 1.0), inward: seen(5, 1.0)}, tagged)
    booking = meter.book(1.0)
    assert booking.used == {USE: Count(5, 500), USE._replace(way="in"): Count(5, 480)}


def test_a_chassis_that_is_forgotten_leaves_gaps() -> None:
    meter = Meter()
    read(meter, 10.0, 50)
    meter.forget("hv1", 30.0)
    booking = meter.book(30.0)
    assert [(gap.since, gap.until) for gap in booking.gaps] == [(10.0, 30.0)] and booking.read == {}


def test_it_goes_on_from_what_was_kept() -> None:
    meter = Meter({Spot("hv1", OUT): Kept("u1", Count(50, 5000), 10.0)}, {"hv1": 10.0}, {"u1": UPLINK})
    read(meter, 20.0, 60)
    booking = meter.book(20.0)
    assert booking.used == {USE: Count(10, 1000)} and booking.gaps == () and booking.accounts == ()


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What happens in the second before a reading: packets, and events of the meter."""
    return draw(st.lists(st.tuples(st.sampled_from(["", "", "anew", "crash", "unwritten"]), st.integers(0, 9)), max_size=20))


@given(lives())
def test_whatever_happens_nothing_is_billed_twice_and_what_is_missing_is_marked(life: list[tuple[str, int]]) -> None:
    """The meter is made anew (with what it had not told), the controller dies, or its booking is written later."""
    meter, late = Meter(), None
    count, age, passed, booked, marked = 0, 0.5, 0, 0, False
    read(meter, 0.5, count, age)
    first = meter.book(0.5)
    stored, read_at = dict(first.kept), dict(first.read)
    for second, (what, packets) in enumerate(life, 1):
        passed += packets
        count, age = count + packets, age + 1.0
        if what == "anew":
            count, age = 0, 0.25
        if what == "crash":
            meter, late = Meter(stored, read_at, {"u1": UPLINK}), None
        read(meter, float(second), count, age)
        new = meter.book(float(second))
        late = new if late is None else merged(late, new)
        if what != "unwritten":
            booked += late.used.get(USE, NOTHING).packets
            marked |= any(gap.what == "lost" for gap in late.gaps)
            stored, read_at, late = {**stored, **late.kept}, dict(late.read), None
    if late is not None:
        booked += late.used.get(USE, NOTHING).packets
        marked |= any(gap.what == "lost" for gap in late.gaps)
    assert booked <= passed
    assert booked == passed or marked
