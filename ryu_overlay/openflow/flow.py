"""Flows, groups and meters, and the whole of them on one bridge.

A flow is known by its `key` (table, priority, match) and described by its `value` (cookie, instructions), both as
Open vSwitch would dump them.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ryu_overlay.openflow.actions import Action, Instructions, encode_actions
from ryu_overlay.openflow.fields import ETH_ARP, ETH_IP, ETH_TYPE, IP_PROTO, WIRE_ORDER, Field

MatchItem = tuple[Field, int, "int | None"]
FlowKey = tuple[int, int, bytes]
FlowValue = tuple[int, bytes]

_RANK = {f: i for i, f in enumerate(WIRE_ORDER)}
_HEADS = {f: (f.head(masked=False), f.head(masked=True)) for f in WIRE_ORDER}
_ANY = 0xFFFFFFFF
_PROTO_WORDS = {1: "icmp", 6: "tcp", 17: "udp"}


@dataclass(frozen=True)
class Flow:
    """One OpenFlow flow. `match` holds (field, value, mask or None for all bits) in wire order. `seconds` (0 to 65535): the
    switch forgets it by itself after so long, 0 never; that is not part of what it is.
    """

    table: int
    priority: int
    match: tuple[MatchItem, ...]
    instructions: Instructions
    cookie: int
    seconds: int = dataclasses.field(default=0, compare=False)

    @cached_property
    def match_bytes(self) -> bytes:
        """The match's OXM fields, without header and padding."""
        parts = []
        for field, value, mask in self.match:
            plain, masked = _HEADS[field]
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
            if (field is ETH_TYPE and value in (ETH_ARP, ETH_IP)) or (field is IP_PROTO and value in _PROTO_WORDS):
                continue
            words.append(field.match_text(value, None if mask == field.full else mask))
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


@dataclass(frozen=True, slots=True)
class Bucket:
    """One way that a group can take a packet.

    `weight` (0 to 65535) is its share in a select group; 0 gets nothing. `watch` is an OpenFlow port (1 to 65279: none of the
    reserved): while it is down, or a monitor of its tunnel says so, the bucket is not taken. `watch_group` is a group in its
    place, alive while one of its buckets is. A failover group's buckets must have one of the two and no weight counts there.
    """

    actions: tuple[Action, ...]
    weight: int = 1
    watch: int | None = None
    watch_group: int | None = None

    @property
    def watches(self) -> bool:
        return self.watch is not None or self.watch_group is not None


GroupKind = Literal["select", "failover"]
GroupValue = tuple[int, bytes]
_GROUP_TYPES = {"select": (1, "select"), "failover": (3, "ff")}


@dataclass(frozen=True)
class Group:
    """Each connection takes one bucket by its hash (select), or each packet the first whose port is up (failover).

    A bucket given as bare actions has weight 1 and watches nothing. Raises ValueError for a failover bucket without a watch.
    """

    number: int
    buckets: tuple[tuple[Action, ...] | Bucket, ...]
    kind: GroupKind = "select"

    def __post_init__(self) -> None:
        if self.kind == "failover" and any(not isinstance(b, Bucket) or not b.watches for b in self.buckets):
            raise ValueError(f"a bucket of failover group {self.number} watches no port")

    @property
    def type(self) -> int:
        """The group type's number (OpenFlow 1.3.5 section 7.3.4.2)."""
        return _GROUP_TYPES[self.kind][0]

    @cached_property
    def encoded(self) -> bytes:
        """The buckets as a group description shows them (OpenFlow 1.3.5 section 7.3.4.2)."""
        parts = []
        for bucket in self._whole():
            body = encode_actions(bucket.actions)
            weight = bucket.weight if self.kind == "select" else 0
            watched = (_ANY if watch is None else watch for watch in (bucket.watch, bucket.watch_group))
            parts.append(struct.pack("!HHII4x", 16 + len(body), weight, *watched) + body)
        return b"".join(parts)

    @property
    def value(self) -> GroupValue:
        """What the group is: its type and buckets."""
        return self.type, self.encoded

    @property
    def text(self) -> str:
        """The group as a line that `ovs-ofctl -O OpenFlow13 add-groups` takes."""
        buckets = "".join(f",bucket={self._bucket_text(b)}" for b in self._whole())
        return f"group_id={self.number},type={_GROUP_TYPES[self.kind][1]}{buckets}"

    def _bucket_text(self, bucket: Bucket) -> str:
        words = [f"weight:{bucket.weight}"] if self.kind == "select" else []
        words += [f"watch_port:{bucket.watch}"] if bucket.watch is not None else []
        words += [f"watch_group:{bucket.watch_group}"] if bucket.watch_group is not None else []
        return ",".join([*words, "actions=" + (",".join(a.text() for a in bucket.actions) or "drop")])

    def _whole(self) -> Iterator[Bucket]:
        for bucket in self.buckets:
            yield bucket if isinstance(bucket, Bucket) else Bucket(bucket)


UNLIMITED = 2**32 - 1
"""A rate that nothing exceeds: the meter only counts. Open vSwitch takes none without a rate."""


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
    """Flows, groups and meters that were compiled together from one scope, in no particular order.

    What a meter has counted is of use when the flows are gone: so one that does no more than count stays until it is retired.
    """

    flows: tuple[Flow, ...] = ()
    groups: tuple[Group, ...] = ()
    meters: tuple[Meter, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """All that one bridge should have: blocks by scope, and the meters that are no block's. Blocks not changed are the same
    object as before."""

    blocks: Mapping[object, Block]
    meters: tuple[Meter, ...] = ()

    def flows(self) -> Iterator[Flow]:
        for block in self.blocks.values():
            yield from block.flows

    def groups(self) -> Iterator[Group]:
        for block in self.blocks.values():
            yield from block.groups

    def own_meters(self) -> Iterator[Meter]:
        """Those of its blocks."""
        for block in self.blocks.values():
            yield from block.meters

    def all_meters(self) -> tuple[Meter, ...]:
        """Those of the whole bridge, then those of its blocks, in a stable order."""
        return *self.meters, *sorted(self.own_meters(), key=lambda m: m.number)

    def text(self) -> Iterable[str]:
        """Meters, groups and flows in a stable order, as `ovs-ofctl` lines."""
        yield from (m.text for m in self.all_meters())
        yield from (g.text for g in sorted(self.groups(), key=lambda g: g.number))
        yield from (f.text for f in sorted(self.flows(), key=lambda f: (f.table, -f.priority, f.match_bytes)))


EMPTY = Program({})
