"""Simulated switches that answer questions about flows, groups and ports, as Open vSwitch does."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import FlowKey
from tests.unit.engine.simulated import SimulatedSwitch
from tests.unit.engine.world import World

Counts = dict[FlowKey, tuple[int, int]]
PORT_STATS = struct.Struct("!I4x8Q40x")
METER_STATS = struct.Struct("!IH10xQ16xQQ")


class Answering:
    """Answers for the switches of a world. `counts` has, by chassis, packets and bytes of flows, `meters` by chassis and
    number what came to a meter and what it dropped in packets and bytes; `away` who does not answer.

    `asked` are the questions, by chassis and kind of multipart.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts: dict[str, Counts] = {}
        self.ports: dict[tuple[str, int], tuple[int, ...]] = {}
        self.meters: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.away: set[str] = set()
        self.asked: list[tuple[str, int]] = []

    def __call__(self, questions: Sequence[tuple[int, Callable[[int], bytes]]]) -> list[list[bytes] | None]:
        return [self._answer(dpid, request(0x80000001)) for dpid, request in questions]

    def _answer(self, dpid: int, data: bytes) -> list[bytes] | None:
        name = next(h.name for h in self.world.hypervisors.values() if h.switch.dpid == dpid)
        version, kind, length, xid = struct.unpack_from("!BBHI", data)
        assert (version, kind, length, xid) == (messages.VERSION, messages.MULTIPART_REQUEST, len(data), 0x80000001)
        (what,) = struct.unpack_from("!H", data, 8)
        self.asked.append((name, what))
        if name in self.away:
            return None
        switch = self.world[name].switch
        if what == messages.STATS_FLOW:
            return [self._flows(name, switch, data)]
        if what == messages.STATS_GROUP_DESC:
            groups = ((number, kind, buckets) for number, (kind, buckets) in switch.groups.items())
            return [b"".join(struct.pack("!HBxI", 8 + len(b), kind, number) + b for number, kind, b in groups)]
        (port,) = struct.unpack_from("!I", data, 16)
        if what == messages.STATS_METER:
            return [METER_STATS.pack(port, METER_STATS.size, *self.meters.get((name, port), (0, 0, 0)))]
        assert what == messages.STATS_PORT
        return [PORT_STATS.pack(port, *self.ports[name, port])] if (name, port) in self.ports else [b""]

    def _flows(self, name: str, switch: SimulatedSwitch, data: bytes) -> bytes:
        table, cookie, mask = struct.unpack_from("!B11x4xQQ", data, 16)
        (match_length,) = struct.unpack_from("!H", data, 50)
        wanted = set(_oxms(data[52 : 48 + match_length]))
        body = b""
        for key, (own, instructions) in switch.flows.items():
            if table in (messages.ALL_TABLES, key[0]) and not (own ^ cookie) & mask and wanted <= set(_oxms(key[2])):
                body += _entry(key, own, instructions, self.counts.get(name, {}).get(key, (0, 0)))
        return body


def _oxms(match: bytes) -> list[bytes]:
    found, offset = [], 0
    while offset < len(match):
        end = offset + 4 + match[offset + 3]
        found.append(match[offset:end])
        offset = end
    return found


def _entry(key: FlowKey, cookie: int, instructions: bytes, counts: tuple[int, int]) -> bytes:
    """A flow as a switch dumps it (OpenFlow 1.3.5 section 7.3.5.2)."""
    table, priority, oxm = key
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    match += bytes(-len(match) % 8)
    head = struct.pack("!HBxIIHHHH4xQQQ", 48 + len(match) + len(instructions), table, 0, 0, priority, 0, 0, 0, cookie, *counts)
    return head + match + instructions
