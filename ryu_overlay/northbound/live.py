"""The running controller as REST sees it: writes go to the store, answers are read off the engine and the switches.

It decides nothing; what it cannot know it says so (None, "disconnected").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.drift import Drift
from ryu_overlay.engine.events import ChassisForgotten
from ryu_overlay.engine.knowledge import facts
from ryu_overlay.fabric.facts import VXLAN_OVERHEAD
from ryu_overlay.fabric.placement import reach
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port
from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.model.walk import Facts
from ryu_overlay.northbound import live_limits, live_outside, service_usage
from ryu_overlay.northbound.live_captures import LiveCaptures
from ryu_overlay.northbound.live_devices import LiveDevices
from ryu_overlay.northbound.live_health import LiveHealth
from ryu_overlay.northbound.live_usage import LiveUsage
from ryu_overlay.northbound.service import (
    BindingStatus,
    ChassisStatus,
    DriftEntry,
    DropCount,
    LimitStatus,
    MemberStatus,
    RevisionStatus,
    StoreAway,
    TunnelStatus,
    UplinkStatus,
)
from ryu_overlay.northbound.service_devices import Devices
from ryu_overlay.northbound.service_health import Health
from ryu_overlay.oam.fairness import Fairness
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.responder import Responder
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.tracer import Report
from ryu_overlay.openflow.describe import flow_text
from ryu_overlay.openflow.messages import flow_request, meter_stats_request
from ryu_overlay.openflow.replies import parse_flows
from ryu_overlay.pipeline.cookies import DROP_BIT, OURS_COOKIE, OURS_MASK, read_cookie
from ryu_overlay.pipeline.tables import TABLE_NAMES
from ryu_overlay.southbound.asking import ask_all
from ryu_overlay.southbound.captures import Captures
from ryu_overlay.southbound.checks import Checks
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.monitor import Monitor
from ryu_overlay.southbound.probes import Probes
from ryu_overlay.southbound.switches import NoAnswer, Switches
from ryu_overlay.southbound.translating import Translating
from ryu_overlay.southbound.usage import Usage
from ryu_overlay.store import store as store_room


class LiveService:
    """See `service.Service`, which it implements."""

    def __init__(
        self,
        store: store_room.Store,
        loop: Loop,
        switches: Switches,
        responder: Responder,
        fairness: Fairness,
        checks: Checks,
        captures: Captures,
        probes: Probes,
        translating: Translating,
        monitor: Monitor,
        usage: Usage,
    ) -> None:
        self._store = store
        self._loop = loop
        self._engine = loop.engine
        self._switches = switches
        self._responder = responder
        self._fairness = fairness
        self._checks = checks
        self._probes = probes
        self.captures = LiveCaptures(captures)
        self.devices: Devices = LiveDevices(loop.engine, partial(ask_all, switches), checks, translating)
        self.health: Health = LiveHealth(monitor)
        self.usage: service_usage.Usage = LiveUsage(usage)
        self._usage = usage
        self._monitor = monitor

    @property
    def network(self) -> Network:
        return self._store.network

    def write(self, edit: Callable[[Network], Network]) -> Network:
        while True:
            if not self._store.connected:
                raise StoreAway("the database is not connected")
            base = self._store.network
            new = edit(base)
            if new is base:
                return base
            try:
                return self._store.commit(base, new)
            except store_room.Conflict:
                continue
            except store_room.StoreAway as error:
                raise StoreAway(str(error)) from error

    def wait(self, revision: int, seconds: float) -> bool:
        return self._loop.wait(revision, seconds)

    def revision(self) -> RevisionStatus:
        engine = self._engine
        chassis = {n: {"confirmed": engine.confirmed(n), "connected": self._is_up(n)} for n in sorted(engine.encap_ips)}
        return {"revision": self._store.network.revision, "chassis": chassis}  # type: ignore[typeddict-item]

    def chassis(self) -> list[ChassisStatus]:
        return [self._chassis(name) for name in sorted(self._engine.encap_ips)]

    def forget_chassis(self, name: str) -> bool:
        if name not in self._engine.encap_ips:
            return False
        if name in self._engine.connected:
            reason = f"{name} is connected; let it leave first (remove its external_ids:overlay-encap-ip)"
            raise Refused("conflict", (Problem("chassis", reason),))
        self._loop.post(ChassisForgotten(name))
        return True

    def binding(self, port: Port) -> BindingStatus:
        spot = self._engine.bindings.spot(port)
        if spot is None:
            return BindingStatus(port.name, port.tenant, port.switch, None, None, "unbound")
        interface = self._engine.bindings.interface(port)
        return BindingStatus(port.name, port.tenant, port.switch, spot.chassis, interface, "bound")

    def bindings(self) -> list[BindingStatus]:
        return [self.binding(port) for port in self.network.port_by_name.values()]

    def tunnels(self) -> list[TunnelStatus]:
        needed = self._networks()
        found = []
        for name, others in sorted(self._engine.tunnels_wanted.items()):
            facts = self._engine.facts.get(name)
            for other in sorted(others):
                address = self._engine.encap_ips[other]
                port = None if facts is None else facts.tunnels.get(address)
                shared = tuple(sorted(needed.get(name, set()) & needed.get(other, set())))
                interface, ofport = ("", None) if port is None else (port.interface, port.ofport)
                up = port is not None and port.up
                found.append(TunnelStatus(name, other, address, interface, ofport, shared, up))
        return found

    def uplinks(self) -> list[UplinkStatus]:
        return list(live_outside.uplinks(self._engine, self._engine.network))

    def members(self) -> list[MemberStatus]:
        return list(live_outside.members(self._engine, self._checks, self._engine.network))

    def drops(self) -> list[DropCount]:
        return [drop for name, bridge in self._bridges() for drop in self._drops(name, bridge.dpid)]

    def limits(self) -> list[LimitStatus]:
        found = [live_limits.of_controller(self._fairness)]
        bridges = list(self._bridges())
        answers = ask_all(self._switches, [(bridge.dpid, meter_stats_request) for _, bridge in bridges])
        for (name, _), bodies in zip(bridges, answers):
            found += live_limits.of_chassis(self._engine, name, bodies or ())
        return found

    def drift(self) -> list[DriftEntry]:
        found = [d for _, bridge in self._bridges() for d in (*bridge.drift, *bridge.foreign)]
        return [_drift_entry(d) for d in sorted(found, key=lambda d: d.at)]

    def punts(self) -> Mapping[str, tuple[int, int]]:
        ours = self._responder
        return {f.reason: (ours.answered[f], ours.unanswered[f]) for f in ours.answered}

    def faults(self) -> Mapping[str, int]:
        ours = self._responder
        return {
            "step": self._loop.failures,
            "unsent": self._switches.unsent,
            "malformed": ours.malformed,
            "checks": self._checks.failures,
            "monitor": self._monitor.failures,
            "usage": self._usage.failures,
        }

    def trace(self, start: Start, full_size: int | None, deliver: bool) -> Report:
        return self._probes.tracer.trace(start, full_size, deliver)

    def ping(self, start: Start, count: int, interval: float, chassis: str | None) -> Iterator[Echo | Summary]:
        return self._probes.ping(start, count, interval, chassis)

    def facts(self) -> Facts:
        return facts(self._engine, self.network)

    def breathe(self) -> None:
        self._loop.breathe()

    def vm_mtu(self) -> int | None:
        mtus = [mtu for name in self._engine.encap_ips if (mtu := self._underlay_mtu(name)) is not None]
        return min(mtus) - VXLAN_OVERHEAD if mtus else None

    def _bridges(self) -> Iterator[tuple[str, Bridge]]:
        for name in sorted(self._engine.encap_ips):
            bridge = self._engine.bridge_of(name)
            if bridge is not None:
                yield name, bridge

    def _is_up(self, name: str) -> bool:
        return name in self._engine.connected and self._engine.bridge_of(name) is not None

    def _underlay_mtu(self, name: str) -> int | None:
        facts = self._engine.facts.get(name) or self._store.memory.chassis.get(name)
        return None if facts is None else facts.mtu

    def _chassis(self, name: str) -> ChassisStatus:
        facts = self._engine.facts.get(name)
        last = facts or self._store.memory.chassis.get(name)
        bridge = self._engine.bridge_of(name)
        mtu = self._underlay_mtu(name)
        return ChassisStatus(
            name=name,
            encap_ip=self._engine.encap_ips[name],
            state="connected" if self._is_up(name) else "disconnected",
            ovs_version=last.ovs_version if last is not None else "",
            datapath_type=last.datapath_type if last is not None else "",
            underlay_mtu=mtu,
            vm_mtu=None if mtu is None else mtu - VXLAN_OVERHEAD,
            revision=self._engine.confirmed(name),
            flows=0 if bridge is None else bridge.flow_count,
            vifs=0 if facts is None else len(facts.vifs),
            problems=tuple(self._problems(name)),
            bridge_mappings=dict(last.bridge_mappings) if last is not None else {},
        )

    def _problems(self, name: str) -> Iterator[str]:
        facts, bridge = self._engine.facts.get(name), self._engine.bridge_of(name)
        if facts is not None:
            yield from facts.problems
        if name in self._engine.bridges.problems:
            yield self._engine.bridges.problems[name]
        if bridge is not None:
            yield from bridge.refused

    def _networks(self) -> dict[str, set[str]]:
        """By chassis, the switches that reach it."""
        reached = reach(self._engine.parts(), self._engine.bindings.placements, self._engine.uplinks.gateways)
        return {
            name: {"/".join(ref) for part in parts for kind, ref in part if kind == "switch"} for name, parts in reached.items()
        }

    def _drops(self, name: str, dpid: int) -> Iterator[DropCount]:
        try:
            bodies = self._switches.ask(dpid, lambda xid: flow_request(xid, OURS_COOKIE | DROP_BIT, OURS_MASK | DROP_BIT))
            meters = self._switches.ask(dpid, meter_stats_request)
        except NoAnswer:
            return
        withheld = self._fairness.withheld.get(dpid, 0)
        if withheld:
            yield DropCount(live_limits.WITHHELD, name, None, None, withheld, 0)
        for flow in (f for body in bodies for f in parse_flows(body)):
            why = read_cookie(flow.value[0])
            if why is not None and flow.packets:
                obj = self._engine.network.by_key.get(why.key)
                kind, ref = (None, None) if obj is None else (obj.kind, "/".join(obj.ref))
                yield DropCount(why.feature.reason, name, kind, ref, flow.packets, flow.bytes)
        yield from live_limits.drops(self._engine, name, meters)


def _drift_entry(drift: Drift) -> DriftEntry:
    time = datetime.fromtimestamp(drift.at, timezone.utc)
    table = TABLE_NAMES.get(drift.key[0], str(drift.key[0]))
    what: Any = drift.what
    return DriftEntry(time, drift.chassis, what, table, flow_text(drift.key, drift.value), drift.healed)
