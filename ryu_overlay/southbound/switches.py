"""Every bridge's OpenFlow channel, on Ryu's: bytes out, events up.

Ryu accepts the connection, says hello and learns the datapath id. From then on the messages this project works with are
taken as bytes, where Ryu's parser would make an object of each flow and each packet (see docs/decisions/0003-own-encoder.md).
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import eventlet
from eventlet.green import socket
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
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3), (socket.TCP_USER_TIMEOUT, 12_000))
"""A host that lost its power ends no connection: its silence does, after 12 s."""

Answer = Callable[[bytes], "bytes | None"]


class NoAnswer(Exception):
    """The bridge is not connected, refused the question, or did not answer in time."""


@dataclass
class _Reading:
    """What a bridge has told of what it has."""

    token: int
    flows: list[InstalledFlow] = field(default_factory=list)
    groups: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    meters: dict[int, bytes] = field(default_factory=dict)


class _Channel:
    """One bridge's connection: an outbox of its own, so that a slow bridge keeps nobody waiting, and replies in the making.

    Raises OSError if the connection is gone already.
    """

    def __init__(self, datapath: Any) -> None:
        self.datapath = datapath
        self.host = datapath.address[0]
        self.reading = _Reading(0)
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
            reading.groups.update((number, (kind, data)) for number, kind, data in messages.parse_groups(reply.body))
        elif reply.kind == messages.STATS_METER_CONFIG:
            reading.meters.update(messages.parse_meters(reply.body))
        elif reply.kind == messages.STATS_FLOW:
            reading.flows.extend(messages.parse_flows(reply.body))
            if not reply.more:
                return SwitchRead(self.datapath.id, reading.token, tuple(reading.flows), reading.groups, reading.meters)
        return None

    def _send(self) -> None:
        while True:
            data = [self._outbox.get()]
            while not self._outbox.empty():
                data.append(self._outbox.get())
            whole = b"".join(data)
            for start in range(0, len(whole), _CHUNK):
                self.datapath.send(whole[start : start + _CHUNK])


class Switches:
    """The bridges by datapath id. `post` takes events; `answer` makes a packet-out of a packet-in, or None.

    `unsent` counts answers that were dropped because a bridge did not read what it was sent.
    """

    def __init__(self, post: Callable[[Event], None], answer: Answer) -> None:
        self.unsent = 0
        self._post = post
        self._answer = answer
        self._channels: dict[int, _Channel] = {}
        self._turned_away: set[tuple[int, str]] = set()
        self._xid = _ASKED_FROM
        self._take_parsers()

    def up(self, datapath: Any) -> None:
        """Ryu has a bridge ready.

        A second connection from the same host replaces the first, which then is a dead one. From another host it is
        another bridge with the same datapath id: it is turned away, or the two would push each other out for ever.
        """
        old = self._channels.get(datapath.id)
        host = datapath.address[0]
        if old is not None and old.host != host:
            if (datapath.id, host) not in self._turned_away:
                self._turned_away.add((datapath.id, host))
                LOG.error("the bridge at %s is turned away: it has the datapath id of the one at %s", host, old.host)
            datapath.close()
            return
        try:
            self._channels[datapath.id] = _Channel(datapath)
        except OSError as error:
            LOG.info("the bridge at %s was gone before it was served: %s", host, error)
            return
        if old is not None:
            old.close("the bridge connected anew")
            old.datapath.close()
        self._channels[datapath.id].put(messages.match_fragments())
        self._post(SwitchConnected(datapath.id))

    def down(self, datapath: Any) -> None:
        """Ryu has lost a bridge."""
        channel = self._channels.get(datapath.id)
        if channel is not None and channel.datapath is datapath:
            del self._channels[datapath.id]
            self._turned_away = {away for away in self._turned_away if away[0] != datapath.id}
            channel.close("the bridge lost its connection")
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
            channel.reading = _Reading(token)
            asks = (messages.group_request(token), messages.meter_request(token), messages.flow_request(token))
            channel.put(b"".join(asks))

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        """The bodies of the replies to a multipart request. Blocks this greenthread only. Raises NoAnswer."""
        channel = self._channels.get(dpid)
        if channel is None:
            raise NoAnswer(f"bridge {dpid:016x} is not connected")
        self._xid = self._xid + 1 if self._xid < 0xFFFFFFFF else _ASKED_FROM
        xid, done = self._xid, eventlet.Event()
        channel.asked[xid] = ([], done)
        channel.put(request(xid))
        try:
            with eventlet.Timeout(_ANSWERED_WITHIN, NoAnswer(f"bridge {dpid:016x} did not answer")):
                bodies: list[bytes] = done.wait()
                return bodies
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
                self._send_answer(datapath, out)

        def barrier(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            if xid and self._channel_of(datapath) is not None:
                self._post(Confirmed(datapath.id, xid))

        def error(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            self._error(datapath, xid, _error_text(data))

        parsers[messages.MULTIPART_REPLY] = multipart
        parsers[messages.PACKET_IN] = packet_in
        parsers[messages.BARRIER_REPLY] = barrier
        parsers[messages.ERROR] = error

    def _channel_of(self, datapath: Any) -> _Channel | None:
        """The channel of a connection, None once another has replaced it."""
        channel = self._channels.get(datapath.id)
        return channel if channel is not None and channel.datapath is datapath else None

    def _send_answer(self, datapath: Any, out: bytes) -> None:
        """Send at once, past the outbox. Never block: what reads the bridge's messages must go on for it to read ours."""
        if datapath.send_q is not None and datapath.send_q.full():
            eventlet.sleep(0)
        if datapath.send_q is None or datapath.send_q.full():
            self.unsent += 1
        else:
            datapath.send(out)

    def _error(self, datapath: Any, xid: int, text: str) -> None:
        channel = self._channel_of(datapath)
        if channel is None or xid == 0:
            LOG.warning("a connection from %s: %s", datapath.address[0], text)
        elif xid >= _ASKED_FROM:
            channel.no_answer(xid, text)
        else:
            self._post(Refusal(datapath.id, xid, text))

    def _multipart(self, datapath: Any, xid: int, reply: Multipart) -> None:
        channel = self._channel_of(datapath)
        if channel is None:
            return
        if xid >= _ASKED_FROM:
            channel.part_of_answer(xid, reply)
        elif xid == channel.reading.token:
            event = channel.part_of_reading(reply)
            if event is not None:
                self._post(event)


def _error_text(data: bytes) -> str:
    kind, code = struct.unpack_from("!HH", data, 8)
    names = ofproto_v1_3.ofp_error_to_jsondict(kind, code)
    return f"{names['type']}, {names['code']}: {bytes(data[12:76]).hex()}"
