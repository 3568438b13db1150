"""Steady watch: probes, counters and facts come in, faults come out.

1. Probes go out and are heard (`prober`). Twice a second at least, all that is known becomes evidence, and evidence verdicts: hosts
   first, then the underlay without the chassis whose host is at fault, then the virtual network.
2. What is not decided is looked into: other directions are tried, losses are confirmed by a burst of probes, in the networks' own
   VNIs where only some seem to lose. A verdict waits for what was asked for because of it.
3. Verdicts become faults with a life (`book`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from ryu_overlay.health.book import Book
from ryu_overlay.health.conservation import Key, Ledger, Loss
from ryu_overlay.health.direction import TRIED_WITHIN, Direction
from ryu_overlay.health.elements import ANY, Element
from ryu_overlay.health.evidence import Altered, Evidence, Exhausted, Host, Shot
from ryu_overlay.health.explain import undecided
from ryu_overlay.health.faults import Fault, Verdict
from ryu_overlay.health.hosts import forwarding_nothing, on_hosts
from ryu_overlay.health.prober import Ask, Burst, Pair, Probe, Prober
from ryu_overlay.health.underlay import bad_shots, on_underlay, passing
from ryu_overlay.health.virtual import on_virtual

JUDGED_EVERY = 0.1
_TRIED_FOR = 10.0
_SHOT, _SHOT_AGAIN, _SHOT_PEERS = 200, 8.0, 3
_VNI_SHOT, _VNI_AGAIN = 20, 2.0
_STRAY_LOSSES, _STRAY_OVER = 2, 60.0
_MOST_SHOTS = 16
"""Bursts at a time: what is beyond waits."""
_CORRUPTED_OVER = 10.0
_WHOLLY = 0.9
_OVER_IF = 3.0
"""How many times longer the window has to be that shows a loss than the shortest that did, for it to be over."""
_LATE, _LATE_FOR_CERTAIN = 0.01, 0.03
"""Seconds by which probes of a direction have to be later than usual, beside those of the others; and by which they are late however
much they scatter."""
_STEADY = {
    "mtu_hole": 0.15,
    "lossy": 0.5,
    "congested": 0.5,
    "slow": 0.5,
    "corrupting": 0.5,
    "datapath_diverged": 0.5,
    "starved": 2.0,
}
"""For how many seconds a verdict of these kinds has to hold before it is told."""
_PATIENCE, _PATIENCE_IF_LATE = 0.35, 6.0
"""Seconds that a verdict waits for what would make it sharper."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Facts at one moment, as `Evidence` has them."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    keys: Collection[Key] = ()
    networks: Mapping[int, str] = field(default_factory=dict)
    altered: tuple[Altered, ...] = ()
    exhausted: tuple[Exhausted, ...] = ()
    orphans: tuple[str, ...] = ()
    silent_guests: tuple[str, ...] = ()

    def networks_on(self, pair: Pair) -> list[Key]:
        """What is counted from one chassis to another."""
        return [key for key in self.keys if key[1:] == pair]


class Watch:
    """`prober`, `ledger` and `book` may be fed and read from outside; what they need of time is what `step` was given last."""

    def __init__(self, book: Book) -> None:
        self.prober = Prober()
        self.ledger = Ledger()
        self.book = book
        self.scene = Scene()
        self.evidence = Evidence(0.0, {})
        self._judged = -1.0
        self._shots: dict[Pair, tuple[float, Burst]] = {}
        self._vni_shots: dict[Key, tuple[float, Burst]] = {}
        self._gone: set[str] = set()
        self._cut: set[str] = set()
        self._late: dict[Pair, tuple[float, float]] = {}
        self._timed: frozenset[Pair] = frozenset()
        self._asked: dict[tuple[Pair, bool], float] = {}
        self._since: dict[Pair, float] = {}
        self._windows: dict[Key, float] = {}
        self._said: dict[tuple[str, Element], float] = {}

    def step(self, now: float, raw: float, wall: float, scene: Callable[[], Scene]) -> tuple[list[Probe | Ask], list[Fault]]:
        """What is to be sent, and faults that were raised, changed or ended. `now` and `raw` are as in `prober`, `wall` in seconds since
        1970."""
        out = self.prober.step(now, raw)
        if now - self._judged < JUDGED_EVERY:
            return out, []
        self._judged = now
        self.scene = scene()
        for name in self.prober.lives.keys() - self.scene.hosts.keys() if self.scene.hosts else ():
            self.prober.forget(name)
        self._hurry(now)
        self.evidence = evidence = self._gathered(now)
        hosts = on_hosts(evidence)
        away = forwarding_nothing(hosts)
        self._excuse(away | {name for name, host in evidence.hosts.items() if host.carrier is False}, now)
        found = [*hosts, *on_underlay(evidence, away), *on_virtual(evidence)]
        waiting = self._look_into(evidence, away)
        ready = [(v, wall - (now - since)) for v, since in found if not self._waits(v, waiting) and self._is_steady(v, now)]
        self._said = {key: at for key, at in self._said.items() if key in {(v.kind, v.element) for v, _ in found}}
        return out, self.book.step(wall, ready, self._unknown(evidence, away))

    def _gathered(self, now: float) -> Evidence:
        ended = {pair: s for pair, (at, burst) in self._shots.items() if (s := _ended(burst, at)) is not None}
        in_vni = {key: s for key, (at, burst) in self._vni_shots.items() if (s := _ended(burst, at)) is not None}
        self._time(now)
        losses = tuple(self._current(self.ledger.findings(now)))
        scene = self.scene
        return Evidence(
            now,
            scene.hosts,
            self.prober.lives,
            {key: d for key, d in self.prober.directions.items() if key[0] in scene.hosts and key[1] in scene.hosts},
            self.prober.misled,
            ended,
            in_vni,
            dict(self._late),
            self._timed,
            losses,
            self.ledger.busy(),
            scene.networks,
            scene.altered,
            scene.exhausted,
            scene.orphans,
            scene.silent_guests,
        )

    def _current(self, losses: list[Loss]) -> list[Loss]:
        """Losses that go on. One that only ever longer windows show is over: what is counted of it is forgotten."""
        shortest = {}
        for loss in losses:
            before = self._windows.get(loss.key, loss.seconds)
            if loss.step or loss.seconds <= _OVER_IF * before:
                shortest[loss.key] = min(before, loss.seconds)
        for key in self._windows.keys() - shortest.keys():
            self.ledger.forget(key)
        self._windows = shortest
        return [loss for loss in losses if loss.key in shortest]

    def _hurry(self, now: float) -> None:
        """A bridge that has just gone, or fallen silent, is tried by others at once."""
        quiet = {name for name, host in self.scene.hosts.items() if not host.channel or host.silent is not None}
        for name in quiet - self._gone:
            life = self.prober.lives.get(name)
            if life is not None:
                life.unreflected, life.reflected = 0, None
            for peer in sorted(self._peers(name) - quiet)[:3]:
                for _ in range(3):
                    self.prober.burst((peer, name), 1, now)
        self._gone = quiet

    def _excuse(self, chassis: set[str], now: float) -> None:
        """What is lost while a host, or its own link, is known to be at fault says nothing of the paths to it."""
        for name in chassis | self._cut:
            self.prober.begin_anew(name, now)
        self._cut = chassis

    def _time(self, now: float) -> None:
        """Which directions are late beside the others, and since when; and which counters have to begin anew after an outage."""
        small = {(a, b): d for (a, b, full), d in self.prober.directions.items() if not full}
        known = [usual for d in small.values() if (usual := d.usual) is not None]
        elsewhere = median(known) if known else 0.0
        shifts = {
            p: s for p, d in small.items() if known and now - d.tried < TRIED_WITHIN and (s := d.shift(elsewhere)) is not None
        }
        # What all of them have is the controller's; a quarter of them may be of one link, and no more than half of those late.
        common = max(sorted(shifts.values())[len(shifts) // 4], 0.0) if shifts else 0.0
        self._timed = frozenset(shifts)
        for pair, direction in small.items():
            shift = shifts.get(pair, 0.0) - common
            if shift > max(_LATE, min(2 * direction.spread, _LATE_FOR_CERTAIN)):
                self._late[pair] = self._late.get(pair, (now, 0.0))[0], shift
            else:
                self._late.pop(pair, None)
                direction.learn()
            if direction.down(now) or self._since.get(pair, direction.since) != direction.since:
                for key in [key for key in self.scene.networks_on(pair)]:
                    self.ledger.forget(key)
            self._since[pair] = direction.since

    def _peers(self, name: str) -> set[str]:
        return {other for pair in self.prober.directions for other in pair[:2] if name in pair[:2]} - {name}

    def _look_into(self, evidence: Evidence, away: Collection[str]) -> set[str]:
        """Ask for what is missing to decide. Gives the chassis about which something is still out."""
        now, waiting = evidence.now, set[str]()
        present = [n for n, h in evidence.hosts.items() if h.channel and n not in away]
        small, full = (
            {(a, b): d for (a, b, is_full), d in evidence.directions.items() if is_full == wanted} for wanted in (False, True)
        )
        for directions, is_full in ((small, False), (full, True)):
            waiting |= self._tell_apart(directions, is_full, present, now)
        if self._late:
            near = undecided(self._late.keys(), self._timed - self._late.keys(), self._linked(present))
            self.prober.also(near, now, _TRIED_FOR)
            waiting |= {n for p in near if now - min(at for at, _ in self._late.values()) < _PATIENCE_IF_LATE for n in p}
        suspect = {(loss.key[1], loss.key[2]) for loss in evidence.losses} | {
            (name, peer) for name, host in evidence.hosts.items() for peer in host.unheard
        }
        if new := {p for p in suspect if p not in small or now - small[p].tried > TRIED_WITHIN}:
            self.prober.also(new, now, _TRIED_FOR)
        wanted = self._to_shoot(evidence, small) - {p for p, d in small.items() if d.down(now)}
        for pair in sorted(wanted)[:_MOST_SHOTS]:
            if pair[0] in present and now - self._shots.get(pair, (-_SHOT_AGAIN, None))[0] >= _SHOT_AGAIN:
                self._shots[pair] = now, self.prober.burst(pair, _SHOT, now)
        for key in self._whole_networks(evidence):
            self._shoot_vni(key, present, now)
        for key, (_, shot) in list(self._vni_shots.items()):
            if shot.lost:
                self._shoot_vni(key, present, now)
        for at_burst in (self._shots, self._vni_shots):
            for key_or_pair, (at, burst) in list(at_burst.items()):
                if now - at > 60.0:
                    del at_burst[key_or_pair]  # type: ignore[arg-type]
                elif burst.left and now - at < 3.0:
                    waiting |= {*key_or_pair[-2:]}  # type: ignore[arg-type]
        return waiting

    def _tell_apart(self, directions: Mapping[Pair, Direction], full: bool, present: Collection[str], now: float) -> set[str]:
        """Try at once what shares an end with a direction that just lost something, if it was not tried since."""
        doubtful = {p for p, d in directions.items() if d.run > 0 and now - d.tried < TRIED_WITHIN and {*p} <= {*present}}
        if not doubtful:
            return set()
        since = min(directions[p].run_since for p in doubtful)
        wanted = undecided(doubtful, passing(directions, since, now), self._linked(present))
        if not full:
            self.prober.also(wanted | doubtful, now, _TRIED_FOR)
        waiting = {
            name for p in doubtful if not directions[p].down(now) and now - directions[p].run_since < _PATIENCE for name in p
        }
        for pair in wanted:
            asked = self._asked.get((pair, full), since - 1)
            if asked < since:
                asked = self._asked[pair, full] = now
                self.prober.try_now(pair, now, full)
            if now - asked < _PATIENCE:
                waiting |= {*pair}
        return waiting

    def _shoot_vni(self, key: Key, present: Collection[str], now: float) -> None:
        """Try a network's VNI from one chassis to another: often while it seems to be lost, so that its end is seen."""
        at, shot = self._vni_shots.get(key, (-_SHOT_AGAIN, None))
        if key[1] not in present or now - at < (_VNI_AGAIN if shot is not None and shot.lost else _SHOT_AGAIN):
            return
        self._vni_shots[key] = now, self.prober.burst((key[1], key[2]), _VNI_SHOT, now, vni=key[0])
        # What is counted from now on tells whether packets pass where these probes do.
        self.ledger.forget(key)

    def _linked(self, present: Iterable[str]) -> set[str]:
        known = {name for pair in self.prober.directions for name in pair[:2]}
        return known & set(present)

    def _to_shoot(self, evidence: Evidence, small: Mapping[Pair, object]) -> set[Pair]:
        """Directions that lose some packets, as it seems, and those that tell whether it is all of one link."""
        since = evidence.now - _STRAY_OVER
        stray = {
            pair
            for pair in small
            if (d := evidence.directions.get((*pair, False))) is not None and d.strays(since) >= _STRAY_LOSSES and d.run == 0
        }
        stray |= {pair for pair in small if evidence.directions[pair[0], pair[1], False].corruptions(evidence.now - _CORRUPTED_OVER)}
        told = {(loss.key[1], loss.key[2]) for loss in evidence.losses if not loss.step and loss.share < _WHOLLY}
        bad = stray | told | set(bad_shots(evidence))
        return bad | undecided(bad, (), self._linked(evidence.hosts), _SHOT_PEERS)

    def _whole_networks(self, evidence: Evidence) -> list[Key]:
        good = {(a, b) for (a, b, full), d in evidence.directions.items() if not full and d.run == 0}
        whole = (loss.key for loss in evidence.losses if not loss.step and loss.share >= _WHOLLY)
        return [key for key in whole if key[1:] in good]

    def _waits(self, verdict: Verdict, waiting: Collection[str]) -> bool:
        """Whether what was asked for may change it. What is raised already is not held up."""
        if verdict.what.layer not in ("underlay", "tunnel") or self.book.lasts(verdict.kind, verdict.element):
            return False
        return verdict.kind in ("down", "lossy", "congested", "mtu_hole", "slow", "corrupting") and bool(
            {*verdict.element.chassis} & {*waiting}
        )

    def _is_steady(self, verdict: Verdict, now: float) -> bool:
        """Whether it was said all the time for a while, where figures decide; the others are sure at once."""
        return now - self._said.setdefault((verdict.kind, verdict.element), now) >= _STEADY.get(verdict.kind, 0.0)

    def _unknown(self, evidence: Evidence, away: Collection[str]) -> Callable[[Element], bool]:
        """Whether nothing can be known of an element now: no chassis that it is named by can be spoken with."""
        mute = {name for name, host in evidence.hosts.items() if not host.channel or host.silent is not None}

        def unknown(element: Element) -> bool:
            named = {*element.chassis}
            if element.kind in ("vswitch", "chassis", "channel"):
                return False
            return bool(named) and named <= mute

        return unknown


def _ended(burst: Burst, at: float) -> Shot | None:
    return None if burst.left else Shot(burst.lost, burst.count, at)


def wider(a: Verdict, b: Verdict) -> bool:
    """Whether `a` says all that `b` says, and more: then it takes its place."""
    if a == b or a.what.layer not in ("underlay", "tunnel", "host"):
        return False
    ours, theirs = a.element, b.element
    if a.kind == "starved":
        return b.kind == "slow" and ours.names[0] in theirs.chassis
    if a.kind in ("vswitch_down", "vswitch_hung", "chassis_down"):
        same = ours.names[0] in theirs.chassis and b.what.layer in ("underlay", "tunnel", "host")
        return same and not (b.kind in ("vswitch_down", "vswitch_hung", "chassis_down") and a.kind == "vswitch_hung")
    if a.kind == "congested" and b.kind in ("lossy", "slow") and ours == theirs:
        return True
    if a.kind != b.kind and not (a.kind == "down" and b.what.layer in ("underlay", "tunnel")):
        return a.kind in ("congested", "lossy") and b.kind in ("lossy", "slow") and ours != theirs and _covers(ours, theirs)
    return _covers(ours, theirs) if ours != theirs else a.kind != b.kind


def _covers(ours: Element, theirs: Element) -> bool:
    """Whether an element is all of another, and more."""
    if ours.kind == theirs.kind == "vni":
        return all(mine in (other, ANY) for mine, other in zip(ours.names, theirs.names))
    if ours.kind == "link":
        return ours.names[0] in theirs.chassis and theirs.kind in ("link_in", "link_out", "pair", "path", "vni")
    if ours.kind == "link_in":
        return theirs.kind in ("path", "vni") and theirs.chassis[-1] == ours.names[0]
    if ours.kind == "link_out":
        return theirs.kind in ("path", "vni") and theirs.chassis[0] == ours.names[0]
    if ours.kind in ("pair", "path"):
        return theirs.kind in ("path", "vni") and {*theirs.chassis} == {*ours.names} and theirs.kind != ours.kind
    return ours.kind == "split" and theirs.kind in ("pair", "path", "link_in", "link_out")
