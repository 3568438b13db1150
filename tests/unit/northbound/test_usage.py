"""Accounting over REST: sums by time and name, CSV, what is missing, rates, bills, metrics, and what is refused."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from typing import Any

import pytest

from ryu_overlay.accounting.values import Account, Count, Use
from ryu_overlay.northbound import metrics_usage
from tests.unit.northbound.memory import Caller, MemoryService
from tests.unit.northbound.memory_usage import IN, OUT, START, MemoryUsage


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


HOUR = f"since={at(0)}&until={at(3600)}"


def rows(call: Caller, query: str) -> list[dict[str, Any]]:
    status, body = call("GET", "/v1/usage", query=f"{query}")[:2]
    assert status == 200, body
    found: list[dict[str, Any]] = body["rows"]
    return found


def test_a_total_by_account_has_every_class_and_says_what_is_missing(call: Caller) -> None:
    found = {row["name"] + " " + row["tenant"]: row for row in rows(call, HOUR)}
    up = found["up red"]
    assert (up["start"], up["seconds"], up["address"], up["kind"]) == (at(0), 3600.0, "203.0.113.11", "router_port")
    octets = 1000 * 300 * sum(range(1, 13))
    assert up["internet"] == {"out": {"packets": 120, "bytes": octets}, "into": {"packets": 12, "bytes": 1200}}
    assert up["complete"] and not found["web red"]["complete"]
    assert (found[" red"]["kind"], found[" red"]["inside"]) == ("tenant", {"packets": 9, "bytes": 9000})
    assert found["web red"]["others"]["into"] == {"packets": 7, "bytes": 700}
    assert found["up blue"]["own"]["out"] == {"packets": 3, "bytes": 300}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("by=tenant", [("blue", "", 3), ("red", "", 139)]),
        ("by=router", [("blue", "r9", 3), ("red", "", 0), ("red", "r1", 139)]),
        ("by=account&tenant=blue", [("blue", "r9", 3)]),
    ],
)
def test_what_belongs_together_is_summed_up(call: Caller, query: str, expected: list[tuple[str, str, int]]) -> None:
    def packets(row: dict[str, Any]) -> int:
        return sum(row[peer][way]["packets"] for peer in ("internet", "own", "others") for way in ("out", "into"))

    assert [(row["tenant"], row["router"], packets(row)) for row in rows(call, f"{HOUR}&{query}")] == expected


def test_by_interval_and_by_hour(call: Caller, service: MemoryService) -> None:
    each = [row for row in rows(call, f"{HOUR}&per=interval") if row["name"] == "up" and row["tenant"] == "red"]
    assert [row["start"] for row in each] == [at(300 * n) for n in range(12)] and {row["seconds"] for row in each} == {300.0}
    (hour,) = (row for row in rows(call, f"{HOUR}&per=hour&by=tenant") if row["tenant"] == "red")
    assert (hour["start"], hour["seconds"]) == (at(0), 3600.0)
    assert [coarse for _, _, coarse in service.usage.asked] == [False, False]


def test_a_gap_marks_only_the_interval_it_touches(call: Caller) -> None:
    document = call("GET", "/v1/usage", query=f"{HOUR}&per=interval&by=tenant&tenant=red")[1]
    assert [row["start"] for row in document["rows"] if not row["complete"]] == [at(300)]
    (gap,) = document["gaps"]
    assert (gap["chassis"], gap["name"], gap["what"], gap["since"]) == ("hv2", "web", "lost", at(400))
    assert call("GET", "/v1/usage", query=f"{HOUR}&tenant=blue")[1]["gaps"] == []


def test_csv_says_the_same(service: MemoryService) -> None:
    response = Caller(service).raw("GET", "/v1/usage", query=f"{HOUR}&format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    found = {(row["tenant"], row["name"]): row for row in csv.DictReader(io.StringIO(response.body.decode()))}
    assert found["red", "up"]["internet_out_packets"] == "120" and found["red", "web"]["complete"] == "false"
    assert found["red", ""]["inside_out_bytes"] == "9000"
    assert found["blue", "up"]["own_out_bytes"] == "300" and found["blue", "up"]["internet_in_bytes"] == "0"


@pytest.mark.parametrize(
    ("query", "status", "field", "reason"),
    [
        ("since=yesterday", 400, "since", "must be a time"),
        (f"since={at(10)}&until={at(10)}", 400, "since", "must be before until"),
        (f"since=2020-01-01T00:00:00Z&until={at(0)}&per=hour", 400, "since", "at most 100 days"),
        ("per=week", 400, "per", "must be total, interval, hour or day"),
        ("by=colour", 400, "by", "must be tenant, router or account"),
        ("tenant=nobody", 404, "tenant", "nobody"),
    ],
)
def test_what_is_refused(call: Caller, query: str, status: int, field: str, reason: str) -> None:
    answer = call("GET", "/v1/usage", query=f"{query}")
    assert answer[0] == status
    (error,) = answer[1]["errors"]
    assert error["field"] == field and reason in error["reason"]


def test_a_ledger_that_is_away_is_said_so(call: Caller, service: MemoryService) -> None:
    service.usage.away = "no space left"
    status, body = call("GET", "/v1/usage")[:2]
    assert status == 503 and body["errors"] == [{"field": "ledger", "reason": "is away, try again: no space left"}]
    assert call("GET", "/v1/usage/rates")[1]["ledger_away"] == "no space left"


def test_rates_those_with_the_most_first(call: Caller) -> None:
    document = call("GET", "/v1/usage/rates")[1]
    assert [(row["way"], row["bits"], row["packets"]) for row in document["rates"]] == [
        ("out", 12e6, 1000.4),
        ("in", 4000.0, 5.0),
    ]
    assert document["ages"] == {"hv1": 0.5, "hv2": 1.25} and document["ledger_away"] is None


def test_a_month_by_volume_and_percentile(call: Caller) -> None:
    document = call("GET", f"/v1/usage/bills/{at(0)[:7]}")[1]
    (bill,) = (bill for bill in document["bills"] if bill["tenant"] == "red")
    assert [b["name"] for b in call("GET", f"/v1/usage/bills/{at(0)[:7]}", query="by=account")[1]["bills"]] == ["up", "up", "web"]
    assert bill["out_bytes"] == 1000 * 300 * 78 and bill["in_bytes"] == 1200
    # Twelve intervals of 8,928 are far fewer than 5 %.
    assert (bill["percentile"], bill["intervals"], document["interval"]) == (0.0, 31 * 288, 300)
    assert document["since"] == at(0) and document["until"] == "2024-06-01T00:00:00Z"


@pytest.mark.parametrize("month", ["2024-13", "May", "9999-01"])
def test_no_such_month(call: Caller, month: str) -> None:
    status, body = call("GET", f"/v1/usage/bills/{month}")[:2]
    assert (status, body["errors"][0]["field"]) == (404, "month")


def test_metrics_have_no_more_names_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = MemoryUsage()
    found = {
        sample.labels["way"]: sample.value
        for family in metrics_usage.families(usage)
        for sample in family.samples
        if sample.name == "overlay_usage_bytes_total"
    }
    assert found == {"out": 500, "in": 600}
    monkeypatch.setattr(metrics_usage, "MAX_NAMED", 1)
    late = Account("u-late", "red", "floating_ip", "r1", "late", "203.0.113.99")
    accounts = {"u-up": Account("u-up", "red", "router_port", "r1", "up", ""), "u-late": late}
    totals = {OUT: Count(1, 10), IN: Count(2, 20), Use("u-late", "internet", "in"): Count(3, 30)}
    monkeypatch.setattr(usage, "totals", lambda: (totals, accounts))
    samples = [s for family in metrics_usage.families(usage) for s in family.samples if s.name == "overlay_usage_packets_total"]
    assert {(s.labels["name"], s.value) for s in samples} == {("up", 1), ("up", 2), ("other", 3)}
