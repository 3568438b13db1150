"""A switch that takes OpenFlow bytes, does what they say as Open vSwitch does, and answers."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from functools import lru_cache

from ryu_overlay.engine.events import Confirmed, Event, Read, Refusal, SwitchRead
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import FlowKey, FlowValue
from ryu_overlay.openflow.replies import InstalledFlow
from ryu_overlay.pipeline.cookies import is_ours
from tests.unit.openflow.pretend_switch import pointers


class SimulatedSwitch:
    """A bridge that does what messages say when told to `work`, and keeps its answers until they are fetched."""

    def __init__(self, dpid: int) -> None:
        self.dpid = dpid
        self.flows: dict[FlowKey, FlowValue] = {}
        self.groups: dict[int, tuple[int, bytes]] = {}
        self.meters: dict[int, bytes] = {}
        self.inbox: deque[bytes | Read] = deque()
        self.outbox: deque[Event] = deque()
        self.received = 0
        self.refuses: Callable[[bytes], bool] = lambda message: False

    @property
    def ours(self) -> dict[FlowKey, FlowValue]:
        return {key: value for key, value in self.flows.items() if is_ours(value[0])}

    def restart(self) -> None:
        """Lose everything but the foreign flows that somebody puts back."""
        self.flows, self.groups, self.meters = {}, {}, {}
        self.disconnect()

    def disconnect(self) -> None:
        self.inbox.clear()
        self.outbox.clear()

    def work(self, count: int | None = None) -> None:
        """Take up to `count` messages (None: all) from the inbox."""
        while self.inbox and (count is None or count > 0):
            what = self.inbox.popleft()
            if isinstance(what, Read):
                self.outbox.append(self._dump(what.token))
            else:
                self._take(what)
            count = None if count is None else count - 1

    def _dump(self, token: int) -> SwitchRead:
        flows = tuple(InstalledFlow(key, value, 0, 0) for key, value in self.flows.items())
        return SwitchRead(self.dpid, token, flows, dict(self.groups), dict(self.meters))

    def _take(self, message: bytes) -> None:
        version, kind, length, xid = struct.unpack_from("!BBHI", message)
        assert version == messages.VERSION and length == len(message)
        if kind == messages.BARRIER_REQUEST:
            if xid:
                self.outbox.append(Confirmed(self.dpid, xid))
            return
        self.received += 1
        if kind in (messages.PACKET_OUT, messages.EXPERIMENTER):
            return  # of these nothing stays in the switch
        take = {messages.FLOW_MOD: self._flow, messages.GROUP_MOD: self._group, messages.METER_MOD: self._meter}[kind]
        if self.refuses(message) or not take(message):
            self.outbox.append(Refusal(self.dpid, xid, "refused"))

    def _flow(self, message: bytes) -> bool:
        cookie, _, table, command = struct.unpack_from("!QQBB", message, 8)
        (priority,) = struct.unpack_from("!H", message, 30)
        (match_length,) = struct.unpack_from("!H", message, 50)
        key = table, priority, message[52 : 48 + match_length]
        instructions = message[48 + (match_length + 7) // 8 * 8 :]
        if command == 4:
            self.flows.pop(key, None)
            return True
        assert command == 0
        if instructions[:4] == b"\0\x06\0\x08" and struct.unpack_from("!I", instructions, 4)[0] not in self.meters:
            return False
        if not (_groups_of(instructions) <= self.groups.keys() and _copies_of(instructions) <= self.meters.keys()):
            return False
        self.flows[key] = cookie, instructions
        return True

    def _group(self, message: bytes) -> bool:
        command, kind, number = struct.unpack_from("!HBxI", message, 8)
        if command == 2:
            self.groups.pop(number, None)
            self.flows = {k: v for k, v in self.flows.items() if number not in _groups_of(v[1])}
            return True
        if (command == 1) != (number in self.groups):
            return False
        self.groups[number] = kind, message[16:]
        return True

    def _meter(self, message: bytes) -> bool:
        command, flags, number = struct.unpack_from("!HHI", message, 8)
        if command == 2:
            if number in self.meters:
                self.delete_meter(number)
            return True
        if command > 1 or (command == 1) != (number in self.meters):
            return False
        self.meters[number] = struct.pack("!H", flags) + message[16:]
        return True

    def delete_meter(self, number: int) -> None:
        """By hand: Open vSwitch then deletes the flows that use it as well."""
        del self.meters[number]
        uses = b"\0\x06\0\x08" + struct.pack("!I", number)
        self.flows = {k: v for k, v in self.flows.items() if v[1][:8] != uses}


@lru_cache(maxsize=100_000)
def _copies_of(instructions: bytes) -> frozenset[int]:
    """The meters of copies that a flow makes for the controller."""
    return frozenset(number for what, number in pointers(instructions) if what == "copy")


@lru_cache(maxsize=100_000)
def _groups_of(instructions: bytes) -> frozenset[int]:
    """The groups that a flow hands packets to."""
    return frozenset(number for what, number in pointers(instructions) if what == "group")
