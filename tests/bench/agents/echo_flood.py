"""Offers echo requests: `echo_flood.py TARGET RATE SECONDS`, 56 bytes of data, evenly each millisecond.

Prints `sending`, then {"sent": n, "seconds": s, "answered": n}, `seconds` being what sending really took; SIGTERM ends it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from functools import partial

from tests.bench.agents.offering import offer, received, settled
from tests.bench.agents.wire import ECHO_REPLY, echo_request

_SOL_RAW, _ICMP_FILTER = 255, 1
_NOTHING = struct.pack("=I", 0xFFFFFFFF)


def main(target: str, rate: int, seconds: float) -> None:
    before = received(ECHO_REPLY)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        # Else the kernel would make a copy of each reply for this socket, and nobody reads it.
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, _NOTHING)
        sock.connect((target, 0))
        sent, took = offer(partial(sock.send, echo_request(os.getpid() & 0xFFFF, 0)), rate, seconds)
    print(json.dumps({"sent": sent, "seconds": took, "answered": settled(ECHO_REPLY) - before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
