"""All that was seen of one packet, put in order: on which chassis it was, and which tunnels it took from one to the next.

Packet-ins of one bridge come in order, those of different ones do not. So a stay on a chassis is what one bridge tells from
where the packet comes in, and the next stay is the one at the other end of the tunnel. Time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import FRAG_LATER, IP_FRAG, TUN_ID
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import HELD, OFPORT, PROBE, ROUTERS_AT, TUNNEL
from ryu_overlay.pipeline.tables import EXT_IN, EXT_LOOKUP, EXT_OWNER, LR_IN_ADMIT, PHY_IN_PORT, PHY_IN_TUNNEL, PHY_OUT

VNI = (1 << 22) - 1
"""The bits of a tunnel's VNI that name the network."""

_NOT_FOR_IT = (PHY_IN_PORT.number, EXT_IN.number, EXT_OWNER.number, EXT_LOOKUP.number)

End = Literal["under_way", "out", "into_tunnel", "caught", "sent_up", "held"]
"""Where a packet is for all that is known: between two tables, out of a port that is no tunnel, in a tunnel, where it would be
dropped, at the controller to be answered, or there to be sent on."""


@dataclass(slots=True)
class Stay:
    """A packet on one chassis, from where it came in."""

    chassis: str
    seen: list[Sighting] = field(default_factory=list)

    @property
    def last(self) -> Sighting:
        """Where it was seen last. A stay begins with a sighting, so there is one."""
        return self.seen[-1]

    @property
    def end(self) -> End:
        """How the stay ends, for all that is known."""
        last = self.last
        if last.feature is Feature.PUNT_CAUGHT:
            return "caught"
        if last.feature is not Feature.PUNT_SEEN:
            return "sent_up"
        if last.table == LR_IN_ADMIT.number and last.register(PROBE) >> ROUTERS_AT == HELD:
            return "held"
        if last.table != PHY_OUT.number:
            return "under_way"
        return "into_tunnel" if last.register(OFPORT) & TUNNEL else "out"

    @property
    def by_tunnel(self) -> bool:
        """Whether it came by a tunnel."""
        return self.seen[0].table == PHY_IN_TUNNEL.number

    @property
    def vni(self) -> int:
        """Of the tunnel that it went into last."""
        return self.last.state.get(TUN_ID, 0) & VNI

    @property
    def not_for_it(self) -> bool:
        """Whether it came from a wire, and this chassis has nothing to do with it."""
        last = self.last
        return last.feature is Feature.PUNT_CAUGHT and last.table in _NOT_FOR_IT


class Journey:
    """One packet's, from when it was sent (`begun`, seconds by a monotonic clock) at a chassis.

    It begins at several, without a name here, where it comes from a wire: that of those that has to do with it is found out.
    """

    def __init__(self, ident: int, chassis: str, begun: float) -> None:
        self.ident = ident
        self.begun = begun
        self.chassis = chassis
        self.stays: list[Stay] = []
        self.over_wire = False
        """Whether it left on a wire, and was put in again where it would come in."""
        self.expected = 1
        """At how many chassis it was put in by now."""
        self.put_in: tuple[str, ...] = (chassis,) if chassis else ()
        """At which it was put in first."""
        self.crossed: dict[tuple[str, int], float] = {}
        """When the copy in the network's own VNI came by a tunnel, by chassis and VNI."""

    def take(self, seen: Sighting) -> None:
        """One more packet-in."""
        if seen.state.get(IP_FRAG) == FRAG_LATER:
            # Of a packet that a router has cut, the first piece tells the way.
            return
        if seen.feature is Feature.PUNT_CROSSED:
            self.crossed.setdefault((seen.chassis, seen.state.get(TUN_ID, 0) & VNI), seen.at)
            return
        enters = seen.feature is Feature.PUNT_SEEN and seen.table in (PHY_IN_PORT.number, PHY_IN_TUNNEL.number)
        stay = next((s for s in reversed(self.stays) if s.chassis == seen.chassis), None)
        if stay is None or enters:
            stay = Stay(seen.chassis)
            self.stays.append(stay)
        stay.seen.append(seen)

    def way(self) -> list[Stay]:
        """The stays in the order of the packet's way, as far as one leads to the next."""
        rest = [s for s in self.stays if not s.not_for_it]
        if not rest and self.entered >= self.expected:
            rest = sorted(self.stays, key=lambda stay: -len(stay.seen))[:1]
        first = next((s for s in rest if self.chassis in ("", s.chassis) and not s.by_tunnel), None)
        if first is None:
            return []
        way = [first]
        rest.remove(first)
        while (following := _next(way[-1], rest)) is not None:
            way.append(following)
            rest.remove(following)
        return way

    @property
    def end(self) -> End:
        """Where it is. `under_way` also when nobody has seen it."""
        way = self.way()
        return way[-1].end if way else "under_way"

    @property
    def last_seen(self) -> float:
        """When something was heard of it last."""
        return max((s.last.at for s in self.stays), default=self.begun)

    @property
    def entered(self) -> int:
        """How many chassis where it was put in have told of it.

        Those where it came by a tunnel are none of them, and may tell sooner.
        """
        return sum(not stay.by_tunnel for stay in self.stays)

    @property
    def is_told(self) -> bool:
        """Whether every chassis where it was put in has told of it, and none is about to tell more."""
        return self.entered >= self.expected and all(stay.end != "under_way" for stay in self.stays)

    def uncrossed(self) -> list[tuple[Stay, Stay]]:
        """The tunnels on its way, as stays before and after, whose copy in the network's own VNI has not arrived."""
        way = self.way()
        pairs = [(a, b) for a, b in pairwise(way) if b.by_tunnel]
        return [(a, b) for a, b in pairs if (b.chassis, a.vni) not in self.crossed]


def _next(stay: Stay, rest: list[Stay]) -> Stay | None:
    if stay.end == "into_tunnel":
        return next((s for s in rest if s.by_tunnel and s.seen[0].state.get(TUN_ID, 0) & VNI == stay.vni), None)
    if stay.end == "out":
        return next((s for s in rest if not s.by_tunnel), None)
    return None


@dataclass(frozen=True, slots=True)
class Places:
    """What ports of bridges are: by (chassis, OpenFlow port) the logical port bound there, the chassis at a tunnel's other end,
    and the physical network."""

    vifs: Mapping[tuple[str, int], str]
    tunnels: Mapping[tuple[str, int], str]
    patches: Mapping[tuple[str, int], str]
