"""Opens UDP connections from as many source ports: `connections.py TARGET PORT COUNT FIRST STRIDE`.

Source ports are FIRST, FIRST + STRIDE, ...; each connection is one datagram and its echo. Prints {"opened": n,
"answered": n}. A few hundred sockets are open at a time.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

_AT_ONCE = 200
_PATIENCE = 1.0


def main(target: str, port: int, count: int, first: int, stride: int) -> None:
    sources = range(first, first + count * stride, stride)
    answered = sum(_open((target, port), sources[start : start + _AT_ONCE]) for start in range(0, count, _AT_ONCE))
    print(json.dumps({"opened": count, "answered": answered}))


def _open(target: tuple[str, int], sources: range) -> int:
    """How many of these were answered."""
    waiting = {sock.fileno(): sock for sock in (_socket(target, source) for source in sources)}
    poll = select.poll()
    for number, sock in waiting.items():
        poll.register(number, select.POLLIN)
        sock.send(b"?")
    open_sockets, answered = list(waiting.values()), 0
    deadline = time.monotonic() + _PATIENCE
    while waiting and time.monotonic() < deadline:
        for number, _ in poll.poll(50):
            waiting.pop(number).recv(16)
            poll.unregister(number)
            answered += 1
    for sock in open_sockets:
        sock.close()
    return answered


def _socket(target: tuple[str, int], source: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", source))
    sock.connect(target)
    return sock


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]))
