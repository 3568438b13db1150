"""What a tenant is told: answers about traces and paths without anything physical, and without what is in other tenants. Pure.

`trace` and `path` come last, and make an answer of the one that operators get. Which parts of a way are a tenant's is known to
`oam.scoped`; words that might hold a name are made anew here, and nothing is passed on that was not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

from ryu_overlay.northbound.answers import Changes
from ryu_overlay.northbound.schemas_path import PathAnswer, RoundTrip
from ryu_overlay.northbound.schemas_trace import TraceAnswer, TraceHop, TraceLeg, TraceTunnel, VerdictShape
from ryu_overlay.oam.hops import Hop, Outcome, Way
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.scoped import OUTSIDE, Scope, scoped_way, visible
from ryu_overlay.oam.trip import ASTRAY, NO_ANSWER, STRANGE_ANSWER
from ryu_overlay.oam.verdicts import MEANINGS, Kind, Verdict

_BY_THE_MODEL: tuple[Kind, ...] = ("ok", "answered", "dropped")
"""Verdicts that say what the expected way says."""
_NOT_THE_PROVIDERS: tuple[Kind, ...] = ("nat_exhausted", "guest_off", "guest_silent", "outside_silent")
"""Verdicts on what a tenant's own NAT and guests do, and the world outside."""
_LOST = "the provider's network lost it"
_NOT_AS_IT_SHOULD = "the provider's network did not carry it as it should"
_OTHERWISE = {
    **dict.fromkeys(("differs", "misplaced", "flow_altered", "flow_foreign", "group_altered"), _NOT_AS_IT_SHOULD),
    "lossy": "the provider's network loses some",
}
"""How the provider's fault is told of some kinds of verdicts."""


def trace(scope: Scope, answer: TraceAnswer) -> TraceAnswer:
    """A trace as a tenant sees it."""
    legs = [(leg, _leg(scope, leg)) for leg in (answer.there, answer.back) if leg is not None]
    large = answer.full_size
    told_large = None if large is None else _verdict(scope, large, legs, "")
    about_large = large is not None and answer.verdict == large
    verdict = told_large if about_large else None
    if verdict is None:
        verdict = _verdict(scope, answer.verdict, legs, _between(scope, answer.verdict, *_concerned(answer.verdict, legs)))
    there, back = legs[0][1], legs[1][1] if len(legs) > 1 else None
    both = {"size": answer.size, "ms": answer.ms, "guest_ms": answer.guest_ms}
    return TraceAnswer(verdict=verdict, there=there, back=back, full_size=told_large, **both)


def path(scope: Scope, answer: PathAnswer) -> PathAnswer:
    """An expected path as a tenant sees it."""
    after = None if answer.after is None else _trip(scope, answer.after)
    change = answer.change
    if change is not None:
        lists = {what: [c for c in listed if scope.owns(c.kind, c.name) or c.name == scope.tenant] for what, listed in change}
        change = Changes(**lists)
    return PathAnswer(before=_trip(scope, answer.before), after=after, change=change)


def echoes(scope: Scope, expected: Way, told: Iterable[Echo | Summary]) -> Iterator[Echo | Summary]:
    """Pings as a tenant sees them, `expected` being the way of each. How long others' guests take is not told."""
    outcome = scoped_way(scope, expected).outcome
    for each in told:
        if isinstance(each, Summary):
            yield each
        else:
            kind, sentence = _of_echo(each.kind, outcome)
            parts = (each.there_ms, each.guest_ms, each.back_ms) if outcome.at != OUTSIDE else (None, None, None)
            yield Echo(each.seq, kind, MEANINGS[kind][0], sentence, each.ms, *parts)


def _of_echo(kind: Kind, outcome: Outcome) -> tuple[Kind, str]:
    if kind in ("ok", "answered"):
        return kind, outcome.sentence
    if kind == "dropped" or kind in _NOT_THE_PROVIDERS:
        if outcome.at == OUTSIDE and kind != "nat_exhausted":
            return "outside_silent", MEANINGS["outside_silent"][2]
        return kind, outcome.sentence if kind == "dropped" else MEANINGS[kind][2]
    return "provider", _OTHERWISE.get(kind, _LOST)


_Legs = Sequence[tuple[TraceLeg, TraceLeg]]
"""The legs of a trace, each as it was and as it is told; the way there comes first."""


def _concerned(verdict: VerdictShape, legs: _Legs) -> tuple[TraceLeg, TraceLeg]:
    return legs[-1] if verdict.direction == "back" else legs[0]


def _verdict(scope: Scope, verdict: VerdictShape, legs: _Legs, between: str) -> VerdictShape:
    _, told = _concerned(verdict, legs)
    named = verdict.object if scope.owns_place(verdict.object) else None
    if verdict.kind in _BY_THE_MODEL:
        outcome = told.expected.outcome
        if verdict.kind == "dropped" and outcome.at == OUTSIDE:
            return _shape("outside_silent", MEANINGS["outside_silent"][2], verdict)
        if verdict.kind != "ok":
            return _shape(verdict.kind, outcome.sentence, verdict, named, outcome.reason)
        returned = "; an answer from there comes back" if len(legs) > 1 else ""
        return _shape("ok", legs[0][1].expected.outcome.sentence + returned, verdict)
    if verdict.kind in _NOT_THE_PROVIDERS:
        own = named is not None or (verdict.object is None and bool(told.hops) and told.hops[-1].kind != OUTSIDE)
        kind: Kind = verdict.kind if own else "outside_silent"
        return _shape(kind, MEANINGS[kind][2], verdict, named)
    sentence = _OTHERWISE.get(verdict.kind, _LOST) + between
    if verdict.size is not None:
        sentence += f": packets above {verdict.size} bytes do not pass"
    return _shape("provider", sentence, verdict, named)


def _shape(kind: Kind, sentence: str, of: VerdictShape, named: str | None = None, reason: str | None = None) -> VerdictShape:
    made = Verdict(kind, sentence, of.direction, object=named, reason=reason, size=of.size)
    values = {field.name: getattr(made, field.name) for field in fields(Verdict)}
    return VerdictShape(layer=made.layer, intended=made.intended, **values)


def _between(scope: Scope, verdict: VerdictShape, raw: TraceLeg, told: TraceLeg) -> str:
    """Between which places that the tenant sees a leg has gone wrong, with a blank in front; empty if nobody can tell."""
    tunnel = (verdict.chassis, verdict.peer)
    crossing = (n for n, hop in enumerate(raw.hops) if isinstance(hop, TraceTunnel) and (hop.chassis, hop.peer) == tunnel)
    number = next(crossing, None)
    seen: list[Hop | TraceHop] = [hop for hop in told.hops if isinstance(hop, TraceHop)]
    if number is not None:
        reached = len(visible(scope, _places(raw.hops[:number])))
    else:
        reached = len(seen) if told.parts_at is None else told.parts_at
    places = [*seen[:reached], *told.expected.whole[reached:]]
    ends = [OUTSIDE if hop.kind == OUTSIDE else f"{hop.kind} {hop.name}" for hop in places[max(reached - 1, 0) : reached + 1]]
    if len(places) <= reached:
        ends.append(told.expected.outcome.at)
    ends = [*dict.fromkeys(filter(None, ends))]
    return f" between {' and '.join(ends)}" if len(ends) > 1 else f" at {ends[0]}" if ends else ""


def _leg(scope: Scope, leg: TraceLeg) -> TraceLeg:
    seen = [hop for hop in leg.hops if isinstance(hop, TraceHop)]
    expected = scoped_way(scope, leg.expected)
    hops = tuple(TraceHop.of(hop, seen[number].at_ms) for number, hop in visible(scope, _places(leg.hops)))
    parts_at = None if leg.parts_at is None else _parting(scope, leg.expected, leg.parts_at)
    return TraceLeg(hops=hops, expected=expected, parts_at=parts_at, sent=leg.sent, lost=leg.lost, ms=leg.ms)


def _parting(scope: Scope, expected: Way, number: int) -> int:
    """The number, among the hops that the tenant sees, of the expected hop with this number."""
    whole = expected.whole
    before = visible(scope, whole[:number])
    within = bool(before) and before[-1][1].kind == OUTSIDE and number < len(whole)
    hidden = within and not scope.owns(whole[number].kind, whole[number].name)
    return len(before) - hidden


def _places(hops: Sequence[TraceHop | TraceTunnel]) -> list[Hop]:
    return [each.hop for each in hops if isinstance(each, TraceHop)]


def _trip(scope: Scope, trip: RoundTrip) -> RoundTrip:
    if trip.there is None:
        return trip
    there, back = scoped_way(scope, trip.there), None if trip.back is None else scoped_way(scope, trip.back)
    judged = there.outcome if trip.part == "way" else back.outcome if back is not None else (there.outcome.back or there).outcome
    sentence = there.outcome.sentence if trip.part == "way" else f"{there.outcome.sentence}; answer: {judged.sentence}"
    silence = trip.silence
    if silence is not None and there.outcome.at == OUTSIDE:
        silence = "nothing is known of who is outside"
    if trip.reason == NO_ANSWER:
        sentence += f", but {silence}"
    elif trip.reason == STRANGE_ANSWER:
        sentence += ", but as from an address or port that was not asked"
    reason = trip.reason if trip.reason in (NO_ANSWER, STRANGE_ANSWER, ASTRAY) else None if trip.talks else judged.reason
    passed = (hop for way in (trip.there, trip.back) if way is not None for hop in way.whole)
    hidden = not all(scope.owns(hop.kind, hop.name) for hop in passed)
    chosen = () if hidden else trip.choices
    ways, talking = (1, int(trip.talks)) if hidden else (trip.ways, trip.talking)
    told = {"there": there, "back": back, "silence": silence, "sentence": sentence, "reason": reason}
    return trip.model_copy(update={**told, "choices": chosen, "ways": ways, "talking": talking})
