"""What we read of the multipart replies (OpenFlow 1.3.5 section 7.3.5) that come back from a switch.

Not Ryu's objects: an action list read back into those does not compare; see docs/decisions/0003-own-encoder.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ryu_overlay.openflow.flow import FlowKey, FlowValue

_MORE = 1
_PORT_STATS = struct.Struct("!I4x8Q40x")
_METER_COUNT = struct.Struct("!IH6xIQQII")
_NOT_COUNTED = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class InstalledFlow:
    """A flow as the switch dumps it. `packets` and `bytes` count what it matched."""

    key: FlowKey
    value: FlowValue
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FlowCount:
    """What a flow has counted, and for how many seconds it has been there."""

    key: FlowKey
    cookie: int
    packets: int
    bytes: int
    age: float


@dataclass(frozen=True, slots=True)
class Multipart:
    """One multipart reply: its kind, whether more follow with the same xid, and its body."""

    kind: int
    more: bool
    body: bytes


def parse_multipart(data: bytes) -> Multipart:
    kind, flags = struct.unpack_from("!HH", data, 8)
    return Multipart(kind, bool(flags & _MORE), bytes(data[16:]))


def parse_flows(body: bytes) -> Iterator[InstalledFlow]:
    """The flows in a flow multipart reply (section 7.3.5.2)."""
    offset, end = 0, len(body)
    while offset < end:
        length, table = struct.unpack_from("!HB", body, offset)
        (priority,) = struct.unpack_from("!H", body, offset + 12)
        cookie, packets, octets = struct.unpack_from("!QQQ", body, offset + 24)
        (match_length,) = struct.unpack_from("!H", body, offset + 50)
        oxm = body[offset + 52 : offset + 48 + match_length]
        start = offset + 48 + (match_length + 7) // 8 * 8
        yield InstalledFlow((table, priority, oxm), (cookie, body[start : offset + length]), packets, octets)
        offset += length


def parse_counts(body: bytes) -> Iterator[FlowCount]:
    """The counters in a flow multipart reply (section 7.3.5.2)."""
    offset, end = 0, len(body)
    while offset < end:
        length, table, seconds, nanoseconds, priority = struct.unpack_from("!HBxIIH", body, offset)
        cookie, packets, octets = struct.unpack_from("!QQQ", body, offset + 24)
        (match_length,) = struct.unpack_from("!H", body, offset + 50)
        key = (table, priority, body[offset + 52 : offset + 48 + match_length])
        yield FlowCount(key, cookie, packets, octets, seconds + nanoseconds / 1e9)
        offset += length


def told_by_others(body: bytes) -> bool:
    """Whether a flow monitor's reply tells of a change that another connection made, or time did."""
    offset, brief = 8, 3
    while offset + 4 <= len(body):
        length, event = struct.unpack_from("!HH", body, offset)
        if event != brief:
            return True
        offset += max(length, 8)
    return False


def parse_groups(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(number, type, buckets) of each group in a group description reply."""
    offset = 0
    while offset < len(body):
        length, kind, number = struct.unpack_from("!HBxI", body, offset)
        yield number, kind, body[offset + 8 : offset + length]
        offset += length


def parse_meters(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, flags and bands) of each meter in a meter configuration reply."""
    offset = 0
    while offset < len(body):
        length, flags, number = struct.unpack_from("!HHI", body, offset)
        yield number, struct.pack("!H", flags) + body[offset + 8 : offset + length]
        offset += length


class MeterDrops(NamedTuple):
    """What came to a meter so far, and what of it was dropped, over its bands."""

    number: int
    packets: int
    dropped: int
    dropped_bytes: int


def parse_meter_drops(body: bytes) -> Iterator[MeterDrops]:
    """The meters in a meter statistics reply (section 7.3.5.14)."""
    offset = 0
    while offset < len(body):
        number, length, packets = struct.unpack_from("!IH10xQ", body, offset)
        bands = [struct.unpack_from("!QQ", body, at) for at in range(offset + 40, offset + length, 16)]
        yield MeterDrops(number, packets, sum(b[0] for b in bands), sum(b[1] for b in bands))
        offset += length


class MeterCount(NamedTuple):
    """What came to a meter so far, for how many seconds it has been there, and how many flows lead to it."""

    number: int
    flows: int
    packets: int
    bytes: int
    age: float


def parse_meter_counts(body: bytes) -> Iterator[MeterCount]:
    """The meters in a meter statistics reply (section 7.3.5.14)."""
    offset = 0
    while offset < len(body):
        number, length, flows, packets, octets, seconds, nanoseconds = _METER_COUNT.unpack_from(body, offset)
        yield MeterCount(number, flows, packets, octets, seconds + nanoseconds / 1e9)
        offset += length


@dataclass(frozen=True, slots=True)
class PortStats:
    """The counters of an OpenFlow port since it was made. None: the switch does not count it for such a port."""

    port: int
    rx_packets: int | None
    tx_packets: int | None
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    rx_errors: int | None
    tx_errors: int | None


def parse_port_stats(body: bytes) -> Iterator[PortStats]:
    """The counters in a port statistics reply (section 7.3.5.6). Raises struct.error if its end is missing."""
    for port, *counters in _PORT_STATS.iter_unpack(body):
        yield PortStats(port, *(None if n == _NOT_COUNTED else n for n in counters))
