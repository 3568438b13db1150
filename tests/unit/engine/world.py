"""A world around an engine: a network to edit, hypervisors with a database and a switch, and a store that remembers.

The switches take what the engine sends as bytes, do it as Open vSwitch does, and answer; nothing happens by itself.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.engine.engine import Engine, Options
from ryu_overlay.engine.events import (
    ChassisLost,
    ChassisReported,
    Confirmed,
    Effect,
    Event,
    FabricRemembered,
    Log,
    NetworkChanged,
    PlanTunnels,
    Read,
    Refusal,
    Remember,
    Send,
    SwitchConnected,
    SwitchGone,
    SwitchRead,
    Tick,
)
from ryu_overlay.fabric.facts import ChassisFacts, TunnelPort, Vif
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import FlowKey, FlowValue, Program
from ryu_overlay.openflow.messages import InstalledFlow
from ryu_overlay.pipeline.cookies import is_ours

OPTIONS = Options(punt_rate=1000, audit_every=30.0)
FOREIGN_COOKIE = 0x1234


class SimulatedSwitch:
    """A bridge that does what messages say when told to `work`, and keeps its answers until they are fetched."""

    def __init__(self, dpid: int) -> None:
        self.dpid = dpid
        self.flows: dict[FlowKey, FlowValue] = {}
        self.groups: dict[int, tuple[int, bytes]] = {}
        self.meters: dict[int, bytes] = {}
        self.inbox: deque[bytes | Read] = deque()
        self.outbox: deque[Event] = deque()
        self.received = 0
        self.refuses: Callable[[bytes], bool] = lambda message: False

    @property
    def ours(self) -> dict[FlowKey, FlowValue]:
        return {key: value for key, value in self.flows.items() if is_ours(value[0])}

    def restart(self) -> None:
        """Lose everything but the foreign flows that somebody puts back."""
        self.flows, self.groups, self.meters = {}, {}, {}
        self.disconnect()

    def disconnect(self) -> None:
        self.inbox.clear()
        self.outbox.clear()

    def work(self, count: int | None = None) -> None:
        """Take up to `count` messages (None: all) from the inbox."""
        while self.inbox and (count is None or count > 0):
            what = self.inbox.popleft()
            if isinstance(what, Read):
                self.outbox.append(self._dump(what.token))
            else:
                self._take(what)
            count = None if count is None else count - 1

    def _dump(self, token: int) -> SwitchRead:
        flows = tuple(InstalledFlow(key, value, 0, 0) for key, value in self.flows.items())
        return SwitchRead(self.dpid, token, flows, dict(self.groups), dict(self.meters))

    def _take(self, message: bytes) -> None:
        version, kind, length, xid = struct.unpack_from("!BBHI", message)
        assert version == messages.VERSION and length == len(message)
        if kind == messages.BARRIER_REQUEST:
            if xid:
                self.outbox.append(Confirmed(self.dpid, xid))
            return
        self.received += 1
        take = {messages.FLOW_MOD: self._flow, messages.GROUP_MOD: self._group, messages.METER_MOD: self._meter}[kind]
        if self.refuses(message) or not take(message):
            self.outbox.append(Refusal(self.dpid, xid, "refused"))

    def _flow(self, message: bytes) -> bool:
        cookie, _, table, command = struct.unpack_from("!QQBB", message, 8)
        (priority,) = struct.unpack_from("!H", message, 30)
        (match_length,) = struct.unpack_from("!H", message, 50)
        key = table, priority, message[52 : 48 + match_length]
        instructions = message[48 + (match_length + 7) // 8 * 8 :]
        if command == 4:
            self.flows.pop(key, None)
            return True
        assert command == 0
        if instructions[:4] == b"\0\x06\0\x08" and struct.unpack_from("!I", instructions, 4)[0] not in self.meters:
            return False
        used = _group_of(instructions)
        if used is not None and used not in self.groups:
            return False
        self.flows[key] = cookie, instructions
        return True

    def _group(self, message: bytes) -> bool:
        command, kind, number = struct.unpack_from("!HBxI", message, 8)
        if command == 2:
            self.groups.pop(number, None)
            self.flows = {k: v for k, v in self.flows.items() if _group_of(v[1]) != number}
            return True
        if (command == 1) != (number in self.groups):
            return False
        self.groups[number] = kind, message[16:]
        return True

    def _meter(self, message: bytes) -> bool:
        command, flags, number = struct.unpack_from("!HHI", message, 8)
        if command > 1 or (command == 1) != (number in self.meters):
            return False
        self.meters[number] = struct.pack("!H", flags) + message[16:]
        return True

    def delete_meter(self, number: int) -> None:
        """By hand: Open vSwitch then deletes the flows that use it as well."""
        del self.meters[number]
        uses = b"\0\x06\0\x08" + struct.pack("!I", number)
        self.flows = {k: v for k, v in self.flows.items() if v[1][:8] != uses}


def _group_of(instructions: bytes) -> int | None:
    """The group that a flow consisting of nothing else hands packets to."""
    if len(instructions) == 16 and instructions[8:10] == b"\0\x16":
        return int(struct.unpack_from("!I", instructions, 12)[0])
    return None


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

    @property
    def facts(self) -> ChassisFacts:
        return ChassisFacts(self.name, self.encap_ip, self.switch.dpid, 1500, vifs=dict(self.vifs), tunnels=dict(self.tunnels))

    def plug(self, iface_id: str) -> None:
        self.plugged += 1
        self.vifs[iface_id] = Vif(iface_id, f"tap{self.plugged}", 1000 + self.plugged)

    def build(self, plan: PlanTunnels) -> None:
        self.tunnels = {ip: TunnelPort(ip, f"vx-{name}", int(ip) & 0xFF) for name, ip in plan.tunnels.items()}


class World:
    """Hypervisors hv1, hv2, ... and one engine, which `restart` replaces."""

    def __init__(self, hypervisors: int = 3) -> None:
        self.network = Network()
        self.now = 1000.0
        self.key = 0
        self.remembered_ips: dict[str, IPv4Address] = {}
        self.remembered_bindings: dict[str, str] = {}
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
            for uuid, chassis in effect.bindings.items():
                _keep(self.remembered_bindings, uuid, chassis)
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
        return self.step(
            NetworkChanged(self.network), FabricRemembered(dict(self.remembered_ips), dict(self.remembered_bindings))
        )

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
        """What every chassis should have, compiled from nothing."""
        names = {hv.encap_ip: hv.name for hv in self.hypervisors.values()}
        tunnels = {
            hv.name: {names[ip]: t.ofport for ip, t in hv.tunnels.items() if ip in names} for hv in self.hypervisors.values()
        }
        addresses = {hv.name: hv.encap_ip for hv in self.hypervisors.values()}
        fabric = Fabric(addresses, dict(self.engine.bindings.placements), tunnels)
        return compile_all(self.network, fabric, OPTIONS.punt_rate)

    def assert_converged(self, *names: str) -> None:
        programs = self.expected()
        for name in names or self.hypervisors:
            assert_holds(self[name].switch, programs[name])
            assert self.engine.confirmed(name) == self.network.revision
        if not names:
            assert self.engine.lagging(self.network.revision) == []


def assert_holds(switch: SimulatedSwitch, program: Program) -> None:
    assert switch.ours == {flow.key: flow.value for flow in program.flows()}
    assert switch.groups == {group.number: (1, group.encoded) for group in program.groups()}
    assert switch.meters == {meter.number: meter.encoded for meter in program.meters}


def hypervisor(number: int, name: str | None = None) -> Hypervisor:
    return Hypervisor(name or f"hv{number}", number, IPv4Address(f"172.31.0.{number}"), SimulatedSwitch(number))


def sends(effects: list[Effect]) -> list[Send]:
    return [e for e in effects if isinstance(e, Send)]


def reads(effects: list[Effect]) -> list[Read]:
    return [e for e in effects if isinstance(e, Read)]


def _keep(table: dict, key: str, value: object) -> None:
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
