"""The controller's own `ovsdb-server`: a process of its own, so that it outlives the controller.

Everything is in one directory: the database, its socket, pid file and log. A controller that starts finds the server an
earlier one left, or starts one. ovsdb-server locks its database, so there are never two on one file; a lock of our own
keeps two controllers from starting one at the same moment. Nothing here needs root.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ryu_overlay.store.idl import DATABASE, SCHEMA_FILE

ANSWER_SECONDS = 5
"""How long a server may take to say which schema it serves before it counts as not answering."""

WORK_SECONDS = 60
"""How long a tool may take that reads or writes the whole database."""


class ServerError(Exception):
    """The database cannot be served; the text is what an operator needs to know."""


class PrivateServer:
    """An `ovsdb-server` for the database in `directory` (made if missing, readable by its owner only)."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).expanduser().absolute()
        self.database = self.directory / "overlay.db"
        self.socket = self.directory / "overlay.sock"
        self.pidfile = self.directory / "ovsdb-server.pid"
        self.log = self.directory / "ovsdb-server.log"
        self.control = self.directory / "ovsdb-server.ctl"

    @property
    def remote(self) -> str:
        """What `Store` connects to."""
        return f"unix:{self.socket}"

    def start(self) -> None:
        """See that the server runs on the newest schema; nothing happens if it does already.

        A database of an older schema is copied to `overlay.db.VERSION` before it is converted. Raises ServerError if
        the database is newer than this program, or a tool is missing or fails, or the directory cannot be used.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                running = self.schema_version()
                if running is None:
                    self._prepare_file()
                    self._launch()
                elif self._older(running):
                    self._keep_copy(running)
                    _run("ovsdb-client", "convert", self.remote, str(SCHEMA_FILE))
        except OSError as error:
            raise ServerError(f"{self.directory}: {error.strerror or error}") from error

    def stop(self) -> None:
        """End the server, if it runs; a controller that ends has no need to. Raises ServerError if it does not end."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + WORK_SECONDS
        while self.pid() == pid:
            if time.monotonic() > deadline:
                raise ServerError(f"ovsdb-server (pid {pid}) does not end")
            time.sleep(0.01)

    def pid(self) -> int | None:
        """The server's process id, None if it does not run. ovsdb-server holds a lock on its pid file while it lives."""
        try:
            with self.pidfile.open("r+") as file:
                text = file.read().strip()
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except OSError:
            return int(text) if text else None
        return None

    def schema_version(self) -> str | None:
        """The version of the schema that the running server serves, None if none answers at the socket."""
        if not self.socket.exists():
            return None
        try:
            return _run("ovsdb-client", "get-schema-version", self.remote, DATABASE, seconds=ANSWER_SECONDS)
        except ServerError:
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.directory / "start.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _prepare_file(self) -> None:
        """Make the database, or bring the file to the newest schema."""
        if not self.database.exists():
            _run("ovsdb-tool", "create", str(self.database), str(SCHEMA_FILE))
            return
        version = _run("ovsdb-tool", "db-version", str(self.database))
        if self._older(version):
            self._keep_copy(version)
            _run("ovsdb-tool", "convert", str(self.database), str(SCHEMA_FILE))

    def _older(self, version: str) -> bool:
        wanted = json.loads(SCHEMA_FILE.read_text())["version"]
        if _numbers(version) > _numbers(wanted):
            raise ServerError(f"{self.database} has schema {version}, which is newer than this program's {wanted}")
        return version != str(wanted)

    def _keep_copy(self, version: str) -> None:
        """Copy the file. It only ever grows, so a copy is the database as it was at some moment, server or not."""
        shutil.copy2(self.database, self.database.with_name(f"{self.database.name}.{version}"))

    def _launch(self) -> None:
        """Start the server; returns when it answers."""
        _run(
            "ovsdb-server",
            "--detach",
            f"--pidfile={self.pidfile}",
            f"--log-file={self.log}",
            f"--unixctl={self.control}",
            f"--remote=punix:{self.socket}",
            "-vconsole:warn",
            str(self.database),
        )


def _run(*command: str, seconds: float = WORK_SECONDS) -> str:
    """What a tool prints. Raises ServerError if it is missing, fails, or takes longer than `seconds`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
    except FileNotFoundError:
        raise ServerError(f"{command[0]} is not installed (Debian package openvswitch-switch)") from None
    except subprocess.TimeoutExpired:
        raise ServerError(f"{command[0]} took longer than {seconds:g} s") from None
    except subprocess.CalledProcessError as error:
        raise ServerError(f"{command[0]}: {error.stderr.strip()}") from None
    return done.stdout.strip()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
