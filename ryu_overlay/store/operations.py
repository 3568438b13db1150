"""What to send to ovsdb-server: the operations of one transaction (RFC 7047 section 5.2); pure.

Every write of the logical network first checks that the revision is still the one it was made from, so that of two
writers who started from the same network the second is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import ExternalNetwork, LoadBalancer, Object, Router, Switch, Tenant
from ryu_overlay.store.cells import JsonRow, checked, uuid_json
from ryu_overlay.store.convert import GLOBAL_COLUMNS, TABLES, write_chassis
from ryu_overlay.store.records import ChassisRecord, FabricMemory
from ryu_overlay.store.step import Step

Operation = dict[str, Any]

COMMIT: Operation = {"op": "commit", "durable": True}
"""Asks ovsdb-server to have the transaction on the disk, not just in the kernel's hands, before it answers."""


def network_operations(step: Step) -> list[Operation]:
    """The transaction that takes a step.

    Raises ValueError if a text cannot be held by OVSDB, KeyError if an object of the new network has no parent in it.
    """
    old, new = step.old, step.new
    puts = [*step.puts, *_adopted(old, new, step.puts)]
    before = {o.uuid: o for o in step.deletes}
    for put in puts:
        replaced = old.get(put.kind, put.ref)
        if replaced is not None:
            before[replaced.uuid] = replaced
    after = {o.uuid: o for o in puts}
    operations = list(_global(old, new))
    for uuid, obj in after.items():
        operations += _put(before.get(uuid), obj, old, new)
    for uuid, obj in before.items():
        if uuid not in after:
            operations.append(_delete(TABLES[obj.kind].name, uuid))
            if obj.kind == "port":
                operations.append(_delete("Binding", uuid))
    operations.append(COMMIT)
    return operations


def memory_operations(
    chassis: Mapping[str, ChassisRecord | None],
    bindings: Mapping[str, str | None],
    notes: Mapping[str, str | None],
    held: FabricMemory,
    network: Network,
) -> list[Operation]:
    """The transaction that makes the fabric's memory (`held` now) say what is given; empty if it does already.

    A binding of a port that is not in `network` is passed over: the port is gone, and its binding went with it.
    Raises ValueError if a text cannot be held by OVSDB.
    """
    operations: list[Operation] = []
    for name, record in chassis.items():
        if held.chassis.get(name) != record:
            named = [["name", "==", name]] if name in held.chassis else None
            operations.append(_make("Chassis", named, None if record is None else write_chassis(record)))
    for port, host in bindings.items():
        if held.bindings.get(port) != host and (host is None or port in network.port_by_uuid):
            bound = _is(port) if port in held.bindings else None
            operations.append(_make("Binding", bound, None if host is None else {"chassis": checked(host)}, {"uuid": port}))
    for name, value in notes.items():
        if held.notes.get(name) != value:
            noted = [["name", "==", checked(name)]] if name in held.notes else None
            row = None if value is None else {"name": checked(name), "value": checked(value)}
            operations.append(_make("Memory", noted, row))
    return operations


def _make(table: str, where: list[Any] | None, row: JsonRow | None, born: Mapping[str, str] = MappingProxyType({})) -> Operation:
    """Delete, update or insert: `where` finds the row that is there, `row` is what it shall be; None means none."""
    if row is None:
        return {"op": "delete", "table": table, "where": where}
    if where is None:
        return {"op": "insert", "table": table, "row": row, **born}
    return {"op": "update", "table": table, "where": where, "row": row}


def _global(old: Network, new: Network) -> Iterator[Operation]:
    """Refuse unless the revision is still `old`'s (no row at all stands for revision 0), then write `new`'s."""
    row = {column: getattr(new, column) for column in GLOBAL_COLUMNS}
    expected = [{"revision": old.revision}] if old.revision else []
    yield {
        "op": "wait",
        "timeout": 0,
        "table": "Global",
        "where": [],
        "columns": ["revision"],
        "until": "==",
        "rows": expected,
    }
    if old.revision:
        yield {"op": "update", "table": "Global", "where": [], "row": row}
    else:
        yield {"op": "insert", "table": "Global", "row": row}


_ATTACHED: Mapping[str, tuple[str, ...]] = {
    "switch": ("attached", "on_switch"),
    "router": ("on_router",),
    "external_network": ("uplink",),
}
"""The groups, beside its children, of those whose rows refer to a kind's row."""


def _adopted(old: Network, new: Network, puts: Iterable[Object]) -> list[Object]:
    """Children that did not change but whose parent was made anew under the same name: their rows must follow it."""
    known = {(o.kind, o.ref) for o in puts}
    adopted: list[Object] = []
    renewed: list[Object] = [o for o in puts if _renewed(old, o)]
    for parent in renewed:
        children = list(new.children(parent))
        for role in _ATTACHED.get(parent.kind, ()):
            children += new.views.groups.get((role, parent.ref), ())
        adopted += [c for c in children if (c.kind, c.ref) not in known]
    return adopted


def _renewed(old: Network, obj: Object) -> bool:
    before = old.get(obj.kind, obj.ref)
    return (
        isinstance(obj, (Tenant, ExternalNetwork, Switch, Router, LoadBalancer))
        and before is not None
        and before.uuid != obj.uuid
    )


def _put(before: Object | None, after: Object, old: Network, new: Network) -> list[Operation]:
    """An insert, or an update of the columns that differ."""
    table = TABLES[after.kind]
    row = table.write(after, new)
    if before is None:
        return [{"op": "insert", "table": table.name, "uuid": after.uuid, "row": row}]
    held = table.write(before, old)
    differing = {column: value for column, value in row.items() if held[column] != value}
    if not differing:
        return []
    return [{"op": "update", "table": table.name, "where": _is(after.uuid), "row": differing}]


def _delete(table: str, uuid: str) -> Operation:
    return {"op": "delete", "table": table, "where": _is(uuid)}


def _is(uuid: str) -> list[Any]:
    return [["_uuid", "==", uuid_json(uuid)]]
