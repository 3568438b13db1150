"""Ways of packets as compiled flows make them: traced from chassis to chassis, and answered by the real responder.

Positions are read from the cookies of the flows met, so this also shows that each flow names the right logical object.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref, RouterPort
from ryu_overlay.model.walk_values import Packet
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.flow import Flow, make_match
from ryu_overlay.openflow.messages import PACKET_IN, message
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT
from ryu_overlay.pipeline.tables import (
    LR_IN_ADMIT,
    LR_IN_SERVICE,
    LR_OUT_PORT,
    LS_IN_ARP,
    LS_IN_LOOKUP,
    LS_OUT_PORT,
    PHY_IN_PORT,
)
from tests.golden.packets import from_frame, to_frame
from tests.golden.rig import Rig
from tests.golden.tracing import Output, Punt, Trace
from tests.golden.ways import Leg, Way, delivered, from_port, in_router, in_switch, to_port

_FRAME_AT = 24


@dataclass
class _Reading:
    """A way in the making: the legs that ended, the path of the one that did not, and where the packet is in it."""

    network: Network
    chassis: str
    sender: Ref | None = None
    switch: Ref | None = None
    router: Ref | None = None
    in_port: RouterPort | None = None
    legs: list[Leg] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    arrivals: list[str] = field(default_factory=list)
    why: Why | None = None

    def read(self, trace: Trace) -> None:
        """Go where the flows of a trace say."""
        for step in trace.steps:
            self.why = read_cookie(step.cookie)
            assert self.why is not None, trace.text
            if not step.held_back:
                self._at(step.table, self.why, self.network.by_key.get(self.why.key))

    def answer_arp(self) -> None:
        """The flows answered an ARP request: what follows is the answer's leg, back to who asked."""
        assert self.switch is not None and self.sender is not None
        self.path.append(in_switch(self.chassis, self.switch))
        self.end("answered: arp_reply")
        self.arrivals.append(to_port(self.chassis, self.sender))

    def end(self, how: str) -> None:
        """The leg ended."""
        if self.router is not None:
            self.leave_router(None)
        self.legs.append(Leg((*self.path, *sorted(self.arrivals)), how))
        self.path, self.arrivals = [], []

    def leave_router(self, out_port: RouterPort | None) -> None:
        assert self.router is not None
        came = self.in_port.ref if self.in_port is not None else None
        self.path.append(in_router(self.chassis, self.router, came, out_port.ref if out_port is not None else None))
        self.router = self.in_port = None

    def _at(self, table: int, why: Why, obj: Any) -> None:
        if table == PHY_IN_PORT.number and isinstance(obj, Port):
            self.path.append(from_port(self.chassis, obj.ref))
            self.sender, self.switch = obj.ref, (obj.tenant, obj.switch)
        elif table == LS_IN_LOOKUP.number and self.switch is not None:
            self.path.append(in_switch(self.chassis, self.switch))
            self.in_port = obj if why.feature is Feature.ROUTING else None
        elif table == LR_IN_ADMIT.number:
            assert self.in_port is not None
            self.router = (self.in_port.tenant, self.in_port.router)
        elif table == LR_IN_SERVICE.number and why.feature is Feature.ROUTER_ADDRESS:
            router = self.router
            self.end("answered: echo_reply")
            self.router = router
        elif table == LR_OUT_PORT.number and isinstance(obj, RouterPort):
            self._out(obj)
        elif table == LS_OUT_PORT.number and why.feature in (Feature.BINDING, Feature.DROP_PORT_DISABLED):
            self.arrivals.append(to_port(self.chassis, obj.ref))

    def _out(self, port: RouterPort) -> None:
        self.leave_router(port)
        if port.switch is not None:
            self.switch = (port.tenant, port.switch)
        else:
            self.in_port = self.network.router_views[port.tenant, port.router].peers[port.name]


class Follower:
    """Follows packets over the bridges of a rig that hold the programs of `network` on `fabric`."""

    def __init__(self, rig: Rig, network: Network, fabric: Fabric) -> None:
        self._rig = rig
        self._network = network
        self._responder = Responder()
        self._responder.network(network)
        self._spots = {
            (spot.chassis, spot.ofport): port
            for ref, placement in fabric.placements.items()
            for port in network.switch_views[ref].ports
            if (spot := placement.spots.get(port.key)) is not None
        }

    def from_port(self, chassis: str, ofport: int, packet: Packet, dp_hash: int = 1) -> Way:
        """The way of a packet that a VIF sends. `dp_hash` (1 to 2**32 - 1) stands for the connection's hash."""
        trace = self._rig.trace(chassis, f"in_port={ofport},dp_hash={dp_hash}", packet)
        return self._follow(_Reading(self._network, chassis), trace, dp_hash)

    def from_tunnel(self, chassis: str, other: str, vni: int, packet: Packet) -> Way:
        """The way of a packet that arrives by the tunnel from another chassis."""
        trace = self._arrive(chassis, other, vni, packet)
        return self._follow(_Reading(self._network, chassis), trace, 1)

    def _arrive(self, chassis: str, other: str, vni: int, packet: Packet) -> Trace:
        return self._rig.trace(chassis, f"in_port={self._rig.chassis[chassis].tunnels[other]},tun_id=0x{vni:x}", packet)

    def _follow(self, reading: _Reading, trace: Trace, dp_hash: int) -> Way:
        reading.read(trace)
        if trace.warnings:
            reading.end(f"lost: {', '.join(trace.warnings)}")
        elif trace.punts:
            self._punted(reading, trace, dp_hash)
        else:
            self._sent(reading, trace)
        return tuple(reading.legs)

    def _punted(self, reading: _Reading, trace: Trace, dp_hash: int) -> None:
        (punt,) = trace.punts
        why = read_cookie(punt.cookie)
        assert why is not None and not trace.outputs, trace.text
        reading.end(f"punted: {why.feature.name.removeprefix('PUNT_').lower()}")
        packet_out = self._responder.answer(_packet_in(punt))
        if packet_out is None:
            return
        (length,) = struct.unpack_from("!H", packet_out, 16)
        answer = from_frame(packet_out[_FRAME_AT + length :])
        reading.router = self._network.by_key[punt.datapath].ref
        self._follow(reading, self._rig.trace_out(reading.chassis, packet_out, answer, dp_hash), dp_hash)

    def _sent(self, reading: _Reading, trace: Trace) -> None:
        tables = {step.table for step in trace.steps}
        if LS_IN_ARP.number in tables and LS_IN_LOOKUP.number not in tables:
            reading.answer_arp()
        arrived: list[tuple[str, Packet]] = []
        for output in trace.outputs:
            if output.tunnel is None:
                arrived.append(self._handed_over(reading.chassis, output))
            else:
                arrived += self._beyond(reading, output.tunnel, output.packet)
        flooded = any(Feature.FLOODING is _feature(step.cookie) for step in trace.steps)
        reading.end(delivered(arrived) if arrived or flooded else _dropped(reading.why))

    def _handed_over(self, chassis: str, output: Output) -> tuple[str, Packet]:
        there, ofport = self._rig.port(output.port)
        assert there == chassis
        return self._spots[chassis, ofport].name, output.packet

    def _beyond(self, reading: _Reading, tunnel: tuple[IPv4Address, int], packet: Packet) -> list[tuple[str, Packet]]:
        """Whom a packet reaches at the other end of a tunnel."""
        remote, vni = tunnel
        here, there = self._rig.tunnel(remote)
        assert here == reading.chassis
        trace = self._arrive(there, here, vni, packet)
        assert not trace.punts and not trace.warnings, trace.text
        beyond = _Reading(self._network, there)
        beyond.read(trace)
        reading.arrivals += beyond.arrivals
        reading.why = beyond.why
        return [self._handed_over(there, output) for output in trace.outputs]


def _feature(cookie: int) -> Feature | None:
    why = read_cookie(cookie)
    return None if why is None else why.feature


def _dropped(why: Why | None) -> str:
    """How a packet ended whose last flow had this reason."""
    assert why is not None and why.feature.is_drop, why
    if why.feature is Feature.DROP_UNKNOWN_MAC and why.key:
        return delivered(())
    return f"dropped: {why.feature.reason}"


def _packet_in(punt: Punt) -> bytes:
    """The packet-in (OpenFlow 1.3.5 section 7.4.1) that a punt is."""
    match = make_match({IN_LPORT.field: punt.in_lport, DATAPATH.field: punt.datapath})
    oxm = Flow(0, 0, match, Instructions(), 0).match_bytes
    frame = to_frame(punt.packet)
    head = struct.pack("!IHBBQHH", 0xFFFFFFFF, len(frame), 1, 0, punt.cookie, 1, 4 + len(oxm))
    return message(PACKET_IN, head + oxm + bytes(-(4 + len(oxm)) % 8) + bytes(2) + frame)
