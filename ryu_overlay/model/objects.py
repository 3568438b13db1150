"""The logical objects, one frozen value each.

Every object has a `ref` (the path of names an operator uses), a `uuid` (its row in the store), and a `key`: a
number that stays the same for the object's life and is small enough for registers and cookies (1 to 2**24 - 1,
unique over all objects; a tenant's is 1 to 2**16 - 1 and unique among tenants).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import ClassVar, Literal

Ref = tuple[str, ...]

KEY_BITS = 24
TENANT_KEY_BITS = 16
VNI_BITS = 22
"""Tenants' VNIs leave the two top bits of the 24 clear: 23 marks OAM probes, 22 is for loss measurement."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whom networks belong to. Names of switches and routers are unique within a tenant. `account` (1 to 24544) says by which
    meters what stays inside is counted."""

    kind: ClassVar[str] = "tenant"
    name: str
    key: int
    uuid: str
    description: str = ""
    account: int = 0

    @property
    def ref(self) -> Ref:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class ExternalNetwork:
    """A network that exists outside the overlay, as the operator describes it; routers have uplinks into it.

    `physical_network` is the name that chassis map to a bridge of theirs (`overlay-bridge-mappings`); `vlan` (1 to 4094) the
    tag there, None for untagged frames. `gateway` is the upstream router: where routers with an uplink send what they have no
    other route for. Addresses that nobody gave are assigned from `pools`, (first, last) each. `mtu` is in bytes.
    """

    kind: ClassVar[str] = "external_network"
    name: str
    key: int
    uuid: str
    physical_network: str
    subnet: IPv4Network
    vlan: int | None = None
    gateway: IPv4Address | None = None
    pools: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    mtu: int = 1500

    @property
    def ref(self) -> Ref:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Switch:
    """A logical switch: one broadcast domain, one VNI, any number of disjoint subnets."""

    kind: ClassVar[str] = "switch"
    tenant: str
    name: str
    key: int
    uuid: str
    vni: int
    subnets: tuple[IPv4Network, ...] = ()

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class Port:
    """A logical port of a switch, where a VIF is bound. Its name is unique over all tenants (it is an iface-id)."""

    kind: ClassVar[str] = "port"
    tenant: str
    switch: str
    name: str
    key: int
    uuid: str
    mac: str
    addresses: tuple[IPv4Address, ...] = ()
    port_security: bool = True
    enabled: bool = True

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.switch, self.name)


Answers = Literal["local", "path"]
WithoutPath = Literal["unreachable", "silent"]


@dataclass(frozen=True, slots=True)
class Router:
    """A logical router.

    `answers` says what a ping or traceroute of one of its interfaces stands for: the router's being there ("local": the chassis
    of whoever asks answers), or that the way works to where the interface is ("path"). `without_path` is what becomes of one when
    the way does not work: it is told that the host is unreachable ("unreachable"), or nothing ("silent").
    """

    kind: ClassVar[str] = "router"
    tenant: str
    name: str
    key: int
    uuid: str
    answers: Answers = "local"
    without_path: WithoutPath = "unreachable"

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class RouterPort:
    """A router's interface: attached to a switch, to a port of another router of the tenant (`peer`), to an external network
    (then it is the router's uplink), or to nothing yet.

    `peer` is (router, port). It may be given on either side; the other side then need not name it. Of an uplink: `gateways` are
    the chassis that may carry it, the preferred one first (none: they are scheduled); with `preempt` a preferred chassis that
    comes back takes over again; `vni` (as a switch's) brings packets to the gateway, `zone` (1 to 65535) is the conntrack zone of
    its translations, `account` (1 to 24544) says by which meters it is counted. All three are 0 for other ports.
    """

    kind: ClassVar[str] = "router_port"
    tenant: str
    router: str
    name: str
    key: int
    uuid: str
    mac: str
    addresses: tuple[IPv4Interface, ...]
    switch: str | None = None
    peer: tuple[str, str] | None = None
    external: str | None = None
    gateways: tuple[str, ...] = ()
    preempt: bool = True
    vni: int = 0
    zone: int = 0
    account: int = 0

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.router, self.name)


@dataclass(frozen=True, slots=True)
class Route:
    """A static route. Several next hops make it equal-cost multipath.

    Open vSwitch spreads TCP by connection and everything else by pair of addresses.
    """

    kind: ClassVar[str] = "route"
    tenant: str
    router: str
    prefix: IPv4Network
    nexthops: tuple[IPv4Address, ...]
    key: int
    uuid: str

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.router, str(self.prefix))


@dataclass(frozen=True, slots=True)
class Snat:
    """Source NAT on a router's uplink: what comes from `prefixes` leaves with one of `addresses`.

    Without `addresses` that is the uplink's own address. One inside address keeps to one external address (RFC 4787 REQ-2).
    `ports` are the first and last source port given out, None for 1024 to 65535.
    """

    kind: ClassVar[str] = "snat"
    tenant: str
    router: str
    name: str
    key: int
    uuid: str
    prefixes: tuple[IPv4Network, ...]
    addresses: tuple[IPv4Address, ...] = ()
    ports: tuple[int, int] | None = None

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.router, self.name)


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """An external address that stands for one address of one logical port, both ways.

    `port` is the logical port's name, `inside` its address (None: its first). With `distributed` the port's own chassis
    translates where it maps the physical network; else, and elsewhere, the uplink's gateway does. `mac` answers for `address`,
    `account` (as an uplink's) says by which meters it is counted.
    """

    kind: ClassVar[str] = "floating_ip"
    tenant: str
    router: str
    name: str
    key: int
    uuid: str
    address: IPv4Address
    mac: str
    port: str
    inside: IPv4Address | None = None
    distributed: bool = True
    account: int = 0

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.router, self.name)


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """Connections to `vip`:`port` are shared out among members, by weight; each keeps the member it got.

    It stands on a router (`vip` is an external address of it or one that only the router knows) or on a switch (`vip` is in its
    subnets); exactly one of the two is given. `mac` answers for `vip` on a switch. `check` says how members are tried from their
    own chassis: every `interval` seconds, given up after `timeout`, up after `rise` good ones in a row, down after `fall` bad
    ones; `path` is what "http" asks for (2xx and 3xx are good).
    """

    kind: ClassVar[str] = "load_balancer"
    tenant: str
    name: str
    key: int
    uuid: str
    vip: IPv4Address
    port: int
    mac: str
    protocol: str = "tcp"
    router: str | None = None
    switch: str | None = None
    check: str = "none"
    path: str = "/"
    interval: float = 2.0
    timeout: float = 1.0
    rise: int = 2
    fall: int = 3

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class Member:
    """A server behind a load balancer: the first address of the logical port called `port`.

    `number` is its TCP or UDP port, None for the load balancer's. `weight` is 1 to 100. A drained one gets no new connections.
    """

    kind: ClassVar[str] = "member"
    tenant: str
    load_balancer: str
    name: str
    key: int
    uuid: str
    port: str
    number: int | None = None
    weight: int = 1
    drained: bool = False

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.load_balancer, self.name)


Object = Tenant | ExternalNetwork | Switch | Port | Router | RouterPort | Route | Snat | FloatingIp | LoadBalancer | Member
KINDS: tuple[type, ...] = (
    *(Tenant, ExternalNetwork, Switch, Port, Router, RouterPort, Route),
    *(Snat, FloatingIp, LoadBalancer, Member),
)
"""Parents before children: the order in which objects can be made; reversed, the order they can be taken away."""
