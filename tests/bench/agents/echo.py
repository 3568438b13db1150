"""Answers UDP datagrams with themselves: `echo.py PORT SECONDS`. Prints `listening`, then {"echoed": n} when time is up."""

from __future__ import annotations

import json
import select
import socket
import sys
import time


def main(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    echoed = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", port))
        print("listening", flush=True)
        while select.select([sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
            data, sender = sock.recvfrom(2048)
            sock.sendto(data, sender)
            echoed += 1
    print(json.dumps({"echoed": echoed}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
