"""Load on a lab and what became of it: starts the programs of `load` in nodes and reads their results.

Times are seconds of the machine's monotonic clock unless a name says otherwise. Knows nodes; nothing of labs or controllers.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

from mininet_topos.measure import end_politely
from mininet_topos.node import LabNode
from mininet_topos.processes import wait_until

_PROGRAMS = Path(__file__).with_name("load")
_OUT = "{out}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: when it began, how long it took, who answered and what source it saw; `failure` names why nobody did."""

    at: float
    took: float
    server: str | None
    source: tuple[str, int] | None
    failure: str | None


class Tries:
    """What became of a client's tries, in order of their beginning."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self.attempts = tuple(sorted(attempts, key=lambda a: a.at))

    @cached_property
    def good(self) -> tuple[Attempt, ...]:
        return tuple(a for a in self.attempts if a.failure is None)

    @property
    def failed(self) -> Counter[str]:
        """Failures by kind: refused, reset, timeout, unreachable, no answer, no local port."""
        return Counter(a.failure for a in self.attempts if a.failure is not None)

    @property
    def servers(self) -> Counter[str]:
        """Answers by server."""
        return Counter(a.server for a in self.good if a.server is not None)

    @property
    def sources(self) -> set[str]:
        """The client's addresses as servers saw them."""
        return {a.source[0] for a in self.good if a.source is not None}

    @property
    def seconds(self) -> float:
        """From the first beginning to the last end."""
        return max((a.at + a.took for a in self.attempts), default=0.0) - min((a.at for a in self.attempts), default=0.0)

    @property
    def rate(self) -> float:
        """Good ones a second."""
        return len(self.good) / self.seconds if self.attempts else 0.0

    def latency(self, share: float) -> float:
        """Milliseconds that `share` (0 to 1) of the good ones took at most; nan when there are none."""
        took = sorted(a.took for a in self.good)
        return took[min(len(took) - 1, math.floor(share * len(took)))] * 1000 if took else math.nan

    def outage(self, since: float = 0.0) -> float:
        """The longest time between beginnings of two good tries in a row of which the second began after `since`.

        The last try counts as an end too, so an outage that lasts is seen. Infinite when none was good after `since`; never
        shorter than the interval between tries.
        """
        times = [a.at for a in self.good]
        if not times or times[-1] < since:
            return math.inf
        ends = [*times, self.attempts[-1].at]
        return max((later - earlier for earlier, later in pairwise(ends) if later >= since), default=0.0)

    def summary(self) -> str:
        """One line for reports."""
        middle, late, most = (self.latency(share) for share in (0.5, 0.99, 1.0))
        failed = ", ".join(f"{count} {kind}" for kind, count in sorted(self.failed.items())) or "none"
        times = f"p50 {middle:.1f} ms, p99 {late:.1f} ms, max {most:.0f} ms"
        return f"{len(self.good)} of {len(self.attempts)} good, {self.rate:.0f} a second, {times}; failed: {failed}"


class _Program:
    """A program of `load` in a node; `{out}` among its arguments becomes the file for its results."""

    def __init__(self, node: LabNode, program: str, *args: str) -> None:
        self.node = node
        self.out = node.folder / "log" / f"{program}-{time.monotonic_ns()}.json"
        self.log = self.out.with_suffix(".log")
        self.log.touch()
        words = [str(self.out) if word == _OUT else word for word in args]
        self.process: subprocess.Popen[str] = node.spawn(sys.executable, str(_PROGRAMS / f"{program}.py"), *words, log=self.log)

    def stop(self) -> None:
        """Interrupt it and wait for its end."""
        end_politely(self.process)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def result(self) -> Any:
        """What it wrote. Raises RuntimeError with its log when it wrote nothing."""
        if not self.out.exists():
            raise RuntimeError(f"{self.node.name}: {self.out.name} was not written: {self.log.read_text()[-2000:]}")
        return json.loads(self.out.read_text())


class Serving(_Program):
    """A server called like its node, on all its addresses; listening when this is made."""

    def __init__(
        self,
        node: LabNode,
        tcp: Iterable[int] = (),
        udp: Iterable[int] = (),
        http: Iterable[int] = (),
        echo: Iterable[int] = (),
    ) -> None:
        """Ports by what they answer (see `load/serve.py`). Raises Timeout when it does not listen within 10 s."""
        self.sick = node.folder / "run" / "sick"
        args = [node.name, "--sick", str(self.sick)]
        for option, ports in (("--tcp", tcp), ("--udp", udp), ("--http", http), ("--echo", echo)):
            args += [option, *map(str, ports)]
        super().__init__(node, "serve", *args)
        wait_until(self._ready, 10.0, f"{node.name}: server ({self.log})")

    def __enter__(self) -> Serving:
        return self

    def kill(self) -> None:
        """End it at once, as a crash: the kernel resets what it had open."""
        self.process.kill()
        self.process.wait()

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.node.name}: server ended: {self.log.read_text()}")
        return "ready" in self.log.read_text()


class Trying(_Program):
    """A client in the background: new connections until `stop`, its count or its time."""

    def __init__(
        self,
        node: LabNode,
        host: str,
        port: int,
        *,
        udp: bool = False,
        request: bool = False,
        count: int = 100_000,
        seconds: float = 120.0,
        concurrency: int = 100,
        every: float = 0.02,
        timeout: float = 0.5,
    ) -> None:
        """See `load/tries.py`; `every` and `timeout` in seconds."""
        self._patience = seconds + timeout + 30
        given = {"count": count, "seconds": seconds, "concurrency": concurrency, "every": every, "timeout": timeout}
        options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        options += ["--udp"] * udp + ["--request"] * request
        super().__init__(node, "tries", host, str(port), _OUT, *options)

    def __enter__(self) -> Trying:
        return self

    def wait(self) -> Tries:
        """Let it come to its own end. Raises TimeoutExpired, RuntimeError."""
        self.process.wait(self._patience)
        return Tries(_attempt(*entry) for entry in self.result())

    def end(self) -> Tries:
        """End it now; tries on their way come to their end. Raises RuntimeError."""
        self.stop()
        return Tries(_attempt(*entry) for entry in self.result())


class Streaming(_Program):
    """UDP at a steady rate to several addresses in turn, from and to one port; what comes there is thrown away."""

    def __init__(self, node: LabNode, port: int, rate: float, *addresses: str) -> None:
        """`rate` is in packets a second over all addresses; see `load/stream.py`."""
        super().__init__(node, "stream", str(port), str(rate), *addresses)

    def __enter__(self) -> Streaming:
        return self

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


class Talking(_Program):
    """One long connection to an echo port."""

    def __init__(self, node: LabNode, host: str, port: int, seconds: float = 60.0) -> None:
        super().__init__(node, "talk", host, str(port), _OUT, "--seconds", str(seconds))

    def __enter__(self) -> Talking:
        return self

    @property
    def answered(self) -> int:
        """How many of its lines were answered until now."""
        return self.log.read_text().count("\n")

    def end(self) -> dict[str, Any]:
        """{"name", "sent", "answered", "ended"}; see `load/talk.py`. Raises RuntimeError."""
        self.stop()
        found: dict[str, Any] = self.result()
        return found


def connect(node: LabNode, host: str, port: int, count: int, concurrency: int = 50, timeout: float = 5.0) -> Tries:
    """`count` TCP connections as fast as `concurrency` at a time allow, to their end. Raises TimeoutExpired, RuntimeError."""
    return Trying(node, host, port, count=count, concurrency=concurrency, every=0.0, timeout=timeout).wait()


def _attempt(at: float, took: float, answer: str | None, failure: str | None) -> Attempt:
    """From what `tries.py` writes. An answer that is not `NAME ADDRESS PORT` is a failure of its own kind."""
    if answer is None:
        return Attempt(at, took, None, None, failure)
    words = answer.split()
    if len(words) != 3:
        return Attempt(at, took, None, None, f"odd answer {answer[:40]!r}")
    return Attempt(at, took, words[0], (words[1], int(words[2])), None)
