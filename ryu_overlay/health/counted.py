"""One flow of packets counted on either side: how both counters grew since both were there, and whether that differs. Pure.

A counter that was made anew starts all over, one that was only not read for a while does not. Loss is looked for in the last 4
to 180 s, in the last readings themselves first, then in medians of 4 and of 12 s (see `trend` for how).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from ryu_overlay.health.trend import FEWEST, Points, Rise, Stretch, rise, step, stopped, sure_rise

Key = tuple[int, str, str]
"""VNI, sending chassis, receiving chassis."""

_GRAINS = ((1, 17), (4, 16), (12, 15))
"""Of how many readings a point is the median, and how many points are kept."""
_WINDOWS = ((0, 5), (0, 7), (0, 9), (0, 12), (0, 17), (1, 8), (1, 16), (2, 8), (2, 15))
"""Where loss is looked for: in which of them, and in how many of the last points. 4 to 16 s, 32 and 64 s, 96 and 180 s."""
_RECENT = 17
"""After so many readings without traffic nothing has to be looked at, and what was before them counts no more."""
_SURE = 7
"""In how many readings a loss is looked for that no skew could make."""
RATE = 4
"""Over how many readings traffic is told."""


@dataclass(frozen=True, slots=True)
class Count:
    """A flow's packets so far, and its age in seconds, with the fraction that switches tell: it shows how far apart in time two
    counters were read. Without, a machine that is short of CPU for several readings in a row looks like loss."""

    packets: int
    age: float


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that certainly were lost: `lost` of the `sent` in the `seconds` up to the last reading, which is a `share` of 0 to
    1; it began at `since` and lasts. Or a `step`: lost at once in the `seconds` from `since`, and none after it."""

    key: Key
    lost: int
    sent: int
    share: float
    since: float
    seconds: float
    step: bool = False


@dataclass(frozen=True, slots=True)
class Grown:
    """By how much both counters grew from one reading of both to the next. `apart`: by how many seconds their ages differ more
    than when both began to be compared."""

    sent: int
    received: int
    apart: float


class _Side:
    """One of the two counters. `anew`: it was made anew since both were read; `grew_after`: when it was read before it grew."""

    __slots__ = ("anew", "at", "count", "grew_after", "marks")

    def __init__(self) -> None:
        self.at = self.grew_after = float("-inf")
        self.count = Count(0, 0.0)
        self.anew = True
        self.marks = array("d")

    def see(self, at: float, count: Count) -> None:
        last = self.count
        # An ADD over a flow that is there makes its age anew, not its packets: so they are never taken to begin at 0.
        if count.packets < last.packets or count.age < max(at - self.at, last.age):
            self.anew = True
            self.marks = array("d")
        elif count.packets > last.packets:
            self.grew_after = self.at
        self.marks.extend((at, count.packets))
        del self.marks[: -2 * (RATE + 1)]
        self.at, self.count = at, count

    def rate(self, readings: int) -> float:
        """Packets a second over the last so many readings, up to `RATE`."""
        marks = self.marks[-2 * (readings + 1) :]
        return (marks[-1] - marks[1]) / (marks[-2] - marks[0]) if len(marks) > 2 else 0.0


class Pair:
    """Both counters. Medians are taken in turn with other pairs', as the `turn` says. `grown` is None while it is not known."""

    __slots__ = ("_apart", "_both", "_idle", "_judged", "_loss", "_points", "_start", "_taken", "at", "grown", "received", "sent")

    def __init__(self, turn: int) -> None:
        self._taken = turn
        self.sent = _Side()
        self.received = _Side()
        self.at = self._judged = float("-inf")
        self.grown: Grown | None = None
        self._both = self.sent.count, self.received.count
        self._loss: Loss | None = None
        self._begin(self.sent.count, self.received.count)

    def _begin(self, sent: Count, received: Count) -> None:
        """Compare from here on."""
        self._start = (sent.packets, sent.packets - received.packets)
        self._apart = sent.age - received.age
        self._idle = 0
        self._points = [Points(most, of) for of, most in _GRAINS]

    def take(self, at: float, sent: Count | None, received: Count | None) -> bool:
        """Whether there was traffic lately, as far as is known."""
        before = (self.sent.count.packets, self.received.count.packets)
        self.grown = None
        for side, count in ((self.sent, sent), (self.received, received)):
            if count is not None and at > side.at:
                side.see(at, count)
        if sent is not None and received is not None and at > self.at:
            self.at = at
            self._idle = self._idle + 1 if before == (sent.packets, received.packets) else 0
            self.grown = None if self.sent.anew or self.received.anew else self._growth(sent, received)
            self._both = sent, received
            if self.sent.anew or self.received.anew:
                self._begin(sent, received)
                self.sent.anew = self.received.anew = False
            elif self._idle == _RECENT:
                for points in self._points[1:]:
                    points.clear()
            self._append(at, sent, received)
        return self._idle < _RECENT

    def _append(self, at: float, sent: Count, received: Count) -> None:
        recent, *coarser = self._points
        begun, apart = self._start
        lost = sent.packets - received.packets - apart
        recent.append((at, sent.packets - begun, lost, sent.age - received.age, self.sent.rate(1)))
        if self._idle >= _RECENT:
            return
        self._taken += 1
        for points, finer in zip(coarser, self._points):
            if self._taken % points.of:
                break
            points.append(finer.middle(points.of // finer.of))

    def _growth(self, sent: Count, received: Count) -> Grown:
        before = self._both
        apart = sent.age - received.age - self._apart
        return Grown(sent.packets - before[0].packets, received.packets - before[1].packets, apart)

    def loss(self, key: Key, told: bool) -> Loss | None:
        """What it loses, as of the last reading; `told` whether it was said to lose some a moment ago."""
        if self._judged != self.at:
            self._judged, self._loss = self.at, self.look(key, told)
        return self._loss

    def look(self, key: Key, told: bool) -> Loss | None:
        """The same, worked out anew."""
        recent = self._points[0]
        worth = [self._points[grain].may_rise(count) for grain, count in _WINDOWS]
        if len(recent) < FEWEST or not any(worth):
            return None
        timely = recent.last(_RECENT).timely()
        found = sure_rise(timely.last(_SURE)) or self._rise(timely, worth, told)
        if found is not None:
            return _loss(key, found)
        at_once = step(timely)
        return None if at_once is None else _loss(key, at_once, step=True)

    def _rise(self, timely: Stretch, worth: Sequence[bool], told: bool) -> Rise | None:
        """In the shortest window that shows it, of those `worth` looking at, unless a shorter one shows that it is over."""

        def window(grain: int, count: int) -> Stretch:
            return self._points[grain].last(count) if grain else timely.last(count)

        for place in (place for place, looked in enumerate(worth) if looked):
            grain, count = _WINDOWS[place]
            found = rise(window(grain, count), window(grain, _RECENT).lost[:-count], told)
            if found is not None:
                return None if any(stopped(found, window(*shorter)) for shorter in _WINDOWS[:place]) else found
        return None


def _loss(key: Key, found: Rise, step: bool = False) -> Loss:
    return Loss(key, round(found.lost), round(found.sent), found.share, found.since, found.seconds, step)
