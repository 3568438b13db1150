"""Ways of packets as compiled flows make them: traced from chassis to chassis, and answered by the real responder.

Positions are read from the cookies of the flows met, so this also shows that each flow names the right logical object.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
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
from tests.golden.tracing import Punt, Trace
from tests.golden.ways import Leg, Way, delivered, from_port, in_router, in_switch, to_port

_FRAME_AT = 24


@dataclass
class _Reading:
    """A way in the making: the legs that ended, the path of the one that did not, and where the packet is in it."""

    network: Network
    chassis: str
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
            self._at(step.table, self.why, self.network.by_key.get(self.why.key))

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
            self.switch = (obj.tenant, obj.switch)
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
        elif trace.outputs:
            self._sent(reading, trace)
        else:
            reading.end(_dropped(reading.why))
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
        arrived: list[tuple[str, Packet]] = []
        lost: list[Why | None] = []
        arp = [s for s in trace.steps if s.table == LS_IN_ARP.number]
        if arp and LS_IN_LOOKUP.number not in {s.table for s in trace.steps}:
            self._answered_arp(reading)
        for output in trace.outputs:
            if output.tunnel is None:
                chassis, ofport = self._rig.port(output.port)
                assert chassis == reading.chassis
                arrived.append((self._spots[chassis, ofport].name, output.packet))
                continue
            remote, vni = output.tunnel
            here, there = self._rig.tunnel(remote)
            assert here == reading.chassis
            beyond = _Reading(self._network, there)
            trace_there = self._arrive(there, here, vni, output.packet)
            beyond.read(trace_there)
            arrived += self._handed_over(trace_there)
            reading.arrivals += beyond.arrivals
            lost.append(beyond.why)
        flooded = reading.why is not None and any(_is_flood(s.cookie) for s in trace.steps)
        reading.end(delivered(arrived) if arrived or flooded else _dropped(lost[0]))
