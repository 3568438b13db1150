"""Patch ports between br-int and the bridges of physical networks, and the carrier of such a bridge, as they are.

Reads rows only; knows neither which patch ports should be (`ovsdb_patch_plan`) nor who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ryu_overlay.southbound.ovsdb_ports import Monitor
from ryu_overlay.southbound.ovsdb_replica import first, references

PATCH_MARK = "overlay-patch"
"""Key in an Interface's external_ids: it is one of our patch ports, and its value names the physical network."""

_VIRTUAL = frozenset({"patch", "internal"})


@dataclass(frozen=True, slots=True)
class PatchEnd:
    """An Interface that is ours for the physical network `network`, on whatever bridge. `ofport` is 0 while it has none."""

    network: str
    interface: str
    type: str
    options: tuple[tuple[str, str], ...]
    ofport: int
    monitor: Monitor
    error: str | None


def patch_end(row: Any) -> PatchEnd | None:
    """What the Interface `row` is as a patch port of ours, None if it is none."""
    network = row.external_ids.get(PATCH_MARK)
    if not network:
        return None
    options, other = tuple(sorted(row.options.items())), tuple(sorted(row.other_config.items()))
    ofport = max(first(row.ofport, 0), 0)
    return PatchEnd(network, row.name, row.type, options, ofport, (first(row.cfm_mpid), other), first(row.error))


class Ports:
    """Which interfaces a bridge has, asked of the rows in `tables` each time: only bridges of few ports are asked for."""

    def __init__(self, tables: Any) -> None:
        self._tables = tables

    def of(self, bridge: Any) -> Iterator[tuple[UUID, UUID]]:
        """(Port, Interface) for each interface of the Bridge row `bridge`."""
        for port in references(bridge, "ports"):
            for interface in references(self._tables["Port"].rows[port], "interfaces"):
                yield port, interface

    def carrier(self, bridge: Any) -> bool:
        """Whether a port of `bridge` that is neither patch nor internal has its link up, or there is no such port."""
        rows = (self._tables["Interface"].rows[interface] for _, interface in self.of(bridge))
        physical = [row for row in rows if row.type not in _VIRTUAL]
        return not physical or any(first(row.link_state) == "up" for row in physical)
