"""A server that tells who it is and whom it sees: `NAME ADDRESS PORT` of the peer, then it closes.

    python serve.py NAME [--tcp PORT ...] [--udp PORT ...] [--http PORT ...] [--echo PORT ...] [--sick FILE]

--tcp says it at once, --udp for each datagram, --http as the body of an answer to any request (503 while FILE exists),
--echo first, and then sends back what it gets until the peer closes. Prints `ready` when all listen; ends after an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable

BACKLOG = 4096
REQUEST_LIMIT = 8192
PATIENCE = 5.0
LIFETIME = 3600
Peer = tuple[str, int]


class Server:
    """One name, any number of ports."""

    def __init__(self, name: str, sick: str | None) -> None:
        self.name, self.sick = name, sick

    def line(self, peer: Peer) -> bytes:
        return f"{self.name} {peer[0]} {peer[1]}\n".encode()

    def tell(self, connection: socket.socket, peer: Peer) -> None:
        connection.sendall(self.line(peer))

    def answer(self, connection: socket.socket, peer: Peer) -> None:
        connection.settimeout(PATIENCE)
        request = b""
        while b"\r\n\r\n" not in request and len(request) < REQUEST_LIMIT:
            part = connection.recv(REQUEST_LIMIT)
            if not part:
                return
            request += part
        status = "503 Sick" if self.sick is not None and os.path.exists(self.sick) else "200 OK"
        body = self.line(peer)
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    def echo(self, connection: socket.socket, peer: Peer) -> None:
        connection.sendall(self.line(peer))
        while data := connection.recv(65536):
            connection.sendall(data)

    def datagrams(self, port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("", port))
            self.udp_ready.release()
            while True:
                # An ICMP error that came back for an earlier answer shows here; it says nothing of the next datagram.
                with contextlib.suppress(OSError):
                    _, peer = sock.recvfrom(65536)
                    sock.sendto(self.line(peer), peer)

    udp_ready = threading.Semaphore(0)


def listen(port: int, serve: Callable[[socket.socket, Peer], None], threads: bool) -> None:
    """Accept for ever; `threads` for peers that may take their time."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(BACKLOG)

    def one(connection: socket.socket, peer: Peer) -> None:
        with connection, contextlib.suppress(OSError):
            serve(connection, peer)

    def accept() -> None:
        while True:
            connection, peer = listener.accept()
            if threads:
                threading.Thread(target=one, args=(connection, peer), daemon=True).start()
            else:
                one(connection, peer)

    threading.Thread(target=accept, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    for kind in ("tcp", "udp", "http", "echo"):
        parser.add_argument(f"--{kind}", type=int, nargs="*", default=[])
    parser.add_argument("--sick")
    given = parser.parse_args()
    server = Server(given.name, given.sick)
    for ports, serve, threads in (
        (given.tcp, server.tell, False),
        (given.http, server.answer, True),
        (given.echo, server.echo, True),
    ):
        for port in ports:
            listen(port, serve, threads)
    for port in given.udp:
        threading.Thread(target=server.datagrams, args=(port,), daemon=True).start()
        server.udp_ready.acquire()
    print("ready", flush=True)
    signal.alarm(LIFETIME)
    signal.pause()


if __name__ == "__main__":
    main()
