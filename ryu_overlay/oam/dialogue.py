"""One try of one server: a TCP handshake, or a handshake and the status line of an answer to an HTTP request.

A machine without sockets and clock: segments and the time go in, frames and at last a result come out.

1. A SYN goes out, and again once, after a third of the timeout, if nothing came back.
2. A reset that acknowledges it: the connection is refused. SYN/ACK: the server listens.
3. A TCP check is good then. An HTTP check sends its request in the segment that completes the handshake, again once after a
   third of the timeout if it is not acknowledged, and takes data in order until the status line is there: 200 to 399 is good.
4. However it ends, the last word is a reset, if the server may still hold something that belongs to the try.

Why a reset: it frees the server's side at once. A FIN would leave a connection in TIME_WAIT, or wait for a program to close
it; a SYN/ACK left unanswered is sent again for a minute. What servers see: of a TCP check, nothing. The kernel drops the
half-open connection before it gets into the queue of `accept`, and counts a failed attempt; so tries take no room in that
queue, and a program that hangs is good until others have filled it. Of an HTTP check, a request as any other, from a client
that goes away in the middle of the body: a server may log a reset connection, and can tell these clients by their User-Agent.
Each try of a program that hangs does take a place in the queue, until the program accepts or ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ryu_overlay.oam.tcp import ACK, FIN, PSH, RST, SYN, Ends, Segment, after, ahead, make

MSS = 1200
"""Bytes of data in a segment to us: fits every network that carries IPv4 and tunnels."""
WINDOW = 2 * MSS
"""Bytes a server may send ahead: all that an endless body can cost."""
MAX_STATUS_LINE = 1024
USER_AGENT = "ryu_overlay-health-check"

_REMIND = 1 / 3
"""Of the timeout: after which what is unanswered is sent again, and how late a wake may be before more time is granted."""
_KINDS = SYN | RST | FIN
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\n]*)?\r?")
_START = b"HTTP/1."
_NOT_HTTP = "the answer is not HTTP"


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended, and why in a few words. They hold nothing that the server wrote but a status code."""

    good: bool
    reason: str


def request(path: str, host: str) -> bytes:
    """What an HTTP check sends (RFC 9112 section 3). `path` and `host` are printable ASCII without blanks."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", f"User-Agent: {USER_AGENT}", "", "")
    return "\r\n".join(lines).encode("ascii")


class Dialogue:
    """A try from its SYN to its `result`, which is None until then; `due` is when `wake` has something to do.

    `ends` are ours first. Segments given to `heard` come from the other end, by MACs, addresses and ports.
    """

    __slots__ = (
        *("_acked", "_connected", "_data", "_deadline", "_first", "_late", "_next", "_reminded", "_wanted"),
        *("due", "ends", "result", "timeout"),
    )

    def __init__(self, ends: Ends, wanted: bytes | None, isn: int, timeout: float, now: float) -> None:
        """`wanted` is the request (see `request`), None for a TCP check; `isn` the sequence number of the SYN (RFC 9293
        section 3.4.1), which nobody should be able to guess; `timeout`, in seconds, is for all of it, and runs from `now`.
        """
        self.ends = ends
        self.timeout = timeout
        self.due = now + timeout * _REMIND
        self.result: Result | None = None
        self._wanted = wanted
        self._first = after(isn, 1)
        self._acked = 0
        self._connected = False
        self._next = 0
        self._data = b""
        self._deadline = now + timeout
        self._reminded = False
        self._late = False

    def begin(self) -> bytes:
        """The first frame."""
        return make(self.ends, Segment(after(self._first, -1), 0, SYN), WINDOW, MSS)

    def wake(self, now: float) -> list[bytes]:
        """What to send at `due`, or later: what was not answered, once; at the deadline the last word.

        Who wakes it late may have the answer waiting in a queue: then there is a little more time, once.
        """
        grace = self.timeout * _REMIND
        if now - self.due > grace and not self._late:
            self._late = True
            self._deadline = max(self._deadline, now + grace)
        if not self._reminded:
            self._reminded = True
            self.due = self._deadline
            return self._again()
        if self.due < self._deadline:
            self.due = self._deadline
            return []
        what = "HTTP answer" if self._connected else "answer"
        return self._end(False, f"no {what} within {self.timeout:g} s")

    def heard(self, segment: Segment, now: float) -> list[bytes]:
        """What to send when `segment` came. What does not belong here by its numbers changes nothing."""
        if self.result is not None:
            return []
        return self._in_answer(segment) if self._connected else self._to_syn(segment, now)

    def give_up(self) -> list[bytes]:
        """End without a result. Gives the last word, so that the server does not send its own again for minutes.

        What it acknowledged of a request may be on its way, so there is a reset for either case.
        """
        if self.result is not None:
            return []
        asked = len(self._wanted or b"") if self._connected else 0
        return [self._reset(acked) for acked in sorted({self._acked, asked})]

    def _to_syn(self, segment: Segment, now: float) -> list[bytes]:
        """RFC 9293 section 3.10.7.3."""
        if not segment.flags & ACK or segment.ack != self._first:
            return []
        if segment.flags & RST:
            self.result = Result(False, "connection refused")
            return []
        if segment.flags & _KINDS != SYN:
            return []
        self._connected = True
        self._next = after(segment.seq, 1)
        if self._wanted is None:
            return self._end(True, "connected")
        remind = now + self.timeout * _REMIND
        self._reminded = remind >= self._deadline
        self.due = min(remind, self._deadline)
        return [self._ask()]

    def _in_answer(self, segment: Segment) -> list[bytes]:
        """RFC 9293 section 3.10.7.4, as far as a client goes that takes only what comes in order."""
        if segment.flags & RST:
            # Anywhere in the window: what was lost before it will not come any more.
            if ahead(segment.seq, self._next) < WINDOW:
                self.result = Result(False, "connection reset")
            return []
        acked = ahead(segment.ack, self._first)
        if segment.flags & (ACK | SYN) != ACK or acked > len(self._wanted or b""):
            return []
        self._acked = max(self._acked, acked)
        last = bool(segment.flags & FIN)
        if not segment.data and not last:
            return []
        had = ahead(self._next, segment.seq)
        if had > len(segment.data):
            return [self._acknowledge()]
        return self._take(segment.data[had:], last)

    def _take(self, data: bytes, last: bool) -> list[bytes]:
        """The next piece of the answer; no other follows if it is the `last`."""
        self._next = after(self._next, len(data) + last)
        self._data += data
        line, end, _ = self._data[:MAX_STATUS_LINE].partition(b"\n")
        if end:
            status = _STATUS_LINE.fullmatch(line)
            if status is None:
                return self._end(False, _NOT_HTTP)
            return self._end(b"200" <= status[1] <= b"399", f"HTTP {status[1].decode()}")
        if line[: len(_START)] != _START[: len(line)]:
            return self._end(False, _NOT_HTTP)
        if len(line) == MAX_STATUS_LINE:
            return self._end(False, f"no end of the status line within {MAX_STATUS_LINE:,} bytes")
        if last:
            return self._end(False, "connection closed without an HTTP answer")
        return [self._acknowledge()]

    def _again(self) -> list[bytes]:
        if not self._connected:
            return [self.begin()]
        return [self._ask()] if self._acked < len(self._wanted or b"") else []

    def _ask(self) -> bytes:
        """The request, in the segment that completes the handshake. It is short enough for any server's MSS."""
        return make(self.ends, Segment(self._first, self._next, ACK | PSH, self._wanted or b""), WINDOW)

    def _acknowledge(self) -> bytes:
        return make(self.ends, Segment(after(self._first, len(self._wanted or b"")), self._next, ACK), WINDOW)

    def _end(self, good: bool, reason: str) -> list[bytes]:
        self.result = Result(good, reason)
        return [self._reset(self._acked)]

    def _reset(self, acked: int) -> bytes:
        """Numbered as what a server expects next that has `acked` bytes, for others may be ignored (RFC 5961)."""
        return make(self.ends, Segment(after(self._first, acked), 0, RST), 0)
