"""`trace`: a packet through the real flows, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ryu_overlay.cli import trace_text
from ryu_overlay.cli.session import Session, common, pass_session, printable
from ryu_overlay.cli.traffic import as_tenant, ends, question, traffic

Document = Mapping[str, Any]


@click.command("trace")
@ends(routers=True)
@traffic
@click.option("--deliver", is_flag=True, help="Hand it to the VM or host at the end, and follow that one's own answer.")
@click.option("--flows", is_flag=True, help="Show for each hop the flows that decided.")
@common
@pass_session
def trace(session: Session, /, sender: str, to: str, tenant: str | None, deliver: bool, flows: bool, **given: Any) -> None:
    """Send a packet through the real network, and tell hop by hop where it was, on which chassis, and what became of it.

    FROM is a logical port, or outside:EXTERNAL-NETWORK[/ADDRESS], or router:TENANT/ROUTER[/PORT]; TO is an IPv4 address or
    a logical port. The packet is what the VM or router would send; the VM at the end does not get it, unless with
    --deliver. What is not as the model says is marked with <-- expected. Nothing stays behind, and no counter of a tenant
    moves.

    Exit code 0: the packet and its answer arrive, or a router answers it as intended; 1: not so.
    """
    answer = session.write("POST", ("trace",), question(sender, to, {**given, "deliver": deliver or None}), **as_tenant(tenant))
    if not session.raw(answer):
        _tell(answer.body, flows)
    if answer.body["verdict"]["kind"] not in trace_text.GOOD:
        raise click.exceptions.Exit(1)


def _tell(body: Document, flows: bool) -> None:
    click.echo(printable(trace_text.verdict(body["verdict"])))
    larger = body["full_size"]
    if larger and larger != body["verdict"]:
        click.echo(printable(f"packets of full size: {trace_text.verdict(larger)}"))
    for title, leg in (("the way there", body["there"]), ("the answer's way", body["back"])):
        if leg:
            _tell_leg(title, leg, flows)
    click.echo(f"\n{body['size']} bytes, {body['ms']:.1f} ms in all")


def _tell_leg(title: str, leg: Document, flows: bool) -> None:
    from ryu_overlay.cli import tables

    rows = [*trace_text.rows(leg)]
    headers: tuple[str, ...] = trace_text.HEADERS
    if not any(hop.get("chassis") for hop in leg["hops"]):
        # As a tenant sees it.
        headers, rows = headers[:2] + headers[3:], [row[:2] + row[3:] for row in rows]
    tables.table(title, headers, rows, title=True)
    if leg["sent"] > 1:
        click.echo(f"sent {leg['sent']} times, lost {leg['lost']} times")
    if flows:
        tables.table(f"flows on {title}", trace_text.FLOW_HEADERS, trace_text.flows(leg), title=True)
