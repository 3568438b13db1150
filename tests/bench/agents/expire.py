"""Offers packets that die at the first router: `expire.py TARGET RATE SECONDS`, UDP with TTL 1, evenly each millisecond.

The kernel counts the answers (ICMP type 11 in /proc/net/snmp), so that this program cannot be the one that loses them.
Prints {"sent": n, "seconds": s, "answered": n}, `seconds` being what sending really took.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

_STEP = 0.001
_QUIET = 0.3
_PATIENCE = 3.0


def main(target: str, rate: int, seconds: float) -> None:
    before = _answers()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        sock.connect((target, 33434))
        sent, took = _send(sock, rate, seconds)
    print(json.dumps({"sent": sent, "seconds": took, "answered": _settled() - before}))


def _send(sock: socket.socket, rate: int, seconds: float) -> tuple[int, float]:
    payload = bytes(24)
    began = time.monotonic()
    total, sent = int(rate * seconds), 0
    while sent < total:
        now = time.monotonic() - began
        if now > 2 * seconds:
            break
        for _ in range(min(total, int((now + _STEP) * rate)) - sent):
            sock.send(payload)
            sent += 1
        ahead = sent / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
    return sent, time.monotonic() - began


def _answers() -> int:
    """Time exceeded messages this namespace has received."""
    lines = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines() if line.startswith("IcmpMsg:")]
    counts = dict(zip(lines[0], lines[1])) if lines else {}
    return int(counts.get("InType11", 0))


def _settled() -> int:
    """The count once it has stood still."""
    deadline = time.monotonic() + _PATIENCE
    count, since = _answers(), time.monotonic()
    while time.monotonic() < min(since + _QUIET, deadline):
        time.sleep(_STEP * 10)
        if _answers() != count:
            count, since = _answers(), time.monotonic()
    return count


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
