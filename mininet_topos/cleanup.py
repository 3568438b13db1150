"""Clear away labs whose process died: `python -m mininet_topos.cleanup [LAB ...]`.

Without a name, only labs whose owner no longer runs are cleared; with names, those, alive or not. What belongs to a lab
is known exactly: processes whose network namespace is one the lab made, daemons whose pid file lies in the
lab's folder and whose command line names that folder, the namespaces of its nodes, and the folder itself.
Interfaces need no clearing: all of them live in those namespaces and end with them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mininet_topos.processes import ProcessId, command_line, end, processes_in
from mininet_topos.workspace import NAMESPACES, RUN_ROOT, LabExists, Workspace, machine_lock


def claim(lab: str) -> Workspace:
    """A fresh workspace called `lab`, after clearing a dead lab of that name. Raises LabExists when one is alive."""
    workspace = Workspace(lab)
    with machine_lock():
        if workspace.alive():
            raise LabExists(f"lab {lab} is alive: {workspace.owner()}; end it, or choose another name")
        if workspace.exists():
            _clear(workspace)
        workspace.create()
    return workspace


def clear(workspace: Workspace) -> None:
    """End everything of a lab, dead or alive, but its owner. Harmless when there is nothing."""
    with machine_lock():
        _clear(workspace)


def clear_dead() -> list[str]:
    """Clear every lab whose owner is gone; returns their names."""
    with machine_lock():
        dead = [w for w in Workspace.all() if not w.alive()]
        for workspace in dead:
            _clear(workspace)
        _remove_drafts()
    return [w.lab for w in dead]


def _clear(workspace: Workspace) -> None:
    own = os.getpid()
    end(p for p in [*_residents(workspace), *_daemons(workspace)] if p.pid != own)
    # A child forked while we listed is in a namespace too, and its parent is now gone.
    end(p for p in _residents(workspace) if p.pid != own)
    _delete_namespaces(workspace)
    shutil.rmtree(workspace.path, ignore_errors=True)


def _namespaces(workspace: Workspace) -> list[Path]:
    paths = [NAMESPACES / workspace.namespace(node) for node in workspace.nodes()]
    return [path for path in paths if path.exists()]


def _residents(workspace: Workspace) -> Iterator[ProcessId]:
    stats = [path.stat() for path in _namespaces(workspace)]
    return processes_in((s.st_dev, s.st_ino) for s in stats)


def _daemons(workspace: Workspace) -> Iterator[ProcessId]:
    folder = f"{workspace.path}/"
    for path in workspace.path.rglob("*.pid"):
        try:
            process = ProcessId.of(int(path.read_text().split()[0]))
        except (OSError, ValueError, IndexError):
            # An empty or stale pid file: nothing of that pid runs.
            continue
        if any(folder in argument for argument in command_line(process.pid)):
            yield process


def _delete_namespaces(workspace: Workspace) -> None:
    lines = "".join(f"netns del {path.name}\n" for path in _namespaces(workspace))
    if lines:
        subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, check=True, capture_output=True)


def _remove_drafts() -> None:
    """Folders that a process did not live to rename into place (see Workspace.create)."""
    for draft in RUN_ROOT.glob(".*.*"):
        owner = ProcessId.read(draft / "owner")
        if draft.is_dir() and owner is not None and not owner.alive():
            shutil.rmtree(draft, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Clear the labs named, or every dead one, and say which."""
    if arguments:
        for lab in arguments:
            clear(Workspace(lab))
        print("cleared:", *arguments)
        return 0
    cleared = clear_dead()
    print("cleared:", *(cleared or ["nothing was left over"]))
    alive = [w.lab for w in Workspace.all()]
    if alive:
        print("alive, left alone:", *alive)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
