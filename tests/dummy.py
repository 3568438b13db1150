"""A real Open vSwitch without kernel, root or network: `ovs-vswitchd` with the dummy datapath, for `ofproto/trace`.

It knows programs and OpenFlow bytes; it does not know what they mean.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mininet_topos.processes import wait_until
from ryu_overlay.openflow import messages, replies
from ryu_overlay.openflow.diff import Installed, difference
from ryu_overlay.openflow.flow import Program
from ryu_overlay.openflow.replies import InstalledFlow
from tests.daemons import kill

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_BARRIER = 0xB
"""The xid of our own barrier: what brings a bridge to its program has barriers, too."""


class DummySwitch:
    """One `ovs-vswitchd`, with as many bridges as asked for, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._env = {**os.environ, **{f"OVS_{k}DIR": str(directory) for k in ("RUN", "DB", "LOG", "SYSCONF")}}

    def start(self) -> None:
        d = self.directory
        self._run("ovsdb-tool", "create", f"{d}/conf.db", SCHEMA)
        self._run("ovsdb-server", f"{d}/conf.db", f"--remote=punix:{d}/db.sock", *self._daemon("ovsdb"))
        self.vsctl("--no-wait", "init")
        dummy = ("--enable-dummy", "--disable-system", "--disable-system-route")
        self._run("ovs-vswitchd", f"unix:{d}/db.sock", *dummy, *self._daemon("vswitchd"))

    def stop(self) -> None:
        kill(*(self.directory / f"{name}.pid" for name in ("vswitchd", "ovsdb")))

    def vsctl(self, *args: str) -> str:
        return self._run("ovs-vsctl", f"--db=unix:{self.directory}/db.sock", *args)

    def appctl(self, *args: str) -> str:
        return self._run("ovs-appctl", "-t", str(self.directory / "vswitchd.ctl"), *args)

    def ofctl(self, *args: str) -> str:
        return self._run("ovs-ofctl", "-O", "OpenFlow13", *args)

    def add_bridge(self, name: str, ports: Iterable[tuple[str, int]], tunnels: Iterable[tuple[str, int, str]]) -> None:
        """A bridge with dummy ports (name, OpenFlow port) and VXLAN ports (name, OpenFlow port, remote address)."""
        args = ["add-br", name, "--", "set", "bridge", name, "fail_mode=secure", "datapath_type=dummy", "protocols=OpenFlow13"]
        for port, number in ports:
            args += ["--", "add-port", name, port, "--", "set", "interface", port, "type=dummy", f"ofport_request={number}"]
        for port, number, remote in tunnels:
            args += ["--", "add-port", name, port, "--", "set", "interface", port, "type=vxlan"]
            args += [f"options:remote_ip={remote}", "options:key=flow", f"ofport_request={number}"]
        self.vsctl(*args)

    def load(self, bridge: str, program: Program) -> None:
        """Make the program the whole of what the bridge has. Raises AssertionError if the switch refuses anything."""
        with OpenFlow(self.directory / f"{bridge}.mgmt") as channel:
            flows, groups, meters = channel.dump()
            installed = Installed({f.key: f.value for f in flows}, groups, meters)
            channel.send(b"".join(difference(installed, program, None).messages(installed, 1)))
            channel.barrier()

    def dump(self, bridge: str) -> tuple[list[InstalledFlow], dict[int, tuple[int, bytes]], dict[int, bytes]]:
        with OpenFlow(self.directory / f"{bridge}.mgmt") as channel:
            return channel.dump()

    def _daemon(self, name: str) -> list[str]:
        d = self.directory
        return [
            "--detach",
            "-vconsole:off",
            f"--pidfile={d}/{name}.pid",
            f"--unixctl={d}/{name}.ctl",
            f"--log-file={d}/{name}.log",
        ]

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout


class OpenFlow:
    """A bare OpenFlow 1.3 connection to a bridge's management socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        wait_until(lambda: self._socket.connect_ex(str(path)) == 0, 10, f"{path} to be listened to")
        self._buffer = b""
        self.send(messages.message(0))

    def __enter__(self) -> OpenFlow:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        while True:
            if len(self._buffer) >= 8:
                (length,) = struct.unpack_from("!H", self._buffer, 2)
                if len(self._buffer) >= length:
                    data, self._buffer = self._buffer[:length], self._buffer[length:]
                    assert data[1] != messages.ERROR, f"the switch refused: {data.hex()}"
                    return data
            more = self._socket.recv(65536)
            assert more, "the switch closed the connection"
            self._buffer += more

    def barrier(self) -> None:
        self.send(messages.barrier(_BARRIER))
        while (data := self.receive())[1] != messages.BARRIER_REPLY or int.from_bytes(data[4:8], "big") != _BARRIER:
            pass

    def dump(self) -> tuple[list[InstalledFlow], dict[int, tuple[int, bytes]], dict[int, bytes]]:
        self.send(messages.group_request(1) + messages.meter_request(2) + messages.flow_request(3))
        flows: list[InstalledFlow] = []
        groups: dict[int, tuple[int, bytes]] = {}
        meters: dict[int, bytes] = {}
        while True:
            data = self.receive()
            if data[1] != messages.MULTIPART_REPLY:
                continue
            part = replies.parse_multipart(data)
            if part.kind == messages.STATS_GROUP_DESC:
                groups.update((n, (kind, b)) for n, kind, b in replies.parse_groups(part.body))
            elif part.kind == messages.STATS_METER_CONFIG:
                meters.update(replies.parse_meters(part.body))
            elif part.kind == messages.STATS_FLOW:
                flows += replies.parse_flows(part.body)
                if not part.more:
                    return flows, groups, meters
