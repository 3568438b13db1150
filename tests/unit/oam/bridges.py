"""Hands of a trace that reach bridges in memory: scenario way-out, compiled, with guests and a wire outside.

What bridges tell is heard one by one while somebody waits, of which bridge first is by chance (`seed`). Nothing takes any time.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Address
from random import Random

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.compiler.program import compile_all
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.oam.frames import answer_of
from ryu_overlay.oam.journey import Places
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.start import Traffic, start
from ryu_overlay.oam.tracer import Report, Tracer
from ryu_overlay.oam.world import Lookups, World
from ryu_overlay.openflow.fields import mac_to_int
from ryu_overlay.openflow.flow import Block, Flow, Program
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.openflow.messages import STATS_FLOW, flow_request, group_request, meter_request
from ryu_overlay.pipeline.limits import Limits
from tests.unit.oam.asked import FACTS, NET, UPSTREAM
from tests.unit.oam.pretend_bridge import Bridge
from tools.scenarios import Chassis, Outside, fabric_of

NAMES = ("hv1", "hv2", "hv3")
PATCH = 200

Guest = Callable[[bytes], "bytes | None"]


def tunnel(name: str) -> int:
    """The OpenFlow port of the tunnel to a chassis, on each other."""
    return 100 + NAMES.index(name)


def chassis() -> dict[str, Chassis]:
    """Ports are numbered from 1 on each chassis, in the order of placement."""
    ports: dict[str, dict[str, int | None]] = {name: {} for name in NAMES}
    for port, name in WAY_OUT.placement:
        ports[name][port] = len(ports[name]) + 1
    return {
        name: Chassis(IPv4Address(f"172.31.0.{n}"), ports[name], {o: tunnel(o) for o in NAMES if o != name}, {"physnet1": PATCH})
        for n, name in enumerate(NAMES, 1)
    }


_LOOKUPS = Lookups()
"""Tests share what was indexed: programs are the same."""
_KEPT: dict[int, tuple[Network, Fabric, Mapping[str, Program]]] = {}


def compiled(network: Network = NET) -> tuple[Fabric, Mapping[str, Program]]:
    """Where everything is, and what bridges ought to have."""
    if id(network) not in _KEPT:
        known = _fabric(network)
        _KEPT[id(network)] = network, known, compile_all(network, known, Limits())
    return _KEPT[id(network)][1:]


def _fabric(network: Network) -> Fabric:
    uplinks = [port for port in network.tables["router_port"].values() if port.external]
    outside = Outside({port.ref: port.gateways for port in uplinks}, FACTS.neighbours, mtu=FACTS.mtu)
    return fabric_of(network, chassis(), outside)


def places(network: Network = NET) -> Places:
    found = chassis()
    vifs = {(n, o): port for n, here in found.items() for port, o in here.ports.items() if o and port in network.port_by_name}
    tunnels = {(n, o): far for n, here in found.items() for far, o in here.tunnels.items()}
    return Places(vifs, tunnels, {(n, PATCH): "physnet1" for n in NAMES})


def world(network: Network = NET) -> World:
    (known, programs), where = compiled(network), places(network)
    bound = {name: at for at, name in where.vifs.items()}
    return World(network, programs, where, bound, frozenset(NAMES), FACTS, dict(known.placements), dict(known.gateways))


def observer(network: Network = NET) -> Observer:
    return Observer(network, _LOOKUPS.of(compiled(network)[1]), places(network))


def arp_reply(port: str, frame: bytes) -> bytes | None:
    """What the VM of a port says to ARP: all that one does that serves nothing."""
    mac = mac_to_int(NET.port_by_name[port].mac).to_bytes(6, "big")
    if frame[12:14] != b"\x08\x06":
        return None
    return frame[6:12] + mac + frame[12:20] + b"\0\x02" + mac + frame[38:42] + frame[22:28] + frame[28:32]


def serve_all(port: str, frame: bytes) -> bytes | None:
    """A VM that answers ARP, and serves everything."""
    return arp_reply(port, frame) or answer_of(frame, 7, 99)


@dataclass
class Bridges:
    """See `oam.world.Hands`. `passes` says whether the underlay carries a frame: from, to, VNI, frame."""

    now_world: World = field(default_factory=world)
    seed: int = 0
    silent: set[str] = field(default_factory=set)
    passes: Callable[[str, str, int, bytes], bool] = lambda *_: True
    outside: Guest = lambda frame: None
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    observed: dict[object, Mapping[str, Block]] = field(default_factory=dict)
    received: list[tuple[str, int, bytes]] = field(default_factory=list)
    """What guests got, with chassis and OpenFlow port."""
    wire: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    unknown: int = 0
    """Packet-ins that are of no probe under way."""
    hears: Callable[[str, bytes], bool] = lambda *_: True
    """Whether the controller hears a packet-in."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    """What happens while somebody waits, one thing each time."""

    def __post_init__(self) -> None:
        self.guests: dict[tuple[str, int], Guest] = {}
        self.exits: dict[str, str] = {}
        """By chassis whose tunnels come out elsewhere: where."""
        self.clock = 0.0
        self._random = Random(self.seed)
        self._told: dict[str, deque[bytes]] = {name: deque() for name in NAMES}
        self._traffic: deque[Callable[[], None]] = deque()
        self._flows: dict[str, list[Flow]] = {}
        self.bridges = {name: self._bridge(name) for name in NAMES}
        self.tracer = Tracer(self, Random(self.seed))
        self.tracer._lookups = _LOOKUPS

    def _bridge(self, name: str) -> Bridge:
        program = self.now_world.programs[name]
        groups = {group.number: group for group in program.groups()}
        self._flows[name] = list(program.flows())
        lookup = _LOOKUPS.of(self.now_world.programs)[name]
        return Bridge(lookup, groups, self._told[name].append, lambda *out: self._out(name, *out))

    # What a trace does.

    def now(self) -> float:
        self.clock += 0.0001
        return self.clock

    def world(self) -> World:
        return self.now_world

    def send(self, chassis: str, data: bytes) -> None:
        self.sent.append((chassis, data))
        if chassis in self.now_world.connected and chassis not in self.silent:
            self._do(lambda: self.bridges[chassis].message(data))

    def ask(self, chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        self.asked.append(chassis)
        if chassis in self.silent or chassis not in self.now_world.connected:
            return None
        data, bridge = request(1), self.bridges[chassis]
        if data == meter_request(1):
            return [b""]
        if data == group_request(1):
            return [_described(g.number, *g.value) for g in bridge.groups.values()]
        assert data == flow_request(1, table=data[16]) and data[8:10] == STATS_FLOW.to_bytes(2, "big")
        return [dumped(flow) for flow in self._flows[chassis] if flow.table == data[16]]

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        while not done():
            telling = [name for name, told in self._told.items() if told]
            if not telling:
                self.clock += seconds
                return False
            self.tell(self._random.choice(telling))
        return True

    def observe(self, key: object, blocks: Mapping[str, Block] | None) -> bool:
        if blocks is None:
            self.observed.pop(key, None)
        else:
            self.observed[key] = blocks
        for name, bridge in self.bridges.items():
            more = [flow for block in self.observed.values() if name in block for flow in block[name].flows]
            bridge.on_top = Lookup(more)
        return True

    # What happens to packets.

    def tell(self, chassis: str) -> None:
        """The controller hears the next thing that a bridge tells."""
        data = self._told[chassis].popleft()
        if chassis in self.now_world.connected and chassis not in self.silent and self.hears(chassis, data):
            self.unknown += not self.tracer.heard(chassis, data)

    def drain(self) -> None:
        """All that was told by now."""
        self.wait(lambda: False, 0)

    def _do(self, what: Callable[[], None]) -> None:
        self._traffic.append(what)
        if len(self._traffic) == 1:
            while self._traffic:
                self._traffic[0]()
                self._traffic.popleft()

    def receive(self, chassis: str, ofport: int, frame: bytes, tun_id: int = 0) -> None:
        """A frame comes in at a bridge."""
        self._do(lambda: self.bridges[chassis].receive(frame, ofport, tun_id))

    def _out(self, name: str, ofport: int, tun_id: int, frame: bytes) -> None:
        where = self.now_world.places
        far = where.tunnels.get((name, ofport))
        if far is not None:
            if self.passes(name, far, tun_id, frame):
                there = self.exits.get(far, far)
                self.receive(there, tunnel(name), frame, tun_id)
        elif (name, ofport) in where.patches:
            self.wire.append((name, frame))
            answer = self.outside(frame)
            for other in NAMES if answer is not None else ():
                self.receive(other, PATCH, answer or b"")
        else:
            self.received.append((name, ofport, frame))
            served = self.guests.get((name, ofport))
            answer = None if served is None else served(frame)
            if answer is not None:
                self.receive(name, ofport, answer)

    # What tests change and ask.

    def install(self, name: str, edit: Callable[[list[Flow]], list[Flow]]) -> None:
        """Make the flows of a bridge others than the program's."""
        self._flows[name] = edit(list(self._flows[name]))
        self.bridges[name].lookup = Lookup(self._flows[name])

    def load(self, world: World) -> None:
        """It is another world, and bridges have its programs."""
        self.now_world = world
        self.bridges = {name: self._bridge(name) for name in NAMES}

    def away(self, *names: str) -> None:
        self.now_world = replace(self.now_world, connected=self.now_world.connected - {*names})

    def serve(self, *ports: str, by: Callable[[str, bytes], bytes | None] = serve_all) -> None:
        """Have VMs that behave so, behind these ports, or all if none is named."""
        for where, port in self.now_world.places.vifs.items():
            if not ports or port in ports:
                self.guests[where] = partial(by, port)

    def trace(self, sender: str, to: str, **given: object) -> Report:
        """A trace from a port to an address or port; what `Traffic` has is of the packet, the rest of the trace."""
        words = {name: given.pop(name) for name in list(given) if name in Traffic.__slots__}
        source = given.pop("source", None)
        begun = start(
            self.now_world.network,
            sender,
            to,
            Traffic(**words),  # type: ignore[arg-type]
            None if source is None else IPv4Address(str(source)),
            self.now_world.facts,
        )
        return self.tracer.trace(begun, **given)  # type: ignore[arg-type]

    def left_behind(self, connections: bool = True) -> list[str]:
        """What traces that are over must not leave."""
        self.drain()
        register = self.tracer._register
        found = [f"journeys {register._journeys}"] if register._journeys else []
        found += [f"answers {register._answers}"] if register._answers else []
        found += [f"ARP {register._arps}"] if register._arps else []
        found += [f"{self.tracer._running} run"] if self.tracer._running else []
        found += [f"observed {self.observed}"] if self.observed else []
        for name, bridge in self.bridges.items() if connections else ():
            found += [f"{name} {entry}" for entry in bridge.known.entries if entry.mark]
            if not bridge.exhausted:
                found += [f"{name} was to forget {data.hex()}" for data in bridge.unknown]
        return found


def host_outside(frame: bytes) -> bytes | None:
    """A host on the external network, by its gateway."""
    if frame[:6].hex(":") != UPSTREAM:
        return None
    return answer_of(frame, 7, 99)


def dumped(flow: Flow) -> bytes:
    """A flow as a flow multipart reply has it."""
    match, then = flow.match_bytes, flow.value[1]
    padded = struct.pack("!HH", 1, 4 + len(match)) + match
    padded += bytes(-len(padded) % 8)
    head = struct.pack(
        "!HBxIIHHHH4xQQQ", 48 + len(padded) + len(then), flow.table, 0, 0, flow.priority, 0, 0, 0, flow.cookie, 0, 0
    )
    return head + padded + then


def _described(number: int, kind: int, buckets: bytes) -> bytes:
    return struct.pack("!HBxI", 8 + len(buckets), kind, number) + buckets


def of_table(report: Report) -> Iterator[str]:
    """For messages of tests that fail: what was seen."""
    for leg in (report.there, report.back):
        for stay in leg.journey.way() if leg is not None else ():
            yield f"{stay.chassis} {[seen.table for seen in stay.seen]} {stay.end}"
