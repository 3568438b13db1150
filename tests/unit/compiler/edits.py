"""Random edits of a network and of where its ports are, as an operator and hypervisors would make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from ryu_overlay.fabric.placement import Fabric, Placement, Spot
from ryu_overlay.model.edit import Refused, delete, put_tenants, upsert
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from tests.golden.networks import CHASSIS, PREFIXES, TENANTS, TUNNELS, tenants

Draw = Callable[[st.SearchStrategy[Any]], Any]


class World:
    """A network and a fabric that change. As in the engine, what did not change stays the same object."""

    def __init__(self) -> None:
        self.network = Network()
        self.places: dict[str, Spot] = {}
        self.placements: dict[Ref, Placement] = {}
        self.tunnels: dict[str, dict[str, int]] = dict(TUNNELS)
        self.chassis = set(CHASSIS)
        self.physical: Mapping[str, Mapping[str, int]] = {}
        self.gateways: dict[Ref, tuple[str, ...]] = {}
        self.neighbours: dict[Ref, Mapping[IPv4Address, str]] = {}
        self.dead: frozenset[int] = frozenset()
        self.mtu: int | None = None
        self.deaf: dict[str, frozenset[str]] = {}
        self.silent: frozenset[tuple[str, str]] = frozenset()
        self._numbers = count(1)

    @property
    def fabric(self) -> Fabric:
        ips = {name: IPv4Address(f"172.31.0.{i}") for i, name in enumerate(CHASSIS, 1) if name in self.chassis}
        gateways = {ref: tuple(n for n in order if n in ips) for ref, order in self.gateways.items()}
        outside = (self.physical, gateways, dict(self.neighbours), self.dead, self.mtu, dict(self.deaf), self.silent)
        return Fabric(ips, dict(self.placements), dict(self.tunnels), *outside)

    def new_uuid(self) -> UUID:
        return UUID(int=next(self._numbers))

    def edit(self, make: Callable[[Network], Network]) -> None:
        """Make an edit, unless the model refuses it."""
        try:
            after = make(self.network)
        except Refused:
            return
        self.network = after
        self.places = {name: spot for name, spot in self.places.items() if name in after.port_by_name}
        self._place()

    def bind(self, port: str, spot: Spot | None) -> None:
        """Bind a port there, or nowhere."""
        self.places.pop(port, None)
        if spot is not None:
            self.places[port] = spot
        self._place()

    def _place(self) -> None:
        """Replace the placements of switches where a spot changed."""
        wanted: dict[Ref, dict[int, Spot]] = {}
        for name, spot in self.places.items():
            port = self.network.port_by_name[name]
            wanted.setdefault((port.tenant, port.switch), {})[port.key] = spot
        kept = {ref: p for ref, p in self.placements.items() if wanted.get(ref) == p.spots}
        self.placements = {ref: kept.get(ref) or Placement(spots) for ref, spots in wanted.items()}


def populated(draw: Draw) -> World:
    """A world to begin with: two tenants, most of their ports bound."""
    world = World()
    documents = [draw(tenants(name, most_hops=3)) for name in TENANTS]
    world.edit(lambda base: put_tenants(base, documents, new_uuid=world.new_uuid).network)
    for number, port in enumerate(sorted(world.network.port_by_name), 1):
        chassis = draw(st.sampled_from([*CHASSIS * 2, None]))
        world.bind(port, None if chassis is None else Spot(chassis, number))
    return world


def step(world: World, draw: Draw) -> None:
    """One change, of any kind."""
    draw(st.sampled_from(_STEPS))(world, draw)


def _put_tenant(world: World, draw: Draw) -> None:
    document = draw(tenants(draw(st.sampled_from(TENANTS)), most_hops=3))
    world.edit(lambda base: put_tenants(base, [document], new_uuid=world.new_uuid).network)


def _put_route(world: World, draw: Draw) -> None:
    found = sorted(world.network.router_views)
    if found:
        view = world.network.router_views[draw(st.sampled_from(found))]
        near = [a.ip + n for p in view.ports for a in p.addresses for n in (1, 2, -1)]
        hops = draw(st.lists(st.sampled_from(near), unique=True, min_size=1, max_size=3)) if near else []
        ref = (*view.router.ref, draw(st.sampled_from(PREFIXES)))
        given = {"prefix": IPv4Network(ref[2]), "nexthops": hops}
        world.edit(lambda base: upsert(base, "route", ref, given, "put", world.new_uuid).network)


def _patch_port(world: World, draw: Draw) -> None:
    found = sorted(world.network.tables["port"])
    if found:
        ref = draw(st.sampled_from(found))
        subnets = world.network.tables["switch"][ref[:2]].subnets or (IPv4Network("10.0.9.0/24"),)
        changes: dict[str, st.SearchStrategy[Any]] = {
            "enabled": st.booleans(),
            "port_security": st.booleans(),
            "mac": st.integers(0, 5).map(lambda n: f"02:00:00:01:00:{n:02x}"),
            "addresses": st.sets(st.integers(10, 30), max_size=2).map(
                lambda hosts: [subnets[0].network_address + host for host in sorted(hosts)]
            ),
        }
        field = draw(st.sampled_from(sorted(changes)))
        given = {field: draw(changes[field])}
        world.edit(lambda base: upsert(base, "port", ref, given, "patch", world.new_uuid).network)


def _patch_router_port(world: World, draw: Draw) -> None:
    """Move a router port: to another switch, to a peer, to nothing; or give it another MAC."""
    found = sorted(world.network.tables["router_port"])
    if found:
        ref = draw(st.sampled_from(found))
        to = {"switch": draw(st.sampled_from([None, "s0", "s1", "s2"])), "peer": None}
        peer = {"switch": None, "peer": draw(st.sampled_from(found))[1:]}
        mac = {"mac": draw(st.integers(0, 5).map(lambda n: f"02:00:00:02:00:{n:02x}"))}
        given = draw(st.sampled_from([to, peer, mac]))
        world.edit(lambda base: upsert(base, "router_port", ref, given, "patch", world.new_uuid).network)


def _delete(world: World, draw: Draw) -> None:
    kind = draw(st.sampled_from(["route", "port", "router_port", "router", "switch", "tenant"]))
    found = sorted(world.network.tables[kind])
    if found:
        ref, cascade = draw(st.sampled_from(found)), draw(st.booleans())
        world.edit(lambda base: delete(base, kind, ref, cascade))


def _bind(world: World, draw: Draw) -> None:
    """Bind a port, move it, or take it away; its OpenFlow port may not be known yet."""
    found = sorted(world.network.port_by_name)
    if found:
        port, chassis = draw(st.sampled_from(found)), draw(st.sampled_from([*CHASSIS, None]))
        used = {spot.ofport for name, spot in world.places.items() if spot.chassis == chassis and name != port}
        free = [n for n in range(1, 30) if n not in used]
        spot = None if chassis is None else Spot(chassis, draw(st.sampled_from([*free[:3], None])))
        world.bind(port, spot)


def _retunnel(world: World, draw: Draw) -> None:
    """Tunnels of a chassis come or go, or get another OpenFlow port."""
    name = draw(st.sampled_from(CHASSIS))
    world.tunnels[name] = {
        other: draw(st.sampled_from([port, port + 10])) for other, port in TUNNELS[name].items() if draw(st.booleans())
    }


def _policy(world: World, draw: Draw) -> None:
    """A router's answers stand for something else."""
    found = sorted(world.network.tables["router"])
    if found:
        ref = draw(st.sampled_from(found))
        given = {
            "answers": draw(st.sampled_from(["local", "path"])),
            "without_path": draw(st.sampled_from(["unreachable", "silent"])),
        }
        world.edit(lambda base: upsert(base, "router", ref, given, "patch", world.new_uuid).network)


def _signs(world: World, draw: Draw) -> None:
    """Chassis hear each other, or not; upstream routers are heard, or not."""
    hears = st.frozensets(st.sampled_from(CHASSIS), max_size=2)
    world.deaf = {name: draw(hears) for name in CHASSIS}
    world.silent = frozenset((name, "internet") for name in draw(hears))


def _join(world: World, draw: Draw) -> None:
    """A chassis joins, or leaves with its bindings."""
    name = draw(st.sampled_from(CHASSIS))
    if name not in world.chassis:
        world.chassis.add(name)
    elif draw(st.booleans()):
        world.chassis.remove(name)
        for port in [port for port, spot in world.places.items() if spot.chassis == name]:
            world.bind(port, None)


_STEPS = (_patch_port, _patch_router_port, _put_route, _bind, _delete, _retunnel, _put_tenant, _join, _policy, _policy, _signs)
