"""Errors as `application/problem+json` (RFC 9457): which field, and why, in words for an operator.

Knows pydantic's errors and the model's refusals; does not know routes, handlers or transports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ryu_overlay.model.limits import MAX_PROBLEMS
from ryu_overlay.model.problems import Problem, Refused

CONTENT_TYPE = "application/problem+json"

TITLES: Mapping[int, str] = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""Status codes REST answers errors with, and their names (RFC 9110 section 15)."""

BODY = "body"
"""What `field` says when the body as a whole is wrong."""

MAX_SHOWN = 80
"""Characters of a caller's own text that are repeated in an answer."""

_STATUS = {"not_found": 404, "conflict": 409, "invalid": 422}
_REASONS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this object",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length}",
    "too_long": "has too many items; at most {max_length} are allowed",
}
"""By pydantic's type of error, with its context filled in."""


class HttpProblem(Exception):
    """An error to answer with. `status` is one of TITLES; `headers` go into the answer."""

    def __init__(self, status: int, *problems: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, problems)
        self.status = status
        self.problems = problems
        self.headers = headers or {}


def problem(status: int, field: str, reason: str) -> HttpProblem:
    """The common case: one field, one reason."""
    return HttpProblem(status, Problem(field, reason))


def missing(param: str, name: str) -> HttpProblem:
    """404: nothing has the name that the path parameter `param` gives."""
    return problem(404, param, f"there is no {param.replace('_', ' ')} {shown(name)}")


def document(status: int, problems: Iterable[Problem], **extra: Any) -> dict[str, Any]:
    """The problem document; there is at least one problem. `extra` are extension members (RFC 9457 section 3.2)."""
    found = tuple(problems)
    return {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": sentence(found[0]) + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
        "errors": [{"field": p.field, "reason": p.reason} for p in found],
        **extra,
    }


def refused(refusal: Refused) -> HttpProblem:
    """The model's refusal as an error."""
    return HttpProblem(_STATUS[refusal.status], *refusal.problems)


def sentence(problem: Problem) -> str:
    """A problem as one line."""
    return f"{problem.field}: {problem.reason}" if problem.field else problem.reason


def invalid(error: ValidationError) -> HttpProblem:
    """422 with the path of each field that has the wrong shape, at most MAX_PROBLEMS of them."""
    found = error.errors(include_url=False, include_input=False)[:MAX_PROBLEMS]
    return HttpProblem(422, *(Problem(path(e["loc"]) or BODY, _reason(e)) for e in found))


def path(loc: Iterable[int | str]) -> str:
    """A place in a body as `switches[0].ports[3].mac`."""
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{shown(step)}" if text else shown(step)
    return text


def shown(text: str) -> str:
    """A caller's own text, cut to a length that can be repeated."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def _reason(error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    known = _REASONS.get(error["type"])
    return known.format(**context) if known is not None else str(error["msg"])
