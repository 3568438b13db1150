"""Which faults are to alarm nobody, and why. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite

from ryu_overlay.health.elements import Element, read_element
from ryu_overlay.health.report import Silence


class Silences:
    """What operators silenced, and which chassis are under maintenance."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], Silence] = {}

    def silence(self, silence: Silence) -> None:
        """From now on; in place of what was said of the same element or chassis before."""
        self._said[silence.what, silence.name] = silence

    def unsilence(self, what: str, name: str) -> bool:
        """Take that back. Whether it was said."""
        return self._said.pop((what, name), None) is not None

    def at(self, now: float) -> tuple[Silence, ...]:
        """Those that are in force, by what and name. Those that ran out are forgotten."""
        self._said = {key: s for key, s in self._said.items() if s.until is None or s.until > now}
        return tuple(self._said[key] for key in sorted(self._said))

    def dump(self) -> str:
        """As text for `load`."""
        return json.dumps([asdict(silence) for silence in self._said.values()])

    def load(self, text: str) -> None:
        """Say again what was dumped. What cannot be read is left out."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return
        for each in found if isinstance(found, list) else ():
            silence = _read(each)
            if silence is not None:
                self.silence(silence)


def quiet(element: Element, silences: tuple[Silence, ...]) -> str:
    """Why nobody is to be alarmed by a fault of an element (see `Fault.quiet`): by its own silence, or by the maintenance of a
    chassis that it is named by."""
    if any(s.what == "element" and _is(element, s.name) for s in silences):
        return "silenced"
    return "maintenance" if any(s.what == "chassis" and s.name in element.chassis for s in silences) else ""


def _is(element: Element, name: str) -> bool:
    try:
        return read_element(name) == element
    except ValueError:
        return name == element.text


def _read(each: object) -> Silence | None:
    if not isinstance(each, dict):
        return None
    what, name, until, reason = (each.get(key) for key in ("what", "name", "until", "reason"))
    if what not in ("element", "chassis") or not (isinstance(name, str) and name and isinstance(reason, str)):
        return None
    if until is not None and (isinstance(until, bool) or not isinstance(until, int | float) or not isfinite(until)):
        return None
    return Silence(what, name, until, reason)
