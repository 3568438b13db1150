"""The one greenthread that steps the engine, and the hands that carry its effects out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.queue import LightQueue

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import Effect, Event, Log, PlanTunnels, Read, Remember, Send, Tick

LOG = logging.getLogger(__name__)

_TICK = 1.0
Hand = Callable[[Any], None]


class Loop:
    """Events in from anywhere (`post`), one step at a time, effects out to `hands` (by type of effect).

    Events that wait together are stepped together. An exception in a step is logged and counted, and the loop goes on.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.failures = 0
        self.hands: dict[type, Hand] = {Log: lambda effect: LOG.log(effect.level, effect.text)}
        self._events: LightQueue = LightQueue()
        self._waiting: list[tuple[int, Any]] = []

    def post(self, event: Event) -> None:
        """Hand an event to the engine. Never blocks; may be called from any greenthread."""
        self._events.put(event)

    def hand(self, effect: type[Send | Read | PlanTunnels | Remember], to: Hand) -> None:
        """Have effects of a type carried out by `to`."""
        self.hands[effect] = to

    def run(self) -> None:
        """Step for ever."""
        eventlet.spawn(self._tick)
        while True:
            events = [self._events.get()]
            while not self._events.empty():
                events.append(self._events.get())
            try:
                self._carry_out(self.engine.step(events, time.time()))
            except Exception:
                self.failures += 1
                LOG.exception("a step of the engine failed on %s", [type(e).__name__ for e in events])
            self._wake()

    def wait(self, revision: int, seconds: float) -> bool:
        """Whether every chassis concerned has confirmed `revision`, or does within `seconds`. Blocks this greenthread only."""
        if not self.engine.lagging(revision):
            return True
        done = eventlet.Event()
        entry = (revision, done)
        self._waiting.append(entry)
        with eventlet.Timeout(seconds, False):
            done.wait()
            return True
        self._waiting.remove(entry)
        return False

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.hands[type(effect)](effect)

    def _wake(self) -> None:
        for entry in [e for e in self._waiting if not self.engine.lagging(e[0])]:
            self._waiting.remove(entry)
            entry[1].send(True)

    def _tick(self) -> None:
        while True:
            eventlet.sleep(_TICK)
            self.post(Tick())
