"""Which flow of a program a packet meets in a table, and where a flow may lead it.

As Open vSwitch looks flows up: those of a table by the set of bits they ask for, one dict each, so that a lookup takes as many
steps as there are such sets (tuple space search). Knows nothing of what tables and registers mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ryu_overlay.openflow import actions
from ryu_overlay.openflow.actions import Action, Ct, Output, Punt, Resubmit, ToGroup
from ryu_overlay.openflow.actions_nicira import Controller, OutputTo
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Bucket, Flow, Group

End = Literal["output", "punt", "drop"]
_OUTPUT: frozenset[End] = frozenset({"output"})
_PUNT: frozenset[End] = frozenset({"punt"})
_DROP: frozenset[End] = frozenset({"drop"})


@dataclass(slots=True)
class _Tuple:
    """A table's flows that ask for the same bits of the same fields, by what they ask there; `top` is their highest priority."""

    bits: tuple[tuple[Field, int], ...]
    flows: dict[tuple[int, ...], list[Flow]] = field(default_factory=dict)
    top: int = -1


class Lookup:
    """Finds flows in a set of them that does not change. A table's index is made when it is first asked for."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        self._flows: dict[int, list[Flow]] = {}
        for flow in flows:
            table = self._flows.get(flow.table)
            if table is None:
                self._flows[flow.table] = [flow]
            else:
                table.append(flow)
        self._tables: dict[int, list[_Tuple]] = {}

    def find(self, table: int, state: Mapping[Field, int], ignore: Callable[[Flow], bool] | None = None) -> Flow | None:
        """The flow of highest priority whose match holds, of those not to `ignore`; None: there is none.

        `state` is all of a packet that can be matched: what a packet-in says and `headers` of its frame. What is not there counts
        as 0, as in Open vSwitch. So a UDP packet meets no flow about TCP ports: such a flow asks for nw_proto=6 as well
        (OpenFlow 1.3.5 section 7.2.3.6). Of flows that overlap at one priority it may be any.
        """
        tuples = self._tables.get(table)
        if tuples is None:
            tuples = self._tables[table] = _index(self._flows.get(table, ()))
        best: Flow | None = None
        for some in tuples:
            if best is not None and some.top <= best.priority:
                break
            asked = tuple([state.get(f, 0) & mask for f, mask in some.bits])
            for flow in some.flows.get(asked, ()):
                if best is not None and flow.priority <= best.priority:
                    break
                if ignore is None or not ignore(flow):
                    best = flow
                    break
        return best


def _index(flows: Iterable[Flow]) -> list[_Tuple]:
    found: dict[tuple[tuple[Field, int | None], ...], _Tuple] = {}
    for flow in flows:
        bits = tuple([(f, mask) for f, _, mask in flow.match])
        some = found.get(bits)
        if some is None:
            some = found[bits] = _Tuple(tuple((f, f.full if mask is None else mask) for f, mask in bits))
        some.flows.setdefault(tuple([value for _, value, _ in flow.match]), []).append(flow)
    for some in found.values():
        for same in some.flows.values():
            if len(same) > 1:
                same.sort(key=lambda flow: -flow.priority)
        some.top = max(same[0].priority for same in some.flows.values())
    return sorted(found.values(), key=lambda some: -some.top)


def leads_to(flow: Flow, groups: Mapping[int, Group]) -> frozenset[int]:
    """All tables that a flow may send a packet to next: by goto, resubmit, conntrack, or a group's buckets.

    Raises KeyError for a group that is not in `groups`.
    """
    goto = flow.instructions.goto
    return _tables(flow.instructions.actions, groups) | (frozenset() if goto is None else {goto})


def ends(flow: Flow, groups: Mapping[int, Group]) -> frozenset[End]:
    """How a packet may end at a flow itself: sent out, to the controller, or dropped, for nothing takes it anywhere.

    Of a group any bucket may be taken, of a failover group none. What meters and dec_ttl drop is not counted. Raises as
    `leads_to` does.
    """
    found = _ends(flow.instructions.actions, groups)
    return found if flow.instructions.goto is None else found - _DROP


def _tables(taken: Iterable[Action], groups: Mapping[int, Group]) -> frozenset[int]:
    found: set[int] = set()
    for action in taken:
        match action:
            case Resubmit(table=table) | Ct(table=int(table)):
                found.add(table)
            case ToGroup(group=number):
                found.update(*(_tables(bucket, groups) for bucket in _buckets(groups[number])))
    return frozenset(found)


def _ends(taken: Iterable[Action], groups: Mapping[int, Group]) -> frozenset[End]:
    """It is dropped where none of the actions takes it anywhere for sure."""
    parts = [_end(action, groups) for action in taken]
    found: frozenset[End] = frozenset().union(*parts) - _DROP
    return found if any("drop" not in part for part in parts) else found | _DROP


def _end(action: Action, groups: Mapping[int, Group]) -> frozenset[End]:
    """What one action does to end a packet's way: "drop" where it does nothing, none where it leads on."""
    match action:
        case Punt() | Controller() | Output(port=actions.OFPP_CONTROLLER):
            return _PUNT
        case Output() | OutputTo():
            return _OUTPUT
        case Resubmit() | Ct(table=int()):
            return frozenset()
        case ToGroup(group=number):
            group = groups[number]
            found = frozenset[End]().union(*(_ends(bucket, groups) for bucket in _buckets(group)))
            return found | _DROP if group.kind == "failover" or not group.buckets else found
    return _DROP


def _buckets(group: Group) -> Iterable[tuple[Action, ...]]:
    return (bucket.actions if isinstance(bucket, Bucket) else bucket for bucket in group.buckets)
