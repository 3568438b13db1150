"""The loop goes on, whatever fails, and loses nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from ryu_overlay.engine.events import (
    ChassisReported,
    FabricRemembered,
    NetworkChanged,
    PlanTunnels,
    Read,
    Remember,
    Send,
    SwitchConnected,
    SwitchGone,
    Tick,
)
from ryu_overlay.southbound.loop import Loop
from tests.unit.engine.world import World, port, tenant


class Living:
    """A world whose engine is stepped by a loop."""

    def __init__(self) -> None:
        self.world = World(1)
        self.world.edit(*tenant(1), port(1, 1, 1))
        self.world["hv1"].plug("t1-p1")
        self.world["hv1"].channel = True
        self.world.reported.add("hv1")
        self.loop = Loop(self.world.engine)
        self.broken: set[type] = set()
        for effect in (Send, Read, PlanTunnels, Remember):
            self.loop.hand(effect, self._carry_out)

    def _carry_out(self, effect: Any) -> None:
        if type(effect) in self.broken:
            raise RuntimeError("a hand failed")
        self.world._carry_out(effect)

    def start(self) -> None:
        facts = self.world["hv1"].facts
        self.loop.step([NetworkChanged(self.world.network), FabricRemembered({}, {}), ChassisReported(facts), SwitchConnected(1)])

    def settle(self) -> None:
        switch = self.world["hv1"].switch
        while switch.inbox or switch.outbox:
            switch.work()
            answers = list(switch.outbox)
            switch.outbox.clear()
            self.loop.step(answers)


@pytest.fixture
def living() -> Living:
    made = Living()
    made.start()
    made.settle()
    made.world.assert_converged()
    return made


@pytest.fixture
def running(living: Living) -> Iterator[Living]:
    thread = eventlet.spawn(living.loop.run)
    eventlet.sleep(0)
    yield living
    thread.kill()


@pytest.mark.parametrize("effect", [Send, Read])
def test_a_hand_that_fails_is_counted_and_made_good(living: Living, effect: type) -> None:
    living.broken = {effect}
    if effect is Read:
        living.loop.step([SwitchGone(1), SwitchConnected(1)])
    living.world.edit(port(1, 1, 2))
    living.loop.step([NetworkChanged(living.world.network)])
    living.settle()
    assert living.loop.failures == 1
    assert living.loop.engine.lagging(living.world.network.revision) == ["hv1"]
    living.broken = set()
    living.loop.step([Tick()])
    living.settle()
    living.world.assert_converged()


def test_one_hand_that_fails_does_not_keep_the_others() -> None:
    living = Living()
    living.broken = {Remember, PlanTunnels}
    living.start()
    living.settle()
    assert living.loop.failures == 2
    living.world.assert_converged()


def test_an_event_that_fails_loses_none_of_those_beside_it(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, facts = living.loop.engine, living.world["hv1"].facts
    living.world["hv1"].plug("t1-p2")
    living.world.edit(port(1, 1, 2))
    monkeypatch.setitem(engine._handlers, SwitchGone, lambda *_: 1 / 0)
    after = living.world["hv1"].facts
    living.loop.step([ChassisReported(facts), SwitchGone(9), NetworkChanged(living.world.network), ChassisReported(after)])
    assert living.loop.failures == 2, "together, and alone"
    living.loop.step([Tick()])
    living.settle()
    living.world.assert_converged()


def test_a_fault_that_stays_makes_no_work_without_end(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("cannot compile")

    with monkeypatch.context() as broken:
        broken.setattr(living.loop.engine._compiler, "compile_all", fail)
        living.world.edit(port(1, 1, 2))
        living.loop.step([NetworkChanged(living.world.network)])
        for _ in range(5):
            living.loop.step([ChassisReported(living.world["hv1"].facts)])
        assert living.loop.failures == 1
        living.loop.step([Tick()])
        assert living.loop.failures == 2
    living.loop.step([Tick()])
    living.settle()
    living.world.assert_converged()


def test_waiting_ends_when_the_revision_is_confirmed(running: Living) -> None:
    world = running.world
    assert running.loop.wait(world.network.revision, 0)
    world.edit(port(1, 1, 2))
    waiters = [eventlet.spawn(running.loop.wait, world.network.revision + n, 30) for n in (0, 1)]
    eventlet.sleep(0)
    running.loop.post(NetworkChanged(world.network))
    eventlet.sleep(0)
    assert not waiters[0].dead
    world["hv1"].switch.work()
    for answer in world["hv1"].switch.outbox:
        running.loop.post(answer)
    assert waiters[0].wait() is True
    assert not waiters[1].dead
    waiters[1].kill()
    assert not running.loop._waiting


def test_waiting_ends_with_its_time(running: Living) -> None:
    assert not running.loop.wait(running.world.network.revision + 1, 0.001)
    assert not running.loop._waiting


def test_events_that_wait_are_stepped_together(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped: list[int] = []
    monkeypatch.setattr(living.loop, "step", lambda events: stepped.append(len(events)))
    for _ in range(5):
        living.loop.post(Tick())
    thread = eventlet.spawn(living.loop.run)
    eventlet.sleep(0)
    thread.kill()
    assert stepped == [5]
