"""Serves REST over a service in memory with Ryu's WSGI application, in a process of its own, where eventlet may patch.

Prints the port it listens on, then serves until it is terminated. A wait of S seconds takes S seconds.
"""

from __future__ import annotations

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()
# What ryu_overlay.manager does before Ryu is imported.
eventlet.wsgi.ALREADY_HANDLED = []

from ryu.app.wsgi import WSGIApplication  # noqa: E402

from ryu_overlay.northbound.wsgi import mount  # noqa: E402
from tests.unit.northbound.memory import MemoryService  # noqa: E402


class SlowService(MemoryService):
    def wait(self, revision: int, seconds: float) -> bool:
        eventlet.sleep(seconds)
        return super().wait(revision, seconds)


if __name__ == "__main__":
    application = WSGIApplication()
    mount(application, SlowService())
    listener = eventlet.listen(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    eventlet.wsgi.server(listener, application, log_output=False)
