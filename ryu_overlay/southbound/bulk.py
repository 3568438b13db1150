"""A bridge's socket as Ryu's receive loop sees it: what comes is read many messages at a time, and answers to them leave as one.

The loop asks for eight bytes, then for the rest of one message, and each answer was a write of its own: for packets that routers
must answer that cost more than the answers did. The loop asks again when it has been through what it was given, so that is when
the answers go: a single packet is answered as soon as ever, and the more come the less each costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet

_CHUNK = 4096
"""Bytes: about twenty packets. With more, the first would wait long for the answer to the last."""


class Bulk:
    """Takes the place of `datapath.socket`. `on_unsent` is told how many answers were dropped as the bridge did not read them."""

    def __init__(self, datapath: Any, on_unsent: Callable[[int], None]) -> None:
        self._datapath = datapath
        self._socket = datapath.socket
        self._on_unsent = on_unsent
        self._answers: list[bytes] = []

    def answer(self, out: bytes) -> None:
        """Send this once Ryu has been through what was read."""
        self._answers.append(out)

    def recv(self, size: int) -> bytes:
        """At least one byte, b"" at the end. Ryu takes more than the `size` it asks for."""
        if self._answers:
            self._flush()
        received: bytes = self._socket.recv(max(size, _CHUNK))
        return received

    def _flush(self) -> None:
        """Never block: what reads the bridge's messages must go on for it to read ours."""
        answers, self._answers = self._answers, []
        datapath = self._datapath
        if datapath.send_q is not None and datapath.send_q.full():
            eventlet.sleep(0)
        if datapath.send_q is None or datapath.send_q.full():
            self._on_unsent(len(answers))
        else:
            datapath.send(b"".join(answers))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
