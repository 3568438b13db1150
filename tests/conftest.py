"""How hard property tests try, for all of them: the same few examples each time, or many fresh ones with PROVE=full."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

settings.register_profile("ci", _ANY_MACHINE, max_examples=40, derandomize=True, database=None)
settings.register_profile("full", _ANY_MACHINE, max_examples=1000, print_blob=True)
settings.load_profile("full" if os.environ.get("PROVE") == "full" else "ci")
