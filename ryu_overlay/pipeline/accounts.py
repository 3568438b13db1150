"""The numbers of the meters that count what tenants, uplinks and floating IPs carry: eight for each account, from 256 on.

Meters count each packet when it passes. Counters of flows are told later, of whatever flow would match by then: see
docs/decisions/0022-usage-is-counted-by-meters.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from ryu_overlay.openflow.diff import COUNTING

Peer = Literal["internet", "own", "others", "inside"]
"""Whose the other end's address is: nobody's here, an external one of the tenant's own, another tenant's; or it is inside."""
Way = Literal["out", "in"]
"""Out of the tenant's network, or into it. What stays inside is "out", of the VM that sent it."""
PEERS: tuple[Peer, ...] = ("internet", "own", "others")
"""Those at the other end of an uplink."""
WAYS: tuple[Way, ...] = ("out", "in")
CLASSES: tuple[tuple[Peer, Way], ...] = (*((peer, way) for way in WAYS for peer in PEERS), ("inside", "out"))
"""All that is told apart, in the order of their meters."""
_OF_AN_ACCOUNT = 8


class Line(NamedTuple):
    """What one meter counts."""

    account: int
    peer: Peer
    way: Way


def meter_of(line: Line) -> int:
    """The number of the meter that counts it."""
    return COUNTING.start + _OF_AN_ACCOUNT * (line.account - 1) + CLASSES.index((line.peer, line.way))


@lru_cache(maxsize=1 << 16)
def line_of(number: int) -> Line | None:
    """What the meter with that number counts, None if it is none of these."""
    account, within = divmod(number - COUNTING.start, _OF_AN_ACCOUNT)
    return Line(account + 1, *CLASSES[within]) if number in COUNTING and within < len(CLASSES) else None
