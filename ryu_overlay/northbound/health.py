"""Steady monitoring: what is broken and who feels it, events as they come, silences, and what rests on what.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel

from ryu_overlay.health.elements import LAYERS, Element, read_element
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.report import Silence
from ryu_overlay.northbound import schemas_health as shapes
from ryu_overlay.northbound.http import JSON, LINES, Parameter, Request, Response, choice
from ryu_overlay.northbound.problems import missing, problem, shown
from ryu_overlay.northbound.schemas_health import fault_document, report_document, silence_document
from ryu_overlay.northbound.service import Service

MAX_ELEMENT = 8_000
"""Characters of the longest text that is looked at as an element: a split names all chassis of both sides."""


def show_health(service: Service, request: Request) -> Response:
    """Layers, faults and silences as they are now."""
    return _answer(report_document(service.health.health()))


def list_faults(service: Service, request: Request) -> Response:
    """Faults that last and that ended lately, or some of them."""
    found = (fault for fault in service.health.health().faults if _is_wanted(fault, **request.query))
    return _answer(shapes.Faults(faults=[fault_document(fault) for fault in found]))


def show_fault(service: Service, request: Request) -> Response:
    """One fault."""
    name = request.names["fault"]
    fault = service.health.fault(name)
    if fault is None:
        raise missing("fault", name)
    return _answer(fault_document(fault))


def show_events(service: Service, request: Request) -> Response:
    """Faults as they are raised, change and end, without end."""
    return Response(200, content_type=LINES, stream=_lines(service.health.fault_events()))


def list_silences(service: Service, request: Request) -> Response:
    """What nobody is to be alarmed by."""
    return _answer(shapes.Silences(silences=[silence_document(each) for each in service.health.health().silences]))


def silence(service: Service, request: Request) -> Response:
    """Silence an element, or mark a chassis as under maintenance: 201 when it was not, else 200."""
    what, name = _silenced(request)
    _check_exists(service, what, name)
    seconds = request.given.get("seconds")
    made = Silence(what, name, None if seconds is None else time.time() + seconds, request.given.get("reason", ""))
    old = any((each.what, each.name) == (what, name) for each in service.health.health().silences)
    service.health.silence(made)
    document = silence_document(made)
    if old:
        return _answer(document)
    return _answer(document, 201, {"Location": f"/v1/health/silences/{what}/{quote(name, safe='')}"})


def unsilence(service: Service, request: Request) -> Response:
    """Take a silence back."""
    what, name = _silenced(request)
    if not service.health.unsilence(what, name):
        raise problem(404, "name", f"{what} {shown(name)} is not silenced")
    return Response(204)


def show_plan(service: Service, request: Request) -> Response:
    """The certificate of the probes' paths."""
    return _answer(shapes.ProbePlan(lines=list(service.health.probe_plan())))


def show_impact(service: Service, request: Request) -> Response:
    """Who rests on an element."""
    element: Element = request.query["element"]
    return _answer(shapes.ImpactAnswer(element=element.text, impact=_impact(service, element, "element")))


def show_depends(service: Service, request: Request) -> Response:
    """What a port rests on."""
    name = request.query["port"]
    port = service.network.find_port(name)
    if port is None:
        raise missing("port", name)
    elements = [element.text for element in service.health.depends(port)]
    return _answer(shapes.DependsAnswer(port=port.name, tenant=port.tenant, switch=port.switch, elements=elements))


def _is_wanted(fault: Fault, layer: str | None = None, state: str | None = None, quiet: str | None = None) -> bool:
    return (
        layer in (None, fault.layer)
        and state in (None, "lasting" if fault.until is None else "ended")
        and quiet in (None, "true" if fault.quiet else "false")
    )


def _silenced(request: Request) -> tuple[Literal["element", "chassis"], str]:
    """What a path names, an element in the one way of writing it."""
    what, name = request.names["what"], request.names["name"]
    if what == "chassis":
        return "chassis", name
    if what != "element":
        raise problem(404, "what", f"must be element or chassis, not {shown(what)}")
    try:
        return "element", _element(name).text
    except ValueError as error:
        raise problem(422, "name", str(error)) from error


def _check_exists(service: Service, what: str, name: str) -> None:
    """A fault may be of what nobody asked for, which no model knows: that can be silenced, too."""
    if what == "chassis":
        if all(chassis.name != name for chassis in service.chassis()):
            raise missing("chassis", name)
    elif all(fault.verdict.element.text != name for fault in service.health.health().faults):
        _impact(service, read_element(name), "name")


def _impact(service: Service, element: Element, field: str) -> Impact:
    try:
        return service.health.impact(element)
    except KeyError as error:
        raise problem(404, field, f"there is no {shown(str(error.args[0]))}") from error


def _lines(events: Iterable[Fault | None]) -> Iterator[bytes]:
    # An answer's head goes with its first bytes: who watches a healthy network is to see that it is watched.
    yield b"\n"
    for fault in events:
        yield b"\n" if fault is None else fault_document(fault).model_dump_json().encode() + b"\n"


def _answer(document: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, document.model_dump_json().encode() + b"\n", JSON, headers or {})


def _element(text: str) -> Element:
    if len(text) > MAX_ELEMENT:
        raise ValueError(f"is longer than the {MAX_ELEMENT} characters that are looked at")
    return read_element(text)


_FILTERS = (
    choice("layer", "Only faults of this layer.", *LAYERS),
    choice("state", "Only faults that last, or only those that are over.", "lasting", "ended"),
    choice("quiet", "Only faults that are silenced or under maintenance, or only those that are not.", "true", "false"),
)
_ELEMENT = Parameter(
    *("element", _element, {"type": "string", "examples": ["link hv2"]}),
    *("What can break, as faults name it, such as `link hv2` or `tunnel hv1>hv2`.", True),
)
_PORT = Parameter("port", str, {"type": "string"}, "A logical port, by name or UUID.", True)

READS: tuple[tuple[Any, ...], ...] = (
    ("/v1/health", show_health, "Show the health of every layer, faults and silences", shapes.HealthReport),
    ("/v1/health/faults", list_faults, "List faults that last and that ended lately", shapes.Faults, *_FILTERS),
    ("/v1/health/faults/{fault}", show_fault, "Show a fault", shapes.FaultDocument),
    ("/v1/health/events", show_events, "Follow faults as they are raised, change and end", LINES),
    ("/v1/health/silences", list_silences, "List what is silenced and under maintenance", shapes.Silences),
    ("/v1/health/plan", show_plan, "Show which paths are probed, and what that can tell apart", shapes.ProbePlan),
    ("/v1/impact", show_impact, "Tell who rests on an element", shapes.ImpactAnswer, _ELEMENT),
    ("/v1/depends", show_depends, "Tell what a logical port rests on", shapes.DependsAnswer, _PORT),
)
"""What can only be read: (path, handler, summary, shape of the answer, query parameters)."""
