"""The options that set an object's fields, by kind, and the request body that they make.

The options of `add` and `set` are the same; the controller knows which values are right. This file does not know HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ryu_overlay.cli.kinds import CHASSIS
from ryu_overlay.cli.names import completer, completing, known, own_names, within_tenant

Decorator = Callable[[Any], Any]


def _several(option: str, field: str, help: str) -> Decorator:
    return click.option(option, field, multiple=True, metavar=option.strip("-").upper(), help=f"{help} May be repeated.")


def _flag(option: str, field: str, help: str) -> Decorator:
    return click.option(option, field, is_flag=True, default=None, help=help)


def _one(option: str, metavar: str, help: str, **more: Any) -> Decorator:
    return click.option(option, metavar=metavar, help=help, **more)


DESCRIPTION = _one("--description", "TEXT", "Free text.")
MAC = _one("--mac", "MAC", "Its MAC address; assigned if it never got one.")
VNI = _one("--vni", "N", "The VXLAN network identifier; assigned if it never got one.", type=int)
SUBNET = _several("--subnet", "subnets", "An IPv4 subnet, 10.0.1.0/24.")
NO_SUBNET = _flag("--no-subnet", "no_subnets", "No subnet: plain L2.")
ADDRESS = _several("--address", "addresses", "An IPv4 address; without any, one is assigned from each subnet.")
NO_ADDRESS = _flag("--no-address", "no_addresses", "No address, and none assigned.")
SECURITY = _flag("--port-security/--no-port-security", "port_security", "May it send only from its own MAC and addresses?")
ENABLED = _flag("--enabled/--disabled", "enabled", "May it send and receive?")
INTERFACE = _several(
    "--address", "addresses", "An IPv4 address with the length of its prefix, 10.0.1.1/24; an uplink may do without."
)
SWITCH = _one("--switch", "SWITCH", "Attach it to this switch of the tenant.", shell_complete=within_tenant("switch"))
PEER = _one(
    "--peer",
    "ROUTER/PORT",
    "Attach it to this port of another router of the tenant.",
    shell_complete=within_tenant("router-port"),
)
EXTERNAL = _one(
    "--external",
    "NETWORK",
    "Make it the router's uplink, into this external network.",
    shell_complete=completing("external-network"),
)
CARRIER = click.option(
    "--gateway",
    "gateways",
    multiple=True,
    metavar="CHASSIS",
    shell_complete=completer(lambda client: known(client, CHASSIS)),
    help="A chassis that may carry the uplink, the preferred one first. May be repeated.",
)
NO_CARRIER = _flag("--no-gateway", "no_gateways", "Any chassis that maps the physical network may carry the uplink.")
PREEMPT = _flag("--preempt/--no-preempt", "preempt", "Does a preferred gateway that comes back take over again?")
DETACH = _flag("--detach", "detach", "Attach it to nothing.")
NEXTHOP = _several("--nexthop", "nexthops", "The address of a next hop; several share the load.")

_NETWORK = (
    _one("--physical-network", "NAME", "What chassis map to a bridge of theirs, physnet1."),
    _one("--vlan", "N", "The VLAN tag on the wire; untagged without.", type=int),
    _one("--subnet", "PREFIX", "Its IPv4 subnet, 203.0.113.0/24."),
    _one("--gateway", "ADDRESS", "The upstream router: where routers send what they have no other route for."),
    _several("--pool", "pools", "Addresses to assign from, 203.0.113.50-203.0.113.99."),
    _one("--mtu", "BYTES", "The longest packet it takes.", type=int),
)
_NO_NETWORK = (
    _flag("--no-vlan", "no_vlan", "Untagged frames."),
    _flag("--no-gateway", "no_gateway", "No upstream router."),
    _flag("--no-pool", "no_pools", "Nothing to assign from."),
)
_SNAT = (
    _several("--prefix", "prefixes", "Where what is translated comes from, 10.0.0.0/16."),
    _several("--address", "addresses", "An external address to leave with; the uplink's own without any."),
    _one("--ports", "FIRST-LAST", "The source ports to leave with, 20000-20010; 1024-65535 without."),
)
_ROUTER = (
    _one("--answers", "local|path", "What answers to pings and traceroutes stand for: the router itself, or that the way works."),
    _one("--without-path", "unreachable|silent", "What is told when the way does not work."),
)
_NO_SNAT = (
    _flag("--no-address", "no_addresses", "Leave with the uplink's own address."),
    _flag("--no-ports", "no_ports", "Leave with source ports 1024-65535."),
)
_PORT = _one("--port", "PORT", "The logical port.", shell_complete=own_names("port"))
_FLOATING_IP = (
    _PORT,
    _one("--address", "ADDRESS", "The external address; assigned if it never got one."),
    _one("--inside", "ADDRESS", "Which of the port's addresses; its first without."),
    _flag("--distributed/--centralised", "distributed", "May the port's own chassis translate, or only the uplink's gateway?"),
    MAC,
)
_ON_ROUTER = _one("--router", "ROUTER", "Let it stand on this router of the tenant.", shell_complete=within_tenant("router"))
_ON_SWITCH = _one("--switch", "SWITCH", "Let it stand on this switch of the tenant.", shell_complete=within_tenant("switch"))
_LOAD_BALANCER = (
    _one("--vip", "ADDRESS", "The address that stands for the members."),
    _one("--port", "N", "Its TCP or UDP port.", type=int),
    _one("--protocol", "tcp|udp", "What is balanced."),
    *(_ON_ROUTER, _ON_SWITCH),
    _one("--check", "none|tcp|http", "How members are tried, each from its own chassis."),
    _one("--path", "PATH", "What an HTTP check asks for; 2xx and 3xx are good."),
    _one("--interval", "SECONDS", "How often a member is tried.", type=float),
    _one("--timeout", "SECONDS", "When a check is given up.", type=float),
    _one("--rise", "N", "Good checks in a row that bring a member up.", type=int),
    _one("--fall", "N", "Bad checks in a row that take a member down.", type=int),
    MAC,
)
_MEMBER = (
    _PORT,
    _one("--number", "N", "Its TCP or UDP port; the load balancer's without.", type=int),
    _one("--weight", "N", "Its share of new connections, 1 to 100.", type=int),
    _flag("--drain/--no-drain", "drained", "Shall it get no new connections?"),
)

ADD: Mapping[str, tuple[Decorator, ...]] = {
    "tenant": (DESCRIPTION,),
    "switch": (SUBNET, VNI),
    "port": (MAC, ADDRESS, NO_ADDRESS, SECURITY, ENABLED),
    "router": _ROUTER,
    "router-port": (INTERFACE, SWITCH, PEER, EXTERNAL, CARRIER, PREEMPT, MAC),
    "route": (NEXTHOP,),
    "external-network": _NETWORK,
    "snat": _SNAT,
    "floating-ip": _FLOATING_IP,
    "load-balancer": _LOAD_BALANCER,
    "member": _MEMBER,
}
SET: Mapping[str, tuple[Decorator, ...]] = {
    **ADD,
    "switch": (SUBNET, NO_SUBNET, VNI),
    "router-port": (INTERFACE, SWITCH, PEER, EXTERNAL, DETACH, CARRIER, NO_CARRIER, PREEMPT, MAC),
    "external-network": (*_NETWORK, *_NO_NETWORK),
    "snat": (*_SNAT, *_NO_SNAT),
    "floating-ip": (*_FLOATING_IP, _flag("--no-inside", "no_inside", "The port's first address.")),
    "member": (*_MEMBER, _flag("--no-number", "no_number", "The load balancer's TCP or UDP port.")),
}
NOTHING: Mapping[str, Any] = {
    **{field: [] for field in ("subnets", "addresses", "gateways", "pools")},
    **dict.fromkeys(("vlan", "gateway", "ports", "inside", "number")),
}
"""What a field is after `--no-...`."""

PLACES: Mapping[str, tuple[str, ...]] = {
    "router-port": ("switch", "peer", "external"),
    "load-balancer": ("router", "switch"),
}
"""By kind: the fields of which one says where the object is; the others are null."""


def options(table: Mapping[str, tuple[Decorator, ...]], kind: str) -> Decorator:
    """The options of `kind` in ADD or SET."""

    def decorate(command: Any) -> Any:
        for option in reversed(table[kind]):
            command = option(command)
        return command

    return decorate


def body(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields given on the command line, as REST writes them. Raises UsageError where two options contradict."""
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None and v != ()}
    for field, nothing in NOTHING.items():
        if fields.pop(f"no_{field}", False):
            if field in fields:
                raise click.UsageError(f"--no-{_option(field)} contradicts --{_option(field)}")
            fields[field] = nothing
    places = (*PLACES.get(kind, ()), "detach")
    if len(set(places) & set(fields)) > 1:
        *some, last = (f"--{place}" for place in places if place in given)
        raise click.UsageError(f"a {kind.replace('-', ' ')} is in one place: give one of {', '.join(some)} and {last}")
    return fields


def moved(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a change: what is put in another place lets go, with a null, of where it was.

    A router port that is an uplink no more also lets go of what only an uplink has.
    """
    places = PLACES.get(kind, ())
    if not {*places, "detach"} & set(fields):
        return dict(fields)
    kept = {name: value for name, value in fields.items() if name != "detach"}
    uplink = {"gateways": [], "preempt": True} if kind == "router-port" and "external" not in fields else {}
    return {**uplink, **kept, **{place: fields.get(place) for place in places}}


def _option(field: str) -> str:
    """How an option of a field is written: one for each item of a list."""
    singular = {"subnets": "subnet", "addresses": "address", "gateways": "gateway", "pools": "pool"}
    return singular.get(field, field)
