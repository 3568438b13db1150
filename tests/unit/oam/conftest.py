"""Tests that need Open vSwitch's programs, but not root, are marked `ovs`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ovs: needs Open vSwitch's programs (no root, no kernel module)")
