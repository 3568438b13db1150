"""Sightings by hand, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from ryu_overlay.model.walk_values import Packet
from ryu_overlay.oam.frames import to_frame
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.oam.start import Traffic, start
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.headers import headers
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import Register
from ryu_overlay.pipeline.table import Table
from tests.unit.oam.asked import FACTS, NET


def packet(sender: str = "red-web-1", to: str = "red-db-3", **traffic: Any) -> Packet:
    """What a VM sends."""
    return start(NET, sender, to, Traffic(**traffic), facts=FACTS).packet


FRAME = to_frame(packet(), 7)


def seen(
    chassis: str,
    table: Table,
    registers: dict[Register, int] | None = None,
    at: float = 0.0,
    feature: Feature = Feature.PUNT_SEEN,
    frame: bytes = FRAME,
    fields: dict[Field, int] | None = None,
) -> Sighting:
    """A probe in a table of a chassis' bridge, with these registers and fields beside those of its frame."""
    state = {**headers(frame), **(fields or {}), **{register.field: value for register, value in (registers or {}).items()}}
    return Sighting(at, chassis, table.number, feature, state, frame)
