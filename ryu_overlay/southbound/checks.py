"""Health checks of load balancers' members, carried out: the greenthread that tries, and answers as they come.

What is tried and what came of it is `oam.checker`'s; this knows bridges and the clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

import eventlet

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import MembersJudged
from ryu_overlay.model.objects import Port
from ryu_overlay.oam.checker import DOWN, Checker, Frame, Verdict
from ryu_overlay.oam.targets import targets
from ryu_overlay.openflow.actions import Output, encode_actions
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches

LOG = logging.getLogger(__name__)

_LOOKED_AT_EVERY = 0.5
"""Seconds after which a change of network or bindings is seen at the latest."""
_LEAST_PAUSE = 0.005


class Checks:
    """Tries members for as long as the controller runs. `failures` counts exceptions, each of which is logged."""

    def __init__(self, loop: Loop, switches: Switches) -> None:
        self.failures = 0
        self._loop = loop
        self._engine: Engine = loop.engine
        self._switches = switches
        self._checker = Checker()
        self._seen: tuple[object, int] = (None, -1)
        self._told: frozenset[int] | None = None

    @property
    def verdicts(self) -> Mapping[int, Verdict]:
        """By member key, what tries say; times by the monotonic clock."""
        return self._checker.verdicts()

    def run(self) -> None:
        """Try for ever."""
        while True:
            try:
                self._retarget()
                self._send(self._checker.step(time.monotonic()))
                self._tell()
                pause = min(self._checker.due(time.monotonic()), _LOOKED_AT_EVERY)
            except Exception:
                self.failures += 1
                LOG.exception("health checks failed once")
                pause = _LOOKED_AT_EVERY
            eventlet.sleep(max(pause, _LEAST_PAUSE))

    def answer(self, dpid: int, ofport: int, frame: bytes) -> bytes | None:
        """A member answered. What goes back goes by its own bridge."""
        bridge = self._engine.bridges.by_dpid(dpid)
        if bridge is not None:
            self._send(self._checker.heard(frame, bridge.chassis, ofport, time.monotonic()))
            self._tell()
        return None

    def _retarget(self) -> None:
        engine = self._engine
        now = (engine.network, engine.bindings.version)
        if now != self._seen and engine.ready:
            self._send(self._checker.targets(list(targets(engine.network, self._where)), time.monotonic()))
            self._seen = now

    def _where(self, port: Port) -> tuple[str, int] | None:
        spot = self._engine.bindings.spot(port)
        return None if spot is None or spot.ofport is None else (spot.chassis, spot.ofport)

    def _send(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            bridge = self._engine.bridge_of(frame.chassis)
            if bridge is not None:
                out = packet_out(encode_actions((Output(frame.ofport),)), frame.data)
                self._switches.send(bridge.dpid, (out,))

    def _tell(self) -> None:
        verdicts = self._checker.verdicts()
        dead = frozenset(key for key, verdict in verdicts.items() if verdict.state == DOWN)
        # What is not known yet stays as it is remembered.
        unknown = frozenset(key for key, verdict in verdicts.items() if verdict.state not in ("up", DOWN))
        dead |= unknown & self._engine.members.dead
        if dead != self._told:
            self._told = dead
            self._loop.post(MembersJudged(dead))
