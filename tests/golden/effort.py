"""How hard property tests try that take long for each example."""

from __future__ import annotations

from hypothesis import Phase, settings

from tests.effort import FULL, times


def heavy(factor: float) -> settings:
    """As `times`; but only with PROVE=full is a failing example made small, which takes minutes."""
    return settings(times(factor), phases=tuple(Phase) if FULL else (Phase.explicit, Phase.generate))
