"""What is under the logical network: chassis, bindings, tunnels, uplinks, members, drops, drift and revisions, all read-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ryu_overlay.cli import kinds
from ryu_overlay.cli.answers import Answer, rows
from ryu_overlay.cli.names import completer, known
from ryu_overlay.cli.session import Session, common, pass_session

CHASSIS = ("chassis", "encap ip", "state", "revision", "vm mtu", "flows", "vifs", "problems")


def _row(chassis: Mapping[str, Any], newest: int) -> tuple[Any, ...]:
    revision = f"{chassis['revision']}/{newest}"
    mtu, flows, vifs = chassis["vm_mtu"], chassis["flows"], chassis["vifs"]
    return (chassis["name"], chassis["encap_ip"], chassis["state"], revision, mtu, flows, vifs, chassis["problems"])


@click.command("chassis")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=completer(lambda client: known(client, kinds.CHASSIS)))
@common
@pass_session
def chassis(session: Session, name: str | None) -> None:
    """Show the chassis that joined, or everything about one.

    The revision is the one that the chassis has confirmed, of the newest there is; the MTU is the one VMs may use.
    """
    from ryu_overlay.cli import tables

    answer = session.read("chassis", *([name] if name else []))
    if session.raw(answer):
        return
    if name:
        tables.record(answer.body)
        return
    newest = session.read("revision").body["revision"]
    tables.table("chassis", CHASSIS, (_row(each, newest) for each in rows(answer.body)))


def _list(name: str, first: tuple[str, ...], help: str) -> click.Command:
    """A command that shows one read-only collection as a table, with the columns in `first` leading."""

    @common
    @pass_session
    def command(session: Session) -> None:
        from ryu_overlay.cli import tables

        answer = session.read(name)
        if not session.raw(answer):
            tables.generic(name, rows(answer.body), first)

    return click.command(name, help=help)(command)


bindings = _list(
    "bindings", ("port", "tenant", "switch", "chassis", "interface", "state"), "Show which port is on which chassis."
)
tunnels = _list(
    "tunnels", ("chassis", "peer", "remote_ip", "interface", "ofport", "up", "networks"), "Show which tunnels exist and why."
)
uplinks = _list(
    "uplinks",
    ("tenant", "router", "port", "network", "address", "active", "state", "gateways", "reason"),
    "Show which chassis carries each uplink, or why none does; gateways are in the order in which they take over.",
)
members = _list(
    "members",
    ("tenant", "load_balancer", "member", "port", "chassis", "address", "number", "weight", "state", "since", "reason"),
    "Show how the members of load balancers are: whether they get new connections, since when, and why not.",
)
drops = _list(
    "drops", ("reason", "chassis", "kind", "object", "packets", "bytes"), "Show every named drop, by chassis and object."
)
limits = _list(
    "limits",
    ("chassis", "kind", "name", "rate", "passed", "exceeded"),
    "Show how many packets a second may go to the controller, how many did, and were too many, by port, uplink and chassis.",
)
drift = _list(
    "drift",
    ("time", "chassis", "what", "healed", "table", "flow"),
    "Show what audits found and healed, and flows that are not ours.",
)


@click.command("revision")
@common
@pass_session
def revision(session: Session) -> None:
    """Show the newest revision and what each chassis has confirmed."""
    answer = session.read("revision")
    if not session.raw(answer):
        _tell(answer)


def _tell(answer: Answer) -> None:
    from ryu_overlay.cli import tables

    tables.record({name: value for name, value in answer.body.items() if name != "chassis"})
    tables.generic("chassis", answer.body["chassis"], ("name", "confirmed", "connected"), title=True)
