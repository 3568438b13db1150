"""The options that set an object's fields, by kind, and the request body that they make.

The options of `add` and `set` are the same; the controller knows which values are right. This file does not know HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ryu_overlay.cli.names import within_tenant

Decorator = Callable[[Any], Any]


def _several(option: str, field: str, help: str) -> Decorator:
    return click.option(option, field, multiple=True, metavar=option.strip("-").upper(), help=f"{help} May be repeated.")


def _flag(option: str, field: str, help: str) -> Decorator:
    return click.option(option, field, is_flag=True, default=None, help=help)


DESCRIPTION = click.option("--description", metavar="TEXT", help="Free text.")
MAC = click.option("--mac", metavar="MAC", help="Its MAC address; assigned if it never got one.")
VNI = click.option("--vni", type=int, metavar="N", help="The VXLAN network identifier; assigned if it never got one.")
SUBNET = _several("--subnet", "subnets", "An IPv4 subnet, 10.0.1.0/24.")
NO_SUBNET = _flag("--no-subnet", "no_subnets", "No subnet: plain L2.")
ADDRESS = _several("--address", "addresses", "An IPv4 address; without any, one is assigned from each subnet.")
NO_ADDRESS = _flag("--no-address", "no_addresses", "No address, and none assigned.")
SECURITY = _flag("--port-security/--no-port-security", "port_security", "May it send only from its own MAC and addresses?")
ENABLED = _flag("--enabled/--disabled", "enabled", "May it send and receive?")
INTERFACE = _several("--address", "addresses", "An IPv4 address with the length of its prefix, 10.0.1.1/24.")
SWITCH = click.option(
    "--switch", metavar="SWITCH", shell_complete=within_tenant("switch"), help="Attach it to this switch of the tenant."
)
PEER = click.option(
    "--peer",
    metavar="ROUTER/PORT",
    shell_complete=within_tenant("router-port"),
    help="Attach it to this port of another router of the tenant.",
)
DETACH = _flag("--detach", "detach", "Attach it to nothing.")
NEXTHOP = _several("--nexthop", "nexthops", "The address of a next hop; several share the load.")

ADD: Mapping[str, tuple[Decorator, ...]] = {
    "tenant": (DESCRIPTION,),
    "switch": (SUBNET, VNI),
    "port": (MAC, ADDRESS, NO_ADDRESS, SECURITY, ENABLED),
    "router": (),
    "router-port": (INTERFACE, SWITCH, PEER, MAC),
    "route": (NEXTHOP,),
}
SET: Mapping[str, tuple[Decorator, ...]] = {
    **{kind: options for kind, options in ADD.items() if options},
    "switch": (SUBNET, NO_SUBNET, VNI),
    "router-port": (INTERFACE, SWITCH, PEER, DETACH, MAC),
}
"""A router has nothing but its name and what is in it, so there is nothing of it to set."""


def options(table: Mapping[str, tuple[Decorator, ...]], kind: str) -> Decorator:
    """The options of `kind` in ADD or SET."""

    def decorate(command: Any) -> Any:
        for option in reversed(table[kind]):
            command = option(command)
        return command

    return decorate


def body(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields given on the command line, as REST writes them. Raises UsageError where two options contradict."""
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None and v != ()}
    for field, option in (("subnets", "subnet"), ("addresses", "address")):
        if fields.pop(f"no_{field}", False):
            if field in fields:
                raise click.UsageError(f"--no-{option} contradicts --{option}")
            fields[field] = []
    if len({"switch", "peer", "detach"} & set(fields)) > 1:
        raise click.UsageError("a router port is attached to one thing: give one of --switch, --peer and --detach")
    return fields


def moved(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a change: a router port that is attached anew lets go, with a null, of what it was attached to."""
    if not {"switch", "peer", "detach"} & set(fields):
        return dict(fields)
    kept = {name: value for name, value in fields.items() if name != "detach"}
    return {**kept, "switch": fields.get("switch"), "peer": fields.get("peer")}
