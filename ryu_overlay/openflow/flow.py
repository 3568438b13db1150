"""Flows, groups and meters, and the whole of them on one bridge.

A flow is known by its `key` (table, priority, match) and described by its `value` (cookie, instructions), both as
Open vSwitch would dump them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ryu_overlay.openflow.actions import Action, Instructions, encode_actions
from ryu_overlay.openflow.fields import ETH_ARP, ETH_IP, ETH_TYPE, IP_PROTO, WIRE_ORDER, Field

MatchItem = tuple[Field, int, "int | None"]
FlowKey = tuple[int, int, bytes]
FlowValue = tuple[int, bytes]

_RANK = {f: i for i, f in enumerate(WIRE_ORDER)}
_HEADERS = {f: (struct.pack("!I", f.header | f.size), struct.pack("!I", f.header | 0x100 | 2 * f.size)) for f in WIRE_ORDER}
_PROTO_WORDS = {1: "icmp", 6: "tcp", 17: "udp"}


@dataclass(frozen=True)
class Flow:
    """One OpenFlow flow. `match` holds (field, value, mask or None for all bits) in wire order."""

    table: int
    priority: int
    match: tuple[MatchItem, ...]
    instructions: Instructions
    cookie: int

    @cached_property
    def match_bytes(self) -> bytes:
        """The match's OXM fields, without header and padding."""
        parts = []
        for field, value, mask in self.match:
            plain, masked = _HEADERS[field]
            if mask is None or mask == field.full:
                parts += [plain, value.to_bytes(field.size, "big")]
            else:
                parts += [masked, value.to_bytes(field.size, "big"), mask.to_bytes(field.size, "big")]
        return b"".join(parts)

    @cached_property
    def key(self) -> FlowKey:
        return self.table, self.priority, self.match_bytes

    @cached_property
    def value(self) -> FlowValue:
        return self.cookie, self.instructions.encoded

    @property
    def match_text(self) -> str:
        """The match as `ovs-ofctl` reads it."""
        given = {field: value for field, value, _ in self.match}
        words = []
        if given.get(ETH_TYPE) == ETH_ARP:
            words.append("arp")
        elif given.get(ETH_TYPE) == ETH_IP:
            words.append(_PROTO_WORDS.get(given.get(IP_PROTO, 0), "ip"))
        for field, value, mask in self.match:
            if field is ETH_TYPE or (field is IP_PROTO and value in _PROTO_WORDS):
                continue
            if field.name == "nw_frag":
                words.append("nw_frag=later")
            elif mask is None or mask == field.full:
                words.append(f"{field.name}={field.text(value)}")
            else:
                words.append(f"{field.name}={field.text(value)}/{field.text(mask)}")
        return ",".join(words)

    @property
    def text(self) -> str:
        """The flow as a line that `ovs-ofctl -O OpenFlow13 add-flows` takes."""
        match = f",{self.match_text}" if self.match else ""
        head = f"table={self.table},priority={self.priority}{match},cookie=0x{self.cookie:x}"
        return f"{head},actions={self.instructions.text}"


def make_match(items: Mapping[Field, int | tuple[int, int]]) -> tuple[MatchItem, ...]:
    """A match from {field: value or (value, mask)}. A mask of 0 matches anything and is left out."""
    match = []
    for field in sorted(items, key=_RANK.__getitem__) if len(items) > 1 else items:
        given = items[field]
        if isinstance(given, tuple):
            value, mask = given
            if mask:
                match.append((field, value & mask, None if mask == field.full else mask))
        else:
            match.append((field, given, None))
    return tuple(match)


@dataclass(frozen=True)
class Group:
    """A select group: each connection takes one bucket by its hash."""

    number: int
    buckets: tuple[tuple[Action, ...], ...]

    @cached_property
    def encoded(self) -> bytes:
        """The buckets as a group description shows them (OpenFlow 1.3.5 section 7.3.4.2)."""
        parts = []
        for actions in self.buckets:
            body = encode_actions(actions)
            parts.append(struct.pack("!HHII4x", 16 + len(body), 1, 0xFFFFFFFF, 0xFFFFFFFF) + body)
        return b"".join(parts)

    @property
    def text(self) -> str:
        """The group as a line that `ovs-ofctl -O OpenFlow13 add-groups` takes."""
        buckets = ",".join("bucket=weight:1,actions=" + ",".join(a.text() for a in b) for b in self.buckets)
        return f"group_id={self.number},type=select,{buckets}"


@dataclass(frozen=True)
class Meter:
    """Drops packets above `rate` a second, allowing `burst` packets at once. Both 1 to 2**32 - 1."""

    number: int
    rate: int
    burst: int

    @cached_property
    def encoded(self) -> bytes:
        """Flags and bands as a meter configuration shows them: packets a second, burst, counted."""
        return struct.pack("!H", 0x0E) + struct.pack("!HHII4x", 1, 16, self.rate, self.burst)

    @property
    def text(self) -> str:
        """The meter as `ovs-ofctl -O OpenFlow13 add-meter` takes it."""
        return f"meter={self.number},pktps,burst,stats,bands=type=drop,rate={self.rate},burst_size={self.burst}"


@dataclass(frozen=True, slots=True)
class Block:
    """Flows and groups that were compiled together from one scope, in no particular order."""

    flows: tuple[Flow, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """All that one bridge should have: blocks by scope, and meters. Blocks not changed are the same object as before."""

    blocks: Mapping[object, Block]
    meters: tuple[Meter, ...] = ()

    def flows(self) -> Iterator[Flow]:
        for block in self.blocks.values():
            yield from block.flows

    def groups(self) -> Iterator[Group]:
        for block in self.blocks.values():
            yield from block.groups

    def text(self) -> Iterable[str]:
        """Meters, groups and flows in a stable order, as `ovs-ofctl` lines."""
        yield from (m.text for m in self.meters)
        yield from (g.text for g in sorted(self.groups(), key=lambda g: g.number))
        yield from (f.text for f in sorted(self.flows(), key=lambda f: (f.table, -f.priority, f.match_bytes)))


EMPTY = Program({})
