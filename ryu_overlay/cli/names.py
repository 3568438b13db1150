"""Names on the command line: parsed into their parts, and completed from what the controller has.

It knows kinds, click and the client. Completion is silent: no answer within half a second completes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ryu_overlay.cli.answers import ClientError, rows
from ryu_overlay.cli.kinds import KINDS, Document, Kind, walk
from ryu_overlay.cli.session import CommandFailed, Session

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

COMPLETION_SECONDS = 0.5
Names = tuple[str, ...]
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]


def parent_of(kind: Kind) -> Kind | None:
    """The kind of what objects of `kind` stand under, None for those that stand under nothing."""
    return next((each for each in KINDS.values() if each.path == kind.path[:-1]), None)


def locate(session: Session, kind: Kind, name: str) -> Names:
    """The full name of an object; a port or floating IP that is named alone is looked up. Raises ClientError, UsageError."""
    if kind.name == "port" and "/" not in name:
        body = session.read("ports", name).body
        return (body["tenant"], body["switch"], body["name"])
    if kind.name == "floating-ip" and "/" not in name:
        return _only(kind, name, [names for names, _ in walk(kind, tenants(session.client())) if names[-1] == name])
    return split(kind, name)


def split(kind: Kind, name: str) -> Names:
    """The names in a full name. Raises UsageError when there are too few or too many."""
    try:
        return kind.split(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _only(kind: Kind, name: str, found: list[Names]) -> Names:
    if not found:
        raise CommandFailed(f"{kind.name.replace('-', '_')}: there is no {kind.name.replace('-', ' ')} {name}")
    if len(found) > 1:
        raise click.UsageError(f"{name} is the name of several: {', '.join('/'.join(names) for names in found)}")
    return found[0]


def tenants(client: Client) -> list[Document]:
    """Every tenant's document. Raises ClientError."""
    return list(client.get("network").body["tenants"])


def known(client: Client, kind: Kind) -> list[str]:
    """The full names of every object of `kind`, ports' own names first. Raises ClientError."""
    if len(kind.path) == 1:
        return [str(each.get("name")) for each in rows(client.get(*kind.segments(())).body)]
    found = ["/".join(names) for names, _ in walk(kind, tenants(client))]
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


def own_names(kind: str) -> Completer:
    """A `shell_complete` for an option that takes the last name alone of objects of `kind`."""
    return completer(lambda client: (name for name in known(client, KINDS[kind]) if "/" not in name))


def within_tenant(kind: str) -> Completer:
    """A `shell_complete` for an option that names objects of `kind` in the tenant of the object being written."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        # An option without its value stops the parser before it has placed the arguments: they are still in ctx.args.
        name = ctx.params.get("name") or (ctx.args or [""])[0]
        inside = name.split("/")[0] + "/"
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
