"""The ledger on SQLite: what is written is there once, whoever dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ryu_overlay.accounting.ledger import DAY, HOUR, INTERVAL, Ledger
from ryu_overlay.accounting.meter import NOTHING, Count, Line, Meter, total

LINE = Line("hv1", "u1", "internet", "out")
OTHER = Line("hv2", "u1", "own", "in")
TENANTS = {"u1": "red"}
_WRITER = """
import sys
from ryu_overlay.accounting.ledger import Ledger
from ryu_overlay.accounting.meter import Count, Line, Meter
ledger = Ledger(sys.argv[1])
meter = Meter(ledger.kept())
at = int(sys.argv[2])
while True:
    at += 1
    meter.take("hv1", 0.0, float(at), {Line("hv1", "u1", "internet", "out"): Count(at, 100 * at)})
    ledger.write(meter.book(), float(at), length=10)
    ledger.close(float(at), {"u1": "red"}, length=10)
    print(at, flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/usage.db"


def fill(ledger: Ledger, meter: Meter, at: float, packets: int, line: Line = LINE) -> None:
    meter.take(line.chassis, 0.0, at, {line: Count(packets, 100 * packets)})
    ledger.write(meter.book(), at)


def sums(ledger: Ledger, length: int = INTERVAL) -> dict[int, Count]:
    found: dict[int, Count] = {}
    for used in ledger.usage(0, 1e12, length):
        found[used.start] = found.get(used.start, NOTHING) + used.count
    return found


def test_an_interval_is_closed_once_it_is_over_and_not_before(url: str) -> None:
    ledger, meter = Ledger(url), Meter()
    fill(ledger, meter, 310.0, 5)
    fill(ledger, meter, 320.0, 9)
    assert ledger.close(599.0, TENANTS) == 0 and not sums(ledger)
    fill(ledger, meter, 610.0, 10)
    assert ledger.close(610.0, TENANTS) == 1 and ledger.close(610.0, TENANTS) == 0
    (used,) = ledger.usage(0, 1e12)
    assert (used.start, used.length, used.line, used.tenant, used.count) == (300, 300, LINE, "red", Count(9, 900))
    assert list(ledger.usage(0, 1e12, tenant="blue")) == []


def test_hours_and_days_are_the_sums_and_are_made_once(url: str) -> None:
    ledger, meter = Ledger(url), Meter()
    for at in range(0, 2 * DAY, 150):
        fill(ledger, meter, float(at), 10 * at)
        meter.take("hv2", 0.0, float(at), {OTHER: Count(at, 50 * at)})
    ledger.write(meter.book(), 2 * DAY - 1.0)
    ledger.close(2 * DAY, TENANTS)
    assert (ledger.roll_up(2 * DAY - 1, INTERVAL, HOUR), ledger.roll_up(2 * DAY, INTERVAL, HOUR)) == (47, 1)
    assert (ledger.roll_up(2 * DAY, HOUR, DAY), ledger.roll_up(2 * DAY, HOUR, DAY)) == (2, 0)
    assert total(sums(ledger).values()) == total(sums(ledger, HOUR).values()) == total(sums(ledger, DAY).values()) != NOTHING


def test_what_is_old_goes_only_if_it_is_summed_up(url: str) -> None:
    ledger, meter = Ledger(url), Meter()
    for at in range(0, 3 * HOUR, 100):
        fill(ledger, meter, float(at), at)
    ledger.close(3 * HOUR, TENANTS)
    assert ledger.forget(2 * HOUR, INTERVAL, HOUR) == 0
    ledger.roll_up(1.5 * HOUR, INTERVAL, HOUR)
    assert ledger.forget(2 * HOUR, INTERVAL, HOUR) == 12
    ledger.roll_up(3 * HOUR, INTERVAL, HOUR)
    assert sorted(sums(ledger, HOUR)) == [0, HOUR, 2 * HOUR]
    assert total(sums(ledger, HOUR).values()).packets == 3 * HOUR - 100


def test_gaps_are_kept_with_what_has_them(url: str) -> None:
    ledger, meter = Ledger(url), Meter()
    fill(ledger, meter, 10.0, 50)
    meter.take("hv1", 15.0, 30.0, {LINE: Count(7, 700)})
    ledger.write(meter.book(), 30.0)
    assert [(gap.line, gap.since, gap.until) for gap in ledger.gaps(0, 100)] == [(LINE, 10.0, 15.0)]
    assert ledger.gaps(16.0, 100.0) == []


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
        ledger = Ledger(url)
        booked = ledger.kept().booked[LINE].packets
        assert at <= booked <= at + 1, "what was told to be written is, and at most what was being written besides"
        at = booked
    ledger, meter = Ledger(url), Meter(Ledger(url).kept())
    meter.take("hv1", 0.0, at + 20.0, {LINE: Count(at + 20, 100 * (at + 20))})
    ledger.write(meter.book(), at + 20.0, length=10)
    ledger.close(at + 40.0, TENANTS, length=10)
    assert total(sums(ledger, 10).values()).packets == at + 20
