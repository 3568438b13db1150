"""Many questions at once: each answer in its place, and none for a bridge that is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet

from ryu_overlay.southbound.asking import ask_all
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
