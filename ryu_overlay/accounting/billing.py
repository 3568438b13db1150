"""The two ways in which uplinks are billed: by volume, and by the 95th percentile of the rate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil


def percentile_95(volumes: Mapping[int, int], since: int, until: int, length: int) -> float:
    """Bits a second that 95 % of the intervals of a month did not exceed: they are sorted, the highest 5 % are left out, and the
    highest of the rest counts. `volumes` are bytes by the interval's start; those without any count as 0.

    Raises ValueError if there is no whole interval in the time.
    """
    count = (until - since) // length
    if count < 1:
        raise ValueError("there is no whole interval in that time")
    seen = sorted(volume for start, volume in volumes.items() if since <= start < since + count * length)
    at = ceil(0.95 * count) - 1 - (count - len(seen))
    return 8 * seen[at] / length if at >= 0 else 0.0


def billed(ways: Iterable[tuple[Mapping[int, int], Mapping[int, int]]], since: int, until: int, length: int) -> float:
    """The 95th percentile of several uplinks together: of either direction the higher one."""
    incoming, outgoing = dict[int, int](), dict[int, int]()
    for came, left in ways:
        for found, volumes in ((incoming, came), (outgoing, left)):
            for start, volume in volumes.items():
                found[start] = found.get(start, 0) + volume
    return max(percentile_95(volumes, since, until, length) for volumes in (incoming, outgoing))
