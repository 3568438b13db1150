"""What each chassis sends and gets in all: loss spread over networks and peers shows there before it shows in any. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ryu_overlay.health.counted import Count, Grown, Key, Loss, Pair
from ryu_overlay.health.elements import ANY

_ALL = 0
"""In place of a VNI."""
_OLD = 1e6
"""Seconds that sums are old to begin with: what they are made of may come and go, they stay."""


class Ends:
    """Sums of what counters grew by, for each chassis and either direction. What is added of one moment is one reading."""

    def __init__(self) -> None:
        self._sums: dict[Key, _Sum] = {}
        self._at = float("-inf")
        self._open: dict[Key, list[Grown]] = {}

    def add(self, key: Key, at: float, grown: Grown) -> None:
        """What one pair of counters grew by since they were read before."""
        if at != self._at:
            self._close()
            self._at = at
        for end in _ends(key):
            self._open.setdefault(end, []).append(grown)

    def forget(self, key: Key) -> None:
        """What was lost there says nothing of what comes."""
        for end in _ends(key):
            self._sums.pop(end, None)
            self._open.pop(end, None)

    def findings(self, now: float, stale: float, hints: bool = False) -> list[Loss]:
        """Where packets are being lost, all of the last reading having been added; `hints`: half of what makes it certain is
        enough. In a key, the VNI is 0 and one chassis ANY."""
        self._close()
        for end in [end for end, known in self._sums.items() if now - known.pair.at > stale]:
            del self._sums[end]
        losses = (known.loss(end, hints) for end, known in self._sums.items() if known.is_busy)
        return [loss for loss in losses if loss is not None and not loss.step]

    def _close(self) -> None:
        for end, found in self._open.items():
            known = self._sums.get(end)
            if known is None:
                known = self._sums[end] = _Sum(len(self._sums))
            known.take(self._at, found)
        self._open = {}


class _Sum:
    def __init__(self, turn: int) -> None:
        self.pair = Pair(turn)
        self.is_busy = False
        self._hinted = float("-inf")
        self._hint: Loss | None = None
        self._sent = self._received = 0

    def take(self, at: float, found: Iterable[Grown]) -> None:
        grown = list(found)
        sent = sum(each.sent for each in grown)
        self._sent += sent
        self._received += sum(each.received for each in grown)
        # By as much as it makes the sums differ.
        apart = sum(each.sent * each.apart for each in grown) / max(sent, 1)
        age = _OLD + at
        self.is_busy = self.pair.take(at, Count(self._sent, age), Count(self._received, age - apart))

    def loss(self, end: Key, hints: bool) -> Loss | None:
        """What it loses, or seems to, as of the last reading."""
        if not hints:
            return self.pair.loss(end, told=False)
        if self._hinted != self.pair.at:
            self._hinted, self._hint = self.pair.at, self.pair.look(end, told=True)
        return self._hint


def _ends(key: Key) -> tuple[Key, Key]:
    return (_ALL, key[1], ANY), (_ALL, ANY, key[2])
