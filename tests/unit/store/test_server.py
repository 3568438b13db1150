"""The private ovsdb-server: found again, never twice, converted with a copy kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ryu_overlay.model.network import Network
from ryu_overlay.store.idl import SCHEMA_FILE
from ryu_overlay.store.operations import network_operations
from ryu_overlay.store.server import PrivateServer, ServerError
from ryu_overlay.store.step import Step
from tests.unit.store.store_lab import Client, edited, everything, outside, until

Connect = Callable[..., Client]
KINDS_1_0 = ("tenant", "switch", "port", "router", "router_port")
SCHEMA_USED = "ryu_overlay.store.server.SCHEMA_FILE"


def other_schema(tmp_path: Path, version: str) -> Path:
    """Our schema under another version, with a column more."""
    schema = json.loads(SCHEMA_FILE.read_text())
    schema["version"] = version
    schema["tables"]["Tenant"]["columns"]["motto"] = {"type": "string"}
    path = tmp_path / "other.ovsschema"
    path.write_text(json.dumps(schema))
    return path


def test_a_running_server_is_found_again(server: PrivateServer) -> None:
    pid = server.pid()
    again = PrivateServer(server.directory)
    again.start()
    assert pid is not None
    assert again.pid() == pid


def test_a_killed_server_is_started_anew(server: PrivateServer) -> None:
    os.kill(server.pid() or 0, signal.SIGKILL)
    until(lambda: server.pid() is None)
    assert server.schema_version() is None
    server.start()
    assert server.schema_version() is not None


def test_controllers_that_start_together_start_one_server(fresh: PrivateServer) -> None:
    code = (
        "import sys; from ryu_overlay.store.server import PrivateServer;s = PrivateServer(sys.argv[1]); s.start(); print(s.pid())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(fresh.directory)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    pids = {starter.communicate()[0] for starter in starters}
    assert pids == {f"{fresh.pid()}\n"}
    fresh.stop()
    assert fresh.pid() is None


def test_a_second_server_on_the_file_is_refused(server: PrivateServer) -> None:
    """As if the first did not answer: its socket is hidden."""
    second = PrivateServer(server.directory)
    second.socket = server.directory / "second.sock"
    second.pidfile = server.directory / "second.pid"
    with pytest.raises(ServerError, match="lock"):
        second.start()
    assert server.schema_version() is not None


@pytest.mark.parametrize("running", [True, False])
def test_an_older_database_is_converted_and_a_copy_kept(
    tmp_path: Path, fresh: PrivateServer, connect: Connect, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    server = fresh
    with monkeypatch.context() as older:
        older.setattr(SCHEMA_USED, other_schema(tmp_path, "0.9.0"))
        server.start()
    client = connect(server.remote)
    client.put(*everything())
    if not running:
        server.stop()
    server.start()
    assert server.schema_version() == json.loads(SCHEMA_FILE.read_text())["version"]
    until(lambda: client.store.connected)
    assert connect(server.remote).network == client.network
    copy = server.directory / "overlay.db.0.9.0"
    shown = subprocess.run(["ovsdb-tool", "db-version", str(copy)], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "0.9.0"


def schema_1_0(tmp_path: Path) -> Path:
    """The schema of 1.0.0: ours without what came after."""
    schema = json.loads(SCHEMA_FILE.read_text())
    tables = schema["tables"]
    for table in ("External_Network", "Source_NAT", "Floating_IP", "Load_Balancer", "Balancer_Member", "Memory"):
        del tables[table]
    del tables["Global"]["columns"]["next_zone"]
    for column in ("external", "gateways", "preempt", "vni", "zone"):
        del tables["Router_Port"]["columns"][column]
    path = tmp_path / "old.ovsschema"
    path.write_text(json.dumps(schema | {"version": "1.0.0"}))
    return path


def test_a_database_of_1_0_is_read_as_it_was(
    tmp_path: Path, fresh: PrivateServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(SCHEMA_USED, schema_1_0(tmp_path))
        fresh.start()
    old = edited(Network(), puts=tuple(obj for obj in everything() if obj.kind in KINDS_1_0 and obj.ref[-1] != "out"))
    operations = network_operations(Step.between(Network(), old))
    for operation in operations:
        if operation.get("table") in ("Global", "Router_Port") and "row" in operation:
            for column in ("next_zone", "external", "gateways", "preempt", "vni", "zone"):
                operation["row"].pop(column, None)
    command = ["ovsdb-client", "transact", fresh.remote, json.dumps(["Ryu_Overlay", *operations])]
    assert "error" not in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    fresh.start()
    client = connect(fresh.remote)
    assert client.network == old
    client.put(*outside())
    assert connect(fresh.remote).network == client.network


@pytest.mark.parametrize("running", [True, False])
def test_a_newer_database_is_left_alone(
    tmp_path: Path, fresh: PrivateServer, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(SCHEMA_USED, other_schema(tmp_path, "99.0.0"))
        fresh.start()
    if not running:
        fresh.stop()
    with pytest.raises(ServerError, match=r"has schema 99\.0\.0, which is newer"):
        fresh.start()


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match=r"Not a directory|File exists"):
        PrivateServer(tmp_path / "file").start()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="is not installed"):
        PrivateServer(tmp_path / "db").start()
