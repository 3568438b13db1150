"""Requests and responses as values, conditional requests, and query parameters.

Knows HTTP (RFC 9110) as far as REST needs it. Does not know which server brings the requests, nor any resource.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl

from ryu_overlay.model.problems import Problem
from ryu_overlay.northbound.problems import HttpProblem, problem, shown

JSON = "application/json"
LINES = "application/x-ndjson"
"""One JSON document a line; an empty line says nothing."""
MAX_BODY = 16 * 2**20
"""Bytes of the largest body that is read."""
MAX_WAIT = 60
"""Seconds that one request may wait for the chassis."""
MAX_PARAMETERS = 16

_NUMBER = re.compile(r"[0-9.]+(e-?[0-9]+)?", re.ASCII | re.IGNORECASE)
_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_TAG = re.compile(r'(W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came. `path` is percent-decoded, `query` is not; `read` gives the body or raises HttpProblem."""

    method: str
    path: str
    query: str = ""
    content_type: str = ""
    if_match: str | None = None
    if_none_match: str | None = None
    read: Callable[[], bytes] = bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has the right shape: path and query parameters by name, and the fields its body gives.

    `if_match` and `if_none_match` are the entity tags given, `*` among them, or None without the header.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer. Without a `content_type` there is no body.

    `stream` takes the body's place where that is made while it is sent; its `close` is called when nobody takes it any more.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. `parse` turns its text into a value or raises ValueError with the reason; `schema` is JSON schema."""

    name: str
    parse: Callable[[str], Any]
    schema: Mapping[str, Any]
    summary: str
    required: bool = False


def answer(status: int, document: Any, headers: Mapping[str, str] | None = None, content_type: str = JSON) -> Response:
    """A response with `document` as JSON."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return Response(status, body, content_type, headers or {})


def etag(document: Mapping[str, Any]) -> str:
    """A strong entity tag (RFC 9110 section 8.8.3) for an object's document: equal documents, equal tags."""
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return f'"{blake2b(canonical, digest_size=12).hexdigest()}"'


def parse_tags(header: str, text: str | None) -> frozenset[str] | None:
    """The strong tags (and `*`) of an If-Match or If-None-Match header; weak ones never match a write. Raises HttpProblem 400."""
    if text is None:
        return None
    if text.strip() == "*":
        return frozenset("*")
    if not _TAGS.fullmatch(text):
        raise problem(400, header, 'must be * or a list of entity tags such as "1f8b2c"')
    return frozenset(tag for weak, tag in _TAG.findall(text) if not weak)


def check_conditions(request: Request, current: str | None, exists: bool) -> None:
    """Refuse a write whose conditions do not hold of what is there now: 412 (RFC 9110 sections 13.1.1 and 13.1.2).

    `current` is the entity tag of what the request is about, None if it has none.
    """
    tags = request.if_match
    if tags is not None and not (exists and ("*" in tags or current in tags)):
        raise problem(412, "If-Match", "it has changed since" if exists else "it does not exist")
    tags = request.if_none_match
    if tags is not None and exists and ("*" in tags or current in tags):
        raise problem(412, "If-None-Match", "it exists already")


def parse_query(text: str, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The values of the query parameters. Raises HttpProblem 400 for one that is unknown, given twice, wrong or missing."""
    known = {p.name: p for p in parameters}
    pairs = _pairs(text) if text else []
    values: dict[str, Any] = {}
    given = {name for name, _ in pairs}
    problems = [Problem(name, "is required") for name, p in known.items() if p.required and name not in given]
    for name, value in pairs:
        try:
            values[name] = _value(known, values, name, value)
        except ValueError as error:
            problems.append(Problem(shown(name), str(error)))
    if problems:
        raise HttpProblem(400, *problems)
    return values


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise problem(400, "query", f"malformed: {shown(str(error))}") from error


def _value(known: Mapping[str, Parameter], values: Mapping[str, Any], name: str, value: str) -> Any:
    if name not in known:
        raise ValueError(f"is not a query parameter here; known: {', '.join(known) or 'none'}")
    if name in values:
        raise ValueError("is given twice")
    return known[name].parse(value)


def _seconds(text: str) -> float:
    try:
        seconds = float(text) if _NUMBER.fullmatch(text) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_WAIT:
        raise ValueError(f"must be a number of seconds from 0 to {MAX_WAIT}")
    return seconds


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def choice(name: str, summary: str, *words: str) -> Parameter:
    """A parameter that is one of at least two words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text

    return Parameter(name, parse, {"type": "string", "enum": list(words)}, summary)


_BOOLEAN = {"type": "boolean", "default": False}
WAIT = Parameter(
    "wait",
    _seconds,
    {"type": "number", "minimum": 0, "maximum": MAX_WAIT},
    "Answer only when every chassis concerned has confirmed the revision, or after this many seconds.",
)
CASCADE = Parameter("cascade", _flag, _BOOLEAN, "Delete what stands in the way, too.")
DRY_RUN = Parameter("dry_run", _flag, _BOOLEAN, "Tell what would change, and change nothing.")
