"""Names on the command line: parsed into their parts, and completed from what the controller has.

It knows kinds, click and the client. Completion is silent: no answer within half a second completes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ryu_overlay.cli.answers import ClientError, rows
from ryu_overlay.cli.kinds import KINDS, Kind, walk
from ryu_overlay.cli.session import Session

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

COMPLETION_SECONDS = 0.5
Names = tuple[str, ...]
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]


class Named(click.ParamType[Names]):
    """The full name of an object of one kind, or of `parent` where the last name follows as an argument of its own."""

    def __init__(self, kind: str) -> None:
        self.kind = KINDS[kind]
        self.name = self.kind.written

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Names:
        if isinstance(value, tuple):
            return value
        try:
            return self.kind.split(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        return offer(ctx, incomplete, lambda client: known(client, self.kind))


def argument(kind: str) -> Callable[[Any], Any]:
    """A click argument `names`: the full name of an object of `kind`."""
    return click.argument("names", metavar=KINDS[kind].written, type=Named(kind))


def locate(session: Session, kind: Kind, name: str) -> Names:
    """The full name of an object; a port named alone, by name or UUID, is looked up. Raises ClientError, UsageError."""
    if kind.name == "port" and "/" not in name:
        body = session.read("ports", name).body
        return (body["tenant"], body["switch"], body["name"])
    try:
        return kind.split(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def known(client: Client, kind: Kind) -> list[str]:
    """The full names of every object of `kind`, ports' own names first. Raises ClientError."""
    if len(kind.path) == 1:
        return [str(each.get("name")) for each in rows(client.get(kind.collection).body)]
    found = ["/".join(names) for names, _ in walk(kind, list(rows(client.get("network").body)))]
    return [name.rpartition("/")[2] for name in found] + found if kind.name == "port" else found


def offer(ctx: click.Context, incomplete: str, names: Callable[[Client], Iterable[str]]) -> list[CompletionItem[Any]]:
    """The names that begin like what is typed; none when the controller does not answer in time or refuses."""
    try:
        found = names(ctx.ensure_object(Session).client(COMPLETION_SECONDS))
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]
    except ClientError:
        return []


def completer(names: Callable[[Client], Iterable[str]]) -> Completer:
    """A `shell_complete` that offers these names."""
    return lambda ctx, param, incomplete: offer(ctx, incomplete, names)


def completing(kind: str) -> Completer:
    """A `shell_complete` for an option or argument that names objects of `kind`."""
    return completer(lambda client: known(client, KINDS[kind]))


def within_tenant(kind: str) -> Completer:
    """A `shell_complete` for an option that names objects of `kind` in the tenant of the object being written."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        # An option without its value stops the parser before it has placed the arguments: they are still in ctx.args.
        words = ctx.params.get("names") or ctx.params.get("name") or (ctx.args or [""])[0]
        inside = (words.split("/") if isinstance(words, str) else words)[0] + "/"
        return offer(
            ctx, incomplete, lambda client: (n[len(inside) :] for n in known(client, KINDS[kind]) if n.startswith(inside))
        )

    return complete


def kind_and_name(kinds: Mapping[str, Kind]) -> Callable[[Any], Any]:
    """The arguments KIND NAME of a command for these kinds."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        kind = kinds.get(ctx.params.get("kind") or "")
        return offer(ctx, incomplete, lambda client: known(client, kind)) if kind else []

    def decorate(command: Any) -> Any:
        name = click.argument("name", metavar="NAME", shell_complete=complete)
        return click.argument("kind", type=click.Choice(list(kinds)))(name(command))

    return decorate
