"""The flows with which bridges look at packets for a capture: on top of a table's own, and without changing what becomes of them.

A packet that is looked at is looked up in the same table once more, with a bit set by which it is not looked at again; the bit is
taken back behind that, so that copies of a packet that is flooded are looked at one by one. Of probes nothing is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_overlay.oam.filters import Filter, both
from ryu_overlay.oam.points import Site
from ryu_overlay.openflow.actions import Action, Resubmit
from ryu_overlay.openflow.actions_nicira import Controller, Load
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import PROBE, SEEN
from ryu_overlay.pipeline.table import Match

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


def _flows(look: Look, wanted: Filter, snaplen: int) -> Iterator[tuple[str, Flow]]:
    unseen: Match = {PROBE.field: (0, 1), SEEN.field: (0, 1 << look.bit)}
    why = Why(Feature.PUNT_OBSERVED, key=look.number)
    for place in look.site.places:
        again = Resubmit(place.table.number)
        mark, unmark = (Load(SEEN.field, value, look.bit, 1) for value in (1, 0))
        then: tuple[Action, ...] = (Controller(snaplen, look.meter), mark, again, unmark)
        for match in wanted.matches:
            meant = both(place.match, match)
            if meant is not None:
                yield place.chassis, place.table.flow("observe", {**meant, **unseen}, then, why=why)
