"""Pings: echo requests that are really delivered, told one by one while they are answered.

The handler is a plain function of (service, request) that gives the response. It raises HttpProblem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from ryu_overlay.model import limits
from ryu_overlay.northbound import asked, scoped
from ryu_overlay.northbound.http import LINES, Request, Response
from ryu_overlay.northbound.problems import HttpProblem
from ryu_overlay.northbound.schemas_path import BY_ROUTER, NAME, Target
from ryu_overlay.northbound.service import Service
from ryu_overlay.northbound.shape import Shape
from ryu_overlay.northbound.values import Address
from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.pinging import Echo, Summary, as_line
from ryu_overlay.oam.start import MAX_SIZE, ROUTER, Traffic, Unsendable, start
from ryu_overlay.oam.trip import trip
from ryu_overlay.oam.world import Unable

_PINGER = re.compile(rf"({BY_ROUTER}|{NAME})")
_HEADERS = 28


def _pinger(value: Any) -> str:
    if isinstance(value, str) and _PINGER.fullmatch(value):
        return value
    raise ValueError(f"must be a logical port, or {ROUTER}TENANT/ROUTER, or {ROUTER}TENANT/ROUTER/PORT")


Pinger = Annotated[Any, PlainValidator(_pinger), WithJsonSchema({"type": "string", "pattern": f"^{_PINGER.pattern}$"})]
"""Who pings: a VM by its logical port, a router, or one of its ports."""


class PingQuestion(Shape):
    """Does it answer? `size` is in bytes with the IPv4 header, `interval` in seconds. What a router sends begins at `chassis`,
    if one is given."""

    sender: Pinger = Field(alias="from")
    to: Target
    source: Address | None = None
    count: int = Field(default=5, ge=1, le=10000)
    interval: float = Field(default=1.0, ge=0.01, le=60)
    size: Annotated[int, Field(ge=_HEADERS, le=MAX_SIZE)] | None = None
    ttl: Annotated[int, Field(ge=1, le=255)] = 64
    df: bool = False
    chassis: Annotated[str, Field(max_length=limits.MAX_NAME_LENGTH)] | None = None


def ping(service: Service, request: Request) -> Response:
    """Send them, and tell of each as soon as it is answered or given up. What cannot be sent at all is refused before."""
    given, scope = request.given, asked.scope(service, request)
    asked.check(service.network, scope, given)
    asked.check_size(given, service.vm_mtu())
    traffic = Traffic(size=given.get("size"), ttl=given.get("ttl", 64), df=given.get("df", False))
    try:
        begun = start(service.network, given["sender"], given["to"], traffic, given.get("source"), service.facts())
        told = service.ping(begun, given.get("count", 5), given.get("interval", 1.0), given.get("chassis"))
        first = next(told)
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    except Unable as error:
        raise HttpProblem(409, asked.unable(scope, error)) from error
    replies: Iterator[Echo | Summary] = chain((first,), told)
    if scope is not None:
        expected = way_of(trip(service.network, begun, facts=service.facts()).there)
        replies = scoped.echoes(scope, expected, replies)
    return Response(200, content_type=LINES, stream=map(as_line, replies))
