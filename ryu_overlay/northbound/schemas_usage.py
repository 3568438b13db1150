"""The shapes of accounting: usage, rates, bills.

Bytes are those of Ethernet frames without tag and check sequence. `out` is out of the tenant's network.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from ryu_overlay.accounting.billing import Bill
from ryu_overlay.accounting.summary import Sum, Whose
from ryu_overlay.accounting.values import Account, Count, Gap
from ryu_overlay.northbound.service_usage import Rate
from ryu_overlay.northbound.values import instant
from ryu_overlay.pipeline.accounts import PEERS, Peer, Way


class Amount(BaseModel):
    """What passed one way."""

    packets: int
    bytes: int


class Amounts(BaseModel):
    """What passed in one class."""

    out: Amount
    into: Amount


class Named(BaseModel):
    """Whose it is. `kind` is `router_port` for an uplink, `floating_ip`, or `tenant` for what stays inside. What is summed up
    over is empty."""

    tenant: str
    router: str
    kind: str
    name: str
    address: str


class UsageRow(Named):
    """What somebody carried from `start` on for `seconds`; `inside` is what a tenant's VMs sent to each other. `complete`:
    nothing of it is known to be missing."""

    start: datetime
    seconds: float
    internet: Amounts
    own: Amounts
    others: Amounts
    inside: Amount
    complete: bool


class GapDocument(Named):
    """Of what a chassis carried for somebody in that time something is missing (`lost`), or was counted as a whole at its end
    (`late`)."""

    chassis: str
    peer: Peer
    way: Way
    since: datetime
    until: datetime
    what: Literal["lost", "late"]


class UsageDocument(BaseModel):
    """Usage of a time, by time and name, and what is missing in it."""

    since: datetime
    until: datetime
    rows: list[UsageRow]
    gaps: list[GapDocument]


class RateRow(Named):
    """What passes now in one class and direction, a second."""

    peer: Peer
    way: Way
    packets: float
    bits: float


class Rates(BaseModel):
    """What passes now, where there is traffic. `ages`: seconds since each chassis was read."""

    at: datetime
    rates: list[RateRow]
    ages: dict[str, float]
    ledger_away: str | None


class BillDocument(Named):
    """A month of traffic with the internet: bytes, and the 95th percentile of the rates of its intervals in bits a second."""

    out_bytes: int
    in_bytes: int
    out_percentile: float
    in_percentile: float
    percentile: float
    intervals: int
    complete: bool


class Bills(BaseModel):
    """Bills of a month in UTC, up to now if it is not over. `since` is when the ledger begins in it (null: it is empty)."""

    month: str
    since: datetime | None
    until: datetime
    interval: int
    bills: list[BillDocument]


def usage_row(made: Sum) -> UsageRow:
    amounts = {peer: Amounts(out=_amount(made.of(peer, "out")), into=_amount(made.of(peer, "in"))) for peer in PEERS}
    inside = _amount(made.of("inside", "out"))
    times = {"start": instant(made.start), "seconds": made.length}
    return UsageRow(**_named(made.whose), **times, **amounts, inside=inside, complete=made.complete)


def gap_document(gap: Gap, account: Account) -> GapDocument:
    times = {"since": instant(gap.since), "until": instant(gap.until)}
    return GapDocument(**_of(account), chassis=gap.chassis, peer=gap.use.peer, way=gap.use.way, what=gap.what, **times)


def rate_row(rate: Rate, account: Account) -> RateRow:
    return RateRow(**_of(account), peer=rate.use.peer, way=rate.use.way, packets=rate.packets, bits=8 * rate.bytes)


def bill_document(bill: Bill) -> BillDocument:
    into, out = bill.volume
    in_percentile, out_percentile = bill.percentile
    return BillDocument(
        **_named(bill.whose),
        out_bytes=out,
        in_bytes=into,
        out_percentile=out_percentile,
        in_percentile=in_percentile,
        percentile=bill.billed,
        intervals=bill.intervals,
        complete=bill.complete,
    )


def _amount(count: Count) -> Amount:
    return Amount(packets=count.packets, bytes=count.bytes)


def _named(whose: Whose) -> dict[str, str]:
    return {name: getattr(whose, name) for name in Named.model_fields}


def _of(account: Account) -> dict[str, str]:
    return {name: getattr(account, name) for name in Named.model_fields}
