"""Waiting for what the engine has to come to, such as that bridges have confirmed flows that are there for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

import eventlet

_LOOKED_AT_EVERY = 0.001


def comes_true(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds, or does within so many seconds. Blocks this greenthread only."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= until:
            return False
        eventlet.sleep(_LOOKED_AT_EVERY)
    return True
