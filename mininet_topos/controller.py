"""The controller: `ryu-manager` with the project's app in a namespace of its own, on the control network.

Knows how to start, stop, kill and reach it; its options are the caller's.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mininet.node import Controller as MininetController

from mininet_topos.http import Rest
from mininet_topos.node import CONTROL_PREFIX, CONTROLLER_ADDRESS, LabNode
from mininet_topos.processes import ProcessId, wait_until
from mininet_topos.workspace import Workspace

APP = "ryu_overlay.app"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOG_TAIL = 2000
Option = str | int | float | bool | Sequence[str]


def installed(command: str) -> str:
    """The path of a console script of the environment that runs us: what it needs is installed nowhere else."""
    return str(Path(sys.executable).parent / command)


class ControllerDied(Exception):
    """ryu-manager ended instead of answering. The text holds its exit code and the end of its log."""


def option_text(value: Option, folder: Path) -> str:
    """An option as oslo.config reads it; `{folder}` in a string becomes the controller's own folder."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value).replace("{folder}", str(folder))
    return ",".join(option_text(item, folder) for item in value)


class Controller(LabNode, MininetController):  # type: ignore[misc]
    """One controller. Its folder holds `overlay.conf`, `log/ryu-manager.log`, and what the app is told to keep there."""

    def __init__(
        self,
        name: str = "c0",
        app: str = APP,
        options: Mapping[str, Option] | None = None,
        address: str = CONTROLLER_ADDRESS,
        workspace: Workspace | None = None,
        **params: Any,
    ) -> None:
        """`app` is what ryu-manager is given: a module or a file; `options` go to group [overlay] of its configuration.

        Only `data_dir` is ours by default, in the lab's folder: two labs must not share the app's own database.
        """
        self.app = app
        self.options = {"data_dir": "{folder}/db", **(options or {})}
        self.ryu: subprocess.Popen[str] | None = None
        params.pop("ip", None)
        super().__init__(name, workspace=workspace, ip=address, **params)
        self.log = self.folder / "log" / "ryu-manager.log"
        self.configuration = self.folder / "overlay.conf"

    def checkListening(self) -> None:
        """Mininet's hook: in a new namespace nobody listens."""

    def address_control(self) -> None:
        """Take the controller's address on `ctl0`, once that is plugged in."""
        self.script(f"ip address replace {self.ip}/{CONTROL_PREFIX} dev ctl0\nip link set ctl0 up\n")

    def start(self) -> None:
        """Start ryu-manager and return at once (see `wait`). Does nothing when it runs already."""
        if self.running():
            return
        lines = [f"{key.replace('-', '_')} = {option_text(value, self.folder)}" for key, value in self.options.items()]
        self.configuration.write_text("\n".join(["[overlay]", *lines, ""]))
        self.ryu = self.spawn(installed("ryu-manager"), "--config-file", str(self.configuration), self.app, log=self.log)
        with contextlib.suppress(ProcessLookupError):
            # Gone already: `wait` will tell, with the log.
            ProcessId.of(self.ryu.pid).write(self.folder / "run" / "ryu-manager.pid")

    def running(self) -> bool:
        """Whether ryu-manager runs."""
        return self.ryu is not None and self.ryu.poll() is None

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until REST answers anything at all. Raises Timeout after `seconds`, ControllerDied when ryu-manager has ended."""
        rest = self.rest(timeout=seconds)
        wait_until(lambda: self._answers(rest), seconds, f"{self.name}: REST answering (log: {self.log})")
        rest.close()

    def stop(self, *_args: Any, **_kwargs: Any) -> None:
        """End ryu-manager in good order; by force when that takes more than 10 s."""
        if self.ryu is None:
            return
        self.ryu.send_signal(signal.SIGTERM)
        try:
            self.ryu.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.ryu.kill()
            self.ryu.wait()

    def kill9(self) -> None:
        """End ryu-manager as a crash would. What it had started keeps running."""
        if self.ryu is not None:
            self.ryu.kill()
            self.ryu.wait()

    def restart(self) -> None:
        """Stop in good order, start, and wait until REST answers."""
        self.stop()
        self.start()
        self.wait()

    def rest(self, timeout: float = 70.0) -> Rest:
        """A new connection to its REST; `timeout` in seconds."""
        return Rest(self.pid, timeout=timeout)

    def _answers(self, rest: Rest) -> bool:
        if not self.running():
            code = None if self.ryu is None else self.ryu.returncode
            tail = self.log.read_text(errors="replace")[-LOG_TAIL:] if self.log.exists() else ""
            raise ControllerDied(f"{self.name}: ryu-manager is not running (exit code {code}); end of {self.log}:\n{tail}")
        try:
            rest.get("/v1/revision")
        except (OSError, http.client.HTTPException):
            return False
        return True
