"""The bytes that put a probe into a bridge, and that have its connections forgotten afterwards. Pure.

A probe enters where the packet it stands for would: at the table that all packets enter by, as from its port; or, for what a
router makes itself, where routes are looked up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from struct import unpack_from

from ryu_overlay.model.walk_values import ICMP, TCP, UDP
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.actions import Action, Ct, Resubmit, SetField, SetTtl, encode_actions
from ryu_overlay.openflow.actions_nicira import Load
from ryu_overlay.openflow.fields import (
    ICMP_CODE,
    ICMP_TYPE,
    IN_PORT,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    NX_IN_PORT,
    TCP_DST,
    TCP_SRC,
    TUN_ID,
    UDP_DST,
    UDP_SRC,
)
from ryu_overlay.openflow.messages import NO_PORT, Way, ct_flush, packet_out
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import ANSWER, DATAPATH, DELIVERED, HOME, PROBE, REGISTERS, ROUTERS_AT, SEEN
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, LR_IN_ROUTE, MARK_BIT, ORIGIN_TTL, PHY_IN_PORT

_ETHERNET = 14
_TAGS = (0x8100, 0x88A8)
_ACTIONS_AT, _LENGTH_AT = 24, 16


def marks(deliver: bool) -> tuple[Action, ...]:
    """What makes a packet a probe."""
    return SetField(PROBE.field, DELIVERED if deliver else 1), Load(TUN_ID, 1, MARK_BIT, 1)


def from_port(frame: bytes, ofport: int, deliver: bool = False) -> bytes:
    """A probe as from an OpenFlow port."""
    return _came_by(ofport, marks(deliver), frame)


def onward(seen: Sighting) -> bytes:
    """A tenant's own packet goes on from where it was held up as if nobody had looked at it: from phy_in_port or lr_in_admit."""
    if seen.table == PHY_IN_PORT.number:
        return _came_by(seen.state.get(IN_PORT, NO_PORT), (SetField(SEEN.field, PHY_IN_PORT.bit),), seen.frame)
    return _from_router(seen, (SetField(SEEN.field, LR_IN_ADMIT.bit),))


def _came_by(ofport: int, marks: tuple[Action, ...], frame: bytes) -> bytes:
    """The port is written by an action: what came by a patch port would not come back from conntrack."""
    actions = (Load(NX_IN_PORT, ofport, 0, 16), *marks, Resubmit(PHY_IN_PORT.number))
    return packet_out(encode_actions(actions), frame, in_port=NO_PORT)


def from_router(frame: bytes, router: int, *, outside: bool, deliver: bool) -> bytes:
    """A probe that a router (its key) makes itself. `outside`: with an external address of its own, so to leave untranslated."""
    position = (SetField(DATAPATH.field, router), SetTtl(ORIGIN_TTL + 1), SetField(HOME.field, 0))
    actions = (*marks(deliver), *position, SetField(ANSWER.field, int(outside)), Resubmit(LR_IN_ROUTE.number))
    return packet_out(encode_actions(actions), frame, in_port=NO_PORT)


def resumed(seen: Sighting) -> bytes:
    """A probe that was held goes on from where it was, with all that its registers said. `seen` is of lr_in_admit."""
    probe = SetField(PROBE.field, seen.register(PROBE) & DELIVERED | 1 << ROUTERS_AT)
    return _from_router(seen, (probe, SetField(SEEN.field, LR_IN_ADMIT.bit), Load(TUN_ID, 1, MARK_BIT, 1)))


def _from_router(seen: Sighting, marks: tuple[Action, ...]) -> bytes:
    """Once more into lr_in_admit, with all that registers said there."""
    kept = [SetField(r.field, value) for r in REGISTERS if r not in (PROBE, SEEN) and (value := seen.register(r))]
    port = Load(NX_IN_PORT, seen.state.get(IN_PORT, NO_PORT) & 0xFFFF, 0, 16)
    actions: tuple[Action, ...] = (port, *kept, *marks, Resubmit(LR_IN_ADMIT.number))
    return packet_out(encode_actions(actions), seen.frame, in_port=NO_PORT)


def as_probe(answer: bytes, ident: int) -> Iterator[bytes]:
    """Packet-outs of `oam.responder`, one or several in a row, as probes of this identification."""
    mark = encode_actions(marks(False))
    while answer:
        (length,) = unpack_from("!H", answer, 2)
        one, answer = answer[:length], answer[length:]
        (actions,) = unpack_from("!H", one, _LENGTH_AT)
        body = one[_ACTIONS_AT : _ACTIONS_AT + actions]
        yield packet_out(mark + body, stamped(one[_ACTIONS_AT + actions :], ident), in_port=NO_PORT)


def stamped(frame: bytes, ident: int) -> bytes:
    """An IPv4 frame with another identification (RFC 791). Others come back as they are."""
    at = _ETHERNET + (4 if int.from_bytes(frame[12:14], "big") in _TAGS else 0)
    if int.from_bytes(frame[at - 2 : at], "big") != 0x0800 or len(frame) < at + 20:
        return frame
    length = (frame[at] & 0x0F) * 4
    header = bytearray(frame[at : at + length])
    header[4:6] = ident.to_bytes(2, "big")
    header[10:12] = bytes(2)
    header[10:12] = (-int.from_bytes(header, "big") % 0xFFFF).to_bytes(2, "big")
    return frame[:at] + bytes(header) + frame[at + length :]


def forget(observer: Observer, journey: Journey) -> Iterator[tuple[str, bytes]]:
    """By chassis, what makes conntrack forget exactly the connections that a journey began."""
    done = set()
    for stay in journey.stays:
        for seen in stay.seen:
            for zone in _committed(observer, seen) if seen.feature is Feature.PUNT_SEEN else ():
                proto, way = seen.state.get(IP_PROTO, 0), _way(seen)
                if (stay.chassis, zone, proto, way) not in done:
                    done.add((stay.chassis, zone, proto, way))
                    yield stay.chassis, ct_flush(zone, proto, original=way)


def _committed(observer: Observer, seen: Sighting) -> Iterator[int]:
    """The conntrack zones in which the packet began a connection where it was seen."""
    flow = observer.flow(seen)
    actions: Iterable[Action] = () if flow is None else flow.instructions.actions
    for action in actions:
        if isinstance(action, Ct) and action.commit:
            yield action.zone if isinstance(action.zone, int) else seen.state.get(action.zone, 0)


def _way(seen: Sighting) -> Way:
    state, proto = seen.state, seen.state.get(IP_PROTO, 0)
    ends = state.get(IPV4_SRC), state.get(IPV4_DST)
    if proto == ICMP:
        (ident,) = struct.unpack_from("!H", seen.frame, _ETHERNET + (seen.frame[_ETHERNET] & 0x0F) * 4 + 4)
        return Way(*ends, icmp_id=ident, icmp_type=state.get(ICMP_TYPE, 0), icmp_code=state.get(ICMP_CODE, 0))
    if proto in (TCP, UDP):
        source, target = (TCP_SRC, TCP_DST) if proto == TCP else (UDP_SRC, UDP_DST)
        return Way(*ends, state.get(source), state.get(target))
    return Way(*ends)
