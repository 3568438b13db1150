"""A table's declaration, and the only way to make a flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ryu_overlay.openflow.actions import (
    Action,
    CheckLarger,
    Ct,
    ForgetInPort,
    Instructions,
    Move,
    Multipath,
    Output,
    Punt,
    Resubmit,
    SetField,
    ToGroup,
)
from ryu_overlay.openflow.actions_nicira import Controller, Load, OutputTo
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Flow, make_match
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import PROBE, SEEN

Match = Mapping[Field, "int | tuple[int, int]"]


ON_TOP: Mapping[str, int] = {"gate": 65001, "observe": 65002}
"""Priorities that every table has."""


class Undeclared(ValueError):
    """A flow asked for something that its table's declaration does not allow."""


@dataclass(frozen=True, eq=False)
class Table:
    """One table of the pipeline.

    `priorities` names each priority, or the first and last of a range (for prefixes). `next` are names of tables that
    may follow, by goto or resubmit; `tracks` those to which packets come back from conntrack. `emits` says whether flows here
    may send packets out of the bridge or to groups, `punts` whether to the controller, `reflects` whether they may make a packet
    one that can leave by the port it came by. `miss` says in words what happens to a
    packet that no other flow takes; a flow with priority 0 makes it so.

    Beside what is declared, any table may tell probes from tenants' packets, and have flows on top that look at a packet
    (`gate` and `observe`) before it is looked up in earnest.
    """

    number: int
    name: str
    purpose: str
    matches: frozenset[Field]
    writes: frozenset[Field]
    priorities: Mapping[str, int | tuple[int, int]]
    next: frozenset[str] = frozenset()
    tracks: frozenset[str] = frozenset()
    emits: bool = False
    punts: bool = False
    reflects: bool = False
    miss: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    bit: int = 0
    """In `seen`, that the packet was looked at here. No table that follows has the same."""

    def unseen(self, match: Match) -> Match:
        """`match`, for what was not looked at here yet."""
        return {**match, SEEN.field: (0, self.bit)}

    def drop(self, priority: str, match: Match, *, why: Why) -> tuple[Flow, Flow]:
        """A flow that drops, and above it the one that catches probes that it would have dropped. Raises as `flow` does."""
        low = self._priority(priority, 0)
        if any(low < p <= low + 1 if isinstance(p, int) else p[0] <= low + 1 <= p[1] for p in self.priorities.values()):
            raise Undeclared(f"{self.name}: {priority} has no room for what catches probes above it")
        told = Instructions((Punt(),))
        caught = Flow(
            self.number,
            low + 1,
            make_match({**match, PROBE.field: (1, 1)}),
            told,
            Why(Feature.PUNT_CAUGHT, why.tenant, why.key).cookie,
        )
        return self.flow(priority, match, why=why), caught

    def flow(
        self,
        priority: str,
        match: Match,
        then: tuple[Action, ...] = (),
        *,
        why: Why,
        goto: Table | None = None,
        meter: int | None = None,
        rank: int = 0,
    ) -> Flow:
        """A flow of this table: its priority by name (plus `rank` within a range), match, actions, next table, reason.

        Raises Undeclared for anything that the declaration does not allow, and for a flow that neither drops by a
        drop feature nor does anything.
        """
        if priority in ON_TOP:
            return self._look(ON_TOP[priority], match, then, why)
        if not match.keys() <= self.matches | {PROBE.field}:
            raise Undeclared(f"{self.name} may not match {[f.name for f in match.keys() - self.matches - {PROBE.field}]}")
        for action in then:
            self._check(action, _is_of_probes(match))
        if goto is not None and (goto.name not in self.next or goto.number <= self.number):
            raise Undeclared(f"{self.name} may not go to {goto.name}")
        does_nothing = not then and goto is None and meter is None
        if why.feature.is_drop != does_nothing and why.feature is not Feature.COUNTER:
            raise Undeclared(f"{self.name}: {why.feature.name} and what the flow does do not agree")
        instructions = Instructions(then, None if goto is None else goto.number, meter)
        return Flow(self.number, self._priority(priority, rank), make_match(match), instructions, why.cookie)

    def _priority(self, name: str, rank: int) -> int:
        declared = self.priorities.get(name)
        if declared is None:
            raise Undeclared(f"{self.name} has no priority {name}")
        if isinstance(declared, int):
            return declared
        low, high = declared
        if not low <= low + rank <= high:
            raise Undeclared(f"{self.name}: {name} has no rank {rank}")
        return low + rank

    def _look(self, priority: int, match: Match, then: tuple[Action, ...], why: Why) -> Flow:
        """A flow that looks at what was not looked at here yet, and has the packet looked up here once more."""
        if SEEN.field not in match or not then:
            raise Undeclared(f"{self.name}: what was looked at already would be looked at for ever")
        return Flow(self.number, priority, make_match(match), Instructions(then), why.cookie)

    def _check(self, action: Action, of_probes: bool) -> None:
        if of_probes and isinstance(action, Punt):
            allowed = True
        elif isinstance(action, (SetField, Load)):
            allowed = action.field in self.writes
        elif isinstance(action, (Move, Multipath, CheckLarger)):
            allowed = action.target in self.writes
        elif isinstance(action, Resubmit):
            allowed = action.table in {self.numbers[n] for n in self.next}
        elif isinstance(action, Ct):
            allowed = action.table in {self.numbers[n] for n in self.tracks}
        elif isinstance(action, (Output, OutputTo, ToGroup)):
            allowed = self.emits
        elif isinstance(action, (Punt, Controller)):
            allowed = self.punts
        elif isinstance(action, ForgetInPort):
            allowed = self.reflects
        else:
            allowed = True
        if not allowed:
            raise Undeclared(f"{self.name} may not {action.text()}")


def _is_of_probes(match: Match) -> bool:
    asked = match.get(PROBE.field, 0)
    return bool((asked if isinstance(asked, int) else asked[0] & asked[1]) & 1)
