"""How hard property tests try: the same few examples each time, or many fresh ones with PROVE=full."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FULL = os.environ.get("PROVE") == "full"
EXAMPLES = 1000 if FULL else 40


def use_profile() -> None:
    """Make it so for every property test that does not say otherwise."""
    # How long an example takes says more about the machine than about the code.
    any_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    settings.register_profile("ci", any_machine, max_examples=EXAMPLES, derandomize=True, database=None)
    settings.register_profile("full", any_machine, max_examples=EXAMPLES, print_blob=True)
    settings.load_profile("full" if FULL else "ci")


def times(factor: float) -> settings:
    """Settings of a property test that needs, or can afford, `factor` times as many examples as others."""
    return settings(max_examples=max(1, round(factor * EXAMPLES)))
