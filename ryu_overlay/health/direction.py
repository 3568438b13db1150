"""What probes tell of one direction between two chassis, for one size of packet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

KEPT = 240
DOWN_AFTER, DOWN_AFTER_STRAYS = 12, 24
"""Probes lost in a row before a direction is down; and if it lost others lately, though some passed. Half of them lost is
not all."""
_LATELY, _STRAYS = 5.0, 1
_LATE_AT_MOST = 0.4
"""Seconds by which a probe may be late in a queue before that counts as carrying nothing."""
TRIED_WITHIN = 3.0
"""Seconds after which what was last seen of it tells nothing any more."""
_LAST, _LEARNED_FROM, _LEARNED = 10, 30, 400


@dataclass(slots=True)
class Direction:
    """Results of steady probes, the oldest first: when each was sent, and whether it passed. `run` probes were lost since one
    passed, the first of them sent at `run_since`, the last of all at `tried`. Nothing before `since` counts: it was down
    then, or not to be judged.

    Times are in seconds by the caller's clock. `corrupted` are the times of probes that came with other bytes. While it is
    `late`, what probes take is not learned as usual.
    """

    since: float = 0.0
    tried: float = 0.0
    results: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=KEPT))
    corrupted: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    run: int = 0
    run_since: float = 0.0
    passed_at: float | None = None
    late: bool = False
    _figures: tuple[float, float] | None = None
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))
    _usual: deque[float] = field(default_factory=lambda: deque(maxlen=_LEARNED))

    def passed(self, sent: float, took: float, whole: bool, steady: bool = True) -> None:
        """A probe came through, in so many seconds; `whole`: with all its bytes as they were. `steady`: not one of a burst, which
        delays itself."""
        self.tried = max(self.tried, sent)
        if self.run >= DOWN_AFTER and self.down(sent):
            self.since = sent
        self.run = 0
        self.passed_at = sent if self.passed_at is None else max(self.passed_at, sent)
        if not whole:
            self.corrupted.append(sent)
        if steady:
            self.results.append((sent, True))
            self._took.append(took)
            if not self.late:
                self._usual.append(took)
                self._figures = None

    def lost(self, sent: float, steady: bool = True) -> None:
        """A probe was lost for certain."""
        self.tried = max(self.tried, sent)
        if steady:
            self.results.append((sent, False))
        if self.passed_at is None or sent >= self.passed_at:
            self.run_since = sent if self.run == 0 else min(self.run_since, sent)
            self.run += 1

    def came_late(self, sent: float, took: float) -> None:
        """A probe that was taken for lost came after all."""
        if (sent, False) in self.results:
            self.results[self.results.index((sent, False))] = (sent, True)
            self._took.append(took)
        self.run = 0
        self.passed_at = sent if self.passed_at is None else max(self.passed_at, sent)

    def begin_anew(self, now: float) -> None:
        """Forget what was lost so far: it was not this direction's fault."""
        self.run, self.since = 0, now
        self._took.clear()

    def down(self, now: float) -> bool:
        """Whether it carries nothing, as far as it is being tried."""
        if self.run < DOWN_AFTER or now - self.tried >= TRIED_WITHIN or now - self.run_since < _LATE_AT_MOST:
            return False
        return self.run >= DOWN_AFTER_STRAYS or self.strays(self.run_since - _LATELY) <= _STRAYS

    def is_clean(self, now: float) -> bool:
        """Whether next to no probe was lost lately."""
        return self.run == 0 and self.strays(now - _LATELY) <= _STRAYS

    def strays(self, since: float) -> int:
        """How many of those sent since then were lost though others passed."""
        lost = [at for at, ok in self.results if not ok and at >= max(since, self.since)]
        return len([at for at in lost if self.run == 0 or at < self.run_since])

    def count(self, since: float) -> int:
        """How many were sent since then."""
        return sum(at >= since for at, _ in self.results)

    def lost_since(self, since: float) -> int:
        return sum(not ok and at >= since for at, ok in self.results)

    def corruptions(self, since: float) -> int:
        """How many of those sent since then came with other bytes."""
        return sum(at >= since for at in self.corrupted)

    @property
    def usual(self) -> float | None:
        """Seconds that probes usually take, None while it is not known."""
        return self._worked_out()[0] if len(self._usual) >= _LEARNED_FROM else None

    @property
    def spread(self) -> float:
        """How far from the usual the slowest of twenty probes is, in seconds."""
        return self._worked_out()[1]

    def shift(self, elsewhere: float) -> float | None:
        """Seconds that the last probes took more than is usual, or if that is not known, than `elsewhere`; by their medians."""
        if len(self._took) < _LAST:
            return None
        usual = self.usual
        return median(self._took) - (elsewhere if usual is None else usual)

    def _worked_out(self) -> tuple[float, float]:
        if self._figures is None:
            usual = sorted(self._usual)
            middle = usual[len(usual) // 2] if usual else 0.0
            self._figures = middle, (usual[int(0.95 * (len(usual) - 1))] - middle if usual else 0.0)
        return self._figures
