"""The whole harness on real packets, in its short form, and without OVN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mininet_topos.workspace import NAMESPACES, RUN_ROOT
from tests.bench import ovn
from tests.bench.effort import QUICK
from tests.bench.figures import FIGURES
from tests.bench.results import KERNEL, OURS, OVN, PLAIN
from tests.bench.sides import Bench

pytestmark = pytest.mark.lab
_ROOT = Path(__file__).parents[2]
_SECONDS = 240


def _left_behind(pid: int) -> list[str]:
    return [path.name for folder in (NAMESPACES, RUN_ROOT) if folder.is_dir() for path in folder.glob(f"b{pid}*")]


def test_a_quick_run_measures_every_figure_and_leaves_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.bench", "--quick", "--output", str(tmp_path)]
    process = subprocess.Popen(argv, cwd=_ROOT, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate(timeout=_SECONDS)
    finally:
        # A run that is told to end takes its labs with it; one that has ended does not mind.
        process.terminate()
        process.wait()
    assert process.returncode == 0, said
    found = json.loads((tmp_path / "benchmarks.json").read_text())
    assert [figure["name"] for figure in found["figures"]] == list(FIGURES) and found["failed"] == {}
    sides = {side for figure in found["figures"] for row in figure["rows"] for side in row["sides"]}
    assert sides == {OURS, PLAIN, KERNEL} | ({OVN} if ovn.installed() else set())
    assert "short run" in (tmp_path / "benchmarks.md").read_text()
    assert _left_behind(process.pid) == []


def test_without_ovn_there_is_no_comparison_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovn, "installed", lambda: False)
    with Bench() as bench:
        figures = [FIGURES[name](bench, QUICK) for name in ("first-packet", "connections", "floating")]
    assert all(set(row.samples) == {OURS} for figure in figures for row in figure.rows)
    assert _left_behind(os.getpid()) == []
