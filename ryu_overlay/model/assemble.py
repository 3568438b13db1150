"""A body laid over a draft: which objects it makes, changes and takes away. Decides nothing about whether that is valid.

The numbered steps for each object the body speaks of:
1. take its fields: as given; else as it was (PATCH, and what was assigned once); else the default;
2. if it is new, give it a key and a UUID, and note what is still to be assigned;
3. for each collection given, do the same with each member, then take away the members that were not named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ryu_overlay.model.assign import UNASSIGNED_MAC, UNASSIGNED_VNI, Wanting
from ryu_overlay.model.network import Draft
from ryu_overlay.model.numbers import Exhausted, Numbers
from ryu_overlay.model.objects import Object, Port, Ref, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.model.report import Mentions, Report, join
from ryu_overlay.model.values import parse_prefix

CLASSES: Mapping[str, type] = {c.kind: c for c in (Tenant, Switch, Port, Router, RouterPort, Route)}

NAMES: Mapping[str, tuple[str, ...]] = {
    "tenant": ("name",),
    "switch": ("tenant", "name"),
    "port": ("tenant", "switch", "name"),
    "router": ("tenant", "name"),
    "router_port": ("tenant", "router", "name"),
    "route": ("tenant", "router", "prefix"),
}
"""The fields that a kind's ref is made of."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "tenant": {"description": ""},
    "switch": {"subnets": ()},
    "port": {"port_security": True, "enabled": True},
    "router": {},
    "router_port": {"addresses": (), "switch": None, "peer": None},
    "route": {"nexthops": ()},
}
"""What a field is when a PUT leaves it out. An empty `addresses` or `nexthops` is refused later, by validation."""

ASSIGNED: Mapping[str, Mapping[str, Any]] = {
    "switch": {"vni": UNASSIGNED_VNI},
    "port": {"mac": UNASSIGNED_MAC, "addresses": ()},
    "router_port": {"mac": UNASSIGNED_MAC},
}
"""Fields that stay when a PUT leaves them out, and what they are until they are assigned."""

COLLECTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tenant": (("switches", "switch"), ("routers", "router")),
    "switch": (("ports", "port"),),
    "router": (("ports", "router_port"), ("routes", "route")),
}
"""(field, kind of its members) for each collection inside a kind's document."""


class Assembly:
    """Lays one or more bodies over a draft. `mentions` and `wanting` say what happened."""

    def __init__(
        self, draft: Draft, mentions: Mentions, report: Report, numbers: Numbers, new_uuid: Callable[[], object]
    ) -> None:
        self.wanting = Wanting()
        self._draft = draft
        self._mentions = mentions
        self._report = report
        self._numbers = numbers
        self._new_uuid = new_uuid

    def lay(self, kind: str, ref: Ref, given: Mapping[str, Any], path: str, patch: bool) -> None:
        """Make the object at `ref` as `given` says; with `patch` what is not given stays, all the way down.

        Raises Exhausted when there is no key left.
        """
        before: Object | None = self._draft.base.get(kind, ref)
        self._mentions.paths[kind, ref] = path
        values = self._values(kind, ref, before, given, patch)
        if before is None:
            values["key"] = self._numbers.tenant_key() if kind == "tenant" else self._numbers.key()
            values["uuid"] = str(self._new_uuid())
        else:
            values["key"], values["uuid"] = before.key, before.uuid
        names = ref if kind != "route" else (*ref[:2], parse_prefix(ref[2]))
        self._draft.put(CLASSES[kind](**dict(zip(NAMES[kind], names)), **values))
        for field, member_kind in COLLECTIONS.get(kind, ()):
            if given.get(field) is not None:
                self._lay_collection(member_kind, ref, given[field], join(path, field), patch)

    def _values(
        self, kind: str, ref: Ref, before: Object | None, given: Mapping[str, Any], patch: bool
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field, default in DEFAULTS[kind].items():
            if field in given:
                value = given[field]
                values[field] = tuple(value) if isinstance(value, list) else value
            else:
                values[field] = getattr(before, field) if patch and before is not None else default
        for field, unassigned in ASSIGNED.get(kind, {}).items():
            value = given.get(field)
            if value is not None:
                values[field] = tuple(value) if isinstance(value, list) else value
            elif before is not None:
                values[field] = getattr(before, field)
            else:
                values[field] = unassigned
                self._note_wanting(kind, ref, field)
        return values

    def _note_wanting(self, kind: str, ref: Ref, field: str) -> None:
        if field == "vni":
            self.wanting.vnis.append(ref)
        elif field == "mac":
            self.wanting.macs[kind, ref] = None
        else:
            self.wanting.addresses.append(ref)

    def _lay_collection(
        self, kind: str, parent: Ref, members: Sequence[Mapping[str, Any]], path: str, patch: bool
    ) -> None:
        named: dict[Ref, int] = {}
        for index, member in enumerate(members):
            ref = self._member_ref(kind, parent, member, f"{path}[{index}]")
            if ref is None:
                continue
            if ref in named:
                field = f"{path}[{index}].{NAMES[kind][-1]}"
                self._report.add_at(field, f"{ref[-1]} is already {path}[{named[ref]}]")
                continue
            named[ref] = index
            self.lay(kind, ref, member, f"{path}[{index}]", patch)
        for child in self._children(kind, parent):
            if child.ref not in named:
                self.take_away(child, path)

    def _member_ref(self, kind: str, parent: Ref, member: Mapping[str, Any], path: str) -> Ref | None:
        field = NAMES[kind][-1]
        name = member.get(field)
        if name is None:
            self._report.add_at(join(path, field), "is required")
            return None
        if kind != "route":
            return (*parent, name)
        try:
            return (*parent, str(parse_prefix(name)))
        except ValueError as error:
            self._report.add_at(join(path, field), str(error))
            return None

    def take_away(self, obj: Object, path: str) -> None:
        """Delete an object and what hangs under it, because the collection at `path` does not name it."""
        for child in self._draft.base.children(obj):
            self.take_away(child, path)
        self._draft.delete(obj)
        self._mentions.removed[obj.kind, obj.ref] = path

    def _children(self, kind: str, parent: Ref) -> Iterator[Object]:
        for parent_kind in COLLECTIONS:
            if len(NAMES[parent_kind]) == len(parent) and any(k == kind for _, k in COLLECTIONS[parent_kind]):
                owner = self._draft.base.get(parent_kind, parent)
                if owner is not None:
                    yield from (c for c in self._draft.base.children(owner) if c.kind == kind)


__all__ = ["ASSIGNED", "Assembly", "COLLECTIONS", "DEFAULTS", "Exhausted", "NAMES"]
