"""A client that makes new connections, one after the other or many at once, and writes down what became of each.

    python tries.py HOST PORT OUT [--udp] [--request] [--count N] [--seconds S] [--concurrency C] [--every S] [--timeout S]

Each try is a new socket: connect, or one datagram; `--request` sends an HTTP request; then the answer is read to its end. At most
`--concurrency` at a time, a new one every `--every` seconds (0: as soon as there is room), until `--count` were made, `--seconds`
have passed, or SIGINT or SIGTERM comes. OUT gets JSON: a list of [start, seconds taken, answer or null, failure or null]; times
are of the machine's monotonic clock, so that they compare with other processes' times. A try of less than a second ends before
TCP would repeat its SYN.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import selectors
import signal
import socket
import time
from collections import deque
from types import FrameType

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
KINDS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ETIMEDOUT: "timeout",
    errno.EADDRNOTAVAIL: "no local port",
}
Result = tuple[float, float, "str | None", "str | None"]


class Try:
    """One socket on its way."""

    __slots__ = ("began", "connected", "data", "done", "sock")

    def __init__(self, sock: socket.socket, began: float) -> None:
        self.sock, self.began, self.connected, self.done, self.data = sock, began, False, False, b""


class Client:
    """All tries of a run."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.target = (given.host, given.port)
        self.selector = selectors.DefaultSelector()
        self.waiting: deque[Try] = deque()
        self.open = 0
        self.results: list[Result] = []
        self.stopped = False

    def stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.stopped = True

    def run(self) -> None:
        began = due = time.monotonic()
        made, given = 0, self.given
        while True:
            now = time.monotonic()
            more = not self.stopped and made < given.count and now - began < given.seconds
            while more and made < given.count and self.open < given.concurrency and now >= due:
                self.begin(now)
                made, due = made + 1, due + given.every
            if not more and not self.open:
                return
            wait = 0.05 if not more or self.open >= given.concurrency else max(0.0, due - now)
            for key, _ in self.selector.select(min(wait, 0.05)):
                self.go_on(key.data)
            self.expire()

    def begin(self, now: float) -> None:
        kind = socket.SOCK_DGRAM if self.given.udp else socket.SOCK_STREAM
        attempt = Try(socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK), now)
        self.open += 1
        error = attempt.sock.connect_ex(self.target)
        if error not in (0, errno.EINPROGRESS):
            self.finish(attempt, error)
            return
        self.waiting.append(attempt)
        self.selector.register(attempt.sock, selectors.EVENT_WRITE, attempt)

    def go_on(self, attempt: Try) -> None:
        try:
            if not attempt.connected:
                self.connected(attempt)
                return
            part = attempt.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.finish(attempt, error.errno or 0)
            return
        attempt.data += part
        if not part or self.given.udp:
            self.finish(attempt, 0)

    def connected(self, attempt: Try) -> None:
        error = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.finish(attempt, error)
            return
        if self.given.udp or self.given.request:
            attempt.sock.send(REQUEST if self.given.request else b"?")
        attempt.connected = True
        self.selector.modify(attempt.sock, selectors.EVENT_READ, attempt)

    def expire(self) -> None:
        now = time.monotonic()
        # All have the same patience, so the oldest ends first.
        while self.waiting and (self.waiting[0].done or now - self.waiting[0].began > self.given.timeout):
            attempt = self.waiting.popleft()
            if not attempt.done:
                self.finish(attempt, errno.ETIMEDOUT)

    def finish(self, attempt: Try, error: int) -> None:
        attempt.done = True
        self.open -= 1
        if attempt.sock in self.selector.get_map():
            self.selector.unregister(attempt.sock)
        attempt.sock.close()
        took = time.monotonic() - attempt.began
        lines = attempt.data.decode(errors="replace").splitlines()
        failure = self.failure(error, lines)
        self.results.append((attempt.began, took, lines[-1] if lines and not failure else None, failure))

    def failure(self, error: int, lines: list[str]) -> str | None:
        """What went wrong, in words; None when nothing did."""
        if error:
            return KINDS.get(error, errno.errorcode.get(error, str(error)))
        if not lines:
            return "no answer"
        if self.given.request and lines[0].split()[1:2] != ["200"]:
            return f"status {' '.join(lines[0].split()[1:2])}"
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("out")
    parser.add_argument("--udp", action="store_true")
    parser.add_argument("--request", action="store_true")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--concurrency", type=int, default=1)
    for name, value in (("seconds", 600.0), ("every", 0.0), ("timeout", 3.0)):
        parser.add_argument(f"--{name}", type=float, default=value)
    client = Client(parser.parse_args())
    signal.signal(signal.SIGINT, client.stop)
    signal.signal(signal.SIGTERM, client.stop)
    client.run()
    draft = f"{client.given.out}.part"
    with open(draft, "w") as file:
        json.dump(client.results, file)
    os.rename(draft, client.given.out)


if __name__ == "__main__":
    main()
