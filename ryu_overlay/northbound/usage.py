"""Accounting: usage by time and name, as JSON and as CSV, rates, and bills.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem.
"""

from __future__ import annotations

import csv
import io
import time
from datetime import datetime, timezone
from typing import Any, get_args

from pydantic import BaseModel

from ryu_overlay.accounting.billing import bills, month
from ryu_overlay.accounting.summary import By, Per, Sum, summed
from ryu_overlay.accounting.values import Found
from ryu_overlay.northbound import schemas_usage as shapes
from ryu_overlay.northbound.http import JSON, Parameter, Request, Response, choice
from ryu_overlay.northbound.problems import missing, problem, shown
from ryu_overlay.northbound.service import Service
from ryu_overlay.northbound.service_usage import LedgerAway
from ryu_overlay.northbound.values import instant
from ryu_overlay.pipeline.accounts import CLASSES

CSV = "text/csv; charset=utf-8"
_DAY = 86400.0
_FINE = 100 * _DAY
"""Seconds of the longest time that is told by interval or hour: there are as many rows as intervals, of each account."""


def show_usage(service: Service, request: Request) -> Response:
    """Usage of a time, the last day if nothing else is asked for."""
    query = request.query
    until = query.get("until", time.time())
    since = query.get("since", until - _DAY)
    by, per, tenant = query.get("by", "account"), query.get("per", "total"), query.get("tenant")
    if since >= until:
        raise problem(400, "since", "must be before until")
    if per in ("interval", "hour") and until - since > _FINE:
        raise problem(400, "since", f"must be at most {_FINE / _DAY:.0f} days before until, for usage per {per}")
    if tenant is not None:
        _known(service, tenant)
    found = _found(service, since, until, coarse=per in ("total", "day"))
    sums = summed(found.used, found.gaps, found.accounts, by, per, (since, until), tenant)
    if query.get("format") == "csv":
        return Response(200, _csv(sums).encode(), CSV)
    accounts = found.accounts
    gaps = [gap for gap in found.gaps if gap.use.object in accounts and tenant in (None, accounts[gap.use.object].tenant)]
    return _answer(
        shapes.UsageDocument(
            since=instant(since),
            until=instant(until),
            rows=[shapes.usage_row(made) for made in sums],
            gaps=[shapes.gap_document(gap, accounts[gap.use.object]) for gap in gaps],
        )
    )


def show_rates(service: Service, request: Request) -> Response:
    """What passes now."""
    rates, accounts = service.usage.rates()
    known = ((rate, accounts[rate.use.object]) for rate in rates if rate.use.object in accounts)
    rows = [shapes.rate_row(rate, account) for rate, account in known]
    rows.sort(key=lambda row: -row.bits)
    reading = service.usage.reading()
    ages = {name: round(age, 3) for name, age in sorted(reading.ages.items())}
    return _answer(shapes.Rates(at=instant(time.time()), rates=rows, ages=ages, ledger_away=reading.away))


def show_bills(service: Service, request: Request) -> Response:
    """Bills of a month."""
    name, length, by = request.names["month"], service.usage.interval, request.query.get("by", "tenant")
    try:
        since, end = month(name)
    except ValueError as error:
        raise problem(404, "month", f"{error}, not {shown(name)}") from error
    until = min(end, int(time.time() // length * length))
    if until <= since:
        raise problem(404, "month", f"no interval of {name} is over yet")
    found = _found(service, since, until, coarse=False)
    billed = [used for used in found.used if used.use.peer != "inside"]
    sums = summed(billed, found.gaps, found.accounts, by, "interval", (since, until))
    made = [shapes.bill_document(bill) for bill in bills(sums, since, until, length)]
    began = None if found.began is None else instant(max(since, found.began))
    return _answer(shapes.Bills(month=name, since=began, until=instant(until), interval=length, bills=made))


def _found(service: Service, since: float, until: float, *, coarse: bool) -> Found:
    try:
        return service.usage.usage(since, until, coarse=coarse)
    except LedgerAway as error:
        raise problem(503, "ledger", f"is away, try again: {error}") from error


def _known(service: Service, tenant: str) -> None:
    """One that is no more may still have usage."""
    _, accounts = service.usage.totals()
    if service.network.get("tenant", (tenant,)) is None and all(a.tenant != tenant for a in accounts.values()):
        raise missing("tenant", tenant)


def _csv(sums: list[Sum]) -> str:
    names, classes = tuple(shapes.Named.model_fields), CLASSES
    counted = (f"{peer}_{way}_{what}" for peer, way in classes for what in ("packets", "bytes"))
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["start", "seconds", *names, *counted, "complete"])
    for each in sums:
        counts = (number for peer, way in classes for number in each.of(peer, way))
        start = instant(each.start).isoformat()
        out.writerow([start, f"{each.length:.0f}", *(getattr(each.whose, n) for n in names), *counts, str(each.complete).lower()])
    return text.getvalue()


def _answer(document: BaseModel) -> Response:
    return Response(200, document.model_dump_json().encode() + b"\n", JSON)


def _time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a time such as 2026-11-26T10:00:00Z") from error


_WHEN = {"type": "string", "format": "date-time"}
_BY = choice("by", "What to tell apart: tenants, their routers, or their uplinks and floating IPs.", *get_args(By))
_QUERY = (
    Parameter("since", _time, _WHEN, "From when on; a day before `until` if it is left out."),
    Parameter("until", _time, _WHEN, "Up to when; now if it is left out."),
    Parameter("tenant", str, {"type": "string"}, "Only this tenant's."),
    _BY,
    choice("per", "Over what time to sum up; `interval` is what the ledger is kept in.", *get_args(Per)),
    choice("format", "How to tell it.", "json", "csv"),
)

READS: tuple[tuple[Any, ...], ...] = (
    ("/v1/usage", show_usage, "Show what uplinks and floating IPs carried", shapes.UsageDocument, *_QUERY),
    ("/v1/usage/rates", show_rates, "Show what they carry now", shapes.Rates),
    ("/v1/usage/bills/{month}", show_bills, "Show a month by volume and by 95th percentile", shapes.Bills, _BY),
)
"""What can only be read: (path, handler, summary, shape of the answer, query parameters)."""
