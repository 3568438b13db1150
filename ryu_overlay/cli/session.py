"""What every command shares: the options --url, --json and --wait, the client they lead to, and how results are said.

It knows the terminal and the client; it does not know any object. Results go to stdout, errors to stderr.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ryu_overlay.cli.answers import DEFAULT_URL, Answer

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

F = TypeVar("F", bound=Callable[..., Any])
URL_VARIABLE = "OVERLAY_URL"
MAX_WAIT = 60
"""Seconds that REST lets one request wait."""


class CommandFailed(click.ClickException):
    """A command that did not do what was asked: one `error:` line per problem; exit code 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: Any = None) -> None:
        for line in self.lines:
            click.echo(f"error: {printable(line)}", file=file, err=True)


class NoController(CommandFailed):
    """Nobody answered at the URL, or not a controller: exit code 3."""

    exit_code = 3


class Session:
    """The settings of one run and the requests made with them."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.json = False

    def client(self, timeout: float | None = None) -> Client:
        """The client for the controller that was chosen; `timeout` in seconds as in Client. Raises BadURL."""
        # http.client takes longer to import than everything else that `--help` needs.
        from ryu_overlay.cli.client import Client

        return Client(self.url or os.environ.get(URL_VARIABLE) or DEFAULT_URL, timeout)

    def read(self, *names: str, **query: str) -> Answer:
        """GET what these names lead to under /v1/. Raises ClientError."""
        return self.client().get(*names, **query)

    def write(self, method: str, names: tuple[str, ...], body: Any = None, **query: str) -> Answer:
        """One write to what these names lead to under /v1/. Raises ClientError."""
        return self.client().request(method, names, query, body)

    def raw(self, answer: Answer) -> bool:
        """With --json, print the answer as it came, and say that nothing is left to print."""
        if self.json and answer.text:
            click.echo(answer.text, nl=not answer.text.endswith("\n"))
        return self.json

    def settled(self, answer: Answer, wait: float | None) -> None:
        """After a write with --wait. Raises CommandFailed if time ran out before every chassis concerned had it."""
        if wait is not None and answer.converged is False:
            what = f"revision {answer.revision}" if answer.revision else "it"
            raise CommandFailed(f"written, but not every chassis concerned confirmed {what} within {wait:g} s")

    def wrote(self, answer: Answer, sentence: str, wait: float | None) -> None:
        """Say what a write did, then whether it converged. Raises as `settled`."""
        if not self.raw(answer):
            note = f" (revision {answer.revision})" if answer.revision else ""
            click.echo(printable(sentence) + note)
        self.settled(answer, wait)


def printable(text: str) -> str:
    """Free text made safe for a terminal: control characters (escape sequences, line ends) are shown, not obeyed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def common(command: F) -> F:
    """The options of every command. They may also be given before the command's name."""

    def remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        session = ctx.ensure_object(Session)
        if value:
            setattr(session, str(param.name), value)

    url = click.option(
        "--url",
        metavar="URL",
        expose_value=False,
        is_eager=True,
        callback=remember,
        help=f"Where the controller is.  [default: ${URL_VARIABLE}, else {DEFAULT_URL}]",
    )
    as_json = click.option(
        "--json", is_flag=True, expose_value=False, callback=remember, help="Print what REST answered, unchanged."
    )
    return url(as_json(command))


def writes(command: F) -> F:
    """The options of every command that writes; it gets `wait`, in seconds, or None."""
    wait = click.option(
        "--wait",
        metavar="SECONDS",
        type=click.FloatRange(0, MAX_WAIT),
        help="Wait until every chassis concerned has the change; exit 1 when time runs out.",
    )
    return common(wait(command))


def query(wait: float | None = None, **flags: bool) -> dict[str, str]:
    """Query parameters: the wait as REST reads it, and those of the flags that are set."""
    chosen = {name: "true" for name, value in flags.items() if value}
    return chosen if wait is None else {**chosen, "wait": f"{wait:g}"}


pass_session = click.make_pass_decorator(Session, ensure=True)
