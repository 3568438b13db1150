"""Every bridge's OpenFlow channel, on Ryu's: bytes out, events up.

Ryu accepts the connection, says hello and learns the datapath id. From then on the messages this project works with are
taken as bytes, where Ryu's parser would make an object of each flow and each packet (see docs/decisions/0003-own-encoder.md).
"""

from __future__ import annotations

import itertools
import logging
import struct
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
from eventlet.queue import LightQueue
from ryu.ofproto import ofproto_v1_3, ofproto_v1_3_parser

from ryu_overlay.engine.events import Confirmed, Event, Refusal, SwitchConnected, SwitchGone, SwitchRead
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.messages import InstalledFlow, Multipart

LOG = logging.getLogger(__name__)

_CHUNK = 65536
_ASKED_FROM = 0x80000000
_ANSWERED_WITHIN = 5.0
"""Seconds a bridge has to answer a question asked outside the engine's own reading."""

Answer = Callable[[bytes], "bytes | None"]


class NoAnswer(Exception):
    """The bridge is not connected, or did not answer in time."""


class _Channel:
    """One bridge's connection: an outbox of its own, so that a slow bridge keeps nobody waiting, and replies in the making."""

    def __init__(self, datapath: Any) -> None:
        self.datapath = datapath
        self.flows: list[InstalledFlow] = []
        self.groups: dict[int, tuple[int, bytes]] = {}
        self.meters: dict[int, bytes] = {}
        self.asked: dict[int, tuple[list[bytes], Any]] = {}
        self._outbox: LightQueue = LightQueue()
        self._sender = eventlet.spawn(self._send)

    def put(self, data: bytes) -> None:
        self._outbox.put(data)

    def close(self) -> None:
        self._sender.kill()

    def _send(self) -> None:
        while True:
            data = [self._outbox.get()]
            while not self._outbox.empty():
                data.append(self._outbox.get())
            whole = b"".join(data)
            for start in range(0, len(whole), _CHUNK):
                self.datapath.send(whole[start : start + _CHUNK])


class Switches:
    """The bridges by datapath id. `post` takes events; `answer` makes a packet-out of a packet-in, or None."""

    def __init__(self, post: Callable[[Event], None], answer: Answer) -> None:
        self._post = post
        self._answer = answer
        self._channels: dict[int, _Channel] = {}
        self._xids = itertools.cycle(range(_ASKED_FROM, 0xFFFFFFFF))
        self._take_parsers()

    def up(self, datapath: Any) -> None:
        """Ryu has a bridge ready. A second connection of the same bridge replaces the first."""
        old = self._channels.pop(datapath.id, None)
        if old is not None:
            old.close()
            old.datapath.close()
        self._channels[datapath.id] = _Channel(datapath)
        self._post(SwitchConnected(datapath.id))

    def down(self, datapath: Any) -> None:
        """Ryu has lost a bridge."""
        channel = self._channels.get(datapath.id)
        if channel is not None and channel.datapath is datapath:
            del self._channels[datapath.id]
            channel.close()
            self._post(SwitchGone(datapath.id))

    def send(self, dpid: int, out: tuple[bytes, ...]) -> None:
        """Queue messages for a bridge; they are lost with its connection."""
        channel = self._channels.get(dpid)
        if channel is not None:
            channel.put(b"".join(out))

    def read(self, dpid: int, token: int) -> None:
        """Ask a bridge for groups, meters and flows; SwitchRead follows."""
        channel = self._channels.get(dpid)
        if channel is not None:
            channel.flows, channel.groups, channel.meters = [], {}, {}
            asks = (messages.group_request(token), messages.meter_request(token), messages.flow_request(token))
            channel.put(b"".join(asks))

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        """The bodies of the replies to a multipart request. Blocks this greenthread only. Raises NoAnswer."""
        channel = self._channels.get(dpid)
        if channel is None:
            raise NoAnswer(f"bridge {dpid:016x} is not connected")
        xid = next(self._xids)
        done = eventlet.Event()
        channel.asked[xid] = ([], done)
        channel.put(request(xid))
        try:
            with eventlet.Timeout(_ANSWERED_WITHIN, NoAnswer(f"bridge {dpid:016x} did not answer")):
                return done.wait()
        finally:
            channel.asked.pop(xid, None)

    def _take_parsers(self) -> None:
        """Have Ryu hand us these kinds of message as bytes. What is given back None goes no further in Ryu."""
        parsers = ofproto_v1_3_parser._MSG_PARSERS
        ryu_multipart = ofproto_v1_3_parser.OFPMultipartReply.parser
        theirs = {ofproto_v1_3.OFPMP_PORT_DESC}

        def multipart(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> Any:
            if struct.unpack_from("!H", data, 8)[0] in theirs:
                return ryu_multipart(datapath, version, kind, length, xid, data)
            self._multipart(datapath, xid, messages.parse_multipart(data))
            return None

        def packet_in(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            out = self._answer(bytes(data))
            if out is not None:
                datapath.send(out)

        def barrier(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            if xid and datapath.id is not None:
                self._post(Confirmed(datapath.id, xid))

        def error(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            text = _error_text(data)
            LOG.error("bridge %s: %s", datapath.id, text)
            if datapath.id is not None:
                self._post(Refusal(datapath.id, xid, text))

        parsers[messages.MULTIPART_REPLY] = multipart
        parsers[messages.PACKET_IN] = packet_in
        parsers[messages.BARRIER_REPLY] = barrier
        parsers[messages.ERROR] = error

    def _multipart(self, datapath: Any, xid: int, reply: Multipart) -> None:
        channel = self._channels.get(datapath.id)
        if channel is None or channel.datapath is not datapath:
            return
        if xid >= _ASKED_FROM:
            bodies, done = channel.asked.get(xid, ([], None))
            bodies.append(reply.body)
            if not reply.more and done is not None:
                done.send(bodies)
            return
        if reply.kind == messages.STATS_GROUP_DESC:
            channel.groups.update((number, (kind, data)) for number, kind, data in messages.parse_groups(reply.body))
        elif reply.kind == messages.STATS_METER_CONFIG:
            channel.meters.update(messages.parse_meters(reply.body))
        elif reply.kind == messages.STATS_FLOW:
            channel.flows.extend(messages.parse_flows(reply.body))
            if not reply.more:
                self._post(SwitchRead(datapath.id, xid, tuple(channel.flows), channel.groups, channel.meters))


def _error_text(data: bytes) -> str:
    kind, code = struct.unpack_from("!HH", data, 8)
    names = ofproto_v1_3.ofp_error_to_jsondict(kind, code)
    return f"{names['type']}, {names['code']}: {bytes(data[12:76]).hex()}"


def drop_flows(bodies: list[bytes]) -> Iterator[InstalledFlow]:
    """The flows in the bodies of flow multipart replies."""
    for body in bodies:
        yield from messages.parse_flows(body)
