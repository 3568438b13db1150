"""What every node of a lab has: a network and mount namespace of its own, a name for it, a folder, and commands that fail loudly.

Mininet's `cmd` loses exit codes and must not be used from two threads; `run` and `spawn` here have neither limit.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mininet.node import Node

from mininet_topos.cleanup import claim, clear
from mininet_topos.processes import ProcessId
from mininet_topos.workspace import Workspace

CONTROLLER_ADDRESS = "172.31.255.1"
CONTROL_PREFIX = 24
UNDERLAY_PREFIX = 24
_SETUP = """
for f in /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/sys/net/ipv6/conf/default/disable_ipv6; do
    if [ -e $f ]; then echo 1 > $f; fi
done
echo 0 > /proc/sys/net/ipv4/ip_forward
ip link set lo up
"""
_shared: list[Workspace] = []


class CommandFailed(Exception):
    """A command in a node ended with another code than 0. The text holds node, command, code and what it printed."""


def shared_workspace() -> Workspace:
    """The workspace of nodes that were not given one: lab `mn`, as under the `mn` command."""
    if not _shared:
        _shared.append(claim("mn"))
    return _shared[0]


def clear_shared_workspace() -> None:
    """End the lab `mn` if this process made it."""
    while _shared:
        clear(_shared.pop())


class LabNode(Node):  # type: ignore[misc]
    """A Mininet node with namespaces of its own. Mixed in before Switch, Host or Controller."""

    def __init__(self, name: str, workspace: Workspace | None = None, **params: Any) -> None:
        self.workspace = workspace or shared_workspace()
        self.folder: Path = self.workspace.node(name)
        params["inNamespace"] = True
        super().__init__(name, **params)
        try:
            self.workspace.attach(name, self.pid)
            self.script(_SETUP)
        except BaseException:
            # Nobody has this node yet, so nobody else could end its shell.
            self.terminate()
            raise

    def run(
        self,
        *argv: str,
        check: bool = True,
        timeout: float = 30.0,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the node to its end, at most `timeout` seconds (TimeoutExpired). Raises CommandFailed if `check`."""
        done = subprocess.run(
            self._inside(argv), input=stdin, capture_output=True, text=True, timeout=timeout, env=self._environment(env)
        )
        if check and done.returncode:
            raise CommandFailed(f"{self.name}: {' '.join(argv)}: exit {done.returncode}: {done.stderr}{done.stdout}".rstrip())
        return done

    def script(self, text: str) -> None:
        """Run lines of sh in the node, stopping at the first that fails. Raises CommandFailed."""
        self.run("sh", "-eu", stdin=text)

    def spawn(self, *argv: str, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in the node with its output appended to `log`; its pid is the command's own."""
        with open(log, "a") as output:
            return subprocess.Popen(
                self._inside(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env=self._environment(env),
                start_new_session=True,
            )

    def process(self) -> ProcessId:
        """The shell that holds the node's namespaces open."""
        return ProcessId.of(self.pid)

    def forget(self) -> None:
        """Close what this process holds of a node that was ended from outside (see `cleanup.clear`)."""
        if not self.shell:
            return
        for table in (self.inToNode, self.outToNode):
            table.pop(self.master, None)
        self.cleanup()

    def _inside(self, argv: tuple[str, ...]) -> list[str]:
        return ["mnexec", "-a", str(self.pid), *argv]

    @staticmethod
    def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **(extra or {})}
