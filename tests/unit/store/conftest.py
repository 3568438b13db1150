"""A real ovsdb-server in a directory of the test's own, and stores connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ryu_overlay.model.network import Network
from ryu_overlay.store.records import FabricMemory
from ryu_overlay.store.server import PrivateServer
from ryu_overlay.store.store import Store
from tests.unit.store.store_lab import Client, running, until


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server that was never started, and does not outlive the test."""
    server = PrivateServer(tmp_path / "db")
    yield server
    server.stop()


@pytest.fixture
def server(fresh: PrivateServer) -> PrivateServer:
    """A server that runs."""
    fresh.start()
    return fresh


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Makes running clients of a remote, and ends them with the test."""
    with ExitStack() as stack:

        def make(remote: str, patience: float = 8.0, wait: bool = True) -> Client:
            networks: list[Network] = []
            memories: list[FabricMemory] = []
            store = stack.enter_context(running(Store(remote, networks.append, memories.append, patience)))
            if wait:
                until(lambda: memories)
            return Client(store, networks, memories)

        yield make


@pytest.fixture
def client(server: PrivateServer, connect: Callable[..., Client]) -> Client:
    return connect(server.remote)
