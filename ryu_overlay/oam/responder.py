"""From a packet-in to the packet-out that answers it, in bytes.

The flow's cookie says why the packet was sent up; registers say at which router, and by which of its ports it came.
The answer enters the pipeline at that router's routing table, so it goes back the way the router's own routes say,
through as many routers as that takes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ryu_overlay.model.external import own_addresses, port_mtu
from ryu_overlay.model.nearest import Address, addresses_of, nearest
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Router, RouterPort
from ryu_overlay.oam.fragments import cut
from ryu_overlay.oam.icmp import Reason, answer
from ryu_overlay.openflow.actions import Resubmit, SetField, SetTtl, encode_actions
from ryu_overlay.openflow.fields import ETH_SRC, TUN_ID
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.pipeline.answers import FROM_UPLINK, OWN_ADDRESS, answer_mac
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import ANSWER, CAME_BY, DATAPATH, HOME, IN_LPORT, NEXT_HOP, OFPORT, OUT_LPORT, TUNNEL
from ryu_overlay.pipeline.tables import LR_IN_ROUTE, LR_OUT_UPLINK, ORIGIN_TTL, PHY_OUT, THERE_VNI

_REASONS = {
    Feature.PUNT_TTL_EXCEEDED: Reason.TTL_EXCEEDED,
    Feature.PUNT_NET_UNREACHABLE: Reason.NET_UNREACHABLE,
    Feature.PUNT_HOST_UNREACHABLE: Reason.HOST_UNREACHABLE,
    Feature.PUNT_PORT_UNREACHABLE: Reason.PORT_UNREACHABLE,
    Feature.PUNT_PROTOCOL_UNREACHABLE: Reason.PROTOCOL_UNREACHABLE,
    Feature.PUNT_TCP_RESET: Reason.TCP_RESET,
    Feature.PUNT_FRAGMENTATION_NEEDED: Reason.FRAGMENTATION_NEEDED,
    Feature.PUNT_NO_PATH: Reason.HOST_UNREACHABLE,
}
_OWN_ADDRESS = frozenset({Reason.PORT_UNREACHABLE, Reason.PROTOCOL_UNREACHABLE, Reason.TCP_RESET})
"""About packets to the router itself, so no border may take them for a part of a translated connection."""
_OFPORT_BITS = 16
_MATCH_AT = 24
_FRAME_SOURCE = 14 + 12
_FRAME_LEAST = 14 + 20
_ADDRESSES = struct.Struct("!II")
_NO_MATCH, _ACTION = 0, 1  # OpenFlow 1.3.5 section 7.4.1; a flow that matches all at priority 0 gives NO_MATCH
_HEAD = struct.Struct("!BxQxxH")
_OXM = struct.Struct("!I")
_METADATA = struct.Struct("!Q")
_DATAPATH_HEADER = DATAPATH.field.header | DATAPATH.field.size
_IN_LPORT_HEADER = IN_LPORT.field.header | IN_LPORT.field.size
_OUT_LPORT_HEADER = OUT_LPORT.field.header | OUT_LPORT.field.size
_NEXT_HOP_HEADER = NEXT_HOP.field.header | NEXT_HOP.field.size
_HOME_HEADER = HOME.field.header | HOME.field.size
_ANSWER_HEADER = ANSWER.field.header | ANSWER.field.size
_CAME_BY_HEADER = CAME_BY.field.header | CAME_BY.field.size


@dataclass(frozen=True, slots=True)
class _Place:
    """A router port as far as answers need it: its addresses, all that its router answers as, whether it is an uplink, and
    whether its router's answers stand for paths."""

    addresses: tuple[Address, ...]
    own: frozenset[int]
    is_uplink: bool
    by_path: bool


class Asked(NamedTuple):
    """A packet that a router whose answers stand for paths has to answer: keys of the router and of the port that it came in by,
    the OpenFlow port that it came to the chassis by, IPv4 addresses."""

    dpid: int
    router: int
    in_port: int
    came_by: int
    source: int
    destination: int


@dataclass(frozen=True, slots=True)
class Path:
    """What an answer stands for: the way into the tunnel `ofport`, None if it does not work. Then nothing is told (`silent`), or
    that the host is unreachable, from `near` (an IPv4 address; None: from the port that it came in by)."""

    ofport: int | None
    silent: bool
    near: int | None


Admit = Callable[[int, int], bool]
PathOf = Callable[[Asked], "Path | None"]


class Responder:
    """Answers for every router of a network.

    `answered` and `unanswered` count packet-ins by reason, `malformed` those that were cut short. `mtu` tells what VMs may use,
    in bytes, None while that is not known; `admit`, of a chassis' datapath id and the port that a packet came by (for an uplink
    a number above all ports'), whether it is to be answered at all; `path_of` the way that an answer stands for, None if that
    ends where the packet is.
    """

    def __init__(
        self,
        mtu: Callable[[], int | None] = lambda: None,
        admit: Admit = lambda chassis, port: True,
        path_of: PathOf = lambda asked: None,
    ) -> None:
        self.answered = dict.fromkeys(_REASONS, 0)
        self.unanswered = dict.fromkeys(_REASONS, 0)
        self.malformed = 0
        self._mtu = mtu
        self._admit = admit
        self._path_of = path_of
        self._network = Network()
        self._places: dict[tuple[int, int], _Place] = {}

    def network(self, network: Network) -> None:
        """Answer for this network from now on."""
        if network.router_views is not self._network.router_views:
            self._places = {}
        self._network = network

    def answer(self, packet_in: bytes, chassis: int = 0) -> bytes | None:
        """The packet-out (OpenFlow 1.3.5 section 7.3.7) that answers a packet-in (7.4.1), or None where none is due.

        Never raises, whatever the bytes are.
        """
        try:
            sent_for, cookie, match_length = _HEAD.unpack_from(packet_in, 14)
            why = read_cookie(cookie)
            reason = None if why is None else _REASONS.get(why.feature)
            if why is None or reason is None or sent_for not in (_NO_MATCH, _ACTION):
                return None
            position = _position(packet_in, match_length)
        except struct.error:
            self.malformed += 1
            return None
        place = self._places.get((position.router, position.in_port)) or self._place(position.router, position.in_port)
        # An uplink is one tenant's; the tunnel or wire that its packets come by is many's.
        cause = position.in_port << _OFPORT_BITS if place is not None and place.is_uplink else position.came_by
        if not self._admit(chassis, cause):
            return None
        frame = packet_in[_MATCH_AT + (match_length + 7) // 8 * 8 + 2 :]
        if reason is Reason.FRAGMENTATION_NEEDED:
            out = self._oversize(place, position, frame)
        else:
            out = self._error(reason, place, position, frame, chassis, why.feature is Feature.PUNT_NO_PATH)
        (self.unanswered if out is None else self.answered)[why.feature] += 1
        return out

    def _error(
        self, reason: Reason, place: _Place | None, position: _Position, frame: bytes, chassis: int, no_path: bool
    ) -> bytes | None:
        source = _source(place, position, frame)
        if place is None or source is None:
            return None
        if not place.by_path:
            return _given(reason, position, frame, place, source)
        asked = Asked(chassis, position.router, position.in_port, position.came_by, *_ADDRESSES.unpack_from(frame, _FRAME_SOURCE))
        path = self._path_of(asked)
        if path is not None and path.ofport is None:
            from_ = source if path.near is None else path.near
            return None if path.silent else _given(Reason.HOST_UNREACHABLE, position, frame, place, from_)
        # The flow that sent it up is of a moment ago: by now the way works.
        if no_path:
            return None
        return _given(reason, position, frame, place, source, path)

    def _oversize(self, place: _Place | None, position: _Position, frame: bytes) -> bytes | None:
        """Tell the sender the out port's MTU, or cut the packet into what fits where it may be cut (RFC 791)."""
        owner, port = self._network.by_key.get(position.router), self._network.by_key.get(position.out_port)
        if not isinstance(owner, Router) or not isinstance(port, RouterPort):
            return None
        mtu = port_mtu(self._network.router_views[owner.ref], port, self._mtu())
        if mtu is None:
            return None
        pieces = cut(frame, mtu)
        if pieces:
            onward = _onward(position)
            return b"".join(packet_out(onward, piece) for piece in pieces)
        # Told whatever the policy: a sender that is not told would go on for ever (RFC 2923 section 2.1).
        source = _source(place, position, frame)
        if place is None or source is None:
            return None
        return _given(Reason.FRAGMENTATION_NEEDED, position, frame, place, source, mtu=mtu)

    def _place(self, router: int, in_port: int) -> _Place | None:
        owner, port = self._network.by_key.get(router), self._network.by_key.get(in_port)
        if not isinstance(owner, Router) or not isinstance(port, RouterPort) or not port.addresses:
            return None
        if (port.tenant, port.router) != owner.ref:
            return None
        view = self._network.router_views[owner.ref]
        own = {int(a.ip) for p in view.ports for a in p.addresses} | {int(a) for a in own_addresses(view)}
        own |= {int(b.balancer.vip) for b in view.balancers}
        by_path = owner.answers == "path"
        place = self._places[router, in_port] = _Place(addresses_of([port]), frozenset(own), port.external is not None, by_path)
        return place


@dataclass(slots=True)
class _Position:
    """Where a packet was when it was sent up: keys of the router and of its ports by which it came and was to go.

    `answer` is 1 if a router made it. `came_by` is the OpenFlow port by which it came into the bridge, 0 for none.
    """

    router: int = 0
    in_port: int = 0
    out_port: int = 0
    next_hop: int = 0
    home: int = 0
    answer: int = 0
    came_by: int = 0


def _given(
    reason: Reason, position: _Position, frame: bytes, place: _Place, source: int, path: Path | None = None, mtu: int = 0
) -> bytes | None:
    """The answer at once, or by way of the tunnel that `path` leads into."""
    reply = answer(reason, frame, source, mtu)
    if reply is None:
        return None
    own = reason in _OWN_ADDRESS
    if path is None or path.ofport is None:
        return packet_out(_enter(position.router, position.came_by, place.is_uplink, own), reply)
    kind = (OWN_ADDRESS if own else 0) | (FROM_UPLINK if place.is_uplink else 0)
    return packet_out(_into_tunnel(position.router, kind, path.ofport), reply)


def _source(place: _Place | None, position: _Position, frame: bytes) -> int | None:
    """The in port's address nearest to the packet's source; None if it is not to be answered.

    That is so if it came into no port of the router, or from the router itself: its own answers that find no way are not
    complained of to itself. What comes by the uplink from its address there is a VM's, which the router has translated.
    """
    if place is None or len(frame) < _FRAME_LEAST:
        return None
    (sender,) = _OXM.unpack_from(frame, _FRAME_SOURCE)
    if sender in place.own and (position.answer or not place.is_uplink):
        return None
    return nearest(place.addresses, sender)


def _position(packet_in: bytes, match_length: int) -> _Position:
    """What the registers in a packet-in's match say."""
    found = _Position()
    offset, end = _MATCH_AT + 4, _MATCH_AT + match_length
    while offset < end:
        (header,) = _OXM.unpack_from(packet_in, offset)
        if header == _DATAPATH_HEADER:
            (found.router,) = _METADATA.unpack_from(packet_in, offset + 4)
        elif header in _NAMES:
            setattr(found, _NAMES[header], _OXM.unpack_from(packet_in, offset + 4)[0])
        offset += 4 + (header & 0xFF)
    return found


_NAMES = {
    _IN_LPORT_HEADER: "in_port",
    _OUT_LPORT_HEADER: "out_port",
    _NEXT_HOP_HEADER: "next_hop",
    _HOME_HEADER: "home",
    _ANSWER_HEADER: "answer",
    _CAME_BY_HEADER: "came_by",
}


@lru_cache(maxsize=4096)
def _enter(router: int, came_by: int, from_uplink: bool, own: bool) -> bytes:
    """What the switch does with an answer: the router's way out takes one from its TTL.

    An answer to what came by the uplink leaves where that came in, whichever gateway carries the uplink. If it finds no way and
    comes back here, that is at the cost of who caused it.
    """
    marks = (SetField(HOME.field, int(from_uplink)), SetField(ANSWER.field, int(own)), SetField(CAME_BY.field, came_by))
    actions = (SetField(DATAPATH.field, router), SetTtl(ORIGIN_TTL + 1), *marks, Resubmit(LR_IN_ROUTE.number))
    return encode_actions(actions)


@lru_cache(maxsize=4096)
def _into_tunnel(router: int, kind: int, ofport: int) -> bytes:
    """What the switch does with an answer that has to go there and back first."""
    mac = SetField(ETH_SRC, answer_mac(router, kind))
    return encode_actions((mac, SetField(TUN_ID, THERE_VNI), SetField(OFPORT.field, TUNNEL | ofport), Resubmit(PHY_OUT.number)))


def _onward(position: _Position) -> bytes:
    """What the switch does with the pieces of a packet: they go on from where it was."""
    values = (
        (DATAPATH, position.router),
        (IN_LPORT, position.in_port),
        (OUT_LPORT, position.out_port),
        (NEXT_HOP, position.next_hop),
        (HOME, position.home),
        (ANSWER, position.answer),
        (CAME_BY, position.came_by),
    )
    actions = [SetField(register.field, value) for register, value in values]
    return encode_actions((*actions, Resubmit(LR_OUT_UPLINK.number)))
