"""What is sent is cut between messages, and what others send meanwhile does not come to stand inside one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import eventlet
import pytest
from eventlet.green import socket

from ryu_overlay.southbound.bulk import Bulk
from ryu_overlay.southbound.channel import Channel, pieces
from tests.unit.southbound.ryu_like import Datapath

FLOW_MOD, PACKET_OUT = 14, 13


def message(kind: int, length: int) -> bytes:
    return struct.pack("!BBHI", 4, kind, length, 0) + bytes([0xEE]) * (length - 8)


def split(data: bytes) -> Iterator[bytes]:
    """Its messages by their own lengths; at the end what is none yet."""
    at = 0
    while len(data) - at >= 8 and len(data) - at >= (length := struct.unpack_from("!H", data, at + 2)[0]):
        yield data[at : at + length]
        at += length
    yield data[at:]


@pytest.mark.parametrize("lengths", [[], [8], [168] * 2000, [65535, 65535, 8], [8, 65535, 8], [65528, 8, 8]])
def test_pieces_end_with_messages(lengths: list[int]) -> None:
    whole = [message(FLOW_MOD, length) for length in lengths]
    found = list(pieces(b"".join(whole)))
    assert [each for piece in found for each in split(piece) if each] == whole
    assert all(0 < len(piece) <= 65536 for piece in found)
    assert len(found) <= 1 or all(len(a) + len(next(split(b))) > 65536 for a, b in pairwise(found))


def test_answers_amid_a_large_change() -> None:
    """Ryu's queue holds less than the change, so both wait for room in it again and again."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    bridge = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    flows, change, answer = 20_000, message(FLOW_MOD, 168), message(PACKET_OUT, 100)
    with listener, ours, bridge:
        datapath = Datapath(ours)
        channel = Channel(datapath)
        datapath.socket = bulk = Bulk(datapath, lambda count: None)

        def answering() -> None:
            while bulk.recv(8):
                bulk.answer(answer)

        def asking() -> None:
            while True:
                bridge.sendall(b"packetin")
                eventlet.sleep(0)

        others = [eventlet.spawn(each) for each in (datapath.send_loop, answering, asking)]
        channel.put(change * flows)
        told, rest = {change: 0, answer: 0}, b""
        with eventlet.Timeout(30):
            while told[change] < flows:
                *whole, rest = split(rest + bridge.recv(20_000))
                for each in whole:
                    told[each] += 1
                eventlet.sleep(0)
        channel.close("the test is over")
        for other in others:
            other.kill()
    assert told[answer]
