"""The part of a chassis' database (ovs-vswitchd.conf.db(5)) that is read and written here, replicated by python-ovs.

The schema is stated rather than fetched: only these columns are monitored, and no schema file need be installed where
the controller runs. Every column has been in Open vSwitch since 2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import ovs.db.idl
import ovs.jsonrpc

_STRING = {"type": "string"}
_STRINGS = {"type": {"key": "string", "min": 0, "max": "unlimited"}}
_STRING_OR_NONE = {"type": {"key": "string", "min": 0, "max": 1}}
_INTEGER_OR_NONE = {"type": {"key": "integer", "min": 0, "max": 1}}
_INTEGERS = {"type": {"key": "integer", "min": 0, "max": "unlimited"}}
_BOOLEAN_OR_NONE = {"type": {"key": "boolean", "min": 0, "max": 1}}
_MAP = {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}


def _refs(table: str) -> dict[str, Any]:
    return {"type": {"key": {"type": "uuid", "refTable": table}, "min": 0, "max": "unlimited"}}


_REMOTE = {"target": _STRING, "max_backoff": _INTEGER_OR_NONE, "inactivity_probe": _INTEGER_OR_NONE}
_TABLES: dict[str, dict[str, Any]] = {
    "Open_vSwitch": {
        "bridges": _refs("Bridge"),
        "manager_options": _refs("Manager"),
        "external_ids": _MAP,
        "ovs_version": _STRING_OR_NONE,
    },
    "Manager": _REMOTE,
    "Bridge": {
        "name": _STRING,
        "datapath_type": _STRING,
        "datapath_id": _STRING_OR_NONE,
        "ports": _refs("Port"),
        "controller": _refs("Controller"),
        "fail_mode": _STRING_OR_NONE,
        "protocols": _STRINGS,
        "other_config": _MAP,
    },
    "Controller": {**_REMOTE, "external_ids": _MAP},
    "Port": {"name": _STRING, "interfaces": _refs("Interface")},
    "Interface": {
        "name": _STRING,
        "type": _STRING,
        "options": _MAP,
        "external_ids": _MAP,
        "ofport": _INTEGER_OR_NONE,
        "mtu": _INTEGER_OR_NONE,
        "link_state": _STRING_OR_NONE,
        "admin_state": _STRING_OR_NONE,
        "status": _MAP,
        "error": _STRING_OR_NONE,
        "other_config": _MAP,
        "cfm_mpid": _INTEGER_OR_NONE,
        "cfm_fault": _BOOLEAN_OR_NONE,
        "cfm_remote_mpids": _INTEGERS,
    },
}

RowEvent = Callable[[str, Any, "Collection[str] | None"], None]
"""Called with what happened (ROW_CREATE, ROW_UPDATE, ROW_DELETE), the row, and for updates the columns that changed."""

_ROWS_BETWEEN_YIELDS = 50


def _schema() -> dict[str, Any]:
    tables = {name: {"columns": columns, "isRoot": name == "Open_vSwitch"} for name, columns in _TABLES.items()}
    return {"name": "Open_vSwitch", "version": "7.12.1", "tables": tables}


class Replica(ovs.db.idl.Idl):  # type: ignore[misc]
    """A copy of the database behind `session`, which is already connected.

    `event` is called for every row that came, changed or went, after the whole update it was part of has been taken in.
    `relax` is called now and then during a large update, to let others run.
    """

    def __init__(self, session: ovs.jsonrpc.Session, event: RowEvent, relax: Callable[[], None]) -> None:
        helper = ovs.db.idl.SchemaHelper(schema_json=_schema())
        helper.register_all()
        # The session that the base class makes for this name has not dialled yet, and is dropped.
        super().__init__(session.get_name(), helper)
        self._session = session
        self._event = event
        self._relax = relax
        self._rows = 0

    @property
    def synced(self) -> bool:
        """Whether the first copy of the database is complete."""
        return bool(self.state == self.IDL_S_MONITORING)

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        self._event(event, row, None if updates is None else updates._data.keys())

    def cooperative_yield(self) -> None:
        self._rows += 1
        if self._rows % _ROWS_BETWEEN_YIELDS == 0:
            self._relax()


def references(row: Any, column: str) -> list[UUID]:
    """The rows that a column of references names. Reading the attribute would build and sort every one of them as a Row."""
    found: list[UUID] = row._data[column].as_list()
    return found


def first(values: list[Any], default: Any = None) -> Any:
    """The value of an optional column, which python-ovs gives as a list of none or one."""
    return values[0] if values else default
