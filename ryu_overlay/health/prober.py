"""Probes of tunnels: what becomes of each, and which are lost for certain.

1. What is sent is `Schedule`'s to choose.
2. A bridge that gets a probe tells of it and sends it back, and the other tells of that: one probe tries both directions.
3. One that nobody told of within `GRACE` is lost only when both bridges have answered two questions asked after that: what they
   had to tell by then, they have told. A bridge that does not answer is silent, which is another matter.
4. What was lost once is tried `CONFIRMED_BY` times more at once.

A probe into a VNI of a network's own is told of, but not sent back. Time is an argument: seconds by a clock that stands
still while the controller itself is held up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ryu_overlay.health.direction import Direction
from ryu_overlay.health.lives import Life, Lives
from ryu_overlay.health.probes import Ask, Burst, Pair, Probe, Tokens
from ryu_overlay.health.schedule import INTERVAL, Schedule

GRACE = 0.08
CONFIRMED_BY = 12
CONFIRMED_AGAIN_BY = 12
_CONFIRM_GAP = 0.012
_LOSSY_OVER = 2.0
GIVEN_UP_AFTER = 5.0
"""Seconds after which a probe counts as neither lost nor passed."""


@dataclass(slots=True)
class _Pending:
    probe: Probe
    sent: float
    raw: float
    burst: Burst | None = None
    there: float | None = None
    whole: bool = True
    back: bool = False
    gone: set[Pair] = field(default_factory=set)


class Prober:
    """`directions` has what is known, by pair and whether probes were full-sized; `schedule` is asked for what to send."""

    def __init__(self) -> None:
        tokens = Tokens()
        self.schedule = Schedule(tokens)
        self.directions: dict[tuple[str, str, bool], Direction] = {}
        self.sent = 0
        self._lives = Lives(tokens)
        self._excused: frozenset[str] = frozenset()
        self._pending: dict[int, _Pending] = {}
        self._confirming: dict[tuple[str, str, bool], float] = {}
        self._given_up: dict[int, _Pending] = {}
        self.misled: dict[Pair, tuple[str, float]] = {}
        """Where what was sent from the first to the second came out instead, and when that was seen last."""

    @property
    def lives(self) -> dict[str, Life]:
        """The signs of bridges."""
        return self._lives.known

    def present(self, chassis: Collection[str], now: float) -> None:
        """The chassis whose bridges can be told what to send."""
        for name in self._lives.now_present(chassis, now):
            self._begin_anew(name, now)

    def excuse(self, chassis: Collection[str], now: float) -> None:
        """What is lost from and to these is lost because of themselves, until they are not among them any more."""
        for name in self._excused | {*chassis}:
            self._begin_anew(name, now)
        self._excused = frozenset(chassis)

    def unsent(self, probe: Probe) -> None:
        """A probe could not be sent, or its receiver is not ready for it: it tells nothing."""
        pending = self._pending.get(probe.token)
        if pending is not None:
            self.sent -= 1
            self._done(probe.token, pending, lost=None)

    def _begin_anew(self, chassis: str, now: float) -> None:
        for (a, b, _), direction in self.directions.items():
            if chassis in (a, b):
                direction.begin_anew(now)

    def forget(self, chassis: str) -> None:
        """A chassis is no more."""
        self._lives.forget(chassis)
        known: tuple[dict[Any, Any], ...] = (self.directions, self._confirming, self.misled)
        for each in known:
            for key in [key for key in each if chassis in key]:
                del each[key]

    def step(self, now: float, raw: float) -> list[Probe | Ask]:
        """What to send now. `raw` is the time by a clock that never stands still, for how long probes take."""
        self._judge(now)
        out: list[Probe | Ask] = []
        for probe, burst in self.schedule.due(now, self._lives.present):
            self._pending[probe.token] = _Pending(probe, now, raw, burst)
            self.sent += 1
            out.append(probe)
        return [*out, *self._lives.asks(self._witnesses(now), now, raw)]

    def heard(self, token: int, chassis: str, back: bool, now: float, raw: float, whole: bool = True) -> bool:
        """A bridge tells of a probe: of its coming, or of its coming `back`. `whole`: its bytes are as they were sent.
        Whether it is one of ours."""
        self._lives.alive(chassis, now)
        pending = self._pending.get(token)
        if pending is None:
            return self._heard_late(token, chassis, back, raw)
        probe = pending.probe
        if not back and chassis == probe.receiver and pending.there is None:
            pending.there, pending.whole = raw, whole
            if probe.vni is not None:
                self._done(token, pending, lost=False)
            else:
                direction = self._direction(probe.sender, probe.receiver, probe.full)
                direction.passed(pending.sent, raw - pending.raw, whole, pending.burst is None)
        elif not back and chassis not in probe.there:
            self.misled[probe.sender, probe.receiver] = chassis, now
        elif back and chassis == probe.sender and not pending.back:
            pending.back = True
            self._came_back(pending, now, raw, whole)
        if pending.back and (pending.there is not None or probe.receiver not in self._lives.present):
            self._done(token, pending, lost=False)
        return True

    def _heard_late(self, token: int, chassis: str, back: bool, raw: float) -> bool:
        """What was given up as lost was only late."""
        late = self._given_up.get(token)
        if late is None:
            return False
        probe = late.probe
        pair = probe.back if back else probe.there
        if chassis == pair[1] and pair in late.gone:
            late.gone.discard(pair)
            self._direction(*pair, probe.full).came_late(late.sent, raw - (late.there if back and late.there else late.raw))
            if late.burst is not None and not back:
                late.burst.lost -= 1
        return True

    def answered(self, token: int, now: float, raw: float) -> None:
        """A bridge answers what it was asked."""
        self._lives.answered(token, now, raw)

    def silent(self, chassis: str, now: float) -> float | None:
        """Since when a present bridge has not answered, None if it has, or may still."""
        return self._lives.silent(chassis, now)

    def _witnesses(self, now: float) -> set[str]:
        """The bridges that have to answer before a probe may count as lost."""
        late = [p.probe for p in self._pending.values() if now - p.sent >= GRACE]
        return {name for probe in late for name in (probe.sender, probe.receiver)}

    def _judge(self, now: float) -> None:
        while self._given_up and now - next(iter(self._given_up.values())).sent > GIVEN_UP_AFTER:
            del self._given_up[next(iter(self._given_up))]
        for token, pending in list(self._pending.items()):
            if now - pending.sent < GRACE:
                continue
            probe, due = pending.probe, pending.sent + GRACE
            if not self._lives.have_told(probe.sender, due):
                if now - pending.sent > GIVEN_UP_AFTER:
                    self._done(token, pending, lost=None)
            elif probe.receiver not in self._lives.present or self._lives.have_told(probe.receiver, due):
                self._lost(token, pending, now)
            elif self.silent(probe.receiver, now) is not None:
                self._unreflected(pending)
                self._done(token, pending, lost=None)

    def _lost(self, token: int, pending: _Pending, now: float) -> None:
        probe, fresh = pending.probe, pending.burst is None
        if probe.vni is not None:
            # It is not sent back: only its receiver can tell of it.
            self._done(token, pending, lost=True if probe.receiver in self._lives.present else None)
            return
        if pending.back and pending.there is None:
            # It came back, so it came: its receiver's bridge told of it and was not heard, as when it has too much to tell.
            for pair in (probe.there, probe.back):
                self._direction(*pair, probe.full).passed(pending.sent, 0.0, whole=True, steady=False)
            self._done(token, pending, lost=False)
            return
        self._done(token, pending, lost=pending.there is None)
        away = probe.receiver not in self._lives.present
        self._unreflected(pending)
        there, back = probe.there, probe.back
        pending.gone = {*[there] * (pending.there is None), *[back] * (pending.there is not None or away)}
        self._given_up[token] = pending
        for pair in sorted(pending.gone):
            direction = self._direction(*pair, probe.full)
            direction.lost(pending.sent, fresh)
            more = self._confirmed_by(pair, probe.full, direction, now) if fresh else 0
            for number in range(more):
                self.schedule.once(now + number * _CONFIRM_GAP, pair, probe.way, probe.full)
            if more and probe.full:
                # Or else it would not be known whether small ones pass.
                self.schedule.once(now, pair, probe.way)

    def _confirmed_by(self, pair: Pair, full: bool, direction: Direction, now: float) -> int:
        """How many probes more it takes to be sure. One that was sent for that does not ask for more of the same, and where some
        are known to be lost it is not asked each time."""
        if {*pair} & self._excused or not {*pair} <= self._lives.present:
            return 0
        pause = INTERVAL if direction.strays(now - _LOSSY_OVER) <= 1 else _LOSSY_OVER
        if direction.run == 1 and now - self._confirming.get((*pair, full), now - pause) >= pause:
            self._confirming[pair[0], pair[1], full] = now
            return CONFIRMED_BY
        return CONFIRMED_AGAIN_BY if direction.run == CONFIRMED_BY + 1 else 0

    def _came_back(self, pending: _Pending, now: float, raw: float, whole: bool) -> None:
        probe = pending.probe
        self._lives.reflects(probe.receiver, now)
        there, steady = pending.there, pending.burst is None
        if there is not None:
            direction = self._direction(probe.receiver, probe.sender, probe.full)
            direction.passed(pending.sent, raw - there, whole or not pending.whole, steady)
        elif probe.receiver not in self._lives.present:
            half = (raw - pending.raw) / 2
            for pair in (probe.there, probe.back):
                self._direction(*pair, probe.full).passed(pending.sent, half, whole, steady)

    def _unreflected(self, pending: _Pending) -> None:
        if not pending.back:
            self._lives.reflects_not(pending.probe.receiver)

    def _done(self, token: int, pending: _Pending, lost: bool | None) -> None:
        del self._pending[token]
        burst = pending.burst
        if burst is not None:
            burst.left -= 1
            burst.lost += bool(lost)
            if lost is None:
                burst.count -= 1

    def _direction(self, a: str, b: str, full: bool) -> Direction:
        return self.directions.setdefault((a, b, full), Direction())
