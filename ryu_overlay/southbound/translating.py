"""Looking at an uplink's translations for some seconds: flows out, copies of packets in, flows gone.

What copies tell is `oam.translations`'; this knows the loop, bridges and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import eventlet

from ryu_overlay.engine.events import Observe
from ryu_overlay.oam.capture import Busy, NotReady
from ryu_overlay.oam.translations import BIT, Crossing, Crossings, flows
from ryu_overlay.openflow.flow import Meter
from ryu_overlay.openflow.messages import meter_stats_request
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.openflow.replies import parse_meter_drops
from ryu_overlay.pipeline.registers import IN_LPORT, OUT_LPORT
from ryu_overlay.pipeline.tables import CAPTURE_METERS, LR_OUT_EXTERNAL
from ryu_overlay.southbound.asking import ask_all
from ryu_overlay.southbound.captures import Captures
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches
from ryu_overlay.southbound.waiting import comes_true

METER = CAPTURE_METERS[-1]
RATE = 1000
"""Packets a second that one chassis sends up to be looked at."""
BEGIN_WITHIN = 5.0
"""Seconds that bridges have to confirm the flows."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen. `missed` copies were kept back by a meter or belonged to connections that were too many."""

    crossings: tuple[Crossing, ...]
    missed: int


class Translating:
    """Looks at one uplink at a time: one bit and one meter are enough for it."""

    def __init__(self, loop: Loop, switches: Switches, captures: Captures) -> None:
        self._loop, self._engine, self._switches, self._captures = loop, loop.engine, switches, captures
        self._uplink: int | None = None
        self._crossings = Crossings()

    def heard(self, dpid: int, data: bytes) -> None:
        """A bridge sent a copy up. Called where the bytes are read: must be quick."""
        if self._uplink is None:
            return
        packet = parse_packet_in(data)
        side = OUT_LPORT if packet.table == LR_OUT_EXTERNAL.number else IN_LPORT
        if packet.fields.get(side.field) == self._uplink:
            bridge = self._engine.bridges.by_dpid(dpid)
            self._crossings.take(packet, f"{dpid:016x}" if bridge is None else bridge.chassis)

    def watch(self, uplink: int, chassis: Iterable[str], seconds: float) -> Found:
        """Look at the uplink with this key on these chassis. Blocks this greenthread only. Raises Busy or NotReady."""
        if self._uplink is not None:
            raise Busy("router", "translations of a router are watched already; try again in some seconds")
        rooms = [capture.room for capture in self._captures.running()]
        if any(meter.number == METER for room in rooms for meter in room.meters) or any(
            bit == BIT for room in rooms for bit, _ in room.slots.values()
        ):
            raise Busy("router", "captures take all room there is; end one of them")
        self._uplink, self._crossings = uplink, Crossings()
        key = ("translations", uplink)
        try:
            names = sorted(name for name in chassis if self._engine.bridge_of(name) is not None)
            event = Observe(key, dict.fromkeys(names, flows(uplink, METER)), (Meter(METER, RATE, RATE),))
            self._loop.post(event)
            self._await(event, names)
            before = self._limited(names)
            eventlet.sleep(seconds)
            missed = self._limited(names) - before + self._crossings.beyond
            return Found(tuple(self._crossings.found()), max(missed, 0))
        finally:
            self._uplink = None
            self._loop.post(Observe(key, None))

    def _await(self, event: Observe, names: list[str]) -> None:
        if not comes_true(lambda: self._engine.observed(event, names), BEGIN_WITHIN):
            raise NotReady("router", f"{', '.join(names)} did not take the flows within {BEGIN_WITHIN:g} s")

    def _limited(self, names: list[str]) -> int:
        """Copies that the meters have kept back so far."""
        dpids = [bridge.dpid for name in names if (bridge := self._engine.bridge_of(name)) is not None]
        answers = ask_all(self._switches, [(dpid, meter_stats_request) for dpid in dpids])
        counts = (found for bodies in answers for body in bodies or () for found in parse_meter_drops(body))
        return sum(meter.dropped for meter in counts if meter.number == METER)
