"""The REST client: one request at a time over HTTP, and what can go wrong said in words.

It knows HTTP (RFC 9110) and JSON. It does not know any object, command or terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ryu_overlay.cli.answers import DEFAULT_URL, Answer, BadURL, Failed, Refused, Unreachable

T = TypeVar("T")
_CHUNK = 1 << 16
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""How long an answer may take beyond what the request itself asked to wait (`?wait=`, `?seconds=`)."""


class Client:
    """Speaks to one controller. `url` is http:// or https://, with a path if a proxy puts one in front.

    `timeout` in seconds replaces both limits, for connecting and for the answer. Raises BadURL.
    """

    def __init__(self, url: str, timeout: float | None = None) -> None:
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            self._address = (parts.hostname or "", parts.port)
        except ValueError as error:
            raise BadURL(f"{url!r} is not a URL: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadURL(f"{url!r} is not a URL like {DEFAULT_URL}")
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._prefix = parts.path
        self._timeout = timeout

    def get(self, *names: str, **query: str) -> Answer:
        """GET. Raises as `request`."""
        return self.request("GET", names, query)

    def request(self, method: str, names: Sequence[str], query: Mapping[str, str], body: Any = None) -> Answer:
        """One request to the path /v1/ and these names, each escaped whole (the slash of a route's prefix too).

        Raises Unreachable, Failed or Refused.
        """
        target = self._target(names, query)
        patience = self._timeout or ANSWER_SECONDS + float(query.get("wait", 0)) + float(query.get("seconds", 0))
        connection = self._connection(*self._address, timeout=self._timeout or CONNECT_SECONDS)
        try:
            self._connect(connection)
            connection.sock.settimeout(patience)
            answer = self._exchange(connection, method, target, body)
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer)
        return answer

    @contextmanager
    def stream(
        self, names: Sequence[str], body: Any, query: Mapping[str, str] | None = None, method: str = "POST"
    ) -> Iterator[tuple[Mapping[str, str], Callable[[], bytes]]]:
        """Take an answer as it comes: its headers, and what gives the next bytes of it, none at its end.

        The context ends the connection. Raises Unreachable, Failed or Refused, when bytes are asked for, too.
        """
        target = self._target(names, query or {})
        connection = self._connection(*self._address, timeout=self._timeout or CONNECT_SECONDS)
        try:
            self._connect(connection)
            connection.sock.settimeout(self._timeout or ANSWER_SECONDS)
            response = self._send(connection, method, target, body)
            headers = {name.lower(): value for name, value in response.getheaders()}
            if response.status >= 400:
                raise Refused(self._decode(response.status, headers, self._read(method, response.read)))
            yield headers, lambda: self._read(method, lambda: response.read1(_CHUNK))
        finally:
            connection.close()

    def _target(self, names: Sequence[str], query: Mapping[str, str]) -> str:
        path = "/v1/" + "/".join(quote(name, safe="") for name in names)
        return self._prefix + path + ("?" + urlencode(query) if query else "")

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"no controller at {self.url}: {_reason(error)}") from error

    def _exchange(self, connection: HTTPConnection, method: str, target: str, body: Any) -> Answer:
        response = self._send(connection, method, target, body)
        raw = self._read(method, response.read)
        return self._decode(response.status, {name.lower(): value for name, value in response.getheaders()}, raw)

    def _send(self, connection: HTTPConnection, method: str, target: str, body: Any) -> HTTPResponse:
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if payload is not None else {})

        def send() -> HTTPResponse:
            # A server that refuses a large body answers and hangs up before it has read it all: its answer still counts.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=payload, headers=headers)
            return connection.getresponse()

        return self._read(method, send)

    def _read(self, method: str, what: Callable[[], T]) -> T:
        try:
            return what()
        except TimeoutError as error:
            raise Failed(f"{self.url} did not answer in time{_doubt(method)}") from error
        except (OSError, IncompleteRead) as error:
            raise Failed(f"{self.url} broke off before it had answered{_doubt(method)}") from error
        except HTTPException as error:
            raise Unreachable(f"no controller at {self.url}: what answers there is not HTTP") from error

    def _decode(self, status: int, headers: Mapping[str, str], raw: bytes) -> Answer:
        if not raw:
            return Answer(status, headers, "", None)
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json" and not kind.endswith("+json"):
            raise Unreachable(f"no controller at {self.url}: it answered {status} in {kind or 'no type'}, not in JSON")
        try:
            text = raw.decode()
            return Answer(status, headers, text, json.loads(text))
        except ValueError as error:
            raise Unreachable(f"no controller at {self.url}: its answer is not JSON ({error})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _doubt(method: str) -> str:
    return "" if method == "GET" else "; whether the change was made is not known (it is safe to send it again)"
