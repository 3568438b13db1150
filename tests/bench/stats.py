"""Measured values and what is said of them: median, spread, percentiles, ratios of pairs. Knows nothing of units."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one quantity, in the order they were measured. Never empty."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for no values, or for one that is not a finite number."""
        if not self.values or not all(math.isfinite(value) for value in self.values):
            raise ValueError(f"not a sample: {self.values!r}")

    @classmethod
    def of(cls, values: Iterable[float]) -> Sample:
        return cls(tuple(float(value) for value in values))

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def percentile(self, percent: float) -> float:
        """The smallest value that at least `percent` (over 0, to 100) of the values do not exceed (nearest rank)."""
        if not 0 < percent <= 100:
            raise ValueError(f"percentile {percent}")
        return sorted(self.values)[math.ceil(percent / 100 * self.n) - 1]


def ratios(ours: Sample, other: Sample) -> Sample:
    """What was measured in the same turn, divided. Raises ValueError when the turns do not pair up."""
    if ours.n != other.n:
        raise ValueError(f"{ours.n} turns against {other.n}")
    return Sample(tuple(a / b for a, b in zip(ours.values, other.values)))
