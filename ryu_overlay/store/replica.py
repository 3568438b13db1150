"""The database as values: rows that changed become the next `Network` and the next `FabricMemory`.

Only rows that changed are read; everything else is shared with the value before. It knows nothing of connections. What
no object can be made of (only another program can have written it) is left out and reported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object
from ryu_overlay.store.convert import GLOBAL_COLUMNS, TABLES, Table, read_chassis, read_counters
from ryu_overlay.store.idl import Changed
from ryu_overlay.store.records import ChassisRecord, FabricMemory
from ryu_overlay.store.step import Step

LOG = logging.getLogger(__name__)

MEMORY_TABLES = ("Chassis", "Binding", "Memory")


class Replica:
    """What the database held when it was last looked at: `network` and `memory`."""

    def __init__(self) -> None:
        self.network = Network()
        self.memory = FabricMemory()
        self._objects: dict[UUID, Object] = {}
        self._chassis: dict[UUID, ChassisRecord] = {}
        self._notes: dict[UUID, tuple[str, str]] = {}

    def advance(self, rows: Callable[[str], Mapping[UUID, Any]], changed: Changed, expected: list[Step]) -> None:
        """Take in the rows that changed since the last call (None: deleted), by table and UUID.

        `rows` gives all of a table's rows. If the change is one of the `expected` steps, `network` becomes that
        very object.
        """
        if any(table.name in changed for table in TABLES.values()) or "Global" in changed:
            self.network = self._network(rows, changed, expected)
        if not changed.keys().isdisjoint(MEMORY_TABLES):
            self.memory = self._memory(changed)

    def reload(self, rows: Callable[[str], Mapping[UUID, Any]]) -> None:
        """Take in a database that was received whole: rows may have gone without notice."""
        changed: Changed = {}
        bindings = {UUID(port) for port in self.memory.bindings}
        held = {"Chassis": set(self._chassis), "Binding": bindings, "Memory": set(self._notes)}
        for kind, table in TABLES.items():
            held[table.name] = {uuid for uuid, obj in self._objects.items() if obj.kind == kind}
        for name, uuids in held.items():
            changed[name] = {**dict.fromkeys(uuids), **rows(name)}
        self.advance(rows, {**changed, "Global": {}}, [])

    def _network(self, rows: Callable[[str], Mapping[UUID, Any]], changed: Changed, expected: list[Step]) -> Network:
        base = self.network
        row = next(iter(rows("Global").values()), None)
        counters = read_counters(row) if row is not None else _counters(Network())
        draft = self._draft(rows, changed)
        for pending in expected:
            if pending.old is base and draft.touched == pending.touched and counters == _counters(pending.new):
                self._objects.update({UUID(o.uuid): o for o in pending.puts})
                return pending.new
        if not draft.touched and counters == _counters(base):
            return base
        draft.next_key, draft.next_tenant_key = counters["next_key"], counters["next_tenant_key"]
        draft.next_vni, draft.next_zone = counters["next_vni"], counters["next_zone"]
        draft.next_account = counters["next_account"]
        return draft.freeze(counters["revision"])

    def _draft(self, rows: Callable[[str], Mapping[UUID, Any]], changed: Changed) -> Draft:
        """The base with every changed row laid over. All that goes is taken away first, so that names can be swapped."""
        draft = Draft(self.network)
        gone: list[Object] = []
        made: list[Object] = []
        renamed: set[UUID] = set()
        for table in TABLES.values():
            rows_here = dict(changed.get(table.name, {}))
            if renamed and table.parent is not None:
                rows_here.update(_children(rows(table.name), table, renamed))
            for uuid, row in rows_here.items():
                before = self._objects.pop(uuid, None)
                after = self._read(table, row)
                if after is not None:
                    self._objects[uuid] = after
                    made.append(after)
                if before is not None and (after is None or after.ref != before.ref):
                    gone.append(before)
                    if after is not None:  # what goes takes its rows with it, and they are among the changed
                        renamed.add(uuid)
        for obj in reversed(gone):
            held = draft.get(obj.kind, obj.ref)
            if held is not None and held.uuid == obj.uuid:  # another program's rows may have stood for one name
                draft.delete(obj)
        for obj in made:
            draft.put(obj)
        return draft

    def _read(self, table: Table, row: Any | None) -> Object | None:
        if row is None:
            return None
        try:
            parent = self._objects[getattr(row, table.parent).uuid] if table.parent else None
            references = dict.fromkeys(table.references) | {column: self._objects[uuid] for column, uuid in _referred(table, row)}
            return table.read(row, parent, references)
        except (ValueError, KeyError, AttributeError) as error:
            LOG.error("%s %s is left out: %s: %s", table.name, row.uuid, type(error).__name__, error)
            return None

    def _memory(self, changed: Changed) -> FabricMemory:
        for uuid, row in changed.get("Chassis", {}).items():
            self._chassis.pop(uuid, None)
            if row is not None:
                self._remember_chassis(uuid, row)
        bindings = dict(self.memory.bindings)
        for uuid, row in changed.get("Binding", {}).items():
            if row is None:
                bindings.pop(str(uuid), None)
            else:
                bindings[str(uuid)] = row.chassis
        for uuid, row in changed.get("Memory", {}).items():
            self._notes.pop(uuid, None)
            if row is not None:
                self._notes[uuid] = row.name, row.value
        chassis = {record.name: record for record in self._chassis.values()}
        return FabricMemory(MappingProxyType(chassis), MappingProxyType(bindings), MappingProxyType(dict(self._notes.values())))

    def _remember_chassis(self, uuid: UUID, row: Any) -> None:
        try:
            self._chassis[uuid] = read_chassis(row)
        except ValueError as error:
            LOG.error("Chassis %s is left out: %s", uuid, error)


def _counters(network: Network) -> dict[str, int]:
    return {column: getattr(network, column) for column in GLOBAL_COLUMNS}


def _referred(table: Table, row: Any) -> list[tuple[str, UUID]]:
    """The rows that the reference columns of `row` name, by column."""
    return [(column, getattr(row, column)[0].uuid) for column in table.references if getattr(row, column)]


def _children(rows: Mapping[UUID, Any], table: Table, parents: set[UUID]) -> dict[UUID, Any]:
    """The rows that refer to one of `parents`, either as where they belong or as what they are attached to."""
    children = {}
    for uuid, row in rows.items():
        referred = {getattr(row, str(table.parent)).uuid, *(found for _, found in _referred(table, row))}
        if referred & parents:
            children[uuid] = row
    return children
