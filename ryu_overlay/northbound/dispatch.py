"""From a request as it came to its response: find the route, give the request its shape, call the handler, say what failed.

Whatever happens, the caller gets an answer: errors that were foreseen become problem documents, any other is logged with an
id that the answer repeats. Knows the route table; does not know what serves it.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.northbound import bodies, metrics, problems
from ryu_overlay.northbound.http import Incoming, Request, Response, answer, parse_query, parse_tags
from ryu_overlay.northbound.problems import HttpProblem, problem
from ryu_overlay.northbound.routes import ROUTES, SLASHED, Operation, Route
from ryu_overlay.northbound.service import Service, StoreAway

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 1
"""When a caller may try again while the store is away."""


class Api:
    """REST over one service. Any number of greenthreads may call `handle` at once."""

    def __init__(self, service: Service, routes: tuple[Route, ...] = ROUTES) -> None:
        self._service = service
        self._patterns = tuple((re.compile(_pattern(route.path), re.DOTALL), route) for route in routes)

    def handle(self, incoming: Incoming) -> Response:
        """The response to a request. Never raises. Answers HEAD as GET: leaving out the body is up to the transport."""
        started = time.perf_counter()
        route: Route | None = None
        try:
            route, names = self._match(incoming.path)
            response = self._respond(route, names, incoming)
        except HttpProblem as error:
            response = _refusal(error)
        except Refused as error:
            response = _refusal(problems.refused(error))
        except StoreAway as error:
            away = Problem("", f"the store is away, try again: {error}" if str(error) else "the store is away, try again")
            response = _refusal(HttpProblem(503, away, headers={"Retry-After": str(RETRY_SECONDS)}))
        except Exception:
            request_id = secrets.token_hex(8)
            LOG.exception("request %s failed: %s %s", request_id, incoming.method, incoming.path)
            response = _failure(request_id)
        metrics.count(incoming.method, route.path if route else "none", response.status, time.perf_counter() - started)
        return response

    def _match(self, path: str) -> tuple[Route, dict[str, str]]:
        for pattern, route in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return route, match.groupdict()
        raise problem(404, "path", f"there is nothing at {problems.shown(path)}")

    def _respond(self, route: Route, names: dict[str, str], incoming: Incoming) -> Response:
        allow = {"Allow": ", ".join(route.methods)}
        if incoming.method == "OPTIONS":
            return Response(204, headers=allow)
        operation = route.operations.get("GET" if incoming.method == "HEAD" else incoming.method)
        if operation is None:
            reason = f"{problems.shown(incoming.method)} is not one of {allow['Allow']}"
            raise HttpProblem(405, Problem("method", reason), headers=allow)
        return operation.handler(self._service, _request(operation, names, incoming))


def _request(operation: Operation, names: dict[str, str], incoming: Incoming) -> Request:
    query = parse_query(incoming.query, operation.query)
    if_match = parse_tags("If-Match", incoming.if_match)
    if_none_match = parse_tags("If-None-Match", incoming.if_none_match)
    given = {}
    if operation.body is not None:
        bodies.check_type(incoming.content_type)
        given = bodies.given(operation.body, bodies.parse(incoming.read()))
    return Request(names, query, given, if_match, if_none_match)


def _pattern(path: str) -> str:
    """A path as a regular expression: some names have slashes, which may or may not have come escaped."""
    return re.sub(r"\\?{(\w+)\\?}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in SLASHED else '[^/]+'})", re.escape(path))


def _refusal(error: HttpProblem) -> Response:
    document = problems.document(error.status, error.problems)
    return answer(error.status, document, error.headers, problems.CONTENT_TYPE)


def _failure(request_id: str) -> Response:
    """What to say of an exception nobody foresaw; it is in the log under the same id."""
    told = [Problem("", f"the controller failed; its log says more under {request_id}")]
    return answer(500, problems.document(500, told, request_id=request_id), content_type=problems.CONTENT_TYPE)
