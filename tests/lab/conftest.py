"""Fixtures for tests on real packets: labs with names of their own, ended whatever happens. They need root."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mininet_topos.lab import Lab

LabMaker = Callable[..., Lab]
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        pytest.fail("labs are made of network namespaces: run as root", pytrace=False)


def new_lab_name() -> str:
    """A name no other test has, in this process or in another one on this machine."""
    return f"t{os.getpid()}n{next(_numbers)}"


@pytest.fixture
def lab_name() -> str:
    return new_lab_name()


@pytest.fixture
def make_lab() -> Iterator[LabMaker]:
    """Opens labs that end with the test; takes what `Lab` takes, but the name."""
    with ExitStack() as stack:

        def make(**options: Any) -> Lab:
            return stack.enter_context(Lab(new_lab_name(), **options))

        yield make
