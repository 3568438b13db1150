"""A probe where a bridge saw it: one packet-in, with the time it was heard of.

Which probe it is of, and what it tells of the way, is for others to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.openflow.headers import headers
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import Register

LOOKING = frozenset(
    {Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_OBSERVED, Feature.PUNT_GUEST, Feature.PROBE}
)
"""What flows are for that tenants' packets do not meet, or that only look at them."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """`at` is in seconds by a monotonic clock. `table` is where the packet is about to be looked up, unless `feature` says that
    it ended there: PUNT_CAUGHT (it would be dropped), or a reason for which routers send packets to the controller.

    `state` is all of the packet that flows can match, registers and headers.
    """

    at: float
    chassis: str
    table: int
    feature: Feature
    state: Mapping[Field, int]
    frame: bytes
    raw: bytes = b""
    """The packet-in itself, where the packet ended."""

    def register(self, register: Register) -> int:
        """A register's value then."""
        return self.state.get(register.field, 0)


def sighting(chassis: str, at: float, data: bytes) -> Sighting | None:
    """What a packet-in tells, None if its flow is none of ours. Raises as `parse_packet_in` does."""
    packet_in = parse_packet_in(data)
    why = read_cookie(packet_in.cookie)
    if why is None:
        return None
    state = {**headers(packet_in.frame), **packet_in.fields}
    raw = b"" if why.feature is Feature.PUNT_SEEN else data
    return Sighting(at, chassis, packet_in.table, why.feature, state, packet_in.frame, raw)


def only_looks(flow: Flow) -> bool:
    """Whether a flow is there for probes or captures."""
    why = read_cookie(flow.cookie)
    return why is not None and why.feature in LOOKING


def met(lookup: Lookup, seen: Sighting) -> Flow | None:
    """The flow that a tenant's packet would meet where the probe was seen, by the program; None: none is there for it."""
    return lookup.find(seen.table, seen.state, only_looks)
