"""The ledger's process: what it is asked and answers, as lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ryu_overlay.accounting.keeper import Keeper, serve
from ryu_overlay.accounting.ledger import Ledger
from ryu_overlay.accounting.meter import Meter
from ryu_overlay.accounting.values import DAY, HOUR, Gap, Used
from ryu_overlay.accounting.wire import from_booking, to_begun, to_booking, to_gap, to_used
from tests.unit.accounting.test_ledger import USE, booking


def asked(url: str, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    answers = io.StringIO()
    serve(url, io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def write(number: int, meter: Meter, at: float, packets: int) -> dict[str, Any]:
    keep = {str(HOUR): 7200, str(DAY): 86400}
    return {"do": "write", "number": number, "booking": from_booking(booking(meter, at, packets)), "length": 300, "keep": keep}


def test_what_is_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    url, meter = f"sqlite:///{tmp_path}/usage.db", Meter()
    begun, *written = asked(url, {"do": "begin"}, write(1, meter, 310.0, 5), write(2, meter, 320.0, 9))
    assert to_begun(begun).last == 0 and written == [{"new": True}, {"new": True}]
    begun, usage = asked(url, {"do": "begin"}, {"do": "usage", "since": 0, "until": 1000, "coarse": False})
    again = to_begun(begun)
    assert again.last == 2 and [state.count.packets for state in again.kept.values()] == [9] and again.read == {"hv1": 320.0}
    assert [to_used(data) for data in usage["open"]] == [Used(300, 300, USE, meter.total[USE])] and usage["closed"] == []


def test_intervals_are_closed_summed_up_and_deleted_as_time_goes_by(tmp_path: Path) -> None:
    url, meter = f"sqlite:///{tmp_path}/usage.db", Meter()
    writes = [write(number, meter, 150.0 + 300.0 * number, number) for number in range(1, 61)]
    asked(url, {"do": "begin"}, *writes)
    (usage,) = asked(url, {"do": "usage", "since": 0, "until": 10 * HOUR, "coarse": False})
    lengths = [to_used(data).length for data in usage["closed"]]
    assert lengths[:3] == [HOUR, HOUR, HOUR] and set(lengths[3:]) == {300}
    counted = sum(to_used(data).count.packets for data in (*usage["closed"], *usage["open"]))
    assert counted == meter.total[USE].packets


def test_who_was_replaced_is_told_so(tmp_path: Path) -> None:
    old, new = (Keeper(lambda: Ledger(f"sqlite:///{tmp_path}/usage.db")) for _ in range(2))
    for keeper in (old, new):
        assert keeper.answer({"do": "begin"})["last"] == 0
    refused = old.answer(write(1, Meter(), 310.0, 5))
    assert refused["superseded"] and "another process" in refused["error"]
    assert new.answer(write(1, Meter(), 310.0, 5)) == {"new": True}


def test_what_sql_refuses_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/usage.db")
    keeper = Keeper(lambda: ledger)
    keeper.answer({"do": "begin"})
    with ledger.engine.begin() as db:
        db.execute(text("DROP TABLE gaps"))
    meter = Meter()
    booking(meter, 305.0, 5)
    assert "gaps" in keeper.answer(write(1, meter, 310.0, 2))["error"]
    assert keeper.answer({"do": "begin"})["last"] == 0 and ledger.open() == []


def test_bookings_and_gaps_come_back_as_they_went() -> None:
    meter = Meter()
    booking(meter, 310.0, 5)
    made = booking(meter, 320.0, 2, age=1.0)
    assert made.gaps and to_booking(json.loads(json.dumps(from_booking(made)))) == made
    gap = Gap("hv1", USE, 1.0, 2.0, "late")
    assert to_gap(json.loads(json.dumps(["hv1", list(USE), 1.0, 2.0, "late"]))) == gap


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/usage.db", "postgres-no-url", "oracle+nothing://host/db"])
def test_a_database_that_cannot_be_opened_is_an_answer(url: str) -> None:
    (answer,) = asked(url, {"do": "begin"})
    assert set(answer) == {"error"} and answer["error"]
