"""Traces: probes are sent, and the answer tells where they were seen.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem.
"""

from __future__ import annotations

from dataclasses import asdict

from ryu_overlay.northbound import asked, scoped
from ryu_overlay.northbound.http import JSON, Request, Response
from ryu_overlay.northbound.oam_path import traffic
from ryu_overlay.northbound.problems import HttpProblem
from ryu_overlay.northbound.schemas_trace import TraceAnswer, TraceHop, TraceLeg, TraceTunnel, VerdictShape
from ryu_overlay.northbound.service import Service
from ryu_overlay.oam.judging import Leg, parting
from ryu_overlay.oam.observed import Crossing, Seen
from ryu_overlay.oam.start import Unsendable, start
from ryu_overlay.oam.timing import in_order
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.oam.world import Unable


def trace(service: Service, request: Request) -> Response:
    """Send it, and tell."""
    given, scope = request.given, asked.scope(service, request)
    asked.check(service.network, scope, given)
    try:
        begun = start(service.network, given["sender"], given["to"], traffic(given), given.get("source"), service.facts())
        full_size = service.vm_mtu() if given.get("size") is None else None
        report = service.trace(begun, full_size, bool(given.get("deliver")))
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    except Unable as error:
        raise HttpProblem(409, asked.unable(scope, error)) from error
    answer = told(report) if scope is None else scoped.trace(scope, told(report))
    return Response(200, answer.model_dump_json().encode() + b"\n", JSON)


def told(report: Report) -> TraceAnswer:
    """A trace as JSON has it."""
    return TraceAnswer(
        verdict=_verdict(report.verdict),
        there=_leg(report.there),
        back=None if report.back is None else _leg(report.back),
        full_size=None if report.full_size is None else _verdict(report.full_size),
        size=report.size,
        ms=round(report.seconds * 1000, 3),
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
    hop = seen.hop
    return TraceHop(
        kind=hop.kind,
        name=hop.name,
        packet=hop.packet,
        after=hop.after,
        direction=hop.direction,
        in_port=hop.in_port,
        out_port=hop.out_port,
        rule=hop.rule,
        known=hop.known,
        chassis=seen.chassis,
        at_ms=seen.at_ms,
        flows=seen.flows,
    )
