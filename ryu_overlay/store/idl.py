"""python-ovs' IDL for our database, under eventlet: what changed, one transaction, and waiting without blocking others.

It knows tables and rows, not what they mean. Nothing here may be called from two greenthreads at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import eventlet
import ovs.db.idl
import ovs.poller
from eventlet.green import select

from ryu_overlay.store.convert import columns
from ryu_overlay.store.session import FastSession

DATABASE = "Ryu_Overlay"
SCHEMA_FILE = Path(__file__).with_name("overlay.ovsschema")
BACKOFF_MS = (100, 1000)
"""First and longest pause between attempts to connect. python-ovs' own 1 to 8 s is meant for switches by the thousand."""

Changed = dict[str, dict[UUID, Any]]


class OverlayIdl(ovs.db.idl.Idl):  # type: ignore[misc]
    """A replica of the database, following the leader if it is a cluster.

    `changed` gathers, by table and row UUID, the rows that changed (None: deleted) until `take_changed`.
    """

    _session: Any

    def __init__(self, remote: str) -> None:
        helper = ovs.db.idl.SchemaHelper(location=str(SCHEMA_FILE))
        for table, names in columns():
            helper.register_columns(table, list(names))
        super().__init__(remote, helper)
        plain = self._session
        self._session = FastSession(plain.reconnect, None, plain.remotes)
        self._session.pick_remote()
        plain.reconnect.min_backoff, plain.reconnect.max_backoff = BACKOFF_MS
        self._changed: Changed = {}

    @property
    def current(self) -> bool:
        """Whether the whole database has been received on the present connection. (`state` alone outlives connections.)"""
        session = self._session
        here = session.is_connected() and session.get_seqno() == self._last_seqno
        return bool(here and self.state == self.IDL_S_MONITORING)

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        self._changed.setdefault(row._table.name, {})[row.uuid] = None if event == ovs.db.idl.ROW_DELETE else row

    def take_changed(self) -> Changed:
        """The rows that changed since this was last called."""
        changed, self._changed = self._changed, {}
        return changed


class Write(ovs.db.idl.Transaction):  # type: ignore[misc]
    """Operations (RFC 7047 section 5.2) sent as one transaction.

    `status` is INCOMPLETE until the server answers or the connection is lost. `answered` tells which it was, and
    `errors` are the server's reasons for refusing: (error, details).
    """

    def __init__(self, idl: OverlayIdl, operations: Iterable[dict[str, Any]]) -> None:
        super().__init__(idl)
        self.answered = False
        self.errors: list[tuple[str, str]] = []
        for operation in operations:
            self.add_op(operation)
        self.commit()

    @property
    def lost(self) -> bool:
        """The connection went before the answer came: it may be stored or not."""
        return not self.answered and self._status != self.INCOMPLETE

    def _process_reply(self, msg: Any) -> None:
        self.answered = True
        super()._process_reply(msg)
        if msg.type == ovs.jsonrpc.Message.T_ERROR:
            self.errors = [(str(msg.error), "")]
        else:
            failed = [op for op in msg.result if isinstance(op, dict) and "error" in op]
            self.errors = [(op["error"], op.get("details", "")) for op in failed]


class GreenPoller:
    """What `ovs.poller.Poller` does, waiting in eventlet's hub whether or not `select` was monkey-patched."""

    def __init__(self) -> None:
        self._read: list[Any] = []
        self._write: list[Any] = []
        self._timeout: float | None = None

    def fd_wait(self, fd: Any, events: int) -> None:
        """Wake up when `fd` (a number or something with fileno()) is ready for `events` (POLLIN, POLLOUT)."""
        if events & ovs.poller.POLLIN:
            self._read.append(fd)
        if events & ovs.poller.POLLOUT:
            self._write.append(fd)

    def timer_wait(self, msec: float) -> None:
        """Wake up after `msec` milliseconds at the latest."""
        seconds = max(0.0, msec / 1000)
        self._timeout = seconds if self._timeout is None else min(self._timeout, seconds)

    def immediate_wake(self) -> None:
        self._timeout = 0

    def block(self) -> None:
        """Wait for the first of what was asked for; others run meanwhile, even if there is nothing to wait for."""
        if self._timeout == 0:
            eventlet.sleep(0)
        else:
            select.select(self._read, self._write, [], self._timeout)
