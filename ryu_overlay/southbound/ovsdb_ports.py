"""How ports of ours are written into a chassis' database: free names, rows, continuity checks.

Knows nothing of what a port is for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from itertools import count
from typing import Any

import ovs.db.idl

Monitor = tuple[int | None, tuple[tuple[str, str], ...]]
"""The `cfm_mpid` and the sorted `other_config` of an Interface, as they are."""

_NAME_LENGTH = 15


def port_name(prefix: str, name: str, taken: Collection[str]) -> str:
    """`prefix` and `name` if that is 15 safe characters at most and not `taken`, else `prefix` and a hash that is not."""
    plain = f"{prefix}{name}"
    if len(plain) <= _NAME_LENGTH and re.fullmatch(r"[A-Za-z0-9._-]+", plain) and plain not in taken:
        return plain
    return next(hashed for hashed in _hashed(prefix, name) if hashed not in taken)


def _hashed(prefix: str, name: str) -> Iterator[str]:
    for attempt in count():
        digest = hashlib.sha256(f"{name}\n{attempt}".encode()).hexdigest()
        yield f"{prefix}{digest}"[:_NAME_LENGTH]


def set_column(row: Any, column: str, value: Any) -> None:
    """Write `value` unless it is there already."""
    if getattr(row, column) != value:
        setattr(row, column, value)


def add_port(txn: ovs.db.idl.Transaction, name: str, **columns: Any) -> Any:
    """A new Port row with one Interface of the same name that has `columns`; it is for the caller to put it into a bridge."""
    interface = txn.insert(txn.idl.tables["Interface"])
    interface.name = name
    for column, value in columns.items():
        setattr(interface, column, value)
    port = txn.insert(txn.idl.tables["Port"])
    port.name = name
    port.interfaces = [interface]
    return port


def monitor(mpid: int, interval_ms: int) -> dict[str, Any]:
    """The columns that make an Interface a maintenance end point (IEEE 802.1ag) with number `mpid` (1 to 2**64 - 1).

    `extended` allows numbers above 8191 and any interval (1 to 65535).
    """
    return {"cfm_mpid": mpid, "other_config": {"cfm_extended": "true", "cfm_interval": str(interval_ms)}}


def correct_monitor(row: Any, actual: Monitor, mpid: int, interval_ms: int) -> None:
    """Make the Interface `row`, which is as `actual` says, such an end point; other keys of `other_config` stay."""
    number, other = actual
    wanted = monitor(mpid, interval_ms)["other_config"]
    if number != mpid:
        row.cfm_mpid = mpid
    if not wanted.items() <= set(other):
        row.other_config = {**dict(other), **wanted}
