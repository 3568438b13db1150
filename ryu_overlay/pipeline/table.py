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
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Flow, make_match
from ryu_overlay.pipeline.cookies import Why

Match = Mapping[Field, "int | tuple[int, int]"]


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
        if not match.keys() <= self.matches:
            raise Undeclared(f"{self.name} may not match {[f.name for f in match.keys() - self.matches]}")
        for action in then:
            self._check(action)
        if goto is not None and (goto.name not in self.next or goto.number <= self.number):
            raise Undeclared(f"{self.name} may not go to {goto.name}")
        if why.feature.is_drop != (not then and goto is None):
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

    def _check(self, action: Action) -> None:
        if isinstance(action, SetField):
            allowed = action.field in self.writes
        elif isinstance(action, (Move, Multipath, CheckLarger)):
            allowed = action.target in self.writes
        elif isinstance(action, Resubmit):
            allowed = action.table in {self.numbers[n] for n in self.next}
        elif isinstance(action, Ct):
            allowed = action.table in {self.numbers[n] for n in self.tracks}
        elif isinstance(action, (Output, ToGroup)):
            allowed = self.emits
        elif isinstance(action, Punt):
            allowed = self.punts
        elif isinstance(action, ForgetInPort):
            allowed = self.reflects
        else:
            allowed = True
        if not allowed:
            raise Undeclared(f"{self.name} may not {action.text()}")
