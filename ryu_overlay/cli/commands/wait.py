"""`wait`: until every chassis has the newest revision, or time runs out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from ryu_overlay.cli.session import MAX_WAIT, CommandFailed, Session, common, pass_session


@click.command("wait")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long to wait; exit 1 when time runs out.",
)
@common
@pass_session
def wait(session: Session, timeout: float) -> None:
    """Wait until every chassis has confirmed the newest revision."""
    deadline = time.monotonic() + timeout
    left = timeout
    while True:
        answer = session.read("revision", wait=f"{min(left, MAX_WAIT):g}")
        left = deadline - time.monotonic()
        if answer.body["converged"] or left <= 0:
            break
    session.raw(answer)
    newest = answer.body["revision"]
    if not answer.body["converged"]:
        behind = "".join(f"; {_behind(each)}" for each in answer.body["chassis"] if each["confirmed"] < newest)
        raise CommandFailed(f"not every chassis has revision {newest} after {timeout:g} s{behind}")
    if not session.json:
        click.echo(f"every chassis has revision {newest}")


def _behind(chassis: Mapping[str, Any]) -> str:
    return f"{chassis['name']} has {chassis['confirmed']}" + ("" if chassis["connected"] else " and is not connected")
