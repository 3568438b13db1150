"""Which interface carries which iface-id on one chassis. Pure; each change costs what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ryu_overlay.fabric.facts import Vif


class VifIndex:
    """Interfaces with an iface-id and an OpenFlow port, by row.

    Of several interfaces with one iface-id the one whose name sorts first counts, whatever the order they came in.
    """

    def __init__(self) -> None:
        self.chosen: dict[str, Vif] = {}
        self._by_row: dict[UUID, Vif] = {}
        self._rivals: dict[str, dict[UUID, Vif]] = {}
        self._contested: set[str] = set()

    def set(self, row: UUID, vif: Vif | None) -> bool:
        """Say what `row` carries now (None for nothing). Returns whether anything changed."""
        before = self._by_row.get(row)
        if before == vif:
            return False
        if before is not None:
            del self._by_row[row]
            del self._rivals[before.iface_id][row]
            self._choose(before.iface_id)
        if vif is not None:
            self._by_row[row] = vif
            self._rivals.setdefault(vif.iface_id, {})[row] = vif
            self._choose(vif.iface_id)
        return True

    def contested(self) -> Mapping[str, list[str]]:
        """The iface-ids that more than one interface carries, with the interfaces' names; the first is the one that counts."""
        return {i: sorted(vif.interface for vif in self._rivals[i].values()) for i in sorted(self._contested)}

    def _choose(self, iface_id: str) -> None:
        rivals = self._rivals[iface_id]
        if len(rivals) > 1:
            self._contested.add(iface_id)
        else:
            self._contested.discard(iface_id)
        if rivals:
            self.chosen[iface_id] = min(rivals.values(), key=lambda vif: vif.interface)
        else:
            del self._rivals[iface_id]
            del self.chosen[iface_id]
