"""Every bridge's OpenFlow channel, on Ryu's: bytes out, events up.

Ryu accepts the connection, says hello and learns the datapath id. From then on the messages this project works with are
taken as bytes, where Ryu's parser would make an object of each flow and each packet (see docs/decisions/0003-own-encoder.md).
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import Any

import eventlet
from ryu.ofproto import ofproto_v1_3, ofproto_v1_3_parser

from ryu_overlay.engine.events import Confirmed, Event, Refusal, SwitchConnected, SwitchGone, SwitchTouched
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.replies import Multipart, parse_multipart, told_by_others
from ryu_overlay.southbound.bulk import Bulk
from ryu_overlay.southbound.channel import Channel, NoAnswer, Reading

__all__ = ["NoAnswer", "Switches"]

LOG = logging.getLogger(__name__)

_ASKED_FROM = 0x80000000
_ANSWERED_WITHIN = 5.0
"""Seconds a bridge has to answer a question asked outside the engine's own reading."""

Answer = Callable[[int, bytes], "bytes | None"]
_OUR_ECHO = b"overlay:"
_ECHO_LENGTH = 24
_MONITORED = 0x7FFFFFFF
"""The number under which bridges tell of changes to their flows at first."""


class Switches:
    """The bridges by datapath id. `post` takes events; `answer` makes packet-outs of a datapath id and a packet-in, or None.

    `unsent` counts answers that were dropped because a bridge did not read what it was sent, or was not served yet. `on_alive`
    takes the tokens of `is_alive` as bridges answer.
    """

    def __init__(self, post: Callable[[Event], None], answer: Answer, watch_flows: bool = True) -> None:
        self.unsent = 0
        self.on_alive: Callable[[int], None] = lambda token: None
        self._watch_flows = watch_flows
        self._post = post
        self._answer = answer
        self._channels: dict[int, Channel] = {}
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
            self._channels[datapath.id] = Channel(datapath)
        except OSError as error:
            LOG.info("the bridge at %s was gone before it was served: %s", host, error)
            return
        datapath.socket = Bulk(datapath, self._count_unsent)
        if old is not None:
            old.close("the bridge connected anew")
            old.datapath.close()
        self._channels[datapath.id].put(messages.match_fragments())
        if self._watch_flows:
            self._channels[datapath.id].put(messages.flow_monitor(_MONITORED))
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
            channel.reading = Reading(token)
            asks = (messages.group_request(token), messages.meter_request(token), messages.flow_request(token))
            channel.put(b"".join(asks))

    def is_alive(self, dpid: int, token: int) -> None:
        """Ask a bridge for a sign of life; `on_alive` gets the token."""
        self.send(dpid, (messages.echo(_OUR_ECHO + struct.pack("!Q", token)),))

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
        ryu_echo = parsers[messages.ECHO_REPLY]
        theirs = {ofproto_v1_3.OFPMP_PORT_DESC}

        def multipart(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> Any:
            if struct.unpack_from("!H", data, 8)[0] in theirs:
                return ryu_multipart(datapath, version, kind, length, xid, data)
            self._multipart(datapath, xid, parse_multipart(data))
            return None

        def echo_reply(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> Any:
            if data[8:16] != _OUR_ECHO or len(data) < _ECHO_LENGTH:
                return ryu_echo(datapath, version, kind, length, xid, data)
            self.on_alive(struct.unpack_from("!Q", data, 16)[0])
            return None

        def packet_in(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            out = self._answer(datapath.id, bytes(data))
            if out is not None:
                self._send_answer(datapath, out)

        def barrier(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            if xid and self._channel_of(datapath) is not None:
                self._post(Confirmed(datapath.id, xid))

        def error(datapath: Any, version: int, kind: int, length: int, xid: int, data: bytes) -> None:
            self._error(datapath, xid, _error_text(data))

        parsers[messages.MULTIPART_REPLY] = multipart
        parsers[messages.ECHO_REPLY] = echo_reply
        parsers[messages.PACKET_IN] = packet_in
        parsers[messages.BARRIER_REPLY] = barrier
        parsers[messages.ERROR] = error

    def _channel_of(self, datapath: Any) -> Channel | None:
        """The channel of a connection, None once another has replaced it."""
        channel = self._channels.get(datapath.id)
        return channel if channel is not None and channel.datapath is datapath else None

    def _send_answer(self, datapath: Any, out: bytes) -> None:
        """Send past the outbox, in which much may wait."""
        if isinstance(datapath.socket, Bulk):
            datapath.socket.answer(out)
        else:
            self._count_unsent(1)

    def _count_unsent(self, answers: int) -> None:
        self.unsent += answers

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
        if reply.kind == messages.EXPERIMENTER_STATS:
            if told_by_others(reply.body):
                self._post(SwitchTouched(datapath.id))
        elif xid >= _ASKED_FROM:
            channel.part_of_answer(xid, reply)
        elif xid == channel.reading.token:
            event = channel.part_of_reading(reply)
            if event is not None:
                self._post(event)


def _error_text(data: bytes) -> str:
    kind, code = struct.unpack_from("!HH", data, 8)
    names = ofproto_v1_3.ofp_error_to_jsondict(kind, code)
    return f"{names['type']}, {names['code']}: {bytes(data[12:76]).hex()}"
