"""`ping`: echo requests from a VM's place or a router, each told as soon as it is answered or given up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ryu_overlay.cli.answers import lines
from ryu_overlay.cli.session import Session, common, pass_session, printable
from ryu_overlay.cli.traffic import as_tenant, ends, tenant_option

Document = Mapping[str, Any]
PATIENCE = 30.0
"""Seconds to wait for the answer to one, beyond the interval."""
SILENT = ("guest_off", "guest_silent", "outside_silent")
"""What it is called when the network did its part, and the one that was asked did not."""
_DEFAULT_INTERVAL = 1.0


@click.command("ping")
@ends(outside=False, routers=True)
@click.option("--count", "-c", type=int, metavar="N", help="How many.  [default: 5]")
@click.option("--interval", "-i", type=float, metavar="SECONDS", help="Time from one to the next.  [default: 1]")
@click.option("--size", "-s", type=int, metavar="BYTES", help="Size with the IPv4 header.  [default: as small as it can be]")
@click.option("--ttl", type=int, metavar="N", help="Their TTL.  [default: 64]")
@click.option("--df", is_flag=True, help="They must not be cut.")
@click.option("--source", metavar="ADDRESS", help="The address they come from.  [default: that of FROM]")
@click.option("--chassis", metavar="NAME", help="Where a router's own begin.  [default: the uplink's gateway, or the first]")
@tenant_option
@common
@pass_session
def ping(session: Session, /, sender: str, to: str, tenant: str | None, df: bool, **given: Any) -> None:
    """Send echo requests and tell of each answer: how long there, in the guest, and back.

    FROM is a logical port (then as its VM would send), or router:TENANT/ROUTER, or one of its ports,
    router:TENANT/ROUTER/PORT. TO is an IPv4 address or a logical port. They are delivered, and it is the VM or host itself
    that answers. One that was handed over and not answered is the guest's silence; any other was lost by the network, and
    it is said where. Ctrl-C ends it with the sums so far.

    Exit code 0: every one was answered; 1: not so.
    """
    asked = {"from": sender, "to": to, "df": df or None, **given}
    body = {name: value for name, value in asked.items() if value is not None}
    client = session.client(PATIENCE + (given["interval"] or _DEFAULT_INTERVAL))
    echoes: list[Document] = []
    try:
        with client.stream(("ping",), body, as_tenant(tenant)) as (_, read):
            for line in lines(read):
                told = json.loads(line)
                if told["reply"] == "echo":
                    echoes.append(told)
                _tell(session, line, told)
    except KeyboardInterrupt:
        if not session.json:
            click.echo("\n" + _sums(summary(echoes)))
    if not echoes or any(echo["ms"] is None for echo in echoes):
        raise click.exceptions.Exit(1)


def summary(echoes: Sequence[Document]) -> Document:
    """What those that were told of come to, as REST sums up all."""
    times = [echo["ms"] for echo in echoes if echo["ms"] is not None]
    silent = sum(echo["kind"] in SILENT for echo in echoes)
    sums = {
        "sent": len(echoes),
        "received": len(times),
        "guest_silent": silent,
        "network_lost": len(echoes) - len(times) - silent,
    }
    least, mean, most = (min(times), sum(times) / len(times), max(times)) if times else (None, None, None)
    return {**sums, "min_ms": least, "avg_ms": mean, "max_ms": most}


def _tell(session: Session, line: str, told: Document) -> None:
    if session.json:
        click.echo(line)
    elif told["reply"] == "echo":
        click.echo(printable(f"{told['seq']}: {_echo(told)}"))
    else:
        click.echo("\n" + _sums(told))


def _echo(told: Document) -> str:
    if told["ms"] is None:
        who = told["kind"].replace("_", " ") if told["kind"] in SILENT else told["layer"]
        return f"{who}: {told['sentence']}"
    parts = [f"{word} {told[field]:.2f}" for word, field in _PARTS.items() if told[field] is not None]
    return f"{told['ms']:.2f} ms" + (f" ({', '.join(parts)})" if parts else "")


_PARTS = {"there": "there_ms", "guest": "guest_ms", "back": "back_ms"}


def _sums(sums: Document) -> str:
    counts = f"{sums['sent']} sent, {sums['received']} answered, {sums['guest_silent']} met with silence"
    times = [sums[name] for name in ("min_ms", "avg_ms", "max_ms")]
    shown = "" if times[0] is None else f"; min/avg/max {'/'.join(f'{ms:.2f}' for ms in times)} ms"
    return f"{counts}, {sums['network_lost']} lost by the network{shown}"
