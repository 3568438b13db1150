"""A switch as far as flow, group and meter messages go, which looks after each of them whether anything points nowhere."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ryu_overlay.openflow.actions_nicira import EXPERIMENTER, NX_CONTROLLER2, read_controller
from ryu_overlay.openflow.diff import Installed
from ryu_overlay.openflow.messages import BARRIER_REQUEST, FLOW_MOD, GROUP_MOD, METER_MOD

ADD, MODIFY, DELETE, DELETE_STRICT = 0, 1, 2, 4
_METER, _APPLY, _GROUP_ACTION = 6, 4, 22
_COPY = NX_CONTROLLER2.to_bytes(2, "big")


class PretendSwitch:
    """Takes messages as OpenFlow 1.3.5 section 6 has it. Fails on what a real one refuses, and on a hole."""

    def __init__(self) -> None:
        self.installed = Installed()
        self._barrier_since_put = True

    def take(self, message: bytes) -> None:
        """Do what one message says."""
        _, kind, length, _ = struct.unpack_from("!BBHI", message)
        assert length == len(message)
        if kind == BARRIER_REQUEST:
            self._barrier_since_put = True
            return
        deletes = {FLOW_MOD: self._flow, GROUP_MOD: self._group, METER_MOD: self._meter}[kind](message)
        assert self._barrier_since_put or not deletes, "deleted before what takes its place is sure to be there"
        self._barrier_since_put = self._barrier_since_put and deletes

    def _flow(self, message: bytes) -> bool:
        cookie, table, command, priority = struct.unpack_from("!Q8xBB4xH", message, 8)
        (match_length,) = struct.unpack_from("!H", message, 50)
        key = table, priority, message[52 : 48 + match_length]
        instructions = message[48 + (match_length + 7) // 8 * 8 :]
        if command == DELETE_STRICT:
            del self.installed.flows[key]
            return True
        assert command == ADD
        self._check(instructions)
        self.installed.flows[key] = cookie, instructions
        return False

    def _group(self, message: bytes) -> bool:
        command, kind, number = struct.unpack_from("!HBxI", message, 8)
        if command == DELETE:
            del self.installed.groups[number]
            for _, instructions in self.installed.flows.values():
                self._check(instructions)
            return True
        assert command == (MODIFY if number in self.installed.groups else ADD)
        self.installed.groups[number] = kind, message[16:]
        return False

    def _meter(self, message: bytes) -> bool:
        command, flags, number = struct.unpack_from("!HHI", message, 8)
        if command == DELETE:
            del self.installed.meters[number]
            for _, instructions in self.installed.flows.values():
                self._check(instructions)
            return True
        assert command == (MODIFY if number in self.installed.meters else ADD)
        self.installed.meters[number] = struct.pack("!H", flags) + message[16:]
        return False

    def _check(self, instructions: bytes) -> None:
        for what, number in pointers(instructions):
            assert number in (self.installed.groups if what == "group" else self.installed.meters), f"no {what} {number}"


def pointers(instructions: bytes) -> Iterator[tuple[str, int]]:
    """The groups and meters that instructions point to; meters of copies for the controller as `copy`."""
    for kind, body in _parts(instructions):
        if kind == _METER:
            yield "meter", int.from_bytes(body[:4], "big")
        elif kind == _APPLY:
            for action, inside in _parts(body[4:]):
                if action == _GROUP_ACTION:
                    yield "group", int.from_bytes(inside[:4], "big")
                elif action == EXPERIMENTER and inside[4:6] == _COPY:
                    copy = read_controller(b"\0\0\0\0" + inside)
                    if copy is not None and copy.meter is not None:
                        yield "copy", copy.meter


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, what follows the length) of each instruction or action."""
    while data:
        kind, length = struct.unpack_from("!HH", data)
        yield kind, data[4:length]
        data = data[length:]
