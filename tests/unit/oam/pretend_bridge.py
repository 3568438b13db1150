"""A bridge that does with packets what its flows say, as far as ours can say it, and tells what became of them.

Conntrack is that of the golden tests. Of a hash the first choice is taken, of a failover group the first bucket.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ryu_overlay.model.walk_values import ICMP, TCP, UDP, Ip
from ryu_overlay.oam.frames import echo_of, from_frame
from ryu_overlay.openflow import actions as a
from ryu_overlay.openflow import fields as f
from ryu_overlay.openflow.actions_nicira import EXPERIMENTER as EXPERIMENTER_ACTION
from ryu_overlay.openflow.actions_nicira import NX_LOAD, Controller, Load, OutputTo, read_load
from ryu_overlay.openflow.describe import _action
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Bucket, Flow, Group, make_match
from ryu_overlay.openflow.headers import headers
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.openflow.messages import EXPERIMENTER, PACKET_IN, PACKET_OUT, Way, ct_flush, message
from tests.golden.conntrack import Conntrack
from tests.golden.conntrack import Ct as DatapathCt

_AT = {f.ETH_DST: 0, f.ETH_SRC: 6, f.NW_TTL: 22, f.IPV4_SRC: 26, f.IPV4_DST: 30, f.ICMP_TYPE: 34}
_ARP_AT = {f.ARP_OP: 20, f.ARP_SHA: 22, f.ARP_SPA: 28, f.ARP_THA: 32, f.ARP_TPA: 38}
_WHERE = _AT | _ARP_AT
_CT = (f.CT_STATE, f.CT_ZONE, f.CT_MARK)
_STATES = {"new": f.CT_NEW, "est": f.CT_EST, "rel": f.CT_REL, "rpl": f.CT_RPL, "inv": f.CT_INV, "trk": f.CT_TRK}
_STATES |= {"snat": f.CT_SNAT, "dnat": f.CT_DNAT}
_TOLD = frozenset(f.WIRE_ORDER) - frozenset(headers(bytes(14)))


class _Dropped(Exception):
    """By dec_ttl: nothing that follows is done."""


@dataclass
class Packet:
    """On its way through a bridge: `meta` is all that is not in the frame."""

    frame: bytes
    meta: dict[Field, int]
    read: tuple[bytes, dict[Field, int]] = field(default_factory=lambda: (b"", {}))

    @property
    def state(self) -> dict[Field, int]:
        if self.read[0] is not self.frame:
            self.read = self.frame, headers(self.frame)
        return {**self.read[1], **self.meta}

    def get(self, what: Field) -> int:
        return self.state.get(what, 0)

    def set(self, what: Field, value: int) -> None:
        if what is f.VLAN_VID:
            self.frame = self.frame[:14] + (value & 0xFFF).to_bytes(2, "big") + self.frame[16:]
        elif what in _WHERE:
            at = _WHERE[what]
            self.frame = self.frame[:at] + value.to_bytes(what.size, "big") + self.frame[at + what.size :]
            if what in (f.NW_TTL, f.IPV4_SRC, f.IPV4_DST):
                self.frame = _summed(self.frame, 14)
        else:
            self.meta[f.IN_PORT if what is f.NX_IN_PORT else what] = value

    def copy(self) -> Packet:
        return Packet(self.frame, dict(self.meta), self.read)

    def take(self, ip: Ip, mac_ends: int = 14) -> None:
        """Addresses and ports, also of what is quoted, as conntrack has translated them."""
        at = mac_ends + (self.frame[mac_ends] & 0x0F) * 4
        self.frame = _translated(self.frame, mac_ends, ip)
        if ip.about is not None:
            self.frame = _translated(self.frame, at + 8, ip.about)


def _translated(frame: bytes, at: int, ip: Ip) -> bytes:
    l4 = at + (frame[at] & 0x0F) * 4
    frame = _summed(frame[: at + 12] + ip.src.packed + ip.dst.packed + frame[at + 20 :], at)
    return frame if ip.proto not in (TCP, UDP) or ip.later_fragment else frame[:l4] + struct.pack("!HH", *ip.l4) + frame[l4 + 4 :]


def _summed(frame: bytes, at: int) -> bytes:
    """With the checksum of the IPv4 header there made right: routers answer nothing where it is wrong."""
    header = frame[at : at + 10] + bytes(2) + frame[at + 12 : at + (frame[at] & 0x0F) * 4]
    return frame[: at + 10] + (-int.from_bytes(header, "big") % 0xFFFF).to_bytes(2, "big") + frame[at + 12 :]


@dataclass
class Bridge:
    """`up` gets packet-ins, `out` what leaves by a port with its tunnel id. `chosen` is the hash of all packets."""

    lookup: Lookup
    groups: dict[int, Group]
    up: Callable[[bytes], None]
    out: Callable[[int, int, bytes], None]
    chosen: int = 0
    down: set[int] = field(default_factory=set)
    """Ports whose failover buckets are passed over."""
    exhausted: bool = False
    """Whether nothing is left to translate new connections to."""
    known: Conntrack = field(default_factory=Conntrack)
    began: dict[bytes, object] = field(default_factory=dict)
    """By the message that has it forgotten, each connection that was committed."""
    unknown: list[bytes] = field(default_factory=list)
    """Messages that had connections forgotten which nobody began."""

    on_top: Lookup = field(default_factory=lambda: Lookup(()))
    """Flows that it has for a while."""

    def receive(self, frame: bytes, in_port: int, tun_id: int = 0) -> None:
        """A frame comes in by a port."""
        packet = Packet(frame, {f.IN_PORT: in_port, f.TUN_ID: tun_id})
        self._look_up(0, packet)

    def message(self, data: bytes) -> None:
        """Messages from the controller."""
        while data:
            _, kind, length = struct.unpack_from("!BBH", data)
            one, data = data[:length], data[length:]
            if kind == PACKET_OUT:
                _, in_port, size = struct.unpack_from("!IIH", one, 8)
                self._apply(tuple(_read(one[24 : 24 + size])), Packet(one[24 + size :], {f.IN_PORT: in_port}), None)
            else:
                assert kind == EXPERIMENTER
                self._forget(one)

    def _forget(self, data: bytes) -> None:
        entry = self.began.pop(data, None)
        if entry is None:
            self.unknown.append(data)
        self.known.entries = [e for e in self.known.entries if e is not entry]

    def _look_up(self, table: int, packet: Packet) -> None:
        state = packet.state
        both = (lookup.find(table, state) for lookup in (self.on_top, self.lookup))
        flow = max((flow for flow in both if flow is not None), key=lambda flow: flow.priority, default=None)
        if flow is None:
            return
        self._apply(flow.instructions.actions, packet, flow)
        if flow.instructions.goto is not None:
            self._look_up(flow.instructions.goto, packet)

    def _apply(self, actions: tuple[a.Action, ...], packet: Packet, flow: Flow | None) -> None:
        try:
            for action in actions:
                self._one(action, packet, flow)
        except _Dropped:
            return

    def _one(self, action: a.Action, packet: Packet, flow: Flow | None) -> None:  # noqa: C901  one case for each
        match action:
            case a.SetField(what, value):
                packet.set(what, value)
            case Load(what, value, first, bits):
                mask = (1 << bits) - 1 << first
                packet.set(what, packet.get(what) & ~mask | value << first)
            case a.Move(source, target):
                packet.set(target, packet.get(source))
            case a.ForgetInPort():
                packet.meta[f.IN_PORT] = 0xFFFF
            case a.SetTtl(ttl):
                packet.set(f.NW_TTL, ttl)
            case a.DecTtl():
                _less_ttl(packet)
            case a.PushVlan():
                packet.frame = packet.frame[:12] + b"\x81\0\0\0" + packet.frame[12:]
            case a.PopVlan():
                packet.frame = packet.frame[:12] + packet.frame[16:]
            case a.Resubmit(table):
                self._look_up(table, packet)
            case a.ToGroup(number):
                self._to_group(number, packet, flow)
            case a.CtClear():
                packet.meta = {k: v for k, v in packet.meta.items() if k not in _CT}
            case a.Multipath(_, links, target):
                packet.set(target, self.chosen % links)
            case a.CheckLarger(octets, target):
                packet.set(target, int(len(packet.frame) > octets))
            case a.Ct():
                self._track(action, packet)
            case a.Punt() | Controller():
                self._punt(packet, flow)
            case a.Output(port):
                self._send(port, packet)
            case OutputTo(register):
                self._send(packet.get(register) & 0xFFFF, packet)
            case _:
                raise AssertionError(action)

    def _to_group(self, number: int, packet: Packet, flow: Flow | None) -> None:
        group = self.groups.get(number)
        if group is None or not group.buckets:
            return
        buckets = [b if isinstance(b, Bucket) else Bucket(b) for b in group.buckets]
        weighty = [b for b in buckets if b.weight] or buckets
        alive = (bucket for bucket in buckets if bucket.watch not in self.down)
        bucket = next(alive) if group.kind == "failover" else weighty[self.chosen % len(weighty)]
        self._apply(bucket.actions, packet.copy(), flow)

    def _send(self, port: int, packet: Packet) -> None:
        if port != packet.meta.get(f.IN_PORT):
            self.out(port, packet.get(f.TUN_ID), packet.frame)

    def _punt(self, packet: Packet, flow: Flow | None) -> None:
        assert flow is not None
        told = {k: v for k, v in packet.meta.items() if v and k in _TOLD}
        match = Flow(0, 0, make_match(told), a.Instructions(), 0).match_bytes
        body = struct.pack("!HH", 1, 4 + len(match)) + match
        head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(packet.frame), 1, flow.table, flow.cookie)
        self.up(message(PACKET_IN, head + body + bytes(-len(body) % 8) + b"\0\0" + packet.frame))

    def _track(self, ct: a.Ct, packet: Packet) -> None:
        zone = ct.zone if isinstance(ct.zone, int) else packet.get(ct.zone) & 0xFFFF
        mark = 0 if ct.mark is None else packet.get(ct.mark) & 1
        nat = None if ct.nat is None else ct.nat.text().removeprefix("nat").strip("()")
        way, before = _way(packet), len(self.known.entries)
        if self.exhausted and nat and ct.table is not None:
            packet.meta |= {f.CT_STATE: f.CT_TRK | f.CT_INV, f.CT_ZONE: zone, f.CT_MARK: 0}
            self._look_up(ct.table, packet.copy())
            return
        states, translated = self.known.track(DatapathCt(zone, ct.commit, nat, mark), from_frame(packet.frame))
        if len(self.known.entries) > before:
            self.began[ct_flush(zone, packet.get(f.IP_PROTO), original=way)] = self.known.entries[-1]
        if ct.table is None:
            return
        tracked = packet.copy()
        if nat is not None:
            assert isinstance(translated.body, Ip)
            tracked.take(translated.body)
        bits = 0
        for state in states.split("|"):
            bits |= _STATES[state]
        tracked.meta |= {f.CT_STATE: bits, f.CT_ZONE: zone, f.CT_MARK: self.known.mark}
        self._look_up(ct.table, tracked)


def _less_ttl(packet: Packet) -> None:
    if packet.get(f.NW_TTL) <= 1:
        raise _Dropped
    packet.set(f.NW_TTL, packet.get(f.NW_TTL) - 1)


_IN_PORT = {f.NX_IN_PORT.handle >> 9: f.NX_IN_PORT}


def _read(data: bytes) -> Iterator[a.Action]:
    """The actions of a packet-out."""
    while data:
        kind, length = struct.unpack_from("!HH", data)
        one, data = data[:length], data[length:]
        is_load = kind == EXPERIMENTER_ACTION and one[8:10] == NX_LOAD.to_bytes(2, "big")
        yield (read_load(one, _IN_PORT) if is_load else None) or _action(kind, one)


def _way(packet: Packet) -> Way:
    state = packet.state
    ends, proto = (state.get(f.IPV4_SRC, 0), state.get(f.IPV4_DST, 0)), state.get(f.IP_PROTO)
    if proto == ICMP:
        return Way(*ends, icmp_id=echo_of(packet.frame)[0], icmp_type=state.get(f.ICMP_TYPE), icmp_code=state.get(f.ICMP_CODE))
    ports = {TCP: (f.TCP_SRC, f.TCP_DST), UDP: (f.UDP_SRC, f.UDP_DST)}.get(proto or 0)
    return Way(*ends) if ports is None else Way(*ends, *(state.get(p) for p in ports))
