"""What REST says: its answers, and the errors a request can end in.

It knows problem documents (RFC 9457). It does not know how an answer was fetched, nor any object, command or terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8080"


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


def rows(body: Any) -> list[dict[str, Any]]:
    """The objects of a collection's answer, `{"switches": [...]}` for one; none where it holds no list of objects."""
    values = body.values() if isinstance(body, dict) else [body]
    lists = [value for value in values if isinstance(value, list)]
    return [row for row in lists[0] if isinstance(row, dict)] if lists else []


def lines(read: Callable[[], bytes]) -> Iterator[str]:
    """The lines of a stream, whole; `read` gives its next bytes, none at its end. Empty ones say nothing and are left out."""
    rest = b""
    while data := read():
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode() for line in whole if line)


def _problems(answer: Answer) -> list[tuple[str, str]]:
    """The (field, reason) pairs of a problem document; one pair from `detail` or `title` where it lists no errors."""
    body = answer.body if isinstance(answer.body, dict) else {}
    errors = body.get("errors")
    listed = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    if listed:
        return [(str(e.get("field") or ""), str(e.get("reason") or body.get("detail") or "refused")) for e in listed]
    return [("", str(body.get("detail") or body.get("title") or f"the controller answered {answer.status}"))]
