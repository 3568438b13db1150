"""Reads what bridges count of tunnels: sent and received for each network and pair of chassis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import eventlet

from ryu_overlay.engine.engine import Engine
from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Count, Key
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Flow, FlowKey, Program
from ryu_overlay.openflow.messages import flow_add, flow_request
from ryu_overlay.openflow.replies import FlowCount, parse_counts
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import TUN_COUNT_IN, TUN_COUNT_OUT
from ryu_overlay.southbound.asking import ask_soon
from ryu_overlay.southbound.switches import Switches

_TOLD_AFTER = 0.03
_TOUCH = flow_add(TUN_COUNT_OUT.flow("miss", {}, why=Why(Feature.COUNTER)))
"""Put a flow there that is there: Open vSwitch then brings all counters up to date, which may otherwise be a second old."""

Meant = Mapping[FlowKey, tuple[Key, bool]]
"""What each counting flow counts: its key, and whether that is what was sent."""


class Counters:
    """Knows which flow counts what on each chassis."""

    def __init__(self, engine: Engine, switches: Switches) -> None:
        self._engine = engine
        self._switches = switches
        self._meant: dict[str, tuple[Program, Mapping[str, int], Meant]] = {}
        self.known: set[Key] = set()

    def read(self, ledger: Ledger, clock: Callable[[], float], silent: Collection[str] = ()) -> None:
        """Read all bridges but the `silent` ones at about the same moment, and put it into the ledger. Blocks this greenthread
        only."""
        bridges = [bridge for bridge in self._engine.bridges if bridge.settled and bridge.chassis not in silent]
        for bridge in bridges:
            self._switches.send(bridge.dpid, (_TOUCH,))
        eventlet.sleep(_TOLD_AFTER)
        at = clock()
        asked = {bridge.chassis: eventlet.spawn(self._counts, bridge.dpid) for bridge in bridges}
        sent, received = dict[Key, Count](), dict[Key, Count]()
        for chassis, thread in asked.items():
            meant = self._meaning(chassis)
            for flow in thread.wait():
                key, is_sent = meant.get(flow.key, (None, False))
                if key is not None:
                    (sent if is_sent else received)[key] = Count(flow.packets, flow.age)
        self._meant = {name: meant for name, meant in self._meant.items() if name in self._engine.programs}
        keys = sent.keys() | received.keys()
        for key in keys:
            ledger.take(key, at, sent.get(key), received.get(key))
        wanted = {key for _, _, meant in self._meant.values() for key, _ in meant.values()}
        for key in self.known - wanted:
            ledger.forget(key)
        self.known = wanted

    def _counts(self, dpid: int) -> list[FlowCount]:
        found = []
        for table in (TUN_COUNT_OUT.number, TUN_COUNT_IN.number):
            bodies = ask_soon(self._switches, dpid, partial(flow_request, table=table))
            if bodies is None:
                return []
            found += [flow for body in bodies for flow in parse_counts(body)]
        return found

    def _meaning(self, chassis: str) -> Meant:
        program, tunnels = self._engine.programs.get(chassis), self._engine.fabric.tunnels.get(chassis, {})
        if program is None:
            return {}
        known = self._meant.get(chassis)
        if known is None or known[0] is not program or known[1] is not tunnels:
            blocks = (b for scope, b in program.blocks.items() if isinstance(scope, tuple) and scope[0] == "counted")
            peers = {port: name for name, port in tunnels.items()}
            pairs = ((flow.key, _meant(flow, chassis, peers)) for block in blocks for flow in block.flows)
            known = self._meant[chassis] = program, tunnels, {key: meant for key, meant in pairs if meant is not None}
        return known[2]


def _meant(flow: Flow, chassis: str, peers: Mapping[int, str]) -> tuple[Key, bool] | None:
    match = {field: value for field, value, _ in flow.match}
    is_sent = flow.table == TUN_COUNT_OUT.number
    peer = peers.get(match[OFPORT.field] & ~TUNNEL if is_sent else match[IN_PORT])
    if peer is None:
        return None
    return ((match[TUN_ID], chassis, peer) if is_sent else (match[TUN_ID], peer, chassis)), is_sent
