"""`list` and `show`: the logical network as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from ryu_overlay.cli.answers import rows
from ryu_overlay.cli.kinds import KINDS, PLURALS, Document, Kind, member, walk
from ryu_overlay.cli.names import Names, completing, kind_and_name, known, locate, offer, parent_of
from ryu_overlay.cli.session import Session, common, pass_session

Row = Callable[[Names, Document], tuple[Any, ...]]


def _members(document: Document, name: str) -> int:
    return len(document.get(name) or ())


def _attached(port: Document) -> str:
    if port.get("switch"):
        return f"switch {port['switch']}"
    if port.get("external"):
        return f"external network {port['external']}"
    return f"router port {port['peer']}" if port.get("peer") else ""


def _place(balancer: Document) -> str:
    return f"switch {balancer['switch']}" if balancer.get("switch") else f"router {balancer.get('router')}"


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
        ("router", "ports", "routes", "snats", "floating ips", "answers"),
        lambda n, d: (
            "/".join(n),
            *(_members(d, name) for name in ("ports", "routes", "snats", "floating_ips")),
            d.get("answers", "local"),
        ),
    ),
    "router-port": (
        ("router port", "mac", "addresses", "attached to"),
        lambda n, d: ("/".join(n), d.get("mac"), d.get("addresses"), _attached(d)),
    ),
    "route": (
        ("router", "prefix", "next hops"),
        lambda n, d: ("/".join(n[:2]), n[2], d.get("nexthops")),
    ),
    "external-network": (
        ("external network", "physical network", "vlan", "subnet", "gateway", "pools", "mtu"),
        lambda n, d: (n[0], *(d.get(name) for name in ("physical_network", "vlan", "subnet", "gateway", "pools", "mtu"))),
    ),
    "snat": (
        ("router", "snat", "prefixes", "addresses", "ports"),
        lambda n, d: ("/".join(n[:2]), n[2], d.get("prefixes"), d.get("addresses"), d.get("ports")),
    ),
    "floating-ip": (
        ("router", "floating ip", "address", "port", "inside", "distributed"),
        lambda n, d: ("/".join(n[:2]), n[2], *(d.get(name) for name in ("address", "port", "inside", "distributed"))),
    ),
    "load-balancer": (
        ("load balancer", "vip", "port", "protocol", "on", "check", "members"),
        lambda n, d: (
            *("/".join(n), d.get("vip"), d.get("port"), d.get("protocol"), _place(d), d.get("check")),
            _members(d, "members"),
        ),
    ),
    "member": (
        ("load balancer", "member", "port", "number", "weight", "drained"),
        lambda n, d: ("/".join(n[:2]), n[2], *(d.get(name) for name in ("port", "number", "weight", "drained"))),
    ),
}
"""By kind: the headers of its table, and the row that an object makes."""


def _above(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
    """What objects of the kind that is to be listed can be in."""
    chosen = PLURALS.get(ctx.params.get("kind") or "")
    parent = chosen and parent_of(chosen)
    return offer(ctx, incomplete, lambda client: known(client, parent)) if parent else []


@click.command("list")
@click.argument("kind", type=click.Choice(list(PLURALS)), default="tenants")
@click.argument("within", metavar="[WITHIN]", required=False, shell_complete=_above)
@click.option("--tenant", metavar="TENANT", shell_complete=completing("tenant"), help="Only this tenant's objects.")
@common
@pass_session
def list_objects(session: Session, kind: str, within: str | None, tenant: str | None) -> None:
    """List tenants, or the objects of one kind: all of them, or those in a tenant, switch, router or load balancer.

    For example `list ports`, `list ports red`, `list snats red/r1`. With --json the answer is the documents that the
    objects were found in: the one named, or the whole network's.
    """
    from ryu_overlay.cli import tables

    chosen = PLURALS[kind]
    above = _within(chosen, within, tenant)
    alone = len(chosen.path) == 1
    answer = session.read(*(chosen.segments(above) if alone else _holder(chosen, above)))
    if session.raw(answer):
        return
    if kind == "tenants":
        tenants = (answer.body,) if above else rows(answer.body)
        tables.table("tenants", ("tenant", "description"), ((d.get("name"), d.get("description")) for d in tenants))
        return
    found: list[Document] = list(rows(answer.body)) if alone else answer.body.get(member(chosen.path[len(above)][0])) or []
    headers, row = LISTS[chosen.name]
    tables.table(kind.replace("-", " "), headers, (row(*each) for each in walk(chosen, found, above)))


def _within(kind: Kind, within: str | None, tenant: str | None) -> Names:
    """The names of what the objects are to be in, none for everything. Raises UsageError."""
    if within and tenant:
        raise click.UsageError("give WITHIN or --tenant, not both")
    names = tuple((within or tenant or "").split("/")) if within or tenant else ()
    most = 1 if kind.name == "tenant" else len(kind.path) - 1
    if len(names) > most or not all(names):
        inside = "/".join(word for _, word in kind.path[:most])
        raise click.UsageError(f"{kind.plural} are in nothing" if not most else f"{kind.plural} are in {inside}, not {within}")
    return names


def _holder(kind: Kind, above: Names) -> Names:
    """Where the document is that has the objects of `kind` somewhere in it: of what has these names, or the network's."""
    return tuple(part for (collection, _), name in zip(kind.path, above) for part in (collection, name)) or ("network",)


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
