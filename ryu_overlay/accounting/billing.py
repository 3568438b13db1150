"""The two ways in which uplinks are billed: by volume, and by the 95th percentile of the rate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import ceil

from ryu_overlay.accounting.summary import Sum, Whose
from ryu_overlay.pipeline.accounts import Way

_WAYS: tuple[Way, Way] = ("in", "out")


def percentile_95(volumes: Mapping[int, int], since: int, until: int, length: int) -> float:
    """Bits a second that 95 % of the intervals of a month did not exceed: they are sorted, the highest 5 % are left out, and the
    highest of the rest counts. `volumes` are bytes by the interval's start; those without any count as 0.

    Raises ValueError if there is no whole interval in the time.
    """
    count = (until - since) // length
    if count < 1:
        raise ValueError("there is no whole interval in that time")
    seen = sorted(volume for start, volume in volumes.items() if since <= start < since + count * length)
    at = ceil(count * 95 / 100) - 1 - (count - len(seen))
    return 8 * seen[at] / length if at >= 0 else 0.0


@dataclass(frozen=True, slots=True)
class Bill:
    """A month of somebody's traffic with the internet: by volume, and by the 95th percentile of the rate in bits a second, of
    either way and of the higher one. `intervals` of `length` seconds were looked at."""

    whose: Whose
    volume: tuple[int, int]
    percentile: tuple[float, float]
    intervals: int
    complete: bool

    @property
    def billed(self) -> float:
        """The higher percentile."""
        return max(self.percentile)


def bills(sums: Sequence[Sum], since: int, until: int, length: int) -> Iterator[Bill]:
    """Bills of a time from sums by interval. Intervals of other lengths, of which finer ones are gone, are spread evenly."""
    by_whose: dict[Whose, list[Sum]] = {}
    for each in sums:
        by_whose.setdefault(each.whose, []).append(each)
    for who, own in by_whose.items():
        volumes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for each in own:
            for volume, way in zip(volumes, _WAYS):
                _spread(volume, each, each.of("internet", way).bytes, length)
        totals = sum(volumes[0].values()), sum(volumes[1].values())
        rates = percentile_95(volumes[0], since, until, length), percentile_95(volumes[1], since, until, length)
        yield Bill(who, totals, rates, (until - since) // length, all(each.complete for each in own))


def _spread(volume: dict[int, int], each: Sum, octets: int, length: int) -> None:
    """Share what a sum carried among the intervals in it, to the byte."""
    starts = range(int(each.start) // length * length, int(each.start + each.length), length)
    for number, start in enumerate(starts):
        part = octets * (number + 1) // len(starts) - octets * number // len(starts)
        volume[start] = volume.get(start, 0) + part


def month(text: str) -> tuple[int, int]:
    """From when to when a month lasts, in UTC: "2026-11". Raises ValueError for what is none."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise ValueError("must be a month, such as 2026-11") from error
    after = (first + timedelta(days=32)).replace(day=1)
    return int(first.timestamp()), int(after.timestamp())
