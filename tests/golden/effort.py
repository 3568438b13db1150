"""How hard property tests try: always the same few examples by default, many fresh ones with PROVE=full."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FULL = os.environ.get("PROVE") == "full"


def effort(short: int, full: int) -> settings:
    """Settings for a property test with this many examples. A failure prints how to reproduce it.

    Only in full mode is the failing example made small, which takes minutes.
    """
    return settings(
        max_examples=full if FULL else short,
        derandomize=not FULL,
        phases=tuple(Phase) if FULL else (Phase.explicit, Phase.generate),
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
