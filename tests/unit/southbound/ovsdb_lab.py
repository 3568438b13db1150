"""Private Open vSwitch instances on a dummy datapath (no root, no kernel, nothing sent), and a ChassisServer to dial."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mininet_topos.processes import wait_until
from tests.daemons import kill
from tests.dummy import SCHEMA

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` is true. Raises Timeout naming `what` when it stays false."""
    wait_until(condition, PATIENCE, what)


class Controller:
    """A process with a ChassisServer in it, and what that has said since the newest one was started."""

    def __init__(self, log: Path) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        child = str(Path(__file__).with_name("ovsdb_child.py"))
        self._log = log.open("w")
        self.log_path = log
        self._process = subprocess.Popen(
            [sys.executable, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=env
        )
        self._lines: queue.Queue[tuple[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.newest: dict[str, Any] = {}
        self.port = 0

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(tuple(json.loads(line)))

    def start(self, port: int = 0) -> None:
        """Replace the server by one that knows nothing, and forget what the one before said."""
        self.newest.clear()
        self.tell("start", port)
        self.port = self.expect("start")

    def tell(self, *command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def ask(self, verb: str) -> Any:
        self.tell(verb)
        return self.expect(verb)

    def expect(self, kind: str, condition: Callable[[Any], Any] = lambda _: True) -> Any:
        """The value of the next event of `kind` that fulfils `condition`; others are taken note of and passed over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                found, value = self._lines.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"no such {kind}; newest facts: {self.newest}; log:\n{self.log_path.read_text()}") from None
            if found == "facts":
                self.newest[value["name"]] = value
            if found == kind and condition(value):
                return value

    def facts(self, name: str, condition: Callable[[Any], Any] = lambda _: True) -> Any:
        return self.expect("facts", lambda f: f["name"] == name and condition(f))

    def quiet(self, seconds: float) -> None:
        """AssertionError if any event comes within `seconds`."""
        try:
            event = self._lines.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"unexpected {event}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()


class Chassis:
    """An ovsdb-server and an ovs-vswitchd with folders of their own, once started. `close` ends whatever runs."""

    def __init__(self, folder: Path, name: str, encap_ip: str) -> None:
        self.folder = folder
        self.name = name
        self.encap_ip = encap_ip
        self._env = {**os.environ, **{f"OVS_{kind}DIR": str(folder) for kind in ("RUN", "LOG", "DB", "SYSCONF")}}

    def start(self) -> None:
        self.folder.mkdir()
        self._run("ovsdb-tool", "create", str(self.folder / "conf.db"), SCHEMA)
        self.start_database()
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "ovs-version=3.1.0")
        self.start_switch()

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def start_database(self) -> None:
        folder = self.folder
        remotes = [f"--remote=punix:{folder}/db.sock", "--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]
        common = ["--detach", "--no-chdir", "-vconsole:off", f"--pidfile={folder}/db.pid", f"--unixctl={folder}/db.ctl"]
        self._run("ovsdb-server", str(folder / "conf.db"), f"--log-file={folder}/db.log", *remotes, *common)

    def start_switch(self) -> None:
        folder = self.folder
        common = ["--detach", "--no-chdir", "-vconsole:off", f"--pidfile={folder}/vs.pid", f"--unixctl={folder}/vs.ctl"]
        dummy = ["--enable-dummy=override", "--disable-system", f"--log-file={folder}/vs.log"]
        self._run("ovs-vswitchd", f"unix:{folder}/db.sock", *dummy, *common)

    def vsctl(self, *args: str) -> str:
        return self._run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=10", *args)

    def appctl(self, *args: str) -> str:
        return self._run("ovs-appctl", "-t", f"{self.folder}/vs.ctl", *args)

    def get(self, table: str, record: str, column: str) -> str:
        return self.vsctl("get", table, record, column)

    def join(self, controller: Controller, *more: str) -> None:
        """The line that an operator types."""
        ids = [f"external_ids:system-id={self.name}", f"external_ids:overlay-encap-ip={self.encap_ip}", *more]
        self.vsctl("set", "Open_vSwitch", ".", *ids, "--", "set-manager", f"tcp:127.0.0.1:{controller.port}")

    def plug(self, interface: str, iface_id: str) -> None:
        more = ["--", "set", "Interface", interface, f"external_ids:iface-id={iface_id}"]
        self.vsctl("--no-wait", "add-port", "br-int", interface, *more)

    def ports(self) -> set[str]:
        return set(self.vsctl("list-ports", "br-int").split())

    def kill(self, *daemons: str) -> None:
        """End the database ("db"), the switch ("vs") or both without warning; nothing where one does not run."""
        kill(*(self.folder / f"{daemon}.pid" for daemon in daemons))

    def close(self) -> None:
        self.kill("vs", "db")
