"""`add`: create one object. Creating what is there already, as given, is not an error."""

from __future__ import annotations

from typing import Any

import click

from ryu_overlay.cli import fields
from ryu_overlay.cli.kinds import KINDS
from ryu_overlay.cli.names import Names, argument
from ryu_overlay.cli.session import Session, pass_session, query, writes

ASSIGNED = ("vni", "subnets", "mac", "addresses", "switch", "peer", "nexthops")
"""What is told of a new object: it may be what the controller chose."""
PARENTS = {"port": "switch", "router-port": "router", "route": "router"}
"""Kinds whose own name is an argument after the full name of what they are in."""


@click.group("add")
def add() -> None:
    """Create an object; one that is there already, as given, is left as it is.

    What is not given takes its default: addresses are assigned from each subnet of the switch, MACs and VNIs too.
    """


def _create(session: Session, kind: str, names: Names, given: dict[str, Any], wait: float | None) -> None:
    from ryu_overlay.cli.tables import cell

    chosen = KINDS[kind]
    body = {chosen.id_field: names[-1], **fields.body(given)}
    answer = session.write("POST", chosen.segments(names[:-1]), body, **query(wait))
    made = answer.body or {}
    details = ", ".join(f"{field} {cell(made[field])}" for field in ASSIGNED if made.get(field))
    sentence = f"{kind} {'/'.join(names)} {'created' if answer.status == 201 else 'is there already'}"
    session.wrote(answer, f"{sentence}: {details}" if details else sentence, wait)


def _command(kind: str, summary: str) -> None:
    """Put `add KIND` into the group: the parent's full name, the new object's own name, the kind's and a write's options."""
    parent = PARENTS.get(kind)

    @writes
    @pass_session
    def command(session: Session, /, names: Names, wait: float | None, new: str | None = None, **given: Any) -> None:
        _create(session, kind, names if new is None else (*names, new), given, wait)

    decorated = fields.options(fields.ADD, kind)(command)
    if parent is not None:
        decorated = click.argument("new", metavar=KINDS[kind].path[-1][1])(decorated)
    add.command(kind, help=summary)(argument(parent or kind)(decorated))


_command("tenant", "Create a tenant.")
_command("switch", "Create a logical switch: `add switch red/web --subnet 10.0.1.0/24`.")
_command("port", "Create a logical port: `add port red/web web-1`.")
_command("router", "Create a logical router: `add router red/r1`.")
_command("router-port", "Create a router's port: `add router-port red/r1 web --address 10.0.1.1/24 --switch web`.")
_command("route", "Create a static route: `add route red/r1 0.0.0.0/0 --nexthop 100.64.0.2`.")
