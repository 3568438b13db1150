"""What is to be sent again a little later, because a bridge may still have acted on what it knew before."""

from __future__ import annotations

from collections.abc import Iterable

from ryu_overlay.engine.events import Effect

TICKS = 2


class Repeats:
    """Gives effects again at each of the next `TICKS` ticks.

    Open vSwitch takes up to half a second to see that cached flows are not right any more. A packet of a connection that has
    just been forgotten may meet one, and conntrack knows the connection again, as it was.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, list[Effect]]] = []

    def take(self, effects: Iterable[Effect]) -> list[Effect]:
        """These are done now: the same, for who does them."""
        now = list(effects)
        if now:
            self._waiting.append((TICKS, now))
        return now

    def tick(self) -> list[Effect]:
        """A second has passed."""
        due = [effect for _, effects in self._waiting for effect in effects]
        self._waiting = [(left - 1, effects) for left, effects in self._waiting if left > 1]
        return due
