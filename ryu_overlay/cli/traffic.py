"""What the commands that ask about a packet have in common: its ends, what it is, and as whom one asks.

It knows click and the body of questions of docs/oam.md; it does not know their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ryu_overlay.cli.kinds import KINDS
from ryu_overlay.cli.names import completer, completing, known, own_names
from ryu_overlay.cli.session import F

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

OUTSIDE, ROUTER = "outside:", "router:"

tenant_option = click.option(
    "--tenant", metavar="NAME", shell_complete=completing("tenant"), help="Ask as this tenant, and see no more than it may."
)
"""As whom one asks; `as_tenant` takes its value."""
_OPTIONS = (
    click.option("--protocol", metavar="icmp|tcp|udp|N", help="What is sent.  [default: icmp, an echo request]"),
    click.option("--port", type=int, metavar="N", help="The port it is for; TCP and UDP need one."),
    click.option("--source-port", type=int, metavar="N", help="The port it comes from.  [default: 49152; a trace's is random]"),
    click.option("--source", metavar="ADDRESS", help="The address it comes from.  [default: the first of FROM]"),
    click.option("--size", type=int, metavar="BYTES", help="Its size with the IPv4 header.  [default: as small as it can be]"),
    click.option("--ttl", type=int, metavar="N", help="Its TTL.  [default: 64]"),
    click.option("--df", is_flag=True, help="It must not be cut."),
    tenant_option,
)


def ends(*, required: bool = True, outside: bool = True, routers: bool = False) -> Callable[[F], F]:
    """The arguments FROM, a logical port, the `outside` or a router of `routers`, and TO."""

    def senders(client: Client) -> Iterator[str]:
        yield from (name for name in known(client, KINDS["port"]) if "/" not in name)
        if outside:
            yield from (OUTSIDE + name for name in known(client, KINDS["external-network"]))
        for kind in ("router", "router-port") if routers else ():
            yield from (ROUTER + name for name in known(client, KINDS[kind]))

    def decorate(command: F) -> F:
        names = ("FROM", "TO") if required else ("[FROM", "TO]")
        to = click.argument("to", metavar=names[1], required=required, shell_complete=own_names("port"))
        return click.argument("sender", metavar=names[0], required=required, shell_complete=completer(senders))(to(command))

    return decorate


def traffic(command: F) -> F:
    """The options that say what is sent, and --tenant."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def question(sender: str | None, to: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a question: only what was given."""
    protocol = given["protocol"]
    number = int(protocol) if protocol is not None and protocol.isdecimal() else protocol
    asked = {"from": sender, "to": to, **given, "protocol": number, "df": given["df"] or None}
    return {name: value for name, value in asked.items() if value is not None}


def as_tenant(tenant: str | None) -> dict[str, str]:
    """The query parameter that --tenant stands for."""
    return {} if tenant is None else {"tenant": tenant}
