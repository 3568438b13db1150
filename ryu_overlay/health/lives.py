"""Signs of life of bridges: when each was asked for one, and what it must have told of by its answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ryu_overlay.health.probes import Ask, Tokens

SILENT_AFTER = 0.45
"""Seconds without any sign of a bridge after it was asked for one."""
ASKED_EVERY, ASKED_AT_LEAST = 0.3, 1.0
"""Seconds without a sign of a bridge after which it is asked for one; and after which it is asked all the same."""
_NEVER = (-1.0, -1.0)


@dataclass(slots=True)
class Life:
    """Signs of one bridge. `asked` is when it was asked what it has not answered yet, `witness` when it was asked the last two
    questions that it answered, `reflected` when it last sent a probe back, `unreflected` how many probes since then it did not;
    `took` are its last answers: when, and after how many seconds."""

    sign: float
    asked: float | None = None
    asked_last: float = 0.0
    asked_raw: float = 0.0
    witness: tuple[float, float] = _NEVER
    reflected: float | None = None
    unreflected: int = 0
    took: list[tuple[float, float]] = field(default_factory=list)


class Lives:
    """Of all bridges. `raw` is the time by a clock that never stands still, for how long answers take."""

    def __init__(self, tokens: Tokens) -> None:
        self.known: dict[str, Life] = {}
        self.present: frozenset[str] = frozenset()
        self._tokens = tokens
        self._asked: dict[int, str] = {}

    def now_present(self, chassis: Collection[str], now: float) -> frozenset[str]:
        """The chassis whose bridges can be told what to do. Gives those that could not be before."""
        before, self.present = self.present, frozenset(chassis)
        for name in self.present - self.known.keys():
            self.known[name] = Life(now)
        for name in self.known.keys() - self.present:
            life = self.known[name]
            life.asked, life.witness = None, _NEVER
        self._asked = {token: name for token, name in self._asked.items() if name in self.present}
        return self.present - before

    def forget(self, chassis: str) -> None:
        """A chassis is no more."""
        self.known.pop(chassis, None)
        self.present -= {chassis}
        self._asked = {token: name for token, name in self._asked.items() if name != chassis}

    def alive(self, chassis: str, now: float) -> None:
        """A bridge gives a sign."""
        life = self.known.get(chassis)
        if life is not None:
            life.sign = now

    def asks(self, wanted: Collection[str], now: float, raw: float) -> Iterator[Ask]:
        """Whom to ask now: those that were quiet, and those that are `wanted` to answer."""
        quiet = {
            name for name, life in self.known.items() if now - life.sign >= ASKED_EVERY or now - life.asked_last >= ASKED_AT_LEAST
        }
        for name in sorted((quiet | {*wanted}) & self.present):
            life = self.known[name]
            if life.asked is None or now - life.asked_last >= ASKED_AT_LEAST:
                life.asked = now if life.asked is None else life.asked
                life.asked_last, life.asked_raw = now, raw
                token = self._tokens.next()
                self._asked[token] = name
                yield Ask(name, token)

    def answered(self, token: int, now: float, raw: float) -> None:
        """A bridge answers what it was asked."""
        chassis = self._asked.pop(token, None)
        life = self.known.get(chassis or "")
        if chassis is None or life is None:
            return
        life.sign = now
        if life.asked is not None:
            life.witness = (life.witness[1], life.asked)
            life.took = [*life.took[-7:], (now, raw - life.asked_raw)]
            life.asked = None

    def silent(self, chassis: str, now: float) -> float | None:
        """Since when a present bridge has not answered, None if it has, or may still."""
        life = self.known.get(chassis)
        if life is None or chassis not in self.present or life.asked is None or life.sign > life.asked:
            return None
        return life.asked if now - life.asked >= SILENT_AFTER else None

    def have_told(self, chassis: str, since: float) -> bool:
        """Whether a bridge has answered two questions that were asked after that: what it had to tell by then, it has told."""
        life = self.known.get(chassis)
        return life is not None and chassis in self.present and life.witness[0] >= since

    def reflects(self, chassis: str, now: float) -> None:
        """A bridge sent a probe back."""
        life = self.known.get(chassis)
        if life is not None:
            life.reflected, life.unreflected = now, 0

    def reflects_not(self, chassis: str) -> None:
        """A probe to a bridge did not come back."""
        life = self.known.get(chassis)
        if life is not None:
            life.unreflected += 1
