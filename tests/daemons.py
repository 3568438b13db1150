"""Open vSwitch's daemons that tests start: known by their pid files, ended without warning."""

from __future__ import annotations

from pathlib import Path

from mininet_topos.processes import ProcessId, end


def kill(*pidfiles: Path) -> None:
    """End what these pid files name, and wait until it is gone; nothing where none runs. Raises Timeout."""
    end(process for pidfile in pidfiles if (process := _process(pidfile)) is not None)
    for pidfile in pidfiles:
        pidfile.unlink(missing_ok=True)


def _process(pidfile: Path) -> ProcessId | None:
    try:
        return ProcessId.of(int(pidfile.read_text()))
    except OSError:
        # No pid file, or nothing with the pid in it.
        return None
