"""Flows that bridges have for a while only: those that look at packets on the way, for a capture or a trace.

They are part of what a bridge should have while they last. So an audit does not take them for drift, a bridge that comes back
gets them again, and a controller that starts anew, whose programs do not have them, removes them. What they match and do is
not known here.
"""

from __future__ import annotations

from ryu_overlay.engine.events import Observe
from ryu_overlay.openflow.flow import Block, Meter, Program

SCOPE = "observe"


class Observing:
    """What is observed now, by key. Nothing of it is compiled: programs get blocks more."""

    def __init__(self) -> None:
        self._events: dict[object, Observe] = {}
        self._merged: dict[str, tuple[Program, Program]] = {}

    def take(self, event: Observe) -> None:
        """The same again changes nothing."""
        if event.blocks is None:
            known = self._events.pop(event.key, None) is not None
        else:
            known = self._events.get(event.key) != event
            self._events[event.key] = event
        if known:
            self._merged.clear()

    def holds(self, event: Observe) -> bool:
        """Whether this is what was said last of its key."""
        said = self._events.get(event.key)
        return said is None if event.blocks is None else said == event

    def with_observers(self, chassis: str, program: Program) -> Program:
        """The chassis' program with all that observes there: the same object as long as neither changes."""
        kept = self._merged.get(chassis)
        if kept is not None and kept[0] is program:
            return kept[1]
        merged = self._merge(chassis, program)
        self._merged[chassis] = program, merged
        return merged

    def _merge(self, chassis: str, program: Program) -> Program:
        blocks: dict[object, Block] = {}
        meters: list[Meter] = []
        for key, event in self._events.items():
            if event.blocks is not None and chassis in event.blocks:
                blocks[SCOPE, key] = event.blocks[chassis]
                meters += event.meters
        return Program({**program.blocks, **blocks}, (*program.meters, *meters)) if blocks else program
