"""REST on Ryu's WSGI application: the only file of this room that knows Ryu, webob and sockets.

All paths of the route table go through one Ryu route per first segment into `Api`, which has a route table of its own:
Ryu's would answer 404 and 405 in HTML, and other apps' paths stay theirs.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from ryu.app.wsgi import ControllerBase, WSGIApplication
from webob import Response as WebobResponse

from ryu_overlay.northbound.dispatch import Api
from ryu_overlay.northbound.http import MAX_BODY, Incoming, Response
from ryu_overlay.northbound.problems import BODY, TITLES, problem
from ryu_overlay.northbound.routes import ROUTES
from ryu_overlay.northbound.service import Service

MAX_DRAIN = 4 * MAX_BODY
"""Bytes of a refused body that are still read (and thrown away), so that a client that sends first gets to see the refusal."""

_WRITE_AT = "eventlet.minimum_write_chunk_size"
"""Bytes that eventlet collects before it sends them: for a stream, none."""


def mount(application: WSGIApplication, service: Service) -> None:
    """Serve REST and metrics over `service` from Ryu's WSGI application. To be called once."""
    application.register(_Controller, {"api": Api(service)})
    for first in sorted({route.path.split("/")[1] for route in ROUTES}):
        path = f"/{first}{{rest:(/[\\s\\S]*)?}}"
        application.mapper.connect(f"overlay-{first}", path, controller=_Controller, action="serve", rest="")


class _Controller(ControllerBase):  # type: ignore[misc]
    """What Ryu makes for each request."""

    def __init__(self, req: Any, link: Any, data: dict[str, Api], **config: Any) -> None:
        super().__init__(req, link, data, **config)
        self._api = data["api"]

    def serve(self, req: Any, **_: Any) -> WebobResponse:
        body = _Body(req.environ)
        response = self._api.handle(_incoming(req.environ, body))
        if response.stream is not None:
            req.environ[_WRITE_AT] = 1
        return _outgoing(response, close=body.abandon())


class _Body:
    """A request's body, read only when somebody asks for it and only up to MAX_BODY bytes."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._input = environ["wsgi.input"]
        self._encoding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        self._left = int(environ.get("CONTENT_LENGTH") or 0)
        self._whole = not self._encoding and not self._left

    def read(self) -> bytes:
        """The whole body. Raises HttpProblem: 413 when it is too long, 400 when it ends early."""
        if self._left > MAX_BODY:
            raise problem(413, BODY, f"has {self._left} bytes; at most {MAX_BODY} are read")
        if self._encoding not in ("", "chunked"):
            raise problem(400, "Transfer-Encoding", "must be chunked, or left out")
        raw: bytes = b""
        try:
            raw = self._input.read(MAX_BODY + 1 if self._encoding else self._left)
        except (ValueError, OSError) as error:
            raise problem(400, BODY, f"is not whole: {error}") from error
        if len(raw) > MAX_BODY:
            raise problem(413, BODY, f"has more than {MAX_BODY} bytes")
        if len(raw) < self._left:
            raise problem(400, BODY, f"is not whole: {len(raw)} of {self._left} bytes came")
        self._whole = True
        return raw

    def abandon(self) -> bool:
        """Whether the connection has to be closed, because too much is still to come to throw it away.

        eventlet would otherwise read all of it, which for chunks may never end, before the next request.
        """
        if self._whole or (not self._encoding and self._left <= MAX_DRAIN):
            return False
        with suppress(OSError):
            self._input.get_socket().shutdown(socket.SHUT_RD)
        return True


def _incoming(environ: dict[str, Any], body: _Body) -> Incoming:
    return Incoming(
        method=environ["REQUEST_METHOD"],
        path=_utf8(environ["PATH_INFO"]),
        query=_utf8(environ.get("QUERY_STRING", "")),
        content_type=environ.get("CONTENT_TYPE") or "",
        if_match=environ.get("HTTP_IF_MATCH"),
        if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
        read=body.read,
    )


def _utf8(text: str) -> str:
    """What the bytes that WSGI passes as Latin-1 (PEP 3333) say in UTF-8; where they say nothing, nothing has that name."""
    return text.encode("latin-1").decode(errors="replace")


def _outgoing(response: Response, close: bool) -> WebobResponse:
    status: Any = f"{response.status} {TITLES[response.status]}" if response.status in TITLES else response.status
    headers = list({"Cache-Control": "no-store", **response.headers}.items())
    if close:
        headers.append(("Connection", "close"))
    if response.content_type is None:
        # No Content-Length either: a 204 must not have one (RFC 9110 section 8.6).
        return WebobResponse(status=status, headerlist=headers, app_iter=())
    headers.append(("Content-Type", response.content_type))
    if response.stream is not None:
        return WebobResponse(status=status, headerlist=headers, app_iter=response.stream)
    headers.append(("Content-Length", str(len(response.body))))
    return WebobResponse(status=status, headerlist=headers, app_iter=(response.body,))
