"""Sends at a rate and counts what the kernel has received, for the agents beside this file.

The kernel counts ICMP messages (/proc/net/snmp), so that a program cannot be the one that loses them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

_STEP = 0.001
_LATE = 0.002
_QUIET = 0.3
_PATIENCE = 3.0


def offer(send: Callable[[], object], rate: int, seconds: float) -> tuple[int, float]:
    """Call `send` `rate` times a second, evenly each millisecond: how often it was called, and how many seconds that took.

    Ends at SIGTERM, and after twice the seconds if the machine does not keep up. Prints `sending` when it begins.
    """
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        told.append(number)

    before = signal.signal(signal.SIGTERM, end)
    print("sending", flush=True)
    began = origin = time.monotonic()
    total, sent = int(rate * seconds), 0
    while sent < total and not told:
        now = time.monotonic()
        if now - began > 2 * seconds:
            break
        # Who was kept from sending does not make up for it in one burst: that would be another rate.
        origin = max(origin, now - (sent + 1) / rate - _LATE)
        for _ in range(min(total, int((now - origin + _STEP) * rate)) - sent):
            send()
            sent += 1
        ahead = max(sent / rate, (sent + 1) / rate - _STEP) - (time.monotonic() - origin)
        if ahead > 0:
            time.sleep(ahead)
    signal.signal(signal.SIGTERM, before)
    return sent, time.monotonic() - began


def received(kind: int) -> int:
    """ICMP messages of a type that this namespace has received."""
    lines = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines() if line.startswith("IcmpMsg:")]
    counts = dict(zip(lines[0], lines[1])) if lines else {}
    return int(counts.get(f"InType{kind}", 0))


def settled(kind: int) -> int:
    """That count once it has stood still."""
    deadline = time.monotonic() + _PATIENCE
    count, since = received(kind), time.monotonic()
    while time.monotonic() < min(since + _QUIET, deadline):
        time.sleep(_STEP * 10)
        if received(kind) != count:
            count, since = received(kind), time.monotonic()
    return count
