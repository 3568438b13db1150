"""Traces: probes are sent, and the answer tells where they were seen.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from secrets import randbelow

from ryu_overlay.model.values import MAX_L4_PORT
from ryu_overlay.model.walk_values import TCP, UDP
from ryu_overlay.northbound import asked, scoped
from ryu_overlay.northbound.http import JSON, Request, Response
from ryu_overlay.northbound.oam_path import traffic
from ryu_overlay.northbound.problems import HttpProblem
from ryu_overlay.northbound.schemas_trace import TraceAnswer, TraceHop, TraceLeg, TraceTunnel, VerdictShape
from ryu_overlay.northbound.service import Service
from ryu_overlay.oam.judging import Leg, parting
from ryu_overlay.oam.observed import Crossing, Seen
from ryu_overlay.oam.start import SOURCE_PORT, Traffic, Unsendable, start
from ryu_overlay.oam.timing import in_order
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.oam.world import Unable


def trace(service: Service, request: Request) -> Response:
    """Send it, and tell."""
    given, scope = request.given, asked.scope(service, request)
    asked.check(service.network, scope, given)
    asked.check_size(given, service.vm_mtu())
    try:
        sent = _from_any_port(traffic(given))
        begun = start(service.network, given["sender"], given["to"], sent, given.get("source"), service.facts())
        full_size = service.vm_mtu() if given.get("size") is None else None
        report = service.trace(begun, full_size, bool(given.get("deliver")))
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    except Unable as error:
        raise HttpProblem(409, asked.unable(scope, error)) from error
    answer = told(report) if scope is None else scoped.trace(scope, told(report))
    return Response(200, answer.model_dump_json().encode() + b"\n", JSON)


def _from_any_port(sent: Traffic) -> Traffic:
    """A port that no connection of the guest's is likely to have, if none is given (RFC 6335 section 6)."""
    if sent.protocol not in (TCP, UDP) or sent.source_port is not None:
        return sent
    return replace(sent, source_port=SOURCE_PORT + randbelow(MAX_L4_PORT + 1 - SOURCE_PORT))


def told(report: Report) -> TraceAnswer:
    """A trace as JSON has it."""
    return TraceAnswer(
        verdict=_verdict(report.verdict),
        there=_leg(report.there),
        back=None if report.back is None else _leg(report.back),
        full_size=None if report.full_size is None else _verdict(report.full_size),
        size=report.size,
        ms=round(report.seconds * 1000, 3),
        guest_ms=None if report.guest_ms is None else round(report.guest_ms, 3),
    )


def _verdict(verdict: Verdict) -> VerdictShape:
    return VerdictShape(layer=verdict.layer, intended=verdict.intended, **asdict(verdict))


def _leg(leg: Leg) -> TraceLeg:
    return TraceLeg(
        hops=tuple(map(_hop, in_order(leg.seen))),
        expected=leg.expected,
        parts_at=parting(leg),
        sent=leg.sent,
        lost=leg.lost,
        ms=round((leg.journey.last_seen - leg.journey.begun) * 1000, 3),
    )


def _hop(seen: Seen) -> TraceHop | TraceTunnel:
    if isinstance(seen, Crossing):
        return TraceTunnel(**asdict(seen))
    return TraceHop.of(seen.hop, seen.at_ms, seen.chassis, seen.flows)
