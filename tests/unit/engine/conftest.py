"""What the tests of the engine share."""

from __future__ import annotations

import pytest

from tests.unit.engine.world import World, port, tenant


@pytest.fixture
def world() -> World:
    """Two tenants on three hypervisors, all confirmed."""
    world = World()
    world.edit(*tenant(1), *tenant(2), *(port(t, s, 2 * n + s) for t in (1, 2) for s in (1, 2) for n in range(3)))
    for number, known in enumerate(sorted(world.network.port_by_name)):
        world[f"hv{number % 3 + 1}"].plug(known)
    world.start()
    return world
