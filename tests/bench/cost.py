"""What processes cost, from proc(5): processor seconds and resident memory. Knows nothing of what the processes do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mininet_topos.processes import ProcessId

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_MEBIBYTE = 1024
_BUSY = (0, 1, 2, 5, 6)
"""Columns of /proc/stat that are work: user, nice, system, irq, softirq."""


def cpu_seconds(processes: Iterable[ProcessId]) -> float:
    """User and system time of all, added up, in seconds; its grain is 10 ms a process. Raises OSError when one is gone."""
    return sum(_cpu_seconds(process.pid) for process in processes)


def machine_seconds() -> float:
    """Processor time that the whole machine was busy since it started, in seconds: the kernel's own work is in no process."""
    columns = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(columns[i]) for i in _BUSY) * _TICK


def memory(processes: Iterable[ProcessId]) -> float:
    """Resident memory of all, added up, in MiB. Raises OSError when one is gone."""
    return sum(_memory(process.pid) for process in processes)


def _cpu_seconds(pid: int) -> float:
    # The command, in parentheses, may itself hold blanks and parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / _MEBIBYTE
    raise ProcessLookupError(pid)
