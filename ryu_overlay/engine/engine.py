"""step(events, now) -> effects.

1. Take all waiting events in.
2. If the network or the fabric changed, compile every chassis' program (what did not change is remembered).
3. Plan each chassis' tunnels; remember in the store what is new of the fabric.
4. For each bridge whose chassis has reported and which has been read, send the difference to its program.

A chassis is left as it is until its own facts, the network and what the store remembers are all known: so a
restarted controller finds everything as it should be and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ryu_overlay.compiler.program import Compiler
from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.events import (
    ChassisForgotten,
    ChassisLost,
    ChassisReported,
    Confirmed,
    Effect,
    Event,
    FabricRemembered,
    Log,
    NetworkChanged,
    PlanTunnels,
    Refusal,
    Remember,
    SwitchConnected,
    SwitchGone,
    SwitchRead,
    Tick,
)
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.fabric.placement import Device, Fabric, reach, wanted_tunnels
from ryu_overlay.model.network import Network
from ryu_overlay.openflow.flow import EMPTY, Program


@dataclass(frozen=True, slots=True)
class Options:
    """`punt_rate`: packets a second a chassis may send to the controller. `audit_every`: seconds between audits."""

    punt_rate: int = 2000
    audit_every: float = 30.0


class Engine:
    """All state that decides anything. Everything public besides `step` is for reading."""

    def __init__(self, options: Options) -> None:
        self.network = Network()
        self.facts: dict[str, ChassisFacts] = {}
        self.connected: set[str] = set()
        self.encap_ips: dict[str, IPv4Address] = {}
        self.bindings = Bindings()
        self.bridges: dict[int, Bridge] = {}
        self.programs: dict[str, Program] = {}
        self.changed_at: dict[str, int] = {}
        self.tunnels_wanted: dict[str, frozenset[str]] = {}
        self._options = options
        self._compiler = Compiler(options.punt_rate)
        self._channels: set[int] = set()
        self._tunnel_ports: dict[str, Mapping[str, int]] = {}
        self._stored_chassis: dict[str, ChassisFacts | None] = {}
        self._plans: dict[str, dict[str, IPv4Address]] = {}
        self._loaded = False
        self._dirty = False
        self._out: list[Effect] = []
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            NetworkChanged: self._on_network,
            FabricRemembered: self._on_remembered,
            ChassisReported: self._on_report,
            ChassisLost: self._on_lost,
            ChassisForgotten: self._on_forgotten,
            SwitchConnected: self._on_switch,
            SwitchGone: self._on_switch_gone,
            SwitchRead: self._on_read,
            Confirmed: self._on_confirmed,
            Refusal: self._on_refusal,
            Tick: self._on_tick,
        }

    def step(self, events: Iterable[Event], now: float) -> list[Effect]:
        """Take events in, and give what is to be done, in order."""
        self._out = []
        for event in events:
            self._handlers[type(event)](event, now)
        if self._loaded:
            if self._dirty:
                self._dirty = False
                self._compile()
            self._claim_bridges(now)
            for bridge in self.bridges.values():
                self._out += bridge.bring(self.programs.get(bridge.chassis, EMPTY), self.network.revision)
        return self._out

    def parts(self) -> list[frozenset[Device]]:
        """The network's connected components."""
        return self._compiler.parts(self.network)

    def bridge_of(self, chassis: str) -> Bridge | None:
        """The chassis' connected bridge."""
        facts = self.facts.get(chassis)
        return None if facts is None or facts.dpid is None else self.bridges.get(facts.dpid)

    def confirmed(self, chassis: str) -> int:
        """The newest revision that the chassis' bridge has confirmed, 0 when it is not connected."""
        bridge = self.bridge_of(chassis)
        return 0 if bridge is None else bridge.confirmed

    def lagging(self, revision: int) -> list[str]:
        """The chassis that `revision` or an earlier change still has to reach."""
        if self.network.revision < revision or self._dirty:
            return sorted(self.encap_ips)
        return sorted(name for name in self.encap_ips if self._lags(name, revision))

    def _lags(self, name: str, revision: int) -> bool:
        bridge = self.bridge_of(name)
        if bridge is not None and revision >= self.network.revision and not bridge.settled:
            return True
        return self.confirmed(name) < min(revision, self.changed_at.get(name, 0)) or self._tunnels_missing(name)

    def _tunnels_missing(self, name: str) -> bool:
        ready = self._tunnel_ports.get(name, {})
        return any(other not in ready for other in self.tunnels_wanted.get(name, ()) if other in self.connected)

    def _on_network(self, event: NetworkChanged, now: float) -> None:
        self.network = event.network
        self.bindings.network(event.network)
        self._dirty = True

    def _on_remembered(self, event: FabricRemembered, now: float) -> None:
        self.bindings.remember(event.bindings)
        for name, address in event.encap_ips.items():
            self.encap_ips.setdefault(name, address)
            self._stored_chassis.setdefault(name, None)
        self._loaded = self._dirty = True

    def _on_report(self, event: ChassisReported, now: float) -> None:
        facts = event.facts
        before = self.facts.get(facts.name)
        self.facts[facts.name] = facts
        self.connected.add(facts.name)
        self.encap_ips[facts.name] = facts.encap_ip
        self.bindings.report(facts.name, before, facts)
        self._dirty = True

    def _on_lost(self, event: ChassisLost, now: float) -> None:
        self.connected.discard(event.name)
        if event.left:
            self._forget(event.name)

    def _on_forgotten(self, event: ChassisForgotten, now: float) -> None:
        if event.name not in self.connected:
            self._forget(event.name)

    def _forget(self, name: str) -> None:
        facts = self.facts.pop(name, None)
        self.encap_ips.pop(name, None)
        self._plans.pop(name, None)
        self._tunnel_ports.pop(name, None)
        self.bindings.report(name, facts, None)
        if facts is not None and facts.dpid is not None:
            self.bridges.pop(facts.dpid, None)
        self._dirty = True

    def _on_switch(self, event: SwitchConnected, now: float) -> None:
        self._channels.add(event.dpid)
        self.bridges.pop(event.dpid, None)

    def _on_switch_gone(self, event: SwitchGone, now: float) -> None:
        self._channels.discard(event.dpid)
        self.bridges.pop(event.dpid, None)

    def _on_read(self, event: SwitchRead, now: float) -> None:
        bridge = self.bridges.get(event.dpid)
        if bridge is not None:
            for drift in bridge.was_read(event, now)[:10]:
                text = f"{drift.chassis}: a flow of table {drift.key[0]} was {drift.what}; put right"
                self._out.append(Log(logging.WARNING, text))

    def _on_confirmed(self, event: Confirmed, now: float) -> None:
        bridge = self.bridges.get(event.dpid)
        if bridge is not None:
            bridge.confirm(event.token)

    def _on_refusal(self, event: Refusal, now: float) -> None:
        bridge = self.bridges.get(event.dpid)
        if bridge is not None:
            bridge.refuse(event.text, now)
            self._out.append(Log(logging.ERROR, f"{bridge.chassis} refused a message: {event.text}"))

    def _on_tick(self, event: Tick, now: float) -> None:
        for bridge in self.bridges.values():
            self._out += bridge.tick(now, self._options.audit_every)

    def _claim_bridges(self, now: float) -> None:
        """Begin with each connected bridge whose chassis is known by now: read what it has."""
        for facts in self.facts.values():
            dpid = facts.dpid
            if dpid is not None and dpid in self._channels and dpid not in self.bridges:
                self.bridges[dpid] = Bridge(dpid, facts.name)
                self._out += self.bridges[dpid].read(now)

    def _compile(self) -> None:
        reached = reach(self.parts(), self.bindings.placements)
        self._plan(wanted_tunnels(reached))
        self._read_tunnel_ports()
        fabric = Fabric(self.encap_ips, dict(self.bindings.placements), dict(self._tunnel_ports))
        programs = self._compiler.compile_all(self.network, fabric)
        for name, program in programs.items():
            before = self.programs.get(name)
            if before is not None and _same_blocks(before, program):
                programs[name] = before
            else:
                self.changed_at[name] = self.network.revision
        self.programs = programs
        self._remember()

    def _plan(self, wanted: dict[str, frozenset[str]]) -> None:
        for name in self.encap_ips:
            others = wanted.get(name, frozenset())
            plan = {other: self.encap_ips[other] for other in sorted(others) if other in self.encap_ips}
            if self._plans.get(name) != plan:
                self._plans[name] = plan
                self._out.append(PlanTunnels(name, plan))
        self.tunnels_wanted = wanted

    def _read_tunnel_ports(self) -> None:
        names = {address: name for name, address in self.encap_ips.items()}
        for chassis, facts in self.facts.items():
            ports = {names[ip]: t.ofport for ip, t in facts.tunnels.items() if ip in names}
            if self._tunnel_ports.get(chassis) != ports:
                self._tunnel_ports[chassis] = ports

    def _remember(self) -> None:
        chassis: dict[str, ChassisFacts | None] = {
            name: facts for name, facts in self.facts.items() if _to_keep(self._stored_chassis.get(name)) != _to_keep(facts)
        }
        self._stored_chassis |= chassis
        for name in [n for n in self._stored_chassis if n not in self.encap_ips]:
            chassis[name] = None
            del self._stored_chassis[name]
        bindings = self.bindings.unstored()
        if chassis or bindings:
            self._out.append(Remember(chassis, bindings))


def _same_blocks(a: Program, b: Program) -> bool:
    return a.blocks.keys() == b.blocks.keys() and all(b.blocks[scope] is block for scope, block in a.blocks.items())


def _to_keep(facts: ChassisFacts | None) -> tuple[Any, ...] | None:
    """What the store keeps of a chassis."""
    return facts and (facts.encap_ip, facts.mtu, facts.bridge_mappings, facts.datapath_type, facts.ovs_version)
