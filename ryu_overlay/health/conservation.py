"""Conservation: of what a chassis sent to another in a network, what came, out of the counters of a flow on either side. Pure.

Readings come about once a second.
"""

from __future__ import annotations

from ryu_overlay.health.counted import RATE, Count, Key, Loss, Pair
from ryu_overlay.health.ends import Ends

STALE = 3.0
"""After so many seconds without a reading of both counters nothing is known."""


class Ledger:
    """The counters of all that is sent between chassis."""

    def __init__(self) -> None:
        self._ends = Ends()
        self._pairs: dict[Key, Pair] = {}
        self._busy: dict[Key, Pair] = {}
        self._since: dict[Key, float] = {}

    def take(self, key: Key, at: float, sent: Count | None, received: Count | None) -> None:
        """What was read at one moment. None: there is no such flow, or it could not be read. A moment that is not later than the
        one before is left out."""
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = Pair(len(self._pairs))
        if pair.take(at, sent, received):
            self._busy[key] = pair
        elif key in self._busy:
            del self._busy[key]
        if pair.grown is not None and pair.at == at:
            self._ends.add(key, at, pair.grown)

    def forget(self, key: Key) -> None:
        """It will not be read any more."""
        for each in (self._pairs, self._busy, self._since):
            each.pop(key, None)
        self._ends.forget(key)

    def findings(self, now: float) -> list[Loss]:
        """Where packets are being lost, or a moment ago were lost at once."""
        found = []
        for key, pair in self._busy.items():
            loss = pair.loss(key, key in self._since) if now - pair.at <= STALE else None
            if loss is not None:
                found.append(loss)
        lasting = {loss.key: self._since.get(loss.key, loss.since) for loss in found if not loss.step}
        self._since = lasting
        return [Loss(f.key, f.lost, f.sent, f.share, lasting.get(f.key, f.since), f.seconds, f.step) for f in found]

    def ends(self, now: float, hints: bool = False) -> list[Loss]:
        """Which chassis lose packets of all that they send, or get: from or to ANY, in VNI 0. `hints`: or seem to."""
        return self._ends.findings(now, STALE, hints)

    def known(self, key: Key, now: float) -> bool:
        """Whether both counters were read lately."""
        pair = self._pairs.get(key)
        return pair is not None and now - pair.at <= STALE

    def traffic(self, key: Key) -> float:
        """How many packets a second were sent in the last seconds that were read."""
        pair = self._pairs.get(key)
        return 0.0 if pair is None else pair.sent.rate(RATE)

    def busy(self, now: float) -> dict[Key, float]:
        """`traffic` of all that had some lately, and of which both counters were read."""
        return {key: pair.sent.rate(RATE) for key, pair in self._busy.items() if now - pair.at <= STALE}

    def proven(self, key: Key, now: float, seconds: float) -> bool:
        """Whether it is certain that a packet came within the last seconds: counters must have been read at their beginning."""
        pair = self._pairs.get(key)
        return pair is not None and pair.received.grew_after >= now - seconds
