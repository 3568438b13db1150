"""The numbers of the meters that count what uplinks and floating IPs carry: eight for each account, from 256 on.

Meters count each packet when it passes. Counters of flows are told later, of whatever flow would match by then: see
docs/decisions/0022-usage-is-counted-by-meters.md.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ryu_overlay.openflow.diff import COUNTING

Peer = Literal["internet", "own", "others"]
"""Whose the address at the other end is: nobody's here, the tenant's own, or another tenant's."""
Way = Literal["out", "in"]
"""Out of the tenant's network, or into it."""
PEERS: tuple[Peer, ...] = ("internet", "own", "others")
WAYS: tuple[Way, ...] = ("out", "in")
_OF_AN_ACCOUNT, _OF_A_WAY = 8, 4


class Line(NamedTuple):
    """What one meter counts."""

    account: int
    peer: Peer
    way: Way


def meter_of(line: Line) -> int:
    """The number of the meter that counts it."""
    within = WAYS.index(line.way) * _OF_A_WAY + PEERS.index(line.peer)
    return COUNTING + _OF_AN_ACCOUNT * (line.account - 1) + within


def line_of(number: int) -> Line | None:
    """What the meter with that number counts, None if it is none of these."""
    account, within = divmod(number - COUNTING, _OF_AN_ACCOUNT)
    way, peer = divmod(within, _OF_A_WAY)
    return Line(account + 1, PEERS[peer], WAYS[way]) if account >= 0 and peer < len(PEERS) else None
