"""`add`: create one object. Creating what is there already, as given, is not an error."""

from __future__ import annotations

from typing import Any

import click

from ryu_overlay.cli import fields
from ryu_overlay.cli.kinds import KINDS
from ryu_overlay.cli.names import Names, completing, parent_of, split
from ryu_overlay.cli.session import Session, pass_session, query, writes

ASSIGNED = (
    *("vni", "subnets", "subnet", "vip", "mac", "address", "addresses"),
    *("router", "switch", "peer", "external", "nexthops", "prefixes"),
)
"""What is told of a new object: it may be what the controller chose."""
WITHIN = ("port", "router-port", "route", "snat", "floating-ip", "member")
"""Kinds whose own name may be an argument after the full name of what they are in."""


@click.group("add")
def add() -> None:
    """Create an object; one that is there already, as given, is left as it is.

    What is not given takes its default: addresses are assigned from each subnet of the switch, MACs and VNIs too. The
    name of what stands in something may follow that one's name or be joined to it: `add port red/web web-1` or
    `add port red/web/web-1`.
    """


def _create(session: Session, kind: str, names: Names, given: dict[str, Any], wait: float | None) -> None:
    from ryu_overlay.cli.tables import cell

    chosen = KINDS[kind]
    body = {chosen.id_field: names[-1], **fields.body(kind, given)}
    answer = session.write("POST", chosen.segments(names[:-1]), body, **query(wait))
    made = answer.body or {}
    details = ", ".join(f"{field} {cell(made[field])}" for field in ASSIGNED if made.get(field))
    sentence = f"{kind} {'/'.join(names)} {'created' if answer.status == 201 else 'is there already'}"
    session.wrote(answer, f"{sentence}: {details}" if details else sentence, wait)


def _command(kind: str, summary: str) -> None:
    """Put `add KIND` into the group: a full name, or a parent's and the new object's own; the kind's and a write's options."""
    parent = parent_of(KINDS[kind]) if kind in WITHIN else None
    first = parent or KINDS[kind]

    @writes
    @pass_session
    def command(session: Session, /, name: str, wait: float | None, new: str | None = None, **given: Any) -> None:
        names = split(KINDS[kind], name) if new is None else (*split(first, name), new)
        _create(session, kind, names, given, wait)

    decorated = fields.options(fields.ADD, kind)(command)
    if parent is not None:
        decorated = click.argument("new", metavar=f"[{KINDS[kind].path[-1][1]}]", required=False)(decorated)
    named = click.argument("name", metavar=first.written, shell_complete=completing(first.name))
    add.command(kind, help=summary)(named(decorated))


_command("tenant", "Create a tenant.")
_command("switch", "Create a logical switch: `add switch red/web --subnet 10.0.1.0/24`.")
_command("port", "Create a logical port: `add port red/web web-1`.")
_command("router", "Create a logical router: `add router red/r1`.")
_command("router-port", "Create a router's port: `add router-port red/r1 web --address 10.0.1.1/24 --switch web`.")
_command("route", "Create a static route: `add route red/r1 0.0.0.0/0 --nexthop 100.64.0.2`.")
_command(
    "external-network",
    "Create an external network: `add external-network internet --physical-network physnet1 --subnet 203.0.113.0/24`.",
)
_command("snat", "Create a source NAT: `add snat red/r1 out --prefix 10.0.0.0/16`.")
_command("floating-ip", "Create a floating IP: `add floating-ip red/r1 web --port web-1`.")
_command("load-balancer", "Create a load balancer: `add load-balancer red/www --vip 203.0.113.20 --port 80 --router r1`.")
_command("member", "Create a member of a load balancer: `add member red/www a --port web-1`.")
