"""Answers go to the kernel at once where nothing waits before them, and nothing is lost or mixed where something does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import eventlet
import pytest
from eventlet.green import socket as green

from ryu_overlay.southbound.bulk import Bulk
from tests.unit.southbound.ryu_like import Datapath


class Rig:
    def __init__(self) -> None:
        ours, self.bridge = green.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.datapath = Datapath(ours)
        self.unsent: list[int] = []
        self.bulk = Bulk(self.datapath, self.unsent.append)

    def answer(self, *answers: bytes) -> None:
        """The bridge said something, and this is what is answered."""
        self.bridge.send(b"packets")
        for each in answers:
            self.bulk.answer(each)
        assert self.bulk.recv(8) == b"packets"

    def queued(self) -> bytes:
        return self.datapath.drain()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    with made.bridge, made.datapath.socket:
        yield made


def test_answers_are_with_the_kernel_before_ryu_reads_on(rig: Rig) -> None:
    rig.answer(b"one", b"two")
    assert rig.bridge.recv(100) == b"onetwo" and rig.queued() == b""
    rig.answer()
    assert rig.unsent == []


def test_what_the_kernel_does_not_take_is_left_to_the_send_loop(rig: Rig) -> None:
    rig.datapath.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    whole = bytes(range(256)) * 4000
    rig.answer(whole)
    left = rig.queued()
    assert 0 < len(left) < len(whole)
    taken = b""
    while len(taken) < len(whole) - len(left):
        taken += rig.bridge.recv(65536)
    assert taken + left == whole


def test_answers_do_not_pass_what_waits(rig: Rig) -> None:
    rig.datapath.send(b"first")
    rig.answer(b"second")
    assert rig.queued() == b"firstsecond"


def test_answers_do_not_cut_a_message_in_two(rig: Rig) -> None:
    whole = bytes(4_000_000)
    sending = eventlet.spawn(rig.bulk.sendall, whole)
    eventlet.sleep(0)
    rig.answer(b"answer")
    assert rig.queued() == b"answer"
    taken = 0
    while taken < len(whole):
        taken += len(rig.bridge.recv(1 << 20))
    sending.wait()
    rig.answer(b"answer")
    assert taken == len(whole) and rig.bridge.recv(100) == b"answer"


def test_answers_to_a_bridge_that_does_not_read_are_counted(rig: Rig) -> None:
    for _ in range(16):
        rig.datapath.send(b"waits")
    rig.answer(b"one", b"two")
    rig.datapath.send_q = None
    rig.answer(b"three")
    assert rig.unsent == [2, 1]


def test_answers_wait_for_nobody_who_waits_to_send(rig: Rig) -> None:
    """With room in the queue again, but somebody else's turn, they would stand behind him and hold up what is received."""
    for _ in range(16):
        rig.datapath.send(b"x")
    waiting = eventlet.spawn(rig.datapath.send, b"his turn")
    eventlet.sleep(0)
    rig.answer(b"answer")
    assert rig.unsent == [1]
    assert rig.queued() == b"x" * 16 + b"his turn"
    waiting.wait()
    rig.answer(b"answer")
    assert rig.bridge.recv(100) == b"answer"


def test_a_dead_connection_does_no_harm(rig: Rig) -> None:
    rig.bridge.send(b"packets")
    rig.bridge.close()
    rig.bulk.answer(b"answer")
    assert rig.bulk.recv(8) == b"packets"
