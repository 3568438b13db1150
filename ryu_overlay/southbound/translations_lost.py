"""Reads how many packets bridges dropped because nothing was left to translate them to."""

from __future__ import annotations

import eventlet

from ryu_overlay.engine.engine import Engine
from ryu_overlay.health.evidence import Exhausted
from ryu_overlay.openflow.messages import flow_request
from ryu_overlay.openflow.replies import parse_counts
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.southbound.switches import NoAnswer, Switches

_FOR_WANT = Why(Feature.DROP_NAT_EXHAUSTED).cookie
_OF_A_KIND = 0xFFFFFF << 40
_LASTS = 6.0
"""Seconds after the last such packet that the want counts as there."""


class Lost:
    """By chassis, what was dropped so."""

    def __init__(self, engine: Engine, switches: Switches) -> None:
        self._engine = engine
        self._switches = switches
        self._totals: dict[str, int] = {}
        self._found: dict[str, Exhausted] = {}
        self._seen: dict[str, float] = {}

    def read(self, now: float) -> None:
        """Ask all bridges. Blocks this greenthread only."""
        bridges = [bridge for bridge in self._engine.bridges if bridge.settled]
        asked = {bridge.chassis: eventlet.spawn(self._total, bridge.dpid) for bridge in bridges}
        for chassis, thread in asked.items():
            total = thread.wait()
            if total is None:
                continue
            before = self._totals.get(chassis)
            self._totals[chassis] = total
            if before is not None and total > before:
                known = self._found.get(chassis)
                packets = total - before + (known.packets if known else 0)
                self._found[chassis] = Exhausted(chassis, packets, known.since if known else now)
                self._seen[chassis] = now
        for chassis, at in list(self._seen.items()):
            if now - at > _LASTS:
                del self._seen[chassis], self._found[chassis]

    def exhausted(self, now: float) -> tuple[Exhausted, ...]:
        return tuple(self._found.values())

    def _total(self, dpid: int) -> int | None:
        try:
            bodies = self._switches.ask(dpid, lambda xid: flow_request(xid, _FOR_WANT, _OF_A_KIND))
        except NoAnswer:
            return None
        return sum(flow.packets for body in bodies for flow in parse_counts(body))
