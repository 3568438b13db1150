"""What REST needs to show routers and switches as if they were boxes: one protocol, and the values it reports.

Each value says what the model wants and how that stands on each chassis. Nothing here knows HTTP, switches or the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Literal, Protocol

from ryu_overlay.model.objects import Ref
from ryu_overlay.northbound.service import MemberStatus, UplinkStatus
from ryu_overlay.oam.standing import Beyond, OnChassis

__all__ = ["Beyond", "OnChassis"]

MAX_LOG = 1000
"""Entries of a log that are given at once."""
MAX_SECONDS = 30
"""Seconds that translations are watched for at the longest."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chassis that the device reaches.

    `answered`: it told what it has, which is what all that is said of it rests on. `settled`: nothing is under way to it, so what
    differs is not just late. `confirmed` is the newest revision that it has confirmed, 0 while it is not connected.
    """

    chassis: str
    answered: bool
    settled: bool
    confirmed: int


@dataclass(frozen=True, slots=True)
class Counter:
    """Packets and bytes, summed over chassis, and each chassis' own."""

    packets: int
    bytes: int
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """What one reason dropped of an object's packets on one chassis."""

    reason: str
    chassis: str
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Via:
    """One way of a route: to `next_hop` (None: the destination itself) by the router port `port`."""

    next_hop: IPv4Address | None
    port: str


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """A route as a router's table has it, and where it is installed.

    `code`: C connected, L an address of the router itself, V a virtual address (its way names the load balancers), S static,
    S* the default that the uplink implies.
    """

    code: Literal["C", "L", "V", "S", "S*"]
    prefix: IPv4Network
    via: tuple[Via, ...]
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class RouterTable:
    """A router's table in order of prefix; of an address, only what decides about it."""

    revision: int
    chassis: tuple[Asked, ...]
    routes: tuple[RouteStatus, ...]
    beyond: tuple[Beyond, ...] = ()


@dataclass(frozen=True, slots=True)
class NeighbourStatus:
    """An address on the far side of a router port, or a switch's answer to ARP.

    `source`: self (the device's own), model (known, never asked), learned (by ARP, outside), asked (asked for `tries` times,
    no answer: `mac` is None). `age` is the seconds since a learned one was last heard. `kind` and `object` say whose it is in
    the model, `chassis` where that is bound.
    """

    address: IPv4Address
    mac: str | None
    port: str
    source: Literal["self", "model", "learned", "asked"]
    kind: str | None = None
    object: str | None = None
    chassis: str | None = None
    age: float | None = None
    tries: int = 0
    on: tuple[OnChassis, ...] = ()


@dataclass(frozen=True, slots=True)
class NeighbourTable:
    """A router's neighbours by router port, or the addresses that a switch answers ARP for."""

    revision: int
    chassis: tuple[Asked, ...]
    neighbours: tuple[NeighbourStatus, ...]
    beyond: tuple[Beyond, ...] = ()


@dataclass(frozen=True, slots=True)
class InterfaceStatus:
    """A router port, or a logical port of a switch. `input` is what came into the device by it, `output` what left by it.

    `state` with its `reason`: down if nothing can pass. `attached` says to what (`switch red/web`). `chassis` and `interface` are
    where a logical port is bound. `mtu` is in bytes, None where there is no limit. `errors` are (input, output) packets that the
    interface of the VM refused or lost, None for a router port.
    """

    name: str
    kind: Literal["router-port", "port"]
    state: Literal["up", "down"]
    reason: str | None
    attached: str | None
    mac: str
    addresses: tuple[str, ...]
    mtu: int | None
    input: Counter
    output: Counter
    drops: tuple[Drop, ...]
    chassis: str | None = None
    interface: str | None = None
    errors: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Interfaces:
    """A device's interfaces; `drops` are those of the device itself, at no port in particular."""

    revision: int
    chassis: tuple[Asked, ...]
    interfaces: tuple[InterfaceStatus, ...]
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class SnatStatus:
    """A source NAT. `begun` counts the first packets of connections that it translated, of flows that are there now."""

    name: str
    prefixes: tuple[IPv4Network, ...]
    addresses: tuple[IPv4Address, ...]
    ports: str
    begun: int
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class FloatingStatus:
    """A floating IP. `translated_on` is the chassis that translates it now, None if none does; `at_home`: its port's own."""

    name: str
    address: IPv4Address
    inside: IPv4Address
    port: str
    mac: str
    translated_on: str | None
    at_home: bool
    begun: int
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class NatStatus:
    """A router's uplink and translations."""

    revision: int
    chassis: tuple[Asked, ...]
    uplink: UplinkStatus | None
    snats: tuple[SnatStatus, ...]
    floating_ips: tuple[FloatingStatus, ...]
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """A connection that crossed the uplink while one looked: what it is inside, and what outside sees.

    Ports are 0 for protocols without, and for ICMP. `direction`: out if it began inside. One of `inside` and `outside` is None
    while no packet told it. `packets` are the copies that came to the controller, both ways; `rule` is what translates it.
    """

    protocol: int
    inside: IPv4Address | None
    inside_port: int
    outside: IPv4Address | None
    outside_port: int
    peer: IPv4Address
    peer_port: int
    direction: Literal["out", "in"]
    packets: int
    chassis: str
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Translations:
    """What crossed the uplink in `seconds`. `missed`: a meter kept copies from the controller, so some may not be there."""

    revision: int
    seconds: float
    translations: tuple[Translation, ...]
    missed: int = 0


@dataclass(frozen=True, slots=True)
class MemberShare:
    """A member, as checks see it, with what it got: `begun` first packets of connections, `share` (0 to 1) of all of them."""

    status: MemberStatus
    begun: int
    share: float | None
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class BalancerStatus:
    """A load balancer on a router. `check` is how members are tried."""

    name: str
    vip: IPv4Address
    port: int
    protocol: str
    check: str
    members: tuple[MemberShare, ...]
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class Balancers:
    """The load balancers on a router."""

    revision: int
    chassis: tuple[Asked, ...]
    balancers: tuple[BalancerStatus, ...]


@dataclass(frozen=True, slots=True)
class MacStatus:
    """A MAC address of a switch, all of which are known from the model, and whose it is.

    `kind` is port, router-port or load-balancer. `chassis`, `interface` and `ofport` say where a port is bound.
    """

    mac: str
    kind: str
    object: str
    addresses: tuple[str, ...]
    chassis: str | None
    interface: str | None
    ofport: int | None
    on: tuple[OnChassis, ...]


@dataclass(frozen=True, slots=True)
class MacTable:
    """A switch's MAC addresses."""

    revision: int
    chassis: tuple[Asked, ...]
    macs: tuple[MacStatus, ...]
    beyond: tuple[Beyond, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something that happened; `objects` are those it concerns, by kind and full name."""

    time: datetime
    severity: Literal["error", "warning", "info"]
    text: str
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceLog:
    """The last of what happened that concerns a device, the oldest first. A restarted controller remembers nothing before."""

    lines: tuple[LogLine, ...] = field(default=())


class Devices(Protocol):
    """Routers and switches of the running controller. Refs are of objects that exist. All of it only reads."""

    def routes(self, router: Ref, address: IPv4Address | None) -> RouterTable: ...

    def neighbours(self, router: Ref) -> NeighbourTable: ...

    def router_interfaces(self, router: Ref) -> Interfaces: ...

    def nat(self, router: Ref) -> NatStatus: ...

    def translations(self, router: Ref, seconds: float) -> Translations:
        """Watch the uplink for so many seconds (0 to MAX_SECONDS). Blocks this greenthread. Raises Refused."""
        ...

    def balancers(self, router: Ref) -> Balancers: ...

    def macs(self, switch: Ref) -> MacTable: ...

    def switch_interfaces(self, switch: Ref) -> Interfaces: ...

    def switch_neighbours(self, switch: Ref) -> NeighbourTable: ...

    def log(self, kind: Literal["router", "switch"], ref: Ref, most: int) -> DeviceLog: ...
