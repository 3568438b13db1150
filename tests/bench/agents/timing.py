"""Times answers to echo requests, one at a time, 5 ms apart, for the agents beside this file.

The kernel says when an answer came, so that the wait for a processor until this program sees it is not counted. Nor does it spin
while it waits, as ping does.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time

from tests.bench.agents.wire import echo_request, hear_only, read

_INTERVAL = 0.005
_PATIENCE = 0.5
_TIMESTAMP = 35
_SPACE = socket.CMSG_SPACE(16)


def times(ttl: int, kind: int, target: str, count: str, seconds: str = "600") -> None:
    """Send `count` with that TTL, in `seconds` at most; print {"sent": n, "milliseconds": [...]}, one for each that a message of
    the ICMP type `kind` answered within half a second.
    """
    identifier = os.getpid() & 0xFFFF
    deadline = time.monotonic() + float(seconds)
    found, sent = [], 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        hear_only(sock, kind, identifier)
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        while sent < int(count) and time.monotonic() < deadline:
            request = echo_request(identifier, sent)
            began = time.time_ns()
            sock.sendto(request, (target, 0))
            at = _answer(sock, (kind, identifier, sent))
            if at is not None:
                found.append((at - began) / 1e6)
            sent += 1
            time.sleep(_INTERVAL)
    print(json.dumps({"sent": sent, "milliseconds": found}))


def _answer(sock: socket.socket, wanted: tuple[int, int, int]) -> int | None:
    """When the message wanted came, if it does in time, in nanoseconds since the epoch."""
    deadline = time.monotonic() + _PATIENCE
    while select.select([sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
        packet, ancillary, _, _ = sock.recvmsg(2048, _SPACE)
        if read(packet) == wanted:
            seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return None
