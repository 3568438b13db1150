"""What tests ask of a running network: pings with their results parsed, and captures.

Times are milliseconds unless a name says otherwise. Knows nodes; knows nothing of labs or controllers.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from mininet_topos.node import LabNode
from mininet_topos.processes import Timeout, wait_until

_REPLY = re.compile(
    r"^\[(?P<at>[\d.]+)\] \d+ bytes from (?P<source>[\d.]+): "
    r"icmp_seq=(?P<seq>\d+) ttl=(?P<ttl>\d+) time=(?P<rtt>[\d.]+) ms(?P<dup> \(DUP!\))?",
    re.M,
)
_ERROR = re.compile(r"^(?:\[[\d.]+\] )?From (?P<source>[\d.]+) icmp_seq=(?P<seq>\d+) (?P<what>.+)$", re.M)
_PACKET_NUMBER = re.compile(r"^ *\d+  ", re.M)
_DROPPED = re.compile(r"^(?P<count>\d+) packets? dropped by kernel", re.M)
_PROGRESS = re.compile(r"^tcpdump: (\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped", re.M)
DRAIN_SECONDS = 2.0
BUFFER_KIB = 16384
"""Of a capture with limited frames."""
_SUMMARY = re.compile(r"(?P<sent>\d+) packets transmitted, (?P<received>\d+) received")


@dataclass(frozen=True, slots=True)
class Reply:
    """One echo reply: when it came (seconds since the epoch), its round trip in ms and the TTL it arrived with."""

    at: float
    source: str
    sequence: int
    ttl: int
    rtt: float


@dataclass(frozen=True, slots=True)
class PingResult:
    """What one run of ping saw. `errors` are (source, text) of ICMP errors; `output` is what ping printed."""

    sent: int
    received: int
    replies: tuple[Reply, ...]
    errors: tuple[tuple[str, str], ...]
    output: str

    @property
    def lost(self) -> int:
        return self.sent - self.received

    @property
    def rtts(self) -> tuple[float, ...]:
        """Round trips in ms, in order of arrival."""
        return tuple(reply.rtt for reply in self.replies)

    @property
    def unanswered(self) -> int:
        """How many got no reply, without the last one: it may still be under way when ping is ended."""
        last = max((reply.sequence for reply in self.replies), default=0)
        return self.lost - (last == self.sent - 1)

    @property
    def missing(self) -> tuple[int, ...]:
        """Sequence numbers between the first and last reply that were never answered."""
        seen = {reply.sequence for reply in self.replies}
        return tuple(n for n in range(min(seen), max(seen)) if n not in seen) if seen else ()

    @property
    def longest_gap(self) -> float:
        """The longest time between two replies in ms: the outage, give or take the sending interval. 0 with fewer than two."""
        times = [reply.at for reply in self.replies]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0) * 1000


def parse_ping(output: str) -> PingResult:
    """Read what iputils' `ping -n -D` printed. Raises ValueError when its summary is missing."""
    summary = _SUMMARY.search(output)
    if summary is None:
        raise ValueError(f"not what ping prints: {output!r}")
    replies = tuple(
        Reply(float(m["at"]), m["source"], int(m["seq"]), int(m["ttl"]), float(m["rtt"]))
        for m in _REPLY.finditer(output)
        if not m["dup"]
    )
    errors = tuple((m["source"], m["what"]) for m in _ERROR.finditer(output))
    return PingResult(int(summary["sent"]), int(summary["received"]), replies, errors, output)


def ping(
    node: LabNode,
    target: str,
    count: int = 3,
    interval: float = 0.05,
    size: int | None = None,
    dont_fragment: bool = False,
    ttl: int | None = None,
    timeout: float = 2.0,
) -> PingResult:
    """Ping to the end. `interval` and `timeout` (for the last answer) in seconds; `size` of the IP packet, 28 bytes or more."""
    argv = ["ping", "-n", "-D", "-c", str(count), "-i", f"{interval:g}", "-W", f"{timeout:g}"]
    if size is not None:
        argv += ["-s", str(size - 28)]
    if dont_fragment:
        argv += ["-M", "do"]
    if ttl is not None:
        argv += ["-t", str(ttl)]
    done = node.run(*argv, target, check=False, timeout=count * interval + timeout + 20)
    return parse_ping(done.stdout + done.stderr)


class Pinging:
    """Pings without end until `stop`, as a context manager or not."""

    def __init__(self, node: LabNode, target: str, interval: float = 0.01) -> None:
        """`interval` in seconds, 0.001 or more."""
        self.log = node.folder / "log" / f"ping-{target}-{time.monotonic_ns()}.log"
        self._process = node.spawn("ping", "-n", "-D", "-i", f"{interval:g}", "-W", "1", target, log=self.log)

    def stop(self) -> PingResult:
        """End it and read its results. Raises ValueError when ping could not run."""
        end_politely(self._process)
        return parse_ping(self.log.read_text())

    def __enter__(self) -> Pinging:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        end_politely(self._process)


class Capture:
    """tcpdump on one interface of a node, into a pcap file; capturing has begun when this is made."""

    def __init__(self, node: LabNode, interface: str, expression: str = "", snap: int = 0, way: str = "inout") -> None:
        """`expression` in pcap-filter(7); `snap` the most bytes kept of a frame, 0 for all of it; `way` only what comes "in" or
        goes "out", of which the first packet would be lost by a filter that says `inbound`. Raises Timeout when tcpdump does not
        start within 5 s.

        The kernel's buffer is cut into slots of that size, so with 0 a burst of a dozen packets may overrun it.
        """
        stem = f"{interface}-{time.monotonic_ns()}"
        self.node, self.path = node, node.folder / "log" / f"{stem}.pcap"
        self._log = node.folder / "log" / f"{stem}.tcpdump"
        argv = ["tcpdump", "-Z", "root", "-U", "--immediate-mode", "-n", "-i", interface, "-w", str(self.path)]
        argv += ["-s", str(snap), "-Q", way, *(["-B", str(BUFFER_KIB)] if snap else [])]
        self._counts_others = way != "inout"
        self._process = node.spawn(*argv, *([expression] if expression else []), log=self._log)
        wait_until(self._listening, 5.0, f"{node.name}: tcpdump on {interface} ({self._log})")

    def lines(self) -> list[str]:
        """The packets so far, one line each as `tcpdump -nnet` prints them; what is inside a tunnel follows after a blank."""
        # Read while it is being written, the file may end within a packet, which tcpdump calls an error.
        done = subprocess.run(["tcpdump", "-nnet", "-#", "-r", str(self.path)], capture_output=True, text=True, check=False)
        packets = _PACKET_NUMBER.split(done.stdout)[1:]
        return [" ".join(packet.split()) for packet in packets]

    def wait_for(self, packets: int, seconds: float = 5.0) -> list[str]:
        """The lines, once there are at least so many. Raises Timeout."""
        wait_until(lambda: len(self.lines()) >= packets, seconds, f"{packets} packets in {self.path}")
        return self.lines()

    def stop(self) -> list[str]:
        """End it, once it has written what the kernel keeps for it; returns the lines."""
        # What it says of one way counts the other, too: so nothing may come any more when that is ended.
        if self._process.poll() is None and not self._counts_others:
            # Interrupted, tcpdump leaves unread what it has not come to yet, which on a busy machine may be everything.
            with contextlib.suppress(Timeout):
                wait_until(self._caught_up, DRAIN_SECONDS, f"{self.path}: end of what the kernel keeps")
        end_politely(self._process)
        return self.lines()

    @property
    def dropped(self) -> int:
        """Packets that the kernel could not keep for it, known once it has ended. Raises LookupError before."""
        found = _DROPPED.search(self._log.read_text())
        if found is None:
            raise LookupError(f"{self.path}: still capturing")
        return int(found["count"])

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        end_politely(self._process)

    def _caught_up(self) -> bool:
        said = len(_PROGRESS.findall(self._log.read_text()))
        self._process.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(_PROGRESS.findall(self._log.read_text())) > said, DRAIN_SECONDS, f"{self.path}: tcpdump's counts")
        captured, received, dropped = map(int, _PROGRESS.findall(self._log.read_text())[-1])
        return captured >= received - dropped

    def _listening(self) -> bool:
        text = self._log.read_text()
        if self._process.poll() is not None:
            raise RuntimeError(f"tcpdump ended: {text}")
        return "listening on" in text and _has_header(self.path)


def _has_header(path: Path) -> bool:
    """Whether the 24 bytes of a pcap file header are written."""
    return path.exists() and path.stat().st_size >= 24


def end_politely(process: subprocess.Popen[str], seconds: float = 5.0) -> None:
    """Interrupt `process` as Ctrl-C does and wait; kill it after `seconds`."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
