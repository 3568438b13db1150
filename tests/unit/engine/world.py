"""A world around an engine: a network to edit, hypervisors with a database and a switch, and a store that remembers.

Nothing happens by itself: tests say who works when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.engine.engine import Engine, Options
from ryu_overlay.engine.events import (
    ChassisLost,
    ChassisReported,
    Effect,
    Event,
    FabricRemembered,
    Log,
    NetworkChanged,
    PlanTunnels,
    Read,
    Remember,
    Send,
    SwitchConnected,
    SwitchGone,
    Tick,
)
from ryu_overlay.fabric.facts import VXLAN_OVERHEAD, ChassisFacts, Patch, TunnelPort, Vif
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.limits import Limits
from tests.unit.engine.simulated import SimulatedSwitch

OPTIONS = Options(Limits(1000, 100), audit_every=30.0)
FOREIGN_COOKIE = 0x1234


@dataclass
class Hypervisor:
    """A chassis' own side: what its database says, and its switch."""

    name: str
    number: int
    encap_ip: IPv4Address
    switch: SimulatedSwitch
    vifs: dict[str, Vif] = field(default_factory=dict)
    tunnels: dict[IPv4Address, TunnelPort] = field(default_factory=dict)
    channel: bool = False
    plugged: int = 0
    mtu: int = 1500
    mappings: dict[str, str] = field(default_factory=dict)
    patches: dict[str, Patch] = field(default_factory=dict)

    @property
    def facts(self) -> ChassisFacts:
        mappings, vifs, tunnels = tuple(self.mappings.items()), dict(self.vifs), dict(self.tunnels)
        return ChassisFacts(self.name, self.encap_ip, self.switch.dpid, self.mtu, mappings, vifs, tunnels, dict(self.patches))

    def plug(self, iface_id: str) -> None:
        self.plugged += 1
        self.vifs[iface_id] = Vif(iface_id, f"tap{self.plugged}", 1000 + self.plugged)

    def build(self, plan: PlanTunnels) -> None:
        self.tunnels = {ip: TunnelPort(ip, f"vx-{name}", int(ip) & 0xFF, up=True) for name, ip in plan.tunnels.items()}
        self.patches = {name: self.patches.get(name, Patch(500 + n, True)) for n, name in enumerate(sorted(plan.patches))}


class World:
    """Hypervisors hv1, hv2, ... and one engine, which `restart` replaces."""

    def __init__(self, hypervisors: int = 3) -> None:
        self.network = Network()
        self.now = 1000.0
        self.key = 0
        self.remembered_ips: dict[str, IPv4Address] = {}
        self.remembered_bindings: dict[str, str] = {}
        self.remembered_mappings: dict[str, dict[str, str]] = {}
        self.remembered_notes: dict[str, str] = {}
        self.logs: list[str] = []
        self.hypervisors = {f"hv{n}": hypervisor(n) for n in range(1, hypervisors + 1)}
        self.unbuilt: list[PlanTunnels] = []
        self.engine = Engine(OPTIONS)
        self.reported: set[str] = set()

    def __getitem__(self, name: str) -> Hypervisor:
        return self.hypervisors[name]

    def edit(self, *puts: Object, deletes: tuple[Object, ...] = ()) -> None:
        """Change the network, not yet told to the engine."""
        draft = Draft(self.network)
        for obj in deletes:
            draft.delete(obj)
        for obj in puts:
            draft.put(obj)
        self.network = draft.freeze(self.network.revision + 1)

    def step(self, *events: Event) -> list[Effect]:
        """One step; what comes of it reaches databases and inboxes."""
        for event in events:
            if isinstance(event, ChassisReported):
                self.reported.add(event.facts.name)
        effects = self.engine.step(events, self.now)
        for effect in effects:
            self._carry_out(effect)
        return effects

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, (Send, Read)):
            hv = next(h for h in self.hypervisors.values() if h.switch.dpid == effect.dpid)
            assert hv.name in self.reported, "a chassis that did not report must be left as it is"
            if hv.channel:
                hv.switch.inbox.extend(effect.messages if isinstance(effect, Send) else [effect])
        elif isinstance(effect, PlanTunnels):
            self.unbuilt.append(effect)
        elif isinstance(effect, Remember):
            for name, facts in effect.chassis.items():
                _keep(self.remembered_ips, name, None if facts is None else facts.encap_ip)
                _keep(self.remembered_mappings, name, None if facts is None else dict(facts.bridge_mappings))
            for uuid, chassis in effect.bindings.items():
                _keep(self.remembered_bindings, uuid, chassis)
            for note, value in effect.notes.items():
                _keep(self.remembered_notes, note, value)
        else:
            assert isinstance(effect, Log)
            self.logs.append(effect.text)

    def build_tunnels(self) -> None:
        for plan in self.unbuilt:
            if plan.chassis in self.hypervisors:
                self[plan.chassis].build(plan)
        self.unbuilt = []

    def report(self, *names: str) -> list[Effect]:
        return self.step(*(ChassisReported(self[name].facts) for name in names))

    def connect(self, *names: str) -> list[Effect]:
        for name in names:
            self[name].channel = True
        return self.step(*(SwitchConnected(self[name].switch.dpid) for name in names))

    def disconnect(self, name: str) -> list[Effect]:
        self[name].channel = False
        self[name].switch.disconnect()
        return self.step(SwitchGone(self[name].switch.dpid))

    def lose(self, name: str, left: bool = False) -> list[Effect]:
        return self.step(ChassisLost(name, left))

    def tick(self, seconds: float = 1.0) -> list[Effect]:
        self.now += seconds
        return self.step(Tick())

    def deliver(self, name: str, count: int | None = None) -> list[Effect]:
        """Give the engine what a switch answered."""
        box = self[name].switch.outbox
        answers = [box.popleft() for _ in range(len(box) if count is None else min(count, len(box)))]
        return self.step(*answers) if answers else []

    def settle(self) -> list[Effect]:
        """Let everybody work until nothing moves. Gives all effects on the way."""
        effects: list[Effect] = []
        for _ in range(200):
            news = []
            if self.unbuilt:
                self.build_tunnels()
                up = [n for n in self.hypervisors if n in self.engine.connected]
                news += self.report(*up)
            for name, hv in self.hypervisors.items():
                hv.switch.work()
                news += self.deliver(name)
            effects += news
            if not news and not any(hv.switch.inbox or hv.switch.outbox for hv in self.hypervisors.values()):
                return effects
        raise AssertionError("it never comes to rest")

    def restart(self) -> None:
        """A new engine; channels and sessions of the old one are gone with it."""
        self.engine = Engine(OPTIONS)
        self.reported = set()
        self.unbuilt = []
        for hv in self.hypervisors.values():
            hv.channel = False
            hv.switch.disconnect()

    def load(self) -> list[Effect]:
        """Tell the engine what the store has."""
        return self.step(NetworkChanged(self.network), self.memory)

    @property
    def memory(self) -> FabricRemembered:
        """What the store remembers of the fabric."""
        mappings = {name: dict(maps) for name, maps in self.remembered_mappings.items()}
        return FabricRemembered(dict(self.remembered_ips), dict(self.remembered_bindings), mappings, dict(self.remembered_notes))

    def tell(self) -> list[Effect]:
        """Tell the engine the network as it is now."""
        return self.step(NetworkChanged(self.network))

    def start(self) -> None:
        """Everything up, and at rest."""
        self.load()
        self.report(*self.hypervisors)
        self.connect(*self.hypervisors)
        self.settle()

    def expected(self) -> dict[str, Program]:
        """What every chassis should have, compiled from nothing but what the engine decided."""
        names = {hv.encap_ip: hv.name for hv in self.hypervisors.values()}
        tunnels = {
            hv.name: {names[ip]: t.ofport for ip, t in hv.tunnels.items() if ip in names} for hv in self.hypervisors.values()
        }
        addresses = {hv.name: hv.encap_ip for hv in self.hypervisors.values()}
        engine = self.engine
        fabric = Fabric(
            addresses,
            dict(engine.bindings.placements),
            tunnels,
            {hv.name: {name: patch.ofport for name, patch in hv.patches.items()} for hv in self.hypervisors.values()},
            dict(engine.uplinks.gateways),
            dict(engine.outside.neighbours.macs),
            engine.members.dead,
            min(facts.mtu or 0 for facts in engine.facts.values()) - VXLAN_OVERHEAD if engine.facts else None,
        )
        return compile_all(self.network, fabric, OPTIONS.limits)

    def assert_converged(self, *names: str) -> None:
        programs = self.expected()
        for name in names or self.hypervisors:
            assert_holds(self[name].switch, programs[name])
            assert self.engine.confirmed(name) == self.network.revision
        if not names:
            assert self.engine.lagging(self.network.revision) == []


def assert_holds(switch: SimulatedSwitch, program: Program) -> None:
    assert switch.ours == {flow.key: flow.value for flow in program.flows()}
    assert switch.groups == {group.number: group.value for group in program.groups()}
    wanted = {meter.number: meter.encoded for meter in program.all_meters()}
    # Those that count stay until they are read for the last time.
    assert {n: value for n, value in switch.meters.items() if n in wanted or n not in COUNTING} == wanted


def hypervisor(number: int, name: str | None = None) -> Hypervisor:
    return Hypervisor(name or f"hv{number}", number, IPv4Address(f"172.31.0.{number}"), SimulatedSwitch(number))


def sends(effects: list[Effect]) -> list[Send]:
    return [e for e in effects if isinstance(e, Send)]


def reads(effects: list[Effect]) -> list[Read]:
    return [e for e in effects if isinstance(e, Read)]


def _keep(table: dict[str, Any], key: str, value: object) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def tenant(number: int) -> list[Object]:
    """A tenant with two switches, a router between them, and an ECMP route. Keys are number * 100 and up."""
    base, name = number * 100, f"t{number}"
    return [
        Tenant(name, number, f"u-{name}"),
        *(_switch(name, base, n) for n in (1, 2)),
        Router(name, "r", base + 10, f"u-{name}-r"),
        *(_router_port(name, base, n) for n in (1, 2)),
        route(number, "10.0.2.8", "10.0.2.9"),
    ]


def route(number: int, *hops: str) -> Route:
    return Route(
        f"t{number}", "r", IPv4Network("192.0.2.0/24"), tuple(map(IPv4Address, hops)), number * 100 + 30, f"u-t{number}-route"
    )


def _switch(name: str, base: int, n: int) -> Switch:
    return Switch(name, f"s{n}", base + n, f"u-{name}-s{n}", base + n, (IPv4Network(f"10.0.{n}.0/24"),))


def _router_port(name: str, base: int, n: int) -> RouterPort:
    mac = f"02:00:00:{base // 100:02x}:00:{n:02x}"
    address = (IPv4Interface(f"10.0.{n}.1/24"),)
    return RouterPort(name, "r", f"s{n}", base + 20 + n, f"u-{name}-rp{n}", mac, address, switch=f"s{n}")


def port(tenant_number: int, switch: int, number: int, uuid: str = "", name: str = "", key: int = 0) -> Port:
    """Port t{tenant}-p{number} on switch s{switch}."""
    named = name or f"t{tenant_number}-p{number}"
    mac = f"02:01:00:{tenant_number:02x}:00:{number:02x}"
    address = (IPv4Address(f"10.0.{switch}.{10 + number}"),)
    number_key = key or tenant_number * 100 + 40 + number
    return Port(f"t{tenant_number}", f"s{switch}", named, number_key, uuid or f"u-{named}", mac, address)
