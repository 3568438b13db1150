"""Packets that bridges dropped because nothing was left to translate them to, and whose fault that is.

A connection of the controller's own, which no network knows, tells whether conntrack has room. If it has, the rule is at
fault by which connections were begun meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import eventlet

from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.engine import Engine
from ryu_overlay.health.evidence import Exhausted
from ryu_overlay.health.frames import ROOM_PROTO, ROOM_WAY, ROOM_ZONE, room_out
from ryu_overlay.model.objects import Snat
from ryu_overlay.openflow.messages import ALL_TABLES, ct_flush, flow_request
from ryu_overlay.openflow.replies import FlowCount, parse_counts
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.tables import LR_OUT_TRACKED
from ryu_overlay.southbound.asking import ask_soon
from ryu_overlay.southbound.switches import Switches

_OF_A_KIND = 0xFFFFFF << 40
_LASTS = 6.0
"""Seconds after the last such packet that the want counts as there."""
_ROOM_ASKED_EVERY = 2.0


@dataclass(slots=True)
class _Reading:
    dropped: int
    begun: dict[str, int]


class Lost:
    """By chassis, what was dropped so."""

    def __init__(self, engine: Engine, switches: Switches) -> None:
        self._engine = engine
        self._switches = switches
        self._before: dict[str, _Reading] = {}
        self._found: dict[str, Exhausted] = {}
        self._seen: dict[str, float] = {}
        self._asked: dict[str, float] = {}

    def read(self, now: float, silent: Collection[str] = ()) -> None:
        """Ask all bridges but the `silent` ones. Blocks this greenthread only."""
        bridges = [bridge for bridge in self._engine.bridges if bridge.settled and bridge.chassis not in silent]
        asked = [(bridge, eventlet.spawn(self._reading, bridge.dpid)) for bridge in bridges]
        for bridge, thread in asked:
            reading = thread.wait()
            if reading is not None:
                self._compare(bridge, reading, now)
        for chassis, at in list(self._seen.items()):
            if now - at > _LASTS:
                del self._seen[chassis], self._found[chassis]

    def exhausted(self) -> tuple[Exhausted, ...]:
        """What is being dropped for want of a translation."""
        return tuple(self._found.values())

    def room(self, chassis: str, has: bool) -> None:
        """A bridge tells whether conntrack took a connection of the controller's own."""
        if chassis in self._found:
            self._found[chassis] = replace(self._found[chassis], room=has)

    def _compare(self, bridge: Bridge, reading: _Reading, now: float) -> None:
        chassis, before = bridge.chassis, self._before.get(bridge.chassis)
        self._before[chassis] = reading
        if before is None or reading.dropped <= before.dropped:
            return
        known = self._found.get(chassis)
        if known is None or chassis not in self._found:
            known = Exhausted(chassis, 0, now)
        rules = {rule for rule, count in reading.begun.items() if count > before.begun.get(rule, count)}
        packets = known.packets + reading.dropped - before.dropped
        self._found[chassis] = replace(known, packets=packets, rules=tuple(sorted(rules)) or known.rules)
        self._seen[chassis] = now
        if now - self._asked.get(chassis, -_ROOM_ASKED_EVERY) >= _ROOM_ASKED_EVERY:
            self._asked[chassis] = now
            self._switches.send(bridge.dpid, (room_out(), ct_flush(ROOM_ZONE, ROOM_PROTO, original=ROOM_WAY)))

    def _reading(self, dpid: int) -> _Reading | None:
        dropped = self._counts(dpid, Feature.DROP_NAT_EXHAUSTED)
        tracked = None if dropped is None else self._counts(dpid, Feature.SNAT, LR_OUT_TRACKED.number)
        if dropped is None or tracked is None:
            return None
        begun: dict[str, int] = {}
        for flow in tracked:
            why = read_cookie(flow.cookie)
            rule = None if why is None else self._engine.network.by_key.get(why.key)
            if isinstance(rule, Snat):
                name = "/".join(rule.ref)
                begun[name] = begun.get(name, 0) + flow.packets
        return _Reading(sum(flow.packets for flow in dropped), begun)

    def _counts(self, dpid: int, feature: Feature, table: int = ALL_TABLES) -> list[FlowCount] | None:
        cookie = Why(feature).cookie
        bodies = ask_soon(self._switches, dpid, lambda xid: flow_request(xid, cookie, _OF_A_KIND, table=table))
        return None if bodies is None else [flow for body in bodies for flow in parse_counts(body)]
