"""The shapes of a trace: the question, and what was seen and expected."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from pydantic import BaseModel, Field

from ryu_overlay.northbound.schemas_path import Prober, Target, TrafficFields
from ryu_overlay.northbound.values import Address
from ryu_overlay.oam.hops import Direction, Hop, HopKind, PacketView, Way
from ryu_overlay.oam.observed import FlowMet
from ryu_overlay.oam.verdicts import Kind, Layer

_OF_HOP = tuple(field.name for field in fields(Hop))


class TraceQuestion(TrafficFields):
    """Which way does it really go? The fields are those of a question about a path, but that a router may send it, too.

    With `deliver` the packet is handed to the VM or host at the end, and its own answer is followed back; else it ends where it
    would be handed over, and an answer is made in place of that.
    """

    sender: Prober = Field(alias="from")
    to: Target
    source: Address | None = None
    deliver: bool = False


class TraceHop(BaseModel):
    """A place where the packet was seen: see the hops of a path for its fields. `at_ms` is counted from when it was sent."""

    kind: HopKind
    name: str
    packet: PacketView
    after: PacketView | None
    direction: Direction | None
    in_port: str | None
    out_port: str | None
    rule: str | None
    known: bool
    chassis: str | None
    at_ms: float
    flows: tuple[FlowMet, ...]

    @classmethod
    def of(cls, hop: Hop, at_ms: float, chassis: str | None = None, flows: tuple[FlowMet, ...] = ()) -> TraceHop:
        """A hop as one that was seen."""
        return cls(**{name: getattr(hop, name) for name in _OF_HOP}, at_ms=at_ms, chassis=chassis, flows=flows)

    @property
    def hop(self) -> Hop:
        """The same, without where and when."""
        return Hop(**{name: getattr(self, name) for name in _OF_HOP})


class TraceTunnel(BaseModel):
    """A tunnel that the packet was sent into. `received_ms` is null where it did not arrive, `received_by` another chassis than
    `peer` where it arrived there. `own_vni`: a copy without the mark of probes arrived as well."""

    kind: Literal["tunnel"] = "tunnel"
    chassis: str
    peer: str
    vni: int
    sent_ms: float
    received_ms: float | None
    received_by: str | None
    own_vni: bool | None
    flows: tuple[FlowMet, ...]


class VerdictShape(BaseModel):
    """What became of it: see the list of verdicts. `kind`, `layer` and `reason` are stable."""

    kind: Kind
    layer: Layer
    intended: bool
    sentence: str
    direction: Literal["there", "back"]
    chassis: str | None
    peer: str | None
    object: str | None
    flow: str | None
    reason: str | None
    size: int | None


class TraceLeg(BaseModel):
    """One direction. `parts_at` is the number of the first expected hop that was not seen (from 0; null: all were). It was sent
    `sent` times, and `lost` of them were."""

    hops: tuple[TraceHop | TraceTunnel, ...]
    expected: Way
    parts_at: int | None
    sent: int
    lost: int
    ms: float


class TraceAnswer(BaseModel):
    """A trace. `size` is that of the packet in bytes with the IPv4 header, `full_size` what became of one of the VMs' MTU.
    `guest_ms`: how long whom it was delivered to took to answer."""

    verdict: VerdictShape
    there: TraceLeg
    back: TraceLeg | None
    full_size: VerdictShape | None
    size: int
    ms: float
    guest_ms: float | None = None
