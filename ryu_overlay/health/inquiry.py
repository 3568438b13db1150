"""What is not decided yet is looked into, with few probes more.

1. Where something was just lost, all directions that share an end with it are tried at once.
2. Where some packets seem to be lost or changed, a burst of probes confirms it, on these directions and those that share an end.
3. Where one network seems to lose all, probes go into its own VNI. A network that nobody talks in is tried so now and then.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Key
from ryu_overlay.health.direction import TRIED_WITHIN, Direction
from ryu_overlay.health.evidence import LOST_WHOLLY, Evidence, Shot
from ryu_overlay.health.explain import undecided
from ryu_overlay.health.prober import Prober
from ryu_overlay.health.probes import Burst, Pair
from ryu_overlay.health.underlay import LOST_FOR_CERTAIN, bad_shots, ends_at, lost_by_tenants, passing

PATIENCE, _PATIENCE_IF_LOST, _PATIENCE_IF_LATE = 0.35, 0.6, 6.0
"""Seconds that a verdict waits for what would make it sharper."""
_TRIED_FOR, _FULL_AGAIN = 10.0, 2.0
_SHOT, _SHOT_AGAIN, _SHOT_PEERS = 240, 8.0, 3
_VNI_SHOT, _VNI_AGAIN = 20, 2.0
_SHOT_WITHIN, _SHOT_KEPT = 3.0, 60.0
_MEASURED_FOR = 3.5
"""Seconds for which bursts about one chassis, one after the other, hold up what is said of it."""
_MOST_SHOTS = 6
"""Bursts of one chassis at a time: more would be more than its bridge may tell (`punt_rate`)."""
_STRAY_LOSSES, _STRAY_OVER = 2, 60.0
_CORRUPTED_OVER = 10.0
_SWEEP_EVERY, _PROVEN_BY = 0.2, 30.0
"""Seconds between probes into VNIs that no packet proved for so many seconds."""


@dataclass(frozen=True, slots=True)
class Open:
    """The chassis about which something is out: probes that were `asked` for, and what is being `measured`."""

    asked: frozenset[str]
    measured: frozenset[str]


class Inquiry:
    """Bursts by direction, and by VNI and direction: when each began."""

    def __init__(self, prober: Prober, ledger: Ledger) -> None:
        self._prober = prober
        self._ledger = ledger
        self._shots: dict[Pair, tuple[float, Burst]] = {}
        self._vni_shots: dict[Key, tuple[float, Burst]] = {}
        self._known_shots: dict[Pair, Shot] = {}
        self._known_vni_shots: dict[Key, Shot] = {}
        self._asked: dict[tuple[Pair, bool], float] = {}
        self._swept: dict[Key, Burst] = {}
        self._measuring: dict[str, float] = {}
        self._queue: list[Key] = []
        self._sweep_at = 0.0

    def shots(self) -> dict[Pair, Shot]:
        """The last burst that ended, of each."""
        for pair, (at, burst) in self._shots.items():
            if not burst.left:
                self._known_shots[pair] = _ended(at, burst, self._known_shots.get(pair))
        return dict(self._known_shots)

    def vni_shots(self) -> dict[Key, Shot]:
        """The last burst in a network's VNI that ended, of each."""
        for key, (at, burst) in self._vni_shots.items():
            if not burst.left:
                before = self._known_vni_shots.get(key)
                if before is not None and before.lost == before.count and not burst.lost:
                    # What was counted while all was lost says nothing of what comes.
                    self._ledger.forget(key)
                self._known_vni_shots[key] = _ended(at, burst, before)
        return dict(self._known_vni_shots)

    def look(self, evidence: Evidence, present: Collection[str], keys: Collection[Key]) -> Open:
        """Ask for what is missing. `keys` are all that is counted."""
        now, linked = evidence.now, {name for pair in evidence.directions for name in pair[:2]} & {*present}
        small, full = evidence.of_size(full=False), evidence.of_size(full=True)
        whole = {p: d for p, d in full.items() if p not in small or small[p].run == 0}
        asked = self._tell_apart(small, False, linked, now) | self._tell_apart(whole, True, linked, now)
        beside = self._beside_late(evidence, linked)
        for pair in [pair for pair in self._shots if not {*pair} <= {*present}]:
            # What a host loses is not the way's.
            del self._shots[pair]
        self._try_suspects(evidence, small)
        down = {p for p, d in small.items() if d.down(now)}
        busy = Counter(name for pair, (_, burst) in self._shots.items() if burst.left for name in pair)
        for pair in self._doubtful(evidence, small, linked):
            due = pair[0] in present and pair not in down and now - self._began(pair) >= _SHOT_AGAIN
            if due and max(busy[pair[0]], busy[pair[1]]) < _MOST_SHOTS:
                busy.update(pair)
                self._shots[pair] = now, self._prober.schedule.burst(pair, _SHOT, now)
        self._try_networks(evidence, small, present)
        self._sweep(keys, small, present, now)
        return Open(frozenset(asked), frozenset(beside | self._out(now)))

    def _tell_apart(self, directions: Mapping[Pair, Direction], full: bool, linked: Collection[str], now: float) -> set[str]:
        """Try at once what shares an end with a direction that just lost something, if it was not tried since."""
        lost = {p for p, d in directions.items() if d.run > 0 and now - d.tried < TRIED_WITHIN and {*p} <= {*linked}}
        if not lost:
            return set()
        since = min(directions[p].run_since for p in lost)
        wanted = undecided(lost, passing(directions, since, now), linked)
        if not full:
            self._prober.schedule.also(wanted | lost, now, _TRIED_FOR)
        waiting = {
            n for p in lost if not directions[p].down(now) and now - directions[p].run_since < _PATIENCE_IF_LOST for n in p
        }
        for pair in wanted:
            asked = self._asked.get((pair, full), since - 1)
            if asked < since or (full and now - asked >= _FULL_AGAIN):
                asked = self._asked[pair, full] = now
                self._prober.schedule.once(now, pair, full=full)
            waiting |= {*pair} if now - asked < PATIENCE else set()
        return waiting

    def _beside_late(self, evidence: Evidence, linked: Collection[str]) -> set[str]:
        late, now = evidence.late, evidence.now
        if not late:
            return set()
        near = undecided(late.keys(), evidence.timed - late.keys(), linked)
        self._prober.schedule.also(near, now, _TRIED_FOR)
        is_fresh = now - min(at for at, _ in late.values()) < _PATIENCE_IF_LATE
        return {name for pair in near for name in pair} if is_fresh else set()

    def _try_suspects(self, evidence: Evidence, small: Mapping[Pair, Direction]) -> None:
        """What tenants lose, or a tunnel's own check does not hear, on directions that no probe tries."""
        suspects = {(loss.key[1], loss.key[2]) for loss in evidence.losses}
        suspects |= {(name, peer) for name, host in evidence.hosts.items() for peer in host.unheard}
        new = {p for p in suspects if p not in small or evidence.now - small[p].tried > TRIED_WITHIN}
        if new:
            self._prober.schedule.also(new, evidence.now, _TRIED_FOR)

    def _doubtful(self, evidence: Evidence, small: Mapping[Pair, Direction], linked: Collection[str]) -> list[Pair]:
        """Directions that lose or change some packets, as it seems, and then those that tell whether it is all of one link."""
        now = evidence.now
        bad = {p for p, d in small.items() if d.run == 0 and d.strays(now - _STRAY_OVER) >= _STRAY_LOSSES}
        bad |= {p for p, d in small.items() if d.corruptions(now - _CORRUPTED_OVER)}
        bad |= {(loss.key[1], loss.key[2]) for loss in evidence.losses if not loss.step and loss.share < LOST_WHOLLY}
        bad |= bad_shots(evidence).keys() | set(self._of_ends(evidence, small))
        # What tenants lose there is proof enough.
        lost = lost_by_tenants(evidence).items()
        proven = {pair for pair, losses in lost if sum(loss.lost for loss in losses) >= LOST_FOR_CERTAIN}
        return [*sorted(bad - proven), *sorted(undecided(bad, (), linked, _SHOT_PEERS))]

    def _of_ends(self, evidence: Evidence, small: Mapping[Pair, Direction]) -> Iterator[Pair]:
        """The busiest directions from or to chassis that seem to lose some of all they send, or get."""
        rates: dict[Pair, float] = {}
        for (_, a, b), rate in evidence.busy.items():
            rates[a, b] = rates.get((a, b), 0.0) + rate
        for loss in self._ledger.ends(evidence.now, hints=True):
            pairs = [pair for pair in rates if pair in small and ends_at(loss, pair)]
            yield from heapq.nlargest(_SHOT_PEERS, pairs, key=lambda pair: (rates[pair], pair))

    def _try_networks(self, evidence: Evidence, small: Mapping[Pair, Direction], present: Collection[str]) -> None:
        whole = {loss.key for loss in evidence.losses if not loss.step and loss.share >= LOST_WHOLLY}
        whole |= {key for key, burst in self._swept.items() if burst.lost}
        whole |= {key for key, (_, burst) in self._vni_shots.items() if burst.lost}
        if whole:
            # Whether others pass there is known only as long as that is tried.
            self._prober.schedule.also({(key[1], key[2]) for key in whole}, evidence.now, _TRIED_FOR)
        for key in whole:
            self._swept.pop(key, None)
            at, burst = self._vni_shots.get(key, (-_SHOT_KEPT, None))
            # Often while it seems to be lost, so that its end is seen.
            again = _VNI_AGAIN if burst is not None and burst.lost else _SHOT_AGAIN
            if {*key[1:]} <= {*present} and _carries(small, key, evidence.now) and evidence.now - at >= again:
                shot = self._prober.schedule.burst((key[1], key[2]), _VNI_SHOT, evidence.now, vni=key[0])
                self._vni_shots[key] = evidence.now, shot
                if evidence.now - at > _SHOT_AGAIN + _VNI_AGAIN:
                    # What is counted from now on tells whether packets pass where these probes do.
                    self._ledger.forget(key)

    def _sweep(self, keys: Collection[Key], small: Mapping[Pair, Direction], present: Collection[str], now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_EVERY
        self._queue = self._queue or sorted(keys)
        while self._queue:
            key = self._queue.pop()
            if {*key[1:]} <= {*present} and _carries(small, key, now) and not self._ledger.proven(key, now, _PROVEN_BY):
                self._swept[key] = self._prober.schedule.burst((key[1], key[2]), 1, now, vni=key[0])
                return

    def _out(self, now: float) -> set[str]:
        """The chassis of bursts that are not judged yet; old ones are forgotten."""
        self._shots = {pair: shot for pair, shot in self._shots.items() if now - shot[0] < _SHOT_KEPT}
        self._vni_shots = {key: shot for key, shot in self._vni_shots.items() if now - shot[0] < _SHOT_KEPT}
        self._known_shots = {pair: shot for pair, shot in self._known_shots.items() if pair in self._shots}
        self._known_vni_shots = {key: shot for key, shot in self._known_vni_shots.items() if key in self._vni_shots}
        # What was measured before is known well enough while it is measured again.
        first = [(pair, *shot) for pair, shot in self._shots.items() if pair not in self._known_shots]
        out = {name for pair, at, burst in first if burst.left and now - at < _SHOT_WITHIN for name in pair}
        self._measuring = {name: self._measuring.get(name, now) for name in out}
        return {name for name, since in self._measuring.items() if now - since < _MEASURED_FOR}

    def _began(self, pair: Pair) -> float:
        return self._shots[pair][0] if pair in self._shots else -_SHOT_AGAIN


def _carries(small: Mapping[Pair, Direction], key: Key, now: float) -> bool:
    """Whether probes pass where a network's packets go, as far as is known: else it is not the network's fault."""
    direction = small.get((key[1], key[2]))
    return direction is None or direction.is_clean(now)


def _ended(at: float, burst: Burst, before: Shot | None) -> Shot:
    same = before is not None and bool(before.lost) == bool(burst.lost)
    return Shot(burst.lost, burst.count, at, before.first if same and before is not None else at)
