"""`export`: tenants and external networks as `apply` takes them."""

from __future__ import annotations

import click

from ryu_overlay.cli.documents import pretty
from ryu_overlay.cli.names import completing
from ryu_overlay.cli.session import Session, common, pass_session


@click.command("export")
@click.argument("tenants", metavar="[TENANT]...", nargs=-1, shell_complete=completing("tenant"))
@common
@pass_session
def export(session: Session, tenants: tuple[str, ...]) -> None:
    """Print tenants as `apply` takes them: every tenant and external network, or the tenants named.

    One tenant alone is printed as its own document.

    What is read-only (UUIDs, keys, bindings, the MTU of VMs) is left out and the order is fixed, so that two exports of the
    same network are equal. With --json each answer is printed as it came, one after another.
    """
    answers = [session.read("tenants", name) for name in tenants] or [session.read("network")]
    documents = [answer.body for answer in answers]
    if session.json:
        for answer in answers:
            session.raw(answer)
    elif not tenants:
        click.echo(pretty(documents[0]))
    else:
        click.echo(pretty(documents[0] if len(documents) == 1 else {"tenants": documents}))
