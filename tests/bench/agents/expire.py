"""Offers packets that die at the first router: `expire.py TARGET RATE SECONDS`, UDP with TTL 1, evenly each millisecond.

Prints `sending`, then {"sent": n, "seconds": s, "answered": n}, `seconds` being what sending really took; SIGTERM ends it.
"""

from __future__ import annotations

import json
import socket
import sys
from functools import partial

from tests.bench.agents.offering import offer, received, settled
from tests.bench.agents.wire import TIME_EXCEEDED


def main(target: str, rate: int, seconds: float) -> None:
    before = received(TIME_EXCEEDED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        sock.connect((target, 33434))
        sent, took = offer(partial(_send, sock), rate, seconds)
    print(json.dumps({"sent": sent, "seconds": took, "answered": settled(TIME_EXCEEDED) - before}))


def _send(sock: socket.socket) -> None:
    while True:
        try:
            sock.send(bytes(24))
        except ConnectionRefusedError:
            continue  # that is said of one sent before, and this one was not sent
        return


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
