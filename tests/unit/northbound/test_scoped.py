"""What a tenant is told never holds what it must not know, whatever an answer holds; and it stays an answer."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import pairwise, product
from typing import Any, Literal, get_args

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.northbound import scoped
from ryu_overlay.northbound.schemas_path import PathAnswer, RoundTrip
from ryu_overlay.northbound.schemas_trace import TraceAnswer, TraceHop, TraceLeg, TraceTunnel, VerdictShape
from ryu_overlay.oam.hops import Arrival, Hop, HopKind, Outcome, OutcomeKind, PacketView, Way
from ryu_overlay.oam.observed import FlowMet
from ryu_overlay.oam.scoped import Scope
from ryu_overlay.oam.trip import ASTRAY, NO_ANSWER, STRANGE_ANSWER, Choice
from ryu_overlay.oam.verdicts import MEANINGS, Kind, Verdict

MAC, OTHERS_MAC, UPSTREAM = "02:00:00:00:01:0b", "02:00:00:00:02:0b", "0a:86:ca:ca:16:cb"
SCOPE = Scope("red", frozenset({"red-web-1", "red-db-1"}), frozenset({"internet"}), frozenset({MAC}))
CHASSIS = ("hv-alpha", "hv-beta")
VNI, COOKIE, VTEP = 7340001, "0x0e7a090003000042", "172.31.0.2"
OTHERS = ("blue/web", "blue/r1", "blue/r1/up", "blue-web-1", "intranet", "blue/www")
SECRETS = (*CHASSIS, str(VNI), COOKIE, VTEP, OTHERS_MAC, UPSTREAM, *OTHERS, "blue")

# Texts that a correct answer might hold anywhere, but that tell a tenant too much.
secrets = st.sampled_from(SECRETS)
telling = st.builds("lost between {} and {}".format, secrets, secrets)
KNOWN = (
    *(("port", "red-web-1"), ("switch", "red/web"), ("router", "red/r1"), ("nat", "red/r1/up")),
    *(("external", "internet"), ("answer", "red/r1/web"), ("balancer", "red/www")),
)
ANOTHERS = (
    *(("port", "blue-web-1"), ("switch", "blue/web"), ("router", "blue/r1"), ("answer", "blue/r1/up")),
    *(("external", "intranet"), ("balancer", "blue/www"), ("nat", "blue/r1/up")),
)
MACS = (None, MAC, OTHERS_MAC, UPSTREAM, "ff:ff:ff:ff:ff:ff")
RULES = (None, "snat red/r1/all", "ttl_exceeded", "member blue/www/a", f"{COOKIE} {VTEP}")
PACKETS = [PacketView(*pair, "10.0.1.11", "203.0.113.20", "icmp", ttl=9) for pair in product(MACS, MACS)]
PACKETS += [replace(packet, about=packet) for packet in PACKETS]
places = st.sampled_from(KNOWN + ANOTHERS)
packets = st.sampled_from(PACKETS)
reasons = st.sampled_from([None, "no_route", "ttl_exceeded", "spoofed_ip"]) | secrets


def hop(place: tuple[HopKind, str], packet: PacketView, after: PacketView | None, rule: str | None) -> Hop:
    return Hop(place[0], place[1], packet, after, None, None, None, rule)


hops = st.lists(st.builds(hop, places, packets, st.none() | packets, st.sampled_from(RULES)), max_size=5).map(tuple)


@st.composite
def outcomes(draw: st.DrawFn, nested: bool = False) -> Outcome:
    at = draw(st.just("") | places.map(" ".join))
    arrivals = draw(st.lists(st.builds(Arrival, st.sampled_from(["red-db-1", "blue-web-1"]), packets), max_size=2))
    kind = draw(st.sampled_from(get_args(OutcomeKind)))
    back = draw(st.builds(Way, hops, outcomes(nested=True))) if kind == "answered" and not nested else None
    return Outcome(kind, at, draw(telling), draw(reasons), tuple(arrivals), "203.0.113.1", draw(st.sampled_from(MACS)), back)


ways = st.builds(Way, hops, outcomes())
flows = st.builds(FlowMet, st.just("phy_out"), st.sampled_from(CHASSIS), st.just(COOKIE), st.just("tunnel"), secrets, st.just(20))


def trace_hop(seen: Hop, chassis: str, at: float, met: list[FlowMet]) -> TraceHop:
    return TraceHop.of(seen, at, chassis, tuple(met))


times = st.floats(0, 99).map(lambda ms: round(ms, 3))
seen_hops = hops.flatmap(
    lambda found: st.tuples(
        *(st.builds(trace_hop, st.just(each), st.sampled_from(CHASSIS), times, st.lists(flows, max_size=2)) for each in found)
    )
)
tunnels = st.builds(
    TraceTunnel,
    chassis=st.sampled_from(CHASSIS),
    peer=st.sampled_from(CHASSIS),
    vni=st.just(VNI),
    sent_ms=times,
    received_ms=st.none() | times,
    received_by=st.none() | st.sampled_from(CHASSIS),
    own_vni=st.sampled_from([None, True, False]),
    flows=st.lists(flows, max_size=1).map(tuple),
)


@st.composite
def legs(draw: st.DrawFn) -> TraceLeg:
    seen: list[TraceHop | TraceTunnel] = list(draw(seen_hops))
    for tunnel in draw(st.lists(tunnels, max_size=2)):
        seen.insert(draw(st.integers(0, len(seen))), tunnel)
    expected = draw(ways)
    parts_at = draw(st.none() | st.integers(0, min(len(expected.whole), sum(isinstance(s, TraceHop) for s in seen))))
    return TraceLeg(hops=tuple(seen), expected=expected, parts_at=parts_at, sent=3, lost=draw(st.integers(0, 3)), ms=1.0)


@st.composite
def verdicts(draw: st.DrawFn) -> VerdictShape:
    kind: Kind = draw(st.sampled_from(sorted(MEANINGS)))
    chassis, peer = (draw(st.none() | st.sampled_from(CHASSIS)) for _ in "ab")
    named = draw(st.sampled_from([None, "port red/web/red-web-1", "router red/r1", "port blue/web/blue-web-1"]) | secrets)
    direction: Literal["there", "back"] = draw(st.sampled_from(["there", "back"]))
    size = draw(st.sampled_from([None, 1400]))
    made = Verdict(kind, draw(telling), direction, chassis, peer, named, draw(st.none() | telling), draw(reasons), size)
    return VerdictShape(layer=made.layer, intended=made.intended, **{f.name: getattr(made, f.name) for f in fields(Verdict)})


traces = st.builds(
    TraceAnswer,
    verdict=verdicts(),
    there=legs(),
    back=st.none() | legs(),
    full_size=st.none() | verdicts(),
    size=st.just(28),
    ms=st.just(12.5),
)


def words(answer: TraceAnswer | PathAnswer) -> str:
    """All that is told, without the names of fields."""

    def values(of: Any) -> list[Any]:
        if isinstance(of, dict):
            of = list(of.values())
        return [v for each in of for v in values(each)] if isinstance(of, list) else [of]

    return json.dumps(values(json.loads(answer.model_dump_json())))


def told_too_much(answer: TraceAnswer | PathAnswer) -> list[str]:
    text = words(answer)
    return [secret for secret in SECRETS if secret in text]


@given(traces)
def test_a_trace_holds_nothing_that_is_hidden(answer: TraceAnswer) -> None:
    before = answer.model_dump_json()
    told = scoped.trace(SCOPE, answer)
    assert told_too_much(told) == []
    assert answer.model_dump_json() == before, "the answer for operators is left as it is"
    assert {told.verdict.layer, (told.full_size or told.verdict).layer} <= {"none", "virtual", "guest", "provider"}
    assert told.verdict.kind == answer.verdict.kind or not told.verdict.intended
    assert (told.back is None) == (answer.back is None) and (told.full_size is None) == (answer.full_size is None)


@given(legs())
def test_legs_stay_legs(leg: TraceLeg) -> None:
    answer = VerdictShape(layer="none", intended=True, **{f.name: getattr(Verdict("ok", ""), f.name) for f in fields(Verdict)})
    told = scoped.trace(SCOPE, TraceAnswer(verdict=answer, there=leg, back=None, full_size=None, size=28, ms=1.0)).there
    kinds = [each.kind for each in told.hops]
    assert "tunnel" not in kinds and ("outside", "outside") not in pairwise(kinds)
    own_places = [each for each in leg.hops if isinstance(each, TraceHop) and SCOPE.owns(each.kind, each.name)]
    shown = [each for each in told.hops if isinstance(each, TraceHop) and each.kind != "outside"]
    assert [(e.kind, e.name, e.at_ms) for e in shown] == [(e.kind, e.name, e.at_ms) for e in own_places]
    assert told.parts_at is None if leg.parts_at is None else 0 <= (told.parts_at or 0) <= len(told.expected.whole)
    if leg.parts_at is not None and leg.parts_at < len(leg.expected.whole):
        wanted = leg.expected.whole[leg.parts_at]
        if SCOPE.owns(wanted.kind, wanted.name):
            same = told.expected.whole[told.parts_at or 0]
            assert (same.kind, same.name) == (wanted.kind, wanted.name)


trips = st.builds(
    RoundTrip,
    there=ways,
    back=st.none() | ways,
    silence=st.none() | st.just("it was flooded"),
    talks=st.booleans(),
    part=st.sampled_from(["way", "answer"]),
    reason=st.sampled_from([NO_ANSWER, STRANGE_ANSWER, ASTRAY]) | reasons,
    sentence=telling,
    choices=st.just(()),
    ways=st.integers(1, 8),
    talking=st.integers(0, 8),
    complete=st.booleans(),
)


@given(trips, st.none() | trips)
def test_a_path_holds_nothing_that_is_hidden(before: RoundTrip, after: RoundTrip | None) -> None:
    assert told_too_much(scoped.path(SCOPE, PathAnswer(before=before, after=after, change=None))) == []


@given(trips)
def test_how_many_ways_others_have_is_not_told(trip: RoundTrip) -> None:
    trip = trip.model_copy(update={"choices": (Choice("member blue/www/a", 3),)})
    told = scoped.path(SCOPE, PathAnswer(before=trip, after=None, change=None)).before
    passed = [each for way in (trip.there, trip.back) if way is not None for each in way.whole]
    if not all(SCOPE.owns(each.kind, each.name) for each in passed):
        assert (told.choices, told.ways, told.talking) == ((), 1, int(trip.talks))
