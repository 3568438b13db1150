"""JSON-RPC over a socket that a chassis opened, as the session that python-ovs' IDL expects to have opened itself.

Knows bytes and messages (RFC 7047 section 4), nothing of tables. Two things are done here rather than in python-ovs:
JSON is parsed by the standard library, some thirty times as fast, and a character that is split between two reads is
not taken for an error.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections import deque
from typing import Any

import ovs.jsonrpc
import ovs.reconnect
import ovs.stream
import ovs.timeval

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes in one message. The first reply holds a whole database: about 1 KB an interface, so this is 60,000 of them."""

_READ = 65536
_OUTSIDE = re.compile(rb'[{}"]')
_INSIDE = re.compile(rb'["\\]')


class Framer:
    """Cuts a stream of JSON objects into objects, in time linear in what it is fed, however small the pieces.

    Objects follow each other with nothing or white space between them (RFC 7047 section 4.1 sends no delimiter).
    """

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._at = 0
        self._start = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> list[Any]:
        """The objects that `data` completes. Raises ValueError for what is not a stream of JSON objects, or exceeds the limit."""
        self._buffer += data
        done: list[Any] = []
        while found := (_INSIDE if self._in_string else _OUTSIDE).search(self._buffer, self._at):
            self._at = found.end()
            mark = found.group()
            if mark == b"\\":
                self._at += 1
            elif mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"{":
                if self._depth == 0:
                    self._expect_blank(found.start())
                    self._start = found.start()
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    done.append(_parse(self._buffer[self._start : self._at]))
                    self._start = self._at
            if self._depth < 1 and mark != b"}":
                raise ValueError("text outside of any JSON object")
            if self._depth < 0:
                raise ValueError("unbalanced braces")
        self._settle()
        return done

    def _expect_blank(self, end: int) -> None:
        if self._buffer[self._start : end].strip():
            raise ValueError("text outside of any JSON object")

    def _settle(self) -> None:
        if self._depth == 0:
            self._expect_blank(len(self._buffer))
            self._start = len(self._buffer)
        self._at = max(self._at, len(self._buffer))
        del self._buffer[: self._start]
        self._at -= self._start
        self._start = 0
        if len(self._buffer) > self._limit:
            raise ValueError(f"a message of more than {self._limit} bytes")


def _parse(text: bytearray) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


class Channel(ovs.jsonrpc.Connection):  # type: ignore[misc]
    """One JSON-RPC connection. `reason` says why it ended, once it has."""

    def __init__(self, stream: ovs.stream.Stream) -> None:
        super().__init__(stream)
        self.reason = ""
        self._framer = Framer()
        self._messages: deque[Any] = deque()

    @property
    def pending(self) -> bool:
        """Whether there is something to do without waiting for the socket."""
        return bool(self._messages) or self.status != 0

    def recv(self) -> tuple[int, ovs.jsonrpc.Message | None]:
        """(0, message), or (errno, None); EAGAIN when the socket has no more for now."""
        while not self.status:
            if self._messages:
                return self._next()
            error, data = self.stream.recv(_READ)
            if error == errno.EAGAIN:
                return error, None
            if error:
                self._fail(error, os.strerror(error))
            elif not data:
                self._fail(ovs.jsonrpc.EOF, "closed by the peer")
            else:
                self.received_bytes += len(data)
                try:
                    self._messages.extend(self._framer.feed(data))
                except ValueError as refused:
                    self._fail(errno.EPROTO, f"not OVSDB: {refused}")
        return self.status, None

    def _next(self) -> tuple[int, ovs.jsonrpc.Message | None]:
        message = ovs.jsonrpc.Message.from_json(self._messages.popleft())
        if isinstance(message, ovs.jsonrpc.Message):
            return 0, message
        self._fail(errno.EPROTO, f"not JSON-RPC: {message}")
        return self.status, None

    def _fail(self, error: int, reason: str) -> None:
        self.reason = self.reason or reason
        self.error(error)


def accepted(sock: Any, name: str, probe: float) -> tuple[ovs.jsonrpc.Session, Channel]:
    """A session over the non-blocking `sock` that never connects anew, and its channel.

    After `probe` seconds (at least 1) of silence an echo is sent; after as many more without an answer the session ends.
    """
    now = ovs.timeval.msec()
    fsm = ovs.reconnect.Reconnect(now)
    fsm.set_name(name)
    fsm.set_quiet(True)
    fsm.set_max_tries(0)
    fsm.set_probe_interval(int(probe * 1000))
    fsm.connected(now)
    channel = Channel(ovs.stream.Stream(sock, name, 0))
    return ovs.jsonrpc.Session(fsm, channel, [name]), channel
