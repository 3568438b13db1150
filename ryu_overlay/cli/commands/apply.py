"""`apply`: make tenants and external networks exactly as a document says, in one transaction, and tell what that changed."""

from __future__ import annotations

from typing import Any

import click

from ryu_overlay.cli.answers import Answer, Refused
from ryu_overlay.cli.documents import BadDocument, parse
from ryu_overlay.cli.session import CommandFailed, Session, pass_session, printable, query, writes

SIGNS = {"created": "+", "changed": "~", "deleted": "-"}


@click.command("apply")
@click.argument("file", type=click.File("r", encoding="utf-8"), metavar="FILE|-")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@writes
@pass_session
def apply(session: Session, file: Any, dry_run: bool, wait: float | None) -> None:
    """Make tenants and external networks exactly as FILE (or standard input) says; those not in it stay as they are.

    FILE holds one tenant's document, a list of them, or {"external_networks": [...], "tenants": [...]}, as `export`
    prints them. All of it is done, or none. What changed is told by object: + created, ~ changed, - deleted.
    """
    try:
        given = parse(file.read())
    except (BadDocument, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file.name}: {error}") from error
    asked = query(dry_run=True) if dry_run else query(wait)
    try:
        answer = session.write("PUT", ("network",), given.body, **asked)
    except Refused as refused:
        session.raw(refused.answer)
        problems = ((given.field(field), reason) for field, reason in refused.problems)
        raise CommandFailed(*(f"{field}: {reason}" if field else reason for field, reason in problems)) from refused
    if not session.raw(answer):
        _tell(answer, dry_run)
    session.settled(answer, wait)


def _tell(answer: Answer, dry_run: bool) -> None:
    counts = []
    for what, sign in SIGNS.items():
        for each in answer.body[what]:
            click.echo(printable(f"{sign} {each['kind']} {each['name']}"))
        counts.append(f"{len(answer.body[what])} {what}")
    revision = f" (revision {answer.revision})" if answer.revision and not dry_run else ""
    click.echo(("dry run, nothing written: " if dry_run else "") + ", ".join(counts) + revision)
