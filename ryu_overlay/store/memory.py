"""Facts about the fabric on their way into the database: gathered, written together, tried again until stored."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from ryu_overlay.model.network import Network
from ryu_overlay.store.cells import checked
from ryu_overlay.store.idl import OverlayIdl, Write
from ryu_overlay.store.operations import memory_operations
from ryu_overlay.store.records import ChassisRecord, FabricMemory

LOG = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds before facts that the database refused are tried again (another controller may have written the same row)."""

Chassis = Mapping[str, "ChassisRecord | None"]
Bindings = Mapping[str, "str | None"]
Notes = Mapping[str, "str | None"]


class MemoryWriter:
    """What is to be remembered and not stored yet. At most one transaction is under way."""

    def __init__(self) -> None:
        self._chassis: dict[str, ChassisRecord | None] = {}
        self._bindings: dict[str, str | None] = {}
        self._notes: dict[str, str | None] = {}
        self._write: Write | None = None
        self._sent: tuple[Chassis, Bindings, Notes] = ({}, {}, {})
        self._not_before = 0.0

    @property
    def pause(self) -> float:
        """Seconds until there may be something to do that nothing else announces; 0 or less if there is not."""
        return self._not_before - time.monotonic()

    def add(self, chassis: Chassis, bindings: Bindings, notes: Notes) -> None:
        """Want these too; a later fact replaces an earlier one. Raises ValueError for text that OVSDB cannot hold."""
        memory_operations(chassis, {}, notes, FabricMemory(), Network())
        for name in filter(None, bindings.values()):
            checked(name)
        self._chassis.update(chassis)
        self._bindings.update(bindings)
        self._notes.update(notes)

    def settle(self, held: FabricMemory, network: Network, idl: OverlayIdl) -> None:
        """Take the answer, if it has come, and send what the memory (`held` now) does not show yet."""
        if self._write is not None:
            if not self._write.answered and not self._write.lost:
                return
            self._take_answer(self._write)
            self._write = None
        if self.pause > 0 or not (self._chassis or self._bindings or self._notes):
            return
        operations = memory_operations(self._chassis, self._bindings, self._notes, held, network)
        if operations:
            self._write = Write(idl, operations)
            self._sent = dict(self._chassis), dict(self._bindings), dict(self._notes)
        else:
            self._chassis.clear()
            self._bindings.clear()
            self._notes.clear()

    def _take_answer(self, write: Write) -> None:
        if write.errors:
            LOG.warning("facts about the fabric were refused, and will be tried again: %s", write.errors)
            self._not_before = time.monotonic() + RETRY
        elif write.answered:
            chassis, bindings, notes = self._sent
            self._chassis = {k: v for k, v in self._chassis.items() if chassis.get(k, self) is not v}
            self._bindings = {k: v for k, v in self._bindings.items() if bindings.get(k, self) is not v}
            self._notes = {k: v for k, v in self._notes.items() if notes.get(k, self) is not v}
