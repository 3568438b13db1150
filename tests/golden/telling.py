"""The reference walk told in the words of a way: which chassis each of its places is on, given a fabric.

The walk knows no chassis. All of a packet's way is worked out where it comes in, until it crosses an uplink: on the chassis of a
floating IP's port if that translates it, else on the uplink's gateway. From the wire the chassis takes it that holds the MAC.
"""

from __future__ import annotations

from dataclasses import dataclass

from ryu_overlay.fabric.placement import NOWHERE, Fabric, Spot
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.model.external import inside_of, own_addresses
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.walk import Facts
from ryu_overlay.model.walk_rules import is_group
from ryu_overlay.model.walk_values import (
    ARP_REQUEST,
    NOT_KNOWN,
    Answered,
    AnswerKind,
    Arp,
    AtBalancer,
    AtBorder,
    AtExternal,
    AtPort,
    AtRouter,
    Delivered,
    Dropped,
    DropReason,
    Hop,
    Ip,
    Learned,
    Left,
    Packet,
    Path,
)
from ryu_overlay.pipeline.cookies import Feature
from tests.golden.ways import (
    ON_THE_WIRE,
    Leg,
    Way,
    at_balancer,
    at_border,
    delivered,
    from_port,
    in_external,
    in_router,
    in_switch,
    left,
    to_port,
)

AT_ONCE = (AnswerKind.ARP_REPLY, AnswerKind.ECHO_REPLY)
"""Answered by the flows themselves; everything else by the controller."""


def facts_of(network: Network, fabric: Fabric) -> Facts:
    """What of a fabric the walk has to know."""
    bound = {key for placement in fabric.placements.values() for key in placement.spots}
    members = [pair for views in network.balancers.values() for view in views for pair in view.members]
    out_of_service = frozenset(m.key for m, port in members if m.key in fabric.dead or port.key not in bound)
    return Facts(fabric.mtu, fabric.neighbours, out_of_service)


@dataclass(frozen=True)
class Teller:
    """Tells paths of packets that came in on `chassis`, or from the wire."""

    network: Network
    fabric: Fabric
    chassis: str = ON_THE_WIRE

    def way(self, path: Path) -> Way:
        """The way of a path and of what it was answered with."""
        return _Telling(self.network, self.fabric, self.chassis).way(path)


@dataclass
class _Telling:
    """`at` is the chassis where the packet is, `home` the uplink that brought it there, if it is to leave by it there too."""

    network: Network
    fabric: Fabric
    at: str
    home: Ref | None = None

    def way(self, path: Path) -> Way:
        words: list[str] = []
        last: list[str] = []
        for hop in path.hops:
            if isinstance(hop.position, AtPort) and hop.position.direction == "to":
                last += self._arrival(hop.position.ref, isinstance(path.outcome, Dropped))
            else:
                words += self._hop(hop)
        outcome = path.outcome
        places = (*words, *sorted(last))
        if isinstance(outcome, Answered):
            self.home = outcome.by if outcome.by in self._uplinks() else None
            word = "answered" if outcome.kind in AT_ONCE else "punted"
            return Leg(places, f"{word}: {outcome.kind.name.lower()}"), *self.way(outcome.way_back)
        if isinstance(outcome, Left):
            unresolved = outcome.packet.eth_dst == NOT_KNOWN
            return (Leg(places, "punted: unresolved" if unresolved else left(outcome.network, outcome.packet)),)
        if isinstance(outcome, Learned):
            return (Leg((in_external(ON_THE_WIRE, outcome.network),), "punted: arp"),)
        return (Leg(places, self._dropped(outcome) if isinstance(outcome, Dropped) else self._delivered(path, outcome)),)

    def _hop(self, hop: Hop) -> list[str]:
        position = hop.position
        if isinstance(position, AtRouter):
            if position.out_port is not None and position.out_port not in self._uplinks():
                self.home = None
            return [in_router(self.at, position.ref, position.in_port, position.out_port)]
        if isinstance(position, AtBorder):
            self.at = self._crossing(position, hop.packet) if position.direction == "out" else self.at
            self.home = position.ref
            return [at_border(self.at, position.ref, position.direction, position.by, position.known)]
        if isinstance(position, AtBalancer):
            return [at_balancer(self.at, position.by)]
        if isinstance(position, AtExternal):
            return self._outside(position, hop.packet)
        return [from_port(self.at, position.ref) if isinstance(position, AtPort) else in_switch(self.at, position.ref)]

    def _crossing(self, position: AtBorder, packet: Packet) -> str:
        """The chassis where a packet leaves by the uplink."""
        view = self.network.router_views[position.ref[:2]]
        here = [(f, port) for f, port in view.floating_ips if self._homes(view).get(f.key) == self.at]
        assert isinstance(packet.body, Ip)
        is_home = any(inside_of(f, port) == packet.body.src for f, port in here)
        known_here = position.known and packet.body.about is not None and any(position.by == f for f, _ in here)
        if self.home == position.ref or is_home or known_here:
            return self.at
        return self.fabric.gateways[position.ref][0]

    def _outside(self, position: AtExternal, packet: Packet) -> list[str]:
        """Where it leaves, and where it comes in again."""
        words = [] if self.at == ON_THE_WIRE else [in_external(self.at, position.ref)]
        holder = self._holder(position.ref, packet)
        if holder not in (None, self.at):
            self.at = holder or self.at
            words.append(in_external(self.at, position.ref))
        return words or [in_external(ON_THE_WIRE, position.ref)]

    def _holder(self, network: Ref, packet: Packet) -> str | None:
        """The chassis that takes it from the wire: by the address that an ARP request asks for, else by MAC."""
        arp = packet.body
        asked = arp.tpa if isinstance(arp, Arp) and arp.op == ARP_REQUEST else None
        by_mac = None
        for view in self.network.external_views[network].routers:
            assert view.uplink is not None
            gateway, here = self.fabric.gateways[view.uplink.ref][0], self._homes(view)
            held = [(view.uplink.mac, own_addresses(view), gateway)]
            held += [(f.mac, (f.address,), here.get(f.key, gateway)) for f, _ in view.floating_ips]
            for mac, addresses, chassis in held:
                if asked in addresses:
                    return chassis
                by_mac = chassis if mac == packet.eth_dst else by_mac
        return by_mac

    def _homes(self, view: RouterView) -> dict[int, str]:
        return homes(view, self.fabric.placements, self.fabric.physical)

    def _uplinks(self) -> set[Ref]:
        return {port.ref for port in self.network.tables["router_port"].values() if port.external is not None}

    def _arrival(self, ref: Ref, dropped: bool) -> list[str]:
        """A disabled port's packets are dropped where they came in; what is bound nowhere is not arrived at."""
        spot = self._spot(ref)
        if spot is None or (spot.ofport is None and not (dropped and spot.chassis != self.at)):
            return []
        return [to_port(self.at if dropped else spot.chassis, ref)]

    def _delivered(self, path: Path, outcome: Delivered) -> str:
        arrived = [(port, packet) for port, packet in outcome.to if self._arrival(port.ref, False)]
        if arrived or is_group(path.hops[-1].packet.eth_dst):
            return delivered((port.name, packet) for port, packet in arrived)
        return self._lost(outcome.to[0][0])

    def _lost(self, port: Port) -> str:
        spot = self._spot(port.ref)
        reason = Feature.DROP_NOT_BOUND if spot is None or spot.chassis == self.at else Feature.DROP_STALE_TUNNEL
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
