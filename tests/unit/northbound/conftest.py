from __future__ import annotations

import pytest

from tests.unit.northbound.memory import RED, Caller, MemoryService


@pytest.fixture
def service() -> MemoryService:
    return MemoryService()


@pytest.fixture
def call(service: MemoryService) -> Caller:
    """An empty network."""
    return Caller(service)


@pytest.fixture
def red(call: Caller) -> Caller:
    """A network with the tenant RED."""
    assert call("POST", "/v1/tenants", RED)[0] == 201
    return call
