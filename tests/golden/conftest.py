"""What the golden tests share: marks, and bridges of Open vSwitch on its dummy datapath.

Tests that need Open vSwitch's programs, but not root, are marked `ovs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from tests.golden.networks import CHASSIS, MAX_BOUND, TUNNELS
from tests.golden.networks_out import PATCH
from tests.golden.rig import Loaded, Rig, rig
from tools.scenarios import Chassis, Scenario, scenarios


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ovs: needs Open vSwitch's programs (no root, no kernel module)")


@pytest.fixture(scope="module", params=scenarios(), ids=lambda s: s.name)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Each scenario in turn."""
    scenario: Scenario = request.param
    with rig(tmp_path_factory.mktemp("ovs"), scenario.chassis) as made:
        made.load(scenario.programs)
        yield Loaded(scenario, made)


@pytest.fixture(scope="module")
def chassis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Bridges for the networks that are made up, still without flows."""
    ports = {f"vif{n}": n for n in range(1, MAX_BOUND + 1)}
    patches = {"physnet1": PATCH}
    empty = {name: Chassis(IPv4Address("172.31.0.1"), ports, TUNNELS[name], patches) for name in CHASSIS}
    with rig(tmp_path_factory.mktemp("ovs"), empty) as made:
        yield made
