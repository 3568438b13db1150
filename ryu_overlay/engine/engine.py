"""step(events, now) -> effects.

1. Take all waiting events in. What chassis say waits until the network and the store's memory are known.
2. If the network or the fabric changed, compile every chassis' program (what did not change is remembered).
3. Plan each chassis' tunnels; remember in the store what is new of the fabric.
4. For each bridge whose chassis has reported and which has been read, send the difference to its program.

A chassis is left as it is until its own facts, the network and what the store remembers are all known: so a
restarted controller finds everything as it should be and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, get_args

from ryu_overlay.compiler.program import Compiler
from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import (
    ArpHeard,
    Beat,
    ChassisForgotten,
    ChassisLost,
    ChassisReported,
    Effect,
    Event,
    FabricRemembered,
    Log,
    MembersJudged,
    NetworkChanged,
    Observe,
    SwitchEvent,
    SwitchRead,
    Tick,
    Unresolved,
)
from ryu_overlay.engine.events import (
    Outside as OutsideEvent,
)
from ryu_overlay.engine.journal import Journal
from ryu_overlay.engine.members import Members
from ryu_overlay.engine.members import news as members_news
from ryu_overlay.engine.memory import Memory
from ryu_overlay.engine.mtu import Mtu
from ryu_overlay.engine.neighbours import news as neighbours_news
from ryu_overlay.engine.observing import Observing
from ryu_overlay.engine.outside import Outside
from ryu_overlay.engine.paths import Paths
from ryu_overlay.engine.repeats import Repeats
from ryu_overlay.engine.revisions import Revisions
from ryu_overlay.engine.translations import Translations
from ryu_overlay.engine.tunnels import Tunnels
from ryu_overlay.engine.uplinks import Uplinks
from ryu_overlay.engine.uplinks import news as uplinks_news
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.fabric.placement import Device, Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.openflow.flow import EMPTY, Program
from ryu_overlay.pipeline.limits import DEFAULT, Limits

WAIT_FOR_CHASSIS = 10.0
"""Seconds after the start that remembered chassis have to report before others may take over what is bound there."""


@dataclass(frozen=True, slots=True)
class Options:
    """`limits`: of what goes to the controller. `audit_every`: seconds between audits."""

    limits: Limits = DEFAULT
    audit_every: float = 30.0


class Engine:
    """All state that decides anything. Everything public besides `step` and `distrust` is for reading.

    `facts` has the chassis that reported, `encap_ips` all that are known, `connected` those whose OVSDB is connected. `fabric` is
    what `programs` were compiled for.
    """

    def __init__(self, options: Options) -> None:
        self.network = Network()
        self.facts: dict[str, ChassisFacts] = {}
        self.connected: set[str] = set()
        self.encap_ips: dict[str, IPv4Address] = {}
        self.bindings = Bindings()
        self.journal = Journal()
        self.programs: dict[str, Program] = {}
        self.fabric = Fabric()
        self._options = options
        self._compiler = Compiler(options.limits)
        self._tunnels = Tunnels()
        self._memory = Memory()
        self._revisions = Revisions()
        self.bridges = Bridges(self.facts, self._revisions)
        self.uplinks = Uplinks()
        self.members = Members()
        self._translations = Translations()
        self._repeats = Repeats()
        self._observing = Observing()
        self.outside = Outside(self.bridges, self.bindings, self.uplinks)
        self.paths = Paths(self.bridges, self.uplinks)
        self._mtu = Mtu()
        self._network_known = self._dirty = self._resting = False
        self._remembered: FabricRemembered | None = None
        self._loaded_at: float | None = None
        self._early: dict[str, Event] = {}
        self._out: list[Effect] = []
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            NetworkChanged: self._on_network,
            FabricRemembered: self._on_remembered,
            ChassisReported: self._on_report,
            ChassisLost: self._on_lost,
            ChassisForgotten: self._on_forgotten,
            ArpHeard: self._on_arp,
            Unresolved: self._on_unresolved,
            MembersJudged: self._on_members,
            Observe: self._on_observe,
            Beat: self._on_beat,
            Tick: self._on_tick,
            **dict.fromkeys(get_args(SwitchEvent), self._on_switch),
        }

    def step(self, events: Iterable[Event], now: float) -> list[Effect]:
        """Take events in, and give what is to be done, in order. Taking an event in twice does no harm.

        What was to be done before an exception is given by the next step; see `distrust`.
        """
        for event in events:
            if self._loaded_at is None and isinstance(event, (ChassisReported, ChassisLost, ChassisForgotten)):
                name = event.facts.name if isinstance(event, ChassisReported) else event.name
                self._early[name] = event
            elif self._loaded_at is not None or not isinstance(event, get_args(OutsideEvent)):
                self._handlers[type(event)](event, now)
        if self._loaded_at is not None and not self._resting:
            self._advance(now)
        out, self._out = self._out, []
        self.journal.take(out, now)
        return out

    def distrust(self) -> None:
        """After a fault, in a step or in carrying one out: believe nothing of what bridges have.

        Nothing is sent until the next Tick, so that a fault that stays does not make work without end.
        """
        self.bridges.distrust()
        self._tunnels.distrust()
        self._dirty = self._resting = True

    @property
    def mtu(self) -> int | None:
        """What VMs may use, in bytes, None while no chassis has told."""
        return self._mtu.value

    @property
    def ready(self) -> bool:
        """Whether the network and what the store remembers are known."""
        return self._loaded_at is not None

    @property
    def tunnels_wanted(self) -> dict[str, frozenset[str]]:
        """By chassis, the others that it shares a network with."""
        return self._tunnels.wanted

    def parts(self) -> list[frozenset[Device]]:
        """The network's connected components."""
        return self._compiler.parts(self.network)

    def bridge_of(self, chassis: str) -> Bridge | None:
        """The chassis' connected bridge."""
        return self.bridges.of(chassis)

    def confirmed(self, chassis: str) -> int:
        """The newest revision that the chassis' bridge has confirmed, 0 when it is not connected."""
        bridge = self.bridge_of(chassis)
        return 0 if bridge is None else bridge.confirmed

    def settled(self, chassis: str) -> bool:
        """Whether the chassis' bridge is connected and has confirmed all that it should have now."""
        bridge, program = self.bridge_of(chassis), self._desired(chassis)
        return bridge is not None and program is not None and not self._dirty and bridge.has(program)

    def observed(self, event: Observe, chassis: Iterable[str]) -> bool:
        """Whether `event` was taken in, is still what holds for its key, and these chassis' bridges have confirmed all of it."""
        return self._observing.holds(event) and all(map(self.settled, chassis))

    def _desired(self, chassis: str) -> Program | None:
        program = self.programs.get(chassis)
        return None if program is None else self._observing.with_observers(chassis, program)

    def lagging(self, revision: int) -> list[str]:
        """The chassis that `revision` or an earlier change still has to reach.

        One that is away counts only if something changed for it since it was last heard. A revision includes those before it.
        """
        if self.network.revision < revision or self._dirty:
            return sorted(self.encap_ips)
        return sorted(name for name in self.encap_ips if self._lags(name, revision))

    def _lags(self, name: str, revision: int) -> bool:
        bridge = self.bridge_of(name)
        if bridge is None:
            return name in self.connected or self._revisions.missed(name, revision)
        if revision >= self.network.revision and not bridge.settled:
            return True
        tunnels_missing = name in self.connected and self._tunnels.missing(name, self.connected)
        return self._revisions.due(name, revision) > bridge.confirmed or tunnels_missing

    def _on_network(self, event: NetworkChanged, now: float) -> None:
        before, self.network = self.network, event.network
        self._network_known = self._dirty = True
        if self._loaded_at is not None:
            self.journal.changed(before, event.network, now)
            self.bindings.network(event.network)
        else:
            self._load(now)

    def _on_remembered(self, event: FabricRemembered, now: float) -> None:
        """What came first counts: what the store says later is what we told it."""
        if self._remembered is None:
            self._remembered = event
            self._load(now)

    def _load(self, now: float) -> None:
        """Begin, once both the network and the memory are known, and take in what chassis said before."""
        if not self._network_known or self._remembered is None:
            return
        remembered = self._remembered
        self.encap_ips = dict(remembered.encap_ips)
        self.bindings.start(self.network, self.encap_ips.keys(), remembered.bindings)
        self.uplinks.start(remembered.mappings, remembered.notes, self.network)
        self.outside.neighbours.start(remembered.notes, self.network, now)
        self.members.start(remembered.notes, self.network)
        self._mtu.start(remembered.notes, self.encap_ips.keys())
        self._loaded_at = now
        early, self._early = self._early, {}
        for event in early.values():
            self._handlers[type(event)](event, now)

    def _on_report(self, event: ChassisReported, now: float) -> None:
        facts = event.facts
        before = self.facts.get(facts.name)
        self.facts[facts.name] = facts
        if facts.name not in self.connected:
            self.journal.note(now, logging.INFO, f"chassis {facts.name} is connected", ("chassis", (facts.name,)))
        self.connected.add(facts.name)
        if self.encap_ips.get(facts.name) != facts.encap_ip:
            self._take_address(facts.name, facts.encap_ip)
        moved = self.bindings.report(facts.name, facts.vifs)
        self._dirty |= self._tunnels.report(facts.name, facts.tunnels) or moved
        self._dirty |= self.uplinks.saw(facts)
        self._dirty |= self._mtu.saw(facts)
        if before is None or before.dpid != facts.dpid:
            self.bridges.facts_changed()
        self._memory.saw(facts)

    def _take_address(self, name: str, address: IPv4Address) -> None:
        """An encapsulation address is one chassis'. Another that had it and is away was renamed, or is no more."""
        for other in [n for n, a in self.encap_ips.items() if a == address and n not in self.connected]:
            self._out.append(Log(logging.WARNING, f"chassis {name} has {address}, which was {other}'s: {other} is forgotten"))
            self._forget(other)
        self.encap_ips[name] = address
        self._dirty = True

    def _on_lost(self, event: ChassisLost, now: float) -> None:
        word = "left" if event.left else "lost its connection"
        self.journal.note(now, logging.WARNING, f"chassis {event.name} {word}", ("chassis", (event.name,)))
        self.connected.discard(event.name)
        if event.left:
            self._forget(event.name)

    def _on_forgotten(self, event: ChassisForgotten, now: float) -> None:
        if event.name not in self.connected:
            self._forget(event.name)

    def _forget(self, name: str) -> None:
        """Drop all that is known of a chassis; if its bridge is still there, it is emptied of what is ours."""
        bridge = self.bridge_of(name)
        if bridge is not None:
            self._out += bridge.bring(EMPTY, self.network.revision)
            self._out += bridge.retire(bridge.meters)
            self.bridges.drop(bridge.dpid)
        for known in (self.facts, self.encap_ips, self.programs):
            known.pop(name, None)
        self.bindings.forget(name)
        self.uplinks.forget(name)
        self._mtu.forget(name)
        self._tunnels.forget(name)
        self._memory.forgot(name)
        self._revisions.forget(name)
        self.bridges.facts_changed()
        self._dirty = True

    def _on_switch(self, event: SwitchEvent, now: float) -> None:
        self._out += self.bridges.take(event, now)
        if isinstance(event, SwitchRead):
            self.journal.drifted((b for b in self.bridges if b.dpid == event.dpid), self.network, now)

    def _on_arp(self, event: ArpHeard, now: float) -> None:
        before = dict(self.outside.neighbours.macs)
        self._dirty |= self.outside.heard(event, self.network, now)
        self._dirty |= self.paths.heard(event, self.network)
        self.journal.take(neighbours_news(before, self.outside.neighbours.macs), now)

    def _on_unresolved(self, event: Unresolved, now: float) -> None:
        self.outside.unresolved(event, self.network)

    def _on_members(self, event: MembersJudged, now: float) -> None:
        before = self.members.dead
        if self.members.judged(event.dead):
            self._dirty = True
            self._out += members_news(before, event.dead, self.network)

    def _on_beat(self, event: Beat, now: float) -> None:
        if self._loaded_at is not None:
            silent, asked = self.paths.beat(self.network)
            self._dirty |= silent
            self._out += asked

    def _on_observe(self, event: Observe, now: float) -> None:
        self._observing.take(event)

    def _on_tick(self, event: Tick, now: float) -> None:
        self._resting = False
        if self._loaded_at is not None:
            before = dict(self.outside.neighbours.macs)
            self._dirty |= self.outside.tick(self.network, now)
            self.journal.take(neighbours_news(before, self.outside.neighbours.macs), now)
        if self._loaded_at is not None and not self._loaded_at <= now < self._loaded_at + WAIT_FOR_CHASSIS:
            self._dirty |= self.bindings.wait_no_more()
        self._out += self._repeats.tick()
        self._out += self.bridges.tick(self._options.audit_every, now)

    def _advance(self, now: float) -> None:
        compiled, self._dirty = self._dirty, False
        if compiled:
            try:
                self._compile()
            except BaseException:
                self._dirty = True
                raise
        self._out += self.bridges.claim(self.network.revision, now)
        for bridge in self.bridges:
            program = self._observing.with_observers(bridge.chassis, self.programs[bridge.chassis])
            self._out += bridge.bring(program, self.network.revision)
        if compiled:
            self.outside.announce(self.network)
            self._out += self._repeats.take(self.members.flushes(self.network, self.bridges))
            self._out += self._repeats.take(self._translations.flushes(self.network, self.bridges))
        self._out += self.outside.flush()
        moved = self.bindings.unstored()
        self.journal.moved(moved, self.network, now)
        self._out += self._memory.remember(moved, self._notes() if compiled else {})

    def _notes(self) -> dict[str, str | None]:
        sources = (self.uplinks, self.outside.neighbours, self.members)
        notes = {name: value for source in sources for name, value in source.notes(self.network).items()}
        return {**notes, **self._mtu.notes()}

    def _compile(self) -> None:
        carried = self.uplinks.gateways
        self.uplinks.plan(self.network, self.facts, self.encap_ips)
        self._out += uplinks_news(carried, self.uplinks.gateways)
        self._out += self._tunnels.plan(self.network, self.parts(), self.bindings, self.uplinks, self.encap_ips)
        fabric = Fabric(
            self.encap_ips,
            dict(self.bindings.placements),
            dict(self._tunnels.ports),
            self.uplinks.physical,
            self.uplinks.gateways,
            self.outside.neighbours.macs,
            self.members.dead,
            self._mtu.value,
            self.paths.deaf(self.network, self.facts, self.encap_ips),
            self.paths.silent(self.network, self.facts),
        )
        programs = self._compiler.compile_all(self.network, fabric)
        self.fabric = fabric
        for name, program in programs.items():
            before = self.programs.get(name)
            if before is not None and _same_blocks(before, program):
                programs[name] = before
            elif before.blocks != program.blocks if before is not None else name in self.facts:
                self._revisions.changed(name, self.network.revision)
        self.programs = programs


def _same_blocks(a: Program, b: Program) -> bool:
    return a.blocks.keys() == b.blocks.keys() and all(b.blocks[scope] is block for scope, block in a.blocks.items())
