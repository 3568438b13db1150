"""What bridges are asked after a probe was lost or went astray: whether they answer, and what they have where it was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ryu_overlay.oam.judging import Evidence, Finding, Leg
from ryu_overlay.oam.observed import Crossing, FlowMet, Observer, flow_met
from ryu_overlay.oam.sighting import Sighting, met, only_looks
from ryu_overlay.oam.world import Hands, World
from ryu_overlay.openflow.actions import Instructions, ToGroup
from ryu_overlay.openflow.describe import flow_text, read_match
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue
from ryu_overlay.openflow.headers import headers
from ryu_overlay.openflow.lookup import Lookup, leads_to
from ryu_overlay.openflow.messages import flow_request, group_request, meter_request
from ryu_overlay.openflow.replies import parse_flows, parse_groups
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.tables import PHY_IN_PORT, PHY_IN_TUNNEL, TABLE_NAMES


def evidence(hands: Hands, world: World, observer: Observer, leg: Leg) -> Evidence:
    """Asks each chassis on a leg's way, also the one at the other end of the tunnel where it was lost."""
    chassis = [stay.chassis for stay in leg.journey.way()] or [*leg.journey.put_in]
    last = leg.seen[-1] if leg.seen else None
    if isinstance(last, Crossing) and last.received_ms is None:
        chassis.append(last.peer)
    concerned = dict.fromkeys(chassis)
    # As it is by now: a chassis may have gone since the packet was sent.
    away = concerned.keys() - hands.world().connected
    silent = frozenset(n for n in concerned if n not in away and hands.ask(n, meter_request) is None)
    able = {name: _Has(hands, name) for name in concerned if name not in away | silent}
    finding = next((f for f in _findings(able, world, observer, leg) if f is not None), None)
    return Evidence(finding, frozenset(away), silent)


def leaving(hands: Hands, world: World, observer: Observer, leg: Leg, known: set[str]) -> Finding | None:
    """What is wrong with the one flow that tenants' packets meet and probes do not: that by which they leave a bridge.

    Chassis in `known` are not asked; those that are get to be there.
    """
    for stay in leg.journey.way():
        if stay.end in ("out", "into_tunnel") and stay.chassis not in known:
            known.add(stay.chassis)
            found = _at(_Has(hands, stay.chassis), world, observer, stay.last)
            if found is not None:
                return found
    return None


def _findings(able: Mapping[str, _Has], world: World, observer: Observer, leg: Leg) -> Iterator[Finding | None]:
    """Flows and groups that a packet ought to have met and that are not there as they should be, in the order of its way."""
    way = leg.journey.way()
    for stay in way:
        for seen in stay.seen if stay.chassis in able else ():
            if seen.feature is Feature.PUNT_SEEN:
                yield _at(able[stay.chassis], world, observer, seen)
    if not way:
        for name in leg.journey.put_in:
            if name in able:
                yield _on_top(able[name], world, name, PHY_IN_PORT.number)
        return
    last = way[-1].last
    if way[-1].end == "under_way" and last.chassis in able:
        flow, groups = observer.flow(last), {group.number: group for group in world.programs[last.chassis].groups()}
        for table in sorted(frozenset() if flow is None else leads_to(flow, groups)):
            yield _on_top(able[last.chassis], world, last.chassis, table)
    crossing = leg.seen[-1] if leg.seen else None
    if isinstance(crossing, Crossing) and crossing.received_ms is None and crossing.peer in able:
        yield from _came_in(able[crossing.peer], world, observer, crossing, last)


def _on_top(has: _Has, world: World, chassis: str, table: int) -> Finding | None:
    """Whether a table tells of probes as it should, before it does anything else with them."""
    there = has.table(table)
    if there is None:
        return None
    values, name = there[0], TABLE_NAMES.get(table, str(table))
    wanted = {flow.key: flow for flow in world.programs[chassis].flows() if flow.table == table}
    looks = sorted((flow for flow in wanted.values() if only_looks(flow)), key=lambda flow: -flow.priority)
    for flow in looks:
        told = FlowMet(name, chassis, f"{flow.cookie:#018x}", priority=flow.priority)
        if flow.key not in values:
            return Finding("flow_missing", told, flow.text)
        if values[flow.key] != flow.value:
            return Finding("flow_altered", told, flow_text(flow.key, values[flow.key]))
    for key in values:
        if key not in wanted and looks and key[1] >= looks[0].priority:
            return Finding("flow_foreign", FlowMet(name, chassis, priority=key[1]), flow_text(key, values[key]))
    return None


def _came_in(has: _Has, world: World, observer: Observer, crossing: Crossing, sent: Sighting) -> Iterator[Finding | None]:
    """What a packet ought to meet first where it comes by a tunnel. Nobody tells of it before it is known for a probe."""
    tunnels = world.places.tunnels.items()
    ofport = next((port for (name, port), far in tunnels if (name, far) == (crossing.peer, crossing.chassis)), None)
    if ofport is None:
        return
    state = {**headers(sent.frame), IN_PORT: ofport, TUN_ID: crossing.vni}
    for table in (PHY_IN_PORT, PHY_IN_TUNNEL):
        yield _at(has, world, observer, Sighting(sent.at, crossing.peer, table.number, Feature.PUNT_SEEN, state, sent.frame))
    yield _on_top(has, world, crossing.peer, PHY_IN_TUNNEL.number)


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
    values, readable = dict[FlowKey, FlowValue](), []
    for flow in (flow for body in bodies for flow in parse_flows(body)):
        key, (match, unknown) = flow.key, read_match(flow.key[2])
        if not unknown:
            readable.append(Flow(key[0], key[1], match, Instructions(), flow.value[0]))
            # As ours are written, whatever the order of another's fields.
            key = readable[-1].key
        values[key] = flow.value
    return values, Lookup(readable)


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
