"""A private Open vSwitch: one ovsdb-server and one ovs-vswitchd whose files all lie in one folder.

Knows how to start, question and kill the two daemons in a node; knows nothing of bridges or of what the switch is for.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from mininet_topos.node import LabNode
from mininet_topos.processes import ProcessId, command_line, send, wait_until

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
DAEMONS = ("ovsdb-server", "ovs-vswitchd")


class VSwitch:
    """Open vSwitch in `node`, which has to outlive it. Sockets and pid files in `run`, conf.db in `db`, logs in `log`."""

    def __init__(self, node: LabNode) -> None:
        self.node = node
        self.run_folder = node.folder / "run"
        self.database = node.folder / "db" / "conf.db"
        self.socket = f"unix:{self.run_folder}/db.sock"
        self.environment = {
            "OVS_RUNDIR": str(self.run_folder),
            "OVS_LOGDIR": str(node.folder / "log"),
            "OVS_DBDIR": str(self.database.parent),
        }

    def start_database(self) -> None:
        """Start ovsdb-server, with an empty database the first time. Raises CommandFailed."""
        if not self.database.exists():
            self.node.run("ovsdb-tool", "create", str(self.database), str(SCHEMA))
        remotes = [f"--remote=p{self.socket}", "--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]
        self._start("ovsdb-server", str(self.database), *remotes)
        version = self.node.run("ovs-vswitchd", "--version").stdout.split("\n")[0].split()[-1]
        # What a distribution's start script records; vswitchd does not do it itself.
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", f"ovs_version={version}")

    def start_vswitchd(self) -> None:
        """Start ovs-vswitchd; returns when it has taken up its configuration. Raises CommandFailed."""
        self._start("ovs-vswitchd", self.socket)

    def vsctl(self, *args: str, timeout: float = 10.0) -> str:
        """Run ovs-vsctl, at most `timeout` seconds (at least 1). Raises CommandFailed."""
        argv = ("ovs-vsctl", f"--db={self.socket}", f"--timeout={max(1, round(timeout))}", *args)
        return self.node.run(*argv, timeout=timeout + 5, env=self.environment).stdout

    def ofctl(self, command: str, bridge: str = "br-int", *args: str) -> str:
        """Run `ovs-ofctl -O OpenFlow13,OpenFlow14,OpenFlow15 COMMAND BRIDGE ARGS`. Raises CommandFailed."""
        argv = ("ovs-ofctl", "-O", "OpenFlow13,OpenFlow14,OpenFlow15", command, bridge, *args)
        return self.node.run(*argv, env=self.environment).stdout

    def appctl(self, *args: str, target: str = "ovs-vswitchd") -> str:
        """Run ovs-appctl against one of the daemons. Raises CommandFailed."""
        return self.node.run("ovs-appctl", "-t", str(self.run_folder / f"{target}.ctl"), *args, env=self.environment).stdout

    def process(self, daemon: str) -> ProcessId | None:
        """The running daemon (`ovsdb-server` or `ovs-vswitchd`), or None."""
        try:
            found = ProcessId.of(int((self.run_folder / f"{daemon}.pid").read_text()))
        except (OSError, ValueError):
            # No pid file, or nothing with the pid in it.
            return None
        return found if any(str(self.run_folder) in argument for argument in command_line(found.pid)) else None

    def kill(self, daemon: str, signum: int = signal.SIGTERM, seconds: float = 10.0) -> None:
        """Signal a daemon and, when the signal ends processes, wait for its end. Raises Timeout."""
        process = self.process(daemon)
        if process is None or not send(process, signum):
            return
        if signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            wait_until(lambda: not process.alive(), seconds, f"{self.node.name}: end of {daemon}")

    def stop(self) -> None:
        """End both daemons in good order."""
        for daemon in reversed(DAEMONS):
            self.kill(daemon)

    def _start(self, daemon: str, *args: str) -> None:
        files = [f"--pidfile={self.run_folder / daemon}.pid", f"--unixctl={self.run_folder / daemon}.ctl"]
        files.append(f"--log-file={self.node.folder / 'log' / daemon}.log")
        # Connectionless sockets a killed daemon left behind would be refused to the new one.
        for path in self.run_folder.glob(f"{daemon}.ctl"):
            os.unlink(path)
        self.node.run(daemon, *args, *files, "--detach", "--no-chdir", "-vconsole:off", env=self.environment)
