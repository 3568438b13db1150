"""Where packet-ins go, by the feature in their cookie: to routers' answers, to the engine, to health checks.

Called where the bytes are read, so each must be quick: what takes longer becomes an event.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from ryu_overlay.engine.events import ArpHeard, Event, Unresolved
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.openflow.packet_in import carries, parse_packet_in
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH, NEXT_HOP, OUT_LPORT, PROBE

_COOKIE = struct.Struct("!Q")
_COOKIE_AT = 16

Observed = Callable[[int, int, bytes], None]
"""Takes (datapath id, number of the flow that looked, packet-in) of what a capture sees."""

Probed = Callable[[int, bytes], None]
"""Takes (datapath id, packet-in) of what tells of a probe."""
_OF_PROBES = (Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_GUEST, Feature.PUNT_ECHO)

HealthAnswer = Callable[[int, int, bytes], "bytes | None"]
"""From (datapath id, OpenFlow port, frame) to what goes back to that bridge."""


class Punts:
    """`answer` takes every packet-in, and gives what goes back at once."""

    def __init__(
        self,
        responder: Responder,
        post: Callable[[Event], None],
        health: HealthAnswer,
        observed: Observed = lambda dpid, number, data: None,
        probe: Probed = lambda dpid, data: None,
    ) -> None:
        self._responder = responder
        self._post = post
        self._health = health
        self._observed = observed
        self._probe = probe

    def answer(self, dpid: int, data: bytes) -> bytes | None:
        """What to send to the bridge for a packet-in, or None. Never raises, whatever the bytes are."""
        try:
            (cookie,) = _COOKIE.unpack_from(data, _COOKIE_AT)
            why = read_cookie(cookie)
            if why is not None and why.feature is Feature.PUNT_OBSERVED:
                self._observed(dpid, why.key, data)
                return None
            if (why is not None and why.feature in _OF_PROBES) or carries(data, PROBE.field):
                self._probe(dpid, data)
                return None
            if why is None or why.feature not in (Feature.PUNT_ARP, Feature.PUNT_UNRESOLVED, Feature.PUNT_HEALTH):
                return self._responder.answer(data, dpid)
            packet = parse_packet_in(data)
        except (struct.error, ValueError):
            self._responder.malformed += 1
            return None
        if why.feature is Feature.PUNT_HEALTH:
            return self._health(dpid, packet.fields.get(IN_PORT, 0), packet.frame)
        if why.feature is Feature.PUNT_ARP:
            self._post(ArpHeard(dpid, why.key, packet.frame))
        else:
            datapath, out_lport, next_hop = (packet.fields.get(r.field, 0) for r in (DATAPATH, OUT_LPORT, NEXT_HOP))
            self._post(Unresolved(dpid, datapath, out_lport, IPv4Address(next_hop), packet.frame))
        return None
