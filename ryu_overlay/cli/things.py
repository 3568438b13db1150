"""Things that can break, on the command line: their kinds, and names completed from what the controller has.

It knows click and the client; what such a thing is made of is the controller's to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ryu_overlay.cli.kinds import CHASSIS, KINDS
from ryu_overlay.cli.names import known, offer
from ryu_overlay.cli.session import F

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

ON_CHASSIS = (
    *("link", "link-in", "link-out", "external-link", "vswitch", "channel", "chassis", "datapath", "conntrack", "vnic"),
    *("flow", "group", "program"),
)
"""Kinds whose first name is a chassis'."""
BETWEEN = {"path": ">", "pair": "=", "tunnel": ">", "split": "|", "vni": ">"}
"""Kinds that are between chassis, and what stands between the two sides."""
OBJECTS = {"port": "port", "router-port": "router-port", "snat": "snat"}
"""Kinds that are named by one object, and that one's kind."""
_EVERY = (*ON_CHASSIS, *BETWEEN, *OBJECTS)


def _names(client: Client, kind: str) -> Iterable[str]:
    """What the first name of something of this kind can be."""
    if kind in ON_CHASSIS:
        return known(client, CHASSIS)
    if kind in ("path", "pair", "tunnel"):
        ends = [(row["chassis"], row["peer"]) for row in client.get("tunnels").body["tunnels"]]
        # A pair has no direction: its chassis stand in order.
        return [BETWEEN[kind].join(both) for both in ends if kind != "pair" or both == tuple(sorted(both))]
    if kind in OBJECTS:
        # A port's name is unique, so it stands alone.
        return [name for name in known(client, KINDS[OBJECTS[kind]]) if kind != "port" or "/" not in name]
    return ()


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
    words = ctx.params.get("element") or ()
    if not words:
        return [CompletionItem(kind) for kind in _EVERY if kind.startswith(incomplete)]
    return offer(ctx, incomplete, lambda client: _names(client, words[0])) if len(words) == 1 else []


_argument: Callable[[F], F] = click.argument("element", metavar="ELEMENT", nargs=-1, required=True, shell_complete=_complete)


def element_argument(command: F) -> F:
    """The argument ELEMENT of several words, `link hv2`."""
    return _argument(command)
