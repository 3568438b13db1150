"""The REST client: one request at a time over HTTP, and what can go wrong said in words.

It knows HTTP (RFC 9110), JSON and problem documents (RFC 9457). It does not know any object, command or terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_URL = "http://127.0.0.1:8080"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""How long an answer may take beyond what the request itself asked to wait (`?wait=`)."""


class ClientError(Exception):
    """A request that did not do what was asked. `lines` is what to tell the operator, one problem each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class BadURL(ClientError):
    """The URL given cannot be a controller's."""


class Unreachable(ClientError):
    """Nobody answered at the URL, or somebody who is not an overlay controller."""


class Failed(ClientError):
    """The connection was made but no whole answer came: whether a write was carried out is not known."""


class Refused(ClientError):
    """The controller answered with an error (status 4xx or 5xx).

    `problems` are (field, reason) pairs, the field empty where the error is about no field. `answer` is the whole answer.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.problems = _problems(answer)
        super().__init__(*(f"{field}: {reason}" if field else reason for field, reason in self.problems))


@dataclass(frozen=True)
class Answer:
    """What REST answered: status, headers by lower-case name, the body as it came, and decoded (None if empty)."""

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any

    @property
    def revision(self) -> str:
        """The revision a write made (`X-Revision`), empty if the answer names none."""
        return self.headers.get("x-revision", "")

    @property
    def converged(self) -> bool | None:
        """Whether every chassis concerned confirmed in time (`X-Converged`), None if that was not asked."""
        said = self.headers.get("x-converged")
        return None if said is None else said == "true"


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

    def get(self, path: str, **query: Any) -> Answer:
        """GET. Raises as `request`."""
        return self.request("GET", path, query)

    def request(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Answer:
        """One request; `path` is as `at` makes it. Query values that are None are left out.

        Raises Unreachable, Failed or Refused.
        """
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        target = self._prefix + path + ("?" + urlencode(asked) if asked else "")
        patience = self._timeout or ANSWER_SECONDS + float(asked.get("wait", 0))
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

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"no controller at {self.url}: {_reason(error)}") from error

    def _exchange(self, connection: HTTPConnection, method: str, target: str, body: Any) -> Answer:
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if payload is not None else {})
        try:
            # A server that refuses a large body answers and hangs up before it has read it all: its answer still counts.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=payload, headers=headers)
            response = connection.getresponse()
            raw = response.read()
        except TimeoutError as error:
            raise Failed(f"{self.url} did not answer in time{_doubt(method)}") from error
        except (OSError, IncompleteRead) as error:
            raise Failed(f"{self.url} broke off before it had answered{_doubt(method)}") from error
        except HTTPException as error:
            raise Unreachable(f"no controller at {self.url}: what answers there is not HTTP") from error
        return self._decode(response.status, {name.lower(): value for name, value in response.getheaders()}, raw)

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


def at(*names: str) -> str:
    """The path /v1/... of these names, each escaped whole (a route's prefix keeps no slash)."""
    return "/v1/" + "/".join(quote(name, safe="") for name in names)


def rows(body: Any) -> list[dict[str, Any]]:
    """The objects of a collection's answer, `{"switches": [...]}` for one; none where it holds no list of objects."""
    values = body.values() if isinstance(body, dict) else [body]
    lists = [value for value in values if isinstance(value, list)]
    return [row for row in lists[0] if isinstance(row, dict)] if lists else []


def _problems(answer: Answer) -> list[tuple[str, str]]:
    """The (field, reason) pairs of a problem document; one pair from `detail` or `title` where it lists no errors."""
    body = answer.body if isinstance(answer.body, dict) else {}
    errors = body.get("errors")
    listed = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    if listed:
        return [(str(e.get("field") or ""), str(e.get("reason") or body.get("detail") or "refused")) for e in listed]
    return [("", str(body.get("detail") or body.get("title") or f"the controller answered {answer.status}"))]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _doubt(method: str) -> str:
    return "" if method == "GET" else "; whether the change was made is not known (it is safe to send it again)"
