"""Whether packets are lost between two counters, out of readings that are never quite of the same moment. Pure.

With D = sent - received, loss is what makes D grow with `sent`. What else moves D, and what is done about it:

1. The two sides of a reading are some `SKEW` apart, always in the same direction or not: D is off by that times the rate. So
   growth counts only beyond what skew can make of the rates seen, and more readings narrow that down. The ages of the two flows
   tell if there is more of it.
2. One side is read much later than the other, now and then. The ages tell, where they are fine enough: such readings are left
   out (`Stretch.timely`). Where they are not, medians and the median of all slopes do not follow a few.
3. Packets are lost at once, and no more: a step (`step`), not a rise (`rise`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import median

SKEW = 0.015
"""How far apart in time the two sides of a reading are to be expected, in seconds."""
APART = 0.05
"""How much farther than usual they may be to be of use, in seconds."""
LEAST = 4
"""Fewer packets than these are never certain to be lost."""
LEAST_SHARE = 0.0005
FEWEST = 5
"""A rise has at least so many readings."""
_SIGMA = 1.4826
"""What makes of the median of deviations a standard deviation, if they are normal ones."""
_AT_ONCE = 0.6
"""What for more than this share of it grows between two readings does not rise."""
_SIDE = 4
"""A step has at least so many readings before and after it."""

Row = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Rise:
    """Packets `lost` of those `sent` in the `seconds` that end with the last reading, and which `share` that is, 0 to 1. Before
    `since` none seem to be lost."""

    lost: float
    sent: float
    share: float
    since: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings in a row, by column: when; packets sent, and lost if the sides were together, both from any start; by how much
    the sides' ages differ; packets sent a second up to there. Each stands for `of` readings."""

    at: Sequence[float]
    sent: Sequence[float]
    lost: Sequence[float]
    skew: Sequence[float]
    rate: Sequence[float]
    of: int = field(default=1, kw_only=True)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def seconds(self) -> float:
        return self.at[-1] - self.at[0]

    @property
    def third(self) -> int:
        """How many are a third of them."""
        return (len(self) + 1) // 3

    @property
    def grown(self) -> float:
        """By how much `lost` grew from the first to the last, as their thirds say."""
        return 1.5 * (median(self.lost[-self.third :]) - median(self.lost[: self.third]))

    @property
    def skewed(self) -> float:
        """How many packets skew can make of difference: as is to be expected, or more if ages say so."""
        return max(SKEW, (max(self.skew) - min(self.skew)) / 2) * max(self.rate)

    @property
    def doubt(self) -> float:
        """How much of a growth skew alone could make."""
        drift = abs(median(self.skew[-self.third :]) - median(self.skew[: self.third])) * max(self.rate)
        noise = 4 * self.skewed * sqrt(FEWEST / len(self) / self.of)
        return max(LEAST, noise) + SKEW * (max(self.rate) - min(self.rate)) + drift

    def last(self, count: int) -> Stretch:
        """The last of them."""
        return Stretch(*(c[-count:] for c in (self.at, self.sent, self.lost, self.skew, self.rate)), of=self.of)

    def timely(self) -> Stretch:
        """Without those whose sides were read at different times."""
        usual = median(self.skew)
        keep = [abs(skew - usual) <= APART for skew in self.skew]
        if all(keep):
            return self
        columns = (self.at, self.sent, self.lost, self.skew, self.rate)
        return Stretch(*([v for v, kept in zip(column, keep) if kept] for column in columns), of=self.of)


class Points:
    """The last so many readings, each (at, sent, lost, skew, rate) as in a stretch: rows of one array, for there are many."""

    __slots__ = ("_most", "_rows", "of")
    _WIDTH = 5

    def __init__(self, most: int, of: int = 1) -> None:
        self._most = most * self._WIDTH
        self.of = of
        self._rows = array("d")

    def __len__(self) -> int:
        return len(self._rows) // self._WIDTH

    def append(self, row: Row) -> None:
        self._rows.extend(row)
        if len(self._rows) > self._most:
            del self._rows[: self._WIDTH]

    def clear(self) -> None:
        del self._rows[:]

    def last(self, count: int) -> Stretch:
        """The last of them, or all if there are fewer."""
        rows = self._rows[-count * self._WIDTH :]
        return Stretch(*(rows[column :: self._WIDTH] for column in range(self._WIDTH)), of=self.of)

    def middle(self, count: int) -> Row:
        """The medians of the last of them, and of their rates the highest."""
        found = self.last(count)
        return median(found.at), median(found.sent), median(found.lost), median(found.skew), max(found.rate)

    def may_rise(self, count: int) -> bool:
        """At little cost, whether there are so many and the last of them are worth looking at."""
        rows, width = self._rows, self._WIDTH
        start = len(rows) - count * width
        if start < 0:
            return False
        first, last = (sorted(rows[at : at + 3 * width : width])[1] for at in (start + 2, len(rows) - 3 * width + 2))
        grown = last - first
        skewed = SKEW * rows[-1] * sqrt(FEWEST / count / self.of)
        return grown >= max(LEAST / 2, skewed, LEAST_SHARE / 4 * (rows[-4] - rows[start + 1]))


def rise(found: Stretch, before: Sequence[float] = (), told: bool = False) -> Rise | None:
    """The loss that lasts through a stretch of at least `FEWEST` readings, at the latest from its first third on. `before` is
    `lost` until then: what only comes back to that was skew. To go on with one that was `told` a moment ago, half of what makes
    it certain is enough."""
    if len(found) < FEWEST:
        return None
    ease = 0.5 if told else 1.0
    sent = found.sent[-1] - found.sent[0]
    doubt = found.doubt * ease
    if found.grown < max(LEAST_SHARE * ease * sent, doubt / 2):
        return None
    share = _slope(found.sent, found.lost)
    lost = share * sent
    beside = [d - share * s for s, d in zip(found.sent, found.lost)]
    if share < LEAST_SHARE * ease or lost < max(doubt, 4 * ease * _noise(beside)):
        return None
    if ease * _spread(beside) > 0.9 * min(_spread(found.lost[:at]) + _spread(found.lost[at:]) for at in range(1, len(found))):
        return None
    parts = found.lost[: found.third], found.lost[found.third : -found.third], found.lost[-found.third :]
    first, middle, last = (median(part) for part in parts)
    if len(before) > 1 and last < sorted(before)[-2] + lost / 4:
        return None
    if min(middle - first, last - middle) < (last - first) / 5 or _largest(found) > _AT_ONCE * lost:
        return None
    return _begun(found, 0, min(parts[0]))


def sure_rise(found: Stretch) -> Rise | None:
    """The loss that is certain even if each counter was read up to one reading late: of what was sent by the last but one, more
    did not come by the last than can have been sent between a reading and the next. Finds what loses nearly all, at once."""
    if len(found) < FEWEST:
        return None
    received = [s - d for s, d in zip(found.sent, found.lost)]
    start = max(range(len(found) - 2), key=lambda i: received[i] - found.sent[i + 1])
    certain = found.sent[-2] - received[-1] + received[start] - found.sent[start + 1]
    if certain < max(LEAST, 4 * found.skewed):
        return None
    loss = _begun(found, start, found.lost[start])
    least = max(loss.share * (found.sent[-1] - found.sent[-3]), certain / len(found)) / 2
    if found.lost[-1] - found.lost[-3] < least or _largest(found) > _AT_ONCE * (found.lost[-1] - found.lost[start]):
        return None
    return loss


def stopped(loss: Rise, lately: Stretch) -> bool:
    """Whether a loss, as seen over a longer time, would show lately and does not, be it that nothing is sent any more."""
    expected = loss.lost / loss.seconds * lately.seconds
    return expected >= lately.doubt and lately.grown < expected / 4


def step(found: Stretch) -> Rise | None:
    """What was lost between two readings that have none lost before and after them, of those sent between them."""
    if len(found) < 2 * _SIDE:
        return None
    at = max(range(1, len(found)), key=lambda i: found.lost[i] - found.lost[i - 1])
    before, after = found.lost[:at], found.lost[at:]
    if min(len(before), len(after)) < _SIDE:
        return None
    height = median(after) - median(before)
    if height < max(LEAST, 4 * max(_noise(before), _noise(after), found.skewed)):
        return None
    if any(abs(median(side[len(side) // 2 :]) - median(side[: len(side) // 2])) > height / 4 for side in (before, after)):
        return None
    sent = max(found.sent[at] - found.sent[at - 1], height)
    return Rise(height, sent, height / sent, found.at[at - 1], found.at[at] - found.at[at - 1])


def _begun(found: Stretch, start: int, level: float) -> Rise:
    """What is lost since a reading or, if `lost` stays at about a level, a later one. It counts from the next reading on: of what
    was sent between the two only some may have been lost."""
    while start < len(found) - 3 and found.lost[start + 1] <= level + (found.lost[-1] - level) / 10:
        start += 1
    sent, lost = found.sent[start + 1 :], found.lost[start + 1 :]
    share = min(_slope(sent, lost), 1.0)
    return Rise(share * (sent[-1] - sent[0]), sent[-1] - sent[0], share, found.at[start], found.at[-1] - found.at[start + 1])


def _largest(found: Stretch) -> float:
    """The most that `lost` grew from one reading to the next."""
    return max(b - a for a, b in zip(found.lost, found.lost[1:]))


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The median of the slopes between any two points (Theil and Sen)."""
    count = len(x)
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(count) for j in range(i + 1, count) if x[j] > x[i]]
    return median(slopes) if slopes else 0.0


def _spread(values: Sequence[float]) -> float:
    """By how much they are off their median, in sum."""
    middle = median(values)
    return sum(abs(v - middle) for v in values)


def _noise(values: Sequence[float]) -> float:
    """The standard deviation, as the median of deviations says."""
    middle = median(values)
    return _SIGMA * median(abs(v - middle) for v in values)
