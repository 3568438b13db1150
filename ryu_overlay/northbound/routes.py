"""The route table: every path, its methods, and for each the handler, the shapes of body and answer, and the parameters.

Declared once; `dispatch` routes by it and answers OPTIONS and 405 from it, and `openapi` writes the document from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from pydantic import BaseModel

from ryu_overlay.northbound import (
    answers,
    asked,
    captures,
    devices,
    health,
    metrics,
    oam_path,
    oam_ping,
    oam_trace,
    openapi,
    page,
    reports,
    resources,
    schemas,
    schemas_health,
    schemas_out,
    schemas_path,
    schemas_trace,
    usage,
)
from ryu_overlay.northbound.http import CASCADE, DRY_RUN, JSON, LINES, WAIT, Parameter, Request, Response, answer
from ryu_overlay.northbound.resources import Kind
from ryu_overlay.northbound.service import ChassisStatus, Service
from ryu_overlay.oam import pcapng

Handler = Callable[[Service, Request], Response]
SLASHED = ("prefix", "name")
"""Parameters of paths that may hold slashes: a route's prefix, and what is silenced."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a path. `answers` maps each good status to the shape of its body (None: no body, str: its content type)."""

    handler: Handler
    summary: str
    answers: Mapping[int, Any]
    body: type[BaseModel] | None = None
    query: tuple[Parameter, ...] = ()
    tagged: bool = False
    """Whether it has to do with an entity tag: gives one, or is guarded by If-Match and If-None-Match."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path. A parameter is one segment, except that those in SLASHED may hold slashes."""

    path: str
    operations: Mapping[str, Operation] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Everything that Allow names: HEAD comes with GET, OPTIONS always (RFC 9110 sections 9.3.2 and 9.3.7)."""
        return tuple(sorted({*self.operations, "OPTIONS", *(["HEAD"] if "GET" in self.operations else [])}))


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The shapes of one kind: in a collection, as it is created, put and patched."""

    kind: Kind
    one: str
    many: type[BaseModel]
    create: type[BaseModel]
    put: type[BaseModel]
    patch: type[BaseModel]
    list: Handler | None = None


_OBJECTS = (
    _Shapes(
        resources.TENANT,
        "tenant",
        answers.Tenants,
        schemas.Tenant,
        schemas.TenantChange,
        schemas.TenantChange,
        resources.list_tenants,
    ),
    _Shapes(resources.SWITCH, "logical switch", answers.Switches, schemas.Switch, schemas.SwitchChange, schemas.SwitchChange),
    _Shapes(resources.PORT, "logical port", answers.Ports, schemas.Port, schemas.PortChange, schemas.PortChange),
    _Shapes(resources.ROUTER, "logical router", answers.Routers, schemas.Router, schemas.RouterChange, schemas.RouterChange),
    _Shapes(
        resources.ROUTER_PORT,
        "router port",
        answers.RouterPorts,
        schemas.RouterPort,
        schemas.RouterPortPut,
        schemas.RouterPortChange,
    ),
    _Shapes(resources.ROUTE, "static route", answers.Routes, schemas.Route, schemas.RoutePut, schemas.RouteChange),
    _Shapes(
        resources.EXTERNAL_NETWORK,
        "external network",
        answers.ExternalNetworks,
        schemas_out.ExternalNetwork,
        schemas_out.ExternalNetworkPut,
        schemas_out.ExternalNetworkChange,
        resources.list_external_networks,
    ),
    _Shapes(resources.SNAT, "source NAT", answers.Snats, schemas_out.Snat, schemas_out.SnatPut, schemas_out.SnatChange),
    _Shapes(
        resources.FLOATING_IP,
        "floating IP",
        answers.FloatingIps,
        schemas_out.FloatingIp,
        schemas_out.FloatingIpPut,
        schemas_out.FloatingIpChange,
    ),
    _Shapes(
        resources.LOAD_BALANCER,
        "load balancer",
        answers.LoadBalancers,
        schemas_out.LoadBalancer,
        schemas_out.LoadBalancerPut,
        schemas_out.LoadBalancerChange,
    ),
    _Shapes(
        resources.MEMBER,
        "member of a load balancer",
        answers.Members,
        schemas_out.Member,
        schemas_out.MemberPut,
        schemas_out.MemberChange,
    ),
)


def _a(one: str) -> str:
    return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"


def _objects(shapes: _Shapes) -> Iterator[Route]:
    """The collection and the item of one kind."""
    kind, one, whole = shapes.kind, shapes.one, shapes.create
    listing = shapes.list or partial(resources.list_objects, kind)
    made = {200: whole, 201: whole}
    yield Route(
        kind.path,
        {
            "GET": Operation(listing, f"List every {one}", {200: shapes.many}),
            "POST": Operation(
                partial(resources.create, kind), f"Create {_a(one)}, or find it as given", made, shapes.create, (WAIT,), True
            ),
        },
    )
    show = Operation(partial(resources.show, kind), f"Show {_a(one)}", {200: whole}, tagged=True)
    put = Operation(partial(resources.put, kind), f"Make {_a(one)} exactly as given", made, shapes.put, (WAIT,), True)
    patch = Operation(
        partial(resources.patch, kind), f"Change the fields of {_a(one)}", {200: whole}, shapes.patch, (WAIT,), True
    )
    delete = Operation(partial(resources.remove, kind), f"Delete {_a(one)}", {204: None}, None, (WAIT, CASCADE), True)
    yield Route(kind.item, {"GET": show, "PUT": put, "PATCH": patch, "DELETE": delete})


def _read(path: str, handler: Handler, summary: str, shape: Any, *query: Parameter, tagged: bool = False) -> Route:
    return Route(path, {"GET": Operation(handler, summary, {200: shape}, query=query, tagged=tagged)})


def _ask(path: str, handler: Handler, summary: str, shape: Any, body: type[BaseModel], *query: Parameter) -> Route:
    """A question that needs a body; asking changes nothing."""
    return Route(path, {"POST": Operation(handler, summary, {200: shape}, body, query)})


@lru_cache(maxsize=1)
def _document() -> Response:
    return answer(200, openapi.document(ROUTES))


def _show_document(service: Service, request: Request) -> Response:
    return _document()


def _network() -> Route:
    get = Operation(
        resources.show_documents,
        "Show every external network's and tenant's document",
        {200: schemas.NetworkDocument},
        tagged=True,
    )
    put = Operation(
        resources.put_documents,
        "Make each external network and tenant named exactly as given, in one transaction",
        {200: answers.Changes},
        schemas.NetworkDocument,
        (WAIT, DRY_RUN),
        tagged=True,
    )
    return Route("/v1/network", {"GET": get, "PUT": put})


def _chassis() -> Route:
    get = Operation(reports.show_chassis, "Show a chassis", {200: ChassisStatus})
    delete = Operation(reports.forget_chassis, "Forget a chassis and what was bound there", {204: None})
    return Route("/v1/chassis/{chassis}", {"GET": get, "DELETE": delete})


def _captures() -> Iterator[Route]:
    start = Operation(
        captures.start_capture, "Capture packets; the answer is the stream", {201: pcapng.CONTENT_TYPE}, captures.CaptureRequest
    )
    get = Operation(captures.list_captures, "List running captures", {200: captures.RunningCaptures})
    yield Route("/v1/captures", {"GET": get, "POST": start})
    end = Operation(captures.end_capture, "End a capture in good order", {204: None})
    yield Route("/v1/captures/{capture}", {"DELETE": end})


def _devices() -> Iterator[Route]:
    """What a router or switch shows of itself."""
    kinds = {"router": resources.ROUTER.item, "switch": resources.SWITCH.item}
    for kind, last, handler, summary, shape, *query in devices.READS:
        yield _read(f"{kinds[kind]}/{last}", handler, summary, shape, *query)


def _health() -> Iterator[Route]:
    for path, handler, summary, shape, *query in health.READS:
        yield _read(path, handler, summary, shape, *query)
    made = dict.fromkeys((200, 201), schemas_health.SilenceDocument)
    put = Operation(health.silence, "Have nobody alarmed by an element or chassis", made, schemas_health.SilenceRequest)
    delete = Operation(health.unsilence, "Take a silence back", {204: None})
    yield Route("/v1/health/silences/{what}/{name}", {"PUT": put, "DELETE": delete})


ROUTES: tuple[Route, ...] = (
    *(route for shapes in _OBJECTS for route in _objects(shapes)),
    _network(),
    _read("/v1/ports/{port}", resources.show_port, "Show a logical port, by name or UUID", answers.PlacedPort, tagged=True),
    _read("/v1/chassis", reports.list_chassis, "List every chassis", answers.ChassisList),
    _chassis(),
    _read("/v1/bindings", reports.list_bindings, "List where each logical port is", answers.Bindings),
    _read("/v1/tunnels", reports.list_tunnels, "List every tunnel and why it is there", answers.Tunnels),
    _read("/v1/uplinks", reports.list_uplinks, "List which chassis carries each uplink", answers.Uplinks),
    _read("/v1/members", reports.list_members, "List how each load balancer's members are", answers.MemberStates),
    _read("/v1/revision", reports.show_revision, "Show what each chassis has confirmed", answers.Revision, WAIT),
    _read("/v1/drops", reports.list_drops, "List every named drop", answers.Drops),
    _read("/v1/limits", reports.list_limits, "List what may go to the controller, and what did", answers.Limits),
    _read("/v1/drift", reports.list_drift, "List what audits found", answers.Drift),
    *_devices(),
    *_captures(),
    *_health(),
    *(_read(path, handler, summary, shape, *query) for path, handler, summary, shape, *query in usage.READS),
    _ask(
        "/v1/path",
        oam_path.show_path,
        "Tell where a packet would go",
        schemas_path.PathAnswer,
        schemas_path.PathQuestion,
        asked.TENANT,
    ),
    _ask(
        "/v1/ping",
        oam_ping.ping,
        "Ping from a VM, a router or a router port",
        LINES,
        oam_ping.PingQuestion,
        asked.TENANT,
    ),
    _ask(
        "/v1/trace",
        oam_trace.trace,
        "Trace a packet by probes",
        schemas_trace.TraceAnswer,
        schemas_trace.TraceQuestion,
        asked.TENANT,
    ),
    _ask(
        "/v1/path/changes",
        oam_path.show_changes,
        "Tell which pairs a change would make stop or start talking",
        schemas_path.PathChanges,
        schemas_path.ChangeQuestion,
    ),
    _read("/v1/openapi.json", _show_document, "Show this document", JSON),
    _read("/", page.show, "Show the web page", page.HTML),
    _read("/ui/{file}", page.show_file, "Show a file of the web page", page.FILE),
    _read("/metrics", metrics.show, "Show metrics for Prometheus", metrics.CONTENT_TYPE_LATEST),
)
