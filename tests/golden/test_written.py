"""Files under `flows/` are what `make flows` would write now."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tools.flows import superfluous_files, written_files
from tools.scenarios import FLOWS, scenarios


@pytest.mark.parametrize("path", written_files(), ids=lambda path: str(path.relative_to(FLOWS)))
def test_a_written_file_is_up_to_date(path: Path) -> None:
    wanted = written_files()[path]
    there = path.read_text() if path.exists() else ""
    name = str(path.relative_to(FLOWS.parent))
    diff = "".join(difflib.unified_diff(there.splitlines(True), wanted.splitlines(True), name, f"{name} as it should be", n=0))
    assert there == wanted, f"run make flows, and look at what changed:\n{diff}"


def test_nothing_written_is_left_over() -> None:
    assert superfluous_files() == []


def test_the_same_scenario_always_compiles_to_the_same_flows() -> None:
    assert written_files() == written_files()


def test_every_scenario_is_whole() -> None:
    for scenario in scenarios():
        assert {p.name for p in scenario.path.glob("*.json")} - {"fabric.json"} == {
            "network.json",
            "bridges.json",
            "packets.json",
        }
        assert {p.stem for p in scenario.path.glob("*.flows")} == set(scenario.chassis)
