"""The words for what was seen of a packet: hops with their chassis, times and flows, and tunnels; and what tells of its flows.

Which flow decided where a packet was seen is looked up in the chassis' program, so it is what ought to be installed. That the two
may differ is for `judging` to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Object
from ryu_overlay.model.problems import spelled
from ryu_overlay.model.walk_values import AnswerKind
from ryu_overlay.oam.hops import Hop
from ryu_overlay.oam.journey import Places
from ryu_overlay.oam.sighting import Sighting, met
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.tables import TABLE_NAMES

ANSWERS: Mapping[Feature, str] = {
    f: f.reason for f in Feature if f.name.startswith("PUNT_") and f.reason.upper() in AnswerKind.__members__
}
"""What a router answers with, by why its flow sends packets to the controller: names of AnswerKind in lower case."""


@dataclass(frozen=True, slots=True)
class FlowMet:
    """A flow that decided: `cookie` leads to it in a dump, `feature` and `object` are what the cookie says.

    None for the flow's parts: the program has no flow for the packet there.
    """

    table: str
    chassis: str
    cookie: str | None = None
    feature: str | None = None
    object: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class SeenHop:
    """A hop that was seen: on which chassis, when (`at_ms`: milliseconds after the packet was sent), and the flows met there."""

    hop: Hop
    chassis: str
    at_ms: float
    flows: tuple[FlowMet, ...] = ()
    kind: Literal["hop"] = "hop"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A tunnel: sent by `chassis` to `peer`, in a network's VNI.

    Times in milliseconds after the packet was sent; `received_ms` None: not received. `received_by`: by whom, if not by `peer`.
    `own_vni`: whether a copy without the mark of probes came through as well, None while that is not known.
    """

    chassis: str
    peer: str
    vni: int
    sent_ms: float
    received_ms: float | None = None
    received_by: str | None = None
    own_vni: bool | None = None
    flows: tuple[FlowMet, ...] = ()
    kind: Literal["tunnel"] = "tunnel"


Seen = SeenHop | Crossing


class Observer:
    """What there is to look seen packets up in: a network, the programs' flows by chassis, and what ports are."""

    def __init__(self, network: Network, lookups: Mapping[str, Lookup], places: Places) -> None:
        self.network = network
        self.lookups = lookups
        self.places = places
        self.rules: dict[tuple[str, str], str | None] = {}
        """By which rule connections that were seen begin are translated, at an uplink in a direction."""
        self._met: dict[int, tuple[Sighting, Flow | None]] = {}

    def flow(self, seen: Sighting) -> Flow | None:
        """The flow that decides where a packet was seen, by the program."""
        known = self._met.get(id(seen))
        if known is None:
            lookup = self.lookups.get(seen.chassis)
            known = self._met[id(seen)] = seen, None if lookup is None else met(lookup, seen)
        return known[1]

    def object_of(self, flow: Flow | None) -> Object | None:
        """The logical object that a flow is there for."""
        why = None if flow is None else read_cookie(flow.cookie)
        return None if why is None else self.network.by_key.get(why.key)

    def name(self, key: int) -> str:
        """An object's name by its key: a port's own, else all of it; `?` if there is none."""
        obj = self.network.by_key.get(key)
        if obj is None:
            return "?"
        return obj.ref[-1] if obj.kind == "port" else "/".join(obj.ref)


def flow_met(observer: Observer, seen: Sighting) -> FlowMet:
    """The flow that decides there, in words."""
    table, flow = TABLE_NAMES.get(seen.table, str(seen.table)), observer.flow(seen)
    if flow is None:
        return FlowMet(table, seen.chassis)
    why = read_cookie(flow.cookie)
    obj = observer.object_of(flow)
    name = None if obj is None else spelled(obj)
    feature = None if why is None else why.feature.name.lower()
    return FlowMet(table, seen.chassis, f"{flow.cookie:#018x}", feature, name, flow.priority)
