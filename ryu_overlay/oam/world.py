"""What a trace has to know beside the network: where ports are, what bridges ought to have, and hands that reach them.

Values and an interface only. Who fills them in, and how bridges are reached, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ryu_overlay.fabric.placement import Placement
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from ryu_overlay.model.problems import Problem
from ryu_overlay.model.walk import NO_FACTS, Facts
from ryu_overlay.oam.journey import Places
from ryu_overlay.openflow.flow import Block, Program
from ryu_overlay.openflow.lookup import Lookup


@dataclass(frozen=True)
class World:
    """One moment of it. `programs` are by chassis, as they ought to be installed. `bound` has, by port name, the chassis and the
    OpenFlow port of its VIF. `connected` are chassis with an OpenFlow connection."""

    network: Network
    programs: Mapping[str, Program]
    places: Places
    bound: Mapping[str, tuple[str, int]]
    connected: frozenset[str]
    facts: Facts = NO_FACTS
    placements: Mapping[Ref, Placement] = field(default_factory=dict)
    gateways: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)

    def patches(self, physical: str) -> Iterator[tuple[str, int]]:
        """The (chassis, OpenFlow port) towards a physical network."""
        return (where for where, name in sorted(self.places.patches.items()) if name == physical)


class Hands(Protocol):
    """What reaches bridges, by name of chassis. What they tell comes to `Tracer.heard`."""

    def now(self) -> float:
        """Seconds by a monotonic clock."""
        ...

    def world(self) -> World:
        """How it is now."""
        ...

    def send(self, chassis: str, data: bytes) -> None:
        """Messages to a bridge; nothing happens if it is not connected."""
        ...

    def ask(self, chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        """The bodies of the replies to a multipart request, None if the bridge does not answer in time."""
        ...

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether `done` holds, or comes to hold within this time; it is looked at whenever something was heard."""
        ...

    def observe(self, key: object, blocks: Mapping[str, Block] | None) -> bool:
        """Have bridges install flows for a while, or with None take them away; whether all concerned have confirmed in time."""
        ...


class Unable(Exception):
    """A probe cannot be sent now. `field` is the field of the question that says from where, `code` is for programs; stable."""

    def __init__(self, field: str, reason: str, code: Literal["busy", "not_bound", "chassis_away"]) -> None:
        super().__init__(f"{field}: {reason}")
        self.problem = Problem(field, reason)
        self.code = code


class Lookups:
    """The programs' flows, to be looked up. What was indexed is kept for as long as a chassis' program stays the same object."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Program, Lookup]] = {}

    def of(self, programs: Mapping[str, Program]) -> Mapping[str, Lookup]:
        """Those of these programs, by chassis. What is not asked for is not indexed."""
        return _Lookups(programs, self._kept)


class _Lookups(Mapping[str, Lookup]):
    def __init__(self, programs: Mapping[str, Program], kept: dict[str, tuple[Program, Lookup]]) -> None:
        self._programs = programs
        self._kept = kept

    def __getitem__(self, chassis: str) -> Lookup:
        program = self._programs[chassis]
        kept = self._kept.get(chassis)
        if kept is None or kept[0] is not program:
            kept = self._kept[chassis] = program, Lookup(program.flows())
        return kept[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)
