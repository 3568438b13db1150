"""Wait for what has to come true, with a deadline; never for time alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(what: str, condition: Callable[[], T], seconds: float = 20.0) -> T:
    """What `condition` gives once it is true. Raises AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; last seen: {value!r}"
        time.sleep(0.05)
