"""The whole logical network as one immutable value, and the drafts that lead from one to the next.

A `Network` never changes. A `Draft` starts from one, takes puts and deletes, and freezes into the next; whatever
was not touched is shared, so `is` tells what did not change. Views gather what belongs to one switch or one
router; an untouched view is the same object in the old and the new network, which is what the compiler's memory rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ryu_overlay.model.objects import KINDS, Object, Port, Ref, Route, Router, RouterPort, Switch, Tenant

Table = MappingProxyType[Ref, Any]


@dataclass(frozen=True, slots=True)
class SwitchView:
    """A switch, its tenant, its ports and the router ports attached to it, each in order of name."""

    tenant: Tenant
    switch: Switch
    ports: tuple[Port, ...]
    router_ports: tuple[RouterPort, ...]


@dataclass(frozen=True, slots=True)
class RouterView:
    """A router, its tenant, its ports and routes; `peers` maps a port's name to the far router port, if it has one."""

    tenant: Tenant
    router: Router
    ports: tuple[RouterPort, ...]
    routes: tuple[Route, ...]
    peers: Mapping[str, RouterPort]


def _nothing() -> MappingProxyType[Any, Any]:
    return MappingProxyType({})


def _empty() -> MappingProxyType[str, Table]:
    return MappingProxyType({cls.kind: MappingProxyType({}) for cls in KINDS})  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Network:
    """Everything operators asked for, at one revision.

    `next_key`, `next_tenant_key` and `next_vni` are where the search for the next free number starts, so that a
    number is not used again soon after its object is gone.
    """

    revision: int = 0
    next_key: int = 1
    next_tenant_key: int = 1
    next_vni: int = 1
    tables: Mapping[str, Table] = field(default_factory=_empty)
    switch_views: MappingProxyType[Ref, SwitchView] = field(default_factory=_nothing)
    router_views: MappingProxyType[Ref, RouterView] = field(default_factory=_nothing)
    by_key: MappingProxyType[int, Object] = field(default_factory=_nothing)
    port_by_name: MappingProxyType[str, Port] = field(default_factory=_nothing)
    port_by_uuid: MappingProxyType[str, Port] = field(default_factory=_nothing)
    vnis: MappingProxyType[int, Ref] = field(default_factory=_nothing)

    def get(self, kind: str, ref: Ref) -> Any | None:
        """The object of `kind` at `ref`, or None."""
        return self.tables[kind].get(ref)

    def find_port(self, iface_id: str) -> Port | None:
        """The port that an Interface's `iface-id` names, by UUID or by name."""
        return self.port_by_uuid.get(iface_id) or self.port_by_name.get(iface_id)

    def children(self, obj: Object) -> Iterator[Object]:
        """What stands directly under a tenant, switch or router (attached router ports are not under their switch)."""
        if isinstance(obj, Tenant):
            for kind in ("switch", "router"):
                yield from (o for o in self.tables[kind].values() if o.tenant == obj.name)
        elif isinstance(obj, Switch):
            yield from self.switch_views[obj.ref].ports
        elif isinstance(obj, Router):
            view = self.router_views[obj.ref]
            yield from view.ports
            yield from view.routes


def changes(old: Network, new: Network) -> tuple[list[Object], list[Object]]:
    """What leads from `old` to `new`: (objects to put, parents first; objects to delete, children first)."""
    puts: list[Object] = []
    deletes: list[Object] = []
    for cls in KINDS:
        before, after = old.tables[cls.kind], new.tables[cls.kind]  # type: ignore[attr-defined]
        if before is after:
            continue
        puts += [o for ref, o in after.items() if before.get(ref) is not o and before.get(ref) != o]
        deletes[:0] = [o for ref, o in before.items() if ref not in after]
    return puts, deletes


class Draft:
    """A network in the making. Use one, freeze it, forget it.

    Puts replace by ref. Nothing is validated here (see `validate`): a draft may pass through states that are not
    valid. `touched` says what was put (the object) or deleted (None), by (kind, ref).
    """

    def __init__(self, base: Network) -> None:
        self.base = base
        self.touched: dict[tuple[str, Ref], Object | None] = {}
        self.next_key = base.next_key
        self.next_tenant_key = base.next_tenant_key
        self.next_vni = base.next_vni
        self._tables: dict[str, dict[Ref, Any]] = {}

    def table(self, kind: str) -> Mapping[Ref, Any]:
        """All objects of `kind` as they stand in the draft."""
        return self._tables.get(kind, self.base.tables[kind])

    def get(self, kind: str, ref: Ref) -> Any | None:
        return self.table(kind).get(ref)

    def put(self, obj: Object) -> None:
        if self.get(obj.kind, obj.ref) == obj:
            return
        self._own(obj.kind)[obj.ref] = obj
        self.touched[obj.kind, obj.ref] = obj

    def delete(self, obj: Object) -> None:
        """Take one object away (not what hangs under it). Raises KeyError if it is not there."""
        del self._own(obj.kind)[obj.ref]
        self.touched[obj.kind, obj.ref] = None

    def freeze(self, revision: int) -> Network:
        """The network this draft has become, sharing every view that nothing touched with its base."""
        base = replace(
            self.base,
            revision=revision,
            next_key=self.next_key,
            next_tenant_key=self.next_tenant_key,
            next_vni=self.next_vni,
        )
        if not self.touched:
            return base
        tables = MappingProxyType({**self.base.tables, **{k: MappingProxyType(t) for k, t in self._tables.items()}})
        switch_refs, router_refs = self._stale_views()
        return replace(
            base,
            tables=tables,
            switch_views=self._switch_views(tables, switch_refs),
            router_views=self._router_views(tables, router_refs),
            **self._indexes(),
        )

    def _own(self, kind: str) -> dict[Ref, Any]:
        if kind not in self._tables:
            self._tables[kind] = self.base.tables[kind].copy()
        return self._tables[kind]

    def _before_and_after(self) -> Iterator[tuple[Object | None, Object | None]]:
        for (kind, ref), after in self.touched.items():
            yield self.base.tables[kind].get(ref), after

    def _stale_views(self) -> tuple[set[Ref], set[Ref]]:
        switches: set[Ref] = set()
        routers: set[Ref] = set()
        for pair in self._before_and_after():
            for obj in pair:
                if isinstance(obj, Switch):
                    switches.add(obj.ref)
                elif isinstance(obj, Port):
                    switches.add((obj.tenant, obj.switch))
                elif isinstance(obj, Router):
                    routers.add(obj.ref)
                elif isinstance(obj, Route):
                    routers.add((obj.tenant, obj.router))
                elif isinstance(obj, RouterPort):
                    routers.update(self._routers_beside(obj))
                    if obj.switch is not None:
                        switches.add((obj.tenant, obj.switch))
                elif isinstance(obj, Tenant):
                    switches.update(r for r in self.table("switch") if r[0] == obj.name)
                    routers.update(r for r in self.table("router") if r[0] == obj.name)
        return switches, routers

    def _routers_beside(self, port: RouterPort) -> Iterator[Ref]:
        """The routers whose view shows `port`: its own, the one it names as peer, and any that names it."""
        yield (port.tenant, port.router)
        if port.peer is not None:
            yield (port.tenant, port.peer[0])
        view = self.base.router_views.get((port.tenant, port.router))
        if view is not None and port.name in view.peers:
            yield (port.tenant, view.peers[port.name].router)

    def _switch_views(self, tables: Mapping[str, Table], stale: set[Ref]) -> MappingProxyType[Ref, SwitchView]:
        if not stale:
            return self.base.switch_views
        views = self.base.switch_views.copy()
        ports = self._grouped("port", stale, {r: v.ports for r, v in views.items() if r in stale})
        attached = self._grouped("router_port", stale, {r: v.router_ports for r, v in views.items() if r in stale})
        for ref in stale:
            switch = tables["switch"].get(ref)
            tenant = tables["tenant"].get(ref[:1])
            if switch is None or tenant is None:
                views.pop(ref, None)
            else:
                views[ref] = SwitchView(tenant, switch, ports[ref], attached[ref])
        return MappingProxyType(views)

    def _grouped(self, kind: str, stale: set[Ref], old: Mapping[Ref, tuple[Any, ...]]) -> dict[Ref, tuple[Any, ...]]:
        """Per switch in `stale`, its members of `kind` in order of ref: the old ones with this draft's changes laid over."""
        groups: dict[Ref, dict[Ref, Any]] = {ref: {m.ref: m for m in old.get(ref, ())} for ref in stale}
        for (touched_kind, ref), after in self.touched.items():
            if touched_kind != kind:
                continue
            before = self.base.tables[kind].get(ref)
            if before is not None and before.switch is not None:
                groups[before.tenant, before.switch].pop(ref, None)
            if after is not None and after.switch is not None:  # type: ignore[union-attr]
                groups[after.tenant, after.switch][ref] = after  # type: ignore[union-attr]
        return {ref: tuple(members[k] for k in sorted(members)) for ref, members in groups.items()}

    def _router_views(self, tables: Mapping[str, Table], stale: set[Ref]) -> MappingProxyType[Ref, RouterView]:
        if not stale:
            return self.base.router_views
        views = self.base.router_views.copy()
        tenants = {ref[0] for ref in stale}
        ports = [p for p in tables["router_port"].values() if p.tenant in tenants]
        routes: dict[Ref, list[Route]] = {}
        for route in tables["route"].values():
            if route.tenant in tenants:
                routes.setdefault((route.tenant, route.router), []).append(route)
        peers = _peerings(ports)
        for ref in stale:
            router = tables["router"].get(ref)
            tenant = tables["tenant"].get(ref[:1])
            if router is None or tenant is None:
                views.pop(ref, None)
                continue
            own = tuple(sorted((p for p in ports if (p.tenant, p.router) == ref), key=lambda p: p.ref))
            far = {p.name: peers[p.ref] for p in own if p.ref in peers}
            own_routes = tuple(sorted(routes.get(ref, ()), key=lambda r: r.ref))
            views[ref] = RouterView(tenant, router, own, own_routes, far)
        return MappingProxyType(views)

    def _indexes(self) -> dict[str, Any]:
        base = self.base
        by_key, vnis = base.by_key.copy(), base.vnis.copy()
        names, uuids = base.port_by_name.copy(), base.port_by_uuid.copy()
        pairs = list(self._before_and_after())
        for before, _ in pairs:
            if before is not None and not isinstance(before, Tenant):
                by_key.pop(before.key, None)
            if isinstance(before, Port):
                names.pop(before.name, None)
                uuids.pop(before.uuid, None)
            elif isinstance(before, Switch):
                vnis.pop(before.vni, None)
        for _, after in pairs:
            if after is not None and not isinstance(after, Tenant):
                by_key[after.key] = after
            if isinstance(after, Port):
                names[after.name] = after
                uuids[after.uuid] = after
            elif isinstance(after, Switch):
                vnis[after.vni] = after.ref
        named: dict[str, dict[Any, Any]] = {"by_key": by_key, "port_by_name": names, "port_by_uuid": uuids, "vnis": vnis}
        return {k: MappingProxyType(v) for k, v in named.items()}


def _peerings(ports: Iterable[RouterPort]) -> dict[Ref, RouterPort]:
    """Router port ref to the far router port, both ways, however few of the two sides name the other."""
    by_ref = {p.ref: p for p in ports}
    peers: dict[Ref, RouterPort] = {}
    for port in by_ref.values():
        far = by_ref.get((port.tenant, *port.peer)) if port.peer is not None else None
        if far is not None:
            peers[port.ref] = far
            peers[far.ref] = port
    return peers
