"""How Ryu sends to a bridge, for what stands in its place: a queue of 16, and who finds it full waits for his turn.

As `ryu.controller.controller.Datapath` of Ryu 4.34 does it, which cannot be imported where nothing is patched.
"""

from __future__ import annotations

import eventlet
from eventlet.green import socket
from eventlet.queue import LightQueue
from eventlet.semaphore import BoundedSemaphore


class Datapath:
    """With a real socket; nothing leaves the queue but by `send_loop` or `drain`."""

    def __init__(self, sock: socket.socket, address: tuple[str, int] = ("", 0)) -> None:
        self.socket, self.address = sock, address
        self.send_q: LightQueue | None = LightQueue(16)
        self._send_q_sem = BoundedSemaphore(16)

    def send(self, data: bytes) -> None:
        self._send_q_sem.acquire()
        assert self.send_q is not None
        self.send_q.put(data)

    def send_loop(self) -> None:
        while True:
            assert self.send_q is not None
            data = self.send_q.get()
            self._send_q_sem.release()
            self.socket.sendall(data)

    def drain(self) -> bytes:
        """All that waits."""
        found = b""
        while self.send_q is not None and not self.send_q.empty():
            found += self.send_q.get()
            self._send_q_sem.release()
            eventlet.sleep(0)
        return found
