"""A draft read by switch and by router: what the edit changed, apart from what it left alone ("settled").

An edit is checked against its surroundings without walking the whole network: settled members come straight from the
base's views. A scope is a reading at one moment; take a new one after more puts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ryu_overlay.model.network import Draft
from ryu_overlay.model.objects import KINDS, Object, Port, Ref, Route, RouterPort, Switch


class Scope:
    """How a draft stands.

    `changed` and `removed` are by kind, then by ref, in the order of the edit: objects as they are to be, and objects as
    they were. `ports_on`, `attached_to` (by switch), `ports_of`, `routes_of` (by router) and `holders_of_vni` (switches and
    uplinks) hold the changed ones only.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.base = draft.base
        self.changed: dict[str, dict[Ref, Any]] = {cls.kind: {} for cls in KINDS}  # type: ignore[attr-defined]
        self.removed: dict[str, dict[Ref, Any]] = {cls.kind: {} for cls in KINDS}  # type: ignore[attr-defined]
        self.ports_on: defaultdict[Ref, list[Port]] = defaultdict(list)
        self.attached_to: defaultdict[Ref, list[RouterPort]] = defaultdict(list)
        self.ports_of: defaultdict[Ref, list[RouterPort]] = defaultdict(list)
        self.routes_of: defaultdict[Ref, list[Route]] = defaultdict(list)
        self.holders_of_vni: defaultdict[int, list[Switch | RouterPort]] = defaultdict(list)
        self._unsettled: defaultdict[tuple[str, Ref], set[str]] = defaultdict(set)
        for (kind, ref), after in draft.touched.items():
            before = self.base.get(kind, ref)
            if before is not None:
                self._unsettled[kind, ref[:-1]].add(ref[-1])
            if after is not None:
                self.changed[kind][ref] = after
                self._group(after)
            elif before is not None:
                self.removed[kind][ref] = before

    def _group(self, obj: Object) -> None:
        if isinstance(obj, Port):
            self.ports_on[obj.tenant, obj.switch].append(obj)
        elif isinstance(obj, RouterPort):
            self.ports_of[obj.tenant, obj.router].append(obj)
            if obj.switch is not None:
                self.attached_to[obj.tenant, obj.switch].append(obj)
            if obj.external is not None:
                self.holders_of_vni[obj.vni].append(obj)
        elif isinstance(obj, Route):
            self.routes_of[obj.tenant, obj.router].append(obj)
        elif isinstance(obj, Switch):
            self.holders_of_vni[obj.vni].append(obj)

    def before(self, obj: Object) -> Any | None:
        """What stood at the object's ref in the base, or None."""
        return self.base.get(obj.kind, obj.ref)

    def settled_ports_on(self, switch: Ref) -> Sequence[Port]:
        view = self.base.switch_views.get(switch)
        return () if view is None else self._settled("port", switch, view.ports)

    def settled_attached_to(self, switch: Ref) -> Sequence[RouterPort]:
        view = self.base.switch_views.get(switch)
        ports = () if view is None else view.router_ports
        return [p for p in ports if ("router_port", p.ref) not in self.draft.touched]

    def members_of_switch(self, switch: Ref) -> Iterator[Port | RouterPort]:
        """Every port of a switch and every router port attached to it, settled ones first."""
        yield from self.settled_ports_on(switch)
        yield from self.settled_attached_to(switch)
        yield from self.ports_on.get(switch, ())
        yield from self.attached_to.get(switch, ())

    def settled_ports_of(self, router: Ref) -> Sequence[RouterPort]:
        view = self.base.router_views.get(router)
        return () if view is None else self._settled("router_port", router, view.ports)

    def settled_routes_of(self, router: Ref) -> Sequence[Route]:
        view = self.base.router_views.get(router)
        if view is None:
            return ()
        unsettled = self._unsettled.get(("route", router))
        return [r for r in view.routes if str(r.prefix) not in unsettled] if unsettled else view.routes

    def count_routes_of(self, router: Ref) -> int:
        """How many routes a router has, changed ones too."""
        view = self.base.router_views.get(router)
        settled = 0 if view is None else len(view.routes) - len(self._unsettled.get(("route", router), ()))
        return settled + len(self.routes_of.get(router, ()))

    def ports_of_router(self, router: Ref) -> list[RouterPort]:
        """Every port of a router, settled ones first."""
        return [*self.settled_ports_of(router), *self.ports_of.get(router, ())]

    def _settled(self, kind: str, parent: Ref, members: Sequence[Any]) -> Sequence[Any]:
        unsettled = self._unsettled.get((kind, parent))
        return [m for m in members if m.name not in unsettled] if unsettled else members
