"""Bytes from a bridge to events, and effects to bytes, with a connection that is made of a list."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest
from eventlet.queue import LightQueue
from eventlet.semaphore import BoundedSemaphore
from ryu.ofproto import ofproto_v1_3_parser

from ryu_overlay.engine.events import Confirmed, Event, Refusal, SwitchConnected, SwitchGone, SwitchRead, SwitchTouched
from ryu_overlay.openflow import messages
from ryu_overlay.southbound.switches import NoAnswer, Switches

PORT_DESC = 13


class Connection:
    """What Ryu calls a datapath, as far as it is used."""

    def __init__(self, dpid: int, host: str = "192.0.2.1") -> None:
        self.id = dpid
        self.address = (host, 40000)
        self.socket: Any = self
        self.options: dict[tuple[int, int], int] = {}
        self.send_q: LightQueue | None = LightQueue(16)
        self._send_q_sem = BoundedSemaphore(16)
        self.sent: list[bytes] = []
        self.asked_for: list[int] = []
        self.closed = False

    def setsockopt(self, level: int, option: int, value: int) -> None:
        if self.send_q is None:
            raise OSError(9, "Bad file descriptor")
        self.options[level, option] = value

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def recv(self, size: int) -> bytes:
        self.asked_for.append(size)
        return b"bytes"

    def receive(self, kind: int, body: bytes = b"", xid: int = 0) -> Any:
        """The bridge says something."""
        return ofproto_v1_3_parser.msg_parser(self, 4, kind, 8 + len(body), xid, bytearray(messages.message(kind, body, xid)))

    def reply(self, kind: int, body: bytes, xid: int, more: bool = False) -> Any:
        return self.receive(messages.MULTIPART_REPLY, struct.pack("!HH4x", kind, more) + body, xid)


@pytest.fixture(autouse=True)
def parsers() -> Iterator[None]:
    """Ryu's own parsers again, for the other tests."""
    before = dict(ofproto_v1_3_parser._MSG_PARSERS)
    yield
    ofproto_v1_3_parser._MSG_PARSERS.update(before)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def switches(events: list[Event]) -> Switches:
    return Switches(events.append, lambda dpid, packet_in: b"answer %d" % dpid if packet_in.endswith(b"?") else None)


def until(done: Callable[[], object]) -> None:
    """Let other greenthreads run."""
    for _ in range(100):
        if done():
            return
        eventlet.sleep(0)
    raise AssertionError("it does not happen")


def connected(switches: Switches, connection: Connection) -> Connection:
    """A bridge that is up, has been told how to treat fragments, and asked to tell of changes."""
    switches.up(connection)
    until(lambda: connection.sent)
    assert b"".join(connection.sent) == messages.match_fragments() + messages.flow_monitor(0x7FFFFFFF)
    connection.sent.clear()
    return connection


def flow_stats(table: int, cookie: int) -> bytes:
    match = struct.pack("!HH4x", 1, 4)
    head = struct.pack("!HBxIIHHHH4xQQQ", 48 + len(match), table, 0, 0, 7, 0, 0, 0, cookie, 3, 180)
    return head + match


def test_what_is_sent_arrives_whole_and_in_order(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    assert events == [SwitchConnected(1)] and one.options
    large = [bytes([n]) * 30000 for n in range(6)]
    for part in large:
        switches.send(1, (part[:7], part[7:]))
    until(lambda: len(b"".join(one.sent)) == 180000)
    assert b"".join(one.sent) == b"".join(large) and max(map(len, one.sent)) <= 65536
    switches.send(2, (b"to nobody",))


def test_a_reading(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    switches.read(1, 5)
    until(lambda: one.sent)
    group = struct.pack("!HBxI", 8, 1, 9)
    meter = struct.pack("!HHI", 8, 0x0E, 1)
    one.reply(messages.STATS_GROUP_DESC, group, 5)
    one.reply(messages.STATS_METER_CONFIG, meter, 5)
    one.reply(messages.STATS_FLOW, flow_stats(1, 11), 5, more=True)
    one.reply(messages.STATS_FLOW, flow_stats(2, 12) + flow_stats(3, 13), 5)
    (read,) = events[1:]
    assert isinstance(read, SwitchRead) and (read.dpid, read.token) == (1, 5)
    assert [(f.key[0], f.value[0], f.packets, f.bytes) for f in read.flows] == [(1, 11, 3, 180), (2, 12, 3, 180), (3, 13, 3, 180)]
    assert read.groups == {9: (1, b"")} and read.meters == {1: b"\0\x0e"}


def test_a_reading_asked_for_anew_takes_nothing_from_the_one_before(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    switches.read(1, 5)
    one.reply(messages.STATS_FLOW, flow_stats(1, 11), 5, more=True)
    switches.read(1, 6)
    one.reply(messages.STATS_FLOW, flow_stats(2, 12), 5)
    one.reply(messages.STATS_FLOW, flow_stats(3, 13), 6)
    (read,) = events[1:]
    assert isinstance(read, SwitchRead) and read.token == 6 and [f.key[0] for f in read.flows] == [3]


def test_barriers_and_errors(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    one.receive(messages.BARRIER_REPLY, xid=7)
    one.receive(messages.BARRIER_REPLY, xid=0)
    one.receive(messages.ERROR, struct.pack("!HH", 5, 1) + b"what it was", xid=8)
    one.receive(messages.ERROR, struct.pack("!HH", 77, 99), xid=9)
    one.receive(messages.ERROR, struct.pack("!HH", 1, 1), xid=0)
    confirmed, refused, unknown = events[1:]
    assert confirmed == Confirmed(1, 7)
    assert isinstance(refused, Refusal) and refused.token == 8
    assert "OFPFMFC_TABLE_FULL" in refused.text and b"what it was".hex() in refused.text
    assert isinstance(unknown, Refusal) and "77" in unknown.text


def test_what_a_connection_says_after_it_was_replaced_counts_for_nothing(switches: Switches, events: list[Event]) -> None:
    old, new = Connection(1), Connection(1)
    switches.up(old)
    switches.up(new)
    assert old.closed and not new.closed
    old.receive(messages.BARRIER_REPLY, xid=7)
    old.receive(messages.ERROR, struct.pack("!HH", 5, 1), xid=7)
    old.reply(messages.STATS_FLOW, flow_stats(1, 11), 0)
    switches.down(old)
    assert events == [SwitchConnected(1), SwitchConnected(1)]
    switches.down(new)
    assert events[2:] == [SwitchGone(1)]
    new.receive(messages.BARRIER_REPLY, xid=7)
    assert len(events) == 3


def test_a_stranger_with_the_same_datapath_id_is_turned_away(
    switches: Switches, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    first, strangers = Connection(1), [Connection(1, "192.0.2.9") for _ in range(3)]
    switches.up(first)
    for stranger in strangers:
        switches.up(stranger)
        switches.down(stranger)
        assert stranger.closed
    assert not first.closed and events == [SwitchConnected(1)]
    assert len([r for r in caplog.records if "192.0.2.9" in r.getMessage()]) == 1
    switches.down(first)
    late = Connection(1, "192.0.2.9")
    switches.up(late)
    assert not late.closed and events[2:] == [SwitchConnected(1)]


def test_a_connection_that_is_gone_before_it_is_served(switches: Switches, events: list[Event]) -> None:
    dead = Connection(1)
    dead.send_q = None
    switches.up(dead)
    switches.down(dead)
    assert not events


def asking(switches: Switches, one: Connection) -> tuple[Any, int]:
    """A question on its way: who asks, and its xid."""
    asker = eventlet.spawn(switches.ask, 1, messages.meter_stats_request)
    before = len(one.sent)
    until(lambda: len(one.sent) > before)
    return asker, struct.unpack_from("!I", one.sent[-1], 4)[0]


def test_a_question_is_answered(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    asker, xid = asking(switches, one)
    other, other_xid = asking(switches, one)
    assert xid != other_xid and xid >= 1 << 31
    one.reply(messages.STATS_METER, b"a", xid, more=True)
    one.reply(messages.STATS_METER, b"z", other_xid)
    one.reply(messages.STATS_METER, b"b", xid)
    one.reply(messages.STATS_METER, b"late", xid)
    assert asker.wait() == [b"a", b"b"] and other.wait() == [b"z"]
    assert events == [SwitchConnected(1)]


@pytest.mark.parametrize("how", ["error", "gone", "anew"])
def test_a_question_that_cannot_be_answered_ends_at_once(switches: Switches, events: list[Event], how: str) -> None:
    one = connected(switches, Connection(1))
    asker, xid = asking(switches, one)
    if how == "error":
        one.receive(messages.ERROR, struct.pack("!HH", 1, 2), xid=xid)
    elif how == "gone":
        switches.down(one)
    else:
        switches.up(Connection(1))
    until(lambda: asker.dead)
    with pytest.raises(NoAnswer):
        asker.wait()
    assert not any(isinstance(e, Refusal) for e in events)


def test_nobody_to_ask(switches: Switches) -> None:
    with pytest.raises(NoAnswer):
        switches.ask(9, messages.meter_stats_request)


def test_packets_are_answered_when_ryu_has_been_through_what_was_read(switches: Switches) -> None:
    one = connected(switches, Connection(1))
    for frame in (b"?", b"!", b"?"):
        one.receive(messages.PACKET_IN, frame)
    assert one.sent == []
    assert one.socket.recv(8) == b"bytes" and one.sent == [b"answer 1answer 1"]
    assert one.socket.recv(50_000) == b"bytes" and len(one.sent) == 1
    assert one.asked_for[0] > 1000 and one.asked_for[1] == 50_000


def test_answers_are_counted_that_the_bridge_does_not_read(switches: Switches) -> None:
    one = connected(switches, Connection(1))
    for _ in range(16):
        one._send_q_sem.acquire()
    for _ in range(2):
        one.receive(messages.PACKET_IN, b"?")
    one.socket.recv(8)
    assert one.sent == [] and switches.unsent == 2
    one.send_q = None
    one.receive(messages.PACKET_IN, b"?")
    one.socket.recv(8)
    assert switches.unsent == 3
    Connection(2).receive(messages.PACKET_IN, b"?")
    assert switches.unsent == 4, "not served yet"


@pytest.fixture
def alive(switches: Switches) -> list[int]:
    """The tokens of signs of life that came."""
    tokens: list[int] = []
    switches.on_alive = tokens.append
    return tokens


def test_a_bridge_gives_a_sign_of_life_with_the_token_that_it_was_asked_with(switches: Switches, alive: list[int]) -> None:
    one = connected(switches, Connection(1))
    for token in (5, 2**32 - 1):
        switches.is_alive(1, token)
    until(lambda: one.sent)
    asked = b"".join(one.sent)
    first, second = asked[:24], asked[24:]
    assert first[:4] == second[:4] == struct.pack("!BBH", messages.VERSION, messages.ECHO_REQUEST, 24)
    for request in (second, first, first):
        assert one.receive(messages.ECHO_REPLY, request[8:]) is None
    assert alive == [2**32 - 1, 5, 5]
    switches.is_alive(9, 5)


@pytest.mark.parametrize("data", [b"", b"overlay", b"of Ryu's own", b"OVERLAY:12345678"])
def test_answers_to_echoes_of_ryus_own_are_for_ryu(switches: Switches, alive: list[int], data: bytes) -> None:
    message = connected(switches, Connection(1)).receive(messages.ECHO_REPLY, data)
    assert type(message).__name__ == "OFPEchoReply" and bytes(message.data) == data
    assert not alive


def test_echoes_of_the_bridges_own_are_for_ryu(switches: Switches, alive: list[int]) -> None:
    message = connected(switches, Connection(1)).receive(messages.ECHO_REQUEST, b"overlay:12345678")
    assert type(message).__name__ == "OFPEchoRequest" and not alive


UPDATES = struct.pack("!II", messages.ONF, messages.ONF_FLOW_MONITOR)
OWN, DELETED = struct.pack("!HHI", 8, 3, 5), struct.pack("!HHHHHHHBxQHH4x", 32, 1, 2, 7, 0, 0, 4, 3, 0, 1, 4)


def test_changes_by_others_touch_a_bridge_and_our_own_do_not(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    for body in (UPDATES, UPDATES + OWN):
        one.reply(messages.EXPERIMENTER_STATS, body, 0)
    assert events == [SwitchConnected(1)]
    for xid in (0, 0x7FFFFFFF):
        one.reply(messages.EXPERIMENTER_STATS, UPDATES + OWN + DELETED, xid)
    assert events[1:] == [SwitchTouched(1)] * 2


def test_what_a_replaced_connection_tells_of_touches_nothing(switches: Switches, events: list[Event]) -> None:
    old = connected(switches, Connection(1))
    new = connected(switches, Connection(1))
    old.reply(messages.EXPERIMENTER_STATS, UPDATES + DELETED, 0)
    assert SwitchTouched(1) not in events
    new.reply(messages.EXPERIMENTER_STATS, UPDATES + DELETED, 0)
    assert events[-1] == SwitchTouched(1)


def test_bridges_are_not_asked_to_tell_of_changes_where_nobody_wants_it(events: list[Event]) -> None:
    switches, one = Switches(events.append, lambda dpid, packet_in: None, False), Connection(1)
    switches.up(one)
    until(lambda: one.sent)
    eventlet.sleep(0)
    assert one.sent == [messages.match_fragments()]


def test_a_bridge_that_cannot_tell_of_changes_refuses_nothing_of_the_engines(switches: Switches, events: list[Event]) -> None:
    one = connected(switches, Connection(1))
    one.receive(messages.ERROR, struct.pack("!HH", 1, 2), xid=0x7FFFFFFF)
    assert [e for e in events[1:] if isinstance(e, Refusal) and e.token < 1 << 30] == []


def test_ryu_keeps_what_it_needs_for_its_handshake(switches: Switches) -> None:
    one = Connection(1)
    assert one.receive(messages.BARRIER_REPLY, xid=1) is None
    assert type(one.reply(PORT_DESC, b"", 1)).__name__ == "OFPPortDescStatsReply"
