"""One bridge's OpenFlow connection: what is on its way to it, and replies that come in parts.

It does not know what the bytes it sends are for, nor other bridges.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import eventlet
from eventlet.green import socket
from eventlet.queue import LightQueue

from ryu_overlay.engine.events import SwitchRead
from ryu_overlay.openflow import messages, replies
from ryu_overlay.openflow.replies import InstalledFlow, Multipart

_CHUNK = 65536
_HEADER, _LENGTH = 8, struct.Struct("!H")
"""Bytes of an OpenFlow header (1.3.5 section 7.1), and the field in it, behind version and type, that says how long all is."""
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3), (socket.TCP_USER_TIMEOUT, 12_000))
"""A host that lost its power ends no connection: its silence does, after 12 s."""


class NoAnswer(Exception):
    """The bridge is not connected, refused the question, or did not answer in time."""


@dataclass
class Reading:
    """What a bridge has told of what it has."""

    token: int
    flows: list[InstalledFlow] = field(default_factory=list)
    groups: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    meters: dict[int, bytes] = field(default_factory=dict)


class Channel:
    """One bridge's connection: an outbox of its own, so that a slow bridge keeps nobody waiting, and replies in the making.

    Raises OSError if the connection is gone already.
    """

    def __init__(self, datapath: Any) -> None:
        self.datapath = datapath
        self.host = datapath.address[0]
        self.reading = Reading(0)
        self.asked: dict[int, tuple[list[bytes], Any]] = {}
        datapath.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            datapath.socket.setsockopt(socket.IPPROTO_TCP, option, value)
        self._outbox: LightQueue = LightQueue()
        self._sender = eventlet.spawn(self._send)

    def put(self, data: bytes) -> None:
        self._outbox.put(data)

    def close(self, reason: str) -> None:
        """Send no more, and tell whoever waits for an answer."""
        self._sender.kill()
        for xid in tuple(self.asked):
            self.no_answer(xid, reason)

    def no_answer(self, xid: int, reason: str) -> None:
        _, done = self.asked.pop(xid, (None, None))
        if done is not None:
            done.send_exception(NoAnswer(reason))

    def part_of_answer(self, xid: int, reply: Multipart) -> None:
        if xid in self.asked:
            bodies, done = self.asked[xid]
            bodies.append(reply.body)
            if not reply.more:
                del self.asked[xid]
                done.send(bodies)

    def part_of_reading(self, reply: Multipart) -> SwitchRead | None:
        """Take in a reply to `reading`'s requests; gives the event once all is there (flows are asked for last)."""
        reading = self.reading
        if reply.kind == messages.STATS_GROUP_DESC:
            reading.groups.update((number, (kind, data)) for number, kind, data in replies.parse_groups(reply.body))
        elif reply.kind == messages.STATS_METER_CONFIG:
            reading.meters.update(replies.parse_meters(reply.body))
        elif reply.kind == messages.STATS_FLOW:
            reading.flows.extend(replies.parse_flows(reply.body))
            if not reply.more:
                return SwitchRead(self.datapath.id, reading.token, tuple(reading.flows), reading.groups, reading.meters)
        return None

    def _send(self) -> None:
        while True:
            data = [self._outbox.get()]
            while not self._outbox.empty():
                data.append(self._outbox.get())
            for piece in pieces(b"".join(data)):
                self.datapath.send(piece)


def pieces(messages: bytes) -> Iterator[bytes]:
    """OpenFlow messages, as many together as fit 64 KiB: between two pieces others may send theirs, and must not come to stand
    inside a message.
    """
    start = end = 0
    while len(messages) - start > _CHUNK:
        after = end + max(_HEADER, _LENGTH.unpack_from(messages, end + 2)[0])
        if after - start > _CHUNK:
            yield messages[start:end]
            start = end
        end = after
    if messages:
        yield messages[start:]
