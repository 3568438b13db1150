"""The one greenthread that steps the engine, and the hands that carry its effects out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.queue import LightQueue

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import Beat, Effect, Event, Log, PlanTunnels, Read, Remember, Send, Tick
from ryu_overlay.engine.paths import BEAT

LOG = logging.getLogger(__name__)

_TICK = 1.0
Hand = Callable[[Any], None]


class Loop:
    """Events in from anywhere (`post`), one step at a time, effects out to `hands` (by type of effect).

    Events that wait together are stepped together. `failures` counts exceptions, in steps and in hands; each is logged.
    After one, the other events and effects are still seen to; if a bridge may have missed something by it, the engine asks
    all of them anew what they have.
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
        eventlet.spawn(self._beat)
        while True:
            events = [self._events.get()]
            while not self._events.empty():
                events.append(self._events.get())
            self.step(events)

    def step(self, events: list[Event]) -> None:
        """Take events in together; if that fails, one by one, so that none is lost with the one at fault."""
        if not self._try(events) and len(events) > 1:
            for event in events:
                self._try([event])
        self._wake()

    def wait(self, revision: int, seconds: float) -> bool:
        """Whether every chassis concerned has confirmed `revision`, or does within `seconds`. Blocks this greenthread only."""
        if not self.engine.lagging(revision):
            return True
        done = eventlet.Event()
        entry = (revision, done)
        self._waiting.append(entry)
        try:
            with eventlet.Timeout(seconds, False):
                done.wait()
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return done.ready()

    def breathe(self) -> None:
        """Let other greenthreads run."""
        eventlet.sleep(0)

    def _try(self, events: list[Event]) -> bool:
        try:
            effects = self.engine.step(events, time.time())
        except Exception:
            self.failures += 1
            LOG.exception("a step of the engine failed on %s", [type(e).__name__ for e in events])
            self.engine.distrust()
            return False
        for effect in effects:
            self._carry_out(effect)
        return True

    def _carry_out(self, effect: Effect) -> None:
        try:
            self.hands[type(effect)](effect)
        except Exception:
            self.failures += 1
            LOG.exception("%s was not carried out", type(effect).__name__)
            if isinstance(effect, (Send, Read)):
                self.engine.distrust()

    def _wake(self) -> None:
        """Answer whoever waits for a revision that has come. Who lags for one, lags for all later ones."""
        for entry in sorted(self._waiting, key=lambda e: e[0]):
            if self.engine.lagging(entry[0]):
                return
            self._waiting.remove(entry)
            entry[1].send(True)

    def _beat(self) -> None:
        while True:
            eventlet.sleep(BEAT)
            if self.engine.paths.watched(self.engine.network):
                self.post(Beat())

    def _tick(self) -> None:
        while True:
            eventlet.sleep(_TICK)
            self.post(Tick())
