"""A web server in a thread that faults are told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """A web server. `heard` are the names of the faults that came; `answers` are the statuses of the next answers, 204 of all
    later ones, and None one that never comes. It always fails on the fault `fails_on`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.requests: list[tuple[str, str | None, bytes]] = []
        self.answers: list[int | None] = []
        self.fails_on = ""
        self.over = threading.Event()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[int]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            self.over.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.requests.append((handler.path, handler.headers["Content-Type"], body))
        status = self.answers.pop(0) if self.answers else 204
        self.heard.append(json.loads(body)["id"])
        if self.heard[-1] == self.fails_on:
            status = 500
        if status is None:
            self.over.wait()
        else:
            handler.send_response(status)
            handler.send_header("Location", "/elsewhere")
            handler.end_headers()
