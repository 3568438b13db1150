"""One lab with the demo network for a module of acceptance tests, and the evidence they gather."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mininet_topos.lab import Lab
from mininet_topos.scenarios import DEMO, populate
from tests.acceptance.evidence import Evidence


@pytest.fixture(scope="module")
def evidence(request: pytest.FixtureRequest) -> Iterator[Evidence]:
    gathered = Evidence(request.module.CAPABILITY, request.module.TITLE)
    yield gathered
    gathered.write()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    options = {"audit-interval": 2}
    with Lab(f"a{os.getpid()}", hypervisors=DEMO.hypervisors, controller_options=options) as made:
        populate(made, DEMO)
        yield made
