"""The whole logical network as one immutable value, and the drafts that lead from one to the next.

A `Network` never changes. A `Draft` starts from one, takes puts and deletes, and freezes into the next; whatever
was not touched is shared, so `is` tells what did not change. An untouched view (see `views`) is the same object in the
old and the new network, which is what the compiler's memory rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ryu_overlay.model.gather import Pairs, advance
from ryu_overlay.model.objects import KINDS, FloatingIp, Member, Object, Port, Ref, RouterPort, Switch, Tenant
from ryu_overlay.model.views import BalancerView, ExternalView, RouterView, SwitchView, Views

__all__ = ["BalancerView", "Draft", "ExternalView", "Network", "RouterView", "SwitchView", "changes"]

Table = MappingProxyType[Ref, Any]

MAX_ZONE = 65535
"""Conntrack zones are 1 to this. Uplinks take theirs from the top, load balancing takes tenants' keys."""
MAX_ACCOUNT = 24544
"""Accounts are 1 to this: Open vSwitch has 2**18 meters on a bridge, eight are for each account, and 256 for other things."""

_CHILDREN: Mapping[str, tuple[str, ...]] = {
    "tenant": ("switch", "router", "load_balancer"),
    "switch": ("port",),
    "router": ("router_port", "route", "snat", "floating_ip"),
    "load_balancer": ("member",),
}


def _nothing() -> MappingProxyType[Any, Any]:
    return MappingProxyType({})


def _empty() -> MappingProxyType[str, Table]:
    return MappingProxyType({cls.kind: MappingProxyType({}) for cls in KINDS})  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Network:
    """Everything operators asked for, at one revision.

    `next_key`, `next_tenant_key`, `next_vni`, `next_zone` and `next_account` are where the search for the next free number
    starts (zones are searched downward), so that a number is not used again soon after its object is gone. `vnis` holds the refs
    of switches and uplinks, `zones` those of uplinks, `accounts` the tenants, uplinks and floating IPs themselves.
    """

    revision: int = 0
    next_key: int = 1
    next_tenant_key: int = 1
    next_vni: int = 1
    next_zone: int = MAX_ZONE
    next_account: int = 1
    tables: Mapping[str, Table] = field(default_factory=_empty)
    views: Views = field(default_factory=Views)
    by_key: MappingProxyType[int, Object] = field(default_factory=_nothing)
    port_by_name: MappingProxyType[str, Port] = field(default_factory=_nothing)
    port_by_uuid: MappingProxyType[str, Port] = field(default_factory=_nothing)
    vnis: MappingProxyType[int, Ref] = field(default_factory=_nothing)
    zones: MappingProxyType[int, Ref] = field(default_factory=_nothing)
    accounts: MappingProxyType[int, Tenant | RouterPort | FloatingIp] = field(default_factory=_nothing)

    @property
    def switch_views(self) -> MappingProxyType[Ref, SwitchView]:
        return self.views.switches

    @property
    def router_views(self) -> MappingProxyType[Ref, RouterView]:
        return self.views.routers

    @property
    def external_views(self) -> MappingProxyType[Ref, ExternalView]:
        return self.views.externals

    @property
    def balancers(self) -> MappingProxyType[str, tuple[BalancerView, ...]]:
        """By name of tenant, only tenants that have some."""
        return self.views.by_tenant

    def get(self, kind: str, ref: Ref) -> Any | None:
        """The object of `kind` at `ref`, or None."""
        return self.tables[kind].get(ref)

    def find_port(self, iface_id: str) -> Port | None:
        """The port that an Interface's `iface-id` names, by UUID or by name."""
        return self.port_by_uuid.get(iface_id) or self.port_by_name.get(iface_id)

    def children(self, obj: Object) -> Iterator[Object]:
        """What stands directly under an object, by kind and ref (attached router ports are not under their switch)."""
        for kind in _CHILDREN.get(obj.kind, ()):
            yield from self.views.groups.get((kind, obj.ref), ())

    def users(self, port: Port) -> tuple[FloatingIp | Member, ...]:
        """The floating IPs and the members of load balancers that name `port`."""
        return self.views.groups.get(("user", (port.tenant, port.name)), ())

    def uplinks(self, external: Ref) -> tuple[RouterPort, ...]:
        """The router ports, of all tenants, that go into an external network."""
        return self.views.groups.get(("uplink", external), ())


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
        self.next_zone = base.next_zone
        self.next_account = base.next_account
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
            next_zone=self.next_zone,
            next_account=self.next_account,
        )
        if not self.touched:
            return base
        tables = MappingProxyType({**self.base.tables, **{k: MappingProxyType(t) for k, t in self._tables.items()}})
        pairs = [(self.base.tables[kind].get(ref), after) for (kind, ref), after in self.touched.items()]
        indexes = self._indexes(pairs)
        views = advance(self.base.views, tables, pairs, indexes["port_by_name"])
        return replace(base, tables=tables, views=views, **indexes)

    def _own(self, kind: str) -> dict[Ref, Any]:
        if kind not in self._tables:
            self._tables[kind] = self.base.tables[kind].copy()
        return self._tables[kind]

    def _indexes(self, pairs: Pairs) -> dict[str, Any]:
        base = self.base
        by_key, vnis, zones = base.by_key.copy(), base.vnis.copy(), base.zones.copy()
        names, uuids = base.port_by_name.copy(), base.port_by_uuid.copy()
        for before, _ in pairs:
            if before is not None and not isinstance(before, Tenant):
                by_key.pop(before.key, None)
            if isinstance(before, Port):
                names.pop(before.name, None)
                uuids.pop(before.uuid, None)
            elif isinstance(before, (Switch, RouterPort)):
                vnis.pop(before.vni, None)
            if isinstance(before, RouterPort):
                zones.pop(before.zone, None)
        for _, after in pairs:
            if after is not None and not isinstance(after, Tenant):
                by_key[after.key] = after
            if isinstance(after, Port):
                names[after.name] = after
                uuids[after.uuid] = after
            elif isinstance(after, (Switch, RouterPort)) and after.vni:
                vnis[after.vni] = after.ref
            if isinstance(after, RouterPort) and after.zone:
                zones[after.zone] = after.ref
        named: dict[str, dict[Any, Any]] = {"by_key": by_key, "port_by_name": names, "port_by_uuid": uuids}
        named |= {"vnis": vnis, "zones": zones, "accounts": self._accounts(pairs)}
        return {k: MappingProxyType(v) for k, v in named.items()}

    def _accounts(self, pairs: Pairs) -> dict[int, Tenant | RouterPort | FloatingIp]:
        accounts = self.base.accounts.copy()
        for before, _ in pairs:
            if isinstance(before, (Tenant, RouterPort, FloatingIp)):
                accounts.pop(before.account, None)
        for _, after in pairs:
            if isinstance(after, (Tenant, RouterPort, FloatingIp)) and after.account:
                accounts[after.account] = after
        return accounts
