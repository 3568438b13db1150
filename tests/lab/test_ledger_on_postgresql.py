"""The ledger on PostgreSQL: the same tests as on SQLite, on a server of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import create_engine, text

from tests.unit.accounting.test_ledger import *  # noqa: F403

pytestmark = pytest.mark.lab

_NOBODY = 65534


def _program(name: str) -> str:
    """PostgreSQL's programs are not on the path in Debian."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server of its own, that listens on a socket only. It does not run as root."""
    place = Path(mkdtemp(prefix="overlay-pg-"))
    as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
    try:
        if as_nobody:
            os.chown(place, _NOBODY, _NOBODY)
        run = {"cwd": place, "check": True, "capture_output": True, **as_nobody}
        subprocess.run([_program("initdb"), "-D", str(place / "db"), "-U", "overlay", "-A", "trust", "-N"], **run)  # type: ignore[call-overload]
        options = f"-c listen_addresses='' -c unix_socket_directories={place}"
        start = [_program("pg_ctl"), "-D", str(place / "db"), "-o", options, "-l", str(place / "log"), "-w", "start"]
        subprocess.run(start, **{**run, "capture_output": False, "stdout": subprocess.DEVNULL})  # type: ignore[call-overload]
        try:
            yield f"postgresql+psycopg://overlay@/postgres?host={place}"
        finally:
            subprocess.run([_program("pg_ctl"), "-D", str(place / "db"), "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]
    finally:
        with suppress(OSError):
            shutil.rmtree(place)


@pytest.fixture
def url(postgresql: str, request: pytest.FixtureRequest) -> str:
    """A fresh database on it."""
    name = request.node.name[:60]
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        db.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgresql.replace("/postgres?", f"/{name}?")
