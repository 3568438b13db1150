"""Starts the programs of `agents` inside a VM and reads what they found. Knows nothing of what they measure."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from mininet_topos.node import LabNode
from mininet_topos.processes import wait_until

_AGENTS = "tests.bench.agents"
_ROOT = Path(__file__).parents[2]
_START = 10.0


class AgentFailed(Exception):
    """An agent ended with an error. The text holds what it printed."""


class Agent:
    """One running agent. As a context manager it is ended, in whatever state, with the block."""

    def __init__(self, node: LabNode, name: str, *args: str | int | float, ready: str | None = None) -> None:
        """`ready` is the line to wait for before the agent counts as started. Raises Timeout after 10 s, AgentFailed."""
        self._log = node.folder / "log" / f"{name}-{time.monotonic_ns()}.log"
        self._name = f"{node.name}: {name}"
        argv = [sys.executable, "-m", f"{_AGENTS}.{name}", *map(str, args)]
        self._process: subprocess.Popen[str] = node.spawn(*argv, log=self._log, env={"PYTHONPATH": str(_ROOT)})
        if ready is not None:
            wait_until(lambda: self._has_said(ready), _START, f"{self._name} saying {ready!r}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def result(self, seconds: float) -> dict[str, Any]:
        """What it printed at its end, which has to come within `seconds`. Raises TimeoutExpired, AgentFailed."""
        code = self._process.wait(seconds)
        output = self._log.read_text()
        if code:
            raise AgentFailed(f"{self._name}: exit {code}: {output[-2000:]}")
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found

    def finish(self, seconds: float) -> dict[str, Any]:
        """Have one that ends at SIGTERM end, and read what it printed. Raises as `result`, and AgentFailed if it had ended."""
        if self._process.poll() is not None:
            raise AgentFailed(f"{self._name} ended too early: {self._log.read_text()[-2000:]}")
        self._process.terminate()
        return self.result(seconds)

    def stop(self) -> None:
        """End it now. Harmless when it has ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _has_said(self, line: str) -> bool:
        lines = self._log.read_text().splitlines()
        if self._process.poll() is not None and line not in lines:
            raise AgentFailed(f"{self._name}: {' '.join(lines)[-2000:]}")
        return line in lines


def run(node: LabNode, name: str, *args: str | int | float, seconds: float) -> dict[str, Any]:
    """Run an agent to its end, at most `seconds`. Raises TimeoutExpired, AgentFailed."""
    with Agent(node, name, *args) as agent:
        return agent.result(seconds)
