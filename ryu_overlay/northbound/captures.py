"""Packet captures: start one, whose answer is the stream itself; list those that run; end one.

Each handler is a plain function of (service, request) that gives the response. Handlers raise HttpProblem.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from ryu_overlay.northbound.http import JSON, Request, Response
from ryu_overlay.northbound.problems import missing, problem
from ryu_overlay.northbound.service import Service
from ryu_overlay.northbound.service_captures import CaptureStatus
from ryu_overlay.northbound.shape import Shape
from ryu_overlay.oam import capture
from ryu_overlay.oam.capture import Busy, NotPossible, NotReady, Wanted
from ryu_overlay.oam.filters import MAX_LENGTH, parse_filter
from ryu_overlay.oam.pcapng import CONTENT_TYPE

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
MAX_POINT_LENGTH = 300


def _filter(text: str) -> str:
    parse_filter(text)
    return text


class CaptureRequest(Shape):
    """Where to look, at which packets, and how much. `rate` is packets a second that each point may send up from one chassis
    (0: as many as there is room for, at most 1,000). `snaplen` is how many bytes of each packet are kept."""

    points: list[Annotated[str, Field(max_length=MAX_POINT_LENGTH)]] = Field(min_length=1, max_length=capture.MAX_POINTS)
    filter: Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_filter)] = ""
    packets: int = Field(default=capture.DEFAULT_PACKETS, ge=1, le=capture.MAX_PACKETS)
    seconds: int = Field(default=capture.DEFAULT_SECONDS, ge=1, le=capture.MAX_SECONDS)
    rate: int = Field(default=0, ge=0, le=capture.MAX_RATE)
    snaplen: int = Field(default=capture.MAX_SNAPLEN, ge=capture.MIN_SNAPLEN, le=capture.MAX_SNAPLEN)


class RunningCaptures(BaseModel):
    """Every capture that runs."""

    captures: list[CaptureStatus]


def start_capture(service: Service, request: Request) -> Response:
    """Start a capture; its stream is the answer, and it lasts as long as that is taken."""
    limits = {name: value for name, value in request.given.items() if name not in ("points", "filter") and value}
    wanted = Wanted(tuple(request.given["points"]), parse_filter(request.given.get("filter", "")), **limits)
    try:
        stream = service.captures.start(wanted)
    except NotPossible as error:
        status = 409 if isinstance(error, Busy) else 503 if isinstance(error, NotReady) else 422
        raise problem(status, error.field, error.reason) from error
    return Response(201, content_type=CONTENT_TYPE, headers={"Location": f"/v1/captures/{stream.number}"}, stream=stream)


def list_captures(service: Service, request: Request) -> Response:
    """Which captures run."""
    document = RunningCaptures(captures=list(service.captures.statuses()))
    return Response(200, document.model_dump_json().encode() + b"\n", JSON)


def end_capture(service: Service, request: Request) -> Response:
    """End a capture in good order: its stream gets the last counts."""
    name = request.names["capture"]
    if not (_NUMBER.fullmatch(name) and service.captures.end(int(name))):
        raise missing("capture", name)
    return Response(204)
