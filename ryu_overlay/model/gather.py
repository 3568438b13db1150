"""From one network's views to the next one's: what a set of changed objects makes stale is made anew, the rest is shared.

Work is in proportion to what changed and to the views it is in, not to the network. A reference to what is not there
(an edit that will be refused can hold one) leaves the referrer out of the view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

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
from ryu_overlay.model.views import BalancerView, ExternalView, Group, RouterView, SwitchView, Views, places

Tables = Mapping[str, Mapping[Ref, Any]]
Pairs = Sequence[tuple[Object | None, Object | None]]
"""Objects before and after; None where there is none."""
Key = TypeVar("Key", str, Ref)
View = TypeVar("View")


def advance(old: Views, tables: Tables, pairs: Pairs, port_by_name: Mapping[str, Port]) -> Views:
    """The views of `tables`, where `pairs` is what led there from the tables that `old` was made of."""
    groups = _regrouped(old.groups, pairs)
    gathering = _Gathering(old, groups, tables, port_by_name)
    gathering.find_stale(pairs)
    return gathering.views()


def _regrouped(old: MappingProxyType[Group, tuple[Any, ...]], pairs: Pairs) -> MappingProxyType[Group, tuple[Any, ...]]:
    touched: dict[Group, dict[tuple[str, Ref], Object]] = {}

    def members(group: Group) -> dict[tuple[str, Ref], Object]:
        if group not in touched:
            touched[group] = {(obj.kind, obj.ref): obj for obj in old.get(group, ())}
        return touched[group]

    for before, after in pairs:
        if before is not None:
            for group in places(before):
                members(group).pop((before.kind, before.ref), None)
        if after is not None:
            for group in places(after):
                members(group)[after.kind, after.ref] = after
    groups = old.copy()
    for group, objects in touched.items():
        if objects:
            groups[group] = tuple(objects[key] for key in sorted(objects))
        else:
            groups.pop(group, None)
    return MappingProxyType(groups)


class _Gathering:
    """One step: first `find_stale`, then `views`."""

    def __init__(
        self,
        old: Views,
        groups: MappingProxyType[Group, tuple[Any, ...]],
        tables: Tables,
        port_by_name: Mapping[str, Port],
    ) -> None:
        self._old = old
        self._groups = groups
        self._tables = tables
        self._port_by_name = port_by_name
        self._balancers: set[Ref] = set()
        self._switches: set[Ref] = set()
        self._routers: set[Ref] = set()
        self._externals: set[Ref] = set()

    def _group(self, role: str, ref: Ref) -> tuple[Any, ...]:
        return self._groups.get((role, ref), ())

    def find_stale(self, pairs: Pairs) -> None:
        """Note every view that shows something of `pairs`, before or after."""
        for pair in pairs:
            for obj in pair:
                if isinstance(obj, (Tenant, ExternalNetwork)):
                    self._mark_top(obj)
                elif isinstance(obj, (Switch, Port, LoadBalancer, Member)):
                    self._mark_inside(obj)
                elif obj is not None:
                    self._mark_routed(obj)
        for ref in self._balancers:
            balancer = self._tables["load_balancer"].get(ref)
            if balancer is not None:
                self._mark_under(balancer)
        for ref in self._routers:
            self._externals.update(self._externals_of(ref))

    def _mark_top(self, obj: Tenant | ExternalNetwork) -> None:
        if isinstance(obj, ExternalNetwork):
            self._externals.add(obj.ref)
            self._routers.update((port.tenant, port.router) for port in self._group("uplink", obj.ref))
        else:
            self._switches.update(switch.ref for switch in self._group("switch", obj.ref))
            self._routers.update(router.ref for router in self._group("router", obj.ref))
            self._balancers.update(balancer.ref for balancer in self._group("load_balancer", obj.ref))

    def _mark_inside(self, obj: Switch | Port | LoadBalancer | Member) -> None:
        if isinstance(obj, Switch):
            self._switches.add(obj.ref)
        elif isinstance(obj, LoadBalancer):
            self._balancers.add(obj.ref)
            self._mark_under(obj)
        elif isinstance(obj, Member):
            self._balancers.add((obj.tenant, obj.load_balancer))
        else:
            self._switches.add((obj.tenant, obj.switch))
            for user in self._group("user", (obj.tenant, obj.name)):
                if isinstance(user, FloatingIp):
                    self._routers.add((user.tenant, user.router))
                else:
                    self._balancers.add((user.tenant, user.load_balancer))

    def _mark_routed(self, obj: Router | RouterPort | Route | Snat | FloatingIp) -> None:
        if isinstance(obj, Router):
            self._routers.add(obj.ref)
            return
        self._routers.add((obj.tenant, obj.router))
        if not isinstance(obj, RouterPort):
            return
        self._routers.update((port.tenant, port.router) for port in self._group("peer", obj.ref))
        if obj.peer is not None:
            self._routers.add((obj.tenant, obj.peer[0]))
        if obj.switch is not None:
            self._switches.add((obj.tenant, obj.switch))
        if obj.external is not None:
            self._externals.add((obj.external,))

    def _mark_under(self, balancer: LoadBalancer) -> None:
        if balancer.switch is not None:
            self._switches.add((balancer.tenant, balancer.switch))
        if balancer.router is not None:
            self._routers.add((balancer.tenant, balancer.router))

    def _externals_of(self, router: Ref) -> Iterator[Ref]:
        """The external networks whose views show `router`, before or after."""
        old = self._old.routers.get(router)
        for port in (*(old.ports if old is not None else ()), *self._group("router_port", router)):
            if port.external is not None:
                yield (port.external,)

    def views(self) -> Views:
        """All views, the stale ones made anew."""
        old = self._old
        balancers = _renewed(old.balancers, {ref: self._balancer(ref) for ref in self._balancers})
        tenants = {ref[0] for ref in self._balancers}
        by_tenant = _renewed(old.by_tenant, {name: self._standing("load_balancer", (name,), balancers) for name in tenants})
        switches = _renewed(old.switches, {ref: self._switch(ref, balancers) for ref in self._switches})
        routers = _renewed(old.routers, {ref: self._router(ref, balancers) for ref in self._routers})
        externals = _renewed(old.externals, {ref: self._external(ref, routers) for ref in self._externals})
        return Views(self._groups, balancers, by_tenant, switches, routers, externals)

    def _with_tenant(self, kind: str, ref: Ref) -> tuple[Tenant, Any] | None:
        tenant, obj = self._tables["tenant"].get(ref[:1]), self._tables[kind].get(ref)
        return None if tenant is None or obj is None else (tenant, obj)

    def _with_ports(self, users: Sequence[Any]) -> Iterator[tuple[Any, Port]]:
        """Members or floating IPs with the ports they name, where there are such ports."""
        for user in users:
            port = self._port_by_name.get(user.port)
            if port is not None and port.tenant == user.tenant:
                yield user, port

    def _standing(self, role: str, ref: Ref, balancers: Mapping[Ref, BalancerView]) -> tuple[BalancerView, ...] | None:
        """The views of the load balancers in a group, None if there are none."""
        found = (balancers.get(balancer.ref) for balancer in self._group(role, ref))
        return tuple(view for view in found if view is not None) or None

    def _balancer(self, ref: Ref) -> BalancerView | None:
        both = self._with_tenant("load_balancer", ref)
        return both and BalancerView(*both, tuple(self._with_ports(self._group("member", ref))))

    def _switch(self, ref: Ref, balancers: Mapping[Ref, BalancerView]) -> SwitchView | None:
        both = self._with_tenant("switch", ref)
        if both is None:
            return None
        standing = self._standing("on_switch", ref, balancers) or ()
        return SwitchView(*both, self._group("port", ref), self._group("attached", ref), standing)

    def _router(self, ref: Ref, balancers: Mapping[Ref, BalancerView]) -> RouterView | None:
        both = self._with_tenant("router", ref)
        if both is None:
            return None
        ports: tuple[RouterPort, ...] = self._group("router_port", ref)
        peers = {port.name: far for port in ports if (far := self._peer(port)) is not None}
        names = (port.external for port in ports if port.external is not None)
        external = next((self._tables["external_network"].get((name,)) for name in names), None)
        floating = tuple(self._with_ports(self._group("floating_ip", ref)))
        standing = self._standing("on_router", ref, balancers) or ()
        return RouterView(*both, ports, self._group("route", ref), peers, external, self._group("snat", ref), floating, standing)

    def _peer(self, port: RouterPort) -> RouterPort | None:
        """The far router port, however few of the two sides name the other."""
        far: RouterPort | None = None
        if port.peer is not None:
            far = self._tables["router_port"].get((port.tenant, *port.peer))
        return far or next(iter(self._group("peer", port.ref)), None)

    def _external(self, ref: Ref, routers: Mapping[Ref, RouterView]) -> ExternalView | None:
        network = self._tables["external_network"].get(ref)
        if network is None:
            return None
        refs = dict.fromkeys((port.tenant, port.router) for port in self._group("uplink", ref))
        return ExternalView(network, tuple(routers[router] for router in refs if router in routers))


def _renewed(old: MappingProxyType[Key, View], made: Mapping[Key, View | None]) -> MappingProxyType[Key, View]:
    """`old` with what was made laid over; None takes away."""
    if not made:
        return old
    views = old.copy()
    for key, view in made.items():
        if view is None:
            views.pop(key, None)
        else:
            views[key] = view
    return MappingProxyType(views)
