"""What bridges are asked after a probe was lost or went astray: whether they answer, and what they have where it was seen."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.oam.judging import Evidence, Finding, Leg
from ryu_overlay.oam.observed import Crossing, Observer, flow_met
from ryu_overlay.oam.sighting import Sighting, met
from ryu_overlay.oam.world import Hands, World
from ryu_overlay.openflow.actions import Instructions, ToGroup
from ryu_overlay.openflow.describe import flow_text, read_match
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.openflow.messages import flow_request, group_request, meter_request
from ryu_overlay.openflow.replies import parse_flows, parse_groups
from ryu_overlay.pipeline.cookies import Feature


def evidence(hands: Hands, world: World, observer: Observer, leg: Leg) -> Evidence:
    """Asks each chassis on a leg's way, also the one at the other end of the tunnel where it was lost."""
    chassis = [stay.chassis for stay in leg.journey.way()] or [leg.journey.chassis]
    last = leg.seen[-1] if leg.seen else None
    if isinstance(last, Crossing) and last.received_ms is None:
        chassis.append(last.peer)
    concerned = dict.fromkeys(chassis)
    away = frozenset(name for name in concerned if name not in world.connected)
    silent = frozenset(n for n in concerned if n not in away and hands.ask(n, meter_request) is None)
    finding = next((f for f in _findings(hands, world, observer, leg) if f is not None), None)
    return Evidence(finding, away, silent)


def _findings(hands: Hands, world: World, observer: Observer, leg: Leg) -> Iterator[Finding | None]:
    """Flows and groups that a packet ought to have met and that are not there as they should be, in the order of its way."""
    for stay in leg.journey.way():
        has = _Has(hands, stay.chassis)
        for seen in stay.seen:
            if seen.feature is Feature.PUNT_SEEN:
                yield _at(has, world, observer, seen)


class _Has:
    """What one bridge has, asked for table by table, once."""

    def __init__(self, hands: Hands, chassis: str) -> None:
        self._hands = hands
        self._chassis = chassis
        self._tables: dict[int, tuple[dict[FlowKey, FlowValue], Lookup] | None] = {}
        self._groups: dict[int, tuple[int, bytes]] | None = None

    def table(self, number: int) -> tuple[dict[FlowKey, FlowValue], Lookup] | None:
        """Its flows, or None if it does not answer."""
        if number not in self._tables:
            bodies = self._hands.ask(self._chassis, lambda xid: flow_request(xid, table=number))
            self._tables[number] = None if bodies is None else _installed(bodies)
        return self._tables[number]

    def group(self, number: int) -> tuple[int, bytes] | None:
        """Type and buckets, None if there is none (or no answer)."""
        if self._groups is None:
            bodies = self._hands.ask(self._chassis, group_request) or []
            self._groups = {n: (kind, data) for body in bodies for n, kind, data in parse_groups(body)}
        return self._groups.get(number)


def _installed(bodies: list[bytes]) -> tuple[dict[FlowKey, FlowValue], Lookup]:
    flows = [flow for body in bodies for flow in parse_flows(body)]
    readable = []
    for flow in flows:
        match, unknown = read_match(flow.key[2])
        if not unknown:
            readable.append(Flow(flow.key[0], flow.key[1], match, Instructions(), flow.value[0]))
    return {flow.key: flow.value for flow in flows}, Lookup(readable)


def _at(has: _Has, world: World, observer: Observer, seen: Sighting) -> Finding | None:
    wanted, there = observer.flow(seen), has.table(seen.table)
    if there is None:
        return None
    values, lookup = there
    real = met(lookup, seen)
    told = flow_met(observer, seen)
    if wanted is None or wanted.key not in values:
        return None if wanted is None else Finding("flow_missing", told, wanted.text)
    if values[wanted.key] != wanted.value:
        return Finding("flow_altered", told, flow_text(wanted.key, values[wanted.key]))
    if real is not None and real.key != wanted.key:
        return Finding("flow_foreign", told, flow_text(real.key, values[real.key]))
    groups = {group.number: group for group in world.programs[seen.chassis].groups()} if _to_group(wanted) else {}
    for number in _to_group(wanted):
        if number in groups and has.group(number) != groups[number].value:
            return Finding("group_altered", told, groups[number].text)
    return None


def _to_group(flow: Flow) -> list[int]:
    return [action.group for action in flow.instructions.actions if isinstance(action, ToGroup)]
