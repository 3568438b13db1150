"""Processes as a lab sees them: identified beyond reuse of pids, waited for by condition, never matched by name.

Knows /proc and signals; knows nothing of labs or Mininet.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.01


class Timeout(Exception):
    """A condition did not come true before its deadline."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll `condition` until it is true. Raises Timeout naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Timeout(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process for all time: its pid with its start time in clock ticks since boot (proc(5), stat field 22)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The running process `pid`. Raises ProcessLookupError when there is none, or only its zombie."""
        started = start_time(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started)

    @classmethod
    def read(cls, path: Path) -> ProcessId | None:
        """What `write` left at `path`; None when there is no such file or it holds something else."""
        try:
            pid, started = path.read_text().split()
            return cls(int(pid), int(started))
        except (OSError, ValueError):
            return None

    def write(self, path: Path) -> None:
        path.write_text(f"{self.pid} {self.started}\n")

    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command, in parentheses, may itself hold blanks and parentheses.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def command_line(pid: int) -> list[str]:
    """The arguments of `pid`; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def processes_in(namespaces: Iterable[tuple[int, int]]) -> Iterator[ProcessId]:
    """Every process whose network namespace is one of `namespaces`, given as (device, inode) of their files."""
    wanted = set(namespaces)
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = os.stat(f"/proc/{entry}/ns/net")
            if (stat.st_dev, stat.st_ino) in wanted:
                yield ProcessId.of(int(entry))
        except OSError:
            # It ended while we looked.
            continue


def send(process: ProcessId, signum: int) -> bool:
    """Signal `process` if it is still the one it was; False when it is gone."""
    if not process.alive():
        return False
    try:
        os.kill(process.pid, signum)
    except ProcessLookupError:
        return False
    return True


def end(processes: Iterable[ProcessId], seconds: float = 5.0) -> None:
    """SIGKILL all of `processes` and wait until they are gone. Raises Timeout."""
    victims = [p for p in set(processes) if send(p, signal.SIGKILL)]
    wait_until(lambda: not any(p.alive() for p in victims), seconds, f"end of {len(victims)} processes")
