"""Translations that carry traffic: flows that look at packets on both sides of a border, and what their copies tell.

Open vSwitch tells of its connections only on the host. But a packet that conntrack has looked up knows how its connection
began, so a copy of it tells one translation: outward where it is translated already, inward where it is back to what it is
inside. What carries no packet while one looks is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.model.walk_values import ICMP
from ryu_overlay.oam.looking import look_at
from ryu_overlay.openflow.actions_nicira import Controller
from ryu_overlay.openflow.fields import (
    CT_NW_DST,
    CT_NW_PROTO,
    CT_NW_SRC,
    CT_TP_DST,
    CT_TP_SRC,
    ETH_IP,
    ETH_TYPE,
    IPV4_DST,
    IPV4_SRC,
    TCP_DST,
    TCP_SRC,
    UDP_DST,
    UDP_SRC,
)
from ryu_overlay.openflow.flow import Block
from ryu_overlay.openflow.headers import headers
from ryu_overlay.openflow.packet_in import PacketIn
from ryu_overlay.pipeline.registers import IN_LPORT, OUT_LPORT, SEEN
from ryu_overlay.pipeline.tables import LR_IN_OWN, LR_OUT_EXTERNAL

NUMBER = 0
"""In the cookie, that it is translations that are looked for: captures have numbers from 1."""
BIT = SEEN.bits - 1
"""The bit that tells what was looked at; captures take the lower ones first."""
SNAP = 128
"""Octets of a packet that are looked at: all headers."""
MOST = 4096
"""Translations that are kept; packets of more are only counted."""

Key = tuple[int, int, int, int, int]


def flows(uplink: int, meter: int) -> Block:
    """What looks at packets of the uplink with this key where they are translated. `meter` limits copies, not packets."""
    sides = ((LR_OUT_EXTERNAL, OUT_LPORT), (LR_IN_OWN, IN_LPORT))
    copy = Controller(SNAP, meter)
    return Block(tuple(look_at(table, {ETH_TYPE: ETH_IP, side.field: uplink}, BIT, NUMBER, copy) for table, side in sides))


@dataclass(frozen=True, slots=True)
class Crossing:
    """A translated connection as far as its packets told. Ports are 0 where there are none, and of ICMP.

    `direction` is out where it began inside. `outside` is None while only packets of the other direction were seen, and so
    `inside`. `packets` counts copies, of both directions.
    """

    protocol: int
    direction: Literal["out", "in"]
    peer: tuple[IPv4Address, int]
    inside: tuple[IPv4Address, int] | None
    outside: tuple[IPv4Address, int] | None
    packets: int
    chassis: str


class Crossings:
    """The connections of one uplink, from copies of packets. `beyond` counts copies of connections that are too many."""

    def __init__(self) -> None:
        self.beyond = 0
        self._found: dict[Key, Crossing] = {}

    def take(self, packet: PacketIn, chassis: str) -> None:
        """A chassis sent a copy. One that belongs to no connection, as what the router itself says, tells nothing."""
        outward = packet.table == LR_OUT_EXTERNAL.number
        source, target = packet.fields.get(CT_NW_SRC, 0), packet.fields.get(CT_NW_DST, 0)
        if not source or not target:
            return
        ports = packet.fields.get(CT_TP_SRC, 0), packet.fields.get(CT_TP_DST, 0)
        protocol = packet.fields.get(CT_NW_PROTO, 0)
        if protocol == ICMP:
            ports = 0, 0
        key = (protocol, source, ports[0], target, ports[1])
        seen = _read(packet, protocol, (source, ports[0]), (target, ports[1]), outward, chassis)
        known = self._found.get(key)
        if known is None and len(self._found) >= MOST:
            self.beyond += 1
        elif known is None:
            self._found[key] = seen
        else:
            self._found[key] = replace(
                known, packets=known.packets + 1, inside=known.inside or seen.inside, outside=known.outside or seen.outside
            )

    def found(self) -> Iterator[Crossing]:
        """What was translated, by protocol and address; connections whose both ends stay what they are left out."""
        for _, crossing in sorted(self._found.items()):
            if crossing.inside != crossing.outside:
                yield crossing


def _read(
    packet: PacketIn, protocol: int, source: tuple[int, int], target: tuple[int, int], outward: bool, chassis: str
) -> Crossing:
    """What one packet tells. Its connection began from `source` to `target`, as conntrack has it: before any translation."""
    here, there = _ends(packet.frame, protocol)
    if outward and there == target:
        # It began inside, and leaves as what it is now.
        return Crossing(protocol, "out", _end(target), _end(source), _end(here), 1, chassis)
    if outward:
        # An answer to what began outside. What it is inside, a packet inward tells.
        return Crossing(protocol, "in", _end(source), None, _end(target), 1, chassis)
    if here == source:
        return Crossing(protocol, "in", _end(source), _end(there), _end(target), 1, chassis)
    return Crossing(protocol, "out", _end(target), _end(source), None, 1, chassis)


def _ends(frame: bytes, protocol: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a packet comes from and goes to."""
    now = headers(frame)
    tcp = TCP_SRC in now
    ports = (0, 0) if protocol == ICMP else (now.get(TCP_SRC if tcp else UDP_SRC, 0), now.get(TCP_DST if tcp else UDP_DST, 0))
    return (now.get(IPV4_SRC, 0), ports[0]), (now.get(IPV4_DST, 0), ports[1])


def _end(end: tuple[int, int]) -> tuple[IPv4Address, int]:
    return IPv4Address(end[0]), end[1]
