"""When a packet was where it was seen, from when bridges told of it. Pure.

Bridges tell by connections of their own, so what one says is sometimes heard of after what came later. It had happened by then:
so no place is later than those behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ryu_overlay.oam.observed import Crossing, Seen


def in_order(way: Sequence[Seen]) -> list[Seen]:
    """The same places, none with a time later than that of any behind it."""
    found: list[Seen] = []
    latest = math.inf
    for seen in reversed(way):
        if isinstance(seen, Crossing):
            received = None if seen.received_ms is None else min(seen.received_ms, latest)
            latest = min(seen.sent_ms, latest if received is None else received)
            found.append(replace(seen, sent_ms=latest, received_ms=received))
        else:
            latest = min(seen.at_ms, latest)
            found.append(replace(seen, at_ms=latest))
    return found[::-1]
