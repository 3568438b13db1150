"""From a packet-in to the packet-out that answers it, in bytes.

The flow's cookie says why the packet was sent up; registers say at which router, and by which of its ports it came.
The answer enters the pipeline at that router's routing table, so it goes back the way the router's own routes say,
through as many routers as that takes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Router, RouterPort
from ryu_overlay.oam.icmp import Reason, answer
from ryu_overlay.openflow.actions import Resubmit, SetField, SetTtl, encode_actions
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT
from ryu_overlay.pipeline.tables import LR_IN_ROUTE, ORIGIN_TTL

_REASONS = {
    Feature.PUNT_TTL_EXCEEDED: Reason.TTL_EXCEEDED,
    Feature.PUNT_NET_UNREACHABLE: Reason.NET_UNREACHABLE,
    Feature.PUNT_HOST_UNREACHABLE: Reason.HOST_UNREACHABLE,
    Feature.PUNT_PORT_UNREACHABLE: Reason.PORT_UNREACHABLE,
    Feature.PUNT_PROTOCOL_UNREACHABLE: Reason.PROTOCOL_UNREACHABLE,
    Feature.PUNT_TCP_RESET: Reason.TCP_RESET,
}
_MATCH_AT = 24
_FRAME_SOURCE = 14 + 12
_FRAME_LEAST = 14 + 20
_NO_MATCH, _ACTION = 0, 1  # OpenFlow 1.3.5 section 7.4.1; a flow that matches all at priority 0 gives NO_MATCH
_HEAD = struct.Struct("!BxQxxH")
_OXM = struct.Struct("!I")
_METADATA = struct.Struct("!Q")
_DATAPATH_HEADER = DATAPATH.field.header | DATAPATH.field.size
_IN_LPORT_HEADER = IN_LPORT.field.header | IN_LPORT.field.size


@dataclass(frozen=True, slots=True)
class _Place:
    """A router port as far as answers need it: its (address, network, netmask), and all addresses of its router."""

    addresses: tuple[tuple[int, int, int], ...]
    own: frozenset[int]


class Responder:
    """Answers for every router of a network.

    `answered` and `unanswered` count packet-ins by reason, `malformed` those that were cut short.
    """

    def __init__(self) -> None:
        self.answered = dict.fromkeys(_REASONS, 0)
        self.unanswered = dict.fromkeys(_REASONS, 0)
        self.malformed = 0
        self._network = Network()
        self._places: dict[tuple[int, int], _Place] = {}

    def network(self, network: Network) -> None:
        """Answer for this network from now on."""
        if network.router_views is not self._network.router_views:
            self._places = {}
        self._network = network

    def answer(self, packet_in: bytes) -> bytes | None:
        """The packet-out (OpenFlow 1.3.5 section 7.3.7) that answers a packet-in (7.4.1), or None where none is due.

        Never raises, whatever the bytes are.
        """
        try:
            sent_for, cookie, match_length = _HEAD.unpack_from(packet_in, 14)
            why = read_cookie(cookie)
            reason = None if why is None else _REASONS.get(why.feature)
            if why is None or reason is None or sent_for not in (_NO_MATCH, _ACTION):
                return None
            router, in_port = _position(packet_in, match_length)
        except struct.error:
            self.malformed += 1
            return None
        frame = packet_in[_MATCH_AT + (match_length + 7) // 8 * 8 + 2 :]
        source = self._source(router, in_port, frame)
        reply = None if source is None else answer(reason, frame, source)
        if reply is None:
            self.unanswered[why.feature] += 1
            return None
        self.answered[why.feature] += 1
        return packet_out(_enter(router), reply)

    def _source(self, router: int, in_port: int, frame: bytes) -> int | None:
        """The in port's address in the subnet of the packet's source, else its first (RFC 1812 section 4.3.2.4).

        None if the port is not the router's, or the packet came from the router itself: its own answers that find no way
        are not complained of to itself.
        """
        place = self._places.get((router, in_port)) or self._place(router, in_port)
        if place is None or len(frame) < _FRAME_LEAST:
            return None
        (sender,) = _OXM.unpack_from(frame, _FRAME_SOURCE)
        if sender in place.own:
            return None
        for address, net, mask in place.addresses:
            if sender & mask == net:
                return address
        return place.addresses[0][0]

    def _place(self, router: int, in_port: int) -> _Place | None:
        owner, port = self._network.by_key.get(router), self._network.by_key.get(in_port)
        if not isinstance(owner, Router) or not isinstance(port, RouterPort) or not port.addresses:
            return None
        if (port.tenant, port.router) != owner.ref:
            return None
        addresses = tuple((int(a.ip), int(a.network.network_address), int(a.network.netmask)) for a in port.addresses)
        own = frozenset(int(a.ip) for p in self._network.router_views[owner.ref].ports for a in p.addresses)
        place = self._places[router, in_port] = _Place(addresses, own)
        return place


def _position(packet_in: bytes, match_length: int) -> tuple[int, int]:
    """The router's key and the key of the router port the packet came in by, from the packet-in's match."""
    router = in_port = 0
    offset, end = _MATCH_AT + 4, _MATCH_AT + match_length
    while offset < end:
        (header,) = _OXM.unpack_from(packet_in, offset)
        if header == _DATAPATH_HEADER:
            (router,) = _METADATA.unpack_from(packet_in, offset + 4)
        elif header == _IN_LPORT_HEADER:
            (in_port,) = _OXM.unpack_from(packet_in, offset + 4)
        offset += 4 + (header & 0xFF)
    return router, in_port


@lru_cache(maxsize=4096)
def _enter(router: int) -> bytes:
    """What the switch does with an answer: the router's way out takes one from its TTL."""
    actions = (SetField(DATAPATH.field, router), SetTtl(ORIGIN_TTL + 1), Resubmit(LR_IN_ROUTE.number))
    return encode_actions(actions)
