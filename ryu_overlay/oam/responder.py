"""From a packet-in to the packet-out that answers it, in bytes.

The flow's cookie says why the packet was sent up; registers say at which router, and by which of its ports it came.
The answer enters the pipeline at that router's routing table, so it goes back the way the router's own routes say,
through as many routers as that takes.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import RouterPort
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
_OXM = struct.Struct("!I")
_DATAPATH_HEADER = DATAPATH.field.header | DATAPATH.field.size
_IN_LPORT_HEADER = IN_LPORT.field.header | IN_LPORT.field.size

Addresses = list[tuple[int, int, int]]


class Responder:
    """Answers for every router of a network. `answered` and `unanswered` count packet-ins by reason."""

    def __init__(self) -> None:
        self.answered = dict.fromkeys(_REASONS, 0)
        self.unanswered = dict.fromkeys(_REASONS, 0)
        self._network = Network()
        self._addresses: dict[int, Addresses] = {}

    def network(self, network: Network) -> None:
        """Answer for this network from now on."""
        if network.router_views is not self._network.router_views:
            self._addresses = {}
        self._network = network

    def answer(self, packet_in: bytes) -> bytes | None:
        """The packet-out (OpenFlow 1.3.5 section 7.3.7) that answers a packet-in (7.4.1), or None where none is due."""
        cookie, match_length = struct.unpack_from("!QxxH", packet_in, 16)
        why = read_cookie(cookie)
        reason = None if why is None else _REASONS.get(why.feature)
        if why is None or reason is None:
            return None
        router, in_port = _position(packet_in, match_length)
        frame = packet_in[_MATCH_AT + (match_length + 7) // 8 * 8 + 2 :]
        source = self._source(in_port, frame)
        reply = None if source is None else answer(reason, frame, source)
        if reply is None:
            self.unanswered[why.feature] += 1
            return None
        self.answered[why.feature] += 1
        return packet_out(_enter(router), reply)

    def _source(self, in_port: int, frame: bytes) -> int | None:
        """The in port's address in the subnet of the packet's source, else its first (RFC 1812 section 4.3.2.4)."""
        addresses = self._addresses.get(in_port)
        if addresses is None:
            port = self._network.by_key.get(in_port)
            given = port.addresses if isinstance(port, RouterPort) else ()
            addresses = [(int(a.ip), int(a.network.network_address), int(a.network.netmask)) for a in given]
            self._addresses[in_port] = addresses
        if not addresses or len(frame) < _FRAME_SOURCE + 4:
            return None
        if len(addresses) > 1:
            (sender,) = _OXM.unpack_from(frame, _FRAME_SOURCE)
            for address, net, mask in addresses:
                if sender & mask == net:
                    return address
        return addresses[0][0]


def _position(packet_in: bytes, match_length: int) -> tuple[int, int]:
    """The router's key and the key of the router port the packet came in by, from the packet-in's match."""
    router = in_port = 0
    offset, end = _MATCH_AT + 4, _MATCH_AT + match_length
    while offset < end:
        (header,) = _OXM.unpack_from(packet_in, offset)
        if header == _DATAPATH_HEADER:
            (router,) = struct.unpack_from("!Q", packet_in, offset + 4)
        elif header == _IN_LPORT_HEADER:
            (in_port,) = _OXM.unpack_from(packet_in, offset + 4)
        offset += 4 + (header & 0xFF)
    return router, in_port


@lru_cache(maxsize=4096)
def _enter(router: int) -> bytes:
    """What the switch does with an answer: the router's way out takes one from its TTL."""
    actions = (SetField(DATAPATH.field, router), SetTtl(ORIGIN_TTL + 1), Resubmit(LR_IN_ROUTE.number))
    return encode_actions(actions)
