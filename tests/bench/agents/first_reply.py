"""Sends an echo request every millisecond until the first one is answered: `first_reply.py TARGET SECONDS`.

Prints `sending` once it has tried in vain for 20 ms, then {"at": ns, "sent": n}; {"at": null, ...} when time ran out.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from tests.bench.agents.wire import ECHO_REPLY, echo_request, read

_INTERVAL = 1_000_000
_IN_VAIN = 20


def main(target: str, seconds: float) -> None:
    identifier = os.getpid() & 0xFFFF
    began = due = time.monotonic_ns()
    deadline = began + int(seconds * 1e9)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        while due < deadline:
            sock.sendto(echo_request(identifier, sent & 0xFFFF), (target, 0))
            sent += 1
            if sent == _IN_VAIN:
                print("sending", flush=True)
            due += _INTERVAL
            at = _reply(sock, identifier, due)
            if at is not None:
                print(json.dumps({"at": at, "sent": sent}))
                return
    print(json.dumps({"at": None, "sent": sent}))


def _reply(sock: socket.socket, identifier: int, until: int) -> int | None:
    """When a reply of ours came, if one does before `until`."""
    while True:
        left = (until - time.monotonic_ns()) / 1e9
        if not select.select([sock], [], [], max(0.0, left))[0]:
            return None
        at = time.monotonic_ns()
        message = read(sock.recv(2048))
        if message is not None and message[:2] == (ECHO_REPLY, identifier):
            return at


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
