"""Where packet-ins go, by the feature in their cookie: to routers' answers, to the engine, to health checks.

Called where the bytes are read, so each must be quick: what takes longer becomes an event.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.engine.events import ArpHeard, Event, Unresolved
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH, NEXT_HOP, OUT_LPORT, Register

_HEAD = struct.Struct("!BxQxxH")
_MATCH_AT = 24

HealthAnswer = Callable[[int, int, bytes], "bytes | None"]
"""From (datapath id, OpenFlow port, frame) to what goes back to that bridge."""


@dataclass(frozen=True, slots=True)
class _PacketIn:
    """A packet-in (OpenFlow 1.3.5 section 7.4.1): its cookie, its match by header, the frame."""

    cookie: int
    match: dict[int, int]
    frame: bytes

    def register(self, register: Register) -> int:
        return self.match.get(register.field.header | register.field.size, 0)


class Punts:
    """`answer` takes every packet-in, and gives what goes back at once."""

    def __init__(self, responder: Responder, post: Callable[[Event], None], health: HealthAnswer) -> None:
        self._responder = responder
        self._post = post
        self._health = health

    def answer(self, dpid: int, data: bytes) -> bytes | None:
        """What to send to the bridge for a packet-in, or None. Never raises, whatever the bytes are."""
        try:
            _, cookie, _ = _HEAD.unpack_from(data, 14)
            why = read_cookie(cookie)
            if why is None or why.feature not in (Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH):
                return self._responder.answer(data)
            packet = _parse(data)
        except struct.error:
            self._responder.malformed += 1
            return None
        if why.feature is Feature.PUNT_HEALTH:
            return self._health(dpid, packet.match.get(IN_PORT.header | IN_PORT.size, 0), packet.frame)
        if why.feature is Feature.PUNT_ARP:
            self._post(ArpHeard(dpid, why.key, packet.frame))
        else:
            keys = packet.register(DATAPATH), packet.register(OUT_LPORT)
            self._post(Unresolved(dpid, *keys, IPv4Address(packet.register(NEXT_HOP)), packet.frame))
        return None


def _parse(data: bytes) -> _PacketIn:
    _, cookie, length = _HEAD.unpack_from(data, 14)
    match = {}
    offset, end = _MATCH_AT + 4, _MATCH_AT + length
    while offset < end:
        (header,) = struct.unpack_from("!I", data, offset)
        size = header & 0xFF
        match[header] = int.from_bytes(data[offset + 4 : offset + 4 + size], "big")
        offset += 4 + size
    return _PacketIn(cookie, match, data[_MATCH_AT + (length + 7) // 8 * 8 + 2 :])
