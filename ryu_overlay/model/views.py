"""What belongs to one switch, router, load balancer or external network, gathered into one value each.

A view is the same object as long as nothing in it changes; whoever works from views need not look again at one it has
seen. Nothing here knows how they are made (`gather` does) or what the whole network is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ryu_overlay.model.objects import (
    ExternalNetwork,
    FloatingIp,
    LoadBalancer,
    Member,
    Object,
    Port,
    Ref,
    Route,
    Router,
    RouterPort,
    Snat,
    Switch,
    Tenant,
)

Group = tuple[str, Ref]
"""A role, and the ref of what plays host: ("port", a switch's ref), ("user", (tenant, port name)), ..."""


@dataclass(frozen=True, slots=True)
class BalancerView:
    """A load balancer, its tenant, and its members in order of name, each with its port; one without a port is left out."""

    tenant: Tenant
    balancer: LoadBalancer
    members: tuple[tuple[Member, Port], ...]

    def number(self, member: Member) -> int:
        """The TCP or UDP port that a member serves at, 1 to 65535."""
        return self.balancer.port if member.number is None else member.number


@dataclass(frozen=True, slots=True)
class SwitchView:
    """A switch, its tenant, its ports, the router ports attached to it and the load balancers on it, each in order of name."""

    tenant: Tenant
    switch: Switch
    ports: tuple[Port, ...]
    router_ports: tuple[RouterPort, ...]
    balancers: tuple[BalancerView, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterView:
    """A router, its tenant, and what is in it or on it, each in order of name.

    `peers` maps a port's name to the far router port, if it has one. `external` is the network that its uplink goes into.
    Each floating IP comes with the logical port it stands for; one without is left out.
    """

    tenant: Tenant
    router: Router
    ports: tuple[RouterPort, ...]
    routes: tuple[Route, ...]
    peers: Mapping[str, RouterPort]
    external: ExternalNetwork | None = None
    snats: tuple[Snat, ...] = ()
    floating_ips: tuple[tuple[FloatingIp, Port], ...] = ()
    balancers: tuple[BalancerView, ...] = ()

    @property
    def uplink(self) -> RouterPort | None:
        """The port that goes into an external network, or None."""
        return next((port for port in self.ports if port.external is not None), None)


@dataclass(frozen=True, slots=True)
class ExternalView:
    """An external network and the routers, of all tenants, with an uplink into it, in order of ref."""

    network: ExternalNetwork
    routers: tuple[RouterView, ...]


def _nothing() -> MappingProxyType[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Views:
    """All views of one network by ref, `by_tenant` the balancers again, by name of tenant (only tenants that have some).

    `groups` holds who belongs where, in order of kind and ref, whether or not it can be shown in a view; a group is never empty.
    """

    groups: MappingProxyType[Group, tuple[Any, ...]] = field(default_factory=_nothing)
    balancers: MappingProxyType[Ref, BalancerView] = field(default_factory=_nothing)
    by_tenant: MappingProxyType[str, tuple[BalancerView, ...]] = field(default_factory=_nothing)
    switches: MappingProxyType[Ref, SwitchView] = field(default_factory=_nothing)
    routers: MappingProxyType[Ref, RouterView] = field(default_factory=_nothing)
    externals: MappingProxyType[Ref, ExternalView] = field(default_factory=_nothing)


def places(obj: Object) -> Iterator[Group]:
    """The groups that an object is in.

    Under its parent the role is its kind. Else: "attached" router ports of a switch, "uplink" ports into an external
    network, "peer" router ports that name another, "on_switch" and "on_router" load balancers, and as "user" of a logical
    port, by (tenant, name), floating IPs and members.
    """
    if isinstance(obj, (Switch, Router, LoadBalancer)):
        yield obj.kind, (obj.tenant,)
    elif not isinstance(obj, (Tenant, ExternalNetwork)):
        yield obj.kind, obj.ref[:2]
    if isinstance(obj, RouterPort):
        if obj.switch is not None:
            yield "attached", (obj.tenant, obj.switch)
        if obj.external is not None:
            yield "uplink", (obj.external,)
        if obj.peer is not None:
            yield "peer", (obj.tenant, *obj.peer)
    elif isinstance(obj, LoadBalancer):
        if obj.switch is not None:
            yield "on_switch", (obj.tenant, obj.switch)
        if obj.router is not None:
            yield "on_router", (obj.tenant, obj.router)
    elif isinstance(obj, (FloatingIp, Member)):
        yield "user", (obj.tenant, obj.port)
