"""Serves REST over a service in memory with Ryu's WSGI application, in a process of its own, where eventlet may patch.

Prints the port it listens on, then serves until it is terminated. A wait lasts until the next write or until its time is up.
"""

from __future__ import annotations

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()
# What ryu_overlay.manager does before Ryu is imported.
eventlet.wsgi.ALREADY_HANDLED = []

from collections.abc import Callable, Iterator  # noqa: E402

from eventlet.event import Event  # noqa: E402
from ryu.app.wsgi import WSGIApplication  # noqa: E402

from ryu_overlay.model.network import Network  # noqa: E402
from ryu_overlay.northbound.wsgi import mount  # noqa: E402
from tests.unit.northbound.memory import MemoryService  # noqa: E402


class PatientService(MemoryService):
    def __init__(self) -> None:
        super().__init__()
        self._written: Event = Event()
        self.captures.pieces = _ticking()

    def write(self, edit: Callable[[Network], Network]) -> Network:
        after = super().write(edit)
        written, self._written = self._written, Event()
        written.send()
        return after

    def wait(self, revision: int, seconds: float) -> bool:
        with eventlet.Timeout(seconds, False):
            self._written.wait()
        return super().wait(revision, seconds)


def _ticking() -> Iterator[bytes]:
    """A stream without end, a byte at a time."""
    while True:
        yield b"."
        eventlet.sleep(0.01)


if __name__ == "__main__":
    application = WSGIApplication()
    mount(application, PatientService())
    listener = eventlet.listen(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    eventlet.wsgi.server(listener, application, log_output=False)
