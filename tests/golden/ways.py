"""The words in which a packet's way is told, whoever worked it out, and the reference walk told in them.

A way is a list of legs: the packet's own, then its answer's. A leg says position by position, each with its chassis, where
the packet was, and how that ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ryu_overlay.fabric.placement import NOWHERE, Fabric, Spot
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.walk_rules import is_group
from ryu_overlay.model.walk_values import (
    Answered,
    AnswerKind,
    Arp,
    AtPort,
    AtRouter,
    Delivered,
    Dropped,
    DropReason,
    Ip,
    Packet,
    Path,
)
from ryu_overlay.pipeline.cookies import Feature

AT_ONCE = (AnswerKind.ARP_REPLY, AnswerKind.ECHO_REPLY)
"""Answered by the flows themselves; everything else by the controller."""


@dataclass(frozen=True)
class Leg:
    """Where a packet was, and how it ended."""

    path: tuple[str, ...]
    end: str


Way = tuple[Leg, ...]


def from_port(chassis: str, ref: Ref) -> str:
    return f"{chassis} from {'/'.join(ref)}"


def to_port(chassis: str, ref: Ref) -> str:
    return f"{chassis} to {'/'.join(ref)}"


def in_switch(chassis: str, ref: Ref) -> str:
    return f"{chassis} switch {'/'.join(ref)}"


def in_router(chassis: str, ref: Ref, in_port: Ref | None, out_port: Ref | None) -> str:
    came, goes = (port[-1] if port is not None else "-" for port in (in_port, out_port))
    return f"{chassis} router {'/'.join(ref)} {came} > {goes}"


def delivered(to: Iterable[tuple[str, Packet]]) -> str:
    """Handed to the ports with these names."""
    return "delivered: " + (", ".join(sorted(f"{name} {describe(packet)}" for name, packet in to)) or "nobody")


def describe(packet: Packet) -> str:
    """All of a packet that a network can change."""
    body, macs = packet.body, f"{packet.eth_src}>{packet.eth_dst}"
    if isinstance(body, Arp):
        return f"{macs} arp {body.op} {body.sha} {body.spa} > {body.tha} {body.tpa}"
    if not isinstance(body, Ip):
        return f"{macs} 0x{body:04x}"
    l4 = "fragment" if body.later_fragment else f"{body.l4[0]}/{body.l4[1]}"
    return f"{macs} {body.src}>{body.dst} ttl {body.ttl} proto {body.proto} {l4}{' rst' if body.rst else ''}"


@dataclass(frozen=True)
class Teller:
    """Tells paths of the reference walk, on a fabric, for packets that came in on `chassis`."""

    network: Network
    fabric: Fabric
    chassis: str

    def way(self, path: Path) -> Way:
        """The way of a path and of what it was answered with."""
        outcome = path.outcome
        if isinstance(outcome, Answered):
            word = "answered" if outcome.kind in AT_ONCE else "punted"
            return Leg(self._hops(path), f"{word}: {outcome.kind.name.lower()}"), *self.way(outcome.way_back)
        end = self._dropped(outcome) if isinstance(outcome, Dropped) else self._delivered(path, outcome)
        return (Leg(self._hops(path), end),)

    def _hops(self, path: Path) -> tuple[str, ...]:
        """Every position, flooded packets' last ones in order of name."""
        words = []
        last = []
        for position in (hop.position for hop in path.hops):
            if isinstance(position, AtRouter):
                words.append(in_router(self.chassis, position.ref, position.in_port, position.out_port))
            elif not isinstance(position, AtPort):
                words.append(in_switch(self.chassis, position.ref))
            elif position.direction == "from":
                words.append(from_port(self.chassis, position.ref))
            else:
                last += self._arrival(position.ref, isinstance(path.outcome, Dropped))
        return (*words, *sorted(last))

    def _arrival(self, ref: Ref, dropped: bool) -> list[str]:
        """A disabled port's packets are dropped where they came in; what is bound nowhere is not arrived at."""
        spot = self._spot(ref)
        if spot is None or (spot.ofport is None and not (dropped and spot.chassis != self.chassis)):
            return []
        return [to_port(self.chassis if dropped else spot.chassis, ref)]

    def _delivered(self, path: Path, outcome: Delivered) -> str:
        arrived = [(port, packet) for port, packet in outcome.to if self._arrival(port.ref, False)]
        if arrived or is_group(path.hops[-1].packet.eth_dst):
            return delivered((port.name, packet) for port, packet in arrived)
        return self._lost(outcome.to[0][0])

    def _lost(self, port: Port) -> str:
        spot = self._spot(port.ref)
        reason = Feature.DROP_NOT_BOUND if spot is None or spot.chassis == self.chassis else Feature.DROP_STALE_TUNNEL
        return f"dropped: {reason.reason}"

    def _dropped(self, outcome: Dropped) -> str:
        at = outcome.at
        if isinstance(at, AtPort) and at.direction == "to" and not self._arrival(at.ref, True):
            return f"dropped: {Feature.DROP_NOT_BOUND.reason}"
        return f"{'dropped' if is_flow_drop(outcome.reason) else 'punted'}: {outcome.reason.name.lower()}"

    def _spot(self, ref: Ref) -> Spot | None:
        return self.fabric.placements.get(ref[:2], NOWHERE).spots.get(self.network.tables["port"][ref].key)


def is_flow_drop(reason: DropReason) -> bool:
    """Whether flows drop for this reason; else they send the packet to the controller, which does not answer."""
    return f"DROP_{reason.name}" in Feature.__members__
