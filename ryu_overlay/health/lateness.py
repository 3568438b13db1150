"""Which directions take longer than they did, beside the others: what all of them have is the controller's."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from ryu_overlay.health.direction import TRIED_WITHIN, Direction
from ryu_overlay.health.probes import Pair

_LATE, _LATE_FOR_CERTAIN = 0.01, 0.03
"""Seconds by which probes of a direction have to be later than usual; and by which they are late however much they scatter."""
_COMMON = 4
"""What one direction of so many has all have: not more than three of four are of one slow link."""


class Lateness:
    """`late` has since when, and by how many seconds, of the directions that are `timed`."""

    def __init__(self) -> None:
        self.late: dict[Pair, tuple[float, float]] = {}
        self.timed: frozenset[Pair] = frozenset()

    def judge(self, directions: Mapping[Pair, Direction], now: float, answers: Mapping[str, float]) -> None:
        """Compare them all as they are now. `answers`: seconds that bridges took to answer lately: a host that is late
        itself makes its probes late, and the quickest of them tells how late the controller is at most."""
        known = [usual for d in directions.values() if (usual := d.usual) is not None]
        shifts = _shifts(directions, median(known), now) if known else {}
        common = (
            min(max(sorted(shifts.values())[len(shifts) // _COMMON], 0.0), min(answers.values(), default=0.0)) if shifts else 0.0
        )
        self.timed = frozenset(shifts)
        for pair, direction in directions.items():
            own = max(answers.get(pair[0], 0.0), answers.get(pair[1], 0.0))
            shift = shifts.get(pair, 0.0) - max(common, own)
            if shift > max(_LATE, min(direction.spread, _LATE_FOR_CERTAIN)):
                self.late[pair] = self.late.get(pair, (now, 0.0))[0], shift
            else:
                self.late.pop(pair, None)
            direction.late = pair in self.late
        for gone in self.late.keys() - directions.keys():
            del self.late[gone]


def _shifts(directions: Mapping[Pair, Direction], elsewhere: float, now: float) -> dict[Pair, float]:
    tried = ((p, d.shift(elsewhere)) for p, d in directions.items() if now - d.tried < TRIED_WITHIN)
    return {pair: shift for pair, shift in tried if shift is not None}
