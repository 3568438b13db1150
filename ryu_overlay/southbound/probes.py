"""The hands of traces: packet-outs to bridges, what they tell of probes, and waiting for it.

What is sent, and what it means, is `oam.tracer`'s. Calls block their own greenthread only.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Mapping
from math import inf
from random import SystemRandom

import eventlet

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import Observe
from ryu_overlay.engine.knowledge import world
from ryu_overlay.oam.pinging import Echo, Summary, echo, summary, unsent
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.tracer import Report, Tracer
from ryu_overlay.oam.world import Unable, World
from ryu_overlay.openflow.flow import Block
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import NoAnswer, Switches
from ryu_overlay.southbound.waiting import comes_true

_ANSWERED_WITHIN = 1.0
"""Seconds that a bridge has to answer a question; one that takes longer is told to be silent."""
_CONFIRMED_WITHIN = 2.0
_BUSY_AT_MOST, _TRIED_EVERY = 5.0, 0.05
"""Seconds that a ping waits for its turn before it begins, and between its tries. Once begun, it waits for each turn."""


class Probes:
    """See `oam.world.Hands`, which it implements. `unknown` counts what bridges told of probes that nobody waits for any more."""

    def __init__(self, loop: Loop, switches: Switches) -> None:
        self.tracer = Tracer(self, SystemRandom())
        self.unknown = 0
        self._loop = loop
        self._engine: Engine = loop.engine
        self._switches = switches
        self._waiting: set[eventlet.Event] = set()

    def ping(self, start: Start, count: int, interval: float, chassis: str | None = None) -> Iterator[Echo | Summary]:
        """Echo requests from now on, one each `interval` seconds, and at last the summary. Raises Unable at the first."""
        ident, echoes = self.tracer.number(), list[Echo]()
        for seq in range(1, count + 1):
            began = self.now()
            try:
                echoes.append(echo(seq, self._delivered(start, (ident, seq), chassis, _BUSY_AT_MOST if seq == 1 else inf)))
            except Unable as error:
                if seq == 1:
                    raise
                echoes.append(unsent(seq, error))
            yield echoes[-1]
            if seq < count:
                eventlet.sleep(max(0.0, began + interval - self.now()))
        yield summary(echoes)

    def _delivered(self, start: Start, echo: tuple[int, int], chassis: str | None, patience: float) -> Report:
        """A trace that is delivered, after others that are in its way for at most so many seconds. Raises Unable."""
        until = self.now() + patience
        while True:
            try:
                return self.tracer.trace(start, deliver=True, echo=echo, chassis=chassis)
            except Unable as error:
                if error.code != "busy" or self.now() > until:
                    raise
            eventlet.sleep(_TRIED_EVERY)

    def heard(self, dpid: int, data: bytes) -> None:
        """A packet-in about a probe. Never raises, whatever the bytes are."""
        bridge = self._engine.bridges.by_dpid(dpid)
        try:
            known = bridge is not None and self.tracer.heard(bridge.chassis, data)
        except (struct.error, ValueError):
            known = False
        self.unknown += not known
        waiting, self._waiting = self._waiting, set()
        for event in waiting:
            event.send()

    def now(self) -> float:
        return time.monotonic()

    def world(self) -> World:
        return world(self._engine)

    def send(self, chassis: str, data: bytes) -> None:
        bridge = self._engine.bridge_of(chassis)
        if bridge is not None:
            self._switches.send(bridge.dpid, (data,))

    def ask(self, chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        bridge = self._engine.bridge_of(chassis)
        if bridge is None:
            return None
        try:
            with eventlet.Timeout(_ANSWERED_WITHIN, NoAnswer("it took too long")):
                return self._switches.ask(bridge.dpid, request)
        except NoAnswer:
            return None

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        until = self.now() + seconds
        while not done():
            left = until - self.now()
            if left <= 0:
                return False
            event = eventlet.Event()
            self._waiting.add(event)
            with eventlet.Timeout(left, False):
                event.wait()
            self._waiting.discard(event)
        return True

    def observe(self, key: object, blocks: Mapping[str, Block] | None) -> bool:
        event = Observe(key, blocks)
        concerned = tuple(blocks or ())
        self._loop.post(event)
        return comes_true(lambda: self._engine.observed(event, concerned), _CONFIRMED_WITHIN)
