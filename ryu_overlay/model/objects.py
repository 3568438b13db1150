"""The logical objects, one frozen value each.

Every object has a `ref` (the path of names an operator uses), a `uuid` (its row in the store), and a `key`: a
number that stays the same for the object's life and is small enough for registers and cookies (1 to 2**24 - 1,
unique over all objects; a tenant's is 1 to 2**16 - 1 and unique among tenants).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import ClassVar

Ref = tuple[str, ...]

KEY_BITS = 24
TENANT_KEY_BITS = 16
VNI_BITS = 22
"""Tenants' VNIs leave the two top bits of the 24 clear: 23 marks OAM probes, 22 is for loss measurement."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whom networks belong to. Names of switches and routers are unique within a tenant."""

    kind: ClassVar[str] = "tenant"
    name: str
    key: int
    uuid: str
    description: str = ""

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


@dataclass(frozen=True, slots=True)
class Router:
    """A logical router."""

    kind: ClassVar[str] = "router"
    tenant: str
    name: str
    key: int
    uuid: str

    @property
    def ref(self) -> Ref:
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class RouterPort:
    """A router's interface: attached to a switch, or to a port of another router of the tenant (`peer`), or to nothing yet.

    `peer` is (router, port). It may be given on either side; the other side then need not name it.
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


Object = Tenant | Switch | Port | Router | RouterPort | Route
KINDS: tuple[type, ...] = (Tenant, Switch, Port, Router, RouterPort, Route)
"""Parents before children: the order in which objects can be made; reversed, the order they can be taken away."""
