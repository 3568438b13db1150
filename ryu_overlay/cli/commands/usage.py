"""`usage`: what uplinks and floating IPs carried, what they carry now, and a month as it is billed."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import datetime, timezone

import click

from ryu_overlay.cli import kinds, usage_text
from ryu_overlay.cli.answers import Answer, lines
from ryu_overlay.cli.health_text import clock
from ryu_overlay.cli.names import completer, known
from ryu_overlay.cli.session import Session, common, pass_session
from ryu_overlay.cli.usage_text import Document

MOST_GAPS = 10
"""Gaps that one screen shows."""
_CLEAR = "\x1b[H\x1b[2J"
_BY = click.option("--by", type=click.Choice(("tenant", "router", "account")), help="What to tell apart.")


def _instant(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else usage_text.instant(text, datetime.now(timezone.utc))
    except ValueError as error:
        reason = "must be a time such as 2026-11-26T10:00 (UTC), or how long ago: 90s, 2h, 7d"
        raise click.BadParameter(reason, ctx, param) from error


_TENANTS = completer(lambda client: known(client, kinds.KINDS["tenant"]))


@click.group("usage", invoke_without_command=True)
@click.option("--tenant", metavar="TENANT", shell_complete=_TENANTS, help="Only this tenant's.")
@click.option("--since", metavar="TIME", callback=_instant, help="From when on.  [default: 24h]")
@click.option("--until", metavar="TIME", callback=_instant, help="Up to when.  [default: now]")
@_BY
@click.option("--per", type=click.Choice(("total", "interval", "hour", "day")), help="Over what time to sum up.")
@click.option("--csv", "as_csv", is_flag=True, help="Print it as CSV, with packets.")
@click.option(
    "--watch",
    "every",
    is_flag=False,
    flag_value=2.0,
    type=click.FloatRange(0.5, 3600),
    metavar="[SECONDS]",
    help="Show rates instead, again and again.",
)
@click.option("--top", metavar="N", type=click.IntRange(1), default=20, show_default=True, help="How many rates to show.")
@common
@pass_session
@click.pass_context
def usage(
    ctx: click.Context,
    session: Session,
    tenant: str | None,
    since: str | None,
    until: str | None,
    by: str | None,
    per: str | None,
    as_csv: bool,
    every: float | None,
    top: int,
) -> None:
    """Show what each uplink and floating IP carried, by whom it was exchanged with.

    \b
    internet  with addresses that nobody has here
    others    with external addresses of other tenants
    own       with external addresses of the tenant itself (hairpin)
    inside    what the tenant's VMs sent to each other: on a line of its own

    OUT is out of the tenant's network. Bytes are those of Ethernet frames, without tag and check sequence. Where COMPLETE says
    no, a vswitch was lost with what it had counted since it was read last: nothing is put in its place.
    """
    if ctx.invoked_subcommand is not None:
        return
    if every is not None:
        _watch(session, tenant, every, top)
        return
    given = {"tenant": tenant, "since": since, "until": until, "by": by, "per": per}
    query = {name: value for name, value in given.items() if value is not None}
    if as_csv:
        with session.client().stream(("usage",), None, {**query, "format": "csv"}, "GET") as (_, read):
            for line in lines(read):
                click.echo(line)
        return
    answer = session.read("usage", **query)
    if not session.raw(answer):
        _tell(answer.body, per not in (None, "total"))


def _tell(document: Document, with_time: bool) -> None:
    from ryu_overlay.cli import tables

    headers = ("start (UTC)", *usage_text.USAGE) if with_time else usage_text.USAGE
    tables.table("usage in that time", headers, usage_text.usage_rows(document, with_time))
    gaps = usage_text.gap_rows(document["gaps"])
    if gaps:
        tables.table("what is missing (lost), or known only as a whole (late)", usage_text.GAPS, gaps[:MOST_GAPS], title=True)
        if len(gaps) > MOST_GAPS:
            click.echo(f"and {len(gaps) - MOST_GAPS} more: overlayctl usage --json")


def _watch(session: Session, tenant: str | None, every: float, top: int) -> None:
    from ryu_overlay.cli import tables

    with suppress(KeyboardInterrupt):
        while True:
            answer = session.read("usage", "rates")
            if sys.stdout.isatty():
                click.echo(_CLEAR, nl=False)
            if not session.raw(answer):
                tables.table("traffic", usage_text.RATES, usage_text.rate_rows(answer.body, tenant, top))
            time.sleep(every)


@usage.command("bill")
@click.argument("month", metavar="MONTH")
@_BY
@common
@pass_session
def bill(session: Session, month: str, by: str | None) -> None:
    """Show a month's traffic with the internet as it is billed: by volume, and by the 95th percentile.

    MONTH is such as 2026-11, in UTC; one that is not over is told up to now. The percentile: the rates of all intervals are
    sorted, the highest 5 % are left out, and the highest of the rest counts, of the way that has more.
    """
    answer: Answer = session.read("usage", "bills", month, **({} if by is None else {"by": by}))
    if not session.raw(answer):
        from ryu_overlay.cli import tables

        tables.table("usage in that month", usage_text.BILLS, usage_text.bill_rows(answer.body))
        if usage_text.begins_late(answer.body):
            click.echo(f"\nThe ledger begins at {clock(answer.body['since'])} UTC: all before that counts as nothing.")
