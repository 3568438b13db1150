"""The store's two ends: networks as the database has them come out, one transaction at a time goes in.

One greenthread, `run`, owns the connection; the others hand it what to write and wait. Nothing here polls: it wakes for
the socket, for something to write, and when python-ovs wants to reconnect.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import ovs.poller
from eventlet.timeout import Timeout

from ryu_overlay.model.network import Network
from ryu_overlay.store.commit import Commit, Conflict, Refused, StoreAway
from ryu_overlay.store.idl import GreenPoller, OverlayIdl
from ryu_overlay.store.memory import MemoryWriter
from ryu_overlay.store.records import ChassisRecord, FabricMemory
from ryu_overlay.store.replica import Replica

__all__ = ["Conflict", "Refused", "Store", "StoreAway"]

LOG = logging.getLogger(__name__)

PATIENCE = 8.0
"""Seconds that a commit waits for the database: enough for a cluster to choose another leader."""


class Store:
    """The database at `remote`: "unix:/path" or, for a cluster, "tcp:a:6641,tcp:b:6641,tcp:c:6641".

    `on_network` is called with each new network in order of revision, `on_fabric` with each new memory; both for the
    first time when the database has been received whole. One call may stand for several transactions, never for a part
    of one. They are called in the greenthread of `run`: they must not wait for a commit, and should be short.
    """

    def __init__(
        self,
        remote: str,
        on_network: Callable[[Network], None],
        on_fabric: Callable[[FabricMemory], None],
        patience: float = PATIENCE,
    ) -> None:
        self._idl = OverlayIdl(remote)
        self._replica = Replica()
        self._on_network = on_network
        self._on_fabric = on_fabric
        self._patience = patience
        self._seen = False
        self._stale = True
        self._commits: list[Commit] = []
        self._memory = MemoryWriter()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def network(self) -> Network:
        """The newest network seen; revision 0 until the database answered."""
        return self._replica.network

    @property
    def memory(self) -> FabricMemory:
        """The newest memory of the fabric seen."""
        return self._replica.memory

    @property
    def connected(self) -> bool:
        """Whether `network` is what the database holds now, not what it held before the connection was lost."""
        return self._seen and not self._stale

    def run(self) -> None:
        """Serve the connection, for ever; to be run in a greenthread of its own. Whoever kills it calls `close` after."""
        while True:
            self._idl.run()
            self._take_in()
            if not self._stale:
                self._settle()
                self._memory.settle(self.memory, self.network, self._idl)
            self._wait()

    def close(self) -> None:
        """Close the connection, when `run` has ended."""
        self._idl.close()
        os.close(self._wake)

    def commit(self, old: Network, new: Network) -> Network:
        """Write what leads from `old` to `new` in one transaction, and return when it is stored and seen.

        The network returned includes it; it is `new` itself if `old` was `network` and nobody else wrote meanwhile.
        Raises Conflict if the database has left `old`'s revision, StoreAway if it did not answer in time, Refused if
        it breaks the schema, ValueError if `new` is not of a later revision or holds text OVSDB cannot.
        """
        if new.revision <= old.revision:
            raise ValueError(f"revision {new.revision} does not follow {old.revision}")
        commit = Commit(old, new)
        self._commits.append(commit)
        self._wake_up()
        away = StoreAway(f"the database did not answer within {self._patience:g} s")
        try:
            with Timeout(self._patience, away):
                network: Network = commit.answer.wait()
                return network
        finally:
            self._commits.remove(commit)

    def remember(
        self,
        chassis: Mapping[str, ChassisRecord | None],
        bindings: Mapping[str, str | None],
        notes: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        """Keep facts about the fabric: chassis by name, by port UUID the chassis it is bound on, notes by name; None forgets.

        Returns at once; what is given is written soon, together with whatever else came, and tried again until stored.
        Raises ValueError for text that OVSDB cannot hold.
        """
        self._memory.add(chassis, bindings, notes)
        self._wake_up()

    def _take_in(self) -> None:
        """Show what the last messages brought. After a new connection the database comes whole, so compare it whole."""
        if not self._idl.current:
            self._stale = True
            return
        changed = self._idl.take_changed()
        network, memory = self.network, self.memory
        if self._stale:
            self._replica.reload(self._rows)
            self._stale = False
        elif changed:
            self._replica.advance(self._rows, changed, [c.step for c in self._commits])
        if not self._seen or self.network is not network:
            _tell(self._on_network, self.network)
        if not self._seen or self.memory is not memory:
            _tell(self._on_fabric, self.memory)
        self._seen = True

    def _rows(self, table: str) -> Mapping[UUID, Any]:
        rows: Mapping[UUID, Any] = self._idl.tables[table].rows
        return rows

    def _settle(self) -> None:
        for commit in self._commits:
            if not commit.answer.ready():
                commit.settle(self.network, self._idl)

    def _wait(self) -> None:
        poller = GreenPoller()
        self._idl.wait(poller)
        poller.fd_wait(self._wake, ovs.poller.POLLIN)
        if self._memory.pause > 0:
            poller.timer_wait(self._memory.pause * 1000)
        poller.block()
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def _wake_up(self) -> None:
        os.eventfd_write(self._wake, 1)


def _tell(listener: Callable[[Any], None], value: Any) -> None:
    """Call a listener; its failure must not end the connection for everybody else."""
    try:
        listener(value)
    except Exception:
        LOG.exception("a listener of the store failed")
