"""Probes of tunnels: when to send which, and which of them are lost for certain.

1. Each path is tried every `INTERVAL`, from either end in turn; each `FULL_EVERY`-th try has the size of the largest packet.
2. A bridge that gets a probe tells of it and sends it back, and the other tells of that: one probe tries both directions.
3. One that nobody told of within `GRACE` is lost only when both bridges have answered two questions asked after that: what they
   had to tell by then, they have told. A bridge that does not answer is silent, which is another matter.
4. What was lost once is tried `CONFIRMED_BY` times more at once.

A probe into a VNI of a network's own is told of, but not sent back. Time is an argument: seconds by a clock that stands
still while the controller itself is held up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ryu_overlay.health.direction import Direction

INTERVAL = 0.25
FULL_EVERY = 4
GRACE = 0.08
CONFIRMED_BY = 12
CONFIRMED_AGAIN_BY = 12
_CONFIRM_GAP = 0.012
_LOSSY_OVER = 2.0
SILENT_AFTER = 0.45
"""Seconds without any sign of a bridge after it was asked for one."""
ASKED_EVERY, ASKED_AT_LEAST = 0.3, 1.0
"""Seconds without a sign of a bridge after which it is asked for one; and after which it is asked all the same."""
BURST_GAP = 0.008
GIVEN_UP_AFTER = 5.0
"""Seconds after which a probe counts as neither lost nor passed."""

Pair = tuple[str, str]
"""From the first chassis to the second."""
Path = tuple[str, str, int]
"""Two chassis in any order, and which of the ways between them (outer source ports)."""


@dataclass(frozen=True, slots=True)
class Probe:
    """To be sent from one chassis into its tunnel to another. `token` is the number that tells it from others.

    `full`: as large as the largest. `vni`: in this VNI of a network, not in that of probes.
    """

    sender: str
    receiver: str
    token: int
    way: int = 0
    full: bool = False
    vni: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A chassis' bridge is to be asked for a sign of life; the answer has the token."""

    chassis: str
    token: int


@dataclass(slots=True)
class Burst:
    """Probes of one kind in quick succession. `left` are not judged yet."""

    count: int
    left: int
    lost: int = 0


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


@dataclass(slots=True)
class Life:
    """Signs of one bridge. `asked` is when it was asked what it has not answered yet, `reflected` when it last sent a probe back,
    `unreflected` how many probes since then it did not; `took` are its last answers: when, and after how many seconds."""

    sign: float
    asked: float | None = None
    asked_last: float = 0.0
    asked_raw: float = 0.0
    witness: tuple[float, float] = (-1.0, -1.0)
    reflected: float | None = None
    unreflected: int = 0
    took: list[tuple[float, float]] = field(default_factory=list)


class Prober:
    """`directions` has what is known, by pair and whether probes were full-sized; `lives` the signs of bridges."""

    def __init__(self) -> None:
        self.directions: dict[tuple[str, str, bool], Direction] = {}
        self.lives: dict[str, Life] = {}
        self.sent = 0
        self._present: frozenset[str] = frozenset()
        self._excused: frozenset[str] = frozenset()
        self._paths: dict[Path, float] = {}
        self._steady: frozenset[Path] = frozenset()
        self._also: dict[Path, float] = {}
        self._turn: dict[Path, int] = {}
        self._pending: dict[int, _Pending] = {}
        self._confirming: dict[tuple[str, str, bool], float] = {}
        self._given_up: dict[int, _Pending] = {}
        self._queue: list[tuple[float, Probe, Burst | None]] = []
        self._token = 0
        self._tokens: dict[int, str] = {}
        self.misled: dict[Pair, tuple[str, float]] = {}
        """Where what was sent from the first to the second came out instead, and when that was seen last."""

    def present(self, chassis: Collection[str], now: float) -> None:
        """The chassis whose bridges can be told what to send."""
        before, self._present = self._present, frozenset(chassis)
        for name in self._present - self.lives.keys():
            self.lives[name] = Life(now)
        for name in self._present - before:
            self._begin_anew(name, now)
        for name in self.lives.keys() - self._present:
            life = self.lives[name]
            life.asked, life.witness = None, (-1.0, -1.0)
        self._tokens = {token: name for token, name in self._tokens.items() if name in self._present}

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
        self.lives.pop(chassis, None)
        self._present -= {chassis}
        known: tuple[dict[Any, Any], ...] = (self.directions, self._confirming, self.misled)
        for each in known:
            for key in [key for key in each if chassis in key]:
                del each[key]
        self._tokens = {token: name for token, name in self._tokens.items() if name != chassis}

    def steady(self, paths: Iterable[Path], now: float) -> None:
        """The paths to try for ever, in place of those before."""
        self._steady = frozenset(paths)
        self._schedule(now)

    def also(self, pairs: Iterable[Pair], now: float, seconds: float) -> None:
        """Try these for a while, too."""
        for a, b in pairs:
            self._also[min(a, b), max(a, b), 0] = now + seconds
        self._schedule(now)

    def try_now(self, pair: Pair, now: float, full: bool = False) -> None:
        """One probe more, at once."""
        self._enqueue(now, pair, 0, full, None, None)

    def burst(self, pair: Pair, count: int, now: float, *, full: bool = False, vni: int | None = None) -> Burst:
        """Send so many at once, as fast as `BURST_GAP` allows."""
        burst = Burst(count, count)
        for number in range(count):
            self._enqueue(now + number * BURST_GAP, pair, 0, full, vni, burst)
        return burst

    def step(self, now: float, raw: float) -> list[Probe | Ask]:
        """What to send now. `raw` is the time by a clock that never stands still, for how long probes take."""
        self._judge(now)
        out: list[Probe | Ask] = [*self._due(now, raw), *self._asks(now, raw)]
        return out

    def heard(self, token: int, chassis: str, back: bool, now: float, raw: float, whole: bool = True) -> bool:
        """A bridge tells of a probe: of its coming, or of its coming `back`. `whole`: its bytes are as they were sent.
        Whether it is one of ours."""
        self._alive(chassis, now)
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
        elif not back and chassis not in probe_ends(probe):
            self.misled[probe.sender, probe.receiver] = chassis, now
        elif back and chassis == probe.sender and not pending.back:
            pending.back = True
            self._came_back(pending, now, raw, whole)
        if pending.back and (pending.there is not None or probe.receiver not in self._present):
            self._done(token, pending, lost=False)
        return True

    def _heard_late(self, token: int, chassis: str, back: bool, raw: float) -> bool:
        """What was given up as lost was only late."""
        late = self._given_up.get(token)
        if late is None:
            return False
        probe = late.probe
        pair = (probe.receiver, probe.sender) if back else (probe.sender, probe.receiver)
        if chassis == pair[1] and pair in late.gone:
            late.gone.discard(pair)
            self._direction(*pair, probe.full).came_late(late.sent, raw - (late.there if back and late.there else late.raw))
            if late.burst is not None and not back:
                late.burst.lost -= 1
        return True

    def answered(self, token: int, now: float, raw: float) -> None:
        """A bridge answers what it was asked."""
        chassis = self._tokens.pop(token, None)
        life = self.lives.get(chassis or "")
        if chassis is None or life is None:
            return
        self._alive(chassis, now)
        if life.asked is not None:
            life.witness = (life.witness[1], life.asked)
            life.took = [*life.took[-7:], (now, raw - life.asked_raw)]
            life.asked = None

    def silent(self, chassis: str, now: float) -> float | None:
        """Since when a present bridge has not answered, None if it has, or may still."""
        life = self.lives.get(chassis)
        if life is None or chassis not in self._present or life.asked is None or life.sign > life.asked:
            return None
        return life.asked if now - life.asked >= SILENT_AFTER else None

    # -- what is sent

    def _schedule(self, now: float) -> None:
        wanted = self._steady | self._also.keys()
        for path in wanted - self._paths.keys():
            # Spread out, so that they do not all come at once.
            self._paths[path] = now + INTERVAL * (hash_of(path) % 16) / 16
        for path in self._paths.keys() - wanted:
            del self._paths[path]
            self._turn.pop(path, None)

    def _due(self, now: float, raw: float) -> Iterator[Probe]:
        if ended := [path for path, until in self._also.items() if until <= now]:
            for path in ended:
                del self._also[path]
            self._schedule(now)
        for path, due in self._paths.items():
            if due <= now:
                self._paths[path] = max(due + INTERVAL, now + INTERVAL / 2)
                self._try(path, now)
        ready = [entry for entry in self._queue if entry[0] <= now]
        if ready:
            self._queue = [entry for entry in self._queue if entry[0] > now]
        for _, probe, burst in ready:
            if probe.sender in self._present:
                self._pending[probe.token] = _Pending(probe, now, raw, burst)
                self.sent += 1
                yield probe
            elif burst is not None:
                burst.left -= 1
                burst.count -= 1

    def _try(self, path: Path, now: float) -> None:
        turn = self._turn[path] = self._turn.get(path, -1) + 1
        a, b, way = path
        ends = [pair for pair in ((a, b), (b, a)) if pair[0] in self._present]
        if ends:
            self._enqueue(now, ends[turn % len(ends)], way, turn // len(ends) % FULL_EVERY == FULL_EVERY - 1, None, None)

    def _enqueue(self, at: float, pair: Pair, way: int, full: bool, vni: int | None, burst: Burst | None) -> None:
        self._queue.append((at, Probe(*pair, self._next(), way, full, vni), burst))

    def _next(self) -> int:
        self._token = self._token % 0xFFFFFFFF + 1
        return self._token

    def _asks(self, now: float, raw: float) -> Iterator[Ask]:
        quiet = {
            name for name, life in self.lives.items() if now - life.sign >= ASKED_EVERY or now - life.asked_last >= ASKED_AT_LEAST
        }
        for name in sorted((quiet | self._witnesses(now)) & self._present):
            life = self.lives[name]
            if life.asked is None or now - life.asked_last >= ASKED_AT_LEAST:
                life.asked = now if life.asked is None else life.asked
                life.asked_last, life.asked_raw = now, raw
                token = self._next()
                self._tokens[token] = name
                yield Ask(name, token)

    def _witnesses(self, now: float) -> set[str]:
        """The bridges that have to answer before a probe may count as lost."""
        late = [p.probe for p in self._pending.values() if now - p.sent >= GRACE]
        return {name for probe in late for name in (probe.sender, probe.receiver)}

    # -- what becomes of it

    def _judge(self, now: float) -> None:
        while self._given_up and now - next(iter(self._given_up.values())).sent > GIVEN_UP_AFTER:
            del self._given_up[next(iter(self._given_up))]
        for token, pending in list(self._pending.items()):
            if now - pending.sent < GRACE:
                continue
            probe, due = pending.probe, pending.sent + GRACE
            if not self._witnessed(probe.sender, due):
                if now - pending.sent > GIVEN_UP_AFTER:
                    self._done(token, pending, lost=None)
            elif probe.receiver not in self._present or self._witnessed(probe.receiver, due):
                self._lost(token, pending, now)
            elif self.silent(probe.receiver, now) is not None:
                self._unreflected(pending)
                self._done(token, pending, lost=None)

    def _witnessed(self, chassis: str, since: float) -> bool:
        life = self.lives.get(chassis)
        return life is not None and chassis in self._present and life.witness[0] >= since

    def _lost(self, token: int, pending: _Pending, now: float) -> None:
        probe, fresh = pending.probe, pending.burst is None
        if probe.vni is not None:
            # It is not sent back: only its receiver can tell of it.
            self._done(token, pending, lost=True if probe.receiver in self._present else None)
            return
        if pending.back and pending.there is None:
            # It came back, so it came: its receiver's bridge told of it and was not heard, as when it has too much to tell.
            for pair in ((probe.sender, probe.receiver), (probe.receiver, probe.sender)):
                self._direction(*pair, probe.full).passed(pending.sent, 0.0, whole=True, steady=False)
            self._done(token, pending, lost=False)
            return
        self._done(token, pending, lost=pending.there is None)
        away = probe.receiver not in self._present
        self._unreflected(pending)
        there, back = (probe.sender, probe.receiver), (probe.receiver, probe.sender)
        pending.gone = {*[there] * (pending.there is None), *[back] * (pending.there is not None or away)}
        self._given_up[token] = pending
        for pair in sorted(pending.gone):
            direction = self._direction(*pair, probe.full)
            direction.lost(pending.sent, fresh)
            more = self._confirmed_by(pair, probe.full, direction, now) if fresh else 0
            for number in range(more):
                self._enqueue(now + number * _CONFIRM_GAP, pair, probe.way, probe.full, None, None)
            if more and probe.full:
                # Or else it would not be known whether small ones pass.
                self._enqueue(now, pair, probe.way, False, None, None)

    def _confirmed_by(self, pair: Pair, full: bool, direction: Direction, now: float) -> int:
        """How many probes more it takes to be sure. One that was sent for that does not ask for more of the same, and where some
        are known to be lost it is not asked each time."""
        if {*pair} & self._excused or not {*pair} <= self._present:
            return 0
        pause = INTERVAL if direction.strays(now - _LOSSY_OVER) <= 1 else _LOSSY_OVER
        if direction.run == 1 and now - self._confirming.get((*pair, full), now - pause) >= pause:
            self._confirming[pair[0], pair[1], full] = now
            return CONFIRMED_BY
        return CONFIRMED_AGAIN_BY if direction.run == CONFIRMED_BY + 1 else 0

    def _came_back(self, pending: _Pending, now: float, raw: float, whole: bool) -> None:
        probe = pending.probe
        life = self.lives.get(probe.receiver)
        if life is not None:
            life.reflected, life.unreflected = now, 0
        there, steady = pending.there, pending.burst is None
        if there is not None:
            direction = self._direction(probe.receiver, probe.sender, probe.full)
            direction.passed(pending.sent, raw - there, whole or not pending.whole, steady)
        elif probe.receiver not in self._present:
            half = (raw - pending.raw) / 2
            for pair in ((probe.sender, probe.receiver), (probe.receiver, probe.sender)):
                self._direction(*pair, probe.full).passed(pending.sent, half, whole, steady)

    def _unreflected(self, pending: _Pending) -> None:
        life = self.lives.get(pending.probe.receiver)
        if life is not None and not pending.back:
            life.unreflected += 1

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

    def _alive(self, chassis: str, now: float) -> None:
        life = self.lives.get(chassis)
        if life is not None:
            life.sign = now


def probe_ends(probe: Probe) -> Pair:
    """From where to where it is sent."""
    return probe.sender, probe.receiver


def hash_of(path: Path) -> int:
    """A number for a path, the same in every process."""
    return sum(ord(c) * (i + 1) for i, c in enumerate("".join(map(str, path))))
