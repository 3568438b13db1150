"""A monitor over the bridges of a world, which carry its probes and answer it, in time that tests make."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import pytest

from ryu_overlay.health.faults import Fault
from ryu_overlay.openflow.fields import TUN_ID, Field
from ryu_overlay.openflow.messages import PACKET_OUT
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.tables import ECHO_BACK_VNI, ECHO_VNI, PHY_IN_TUNNEL
from ryu_overlay.southbound import monitor as module
from ryu_overlay.southbound.monitor import Monitor
from tests.unit.engine.world import World
from tests.unit.southbound.talking import Talking
from tests.unit.southbound.test_punts import packet_in

TICK = 0.02
PROBED = {TUN_ID: ECHO_VNI}


class Clock:
    """In the place of `time`."""

    def __init__(self, wall: float) -> None:
        self.seconds, self.wall = 5000.0, wall

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return self.wall

    def go(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += seconds


class Watched:
    """`cut` are directions that carry nothing, `hung` bridges that do nothing, `full` is whether full-sized probes pass."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch, guests_every: float = 0.0) -> None:
        self.world = world
        self.clock = Clock(world.now)
        patch.setattr(module, "time", self.clock)
        self.talking = Talking(world)
        self.kept: list[str] = []
        self.told: list[Fault] = []
        self.probes: list[tuple[str, str, int]] = []
        """From where to where probes were sent, and how large they were."""
        self.cut: set[tuple[str, str]] = set()
        self.hung: set[str] = set()
        hands: Any = self.talking
        self.monitor = Monitor(hands, hands, self.kept.append, guests_every)
        self.monitor.on_fault = self.told.append

    def run(self, seconds: float) -> None:
        """What the first greenthread does, and the bridges."""
        for _ in range(round(seconds / TICK)):
            self.clock.go(TICK)
            self.monitor._step()
            self._bridges()

    def count(self) -> None:
        """What the second greenthread does each second."""
        self.talking.age += 1.0
        self.monitor._count()

    def tell(
        self, name: str, feature: Feature, fields: dict[Field, int], frame: bytes, table: int = PHY_IN_TUNNEL.number
    ) -> bool:
        """A bridge tells of a packet."""
        dpid = self.world[name].switch.dpid
        return self.monitor.heard(dpid, packet_in(Why(feature).cookie, fields, frame, table))

    def kinds(self) -> set[tuple[str, str]]:
        """What faults last."""
        faults = self.monitor.book.faults(self.clock.time())
        return {(fault.verdict.kind, fault.verdict.element.text) for fault in faults if fault.until is None}

    def _bridges(self) -> None:
        alive, self.talking.alive = self.talking.alive, []
        for name, token in alive:
            if name not in self.hung:
                self.talking.on_alive(token)
        for name, data in self.talking.take():
            if data[1] == PACKET_OUT and name not in self.hung and (probe := sent(data)) is not None:
                self._carry(name, *probe)

    def _carry(self, sender: str, vni: int, ofport: int, frame: bytes) -> None:
        receiver = f"hv{ofport}"
        self.probes.append((sender, receiver, len(frame)))
        if (sender, receiver) in self.cut or receiver in self.hung:
            return
        if vni != ECHO_VNI:
            self.tell(receiver, Feature.PUNT_CROSSED, {TUN_ID: vni}, frame)
            return
        self.tell(receiver, Feature.PUNT_ECHO, {TUN_ID: ECHO_VNI}, frame)
        if (receiver, sender) not in self.cut:
            self.tell(sender, Feature.PUNT_ECHO, {TUN_ID: ECHO_BACK_VNI}, frame)


def sent(data: bytes) -> tuple[int, int, bytes] | None:
    """(VNI, OpenFlow port, frame) of a packet-out into a tunnel, None for others."""
    (length,) = struct.unpack_from("!H", data, 16)
    if length != 32:
        return None
    (vni,) = struct.unpack_from("!Q", data, 32)
    kind, _, ofport = struct.unpack_from("!HHI", data, 40)
    assert kind == 0
    return vni, ofport, data[24 + length :]


def both_ways(one: str, others: Iterable[str]) -> set[tuple[str, str]]:
    """All directions between a chassis and others."""
    return {pair for other in others for pair in ((one, other), (other, one))}
