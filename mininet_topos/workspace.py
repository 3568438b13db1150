"""Where a lab keeps its files and its names: /run/ryu-overlay-lab/<lab>/<node>/ and namespaces `<lab>-<node>`.

A workspace belongs to the process whose pid and start time are in its `owner` file; when that process is gone
the lab is dead and whoever comes may clear it away (see `cleanup`). Knows nothing of what runs in the nodes.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mininet_topos.processes import ProcessId

RUN_ROOT = Path("/run/ryu-overlay-lab")
NAMESPACES = Path("/run/netns")
LAB_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
"""No hyphen: `<lab>-<node>` must be cut at its first hyphen in one way only."""
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class LabExists(Exception):
    """A lab of that name is there already."""


@contextmanager
def machine_lock() -> Iterator[None]:
    """Held while labs are claimed or cleared, so that nobody clears what another has just claimed."""
    RUN_ROOT.mkdir(parents=True, exist_ok=True)
    with open(RUN_ROOT / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Workspace:
    """The files and names of one lab. Making one touches nothing; `create` and `node` do."""

    def __init__(self, lab: str) -> None:
        """Raises ValueError unless `lab` is 1 to 16 lower-case letters and digits, a letter first."""
        if not LAB_NAME.fullmatch(lab):
            raise ValueError(f"lab name {lab!r}: 1 to 16 of a-z and 0-9, a letter first")
        self.lab = lab
        self.path = RUN_ROOT / lab

    def create(self) -> None:
        """Make the folder, owned by this process. Raises LabExists."""
        RUN_ROOT.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{self.lab}.", dir=RUN_ROOT))
        owner = ProcessId.of(os.getpid())
        owner.write(draft / "owner")
        draft.chmod(0o755)
        try:
            # Renaming makes folder and owner appear together: a lab without an owner would look dead.
            draft.rename(self.path)
        except OSError as error:
            (draft / "owner").unlink()
            draft.rmdir()
            raise LabExists(f"lab {self.lab} exists (owner: process {self.owner()})") from error

    def exists(self) -> bool:
        return self.path.is_dir()

    def owner(self) -> ProcessId | None:
        """Whose lab it is; None when there is no lab or its owner file is unreadable."""
        return ProcessId.read(self.path / "owner")

    def alive(self) -> bool:
        """Whether the owner still runs."""
        owner = self.owner()
        return owner is not None and owner.alive()

    def node(self, name: str) -> Path:
        """The folder of node `name`, with `run`, `db` and `log` in it. Raises ValueError for a name unfit for a file."""
        if not NODE_NAME.fullmatch(name):
            raise ValueError(f"node name {name!r}: 1 to 32 of A-Z a-z 0-9 . _ -, a letter or digit first")
        folder = self.path / name
        for part in ("run", "db", "log"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        return folder

    def nodes(self) -> list[str]:
        """The names of the nodes made so far, dead or alive."""
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_dir()) if self.exists() else []

    def namespace(self, node: str) -> str:
        """The name of the node's network namespace."""
        return f"{self.lab}-{node}"

    def attach(self, node: str, pid: int) -> None:
        """Name the network namespace of `pid` after `node`. Raises CalledProcessError when the name is taken."""
        subprocess.run(["ip", "netns", "attach", self.namespace(node), str(pid)], check=True, capture_output=True, text=True)

    @classmethod
    def all(cls) -> list[Workspace]:
        """Every lab on this machine."""
        if not RUN_ROOT.is_dir():
            return []
        return [cls(e.name) for e in sorted(RUN_ROOT.iterdir()) if e.is_dir() and LAB_NAME.fullmatch(e.name)]
