"""What chassis have, asked for now: questions to all that a device reaches, beside what their programs want.

It knows the engine's programs and how to ask; it does not know what any flow is for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.northbound.service_devices import Asked, Drop
from ryu_overlay.oam.standing import Question, Report, doubts, wanted
from ryu_overlay.openflow.flow import Block, Flow, FlowKey
from ryu_overlay.openflow.messages import group_request
from ryu_overlay.openflow.replies import InstalledFlow, parse_flows, parse_groups
from ryu_overlay.pipeline.cookies import DROP_BIT, OURS_COOKIE, OURS_MASK, Feature, Why, read_cookie

Request = Callable[[int], bytes]
Ask = Callable[[Sequence[tuple[int, Request]]], list["list[bytes] | None"]]
"""For each (datapath id, request): the bodies of the replies, or None where none came."""

WHOLE = (1 << 64) - 1
_TENANT_MASK = OURS_MASK | ((1 << TENANT_KEY_BITS) - 1) << KEY_BITS
DOUBTED_AT_MOST = 64
"""Flows of one chassis that are looked for once more before they are called missing."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: a report of each chassis, in order of name, and how far they can be trusted."""

    reports: tuple[Report, ...]
    asked: tuple[Asked, ...]

    def count(self, counts: Callable[[Flow], bool]) -> tuple[int, int]:
        """Packets and bytes that flows of these programs matched, over all chassis."""
        packets = octets = 0
        for report in self.reports:
            for there in (report.seen or {}).values():
                flow = report.desired.get(there.key)
                if flow is not None and counts(flow):
                    packets, octets = packets + there.packets, octets + there.bytes
        return packets, octets

    def drops(self, keys: Collection[int]) -> Iterator[tuple[int, Drop]]:
        """What was dropped for the objects with these keys, by key; one for each reason and chassis."""
        totals: dict[tuple[int, str, str], tuple[int, int]] = {}
        for report in self.reports:
            for flow in (report.seen or {}).values():
                why = read_cookie(flow.value[0])
                if why is not None and why.feature.is_drop and why.key in keys and flow.packets:
                    name = (why.key, why.feature.reason, report.chassis)
                    packets, octets = totals.get(name, (0, 0))
                    totals[name] = packets + flow.packets, octets + flow.bytes
        for (key, reason, chassis), counts in sorted(totals.items()):
            yield key, Drop(reason, chassis, *counts)


def of(feature: Feature, tenant: int, key: int) -> Question:
    """Asks for the flows of one feature and object, in whatever table."""
    return Question(cookie=Why(feature, tenant, key).cookie, mask=WHOLE)


def of_tenant(tenant: int, table: int | None = None) -> Question:
    """Asks for a tenant's flows, in one table or all."""
    return Question(table, cookie=OURS_COOKIE | tenant << KEY_BITS, mask=_TENANT_MASK)


def drops_of(tenant: int) -> Question:
    """Asks for the flows that drop for a tenant's objects."""
    question = of_tenant(tenant)
    return Question(cookie=question.cookie | DROP_BIT, mask=question.mask | DROP_BIT)


class Looking:
    """Looks at chassis for one engine."""

    def __init__(self, engine: Engine, ask: Ask) -> None:
        self._engine = engine
        self._ask = ask

    def reached(self, scope: tuple[str, int]) -> list[str]:
        """The chassis whose programs have this scope."""
        return sorted(name for name, program in self._engine.programs.items() if scope in program.blocks)

    def ask(self, questions: Sequence[tuple[str, Request]]) -> list[list[bytes] | None]:
        """For each (chassis, request), the bodies of the replies, or None for a chassis that is away or did not answer."""
        bridges = [self._engine.bridge_of(name) for name, _ in questions]
        batch = [(bridge.dpid, request) for bridge, (_, request) in zip(bridges, questions) if bridge is not None]
        answers = iter(self._ask(batch))
        return [None if bridge is None else next(answers) for bridge in bridges]

    def look(self, scope: tuple[str, int], keys: Collection[int], questions: Sequence[Question], groups: bool = False) -> Look:
        """Ask all chassis that have `scope`. What they should have is looked for in the scopes of the objects with `keys`."""
        names = self.reached(scope)
        seen = dict(zip(names, self._flows(names, questions)))
        there = dict(zip(names, self._groups(names))) if groups else {}
        reports = []
        for name in names:
            blocks = list(self._blocks(name, keys))
            flows = wanted(questions, (flow for block in blocks for flow in block.flows))
            every = {group.number: group for block in blocks for group in block.groups}
            report = Report(name, flows, every, seen[name], there.get(name))
            reports.append(self._sure(report, questions))
        return Look(tuple(reports), tuple(self._asked(report) for report in reports))

    def _flows(self, names: Sequence[str], questions: Sequence[Question]) -> Iterator[dict[FlowKey, InstalledFlow] | None]:
        answers = iter(self.ask([(name, question.request) for name in names for question in questions]))
        for _ in names:
            bodies = [next(answers) for _ in questions]
            if any(body is None for body in bodies):
                yield None
            else:
                flows = (flow for body in bodies for part in body or () for flow in parse_flows(part))
                yield {flow.key: flow for flow in flows}

    def _groups(self, names: Sequence[str]) -> Iterator[dict[int, tuple[int, bytes]] | None]:
        for bodies in self.ask([(name, group_request) for name in names]):
            if bodies is None:
                yield None
            else:
                yield {number: (kind, data) for body in bodies for number, kind, data in parse_groups(body)}

    def _sure(self, report: Report, questions: Sequence[Question]) -> Report:
        """The report, with flows that are there after all under another cookie."""
        again = doubts(report, questions, DOUBTED_AT_MOST)
        found = next(self._flows([report.chassis], again)) if again else None
        if not found or report.seen is None:
            return report
        altered = {key: flow for key, flow in found.items() if key in report.desired}
        return Report(report.chassis, report.desired, report.groups, {**report.seen, **altered}, report.seen_groups)

    def _blocks(self, chassis: str, keys: Collection[int]) -> Iterable[Block]:
        program = self._engine.programs.get(chassis)
        for scope, block in program.blocks.items() if program is not None else ():
            if isinstance(scope, tuple) and len(scope) > 1 and scope[1] in keys:
                yield block

    def _asked(self, report: Report) -> Asked:
        bridge = self._engine.bridge_of(report.chassis)
        confirmed = 0 if bridge is None else bridge.confirmed
        return Asked(report.chassis, report.seen is not None, self._engine.settled(report.chassis), confirmed)
