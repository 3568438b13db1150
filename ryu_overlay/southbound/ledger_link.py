"""The ledger's process, asked from here. It is started when it is needed, and again when it has died."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

import eventlet
from eventlet.green import subprocess
from eventlet.semaphore import Semaphore

from ryu_overlay.accounting.wire import URL_VARIABLE

LOG = logging.getLogger(__name__)

_ANSWERED_WITHIN = 60.0


class LedgerAway(Exception):
    """The ledger did not answer, or could not do it. The text says why."""


class Superseded(LedgerAway):
    """Another controller writes this ledger now."""


class LedgerLink:
    """Requests one at a time. `process` counts how many processes there were: a new one has to be told to begin."""

    def __init__(self, url: str) -> None:
        self.process = 0
        self._url = url
        self._child: Any = None
        self._turn = Semaphore()

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """The answer. Blocks this greenthread only. Raises LedgerAway."""
        with self._turn:
            try:
                with eventlet.Timeout(_ANSWERED_WITHIN, LedgerAway("the ledger did not answer")):
                    answer = self._exchange({"do": do, **what})
            except (LedgerAway, OSError, ValueError) as error:
                self._end()
                raise LedgerAway(str(error)) from error
        if "error" in answer:
            raise (Superseded if answer.get("superseded") else LedgerAway)(answer["error"])
        return answer

    def stands(self, process: int) -> bool:
        """Whether that process is the one that answers."""
        return process == self.process and self._child is not None and self._child.poll() is None

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._start()
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line.endswith(b"\n"):
            raise LedgerAway("the ledger's process ended; the log says why")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _start(self) -> None:
        self.process += 1
        command = [sys.executable, "-m", "ryu_overlay.accounting.keeper"]
        environment = {**os.environ, URL_VARIABLE: self._url}
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                try:
                    pipe.close()
                except OSError:
                    LOG.debug("a pipe of the ledger's process was closed already")
