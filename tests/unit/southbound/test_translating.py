"""Watching translations: flows are there first, packets of the uplink count, and whatever happens the flows go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from ryu_overlay.engine.events import Observe
from ryu_overlay.oam.capture import Busy, NotReady
from ryu_overlay.openflow.flow import Meter
from ryu_overlay.southbound import translating
from ryu_overlay.southbound.translating import METER, Translating

UPLINK = 77


class Posting:
    """A loop whose engine has bridges hv1 and hv2; `takes` says whether they confirm."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.takes = True
        bridges = {name: SimpleNamespace(dpid=number, chassis=name) for number, name in enumerate(("hv1", "hv2"), 1)}
        self.engine: Any = SimpleNamespace(
            bridges=list(bridges.values()), bridge_of=bridges.get, observed=lambda event, names: self.takes
        )

    def post(self, event: Any) -> None:
        self.posted.append(event)


@pytest.fixture
def loop() -> Posting:
    return Posting()


@pytest.fixture
def rooms() -> list[Any]:
    return []


@pytest.fixture
def watcher(loop: Posting, rooms: list[Any], monkeypatch: pytest.MonkeyPatch) -> Translating:
    def ask(switches: Any, questions: Sequence[tuple[int, Callable[[int], bytes]]]) -> list[list[bytes] | None]:
        return [None for _ in questions]

    monkeypatch.setattr(translating, "ask_all", ask)
    monkeypatch.setattr(translating, "BEGIN_WITHIN", 0.0)
    captures: Any = SimpleNamespace(running=lambda: [SimpleNamespace(room=room) for room in rooms])
    some_loop: Any = loop
    nobody: Any = None
    return Translating(some_loop, nobody, captures)


def test_flows_are_on_connected_chassis_and_go(watcher: Translating, loop: Posting) -> None:
    assert watcher.watch(UPLINK, ["hv2", "hv1", "hv9"], 0).crossings == ()
    begun, ended = loop.posted
    assert isinstance(begun, Observe) and begun.blocks is not None and sorted(begun.blocks) == ["hv1", "hv2"]
    assert [meter.number for meter in begun.meters] == [METER]
    assert ended == Observe(begun.key, None)


def test_flows_that_are_not_taken_go_too(watcher: Translating, loop: Posting) -> None:
    loop.takes = False
    with pytest.raises(NotReady, match="hv1 did not take the flows"):
        watcher.watch(UPLINK, ["hv1"], 0)
    assert loop.posted[-1].blocks is None
    loop.takes = True
    assert watcher.watch(UPLINK, ["hv1"], 0).missed == 0


def test_one_at_a_time(watcher: Translating) -> None:
    def second() -> str:
        try:
            watcher.watch(UPLINK + 1, ["hv1"], 0)
        except Busy as error:
            return error.reason
        return ""

    first = eventlet.spawn(watcher.watch, UPLINK, ["hv1"], 0.01)
    eventlet.sleep(0)
    assert "already" in second()
    first.wait()
    assert second() == ""


def test_captures_go_first(watcher: Translating, rooms: list[Any], loop: Posting) -> None:
    rooms.append(SimpleNamespace(meters=[Meter(METER, 1, 1)], slots={}))
    with pytest.raises(Busy, match="captures take all room"):
        watcher.watch(UPLINK, ["hv1"], 0)
    assert loop.posted == []


def test_what_comes_when_nobody_watches_is_let_go(watcher: Translating) -> None:
    watcher.heard(1, b"not even a packet-in")
