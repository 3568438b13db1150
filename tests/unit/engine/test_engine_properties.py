"""Any order of events: what must always hold, and what must hold once everybody has been heard."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ryu_overlay.engine.engine import WAIT_FOR_CHASSIS
from ryu_overlay.engine.events import MembersJudged, Send
from ryu_overlay.model.objects import Object, Port, RouterPort
from ryu_overlay.pipeline.cookies import OURS_COOKIE
from tests.unit.engine.outdoors import GATEWAY, GATEWAY_MAC, MEMBER, NEIGHBOUR_MAC, border, heard, unresolved, uplink
from tests.unit.engine.world import OPTIONS, World, port, route, tenant

NAMES = st.sampled_from(["hv1", "hv2", "hv3"])
PORTS = [port(t, s, 2 * n + s) for t in (1, 2) for s in (1, 2) for n in range(2)]
PORT = st.sampled_from(PORTS)
FEW = st.one_of(st.none(), st.integers(1, 40))


class Life(RuleBasedStateMachine):
    """`World` itself asserts that a chassis which has not reported to this engine gets nothing."""

    more: tuple[Object, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.tampered: set[str] = set()

    @initialize(plugged=st.lists(st.tuples(NAMES, PORT), min_size=3, max_size=8), started=st.booleans())
    def begin(self, plugged: list[tuple[str, Port]], started: bool) -> None:
        self.world.edit(*tenant(1), *tenant(2), *PORTS[::2], *self.more)
        for name, which in plugged:
            self.world[name].plug(which.name)
        if started:
            self.world.start()
        else:
            self.world.load()

    @rule(which=PORT, hops=st.integers(1, 3))
    def edit(self, which: Port, hops: int) -> None:
        there = self.world.network.get("port", which.ref) is not None
        changed = route(1, *(f"10.0.2.{8 + n}" for n in range(hops)))
        self.world.edit(*(() if there else (which,)), changed, deletes=(which,) if there else ())
        self.world.tell()

    @rule(name=NAMES, which=PORT, by_name=st.booleans())
    def plug(self, name: str, which: Port, by_name: bool) -> None:
        self.world[name].plug(which.name if by_name else which.uuid)

    @rule(name=NAMES)
    def unplug(self, name: str) -> None:
        if self.world[name].vifs:
            del self.world[name].vifs[next(iter(self.world[name].vifs))]

    @rule(name=NAMES)
    def report(self, name: str) -> None:
        self.world.report(name)

    @rule(name=NAMES, left=st.booleans())
    def lose(self, name: str, left: bool) -> None:
        if name in self.world.engine.connected:
            self.world.lose(name, left)
            if left:
                self.world[name].tunnels = {}

    @rule()
    def build_tunnels(self) -> None:
        self.world.build_tunnels()

    @rule(name=NAMES)
    def connect(self, name: str) -> None:
        self.world[name].switch.disconnect()
        self.world.connect(name)

    @rule(name=NAMES, wiped=st.booleans())
    def disconnect(self, name: str, wiped: bool) -> None:
        if wiped:
            self.world[name].switch.restart()
            self.tampered.add(name)
        self.world.disconnect(name)

    @rule(name=NAMES, count=FEW)
    def work(self, name: str, count: int | None) -> None:
        self.world[name].switch.work(count)

    @rule(name=NAMES, count=st.one_of(st.none(), st.integers(1, 3)))
    def deliver(self, name: str, count: int | None) -> None:
        self.world.deliver(name, count)

    @rule(seconds=st.sampled_from([0.5, 1.0, 12.0, 31.0]))
    def tick(self, seconds: float) -> None:
        self.world.tick(seconds)

    @rule(which=PORT, hops=st.integers(1, 3))
    def edit_during_an_audit(self, which: Port, hops: int) -> None:
        self.world.tick(31.0)
        self.edit(which, hops)
        for name in self.world.hypervisors:
            self.world[name].switch.work()
            self.world.deliver(name)

    @rule(name=NAMES, number=st.integers(0, 30))
    def tamper(self, name: str, number: int) -> None:
        flows = self.world[name].switch.flows
        if flows:
            key = sorted(flows)[number % len(flows)]
            if number % 3 == 0:
                del flows[key]
            else:
                flows[key if number % 3 == 1 else (99, number, b"")] = (OURS_COOKIE, b"")
            self.tampered.add(name)

    @rule()
    def fault(self) -> None:
        self.world.engine.distrust()

    @precondition(lambda self: self.world.engine.network.revision)
    @rule(early=st.booleans())
    def restart_controller(self, early: bool) -> None:
        self.world.restart()
        if early:
            self.world.report("hv2")
            self.world.connect("hv2")
        self.world.load()

    @invariant()
    def confirmed_is_had(self) -> None:
        engine = self.world.engine
        lagging = engine.lagging(engine.network.revision)
        for name, hv in self.world.hypervisors.items():
            if engine.bridge_of(name) is not None and name not in lagging and name not in self.tampered:
                assert hv.switch.ours == {flow.key: flow.value for flow in engine.programs[name].flows()}

    @invariant()
    def nothing_drifts_by_itself(self) -> None:
        for name in self.world.hypervisors.keys() - self.tampered:
            bridge = self.world.engine.bridge_of(name)
            assert bridge is None or not bridge.drift

    def teardown(self) -> None:
        world = self.world
        for name, hv in world.hypervisors.items():
            if not hv.channel:
                world.connect(name)
            world.report(name)
        for _ in range(3):
            world.tick(WAIT_FOR_CHASSIS)
            world.settle()
        for _ in range(2 + len(world.hypervisors)):
            world.tick(OPTIONS.audit_every)
            world.settle()
        world.assert_converged()
        for known in world.network.port_by_name.values():
            claims = {n for n, hv in world.hypervisors.items() if {known.name, known.uuid} & hv.vifs.keys()}
            spot = world.engine.bindings.spot(known)
            assert (spot is None and not claims) or (spot is not None and spot.chassis in claims and spot.ofport is not None)
            assert world.remembered_bindings.get(known.uuid) == (None if spot is None else spot.chassis)
        assert world.remembered_ips == {name: hv.encap_ip for name, hv in world.hypervisors.items()}


UPLINKS = [uplink(*named, preempt=preempt) for named in ((), ("hv1", "hv2"), ("hv3", "hv1")) for preempt in (True, False)]
MEMBERS = st.frozensets(st.sampled_from([MEMBER, MEMBER + 2, 188, 777]))


class LifeOutside(Life):
    """With a way out: gateways come and go, neighbours speak, members fall."""

    more = (*PORTS, *border())

    @rule(name=NAMES, maps=st.booleans())
    def map_bridges(self, name: str, maps: bool) -> None:
        self.world[name].mappings = {"physnet1": "br-ex"} if maps else {}
        self.world[name].patches = {}

    @rule(name=NAMES, up=st.booleans())
    def carrier(self, name: str, up: bool) -> None:
        self.world[name].patches = {network: replace(patch, up=up) for network, patch in self.world[name].patches.items()}

    @rule(name=NAMES, number=st.integers(0, 2), up=st.booleans())
    def continuity(self, name: str, number: int, up: bool) -> None:
        tunnels = self.world[name].tunnels
        for remote in list(tunnels)[number : number + 1]:
            tunnels[remote] = replace(tunnels[remote], up=up)

    @rule(which=st.sampled_from(UPLINKS))
    def change_uplink(self, which: RouterPort) -> None:
        self.world.edit(which)
        self.world.tell()

    @rule(dpid=st.integers(1, 3), host=st.integers(0, 3), mac=st.sampled_from([GATEWAY_MAC, NEIGHBOUR_MAC]), needed=st.booleans())
    def neighbour(self, dpid: int, host: int, mac: str, needed: bool) -> None:
        if self.world.engine.ready and self.world.engine.bridges.of(f"hv{dpid}") is not None:
            address = GATEWAY + host
            self.world.step(*([unresolved(dpid, address)] if needed else []), heard(dpid, address, mac))

    @rule(dead=MEMBERS)
    def judge(self, dead: frozenset[int]) -> None:
        if self.world.engine.ready:
            self.world.step(MembersJudged(dead))

    @invariant()
    def gateways_are_chassis_that_are_known(self) -> None:
        engine = self.world.engine
        order = engine.uplinks.gateways.get(("t1", "r", "up"), ())
        assert len(set(order)) == len(order) and set(order) <= engine.encap_ips.keys()

    def teardown(self) -> None:
        super().teardown()
        world = self.world
        notes, gateways = dict(world.remembered_notes), dict(world.engine.uplinks.gateways)
        world.restart()
        effects = world.load()
        for name in reversed(world.hypervisors):
            effects += world.report(name) + world.connect(name) + world.settle()
        assert not [effect for effect in effects if isinstance(effect, Send)], "a restart changes nothing"
        assert world.engine.uplinks.gateways == gateways and world.remembered_notes == notes
        world.assert_converged()


TestLife = Life.TestCase
TestLifeOutside = LifeOutside.TestCase
TestLifeOutside.settings = settings(max_examples=settings().max_examples, stateful_step_count=40)
# Most orders of events are dull, so this takes more of them than other properties do.
TestLife.settings = settings(max_examples=3 * settings().max_examples, stateful_step_count=50)
