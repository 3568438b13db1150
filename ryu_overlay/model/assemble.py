"""A body laid over a draft: which objects it makes, changes and takes away. Decides nothing about whether that is valid.

The numbered steps for each object the body speaks of:
1. take its fields: as given; else as it was (PATCH, and what was assigned once); else the default;
2. if it is new, give it a key and a UUID, and note what is still to be assigned;
3. for each collection given, do the same with each member, then take away the members that were not named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ryu_overlay.model.assign import Wanting
from ryu_overlay.model.kinds import (
    ASSIGNED,
    CLASSES,
    COLLECTIONS,
    DEFAULTS,
    NAMES,
    PARENTS,
    UNASSIGNED_ACCOUNT,
    UNASSIGNED_VNI,
    UNASSIGNED_ZONE,
)
from ryu_overlay.model.limits import MAX_MEMBERS
from ryu_overlay.model.network import Draft
from ryu_overlay.model.numbers import Numbers
from ryu_overlay.model.objects import Object, Ref
from ryu_overlay.model.report import Mentions, Report, join
from ryu_overlay.model.values import parse_prefix


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
        if kind == "router_port":
            values.update(self._uplink_values(ref, before, values, given, patch))
        if kind in ("tenant", "floating_ip"):
            values["account"] = self._account(kind, ref, before)
        names = ref if kind != "route" else (*ref[:2], parse_prefix(ref[2]))
        self._draft.put(CLASSES[kind](**dict(zip(NAMES[kind], names)), **values))
        for field, member_kind in COLLECTIONS.get(kind, {}).items():
            if given.get(field) is not None:
                self._lay_collection(member_kind, ref, given[field], join(path, field), patch)

    def _values(self, kind: str, ref: Ref, before: Object | None, given: Mapping[str, Any], patch: bool) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field, default in DEFAULTS[kind].items():
            value = given.get(field, default)
            if field in given and (value is not None or default is None):
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

    def _uplink_values(
        self, ref: Ref, before: Any | None, values: Mapping[str, Any], given: Mapping[str, Any], patch: bool
    ) -> dict[str, Any]:
        """What an uplink has assigned, and other router ports have not: VNI, zone, account, and addresses that stay."""
        none = {"vni": UNASSIGNED_VNI, "zone": UNASSIGNED_ZONE, "account": UNASSIGNED_ACCOUNT}
        if values["external"] is None:
            return none if patch or given.get("addresses") is not None else {"addresses": (), **none}
        if not values["addresses"] and given.get("addresses") is None:
            self.wanting.addresses["router_port", ref] = None
        account = {"account": self._account("router_port", ref, before)}
        if before is not None and before.external is not None:
            return {"vni": before.vni, "zone": before.zone, **account}
        self.wanting.vnis["router_port", ref] = None
        self.wanting.zones.append(ref)
        return {**none, **account}

    def _account(self, kind: str, ref: Ref, before: Any | None) -> int:
        """The account that a tenant, an uplink or a floating IP has. One from before there were any gets one now."""
        account: int = UNASSIGNED_ACCOUNT if before is None else before.account
        if account == UNASSIGNED_ACCOUNT:
            self.wanting.accounts[kind, ref] = None
        return account

    def _note_wanting(self, kind: str, ref: Ref, field: str) -> None:
        if field == "vni":
            self.wanting.vnis[kind, ref] = None
        elif field == "mac":
            self.wanting.macs[kind, ref] = None
        elif kind != "router_port":  # of those only uplinks get one, see there
            self.wanting.addresses[kind, ref] = None

    def _lay_collection(self, kind: str, parent: Ref, members: Sequence[Mapping[str, Any]], path: str, patch: bool) -> None:
        most = MAX_MEMBERS.get(kind)
        if most is not None and len(members) > most:
            self._report.add_at(path, f"{len(members):,} are given; at most {most:,} are allowed")
            return
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
        owner: Object | None = self._draft.base.get(PARENTS[kind], parent)
        for child in self._draft.base.children(owner) if owner is not None else ():
            if child.kind == kind and child.ref not in named:
                self._take_away(child, path)

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

    def _take_away(self, obj: Object, path: str) -> None:
        """Delete an object and what hangs under it, because the collection at `path` does not name it."""
        for child in self._draft.base.children(obj):
            self._take_away(child, path)
        self._draft.delete(obj)
        self._mentions.removed[obj.kind, obj.ref] = path
