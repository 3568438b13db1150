"""Servers and controllers die; what was answered is there, and nothing is there by half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import eventlet
import pytest

from ryu_overlay.store.server import PrivateServer
from ryu_overlay.store.store import StoreAway
from tests.unit.store.store_lab import Client, a_port, a_switch, a_tenant, edited, everything, until

Connect = Callable[..., Client]

WRITER = """
import sys
import eventlet
from tests.unit.store.store_lab import a_port, a_switch, a_tenant, edited
from ryu_overlay.store.store import Store

store = Store(sys.argv[1], lambda n: None, lambda m: None)
eventlet.spawn(store.run)
network = store.commit(store.network, edited(store.network, puts=(a_tenant(), a_switch())))
for number in range(0, 100000, 2):
    network = store.commit(network, edited(network, puts=(a_port(number), a_port(number + 1))))
    print(network.revision, flush=True)
"""


def test_nothing_is_lost_when_the_server_is_killed(server: PrivateServer, client: Client) -> None:
    client.put(*everything())
    before = client.network
    os.kill(server.pid() or 0, signal.SIGKILL)
    until(lambda: not client.store.connected)
    server.start()
    until(lambda: client.store.connected)
    assert client.network == before
    client.put(a_port(2))
    assert client.network.revision == 2


def test_a_commit_waits_for_a_server_that_comes_back(server: PrivateServer, client: Client) -> None:
    client.put(a_tenant())
    os.kill(server.pid() or 0, signal.SIGKILL)
    commit = eventlet.spawn(client.put, a_switch())
    until(lambda: not client.store.connected)
    server.start()
    assert commit.wait().revision == 2


def test_a_commit_whose_answer_is_lost_is_sent_again(server: PrivateServer, client: Client) -> None:
    """A stopped server takes the bytes but never reads them."""
    client.put(a_tenant())
    pid = server.pid() or 0
    os.kill(pid, signal.SIGSTOP)
    commit = eventlet.spawn(client.put, a_switch())
    until(lambda: any(pending.write for pending in client.store._commits))
    os.kill(pid, signal.SIGKILL)
    server.start()
    assert commit.wait().revision == 2
    assert client.network.get("switch", ("red", "web"))


def test_a_database_that_stays_away_is_said_so(server: PrivateServer, connect: Connect) -> None:
    client = connect(server.remote, patience=0.3)
    client.put(a_tenant())
    server.stop()
    with pytest.raises(StoreAway, match=r"did not answer within 0\.3 s"):
        client.put(a_switch())
    server.start()
    until(lambda: client.store.connected)
    assert not client.network.tables["switch"], "what was given up is not written afterwards"
    client.put(a_switch())


def test_a_store_started_before_its_server(fresh: PrivateServer, connect: Connect) -> None:
    client = connect(fresh.remote, patience=0.1, wait=False)
    with pytest.raises(StoreAway):
        client.put(a_tenant())
    assert not client.store.connected
    fresh.start()
    until(lambda: client.store.connected)


def test_what_went_while_the_connection_was_down_is_noticed(server: PrivateServer, client: Client) -> None:
    client.put(a_tenant(), a_switch(), a_port(1), a_port(2))
    server.stop()
    until(lambda: not client.store.connected)
    text = '["Ryu_Overlay",{"op":"delete","table":"Logical_Port","where":[["name","==","red-1"]]}]'
    subprocess.run(["ovsdb-tool", "transact", str(server.database), text], check=True, capture_output=True)
    server.start()
    until(lambda: client.store.connected)
    assert client.network.port_by_name.keys() == {"red-2"}
    assert len(client.network.switch_views["red", "web"].ports) == 1


def test_every_answered_write_of_a_killed_controller_is_there(server: PrivateServer, connect: Connect) -> None:
    command = [sys.executable, "-W", "ignore", "-c", WRITER, server.remote]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        try:
            answered = [int(writer.stdout.readline()) for _ in range(40)]
        finally:
            writer.kill()
        answered += [int(line) for line in writer.stdout.read().splitlines()]
    network = connect(server.remote).network
    assert network.revision >= answered[-1]
    assert len(network.tables["port"]) == 2 * (network.revision - 1)


def test_an_edit_survives_both_dying(server: PrivateServer, client: Client, connect: Connect) -> None:
    new = client.store.commit(client.network, edited(client.network, puts=everything()))
    os.kill(server.pid() or 0, signal.SIGKILL)
    server.start()
    assert connect(server.remote).network == new
