"""`list` and `show`: the logical network as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ryu_overlay.cli.answers import rows
from ryu_overlay.cli.kinds import KINDS, PLURALS, Document, Kind, walk
from ryu_overlay.cli.names import Names, completing, kind_and_name, locate
from ryu_overlay.cli.session import Session, common, pass_session

Row = Callable[[Names, Document], tuple[Any, ...]]


def _members(document: Document, name: str) -> int:
    return len(document.get(name) or ())


def _attached(port: Document) -> str:
    if port.get("switch"):
        return f"switch {port['switch']}"
    return f"router port {port['peer']}" if port.get("peer") else ""


def _bound(port: Document) -> Any:
    return (port.get("binding") or {}).get("chassis")


LISTS: dict[str, tuple[tuple[str, ...], Row]] = {
    "switch": (
        ("switch", "vni", "subnets", "vm mtu", "ports"),
        lambda n, d: ("/".join(n), d.get("vni"), d.get("subnets"), d.get("mtu"), _members(d, "ports")),
    ),
    "port": (
        ("port", "switch", "mac", "addresses", "chassis", "security", "enabled"),
        lambda n, d: (
            *(n[2], "/".join(n[:2]), d.get("mac"), d.get("addresses"), _bound(d)),
            *(d.get("port_security", True), d.get("enabled", True)),
        ),
    ),
    "router": (
        ("router", "ports", "routes"),
        lambda n, d: ("/".join(n), _members(d, "ports"), _members(d, "routes")),
    ),
    "router-port": (
        ("router port", "mac", "addresses", "attached to"),
        lambda n, d: ("/".join(n), d.get("mac"), d.get("addresses"), _attached(d)),
    ),
    "route": (
        ("router", "prefix", "next hops"),
        lambda n, d: ("/".join(n[:2]), n[2], d.get("nexthops")),
    ),
}
"""By kind: the headers of its table, and the row that an object makes."""


@click.command("list")
@click.argument("kind", type=click.Choice(list(PLURALS)), default="tenants")
@click.option("--tenant", metavar="TENANT", shell_complete=completing("tenant"), help="Only this tenant's objects.")
@common
@pass_session
def list_objects(session: Session, kind: str, tenant: str | None) -> None:
    """List tenants, or the objects of one kind, of every tenant or of one.

    With --json the answer is the documents that the objects were found in: the tenant's, or the whole network's.
    """
    from ryu_overlay.cli import tables

    chosen = PLURALS[kind]
    names = ("tenants", tenant) if tenant else ("tenants",) if kind == "tenants" else ("network",)
    answer = session.read(*names)
    if session.raw(answer):
        return
    documents: list[Document] = [answer.body] if tenant else list(rows(answer.body))
    if kind == "tenants":
        tables.table("tenants", ("tenant", "description"), ((d.get("name"), d.get("description")) for d in documents))
        return
    headers, row = LISTS[chosen.name]
    tables.table(kind.replace("-", " "), headers, (row(*found) for found in walk(chosen, documents)))


@click.command("show")
@kind_and_name(KINDS)
@common
@pass_session
def show(session: Session, kind: str, name: str) -> None:
    """Show one object and what is in it.

    For example `show switch red/web`, `show port web-1`, `show router red/r1`, `show route red/r1/0.0.0.0/0`.
    """
    chosen = KINDS[kind]
    names = () if kind == "port" and "/" not in name else locate(session, chosen, name)
    answer = session.read(*(chosen.segments(names) if names else ("ports", name)))
    if not session.raw(answer):
        _print_object(chosen, names, name, answer.body)


def _print_object(kind: Kind, names: Names, name: str, document: Document) -> None:
    from ryu_overlay.cli import tables

    inside = [child for child in KINDS.values() if child.path[:-1] == kind.path]
    held = {kind.id_field, *(child.collection for child in inside)}
    tables.record({kind.name: name, **{field: value for field, value in document.items() if field not in held}})
    for child in inside:
        headers, row = LISTS[child.name]
        found = [((*names, str(each.get(child.id_field))), each) for each in document.get(child.collection) or ()]
        tables.table(child.plural.replace("-", " "), headers, (row(*each) for each in found), title=True)
