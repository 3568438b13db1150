"""All bridges: whose each is, which are worked on, and when each is read again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.events import (
    Effect,
    Log,
    MetersRead,
    Refusal,
    SwitchConnected,
    SwitchEvent,
    SwitchGone,
    SwitchRead,
    SwitchTouched,
)
from ryu_overlay.engine.revisions import Revisions
from ryu_overlay.fabric.facts import ChassisFacts

_LOGGED_AT_ONCE = 10


class Bridges:
    """Bridges by datapath id. One is worked on while its channel is up and a chassis has reported it as its own.

    `problems` has, by chassis, why its bridge is not worked on.
    """

    def __init__(self, facts: Mapping[str, ChassisFacts], revisions: Revisions) -> None:
        self.problems: dict[str, str] = {}
        self._facts = facts
        self._revisions = revisions
        self._bridges: dict[int, Bridge] = {}
        self._channels: set[int] = set()
        self._tokens = _numbers()
        self._stale = False

    def __iter__(self) -> Iterator[Bridge]:
        return iter(self._bridges.values())

    def by_dpid(self, dpid: int) -> Bridge | None:
        """The bridge with a datapath id, if it is worked on."""
        return self._bridges.get(dpid)

    def of(self, chassis: str) -> Bridge | None:
        """The chassis' connected bridge."""
        facts = self._facts.get(chassis)
        bridge = None if facts is None or facts.dpid is None else self._bridges.get(facts.dpid)
        return bridge if bridge is not None and bridge.chassis == chassis else None

    def take(self, event: SwitchEvent, now: float) -> list[Effect]:
        """Take in what came by a bridge's channel."""
        if isinstance(event, (SwitchConnected, SwitchGone)):
            (self._channels.add if isinstance(event, SwitchConnected) else self._channels.discard)(event.dpid)
            self.drop(event.dpid)
            return []
        bridge = self._bridges.get(event.dpid)
        if bridge is None:
            return []
        if isinstance(event, SwitchRead):
            drifted = bridge.was_read(event, now)[:_LOGGED_AT_ONCE]
            return [Log(logging.WARNING, f"{bridge.chassis}: {words}; put right") for words in drifted]
        if isinstance(event, Refusal):
            news = bridge.refuse(event.token, event.text, now)
            about = (("chassis", (bridge.chassis,)),)
            return [Log(logging.ERROR, f"{bridge.chassis} refused a message: {event.text}", about)] if news else []
        if isinstance(event, SwitchTouched):
            return bridge.touch(now)
        if isinstance(event, MetersRead):
            return bridge.retire(event.numbers)
        bridge.confirm(event.token)
        return []

    def drop(self, dpid: int) -> None:
        """Work on a bridge no more, until it is claimed anew."""
        bridge = self._bridges.pop(dpid, None)
        if bridge is not None:
            self._revisions.lost(bridge.chassis, bridge.confirmed)
        self._stale = True

    def facts_changed(self) -> None:
        """The chassis, or their datapath ids, are not the same as before."""
        self._stale = True

    def distrust(self) -> None:
        """Believe nothing of what bridges have; the next `tick` reads them."""
        for bridge in self:
            bridge.distrust()
        self._stale = True

    def claim(self, revision: int, now: float) -> list[Effect]:
        """Begin with each connected bridge whose chassis is known by now: read what it has.

        A datapath id is one chassis': who reported it first has it, until it reports another.
        """
        if not self._stale:
            return []
        self._stale = False
        owners = {b.dpid: b.chassis for b in self if self.of(b.chassis) is b}
        problems = {}
        for facts in self._facts.values():
            if facts.dpid is not None and owners.setdefault(facts.dpid, facts.name) != facts.name:
                problems[facts.name] = f"its br-int has the same datapath id as {owners[facts.dpid]}'s, {facts.dpid:016x}"
        news = problems.keys() - self.problems.keys()
        out: list[Effect] = [
            Log(logging.ERROR, f"{name} is left alone: {problems[name]}", (("chassis", (name,)),)) for name in sorted(news)
        ]
        self.problems = problems
        for bridge in [b for b in self if owners.get(b.dpid) != b.chassis]:
            self.drop(bridge.dpid)
        for dpid in sorted(self._channels & owners.keys() - self._bridges.keys()):
            bridge = self._bridges[dpid] = Bridge(dpid, owners[dpid], self._tokens)
            self._revisions.changed(bridge.chassis, revision)
            out += bridge.read(now)
        return out

    def tick(self, audit_every: float, now: float) -> list[Effect]:
        """Read what cannot wait, and audit. Audits are spread: no more begin at once than it takes to get round in time."""
        out = [effect for bridge in self for effect in bridge.tick(now)]
        due = sorted((bridge for bridge in self if bridge.is_due(now, audit_every)), key=lambda bridge: bridge.read_at)
        for bridge in due[: 1 + int(len(self._bridges) / audit_every)]:
            out += bridge.read(now)
        return out


def _numbers() -> Iterator[int]:
    """Numbers for readings and batches, from 1, below those that are asked with outside the engine."""
    while True:
        yield from range(1, 1 << 31)
