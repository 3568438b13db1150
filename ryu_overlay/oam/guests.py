"""A guest's own answer to a probe that was delivered: how it is told from all else that the guest sends, and brought back.

For as long as an answer is waited for, what the guest sends that could be it comes to the controller. What is not goes on from
there as if nobody had looked. A host outside answers across a border, where conntrack knows that the connection is a probe's; or
to a router's own address, where a flow looks out for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from struct import pack, unpack_from

from ryu_overlay.model.walk_values import ECHO_REPLY, ICMP, ICMP_ERRORS, TCP, UDP
from ryu_overlay.oam.frames import echo_of
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.actions import Output, encode_actions
from ryu_overlay.openflow.actions_nicira import Controller
from ryu_overlay.openflow.fields import (
    ETH_ARP,
    ETH_IP,
    ETH_TYPE,
    ICMP_TYPE,
    IN_PORT,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    TCP_DST,
    TCP_SRC,
    UDP_DST,
    UDP_SRC,
    Field,
)
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.openflow.headers import headers
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import IN_LPORT, PROBE
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import GUEST_MAC, GUEST_METER, LR_IN_ADMIT, PHY_IN_PORT

_PORTS = {TCP: (TCP_SRC, TCP_DST), UDP: (UDP_SRC, UDP_DST)}
_ARP_REQUEST = 1
_HELD_UP_AT_MOST = 10
"""Seconds: a controller that dies while it waits must not keep answers from those that they are for."""
_WHOLE = 0xFFFF
_IP_HEADER = 20


@dataclass(slots=True)
class Answer:
    """An answer that is waited for: to a frame as its target gets it. `frames` are those that came, each with when and where
    from, as (seconds, chassis, OpenFlow port, frame).

    With a `journey` it is that of a host outside, which is followed as it comes: to a frame as its sender sent it.
    """

    asked: bytes
    journey: Journey | None = None
    frames: list[tuple[float, str, int, bytes]] = field(default_factory=list)

    def is_it(self, frame: bytes) -> bool:
        """Whether a frame answers: from whom was asked to who asked, in the same connection; or is an error about that."""
        wanted, got = headers(self.asked), headers(frame)
        if got.get(ETH_TYPE) != ETH_IP or got.get(IPV4_DST) != wanted.get(IPV4_SRC):
            return False
        proto = wanted.get(IP_PROTO)
        if got.get(IP_PROTO) == ICMP and got.get(ICMP_TYPE) in ICMP_ERRORS:
            return self._quotes(frame)
        if got.get(IP_PROTO) != proto or got.get(IPV4_SRC) != wanted.get(IPV4_DST):
            return False
        if proto == ICMP:
            return got.get(ICMP_TYPE) == ECHO_REPLY and echo_of(frame) == echo_of(self.asked)
        source, target = _PORTS.get(proto or 0, (IPV4_SRC, IPV4_DST))
        return got.get(source) == wanted.get(target) and got.get(target) == wanted.get(source)

    def _quotes(self, frame: bytes) -> bool:
        """RFC 792: the header of what it is about, and the 64 bits after it."""
        return _told(frame[14 + (frame[14] & 0x0F) * 4 + 8 :]) == _told(self.asked[14:])


def _told(packet: bytes) -> bytes:
    """Protocol, addresses, and what tells connections apart in the 64 bits behind a header; nothing if that is cut short."""
    if len(packet) < _IP_HEADER:
        return b""
    behind = packet[(packet[0] & 0x0F) * 4 :]
    # Of ICMP the checksum is passed over: what an answer is compared with has none of its own.
    said = behind[:2] + behind[4:8] if packet[9] == ICMP else behind[:4]
    return packet[9:10] + packet[12:20] + said


def diverting(ofport: int, asked: bytes) -> Block:
    """Flows that hold up what the guest behind a port may answer to a frame."""
    return Block(tuple(_flows(PHY_IN_PORT, {IN_PORT: ofport}, asked)))


def looking_out(uplink: int, asked: bytes) -> Block:
    """Flows that hold up what answers to the router with an uplink (its key) itself: before conntrack, which did not see what it
    answers, and takes it for invalid."""
    return Block(tuple(_flows(LR_IN_ADMIT, {IN_LPORT.field: uplink}, asked)))


def _flows(table: Table, where: Match, asked: bytes) -> Iterator[Flow]:
    fields = headers(asked)
    proto = fields.get(IP_PROTO, 0)
    # What was held up already comes back as a probe.
    back: Match = {**where, PROBE.field: (0, 1), ETH_TYPE: ETH_IP, IPV4_DST: fields.get(IPV4_SRC, 0)}
    answer: dict[Field, int | tuple[int, int]] = {**back, IP_PROTO: proto, IPV4_SRC: fields.get(IPV4_DST, 0)}
    if proto == ICMP:
        answer[ICMP_TYPE] = ECHO_REPLY
    elif proto in _PORTS:
        source, target = _PORTS[proto]
        answer |= {source: fields.get(target, 0), target: fields.get(source, 0)}
    matches = [answer, *({**back, IP_PROTO: ICMP, ICMP_TYPE: kind} for kind in ICMP_ERRORS)]
    for match in matches:
        # Not the meter of probes: a guest that floods must not have them lost.
        flow = table.flow("observe", table.unseen(match), (Controller(_WHOLE, GUEST_METER),), why=Why(Feature.PUNT_GUEST))
        yield replace(flow, seconds=_HELD_UP_AT_MOST)


def arp_question(address: int) -> bytes:
    """A probe that asks whether somebody has an IPv4 address, and teaches him nothing (RFC 5227 section 2.1.1)."""
    mac = GUEST_MAC.to_bytes(6, "big")
    return b"\xff" * 6 + mac + pack("!HHHBBH6sI6sI", ETH_ARP, 1, ETH_IP, 6, 4, _ARP_REQUEST, mac, 0, bytes(6), address)


def to_guest(ofport: int, frame: bytes) -> bytes:
    """The packet-out that hands a frame to a guest as it is."""
    return packet_out(encode_actions((Output(ofport),)), frame)


def arp_sender(seen: Sighting) -> int:
    """The address that a guest says it has."""
    (address,) = unpack_from("!I", seen.frame, 14 + 14)
    return int(address)
