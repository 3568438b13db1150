"""Times a router's ICMP time exceeded: `hop_latency.py TARGET COUNT`, echo requests with TTL 1, 5 ms apart.

Prints {"sent": n, "milliseconds": [...]}, one for each that was answered within half a second.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from tests.bench.agents.wire import TIME_EXCEEDED, echo_request, read

_INTERVAL = 0.005
_PATIENCE = 0.5


def main(target: str, count: int) -> None:
    identifier = os.getpid() & 0xFFFF
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        for sequence in range(count):
            began = time.monotonic_ns()
            sock.sendto(echo_request(identifier, sequence), (target, 0))
            at = _answer(sock, (TIME_EXCEEDED, identifier, sequence))
            if at is not None:
                times.append((at - began) / 1e6)
            time.sleep(_INTERVAL)
    print(json.dumps({"sent": count, "milliseconds": times}))


def _answer(sock: socket.socket, wanted: tuple[int, int, int]) -> int | None:
    """When the message wanted came, if it does in time."""
    deadline = time.monotonic() + _PATIENCE
    while select.select([sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
        at = time.monotonic_ns()
        if read(sock.recv(2048)) == wanted:
            return at
    return None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
