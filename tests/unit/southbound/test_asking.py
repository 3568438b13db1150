"""Many questions at once: each answer in its place, and none for a bridge that is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from ryu_overlay.southbound import asking
from ryu_overlay.southbound.asking import ask_all, ask_soon
from ryu_overlay.southbound.switches import NoAnswer


class Bridges:
    """Answer after as many turns as their number says, but none that is 0."""

    def __init__(self) -> None:
        self.waiting = self.most = 0

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        if not dpid:
            raise NoAnswer("it is silent")
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        for _ in range(dpid):
            eventlet.sleep(0)
        self.waiting -= 1
        return [request(dpid)]


def request(xid: int) -> bytes:
    return b"%d" % xid


def test_answers_are_in_the_order_of_the_questions() -> None:
    bridges: Any = Bridges()
    assert ask_all(bridges, [(n, request) for n in (5, 0, 1, 3)]) == [[b"5"], None, [b"1"], [b"3"]]
    assert bridges.most == 3
    assert ask_all(bridges, []) == []


class Slow:
    """Answers after a while."""

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        eventlet.sleep(dpid / 10)
        return [request(dpid)]


def test_who_asks_all_the_time_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asking._SOON <= 1.0
    monkeypatch.setattr(asking, "_SOON", 0.15)
    bridges: Any = Slow()
    assert ask_soon(bridges, 1, request) == [b"1"]
    with eventlet.Timeout(0.5):
        assert ask_soon(bridges, 50, request) is None
    refusing: Any = Bridges()
    assert ask_soon(refusing, 0, request) is None and ask_soon(refusing, 2, request) == [b"2"]
