"""The bridges of a world as the hands of monitoring see them: they take messages, and answer what they have counted."""

from __future__ import annotations

import struct
from collections.abc import Callable

import eventlet

from ryu_overlay.engine.events import Event
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import FlowKey
from ryu_overlay.pipeline.cookies import Why, read_cookie
from ryu_overlay.pipeline.tables import TABLE_NAMES
from ryu_overlay.southbound.switches import NoAnswer
from tests.unit.engine.world import World


class Talking:
    """In place of switches and of the loop. `counts` are packets by chassis and flow; flows are as old as the `age` of all, in
    seconds. Bridges that are `mute` refuse to answer, those that are `hung` do not for 5 s."""

    def __init__(self, world: World) -> None:
        self.world, self.engine = world, world.engine
        self.counts: dict[tuple[str, FlowKey], int] = {}
        self.age = 100.0
        self.mute: set[str] = set()
        self.hung: set[str] = set()
        self.sent: list[tuple[str, bytes]] = []
        self.alive: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.posted: list[Event] = []
        self.on_alive: Callable[[int], None] = lambda token: None

    def post(self, event: Event) -> None:
        self.posted.append(event)

    def send(self, dpid: int, out: tuple[bytes, ...]) -> None:
        self.sent += [(self._name(dpid), data) for data in out]

    def is_alive(self, dpid: int, token: int) -> None:
        self.alive.append((self._name(dpid), token))

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        name, data = self._name(dpid), request(1)
        self.asked.append(name)
        if name in self.hung:
            eventlet.sleep(5.0)
        if name in self.mute | self.hung:
            raise NoAnswer(f"{name} did not answer")
        (kind,) = struct.unpack_from("!H", data, 8)
        if kind == messages.STATS_GROUP_DESC:
            groups = self.world[name].switch.groups.items()
            return [struct.pack("!HBxI", 8 + len(body), of, number) + body for number, (of, body) in groups]
        assert kind == messages.STATS_FLOW
        table, cookie, mask = struct.unpack_from("!B15xQQ", data, 16)
        flows = self.world[name].switch.flows.items()
        some = ((k, v) for k, v in flows if table in (messages.ALL_TABLES, k[0]) and not (v[0] ^ cookie) & mask)
        return [self._flow(name, key, *value) for key, value in some]

    def take(self) -> list[tuple[str, bytes]]:
        """What was sent since this was asked last."""
        sent, self.sent = self.sent, []
        return sent

    def counted(self, chassis: str, table: int, why: Why, packets: int) -> None:
        """So many packets more came to the flows of a table that are there for this."""
        found = [k for k, v in self.world[chassis].switch.flows.items() if k[0] == table and read_cookie(v[0]) == why]
        assert found, f"{chassis} has no such flow in {TABLE_NAMES[table]}"
        self.counts[chassis, found[0]] = self.counts.get((chassis, found[0]), 0) + packets

    def _name(self, dpid: int) -> str:
        return next(name for name, hv in self.world.hypervisors.items() if hv.switch.dpid == dpid)

    def _flow(self, name: str, key: FlowKey, cookie: int, instructions: bytes) -> bytes:
        table, priority, oxm = key
        match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
        match += bytes(-len(match) % 8)
        length, packets = 48 + len(match) + len(instructions), self.counts.get((name, key), 0)
        age = int(self.age), round(self.age % 1 * 1e9)
        return struct.pack("!HBxIIHHHH4xQQQ", length, table, *age, priority, 0, 0, 0, cookie, packets, 0) + match + instructions
