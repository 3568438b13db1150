"""Ways of packets as compiled flows make them: traced from chassis to chassis, and answered by the real responder.

Positions are read from the cookies of the flows met, so this also shows that each flow names the right logical object; and what
goes through a tunnel has to be counted at both ends. What a trace cannot do is done in between: connection tracking
(`conntrack`), and the wire of a physical network, which brings what one chassis sends out to all others.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import ExternalNetwork, Ref
from ryu_overlay.model.walk_values import Ip, Packet
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.flow import Flow, make_match
from ryu_overlay.openflow.messages import PACKET_IN, message
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.registers import ANSWER, DATAPATH, HOME, IN_LPORT, NEXT_HOP, OUT_LPORT, TUNNEL
from ryu_overlay.pipeline.table import Table
from ryu_overlay.pipeline.tables import EXT_LOOKUP, EXT_RESOLVE, LS_IN_ARP, LS_IN_LOOKUP, TUN_COUNT_IN, TUN_COUNT_OUT
from tests.golden.conntrack import Conntrack
from tests.golden.packets import from_frame, to_frame
from tests.golden.reading import Reading
from tests.golden.rig import Rig
from tests.golden.tracing import Output, Punt, Trace
from tests.golden.ways import ON_THE_WIRE, Leg, Way, delivered, in_external, left

_FRAME_AT = 24
_SAID = (DATAPATH, IN_LPORT, OUT_LPORT, NEXT_HOP, HOME, ANSWER)
_NOT_MINE = (Feature.DROP_NOT_HERE, Feature.DROP_STANDBY, Feature.DROP_UNKNOWN_IN_PORT)


class Follower:
    """Follows packets over the bridges of a rig that hold the programs of `network` on `fabric`.

    Connections are forgotten before each packet, but for what `keep` is about.
    """

    def __init__(self, rig: Rig, network: Network, fabric: Fabric) -> None:
        self._rig = rig
        self._network = network
        self._fabric = fabric
        self._responder = Responder(lambda: fabric.mtu)
        self._responder.network(network)
        self._conntracks: dict[str, Conntrack] = {}
        self._dp_hash = 1
        self.keep = False
        self._spots = {
            (spot.chassis, spot.ofport): port
            for ref, placement in fabric.placements.items()
            for port in network.switch_views[ref].ports
            if (spot := placement.spots.get(port.key)) is not None
        }

    def from_port(self, chassis: str, ofport: int, packet: Packet, dp_hash: int = 1) -> Way:
        """The way of a packet that a VIF sends. `dp_hash` (1 to 2**32 - 1) stands for the connection's hash."""
        self._begin(dp_hash)
        return self._follow(Reading(self._network, chassis), self._enter(chassis, ofport, packet))

    def from_tunnel(self, chassis: str, other: str, vni: int, packet: Packet) -> Way:
        """The way of a packet that arrives by the tunnel from another chassis."""
        self._begin(1)
        return self._follow(Reading(self._network, chassis), self._arrive(chassis, other, vni, packet))

    def from_patch(self, chassis: str, physical: str, packet: Packet, dp_hash: int = 1) -> Way:
        """The way of a packet that a physical network brings to this chassis."""
        self._begin(dp_hash)
        trace = self._enter(chassis, self._fabric.physical[chassis][physical], packet)
        return self._follow(Reading(self._network, chassis), trace)

    def from_wire(self, external: Ref, packet: Packet, dp_hash: int = 1) -> Way:
        """The way of a packet on the wire of an external network, by the chassis that takes it."""
        self._begin(dp_hash)
        network = self._network.external_views[external].network
        takers = self._takers(network, packet, None)
        if not takers:
            return (Leg((in_external(ON_THE_WIRE, external),), f"dropped: {Feature.DROP_NOT_HERE.reason}"),)
        if all(_is_heard(trace) for _, trace in takers):
            return (Leg((in_external(ON_THE_WIRE, external),), f"punted: {Feature.PUNT_ARP.reason}"),)
        assert len(takers) == 1, [t.text for _, t in takers]
        [(chassis, trace)] = takers
        return self._follow(Reading(self._network, chassis), trace)

    def _begin(self, dp_hash: int) -> None:
        self._dp_hash = dp_hash
        if not self.keep:
            self._conntracks = {name: Conntrack() for name in self._rig.chassis}

    def _enter(self, chassis: str, ofport: int, packet: Packet) -> Trace:
        return self._rig.trace(chassis, f"in_port={ofport},dp_hash={self._dp_hash}", packet)

    def _arrive(self, chassis: str, other: str, vni: int, packet: Packet) -> Trace:
        in_port = f"in_port={self._rig.chassis[chassis].tunnels[other]},tun_id=0x{vni:x},dp_hash={self._dp_hash}"
        return self._rig.trace(chassis, in_port, packet)

    def _read(self, reading: Reading, trace: Trace) -> Trace:
        """Read a trace to its end, through connection tracking as often as it goes there."""
        reading.state = ""
        reading.read(trace)
        while trace.frozen is not None:
            frozen = trace.frozen
            conntrack = self._conntracks[reading.chassis]
            reading.state, packet = conntrack.track(frozen.ct, frozen.packet)
            trace = self._rig.resume(reading.chassis, frozen, reading.state, packet, conntrack.mark)
            reading.read(trace)
        return trace

    def _follow(self, reading: Reading, trace: Trace) -> Way:
        trace = self._read(reading, trace)
        if trace.warnings:
            reading.end(f"lost: {', '.join(trace.warnings)}")
        elif trace.punts:
            self._punted(reading, trace)
        else:
            self._sent(reading, trace)
        return tuple(reading.legs)

    def _punted(self, reading: Reading, trace: Trace) -> None:
        (punt,) = trace.punts
        why = read_cookie(punt.cookie)
        assert why is not None and not trace.outputs, trace.text
        reading.end(f"punted: {why.feature.reason}")
        packet_out = self._responder.answer(packet_in(punt)) if isinstance(punt.packet.body, Ip) else None
        if packet_out is None:
            return
        (length,) = struct.unpack_from("!H", packet_out, 16)
        answer = from_frame(packet_out[_FRAME_AT + length :])
        reading.router = self._network.by_key[punt.registers[DATAPATH.field.name]].ref
        self._follow(reading, self._rig.trace_out(reading.chassis, packet_out, answer, self._dp_hash))

    def _sent(self, reading: Reading, trace: Trace) -> None:
        into = [output.tunnel for output in trace.outputs if output.tunnel is not None]
        assert _counted(trace, TUN_COUNT_OUT) == [self._as_sent(*tunnel) for tunnel in into], trace.text
        tables = {step.table for step in trace.steps}
        onward = next((output for output in trace.outputs if self._leads_on(reading.chassis, output)), None)
        if EXT_LOOKUP.number in tables and EXT_RESOLVE.number not in tables and onward is not None:
            reading.answer_arp_outside()
        if onward is not None:
            self._onward(reading, onward)
            return
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

    def _leads_on(self, chassis: str, output: Output) -> bool:
        """Whether it goes to the wire, or by tunnel to a gateway."""
        if output.tunnel is None:
            there, ofport = self._rig.port(output.port)
            return there == chassis and ofport in self._fabric.physical.get(chassis, {}).values()
        return self._network.vnis[output.tunnel[1]] not in self._network.switch_views

    def _onward(self, reading: Reading, output: Output) -> None:
        if output.tunnel is not None:
            there, trace = self._through(reading.chassis, output.tunnel, output.packet)
            reading.cross(there)
            self._follow(reading, trace)
            return
        assert reading.external is not None
        takers = self._takers(reading.external, output.packet, reading.chassis)
        if all(_is_heard(trace) for _, trace in takers):
            reading.end(left(reading.external.ref, output.packet))
            return
        [(reading.chassis, trace)] = takers
        self._follow(reading, trace)

    def _takers(self, network: ExternalNetwork, packet: Packet, sender: str | None) -> list[tuple[str, Trace]]:
        """The chassis for which a frame on the wire is something, each with its trace."""
        found = []
        for chassis, patches in self._fabric.physical.items():
            if chassis == sender or network.physical_network not in patches:
                continue
            trace = self._enter(chassis, patches[network.physical_network], packet)
            if _feature(trace.steps[-1].cookie) not in _NOT_MINE:
                found.append((chassis, trace))
        return found

    def _handed_over(self, chassis: str, output: Output) -> tuple[str, Packet]:
        there, ofport = self._rig.port(output.port)
        assert there == chassis
        return self._spots[chassis, ofport].name, output.packet

    def _beyond(self, reading: Reading, tunnel: tuple[IPv4Address, int], packet: Packet) -> list[tuple[str, Packet]]:
        """Whom a packet reaches at the other end of a tunnel."""
        there, trace = self._through(reading.chassis, tunnel, packet)
        beyond = Reading(self._network, there)
        trace = self._read(beyond, trace)
        assert not trace.punts and not trace.warnings, trace.text
        reading.arrivals += beyond.arrivals
        reading.why = beyond.why
        return [self._handed_over(there, output) for output in trace.outputs]

    def _through(self, here: str, tunnel: tuple[IPv4Address, int], packet: Packet) -> tuple[str, Trace]:
        """The chassis at the other end of a tunnel, and how the packet goes on there."""
        remote, vni = tunnel
        start, there = self._rig.tunnel(remote)
        assert start == here
        trace = self._arrive(there, here, vni, packet)
        came = {f"in_port={self._rig.chassis[there].tunnels[here]}", f"tun_id=0x{vni:x}"}
        assert _counted(trace, TUN_COUNT_IN) == [came], trace.text
        return there, trace

    def _as_sent(self, remote: IPv4Address, vni: int) -> set[str]:
        """What the flow asks for that counts packets into a tunnel."""
        here, there = self._rig.tunnel(remote)
        return {f"reg3=0x{TUNNEL | self._rig.chassis[here].tunnels[there]:x}", f"tun_id=0x{vni:x}"}


def _counted(trace: Trace, table: Table) -> list[set[str]]:
    """The matches of the flows of a table that counted."""
    return [set(step.match.split(",")) for step in trace.steps if step.table == table.number]


def _is_heard(trace: Trace) -> bool:
    """Whether an ARP was for the controller, to learn from it."""
    return any(_feature(punt.cookie) is Feature.PUNT_ARP for punt in trace.punts)


def _feature(cookie: int) -> Feature | None:
    why = read_cookie(cookie)
    return None if why is None else why.feature


def _dropped(why: Why | None) -> str:
    """How a packet ended whose last flow had this reason."""
    assert why is not None and why.feature.is_drop, why
    if why.feature is Feature.DROP_UNKNOWN_MAC and why.key:
        return delivered(())
    return f"dropped: {why.feature.reason}"


def packet_in(punt: Punt) -> bytes:
    """The packet-in (OpenFlow 1.3.5 section 7.4.1) that a punt is."""
    match = make_match({register.field: punt.registers.get(register.field.name, 0) for register in _SAID})
    oxm = Flow(0, 0, match, Instructions(), 0).match_bytes
    frame = to_frame(punt.packet)
    head = struct.pack("!IHBBQHH", 0xFFFFFFFF, len(frame), 1, 0, punt.cookie, 1, 4 + len(oxm))
    return message(PACKET_IN, head + oxm + bytes(-(4 + len(oxm)) % 8) + bytes(2) + frame)
