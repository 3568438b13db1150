"""Questions about paths: where a packet would go, now and after a change, and who would stop talking. Nothing is sent or written.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem and Refused.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from ryu_overlay.model.edit import put_network
from ryu_overlay.model.network import Network
from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.model.walk import Facts
from ryu_overlay.model.walk_values import ICMP
from ryu_overlay.northbound import asked, scoped
from ryu_overlay.northbound.answers import Changes
from ryu_overlay.northbound.http import JSON, Request, Response
from ryu_overlay.northbound.problems import HttpProblem
from ryu_overlay.northbound.resources import changed
from ryu_overlay.northbound.schemas_path import ChangeCounts, PairDifference, PathAnswer, PathChanges, RoundTrip, Unsent
from ryu_overlay.northbound.service import Service
from ryu_overlay.oam.compare import compare
from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.start import Traffic, Unsendable, start
from ryu_overlay.oam.trip import Silence, Trip, trips, verdict

MAX_SECONDS = 10.0
"""How long pairs are compared for one request."""


def show_path(service: Service, request: Request) -> Response:
    """Where a packet would go, and its answer."""
    network, facts, given = service.network, service.facts(), request.given
    scope = asked.scope(service, request)
    asked.check(network, scope, given)
    change, after = None, None
    try:
        if given.get("change") is None:
            before = _round_trip(network, given, facts)
        else:
            changed_network = _changed(network, given["change"])
            before, after = (_or_unsent(each, given, facts) for each in (network, changed_network))
            change = Changes.model_validate(changed(network, changed_network))
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    except Refused as error:
        raise asked.refused(network, scope, error) from error
    answer = PathAnswer(before=before, after=after, change=change)
    return _answer(answer if scope is None else scoped.path(scope, answer))


def show_changes(service: Service, request: Request) -> Response:
    """Which pairs would stop or start talking."""
    before, given = service.network, request.given
    after = _changed(before, given["change"])
    limit = time.monotonic() + MAX_SECONDS

    def go_on() -> bool:
        service.breathe()
        return time.monotonic() < limit

    try:
        found = compare(before, after, traffic(given), service.facts(), go_on)
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    late = time.monotonic() >= limit
    told = PathChanges(
        change=Changes.model_validate(changed(before, after)),
        tenants=list(found.tenants),
        pairs=found.pairs,
        questions=found.questions,
        left_out=found.left_out,
        limit=None if not found.left_out else "time" if late else "questions",
        counts=ChangeCounts(**found.counts),
        differences=[PairDifference.model_validate(asdict(d)) for d in found.differences],
    )
    return _answer(told)


def traffic(given: Mapping[str, Any]) -> Traffic:
    """What the fields of a question ask to be sent."""
    fields = ("port", "source_port", "size", "ttl", "df")
    return Traffic(given.get("protocol", ICMP), **{field: given[field] for field in fields if field in given})


def _changed(network: Network, change: Mapping[str, Any]) -> Network:
    """The network as it would be. Raises Refused, its fields within `change`."""
    try:
        return put_network(network, change["tenants"], change.get("external_networks", ())).network
    except Refused as error:
        inside = (Problem(f"change.{p.field}" if p.field else "change", p.reason) for p in error.problems)
        raise Refused(error.status, tuple(inside)) from error


def _or_unsent(network: Network, given: Mapping[str, Any], facts: Facts) -> RoundTrip:
    """The round trip, or why nobody would send it: a change may take an end away, or bring it. Raises Unsendable for what is
    wrong in any network."""
    try:
        return _round_trip(network, given, facts)
    except Unsendable as error:
        if error.code == "bad_value":
            raise
        unsent = Unsent(field=error.field, reason=error.reason, code=error.code)
        sentence = f"not sent: {error.reason}"
        common = {"there": None, "back": None, "silence": None, "talks": False, "part": "way", "reason": error.code}
        return RoundTrip.model_validate({**common, "sentence": sentence, "unsent": unsent})


def _round_trip(network: Network, given: Mapping[str, Any], facts: Facts) -> RoundTrip:
    begun = start(network, given["sender"], given["to"], traffic(given), given.get("source"), facts)
    found, complete = trips(network, begun, facts)
    return _told(found, complete)


def _told(found: list[Trip], complete: bool) -> RoundTrip:
    shown = found[0]
    judged = verdict(shown)
    there = way_of(shown.there)
    sentence = there.outcome.sentence if judged.part == "way" else f"{there.outcome.sentence}; answer: {judged.outcome.sentence}"
    return RoundTrip(
        there=there,
        back=None if shown.back is None else way_of(shown.back),
        silence=shown.answer.why if isinstance(shown.answer, Silence) else None,
        talks=judged.talks,
        part=judged.part,
        reason=None if judged.talks else judged.outcome.reason,
        sentence=sentence,
        choices=shown.choices,
        ways=len(found),
        talking=sum(verdict(trip).talks for trip in found),
        complete=complete,
    )


def _answer(document: BaseModel) -> Response:
    return Response(200, document.model_dump_json().encode() + b"\n", JSON)
