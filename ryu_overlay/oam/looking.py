"""The flows with which bridges look at packets for a capture: on top of a table's own, and without changing what becomes of them.

A packet that is looked at is looked up in the same table once more, with a bit set by which it is not looked at again; the bit is
taken back behind that, so that copies of a packet that is flooded are looked at one by one. Of probes nothing is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_overlay.oam.filters import Filter, both
from ryu_overlay.oam.points import Site
from ryu_overlay.openflow.actions import Resubmit
from ryu_overlay.openflow.actions_nicira import Controller, Load
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import PROBE, SEEN
from ryu_overlay.pipeline.table import Match, Table

BITS = SEEN.bits - 1
"""Sites that captures can look at at the same time. The register's last bit is for translations that are watched; tenants'
packets have no other use for it."""


@dataclass(frozen=True, slots=True)
class Look:
    """A site to be looked at: by which bit (0 to BITS - 1) it knows what it saw, by which number (1 to 2**24 - 1) its packets
    come to the controller, and the meter that limits how many."""

    site: Site
    bit: int
    number: int
    meter: int


def blocks(looks: Iterable[Look], wanted: Filter, snaplen: int) -> dict[str, Block]:
    """By chassis, the flows for these sites. `snaplen` (1 to 65535) is how many octets of a packet are sent up."""
    found: dict[str, list[Flow]] = {}
    for look in looks:
        for chassis, flow in _flows(look, wanted, snaplen):
            found.setdefault(chassis, []).append(flow)
    return {chassis: Block(tuple(flows)) for chassis, flows in found.items()}


def look_at(table: Table, match: Match, bit: int, number: int, copy: Controller) -> Flow:
    """The flow that sends up a copy of what matches in a table, once, and leaves it as it was. For `bit` and `number` see
    `Look`."""
    unseen: Match = {PROBE.field: (0, 1), SEEN.field: (0, 1 << bit)}
    mark, unmark = (Load(SEEN.field, value, bit, 1) for value in (1, 0))
    then = (copy, mark, Resubmit(table.number), unmark)
    return table.flow("observe", {**match, **unseen}, then, why=Why(Feature.PUNT_OBSERVED, key=number))


def _flows(look: Look, wanted: Filter, snaplen: int) -> Iterator[tuple[str, Flow]]:
    copy = Controller(snaplen, look.meter)
    for place in look.site.places:
        for match in wanted.matches:
            meant = both(place.match, match)
            if meant is not None:
                yield place.chassis, look_at(place.table, meant, look.bit, look.number, copy)
