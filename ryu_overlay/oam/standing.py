"""What chassis should have of something and what they have: which flows to ask for, and how each object stands where.

Pure: flows and groups as the program wants them, and as a chassis dumped them. It does not know how they were asked for,
nor what the objects are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ryu_overlay.openflow.actions import Instructions, ToGroup
from ryu_overlay.openflow.describe import flow_text
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Flow, FlowKey, Group, GroupValue, MatchItem
from ryu_overlay.openflow.messages import ALL_TABLES, flow_request
from ryu_overlay.openflow.replies import InstalledFlow
from ryu_overlay.pipeline.cookies import Feature, is_ours, read_cookie

State = Literal["installed", "missing", "altered", "unknown"]
_WORST: tuple[State, ...] = ("missing", "altered", "unknown", "installed")
_FOR_A_WHILE = frozenset({Feature.PUNT_OBSERVED, Feature.PUNT_GUEST})
_SHOWN = 8
"""Differing flows of one object on one chassis that are put in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which flows to ask a chassis for: of one table (None: all), with at least this match, with this cookie under the mask.

    `match` holds exact values only.
    """

    table: int | None = None
    match: tuple[MatchItem, ...] = ()
    cookie: int = 0
    mask: int = 0

    def request(self, xid: int) -> bytes:
        """The question as an OpenFlow message."""
        oxm = Flow(0, 0, self.match, Instructions(), 0).match_bytes
        return flow_request(xid, self.cookie, self.mask, table=ALL_TABLES if self.table is None else self.table, match=oxm)

    def covers(self, flow: Flow) -> bool:
        """Whether a chassis that has the flow tells of it when it is asked this."""
        here = self.table is None or self.table == flow.table
        return here and not (flow.cookie ^ self.cookie) & self.mask and set(self.match) <= set(flow.match)


@dataclass(frozen=True, slots=True)
class Report:
    """One chassis: what it should have of what it was asked for, and what it has (None: it did not answer)."""

    chassis: str
    desired: Mapping[FlowKey, Flow]
    groups: Mapping[int, Group] = field(default_factory=dict)
    seen: Mapping[FlowKey, InstalledFlow] | None = None
    seen_groups: Mapping[int, GroupValue] | None = None


@dataclass(frozen=True, slots=True)
class OnChassis:
    """How an object stands on one chassis.

    `state` is the worst of its flows there: "missing", "altered" (same table, priority and match, but other instructions,
    cookie or group), "unknown" (the chassis did not answer), else "installed". `packets` and `bytes` are what its flows
    matched since they are there. `flows` counts those that it should have, `detail` says what differs, in ovs-ofctl's words.
    """

    chassis: str
    state: State
    packets: int = 0
    bytes: int = 0
    flows: int = 1
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beyond:
    """A flow that is there and that nobody wants: "extra" has a cookie of ours, "foreign" has not. `flow` is ovs-ofctl text."""

    chassis: str
    what: Literal["extra", "foreign"]
    table: int
    flow: str
    packets: int
    bytes: int


def wanted(questions: Sequence[Question], flows: Iterable[Flow]) -> dict[FlowKey, Flow]:
    """Those of the flows that the questions ask for."""
    return {flow.key: flow for flow in flows if any(question.covers(flow) for question in questions)}


def doubts(report: Report, questions: Sequence[Question], most: int) -> list[Question]:
    """What to ask once more before flows are called missing: one whose cookie was altered is not told of when asked by cookie."""
    seen = report.seen
    if seen is None:
        return []
    lost = [f for f in report.desired.values() if f.key not in seen and _only_by_cookie(f, questions)]
    return [Question(flow.table, tuple(i for i in flow.match if i[2] is None)) for flow in lost[:most]]


def _only_by_cookie(flow: Flow, questions: Sequence[Question]) -> bool:
    return all(question.mask for question in questions if question.covers(flow))


def standings(reports: Iterable[Report], identify: Callable[[Flow], Hashable]) -> dict[Hashable, tuple[OnChassis, ...]]:
    """By what `identify` calls the object of a flow (None: of none), how it stands on each chassis that should have it."""
    found: dict[Hashable, list[OnChassis]] = {}
    for report in reports:
        mine: dict[Hashable, list[Flow]] = {}
        for flow in report.desired.values():
            name = identify(flow)
            if name is not None:
                mine.setdefault(name, []).append(flow)
        for name, flows in mine.items():
            found.setdefault(name, []).append(_stands(report, flows))
    return {name: tuple(on) for name, on in found.items()}


def beyond(reports: Iterable[Report]) -> Iterator[Beyond]:
    """What chassis told of that they should not have. Flows that look at packets for a while are nobody's mistake."""
    for report in reports:
        for flow in (report.seen or {}).values():
            why = read_cookie(flow.value[0])
            if flow.key not in report.desired and (why is None or why.feature not in _FOR_A_WHILE):
                what: Literal["extra", "foreign"] = "extra" if is_ours(flow.value[0]) else "foreign"
                yield Beyond(report.chassis, what, flow.key[0], flow_text(flow.key, flow.value), flow.packets, flow.bytes)


def item(flow: Flow, wanted: Field) -> tuple[int, int] | None:
    """(value, mask) of a field in the flow's match, or None if it does not match on it."""
    return next(((value, wanted.full if mask is None else mask) for f, value, mask in flow.match if f is wanted), None)


def value(flow: Flow, wanted: Field) -> int | None:
    """The value of a field in the flow's match."""
    found = item(flow, wanted)
    return None if found is None else found[0]


def _stands(report: Report, flows: Sequence[Flow]) -> OnChassis:
    if report.seen is None:
        return OnChassis(report.chassis, "unknown", flows=len(flows))
    states: set[State] = set()
    detail: list[str] = []
    packets = octets = 0
    for flow in flows:
        there = report.seen.get(flow.key)
        state, words = _compare(flow, there, report)
        states.add(state)
        detail += words
        if there is not None:
            packets, octets = packets + there.packets, octets + there.bytes
    worst = next(state for state in _WORST if state in states)
    return OnChassis(report.chassis, worst, packets, octets, len(flows), tuple(detail[:_SHOWN]))


def _compare(flow: Flow, there: InstalledFlow | None, report: Report) -> tuple[State, list[str]]:
    should = flow_text(flow.key, flow.value)
    if there is None:
        return "missing", [f"missing: {should}"]
    if there.value != flow.value:
        return "altered", [f"is: {flow_text(there.key, there.value)}", f"should be: {should}"]
    for group in _groups(flow, report):
        is_there = None if report.seen_groups is None else report.seen_groups.get(group.number)
        if report.seen_groups is not None and is_there is None:
            return "missing", [f"missing: {group.text}"]
        if is_there is not None and is_there != group.value:
            return "altered", [f"group {group.number} is not: {group.text}"]
    return "installed", []


def _groups(flow: Flow, report: Report) -> Iterator[Group]:
    for action in flow.instructions.actions:
        if isinstance(action, ToGroup) and action.group in report.groups:
            yield report.groups[action.group]
