"""What happened lately, for operators to look up by the object it concerns: a ring that forgets its oldest entries.

Events and effects become words here; what they do is decided elsewhere. A restarted controller begins with an empty one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import takewhile
from typing import Any

from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.events import Log
from ryu_overlay.model.network import Network, changes
from ryu_overlay.model.objects import Object, Ref
from ryu_overlay.model.problems import spelled
from ryu_overlay.pipeline.cookies import read_cookie
from ryu_overlay.pipeline.tables import TABLE_NAMES

SIZE = 10_000
CHANGES_AT_ONCE = 500
"""Objects of one revision that have an entry each; what is beyond is only counted."""
Name = tuple[str, Ref]
"""What an entry is about: a kind of object ("chassis" is one here) and a ref."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is in seconds since 1970, `level` as in `logging`, `about` what it concerns."""

    at: float
    level: int
    text: str
    about: tuple[Name, ...] = ()


class Journal:
    """Entries, the oldest first; at most `size`."""

    def __init__(self, size: int = SIZE) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, at: float, level: int, text: str, *about: Name) -> None:
        """Add an entry."""
        self._entries.append(Entry(at, level, text, about))

    def changed(self, before: Network, after: Network, at: float) -> None:
        """Note what a new revision of the network changed."""
        puts, deletes = changes(before, after)
        told = 0
        for words, obj in (*_puts(before, puts), *(("deleted", obj) for obj in deletes)):
            if told < CHANGES_AT_ONCE:
                self.note(at, logging.INFO, f"revision {after.revision}: {spelled(obj)} {words}", (obj.kind, obj.ref))
            told += 1
        if told > CHANGES_AT_ONCE:
            self.note(at, logging.INFO, f"revision {after.revision}: and {told - CHANGES_AT_ONCE} objects more")

    def take(self, effects: Iterable[object], at: float) -> None:
        """Note those of the effects that are for the operator's log and say what they are about."""
        for effect in effects:
            if isinstance(effect, Log) and effect.about:
                self.note(at, effect.level, effect.text, *effect.about)

    def moved(self, bindings: Mapping[str, str | None], network: Network, at: float) -> None:
        """Note which ports, by UUID, are on another chassis now or on none."""
        for uuid, chassis in bindings.items():
            port = network.port_by_uuid.get(uuid)
            if port is not None:
                where = "is bound nowhere now" if chassis is None else f"is on {chassis} now"
                self.note(at, logging.INFO, f"{spelled(port)} {where}", (port.kind, port.ref))

    def drifted(self, bridges: Iterable[Bridge], network: Network, at: float) -> None:
        """Note what the audits of this very moment found on bridges, by the object that each flow is for."""
        for bridge in bridges:
            for drift in takewhile(lambda d: d.at == at, reversed(bridge.drift)):
                why = read_cookie(drift.value[0])
                obj = None if why is None else network.by_key.get(why.key)
                if obj is not None:
                    table = TABLE_NAMES.get(drift.key[0], str(drift.key[0]))
                    text = f"{drift.chassis}: a flow of table {table} for {spelled(obj)} was {drift.what}; put right"
                    self.note(at, logging.WARNING, text, (obj.kind, obj.ref))

    def concerning(self, concerns: Callable[[Name], bool], most: int) -> list[Entry]:
        """The last `most` entries about something that `concerns` is true of, the oldest first."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if any(map(concerns, entry.about)):
                found.append(entry)
                if len(found) == most:
                    break
        return found[::-1]


def _puts(before: Network, puts: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    for obj in puts:
        old = before.get(obj.kind, obj.ref)
        yield ("created" if old is None else f"changed: {', '.join(_differences(old, obj))}"), obj


def _differences(old: Any, new: Any) -> Iterator[str]:
    if is_dataclass(new):
        for field in fields(new):
            was, now = getattr(old, field.name), getattr(new, field.name)
            if was != now:
                yield f"{field.name} {_words(was)} is now {_words(now)}"


def _words(value: Any) -> str:
    if value is None or value == () or value == "":
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
