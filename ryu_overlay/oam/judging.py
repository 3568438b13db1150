"""From a way that was seen, the way that was expected, and what bridges really have: what is wrong, and where. Pure.

In this order, because each hides what comes after it:

1. Nobody saw it, or a tunnel did not bring it across: the host at one end, or the underlay between.
2. A flow or group that it ought to have met is not installed as it should be (`Evidence`).
3. It ended where the model says that it ends, or for a reason that the model knows nothing of.
4. It went another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ryu_overlay.model.problems import spelled
from ryu_overlay.model.walk_values import DropReason
from ryu_overlay.oam.hops import Hop, Outcome, PacketView, Way
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.observed import ANSWERS, Crossing, FlowMet, Observer, Seen, SeenHop, flow_met
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.oam.verdicts import Kind, Verdict
from ryu_overlay.pipeline.cookies import DROP_MEANINGS, Feature, read_cookie
from ryu_overlay.pipeline.registers import OFPORT, OUT_LPORT
from ryu_overlay.pipeline.tables import LR_OUT_NO_GATEWAY

Direction = Literal["there", "back"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A flow or group on a packet's way that is not what it should be. `text` is the one that is there, or that is not."""

    what: Literal["flow_missing", "flow_altered", "flow_foreign", "group_altered"]
    met: FlowMet
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was asked of bridges after a packet was lost or went astray.

    `silent` are chassis that are connected and did not answer, `away` those that are not connected. `passed` is the largest size
    in bytes that did get through the tunnel where this one did not, None if none did.
    """

    finding: Finding | None = None
    away: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    passed: int | None = None


NOTHING = Evidence()


class _Where(NamedTuple):
    """The parts of a verdict that say where."""

    chassis: str | None = None
    peer: str | None = None
    object: str | None = None
    flow: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One direction: what was sent, seen and expected, and how often (`lost` of `sent`) it was lost on the way. `is_own`: a peer
    sent it by itself, with a TTL as it likes."""

    direction: Direction
    journey: Journey
    seen: tuple[Seen, ...]
    expected: Way
    sent: int = 1
    lost: int = 0
    is_own: bool = False
    blocked: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """How often the copy in its own VNI did not arrive, by (chassis that sent it, VNI)."""
    lost_between: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How often a packet was lost on the way from a chassis to another. It may have gone another way the next time."""

    @property
    def places(self) -> tuple[SeenHop, ...]:
        """What was seen but tunnels."""
        return tuple(s for s in self.seen if isinstance(s, SeenHop))


def parting(leg: Leg) -> int | None:
    """The number of the first expected hop that was not seen as expected; None if all were, and no others."""
    wanted, seen = leg.expected.whole, [place.hop for place in leg.places]
    shift = (seen[0].packet.ttl or 0) - (wanted[0].packet.ttl or 0) if leg.is_own and seen and wanted else 0
    for number, hop in enumerate(wanted):
        if number >= len(seen) or not _same(hop, seen[number], shift):
            return number
    return None if len(seen) == len(wanted) else len(wanted)


def judge(observer: Observer, leg: Leg, evidence: Evidence = NOTHING) -> Verdict:
    """What became of a leg."""
    way = leg.journey.way()
    if not way:
        return _unseen(leg, evidence)
    last = way[-1].last
    tunnel = _in_tunnel(leg, evidence)
    if tunnel is not None:
        return tunnel
    if evidence.finding is not None:
        return _found(leg, evidence.finding)
    stuck = next((seen for stay in way for seen in stay.seen if _no_gateway(seen)), None)
    if way[-1].end in ("caught", "sent_up") or stuck is not None:
        return _ended(observer, leg, stuck or last)
    if way[-1].end == "out" and parting(leg) is None and _handed_over(observer, leg, last):
        outcome = leg.expected.outcome
        if outcome.kind == "answered" and outcome.reason != "echo_reply":
            return Verdict("answered", outcome.sentence, leg.direction, object=outcome.at, reason=outcome.reason)
        return Verdict("ok", leg.expected.outcome.sentence, leg.direction)
    if way[-1].end in ("under_way", "held"):
        if last.chassis in evidence.silent | evidence.away:
            return _gone(leg, last.chassis, evidence)
        met, flow = flow_met(observer, last), observer.flow(last)
        where = f"seen in table {met.table} of {last.chassis}, and nowhere after it"
        return Verdict("lost_in_bridge", where, leg.direction, last.chassis, flow=None if flow is None else flow.text)
    return _astray(leg)


def _no_gateway(seen: Sighting) -> bool:
    """Whether a router found no gateway, whatever became of what it answers."""
    return seen.table == LR_OUT_NO_GATEWAY.number and seen.feature in ANSWERS


def _handed_over(observer: Observer, leg: Leg, last: Sighting) -> bool:
    """Whether it left the bridge by a port of whoever the model says."""
    outcome, at = _at_last(leg.expected), (last.chassis, last.register(OFPORT))
    if outcome.kind == "delivered":
        return not outcome.ports or observer.places.vifs.get(at) in outcome.ports
    return outcome.kind != "left" or at in observer.places.patches


def _unseen(leg: Leg, evidence: Evidence) -> Verdict:
    names, chassis = " and ".join(leg.journey.put_in), next(iter(leg.journey.put_in), None)
    if evidence.away.issuperset(leg.journey.put_in):
        return Verdict("chassis_away", f"{names}, where it begins, is not connected", leg.direction, chassis)
    if evidence.finding is not None:
        return _found(leg, evidence.finding)
    return Verdict("switch_silent", f"the vswitch of {names} was given the packet, and told nothing", leg.direction, chassis)


def _gone(leg: Leg, chassis: str, evidence: Evidence) -> Verdict:
    """A chassis tells no more while the packet is there."""
    if chassis in evidence.away:
        return Verdict("chassis_away", f"{chassis}, where it was seen last, is not connected", leg.direction, chassis)
    return Verdict("switch_silent", f"the vswitch of {chassis}, where it was seen last, does not answer", leg.direction, chassis)


def _in_tunnel(leg: Leg, evidence: Evidence) -> Verdict | None:
    """What is wrong with the tunnels that it took."""
    for crossing in (s for s in leg.seen if isinstance(s, Crossing)):
        between = f"between {crossing.chassis} and {crossing.peer}"
        where = _Where(crossing.chassis, crossing.peer)
        if crossing.received_by is not None:
            sentence = f"sent by {crossing.chassis} into the tunnel to {crossing.peer}, received by {crossing.received_by}"
            return Verdict("wrong_vtep", sentence, leg.direction, *where)
        if crossing.received_ms is None:
            return _not_received(leg, crossing, evidence)
        if leg.blocked.get((crossing.chassis, crossing.vni), 0) >= leg.sent:
            sentence = f"VNI {crossing.vni} is lost {between}; other VNIs pass"
            return Verdict("vni_lost", sentence, leg.direction, *where)
        lost = leg.lost_between.get((crossing.chassis, crossing.peer), 0)
        if lost:
            sentence = f"{lost} of {leg.sent} were lost {between}"
            return Verdict("lossy", sentence, leg.direction, *where)
    return None


def _not_received(leg: Leg, crossing: Crossing, evidence: Evidence) -> Verdict:
    between = f"between {crossing.chassis} and {crossing.peer}"
    where = _Where(crossing.chassis, crossing.peer)
    if crossing.peer in evidence.away:
        sentence = f"sent by {crossing.chassis} into the tunnel to {crossing.peer}, whose vswitch is not connected"
        return Verdict("chassis_away", sentence, leg.direction, *where)
    if crossing.peer in evidence.silent:
        sentence = f"sent by {crossing.chassis} into the tunnel to {crossing.peer}, whose vswitch does not answer"
        return Verdict("switch_silent", sentence, leg.direction, *where)
    if evidence.finding is not None:
        return _found(leg, evidence.finding)
    if evidence.passed is not None:
        sentence = f"lost {between}: packets above {evidence.passed} bytes do not pass"
        return Verdict("mtu_hole", sentence, leg.direction, *where, size=evidence.passed)
    if crossing.own_vni:
        sentence = f"probes are lost {between}, though VNI {crossing.vni} passes"
        return Verdict("probe_vni_lost", sentence, leg.direction, *where)
    return Verdict("lost_in_underlay", f"lost {between} (tunnel sent, not received)", leg.direction, *where)


def _found(leg: Leg, finding: Finding) -> Verdict:
    met = finding.met
    what = met.object or met.table
    sentences = {
        "flow_missing": f"no flow for {what} in table {met.table} of {met.chassis}, though the model has one",
        "flow_altered": f"the flow for {what} in table {met.table} of {met.chassis} is not what it should be",
        "flow_foreign": f"a foreign flow in table {met.table} of {met.chassis} stands before the one for {what}",
        "group_altered": f"the group for {what} on {met.chassis} is missing or not what it should be",
    }
    return Verdict(finding.what, sentences[finding.what], leg.direction, met.chassis, object=met.object, flow=finding.text)


def _ended(observer: Observer, leg: Leg, last: Sighting) -> Verdict:
    """Dropped, or sent up to be answered, by flows that are as they should be."""
    met, flow = flow_met(observer, last), observer.flow(last)
    why = None if flow is None else read_cookie(flow.cookie)
    feature = Feature.DROP_NOT_BOUND if why is None else why.feature
    stuck = last.table == LR_OUT_NO_GATEWAY.number
    obj = observer.network.by_key.get(last.register(OUT_LPORT)) if stuck or feature is Feature.DROP_NOT_BOUND else None
    # The flow of what is not there cannot say what for.
    name = met.object if met.object or obj is None else spelled(obj)
    where = _Where(last.chassis, None, name, None if flow is None else flow.text)
    if stuck:
        sentence = f"{last.chassis} finds no gateway of the uplink alive"
        return Verdict("no_gateway", sentence, leg.direction, *where)
    expected = _at_last(leg.expected)
    if last.feature in ANSWERS:
        reason = ANSWERS[last.feature]
        if expected.reason == reason and expected.kind in ("answered", "dropped"):
            kind: Kind = "answered" if expected.kind == "answered" else "dropped"
            return Verdict(kind, expected.sentence, leg.direction, *where, reason=reason)
        return Verdict("differs", f"answered with {reason}; expected: {expected.sentence}", leg.direction, *where, reason=reason)
    if last.feature is Feature.PUNT_CAUGHT and not feature.is_drop and feature is not Feature.FLOODING:
        # The datapath goes by flows of its own, which lag behind.
        sentence = f"dropped in table {met.table} of {last.chassis}, though the flows there are as they should be"
        return Verdict("lost_in_bridge", sentence, leg.direction, *where)
    return _dropped(leg, feature, where)


def _dropped(leg: Leg, feature: Feature, where: _Where) -> Verdict:
    reason, expected = feature.reason, _at_last(leg.expected)
    of = f" of {where.object}" if where.object else ""
    sentence = f"dropped on {where.chassis} ({reason}{of}): {DROP_MEANINGS.get(feature, reason)}"
    if feature is Feature.FLOODING and expected.kind == "delivered":
        return Verdict("ok", f"{expected.sentence}: flooded, but for probes, by {where.object}", leg.direction, *where)
    if feature is Feature.PUNT_UNRESOLVED and expected.kind == "left":
        return Verdict("outside_silent", expected.sentence, leg.direction, *where)
    if feature is Feature.DROP_UNKNOWN_MAC and expected.kind == "delivered" and not expected.arrivals:
        return Verdict("ok", expected.sentence, leg.direction, *where)
    if feature is Feature.DROP_NAT_EXHAUSTED:
        return Verdict("nat_exhausted", sentence, leg.direction, *where, reason=reason)
    if feature in (Feature.DROP_NOT_BOUND, Feature.DROP_STALE_TUNNEL):
        return Verdict("not_bound", sentence, leg.direction, *where, reason=reason)
    if feature is Feature.DROP_UNKNOWN_IN_PORT and expected.reason == Feature.DROP_NOT_HERE.reason:
        # A chassis without any border to the physical network does not even look who it is for.
        return Verdict("dropped", sentence, leg.direction, *where, reason=expected.reason)
    if expected.kind == "dropped" and expected.reason == reason:
        return Verdict("dropped", sentence, leg.direction, *where, reason=reason)
    kind: Kind = "differs" if reason.upper() in DropReason.__members__ else "misplaced"
    return Verdict(kind, f"{sentence}; expected: {expected.sentence}", leg.direction, *where, reason=reason)


def _at_last(way: Way) -> Outcome:
    """How it ends, after all that is answered on the way."""
    outcome = way.outcome
    while outcome.back is not None:
        outcome = outcome.back.outcome
    return outcome


def _astray(leg: Leg) -> Verdict:
    number = parting(leg)
    if number is None:
        chassis = leg.journey.way()[-1].chassis
        sentence = f"it left {chassis} by another port than that of {leg.expected.outcome.at}"
        return Verdict("differs", sentence, leg.direction, chassis)
    wanted, seen = leg.expected.whole, leg.places
    should = _words(wanted[number]) if number < len(wanted) else leg.expected.outcome.sentence
    did = _words(seen[number].hop) if number < len(seen) else "nothing"
    chassis = seen[min(number, len(seen) - 1)].chassis if seen else leg.journey.way()[0].chassis
    return Verdict("differs", f"it parts from the model at hop {number + 1}: {did}, not {should}", leg.direction, chassis)


def _same(wanted: Hop, seen: Hop, shift: int) -> bool:
    """Whether a hop is the one that was expected, with a TTL that is higher by `shift`."""
    if wanted.kind == "nat" and seen.known and seen.rule is None:
        # Conntrack does not say by which rule a connection began.
        return (wanted.name, wanted.direction, wanted.known) == (seen.name, seen.direction, True)
    return wanted.key == seen.key and _carried(wanted.packet, shift) == _carried(seen.packet)


def _carried(packet: PacketView, shift: int = 0) -> tuple[object, ...]:
    return packet.src, packet.dst, packet.protocol, None if packet.ttl is None else packet.ttl + shift


def _words(hop: Hop) -> str:
    ports = f" {hop.in_port or '-'} > {hop.out_port or '-'}" if hop.kind == "router" else ""
    return f"{hop.kind} {hop.name}{ports} ({hop.packet.src} > {hop.packet.dst}, TTL {hop.packet.ttl})"
