"""REST over real HTTP: Ryu's WSGI application, eventlet's server, one process, plain http.client."""

from __future__ import annotations

import http.client
import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ryu_overlay.northbound.http import MAX_BODY
from tests.unit.northbound.memory import RED

ROOT = Path(__file__).parents[3]
R1 = "/v1/tenants/red/routers/r1"


class Client:
    """One connection. `sockets` are all it ever had."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.sockets: set[int] = set()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, http.client.HTTPResponse]:
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, raw, {"Content-Type": "application/json", **headers})
        self.sockets.add(id(self.connection.sock))
        response = self.connection.getresponse()
        answered = response.read()
        return response.status, json.loads(answered) if answered else None, response

    def raw(self, data: bytes, end: bool = False) -> tuple[int, Any, bool]:
        """Send these bytes on a connection of their own: the status, the body, and whether the server then hung up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as sock:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(sock)
            response.begin()
            body = json.loads(response.read())
            if response.getheader("Connection") != "close":
                return response.status, body, False
            return response.status, body, sock.recv(1) == b""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.unit.northbound.rest_child"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.terminate()


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    client = Client(port)
    client("PUT", "/v1/tenants/red", RED)
    yield client
    client.connection.close()


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "Host: localhost", "Content-Type: application/json", "", "")).encode("latin-1")


def test_one_connection_serves_everything(client: Client) -> None:
    port = "/v1/tenants/red/switches/web/ports/web-2"
    for method, path, body, expected in (
        ("PUT", port, {}, 201),
        ("HEAD", port, None, 200),
        ("GET", "/metrics", None, None),
        ("OPTIONS", port, None, 204),
        ("DELETE", port, None, 204),
        ("DELETE", port, None, 404),
        ("BREW", port, None, 405),
        ("DELETE", "/v1/tenants/red", None, 409),
        ("PUT", port, b"{", 400),
        ("PUT", port, b" " * (MAX_BODY + 1), 413),
        ("GET", "/v1/tenants/red", b'{"ignored": "body"}', 200),
    ):
        if expected is None:
            client.connection.request(method, path)
            assert b"overlay_revision" in client.connection.getresponse().read()
            continue
        status, _, response = client(method, path, body)
        assert status == expected
        assert response.getheader("Cache-Control") == "no-store"
        assert ("Content-Length" in response.headers) == (status != 204)
        assert "Transfer-Encoding" not in response.headers
    assert len(client.sockets) == 1


def test_a_head_has_the_length_of_the_get(client: Client) -> None:
    get, head_ = (client(method, "/v1/network")[2] for method in ("GET", "HEAD"))
    assert (head_.getheader("Content-Length"), head_.getheader("ETag")) == (
        get.getheader("Content-Length"),
        get.getheader("ETag"),
    )


@pytest.mark.parametrize("prefix", ["10.9.0.0/16", "10.9.0.0%2F16", "10.9.0.0%2f16"])
def test_the_slash_of_a_prefix_may_be_escaped(client: Client, prefix: str) -> None:
    assert client("GET", f"{R1}/routes/{prefix}")[1]["prefix"] == "10.9.0.0/16"


def test_what_is_silenced_may_have_slashes_and_blanks_escaped(client: Client) -> None:
    path = "/v1/health/silences/element/vni%20red%2Fweb%20hv1%3Ehv2"
    assert client("PUT", path, {})[1]["name"] == "vni red/web hv1>hv2"
    assert client("DELETE", path)[0] == 204


def test_headers_reach_the_api(client: Client) -> None:
    path = "/v1/tenants/red/switches/web/ports/web-1"
    tag = client("GET", path)[2].getheader("ETag") or ""
    status, _, response = client("PATCH", path + "?wait=0.01", {"enabled": True}, **{"If-Match": tag})
    assert (status, response.getheader("X-Converged"), response.getheader("ETag")) == (200, "true", tag)
    assert client("PATCH", path, {"enabled": True}, **{"If-Match": '"x"'})[0] == 412
    assert client("PUT", path, {}, **{"If-None-Match": "*"})[0] == 412


@pytest.mark.parametrize(
    "path", ["/v1/tenants/%ff", "/v1/tenants/\xff", "/v1/%0a%00", "/v1", "/v1/", "/metrics/x", "/v1/tenants/a%0Ab"]
)
def test_any_path_below_ours_gets_a_problem_document(client: Client, path: str) -> None:
    status, document, _ = client.raw(head(f"GET {path} HTTP/1.1"))
    assert (status, document["title"]) == (404, "Not Found")


def test_a_chunked_body_is_read(client: Client) -> None:
    chunks = head("PUT /v1/tenants/blue HTTP/1.1", "Transfer-Encoding: chunked") + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    assert client.raw(chunks)[0] in (200, 201)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["Content-Length: 999999999999"], b"{", 413),
        (["Transfer-Encoding: chunked"], b"%x\r\n" % (2 * MAX_BODY) + b" " * (MAX_BODY + 1), 413),
        (["Transfer-Encoding: chunked"], b"zz\r\n{}\r\n", 400),
        (["Transfer-Encoding: gzip, chunked"], b"", 400),
    ],
)
def test_a_body_that_cannot_be_read_to_its_end_ends_the_connection(
    client: Client, headers: list[str], body: bytes, status: int
) -> None:
    answered, document, closed = client.raw(head("PUT /v1/tenants/green HTTP/1.1", *headers) + body)
    assert (answered, document["status"], closed) == (status, status, True)
    assert client("GET", "/v1/tenants/green")[0] == 404


def test_a_body_that_ends_early_is_not_acted_upon(client: Client) -> None:
    # What came is a whole JSON object; what was announced is not.
    request = head("PUT /v1/tenants/green HTTP/1.1", "Content-Length: 50") + b"{}"
    assert client.raw(request, end=True)[0] == 400
    assert client("GET", "/v1/tenants/green")[0] == 404


def test_a_refused_body_is_not_asked_for(client: Client) -> None:
    request = head("PUT /v1/tenants/green HTTP/1.1", "Expect: 100-continue", f"Content-Length: {MAX_BODY + 1}")
    assert client.raw(request)[0] == 413


def test_waiting_keeps_nobody_else_waiting(client: Client) -> None:
    """The wait would outlast the client's patience; it ends with a write, so writes are served meanwhile."""
    waiting = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    with closing(waiting):
        waiting.request("GET", "/v1/revision?wait=60")
        for number in count():
            assert client("PATCH", "/v1/tenants/red", {"description": str(number)})[0] == 200
            if select.select([waiting.sock], [], [], 0.01)[0]:
                break
        assert waiting.getresponse().status == 200


def test_a_stream_comes_as_it_is_made_and_ends_with_the_client(client: Client) -> None:
    taking = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    with closing(taking):
        taking.request("POST", "/v1/captures", b'{"points": ["port:a"]}', {"Content-Type": "application/json"})
        response = taking.getresponse()
        assert (response.status, response.getheader("Content-Type")) == (201, "application/x-pcapng")
        assert (response.getheader("Transfer-Encoding"), response.getheader("Content-Length")) == ("chunked", None)
        assert [response.read1(1) for _ in range(3)] == [b"."] * 3
        assert len(client("GET", "/v1/captures")[1]["captures"]) == 1
    for _ in count():
        if not client("GET", "/v1/captures")[1]["captures"]:
            break
