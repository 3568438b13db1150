"""Steady watch: probes, counters and facts come in, faults come out.

1. Probes go out and are heard (`prober`). Ten times a second all that is known becomes evidence, and evidence verdicts: hosts
   first, then the underlay without the chassis whose host is at fault, then the virtual network.
2. What is not decided is looked into (`inquiry`). A verdict waits for what was asked for because of it.
3. Verdicts become faults with a life (`book`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ryu_overlay.health.book import Book
from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Key, Loss
from ryu_overlay.health.direction import Direction
from ryu_overlay.health.elements import Element
from ryu_overlay.health.evidence import LOST_WHOLLY, Altered, Evidence, Exhausted, Host
from ryu_overlay.health.faults import Fault, Verdict
from ryu_overlay.health.hosts import forwarding_nothing, on_hosts, recent_answers, starving
from ryu_overlay.health.inquiry import Inquiry, Open
from ryu_overlay.health.lateness import Lateness
from ryu_overlay.health.prober import Prober
from ryu_overlay.health.probes import Ask, Pair, Probe
from ryu_overlay.health.underlay import on_underlay
from ryu_overlay.health.virtual import on_virtual

JUDGED_EVERY = 0.1
_OVER_IF = 3.0
"""How many times longer the window has to be that shows a loss than the shortest that did, for it to be over."""
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
_MEASURED = ("lossy", "congested", "slow", "corrupting")
_SHARPENED = ("down", "mtu_hole")
"""Kinds whose element may be another once more is known: by figures, or by a probe on each direction beside it."""


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

    def keys_on(self, pair: Pair) -> list[Key]:
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
        self._inquiry = Inquiry(self.prober, self.ledger)
        self._lateness = Lateness()
        self._gone: set[str] = set()
        self._since: dict[Pair, float] = {}
        self._windows: dict[Key, float] = {}
        self._whole: set[Key] = set()
        self._said: dict[tuple[str, Element], float] = {}

    def step(self, now: float, raw: float, wall: float, scene: Callable[[], Scene]) -> tuple[list[Probe | Ask], list[Fault]]:
        """What is to be sent, and faults that were raised, changed or ended. `now` and `raw` are as in `prober`, `wall` in
        seconds since 1970."""
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
        away = forwarding_nothing(hosts) | starving(evidence)
        self.prober.excuse(away | {name for name, host in evidence.hosts.items() if host.carrier is False}, now)
        found = [*hosts, *on_underlay(evidence, away), *on_virtual(evidence)]
        present = [name for name, host in evidence.hosts.items() if host.channel and name not in away]
        open_ = self._inquiry.look(evidence, present, self.scene.keys)
        ready = [(v, wall - (now - since)) for v, since in found if not self._waits(v, open_) and self._is_steady(v, now)]
        self._said = {key: at for key, at in self._said.items() if key in {(v.kind, v.element) for v, _ in found}}
        return out, self.book.step(wall, ready, _unknown(evidence))

    def _gathered(self, now: float) -> Evidence:
        small = {(a, b): d for (a, b, full), d in self.prober.directions.items() if not full}
        self._lateness.judge(small, now, recent_answers(self.prober.lives, now))
        self._begin_counting_anew(small, now)
        losses = tuple(self._current(self.ledger.findings(now)))
        scene = self.scene
        return Evidence(
            now,
            scene.hosts,
            self.prober.lives,
            {key: d for key, d in self.prober.directions.items() if key[0] in scene.hosts and key[1] in scene.hosts},
            self.prober.misled,
            self._inquiry.shots(),
            self._inquiry.vni_shots(),
            dict(self._lateness.late),
            self._lateness.timed,
            losses,
            tuple(self.ledger.ends(now)),
            self.ledger.busy(now),
            scene.networks,
            scene.altered,
            scene.exhausted,
            scene.orphans,
            scene.silent_guests,
        )

    def _current(self, losses: list[Loss]) -> list[Loss]:
        """Losses that go on. One that only ever longer windows show, or that was of all and is of some, is over: what was
        counted of it is forgotten."""
        shortest = {}
        for loss in losses:
            before = self._windows.get(loss.key, loss.seconds)
            if loss.step or (loss.seconds <= _OVER_IF * before and (loss.share >= LOST_WHOLLY or loss.key not in self._whole)):
                shortest[loss.key] = min(before, loss.seconds)
        for key in self._windows.keys() - shortest.keys():
            self.ledger.forget(key)
        self._windows = shortest
        self._whole = {loss.key for loss in losses if loss.share >= LOST_WHOLLY and not loss.step}
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
                    self.prober.schedule.burst((peer, name), 1, now)
        self._gone = quiet

    def _begin_counting_anew(self, small: Mapping[Pair, Direction], now: float) -> None:
        """What was counted of a direction while it was down says nothing of what comes after."""
        for pair, direction in small.items():
            if direction.down(now) or self._since.get(pair, direction.since) != direction.since:
                for key in self.scene.keys_on(pair):
                    self.ledger.forget(key)
            self._since[pair] = direction.since

    def _peers(self, name: str) -> set[str]:
        return {other for pair in self.prober.directions for other in pair[:2] if name in pair[:2]} - {name}

    def _waits(self, verdict: Verdict, still: Open) -> bool:
        """Whether what was asked for may change it. What is raised already is not held up."""
        if self.book.lasts(verdict.kind, verdict.element):
            return False
        named = {*verdict.element.chassis}
        return (verdict.kind in _SHARPENED and bool(named & still.asked)) or (
            verdict.kind in _MEASURED and bool(named & still.measured)
        )

    def _is_steady(self, verdict: Verdict, now: float) -> bool:
        """Whether it was said all the time for a while, where figures decide; the others are sure at once."""
        return now - self._said.setdefault((verdict.kind, verdict.element), now) >= _STEADY.get(verdict.kind, 0.0)


def _unknown(evidence: Evidence) -> Callable[[Element], bool]:
    """Whether nothing can be known of an element now: no chassis that it is named by can be spoken with."""
    mute = {name for name, host in evidence.hosts.items() if not host.channel or host.silent is not None}

    def unknown(element: Element) -> bool:
        named = {*element.chassis}
        return element.kind not in ("vswitch", "chassis", "channel") and bool(named) and named <= mute

    return unknown
