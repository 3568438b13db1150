"""Whose packets the controller answers while it has more to answer than it may: token buckets, and fair shares of the scarce.

Meters on each bridge come first. This is for what they cannot know: how many bridges there are, and bridges that lost theirs. Not
known here: what is answered, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_WINDOW = 1.0
"""Seconds after which shares are worked out anew, from who asked meanwhile."""
_SCARCE = 0.5
"""The part of the tokens below which nobody gets more than his share."""
_SHARED = 0.9
"""The part of the rate that is shared out then, so that tokens come to be there again."""
_BURST = 32.0
"""Packets that one port may have answered at once when tokens are scarce: a traceroute sends 16."""


@dataclass(slots=True)
class Bucket:
    """`rate` tokens a second, at most `size` at a time. Times are in seconds, by any clock that does not go back."""

    rate: float
    size: float
    tokens: float = field(init=False)
    at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.tokens = self.size

    def filled(self, now: float) -> float:
        """The tokens that there are now."""
        if now > self.at:
            # A bucket that nobody has looked at is full, whenever that was.
            self.tokens = min(self.size, self.tokens + self.rate * (now - self.at))
            self.at = now
        return self.tokens

    def take(self, now: float) -> bool:
        """One token, if there is one."""
        if self.filled(now) < 1:
            return False
        self.tokens -= 1
        return True


class Fairness:
    """Who is answered. `rate` are answers a second to all together, `chassis` those of one.

    1. A chassis gets no more than twice what its meters let through in a second: only one that lost them comes to that.
    2. Each port that asks has a bucket of its own: its share, which is an equal part of `rate` for each that asked of late.
    3. While half of the tokens of all are there, everybody is answered. Below, only those whose own bucket is not empty: so who
       asks for less than his share is always answered, however much others ask.

    `withheld` counts by chassis what was not answered, `admitted` what was.
    """

    def __init__(self, rate: int, chassis: int) -> None:
        self.rate = rate
        self.withheld: dict[int, int] = {}
        self.admitted = 0
        self._chassis_rate = chassis
        self._all = Bucket(rate, rate)
        self._of: dict[int, Bucket] = {}
        self._own: dict[tuple[int, int], Bucket] = {}
        self._before: dict[tuple[int, int], Bucket] = {}
        self._until = float("-inf")

    def admit(self, chassis: int, port: int, now: float) -> bool:
        """Whether a packet that came to a chassis by one of its ports (any numbers) is to be answered."""
        own, of_chassis = self._bucket((chassis, port), now), self._of.get(chassis)
        if of_chassis is None:
            of_chassis = self._of[chassis] = Bucket(self._chassis_rate, 2 * self._chassis_rate)
        entitled = own.take(now)
        scarce = self._all.filled(now) < _SCARCE * self.rate
        if (scarce and not entitled) or of_chassis.filled(now) < 1 or not self._all.take(now):
            self.withheld[chassis] = self.withheld.get(chassis, 0) + 1
            return False
        of_chassis.take(now)
        self.admitted += 1
        return True

    def _bucket(self, source: tuple[int, int], now: float) -> Bucket:
        """The source's own, of the size that its share has now."""
        if now >= self._until:
            self._before, self._own, self._until = self._own, {}, now + _WINDOW
        own = self._own.get(source)
        if own is None:
            own = self._own[source] = self._before.get(source) or Bucket(1.0, _BURST)
        own.rate = max(1.0, _SHARED * self.rate / max(len(self._before), len(self._own)))
        return own
