"""A bridge's socket as Ryu's receive loop sees it: what comes is read many messages at a time, and answers to them leave as one.

The loop asks for eight bytes, then for the rest of one message, and each answer was a write of its own: for packets that routers
must answer that cost more than the answers did. The loop asks again when it has been through what it was given, so that is when
the answers go, to the kernel at once if nothing waits before them: the more packets come, the less each costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.greenio import GreenSocket

_CHUNK = 4096
"""Bytes: about twenty packets. With more, the first would wait long for the answer to the last."""


class Bulk:
    """Takes the place of `datapath.socket`. `on_unsent` is told how many answers were dropped as the bridge did not read them."""

    def __init__(self, datapath: Any, on_unsent: Callable[[int], None]) -> None:
        self._datapath = datapath
        self._socket = datapath.socket
        self._on_unsent = on_unsent
        self._answers: list[bytes] = []
        self._sending = False

    def answer(self, out: bytes) -> None:
        """Send this once Ryu has been through what was read."""
        self._answers.append(out)

    def recv(self, size: int) -> bytes:
        """At least one byte, b"" at the end. Ryu takes more than the `size` it asks for."""
        if self._answers:
            self._flush()
        received: bytes = self._socket.recv(max(size, _CHUNK))
        return received

    def sendall(self, data: bytes) -> None:
        """For Ryu's send loop."""
        self._sending = True
        try:
            self._socket.sendall(data)
        finally:
            self._sending = False

    def _flush(self) -> None:
        """Never block: what reads the bridge's messages must go on for it to read ours."""
        answers, self._answers = self._answers, []
        left = b"".join(answers)
        queue = self._datapath.send_q
        if queue is not None and self._room() == queue.maxsize and not self._sending:
            left = self._at_once(left)
        if left and not self._room():
            eventlet.sleep(0)
        if not self._room():
            self._on_unsent(len(answers))
        elif left:
            self._datapath.send(left)

    def _room(self) -> int:
        """How much more Ryu's queue takes before somebody has to wait; 0 also where somebody waits, or the connection ends."""
        datapath = self._datapath
        return 0 if datapath.send_q is None else max(0, datapath._send_q_sem.balance)

    def _at_once(self, data: bytes) -> bytes:
        """What is left of it once the kernel has taken what it takes now: nearly always nothing."""
        if type(self._socket) is not GreenSocket:
            return data
        try:
            return data[self._socket.fd.send(data) :]
        except OSError:
            return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
