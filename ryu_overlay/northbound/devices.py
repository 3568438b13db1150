"""What routers and switches show of themselves, read-only: table, neighbours, interfaces, translations, load balancers, log.

Each handler is a plain function of (service, request) that gives the response; `READS` says where they are found.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from pydantic import TypeAdapter

from ryu_overlay.model.objects import Ref
from ryu_overlay.northbound import service_devices as shapes
from ryu_overlay.northbound.http import JSON, Parameter, Request, Response
from ryu_overlay.northbound.problems import missing
from ryu_overlay.northbound.service import Service
from ryu_overlay.northbound.service_devices import MAX_LOG, MAX_SECONDS

_LOG_LINES = 100
_SECONDS = 2.0


def show_table(service: Service, request: Request) -> Response:
    """A router's table, or what decides about an address."""
    return _answer(service.devices.routes(_router(service, request), request.query.get("address")))


def show_neighbours(service: Service, request: Request) -> Response:
    """A router's neighbours."""
    return _answer(service.devices.neighbours(_router(service, request)))


def show_interfaces(service: Service, request: Request) -> Response:
    """A router's ports with their counters."""
    return _answer(service.devices.router_interfaces(_router(service, request)))


def show_nat(service: Service, request: Request) -> Response:
    """A router's uplink and rules of translation."""
    return _answer(service.devices.nat(_router(service, request)))


def show_translations(service: Service, request: Request) -> Response:
    """Translations that carry traffic, watched for some seconds."""
    return _answer(service.devices.translations(_router(service, request), request.query.get("seconds", _SECONDS)))


def show_balancers(service: Service, request: Request) -> Response:
    """The load balancers on a router."""
    return _answer(service.devices.balancers(_router(service, request)))


def show_router_log(service: Service, request: Request) -> Response:
    """What happened to a router lately."""
    return _answer(service.devices.log("router", _router(service, request), request.query.get("lines", _LOG_LINES)))


def show_macs(service: Service, request: Request) -> Response:
    """A switch's MAC addresses."""
    return _answer(service.devices.macs(_switch(service, request)))


def show_switch_interfaces(service: Service, request: Request) -> Response:
    """A switch's logical ports with their counters."""
    return _answer(service.devices.switch_interfaces(_switch(service, request)))


def show_switch_neighbours(service: Service, request: Request) -> Response:
    """The addresses that a switch answers ARP for."""
    return _answer(service.devices.switch_neighbours(_switch(service, request)))


def show_switch_log(service: Service, request: Request) -> Response:
    """What happened to a switch lately."""
    return _answer(service.devices.log("switch", _switch(service, request), request.query.get("lines", _LOG_LINES)))


def _router(service: Service, request: Request) -> Ref:
    return _ref(service, request, "router")


def _switch(service: Service, request: Request) -> Ref:
    return _ref(service, request, "switch")


def _ref(service: Service, request: Request, kind: str) -> Ref:
    tenant, name = request.names["tenant"], request.names[kind]
    if service.network.get("tenant", (tenant,)) is None:
        raise missing("tenant", tenant)
    if service.network.get(kind, (tenant, name)) is None:
        raise missing(kind, name)
    return tenant, name


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _answer(value: Any) -> Response:
    shape = type(value)
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return Response(200, _ADAPTERS[shape].dump_json(value) + b"\n", JSON)


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError as error:
        raise ValueError("must be an IPv4 address such as 10.0.2.5") from error


def _within(low: int, high: int, words: str) -> Callable[[str], Any]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
            raise ValueError(f"must be {words} from {low} to {high}")
        return int(text)

    return parse


_ADDRESS = Parameter(
    "address", _address, {"type": "string", "format": "ipv4"}, "Only what decides about packets to this address."
)
_LINES = Parameter(
    "lines",
    _within(1, MAX_LOG, "a number of lines"),
    {"type": "integer", "minimum": 1, "maximum": MAX_LOG, "default": _LOG_LINES},
    "How many lines, the last ones.",
)
_WATCH = Parameter(
    "seconds",
    _within(1, MAX_SECONDS, "a number of seconds"),
    {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "default": int(_SECONDS)},
    "How long to watch.",
)

READS: tuple[tuple[Any, ...], ...] = (
    ("router", "table", show_table, "Show a router's table and where it is installed", shapes.RouterTable, _ADDRESS),
    ("router", "arp", show_neighbours, "Show a router's neighbours", shapes.NeighbourTable),
    ("router", "interfaces", show_interfaces, "Show a router's ports with their counters", shapes.Interfaces),
    ("router", "nat", show_nat, "Show a router's uplink and translations", shapes.NatStatus),
    (
        *("router", "nat/translations", show_translations),
        *("Watch the connections that a router translates", shapes.Translations, _WATCH),
    ),
    ("router", "balancers", show_balancers, "Show the load balancers on a router", shapes.Balancers),
    ("router", "log", show_router_log, "Show what happened to a router lately", shapes.DeviceLog, _LINES),
    ("switch", "macs", show_macs, "Show a switch's MAC addresses", shapes.MacTable),
    ("switch", "interfaces", show_switch_interfaces, "Show a switch's ports with their counters", shapes.Interfaces),
    ("switch", "arp", show_switch_neighbours, "Show the addresses that a switch answers ARP for", shapes.NeighbourTable),
    ("switch", "log", show_switch_log, "Show what happened to a switch lately", shapes.DeviceLog, _LINES),
)
"""Of a router or switch: (kind, last part of the path, handler, summary, shape of the answer, query parameters)."""
