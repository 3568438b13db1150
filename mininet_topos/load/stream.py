"""UDP to several addresses in turn, at a steady rate, until it is told to stop; what comes is thrown away.

    python stream.py PORT RATE ADDRESS...

RATE is in packets a second over all addresses, each of 200 bytes. Ends by SIGTERM.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import time

_STEP = 0.02


def main(port: int, rate: float, addresses: list[str]) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    sock.setblocking(False)
    targets, begun, sent = itertools.cycle(addresses), time.monotonic(), 0
    while True:
        for _ in range(int((time.monotonic() - begun) * rate) - sent):
            # The guest may be cut off, or its queue full: that is what is tried.
            with contextlib.suppress(OSError):
                sock.sendto(bytes(172), (next(targets), port))
            sent += 1
        with contextlib.suppress(OSError):
            while sock.recv(2000):
                pass
        time.sleep(_STEP)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
