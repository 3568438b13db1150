"""What is under the logical network, read-only: chassis, bindings, tunnels, uplinks, members, drops, drift and revisions.

Each handler is a plain function of (service, request) that gives the response.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, TypeAdapter

from ryu_overlay.northbound import answers
from ryu_overlay.northbound.http import JSON, Request, Response
from ryu_overlay.northbound.problems import missing
from ryu_overlay.northbound.service import ChassisStatus, DropCount, Service

CHASSIS = TypeAdapter(ChassisStatus)


def list_chassis(service: Service, request: Request) -> Response:
    """Every chassis that joined, in order of name."""
    return _answer(answers.ChassisList(chassis=sorted(service.chassis(), key=lambda c: c.name)))


def show_chassis(service: Service, request: Request) -> Response:
    """One chassis."""
    name = request.names["chassis"]
    found = next((c for c in service.chassis() if c.name == name), None)
    if found is None:
        raise missing("chassis", name)
    return Response(200, CHASSIS.dump_json(found) + b"\n", JSON)


def forget_chassis(service: Service, request: Request) -> Response:
    """Forget a chassis and what was bound there."""
    name = request.names["chassis"]
    if not service.forget_chassis(name):
        raise missing("chassis", name)
    return Response(204)


def list_bindings(service: Service, request: Request) -> Response:
    """Where each logical port is."""
    return _answer(answers.Bindings(bindings=sorted(service.bindings(), key=lambda b: (b.tenant, b.switch, b.port))))


def list_tunnels(service: Service, request: Request) -> Response:
    """Which tunnels exist, and the switches that need them."""
    return _answer(answers.Tunnels(tunnels=sorted(service.tunnels(), key=lambda t: (t.chassis, t.peer))))


def list_uplinks(service: Service, request: Request) -> Response:
    """Which chassis carries each uplink, or why none does."""
    return _answer(answers.Uplinks(uplinks=sorted(service.uplinks(), key=lambda u: (u.tenant, u.router, u.port))))


def list_members(service: Service, request: Request) -> Response:
    """What became of every load balancer's members."""
    found = sorted(service.members(), key=lambda m: (m.tenant, m.load_balancer, m.member))
    return _answer(answers.MemberStates(members=found))


def list_drops(service: Service, request: Request) -> Response:
    """What each named drop rule has dropped."""
    return _answer(answers.Drops(drops=total_drops(service)))


def list_limits(service: Service, request: Request) -> Response:
    """What may go to the controller, and what did."""
    found = sorted(service.limits(), key=lambda limit: (limit.chassis or "", limit.kind, limit.name))
    return _answer(answers.Limits(limits=found))


def list_drift(service: Service, request: Request) -> Response:
    """What audits found, the newest first."""
    return _answer(answers.Drift(drift=sorted(service.drift(), key=lambda d: d.time, reverse=True)))


def show_revision(service: Service, request: Request) -> Response:
    """The newest revision and what each chassis has of it; with `wait`, once every chassis concerned has it."""
    if "wait" in request.query:
        service.wait(service.revision()["revision"], request.query["wait"])
    status = service.revision()
    rows = [answers.ConfirmedRevision(name=name, **chassis) for name, chassis in sorted(status["chassis"].items())]
    # A newer revision may have come meanwhile: what is said is about the one that is shown.
    converged = service.wait(status["revision"], 0)
    return _answer(answers.Revision(revision=status["revision"], converged=converged, chassis=rows))


def total_drops(service: Service) -> list[DropCount]:
    """One count for each reason, chassis and object, however many flows drop for it."""
    totals: dict[tuple[str, str, str, str], DropCount] = {}
    for drop in service.drops():
        kind = None if drop.kind is None else drop.kind.replace("_", "-")
        key = (drop.reason, kind or "", drop.object or "", drop.chassis)
        before = totals.get(key)
        packets, octets = (before.packets, before.bytes) if before is not None else (0, 0)
        totals[key] = replace(drop, kind=kind, packets=packets + drop.packets, bytes=octets + drop.bytes)
    return [drop for _, drop in sorted(totals.items())]


def _answer(document: BaseModel) -> Response:
    return Response(200, document.model_dump_json().encode() + b"\n", JSON)
