from __future__ import annotations

import pytest

from tests.unit.northbound.memory import GREEN, INTERNET, RED, Caller, MemoryService


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


@pytest.fixture
def green(red: Caller) -> Caller:
    """The same, with the external network INTERNET and the tenant GREEN."""
    assert red("POST", "/v1/external-networks", INTERNET)[0] == 201
    assert red("POST", "/v1/tenants", GREEN)[0] == 201
    return red
