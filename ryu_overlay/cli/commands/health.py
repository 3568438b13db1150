"""`health`: the five layers and their faults on one screen; events, explanations, silences, maintenance, the probes' plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ryu_overlay.cli import health_text, kinds
from ryu_overlay.cli.answers import Answer, lines
from ryu_overlay.cli.health_text import Document
from ryu_overlay.cli.names import completer, known
from ryu_overlay.cli.session import CommandFailed, F, Session, common, pass_session, printable
from ryu_overlay.cli.things import element_argument

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

PATIENCE = 60.0
"""Seconds that a stream of events may be silent; REST breaks its silence every 15."""
MOST_LASTING, MOST_ENDED = 20, 10
"""Faults that one screen shows."""
ALARMING = 2


@click.group("health", invoke_without_command=True)
@click.option("--check", is_flag=True, help="Exit with 2 if a fault of the provider's lasts that is not quiet.")
@click.option("--all", "everything", is_flag=True, help="Show every fault, however many.")
@common
@pass_session
@click.pass_context
def health(ctx: click.Context, session: Session, check: bool, everything: bool) -> None:
    """Show what is broken, since when, and who feels it: five layers, then faults, those first that are to be mended.

    A fault has a layer: underlay (links and all that is between chassis), tunnel (a network's way through it), host (a
    chassis), virtual (flows, NAT, gateways), guest (the tenant's own). QUIET ones alarm nobody: somebody silenced the
    element, or its chassis is under maintenance. Where a layer is unknown, nothing tells of its elements.

    Exit code 0, whatever is broken; with --check 2 if a fault of the provider's lasts that is not quiet.
    """
    if ctx.invoked_subcommand is not None:
        if check or everything:
            raise click.UsageError(f"--{'check' if check else 'all'} goes with `health` alone")
        return
    answer = session.read("health")
    if not session.raw(answer):
        _tell(answer.body, everything)
    if check and health_text.is_alarming(answer.body):
        raise click.exceptions.Exit(ALARMING)


def _tell(report: Document, everything: bool) -> None:
    from ryu_overlay.cli import tables

    at = report["at"]
    tables.table("layers", health_text.LAYERS, health_text.layers(report))
    lasting, ended = health_text.lasting(report), health_text.ended(report)
    shown = lasting if everything else lasting[:MOST_LASTING]
    rows = (health_text.lasting_row(fault, at) for fault in shown)
    tables.table("lasting faults", health_text.LASTING, rows, title=True)
    _left_out(len(lasting) - len(shown))
    if ended:
        shown = ended if everything else ended[:MOST_ENDED]
        title = "faults that ended in the last hour"
        tables.table(title, health_text.ENDED, map(health_text.ended_row, shown), title=True)
        _left_out(len(ended) - len(shown))
    if report["silences"]:
        rows = (health_text.silence_row(silence, at) for silence in report["silences"])
        tables.table("silences", health_text.SILENCES, rows, title=True)


def _left_out(many: int) -> None:
    if many:
        click.echo(f"and {many} more: overlayctl health --all")


def _identifiers(client: Client) -> list[str]:
    return [fault["id"] for fault in client.get("health", "faults").body["faults"]]


@health.command("explain")
@click.argument("fault", metavar="FAULT", shell_complete=completer(_identifiers))
@common
@pass_session
def explain(session: Session, fault: str) -> None:
    """Tell the evidence of a fault, how to check it by hand, and whom it hits.

    FAULT is its name in the first column of `health`. One that is over can be explained for a while.
    """
    answer = session.read("health", "faults", fault)
    if not session.raw(answer):
        _explain(answer.body)


def _explain(fault: Document) -> None:
    from ryu_overlay.cli import tables

    click.echo(printable(fault["text"]) + "\n")
    tables.record(health_text.summary(fault))
    _section("evidence", fault["evidence"])
    _section("to check it by hand", fault["check"])
    click.echo("\nhit:" if any(fault["impact"].values()) else "\nnobody is hit")
    if any(fault["impact"].values()):
        tables.record({name: who for name, who in health_text.named(fault["impact"]).items() if who})


def _section(title: str, told: Sequence[str]) -> None:
    click.echo(f"\n{title}:" if told else f"\n{title}: nothing")
    for line in told:
        click.echo(f"  {printable(line)}")


@health.command("watch")
@common
@pass_session
def watch(session: Session) -> None:
    """Follow faults: a line when one is raised, changes or ends.

    Those that last come first. Ctrl-C ends it. With --json one document a line. Exit code 1 when the controller is gone.
    """
    told: set[str] = set()
    with suppress(KeyboardInterrupt), session.client(PATIENCE).stream(("health", "events"), None, method="GET") as (_, read):
        for line in lines(read):
            fault = json.loads(line)
            click.echo(line if session.json else printable(health_text.event(fault, fault["id"] in told)))
            told.add(fault["id"])
        raise CommandFailed("the controller ended the stream")


def _for(command: F) -> F:
    """The options of what makes a silence."""
    reason = click.option("--reason", metavar="TEXT", default="", help="Why.")
    help = "For how long: 90s, 30m, 2h, 1d.  [default: until it is taken back]"
    until = click.option("--for", "seconds", metavar="TIME", callback=_seconds, help=help)
    return until(reason(command))


def _seconds(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else health_text.parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _put(session: Session, what: str, name: str, seconds: float | None, reason: str) -> Answer:
    return session.write("PUT", ("health", "silences", what, name), {"seconds": seconds, "reason": reason})


def _end(session: Session, what: str, name: str, sentence: str) -> None:
    answer = session.write("DELETE", ("health", "silences", what, name))
    session.wrote(answer, sentence, None)


def _until(answer: Answer) -> str:
    until = answer.body["until"]
    return f"until {health_text.clock(until)} UTC" if until else "until that is taken back"


@health.command("silence")
@element_argument
@_for
@common
@pass_session
def silence(session: Session, element: tuple[str, ...], seconds: float | None, reason: str) -> None:
    """Have faults of an element alarm nobody.

    They are still found and shown, as quiet. For example `health silence link hv2 --for 2h --reason "new cable"`. What is
    said last of an element counts.
    """
    answer = _put(session, "element", " ".join(element), seconds, reason)
    if not session.raw(answer):
        click.echo(printable(f"{answer.body['name']} is silenced {_until(answer)}"))


@health.command("unsilence")
@element_argument
@common
@pass_session
def unsilence(session: Session, element: tuple[str, ...]) -> None:
    """Have faults of an element alarm again."""
    _end(session, "element", " ".join(element), f"{' '.join(element)} is silenced no more")


@health.command("maintenance")
@click.argument("chassis", metavar="CHASSIS", shell_complete=completer(lambda client: known(client, kinds.CHASSIS)))
@click.option("--end", is_flag=True, help="It is over.")
@_for
@common
@pass_session
def maintenance(session: Session, chassis: str, end: bool, seconds: float | None, reason: str) -> None:
    """Have nothing of a chassis alarm anybody while it is worked on.

    Neither its links nor what runs on it; faults are still found and shown, as quiet. What is said last counts.
    """
    if end:
        if seconds is not None or reason:
            raise click.UsageError("--end goes without --for and --reason")
        _end(session, "chassis", chassis, f"maintenance of {chassis} is over")
        return
    answer = _put(session, "chassis", chassis, seconds, reason)
    if not session.raw(answer):
        click.echo(printable(f"{answer.body['name']} is under maintenance {_until(answer)}"))


@health.command("plan")
@common
@pass_session
def plan(session: Session) -> None:
    """Show which paths are probed, and what they can tell apart."""
    answer = session.read("health", "plan")
    if not session.raw(answer):
        for line in answer.body["lines"]:
            click.echo(printable(line))
