"""`set` and `remove`: change one object in what is given, or delete it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ryu_overlay.cli import fields
from ryu_overlay.cli.kinds import CHASSIS, KINDS
from ryu_overlay.cli.names import completing, kind_and_name, locate
from ryu_overlay.cli.session import Session, pass_session, query, writes

REMOVABLE = {**KINDS, CHASSIS.name: CHASSIS}


@click.group("set")
def change() -> None:
    """Change an object, only in what is given. A list that is given replaces the one there was."""


def _patch(session: Session, kind: str, name: str, given: Mapping[str, Any], wait: float | None) -> None:
    body = fields.moved(kind, fields.body(kind, given))
    if not body:
        raise click.UsageError("nothing to change was given")
    names = locate(session, KINDS[kind], name)
    answer = session.write("PATCH", KINDS[kind].segments(names), body, **query(wait))
    session.wrote(answer, f"{kind} {'/'.join(names)} changed", wait)


def _command(kind: str, summary: str) -> None:
    """Put `set KIND NAME` into the group, with the kind's options and a write's."""

    @writes
    @pass_session
    def command(session: Session, /, name: str, wait: float | None, **given: Any) -> None:
        _patch(session, kind, name, given, wait)

    alone = f"{KINDS[kind].path[-1][1]}|" if kind in ("port", "floating-ip") else ""
    metavar = alone + KINDS[kind].written
    named = click.argument("name", metavar=metavar, shell_complete=completing(kind))
    change.command(kind, help=summary)(named(fields.options(fields.SET, kind)(command)))


_command("tenant", "Change a tenant.")
_command("switch", "Change a logical switch.")
_command("port", "Change a logical port: `set port web-1 --disabled`.")
_command("router", "Change a logical router: `set router red/r1 --answers path`.")
_command("router-port", "Change a router's port, or attach it to something else.")
_command("route", "Change a static route: `set route red/r1/0.0.0.0/0 --nexthop 100.64.0.6`.")
_command("external-network", "Change an external network.")
_command("snat", "Change a source NAT.")
_command("floating-ip", "Change a floating IP: `set floating-ip red/r1/web --port web-2`.")
_command("load-balancer", "Change a load balancer.")
_command("member", "Change a member of a load balancer: `set member red/www/a --drain`.")


@click.command("remove")
@kind_and_name(REMOVABLE)
@click.option("--cascade", is_flag=True, help="Delete what is in it, and what depends on it, too.")
@writes
@pass_session
def remove(session: Session, kind: str, name: str, cascade: bool, wait: float | None) -> None:
    """Delete an object; one that is in use is refused, with what stands in the way, unless --cascade is given.

    A chassis that is gone for good is forgotten, with what was bound there.
    """
    names = locate(session, REMOVABLE[kind], name)
    answer = session.write("DELETE", REMOVABLE[kind].segments(names), **query(wait, cascade=cascade))
    session.wrote(answer, f"{kind} {'/'.join(names)} removed", wait)
