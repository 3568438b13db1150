"""The book of faults: verdicts of each moment become faults that are raised once, last, and end. Pure.

1. A verdict that is not in the book is raised at once, with the first sign of it as its `since`.
2. A verdict that is gone keeps its fault for `HOLD` seconds. If it comes back, it is the same fault. What came back
   `FLAPS` times within `FLAPS_WITHIN` seconds flaps: that is told once, and ends only after `FLAPPING_HOLD` seconds without it.
3. While nothing is known of an element its fault neither changes nor ends, but not for longer than `UNKNOWN_FOR` seconds.
4. A wider verdict takes in the narrower ones that it explains, and is as old as the oldest. While it is in the book they are
   not raised.
"""

from __future__ import annotations

from base64 import b32encode
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count

from ryu_overlay.health.elements import Element
from ryu_overlay.health.faults import Fault, Impact, Verdict
from ryu_overlay.health.report import Silence
from ryu_overlay.health.silences import Silences, quiet

HOLD = 10.0
FLAPS, FLAPS_WITHIN, FLAPPING_HOLD = 3, 60.0, 30.0
UNKNOWN_FOR = 120.0
UNKNOWN = "not known any more"
IMPACT_EVERY = 5.0
KEPT_FOR, KEPT = 3600.0, 500
"""How long faults that ended are kept, in seconds, and how many of them."""
_BLINK = 0.5
"""What is gone for no longer, in seconds, did not go away."""

_Key = tuple[str, Element]


@dataclass(slots=True)
class _Entry:
    """A fault that lasts. `seen`: when its verdict was there last; `spoken`: when that was so, or nothing known; `weighed`: when
    impact was worked out; `unknown`: since when nothing is known; `gone`: whether it is known not to be there; `returns`: when it
    came back lately."""

    fault: Fault
    seen: float
    spoken: float
    weighed: float
    unknown: float | None = None
    gone: bool = False
    flapping: bool = False
    returns: list[float] = field(default_factory=list)


class Book:
    """The faults that last, and those that ended lately."""

    def __init__(
        self,
        impact: Callable[[Element], Impact],
        absorbs: Callable[[Verdict, Verdict], bool],
        holds: Mapping[str, float] | None = None,
    ) -> None:
        """`absorbs(a, b)`: whether a is wider and explains b. `holds` has other seconds than `HOLD` for some kinds of fault."""
        self._impact = impact
        self._absorbs = absorbs
        self._holds = holds or {}
        self._lasting: dict[_Key, _Entry] = {}
        self._ended: deque[Fault] = deque(maxlen=KEPT)
        self._within: dict[_Key, _Key] = {}
        self._ids: set[str] = set()
        self._silences = Silences()

    def step(self, now: float, verdicts: Iterable[tuple[Verdict, float]], unknown: Callable[[Element], bool]) -> list[Fault]:
        """The faults that were raised, changed or ended. `verdicts` are all that are certain now, each with the time of its first
        sign; `unknown` says of which elements nothing is known. Times are in seconds since 1970."""
        there = {(verdict.kind, verdict.element): (verdict, since) for verdict, since in verdicts}
        silences = self._silences.at(now)
        ended, told = list[Fault](), set[_Key]()
        for key, entry in list(self._lasting.items()):
            why = quiet(key[1], silences)
            if why != entry.fault.quiet:
                entry.fault = replace(entry.fault, quiet=why)
                told.add(key)
            if key in there:
                if self._go_on(entry, there[key][0], now):
                    told.add(key)
            elif self._is_over(entry, unknown(key[1]), now):
                ended.append(self._end(key, entry.seen))
        self._within = {key: wider for key, wider in self._within.items() if key in there and wider in self._lasting}
        self._ids = {fault.id for fault in (*self._ended, *(entry.fault for entry in self._lasting.values()))}
        for key, (verdict, since) in there.items():
            if key not in self._lasting and key not in self._within:
                over = self._raise(verdict, since, quiet(key[1], silences), now)
                if over is not None:
                    ended += over
                    told.add(key)
        return [*ended, *(entry.fault for key, entry in self._lasting.items() if key in told)]

    def lasts(self, kind: str, element: Element) -> bool:
        """Whether there is such a fault now."""
        return (kind, element) in self._lasting

    def faults(self, now: float) -> list[Fault]:
        """Those that last, then those that ended in the last hour; the newest first."""
        silences = self._silences.at(now)
        lasting = [replace(e.fault, quiet=quiet(e.fault.verdict.element, silences)) for e in self._lasting.values()]
        ended = [fault for fault in self._ended if fault.until is not None and now - fault.until <= KEPT_FOR]
        return sorted([*lasting, *ended], key=lambda fault: (fault.until is not None, -fault.raised))

    def silence(self, silence: Silence) -> None:
        """Have nobody alarmed. Faults that are so are told of as changed, as they are when that is over."""
        self._silences.silence(silence)

    def unsilence(self, what: str, name: str) -> bool:
        """Take that back. Whether it was said."""
        return self._silences.unsilence(what, name)

    def silences(self, now: float) -> tuple[Silence, ...]:
        """Those in force."""
        return self._silences.at(now)

    def dump(self) -> str:
        """The silences as text for `load`."""
        return self._silences.dump()

    def load(self, text: str) -> None:
        """Say again what was dumped. What cannot be read is left out."""
        self._silences.load(text)

    def _raise(self, verdict: Verdict, since: float, why: str, now: float) -> list[Fault] | None:
        """The faults that end because it says more than they do; None: it is part of something wider itself."""
        key = (verdict.kind, verdict.element)
        for wider, entry in self._lasting.items():
            if self._absorbs(entry.fault.verdict, verdict):
                self._within[key] = wider
                entry.fault = replace(entry.fault, since=min(since, entry.fault.since))
                return None
        narrower = [k for k, entry in self._lasting.items() if self._absorbs(verdict, entry.fault.verdict)]
        since = min([since, *(self._lasting[k].fault.since for k in narrower)])
        fault = Fault(_id(verdict, since, self._ids), verdict, since, now, impact=self._impact(verdict.element), quiet=why)
        ended = []
        for k in narrower:
            self._within[k] = key
            if self._lasting[k].fault.raised < now:
                ended.append(self._end(k, now, f"part of {fault.id}: {fault.text}"))
            else:
                del self._lasting[k]
        self._lasting[key] = _Entry(fault, now, now, now)
        self._ids.add(fault.id)
        return ended

    def _go_on(self, entry: _Entry, verdict: Verdict, now: float) -> bool:
        """The verdict is there. Whether that is to be told."""
        before = entry.fault
        flaps, impact, flapped = before.flaps, before.impact, entry.flapping
        if entry.gone and now - entry.spoken > _BLINK:
            flaps += 1
            entry.returns = [*(at for at in entry.returns if now - at <= FLAPS_WITHIN), now]
            entry.flapping = flapped or len(entry.returns) >= FLAPS
        if now - entry.weighed >= IMPACT_EVERY:
            impact, entry.weighed = self._impact(verdict.element), now
        if entry.flapping:
            verdict = replace(verdict, evidence=(*verdict.evidence, f"it comes and goes: it came back {flaps} times"))
        entry.fault = replace(before, verdict=verdict, flaps=flaps, impact=impact)
        entry.seen = entry.spoken = now
        entry.unknown, entry.gone = None, False
        return impact != before.impact or entry.flapping != flapped

    def _is_over(self, entry: _Entry, unknown: bool, now: float) -> bool:
        """Whether a fault without its verdict has ended."""
        if unknown:
            entry.spoken, entry.gone = now, False
            entry.unknown = now if entry.unknown is None else entry.unknown
            if now - entry.unknown < UNKNOWN_FOR:
                return False
            verdict = entry.fault.verdict
            entry.fault = replace(entry.fault, verdict=replace(verdict, evidence=(*verdict.evidence, UNKNOWN)))
            return True
        entry.unknown, entry.gone = None, True
        hold = self._holds.get(entry.fault.verdict.kind, HOLD)
        return now - entry.spoken >= (max(hold, FLAPPING_HOLD) if entry.flapping else hold)

    def _end(self, key: _Key, until: float, *why: str) -> Fault:
        fault = self._lasting.pop(key).fault
        verdict = replace(fault.verdict, evidence=(*fault.verdict.evidence, *why))
        self._ended.append(replace(fault, verdict=verdict, until=until))
        return self._ended[-1]


def _id(verdict: Verdict, since: float, taken: Collection[str]) -> str:
    """Short, and the same for the same fault if it can be."""
    for number in count():
        text = f"{verdict.kind} {verdict.element.text} {since} {number}"
        found = "f" + b32encode(sha256(text.encode()).digest())[:5].decode().lower()
        if found not in taken:
            return found
    raise AssertionError
