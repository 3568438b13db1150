"""A RAFT cluster of three on loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_overlay.store.idl import DATABASE, SCHEMA_FILE
from tests.daemons import kill
from tests.unit.store.store_lab import Client, a_port, a_switch, a_tenant, until


class Cluster:
    """Three servers in `directory`, once they are started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
        ports = [s.getsockname()[1] for s in sockets]
        for opened in sockets:
            opened.close()
        self.raft, self.clients = ports[:3], ports[3:]
        self.remote = ",".join(f"tcp:127.0.0.1:{port}" for port in self.clients)

    def create(self) -> None:
        for number in range(3):
            self._create(number)
            self.start(number)

    def _create(self, number: int) -> None:
        database = str(self.directory / f"{number}.db")
        local = f"tcp:127.0.0.1:{self.raft[number]}"
        if number == 0:
            command = ["ovsdb-tool", "create-cluster", database, str(SCHEMA_FILE), local]
        else:
            command = ["ovsdb-tool", "join-cluster", database, DATABASE, local, f"tcp:127.0.0.1:{self.raft[0]}"]
        subprocess.run(command, check=True, capture_output=True)

    def start(self, number: int) -> None:
        path = self.directory / str(number)
        options = [f"--pidfile={path}.pid", f"--log-file={path}.log", f"--unixctl={path}.ctl"]
        remote = f"--remote=ptcp:{self.clients[number]}:127.0.0.1"
        command = ["ovsdb-server", "--detach", *options, remote, "-vconsole:err", f"{path}.db"]
        subprocess.run(command, check=True, capture_output=True)

    def kill(self, *numbers: int) -> None:
        """End these servers without warning; nothing where one does not run."""
        kill(*(self.directory / f"{number}.pid" for number in numbers))

    def role(self, number: int) -> str:
        command = ["ovs-appctl", "-t", str(self.directory / f"{number}.ctl"), "cluster/status", DATABASE]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return next((line.split()[1] for line in answer.splitlines() if line.startswith("Role:")), "none")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    try:
        cluster.create()
        yield cluster
    finally:
        cluster.kill(*range(3))


def test_commits_go_on_when_the_leader_is_killed(cluster: Cluster, connect: Callable[..., Client]) -> None:
    until(lambda: [cluster.role(n) for n in (1, 2)] == ["follower", "follower"])
    writer, reader = connect(cluster.remote, patience=30), connect(cluster.remote)
    writer.put(a_tenant(), a_switch())
    leader = next(n for n in range(3) if cluster.role(n) == "leader")
    cluster.kill(leader)
    writer.put(a_port(1))
    until(lambda: reader.network.revision == 2)
    assert reader.network == writer.network
    cluster.start(leader)
    until(lambda: cluster.role(leader) == "follower")
    writer.put(a_port(2))
    until(lambda: reader.network.revision == 3)
    assert reader.network == writer.network
