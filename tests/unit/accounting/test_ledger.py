"""The ledger, on SQLite and on PostgreSQL: what is written is there once, whoever dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable

import pytest

from ryu_overlay.accounting.ledger import Ledger, Superseded
from ryu_overlay.accounting.meter import Booking, Meter, Seen
from ryu_overlay.accounting.values import DAY, HOUR, INTERVAL, NOTHING, Account, Count, Use
from ryu_overlay.pipeline.accounts import Line, meter_of

UPLINK = Account("u1", "red", "router_port", "r1", "up", "203.0.113.11")
OUT = meter_of(Line(7, "internet", "out"))
USE = Use("u1", "internet", "out")
_WRITER = """
import sys
from ryu_overlay.accounting.ledger import Ledger
from tests.unit.accounting.test_ledger import begun, booking
ledger = Ledger(sys.argv[1])
meter, number = begun(ledger)
at = int(sys.argv[2])
while True:
    at, number = at + 1, number + 1
    ledger.write(number, booking(meter, at, at), length=10)
    ledger.close(float(at), length=10)
    print(at, flush=True)
"""


def begun(ledger: Ledger) -> tuple[Meter, int]:
    found = ledger.begin()
    return Meter(found.kept, found.read, found.accounts), found.last


def booking(meter: Meter, at: float, packets: int, age: float | None = None) -> Booking:
    seen = Seen(Count(packets, 100 * packets), at if age is None else age, 1)
    meter.take("hv1", at, {OUT: seen}, {7: UPLINK})
    return meter.book(at)


class Filling:
    """A ledger, and a meter that is written to it."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger(url)
        self.meter, self.number = begun(self.ledger)

    def fill(self, at: float, packets: int, age: float | None = None) -> None:
        self.number += 1
        assert self.ledger.write(self.number, booking(self.meter, at, packets, age))

    def sums(self, *, coarse: bool = False) -> dict[int, Count]:
        found: dict[int, Count] = {}
        for used in self.ledger.usage(0, 1e12, coarse=coarse):
            found[used.start] = found.get(used.start, NOTHING) + used.count
        return found


def total(counts: Iterable[Count]) -> Count:
    found = NOTHING
    for count in counts:
        found = found + count
    return found


def test_an_interval_is_closed_once_it_is_over_and_not_before(url: str) -> None:
    made = Filling(url)
    made.fill(310.0, 5)
    made.fill(320.0, 9)
    assert made.ledger.close(599.0) == 0 and not made.sums()
    assert [(used.start, used.count.packets) for used in made.ledger.open()] == [(300, 9)]
    made.fill(610.0, 10)
    assert made.ledger.close(610.0) == 1 and made.ledger.close(610.0) == 0
    (used,) = made.ledger.usage(0, 1e12)
    assert (used.start, used.length, used.use, used.count) == (300, 300, USE, Count(9, 900))
    assert made.ledger.accounts() == {"u1": UPLINK}


def test_what_is_closed_stays_as_it_is(url: str) -> None:
    """A booking from before is written after its interval was closed: the next one has it."""
    made = Filling(url)
    made.fill(310.0, 5)
    made.ledger.close(600.0)
    made.fill(599.0, 8)
    made.ledger.close(900.0)
    assert made.sums() == {300: Count(5, 500), 600: Count(3, 300)}


def test_a_booking_that_is_sent_again_is_not_written_twice(url: str) -> None:
    made = Filling(url)
    once = booking(made.meter, 310.0, 5)
    assert made.ledger.write(1, once) and not made.ledger.write(1, once)
    assert [used.count.packets for used in made.ledger.open()] == [5]


def test_who_was_replaced_writes_no_more(url: str) -> None:
    old = Filling(url)
    old.fill(310.0, 5)
    new = Filling(url)
    new.fill(320.0, 7)
    with pytest.raises(Superseded):
        old.fill(330.0, 9)
    assert [used.count.packets for used in new.ledger.open()] == [7]


def test_hours_and_days_are_the_sums_and_are_made_once(url: str) -> None:
    made = Filling(url)
    for at in range(0, 2 * DAY, 1500):
        made.fill(float(at), 10 * at)
    made.ledger.close(2 * DAY)
    assert (made.ledger.roll_up(2 * DAY - 1, HOUR), made.ledger.roll_up(2 * DAY, HOUR)) == (47, 1)
    assert (made.ledger.roll_up(2 * DAY, DAY), made.ledger.roll_up(2 * DAY, DAY)) == (2, 0)
    assert sorted(made.sums(coarse=True)) == [0, DAY] and len(made.sums()) > 48
    assert total(made.sums().values()) == total(made.sums(coarse=True).values()) != NOTHING
    within = list(made.ledger.usage(HOUR, DAY + 2 * HOUR, coarse=True))
    assert {(used.start, used.length) for used in within} == {(hour * HOUR, HOUR) for hour in range(1, 26)}


def test_what_is_old_goes_only_if_it_is_summed_up(url: str) -> None:
    made = Filling(url)
    for at in range(0, 3 * HOUR, 300):
        made.fill(float(at), at)
    made.ledger.close(3 * HOUR)
    assert made.ledger.forget(2 * HOUR, HOUR) == 0
    made.ledger.roll_up(1.5 * HOUR, HOUR)
    assert made.ledger.forget(2 * HOUR, HOUR) == 11
    made.ledger.roll_up(3 * HOUR, HOUR)
    assert {used.length for used in made.ledger.usage(0, HOUR)} == {HOUR}
    assert {used.length for used in made.ledger.usage(HOUR, 3 * HOUR)} == {INTERVAL}
    assert total(made.sums().values()) == total(made.sums(coarse=True).values()) == Count(3 * HOUR - 300, 100 * (3 * HOUR - 300))


def test_gaps_are_kept_with_what_has_them(url: str) -> None:
    made = Filling(url)
    made.fill(10.0, 50)
    made.fill(14.0, 7, age=1.0)
    assert [(gap.use, gap.since, gap.until, gap.what) for gap in made.ledger.gaps(0, 100)] == [(USE, 10.0, 13.0, "lost")]
    assert made.ledger.gaps(13.5, 100.0) == []


def test_meters_that_are_gone_are_forgotten(url: str) -> None:
    made = Filling(url)
    made.fill(10.0, 50)
    made.meter.take("hv1", 20.0, {}, {})
    assert made.ledger.write(2, made.meter.book(20.0))
    begun = made.ledger.begin()
    assert begun.kept == {} and begun.read == {"hv1": 20.0}


def test_a_writer_that_is_killed_at_any_moment_loses_nothing_and_writes_nothing_twice(url: str) -> None:
    """The counter is 1 a second from the beginning of time, so what was booked is the time."""
    at = 0
    for turn in range(int(os.environ.get("KILLS", "5"))):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, url, str(at)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(3 + turn % 7):
            at = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        at = max([at, *(int(word) for word in rest if word.isdigit())])
        writer.wait()
        (state,) = Ledger(url).begin().kept.values()
        booked = state.count.packets
        assert at <= booked <= at + 1, "what was told to be written is, and at most what was being written besides"
        at = booked
    made = Filling(url)
    made.fill(at + 20.0, at + 20)
    made.ledger.close(at + 40.0, length=10)
    made.ledger.close(at + 600.0)
    assert total(made.sums().values()).packets == at + 20
