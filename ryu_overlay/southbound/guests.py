"""Asks guests by ARP, each from its own chassis, whether they are there."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.objects import Port
from ryu_overlay.oam.guests import arp_question, to_guest
from ryu_overlay.southbound.switches import Switches

_ASKED_AGAIN, _TRIES = 1.0, 3
_AT_ONCE = 50
"""Guests that are asked a second: what is beyond waits."""


class Guests:
    """Each bound guest is asked every `every` seconds (0: never), and again if it says nothing. Guests that are off, or cut
    off on their host, are not asked: that is seen without."""

    def __init__(self, engine: Engine, switches: Switches, every: float) -> None:
        self._engine = engine
        self._switches = switches
        self._every = every
        self._due: dict[str, float] = {}
        self._unanswered: dict[str, int] = {}
        self._places: dict[str, tuple[int, int, int]] = {}
        self._asked: dict[tuple[int, int, int], str] = {}

    def sweep(self, now: float) -> None:
        """Ask those whose turn it is."""
        if not self._every:
            return
        bound = {port.name: (port, dpid, ofport) for port, dpid, ofport in self._bound()}
        places = {name: (dpid, ofport, int(port.addresses[0])) for name, (port, dpid, ofport) in bound.items()}
        for name in [name for name in self._due if self._places.get(name) != places.get(name)]:
            # One that moved is asked anew where it is.
            del self._due[name]
            self._unanswered.pop(name, None)
        self._places = places
        self._asked = {place: name for place, name in self._asked.items() if places.get(name) == place}
        for number, name in enumerate(bound.keys() - self._due.keys()):
            self._due[name] = now + self._every * (number % 16) / 16
        due = sorted((at, name) for name, at in self._due.items() if at <= now)[:_AT_ONCE]
        for _, name in due:
            port, dpid, ofport = bound[name]
            tries = self._unanswered[name] = self._unanswered.get(name, 0) + 1
            self._due[name] = now + (_ASKED_AGAIN if tries <= _TRIES else self._every)
            self._asked[places[name]] = name
            self._switches.send(dpid, (to_guest(ofport, arp_question(int(port.addresses[0]))),))

    def told(self, dpid: int, ofport: int, address: int, now: float) -> None:
        """A guest behind a port says that it has an address."""
        name = self._asked.get((dpid, ofport, address))
        if name is not None:
            self._unanswered[name] = 0
            self._due[name] = now + self._every

    def silent(self) -> tuple[str, ...]:
        """The ports whose guest was asked and said nothing."""
        return tuple(sorted(name for name, tries in self._unanswered.items() if tries > _TRIES))

    def _bound(self) -> Iterator[tuple[Port, int, int]]:
        engine = self._engine
        for bridge in engine.bridges:
            facts = engine.facts.get(bridge.chassis)
            if facts is None or not bridge.confirmed:
                continue
            for iface_id in facts.vifs.keys() - facts.down - facts.off:
                port = engine.network.find_port(iface_id)
                spot = None if port is None or not port.enabled or not port.addresses else engine.bindings.spot(port)
                if port is not None and spot is not None and spot.chassis == bridge.chassis:
                    yield port, bridge.dpid, facts.vifs[iface_id].ofport
