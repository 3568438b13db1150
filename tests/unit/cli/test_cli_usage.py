"""`overlayctl usage` against this project's own REST: tables, times, CSV, rates, bills."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ryu_overlay.cli import usage_text
from ryu_overlay.cli.commands import usage
from tests.unit.cli.fake_rest import Run
from tests.unit.cli.test_cli_health import lines
from tests.unit.cli.test_cli_northbound import red, run, service  # noqa: F401
from tests.unit.northbound.memory import MemoryService

HOUR = ("--since", "2024-05-01T12:00", "--until", "2024-05-01T13:00:00Z")


def test_totals_and_what_is_missing(run: Run) -> None:  # noqa: F811
    assert lines(run("usage", *HOUR)) == [
        "TENANT ROUTER NAME ADDRESS INTERNET OUT INTERNET IN OTHERS OUT OTHERS IN OWN OUT OWN IN INSIDE COMPLETE",
        "blue r9 up 203.0.113.21 0 B 0 B 0 B 0 B 300 B 0 B 0 B yes",
        "red - - - 0 B 0 B 0 B 0 B 0 B 0 B 9 kB yes",
        "red r1 up 203.0.113.11 23.4 MB 1.2 kB 0 B 0 B 0 B 0 B 0 B yes",
        "red r1 web 203.0.113.12 0 B 0 B 0 B 700 B 0 B 0 B 0 B no",
        "",
        "what is missing (lost), or known only as a whole (late):",
        "CHASSIS TENANT ROUTER NAME SINCE (UTC) UNTIL (UTC) WHAT",
        "hv2 red r1 web 2024-05-01 12:06:40 2024-05-01 12:06:42 lost",
    ]


def test_per_interval_each_line_has_its_time(run: Run) -> None:  # noqa: F811
    told = lines(run("usage", *HOUR, "--tenant", "blue", "--per", "interval", "--by", "tenant"))
    assert told[1:] == ["2024-05-01 12:00:00 blue - - - 0 B 0 B 0 B 0 B 300 B 0 B 0 B yes"]


def test_csv_and_json_are_rests_own(run: Run) -> None:  # noqa: F811
    told = run("usage", *HOUR, "--csv").output.splitlines()
    assert told[0].startswith("start,seconds,tenant,router") and len(told) == 5
    assert run("--json", "usage", *HOUR).output.startswith('{"since":"2024-05-01T12:00:00Z"')


def test_nothing_in_that_time(run: Run) -> None:  # noqa: F811
    assert lines(run("usage")) == ["no usage in that time"]


def test_rates_again_and_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(usage.time, "sleep", sleep)  # type: ignore[attr-defined]
    told = lines(run("usage", "--watch", "--top", "1"))
    assert pauses == [2.0, 2.0]
    assert told == 2 * [
        "TENANT ROUTER NAME ADDRESS WITH WAY BIT/S PACKETS/S",
        "red r1 up 203.0.113.11 internet out 12 Mbit/s 1000",
    ]


def test_a_bill(run: Run) -> None:  # noqa: F811
    told = lines(run("usage", "bill", "2024-05"))
    assert told[0] == "TENANT ROUTER NAME OUT IN 95 % OUT 95 % IN BILLED AT INTERVALS COMPLETE"
    assert told[-1] == "The ledger begins at 2024-05-01 12:00:00 UTC: all before that counts as nothing."
    assert "red - - 23.4 MB 1.2 kB 0 bit/s 0 bit/s 0 bit/s 8928 no" in told


def test_what_is_wrong_is_said(run: Run, service: MemoryService) -> None:  # noqa: F811
    assert "must be a time such as" in run("usage", "--since", "soon").output
    assert run("usage", "bill", "May").exit_code == 1
    service.usage.away = "no space left"
    refused = run("usage")
    assert refused.exit_code == 1 and "ledger: is away, try again: no space left" in refused.output


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (1234, "1.23 kB"), (5.5e9, "5.5 GB"), (2e18, "2e+03 PB")]
)
def test_amounts(number: float, text: str) -> None:
    assert usage_text.octets(number) == text


def test_times() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
    assert usage_text.instant("2h", now) == "2026-11-26T10:00:00+00:00"
    assert usage_text.instant("2026-11-26T10:00", now) == "2026-11-26T10:00:00+00:00"
