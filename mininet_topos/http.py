"""An HTTP client whose sockets are opened inside another network namespace, for REST that listens on its 127.0.0.1.

A socket belongs to the namespace it was made in for good, so only making it needs the namespace: a thread enters it,
connects and ends. After that, requests cost what they cost anywhere. Linux only; needs CAP_SYS_ADMIN. Knows nothing of labs.
"""

from __future__ import annotations

import ctypes
import http.client
import json as jsonlib
import os
import re
import select
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Header names are in lower case; `json` is the decoded body, None when there is none or it is not JSON."""

    status: int
    headers: Mapping[str, str]
    json: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def namespace_path(where: int | str | Path) -> Path:
    """The file of a network namespace, given as a pid, as a name under /run/netns, or as a path."""
    if isinstance(where, int):
        return Path(f"/proc/{where}/ns/net")
    return Path("/run/netns") / where


def connect_inside(namespace: Path, address: tuple[str, int], timeout: float) -> socket.socket:
    """A TCP connection from within `namespace`. Raises OSError."""
    # A thread of its own: whatever happens there, no other thread ever runs in the wrong namespace.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_enter_and_connect, namespace, address, timeout).result()


def _enter_and_connect(namespace: Path, address: tuple[str, int], timeout: float) -> socket.socket:
    handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(handle, _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(namespace))
    finally:
        os.close(handle)
    return socket.create_connection(address, timeout)


class _Connection(http.client.HTTPConnection):
    def __init__(self, namespace: Path, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._namespace = namespace
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = connect_inside(self._namespace, (self.host, self.port), self._seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def stale(self) -> bool:
        """Whether the peer has closed an idle connection (nothing may be readable between requests)."""
        return self.sock is not None and bool(select.select([self.sock], [], [], 0)[0])


class Rest:
    """JSON over HTTP with one kept-alive connection; use one for each thread.

    A request is sent once and never again by itself: when the connection breaks under it the error (OSError or
    http.client.HTTPException) is the caller's, who alone knows whether the write may be repeated.
    """

    def __init__(self, where: int | str | Path, host: str = "127.0.0.1", port: int = 8080, timeout: float = 70.0) -> None:
        """`where` is the namespace (see `namespace_path`); `timeout` in seconds, for connecting and for each answer."""
        self._connection = _Connection(namespace_path(where), host, port, timeout)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """One request. `body` is sent as it is when bytes, else as JSON; a header `If_Match="x"` is sent as `If-Match: x`."""
        content = body if body is None or isinstance(body, bytes) else jsonlib.dumps(body).encode()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None and not any(name.lower() == "content-type" for name in fields):
            fields["Content-Type"] = "application/json"
        if self._connection.stale():
            self._connection.close()
        try:
            self._connection.request(method, path, content, fields)
            answer = self._connection.getresponse()
            raw = answer.read()
        except BaseException:
            self._connection.close()
            raise
        got = {name.lower(): value for name, value in answer.getheaders()}
        is_json = re.match(r"application/(problem\+)?json\b", got.get("content-type", "")) and raw
        return Response(answer.status, got, jsonlib.loads(raw) if is_json else None, raw)

    def get(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("GET", path, body, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("DELETE", path, body, **headers)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()
