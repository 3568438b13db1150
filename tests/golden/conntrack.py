"""What the datapath's connection tracking does, which `ofproto/trace` does not: states and translated packets between two parts
of a trace.

After Open vSwitch 3.1's userspace conntrack, as far as flows of ours can tell: one table a chassis, connections by zone, ports
kept unless out of range, no time-outs. It shares no code with the reference walk, nor any knowledge of tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from ryu_overlay.model.walk_values import ICMP, TCP, UDP, Ip, Packet

Tuple5 = tuple[int, IPv4Address, int, IPv4Address, int]
"""Protocol, source and its port, destination and its port; ports are 0 where there are none."""

_NAT = re.compile(r"(src|dst)=([\d.]+)(?::(\d+)(?:-(\d+))?)?")
_ERRORS = (3, 4, 5, 11, 12)
_REQUESTS = (8, 13, 15)


@dataclass(frozen=True, slots=True)
class Ct:
    """The datapath's action `ct(...)`."""

    zone: int
    commit: bool
    nat: str | None
    mark: int = 0

    @classmethod
    def parse(cls, inside: str) -> Ct:
        """Of what stands in its parentheses."""
        zone = re.search(r"zone=(\d+)", inside)
        nat = re.search(r"nat(?:\(([^)]*)\))?", inside)
        mark = re.search(r"mark=(\w+)", inside)
        number, of_mark = int(zone[1]) if zone else 0, int(mark[1], 0) if mark else 0
        return cls(number, "commit" in inside, (nat[1] or "") if nat else None, of_mark)


@dataclass
class _Entry:
    """Both directions of a connection as packets of it come in; it was answered once one came the other way."""

    zone: int
    original: Tuple5
    reply: Tuple5
    mark: int = 0
    answered: bool = False


@dataclass
class Conntrack:
    """A chassis' connections. `mark` is that of the one that the last packet belongs to, 0 for none."""

    entries: list[_Entry] = field(default_factory=list)
    mark: int = 0

    def track(self, ct: Ct, packet: Packet) -> tuple[str, Packet]:
        """The states that the packet has behind the action, as `ct_state` in a flow's text, and the packet."""
        ip = packet.body
        assert isinstance(ip, Ip) and (ct.nat is not None or not ct.commit)
        self.mark = 0
        is_error = ip.proto == ICMP and ip.l4[0] in _ERRORS
        if ip.later_fragment or (is_error and ip.about is None):
            return "trk|inv", packet
        key = _turned(_key(ip.about)) if is_error and ip.about is not None else _key(ip)
        entry = next((e for e in reversed(self.entries) if e.zone == ct.zone and key in (e.original, e.reply)), None)
        if entry is None and not is_error and _begins(ip):
            if not ct.commit:
                return "trk|new", packet
            entry = _Entry(ct.zone, key, _turned(_translated(key, ct.nat or "")), ct.mark)
            self.entries.append(entry)
        if entry is None:
            return "trk|inv", packet
        self.mark = entry.mark
        return self._known(entry, key, packet, ip, is_error)

    @staticmethod
    def _known(entry: _Entry, key: Tuple5, packet: Packet, ip: Ip, is_error: bool) -> tuple[str, Packet]:
        replies = key != entry.original
        after = _turned(entry.original) if replies else _turned(entry.reply)
        if not is_error:
            entry.answered = entry.answered or replies
        states = ["trk", "rel" if is_error else "est" if entry.answered else "new"]
        states += ["rpl"] if replies else []
        states += ["snat"] if after[1:3] != key[1:3] else []
        states += ["dnat"] if after[3:] != key[3:] else []
        if not is_error:
            return "|".join(states), replace(packet, body=_with(ip, after))
        assert ip.about is not None
        outer = replace(ip, about=_with(ip.about, _turned(after)))
        outer = replace(outer, src=after[1]) if after[1] != key[1] else outer
        outer = replace(outer, dst=after[3]) if after[3] != key[3] else outer
        return "|".join(states), replace(packet, body=outer)


def _key(ip: Ip) -> Tuple5:
    first, second = ip.l4 if ip.proto in (TCP, UDP) else (0, 0)
    return ip.proto, ip.src, first, ip.dst, second


def _turned(key: Tuple5) -> Tuple5:
    return key[0], key[3], key[4], key[1], key[2]


def _with(ip: Ip, key: Tuple5) -> Ip:
    return replace(ip, src=key[1], dst=key[3], l4=(key[2], key[4]) if ip.proto in (TCP, UDP) else ip.l4)


def _begins(ip: Ip) -> bool:
    if ip.proto == TCP and ip.syn_ack:
        return False
    return ip.proto != ICMP or (ip.l4[0] in _REQUESTS and ip.l4[1] == 0)


def _translated(key: Tuple5, nat: str) -> Tuple5:
    found = _NAT.search(nat)
    if found is None:
        return key
    proto, src, sport, dst, dport = key
    address, first = IPv4Address(found[2]), int(found[3] or 0)
    last = int(found[4] or first)
    ported = first and proto in (TCP, UDP)
    if found[1] == "src":
        return proto, address, first if ported and not first <= sport <= last else sport, dst, dport
    return proto, src, sport, address, first if ported and not first <= dport <= last else dport
