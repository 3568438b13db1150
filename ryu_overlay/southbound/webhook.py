"""Faults told to a web server of the operator's: one POST for each that is raised, changes or ends, one after the other.

1. What the server does not take for lack of a connection, of an answer in time, or with a status of 5xx, is sent again after a
   pause: 1 s, then 2, 4 and so on to 60 s, until something is taken again.
2. What is not taken for `GIVEN_UP_AFTER` seconds is given up: one document that a server fails on must not hold up all others.
   So is at once what it answers with any other status than 2xx: it would do so again. Redirections are not followed.
3. What waits meanwhile keeps its order. Of more than `MOST_WAITING` the oldest is dropped.

An answer that was lost makes the server hear of a fault twice. Nothing is kept over a restart of the controller.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from http import client
from urllib.parse import urlsplit

import eventlet
from eventlet.queue import LightQueue

from ryu_overlay.health.faults import Fault

LOG = logging.getLogger(__name__)

MOST_WAITING = 1000
TIMEOUT = 5.0
"""Seconds for all of one attempt, from looking up the name to the answer's status."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
GIVEN_UP_AFTER = 600.0


class Webhook:
    """`run` sends what `tell` was told. `taken` counts what the server took, `given_up` and `dropped` what it did not hear of, by
    points 2 and 3 above."""

    def __init__(self, url: str, encode: Callable[[Fault], bytes]) -> None:
        """`encode` gives the JSON of a fault. Raises ValueError, with what is wrong with it, for a URL that cannot be used."""
        self.taken = self.given_up = self.dropped = 0
        https, self._host, port, self._path = _read(url)
        # Made once: reading the machine's certificates takes longer than others may be held up. It opens anew after each close.
        self._connection = (client.HTTPSConnection if https else client.HTTPConnection)(self._host, port)
        self._encode = encode
        self._waiting: LightQueue = LightQueue(MOST_WAITING)
        self._known: set[str] = set()
        self._pause = FIRST_PAUSE
        self._lost_before: int | None = None
        """While nothing is taken: how many the server had not heard of when that began."""

    def tell(self, fault: Fault) -> None:
        """Have it sent, unless it is quiet; the end of one that was to be sent always is. Never blocks."""
        if fault.quiet and (fault.until is None or fault.id not in self._known):
            return
        if fault.until is None:
            self._known.add(fault.id)
        else:
            self._known.discard(fault.id)
        if self._waiting.full():
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(fault)

    def run(self) -> None:
        """Send for ever."""
        while True:
            fault = self._waiting.get()
            try:
                self._deliver(self._encode(fault))
            except Exception:
                self.given_up += 1
                LOG.exception("webhook: fault %s was not sent", fault.id)

    def _deliver(self, body: bytes) -> None:
        """Send until it is taken or given up."""
        began = time.monotonic()
        while not self._is_settled(body):
            eventlet.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            if time.monotonic() - began >= GIVEN_UP_AFTER:
                self.given_up += 1
                return

    def _is_settled(self, body: bytes) -> bool:
        """Send once. Whether it is not to be sent again."""
        try:
            status = self._post(body)
        except (OSError, client.HTTPException) as error:
            self._fails(str(error) or type(error).__name__)
            return False
        if 200 <= status < 300:
            self._works()
            return True
        self._fails(f"answers {status}")
        if status >= 500:
            return False
        self.given_up += 1
        return True

    def _post(self, body: bytes) -> int:
        """The status that it is answered with. Raises OSError or HTTPException."""
        try:
            # The connection's own timeout would begin anew with each byte, and does not hold for looking up the name.
            with eventlet.Timeout(TIMEOUT, TimeoutError(f"no answer within {TIMEOUT:g} s")):
                self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
                return self._connection.getresponse().status
        finally:
            self._connection.close()

    def _fails(self, reason: str) -> None:
        if self._lost_before is None:
            self._lost_before = self.given_up + self.dropped
            LOG.warning("webhook at %s does not take faults: %s", self._host, reason)

    def _works(self) -> None:
        self.taken += 1
        self._pause = FIRST_PAUSE
        if self._lost_before is not None:
            lost = self.given_up + self.dropped - self._lost_before
            self._lost_before = None
            LOG.warning("webhook at %s takes faults again; it did not hear of %d", self._host, lost)


def _read(url: str) -> tuple[bool, str, int, str]:
    """Whether it is https, the host, the port, and the path with its query. Raises ValueError.

    What is said of it does not repeat it: the path of such a URL is often a secret.
    """
    if not re.fullmatch("[!-~]*", url):
        raise ValueError("is no URL: it has characters that stand in none")
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
        host.encode("idna")
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from error
    if split.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if "@" in split.netloc:
        raise ValueError("must have no user and password in it")
    if not host:
        raise ValueError("names no host")
    https = split.scheme == "https"
    # Told no port, a connection would take the end of an IPv6 address for one.
    port = port or (client.HTTPS_PORT if https else client.HTTP_PORT)
    return https, host, port, (split.path or "/") + (f"?{split.query}" if split.query else "")
