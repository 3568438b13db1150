"""`path`: where a packet would go, as things are or after a change, and which pairs a change would make stop talking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from ryu_overlay.cli import hops
from ryu_overlay.cli.answers import Answer, Refused
from ryu_overlay.cli.documents import BadDocument, Given, parse
from ryu_overlay.cli.session import CommandFailed, Session, common, pass_session, printable
from ryu_overlay.cli.traffic import as_tenant, ends, question, traffic

CHANGES = {"stops": "stop", "partly": "talk by some ways only", "starts": "start", "otherwise": "end otherwise"}
LIMITS = {"questions": "there are too many", "time": "it took too long"}
NAMED = 3
"""Names of one side that a table shows."""


@click.command("path")
@ends(required=False)
@traffic
@click.option(
    "--with",
    "change",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE|-",
    help="A change, as `apply` takes it, which is not made.",
)
@common
@pass_session
def path(session: Session, /, sender: str | None, to: str | None, tenant: str | None, change: Any, **given: Any) -> None:
    """Tell where a packet would go, and its answer, without sending any.

    FROM is a logical port, or outside:EXTERNAL-NETWORK[/ADDRESS]; TO is an IPv4 address or a logical port. With a change,
    the way before and after it. Without FROM and TO: which pairs of ports, and of ports and the outside, the change would
    make stop or start talking.

    Exit code 0: the packet and its answer arrive (after the change), or no pair stops talking; 1: not so.
    """
    if bool(sender) != bool(to) or (change is None and not to):
        raise click.UsageError("give FROM and TO, or --with a change, or both")
    if (given["source"] or tenant) and not to:
        raise click.UsageError(f"--{'source' if given['source'] else 'tenant'} goes with FROM and TO")
    document = None if change is None else _read(change)
    body = question(sender, to, {**given, "change": None if document is None else document.body})
    answer = _ask(session, ("path",) if to else ("path", "changes"), body, document, as_tenant(tenant))
    good = _is_good(answer.body, bool(to))
    if not session.raw(answer):
        _tell_path(answer.body) if to else _tell_changes(answer.body)
    if not good:
        raise click.exceptions.Exit(1)


def _read(file: Any) -> Given:
    try:
        return parse(file.read())
    except (BadDocument, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file.name}: {error}") from error


def _ask(
    session: Session, names: tuple[str, ...], body: Mapping[str, Any], given: Given | None, query: Mapping[str, str]
) -> Answer:
    """Ask; what is wrong in the change is told with its field in the file."""
    try:
        return session.write("POST", names, body, **query)
    except Refused as refused:
        session.raw(refused.answer)
        problems = [(_field(field, given), reason) for field, reason in refused.problems]
        raise CommandFailed(*(f"{field}: {reason}" if field else reason for field, reason in problems)) from refused


def _field(field: str, given: Given | None) -> str:
    return given.field(field.removeprefix("change.")) if given is not None and field.startswith("change.") else field


def _is_good(body: Mapping[str, Any], pair: bool) -> bool:
    if pair:
        return bool((body["after"] or body["before"])["talks"])
    return not body["counts"]["stops"] and not body["counts"]["partly"]


def _tell_path(body: Mapping[str, Any]) -> None:
    _tell_trip(body["before"], "before the change, " if body["after"] else "")
    if body["after"]:
        _tell_trip(body["after"], "after the change, ")


def _tell_trip(trip: Mapping[str, Any], when: str) -> None:
    from ryu_overlay.cli import tables

    there, back = trip["there"], trip["back"]
    if there:
        tables.table(f"{when}the way there", hops.HEADERS, hops.rows(there), title=True)
        back = back or there["outcome"]["back"]
    if back:
        tables.table(f"{when}the answer's way", hops.HEADERS, hops.rows(back), title=True)
    click.echo("\n" + printable(f"{when}{'yes' if trip['talks'] else 'no'}: {trip['sentence']}"))
    if trip["silence"] and trip["talks"] and not back:
        click.echo(printable(f"no answer is expected: {trip['silence']}"))
    if trip["ways"] > 1 or not trip["complete"]:
        click.echo(printable(_ways(trip)))


def _ways(trip: Mapping[str, Any]) -> str:
    """`one of 3 ways (member red/www/a of 3); 3 of them lead there and back`."""
    taken = ", ".join(f"{choice['taken']} of {choice['of']}" for choice in trip["choices"])
    more = "" if trip["complete"] else "; no more were looked at"
    return f"this is one of {trip['ways']} ways ({taken}); {trip['talking']} of them lead there and back{more}"


def _tell_changes(body: Mapping[str, Any]) -> None:
    from ryu_overlay.cli import tables

    found = (
        (
            each["change"],
            _names(each["senders"], each["sender_count"]),
            _names(each["targets"], each["target_count"]),
            each["pairs"],
            each["before"]["sentence"],
            each["after"]["sentence"],
        )
        for each in body["differences"]
    )
    tables.table("differences", ("change", "from", "to", "pairs", "before", "after"), found)
    counts = ", ".join(f"{body['counts'][change]} {word}" for change, word in CHANGES.items())
    tenants = ", ".join(body["tenants"]) or "none"
    click.echo("\n" + printable(f"{body['pairs']} pairs of tenants {tenants}: {counts}"))
    if body["left_out"]:
        click.echo(f"{body['left_out']} more pairs were not looked at: {LIMITS[body['limit']]}")


def _names(named: Iterable[str], count: int) -> str:
    shown = list(named)[:NAMED]
    return ", ".join(shown) + (f" +{count - len(shown)}" if count > len(shown) else "")
