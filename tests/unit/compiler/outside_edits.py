"""Random changes of what leads outside, and of what the fabric says of it, beside those of `edits`."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from hypothesis import strategies as st

from ryu_overlay.fabric.placement import Spot
from ryu_overlay.model.edit import delete
from tests.golden.networks import CHASSIS
from tests.unit.compiler import edits
from tests.unit.compiler.edits import Draw, World
from tests.unit.model.bodies import edit
from tests.unit.model.outside_bodies import world as outside_network

PATCHES = (201, 202, 203)
MACS = ("02:00:00:00:99:01", "02:00:00:00:99:02")
OUTER = tuple(f"203.0.113.{n}" for n in (1, 11, 12, 21, 22, 60, 101, 200))


def populated(draw: Draw) -> World:
    """A world to begin with: two tenants with everything on their way out, two chassis that map the physical network."""
    world = World()
    world.edit(lambda _: outside_network())
    for number, port in enumerate(sorted(world.network.port_by_name), 1):
        chassis = draw(st.sampled_from([*CHASSIS * 2, None]))
        world.bind(port, None if chassis is None else Spot(chassis, number))
    world.physical = {name: {"physnet1": 201} for name in CHASSIS[:2]}
    world.gateways = {uplink.ref: CHASSIS[:2] for uplink in world.network.uplinks(("internet",))}
    world.mtu = 1450
    return world


def step(world: World, draw: Draw) -> None:
    """One change, of any kind; most are of what leads outside."""
    if draw(st.integers(0, 3)) == 0:
        edits.step(world, draw)
    else:
        draw(st.sampled_from(_STEPS))(world, draw)


def _patch(world: World, draw: Draw) -> None:
    """Change one field of an object that stands on the way out."""
    kind = draw(st.sampled_from(sorted(_FIELDS)))
    found = sorted(world.network.tables[kind])
    if found:
        path = "/".join(draw(st.sampled_from(found)))
        field = draw(st.sampled_from(sorted(_FIELDS[kind])))
        body = {field: draw(_FIELDS[kind][field])}
        world.edit(lambda base: edit(base, kind, path, body, "patch").network)


def _either(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


_PORTS = _either("red-1", "red-2", "red-db", "blue-1", "blue-db")
_FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "external_network": {
        "vlan": _either(None, 100, 200),
        "gateway": _either(None, "203.0.113.1", "203.0.113.254"),
        "mtu": _either(1400, 1500, 9000),
        "physical_network": _either("physnet1", "physnet2"),
    },
    "snat": {
        "prefixes": _either(["10.0.1.0/24"], ["10.0.2.0/24", "10.0.1.0/25"]),
        "addresses": _either([], ["203.0.113.21"], ["203.0.113.12", "203.0.113.32", "203.0.113.33"]),
        "ports": _either(None, "20000-20010"),
    },
    "floating_ip": {
        "address": _either("203.0.113.101", "203.0.113.140", "203.0.113.141"),
        "port": _PORTS,
        "distributed": st.booleans(),
        "inside": _either(None, "10.0.1.11"),
    },
    "load_balancer": {
        "vip": _either("203.0.113.21", "203.0.113.11", "10.0.2.53", "10.0.2.54", "192.0.2.1"),
        "port": _either(80, 443),
        "protocol": _either("tcp", "udp"),
        "mac": _either(*MACS),
    },
    "member": {"port": _PORTS, "number": _either(None, 80, 8080), "weight": _either(1, 2, 50), "drained": st.booleans()},
    "router_port": {"mac": _either(*MACS)},
}


def _put(world: World, draw: Draw) -> None:
    """Make one more of something, or make it otherwise."""
    tenant = draw(st.sampled_from(("red", "blue")))
    port, number = draw(_PORTS), draw(_either(None, 81))
    router = draw(_either("r1", "r2"))
    place = draw(_either({"router": router}, {"switch": "db"}, {"switch": "web"}))
    things: list[tuple[str, str, dict[str, Any]]] = [
        ("member", f"{tenant}/{draw(_either('web', 'dns', 'secret'))}/z", {"port": port, "number": number}),
        ("floating_ip", f"{tenant}/r1/z", {"port": port, "address": draw(_either(*OUTER))}),
        ("snat", f"{tenant}/r1/z", {"prefixes": ["10.0.1.128/25"], "addresses": draw(_either([], ["203.0.113.60"]))}),
        ("route", f"{tenant}/r1/0.0.0.0/0", {"nexthops": draw(_either(["203.0.113.200"], ["203.0.113.1", "203.0.113.200"]))}),
        ("load_balancer", f"{tenant}/z", {"vip": draw(_either("10.0.1.80", "10.0.2.53", *OUTER)), "port": 81, **place}),
        (
            "router_port",
            f"{tenant}/r1/up",
            {"external": "internet", "addresses": [draw(_either("203.0.113.11/24", "203.0.113.19/24"))]},
        ),
        ("external_network", "internet", {"physical_network": "physnet1", "subnet": "203.0.113.0/24"}),
    ]
    kind, path, body = draw(st.sampled_from(things))
    world.edit(lambda base: edit(base, kind, path, body, "put").network)


def _delete(world: World, draw: Draw) -> None:
    kind = draw(st.sampled_from(["member", "load_balancer", "floating_ip", "snat", "router_port", "external_network"]))
    found = sorted(world.network.tables[kind])
    if found:
        ref, cascade = draw(st.sampled_from(found)), draw(st.booleans())
        world.edit(lambda base: delete(base, kind, ref, cascade))


def _gateways(world: World, draw: Draw) -> None:
    """Other gateways for an uplink, in another order, or none."""
    found = sorted(world.network.uplinks(("internet",)), key=lambda uplink: uplink.ref)
    if found:
        uplink = draw(st.sampled_from(found))
        world.gateways[uplink.ref] = tuple(draw(st.lists(st.sampled_from(CHASSIS), unique=True, max_size=3)))


def _physical(world: World, draw: Draw) -> None:
    """A chassis' ports to physical networks come, go, or get another OpenFlow number."""
    name = draw(st.sampled_from(CHASSIS))
    ports = draw(st.dictionaries(st.sampled_from(["physnet1", "physnet2"]), st.sampled_from(PATCHES), max_size=2))
    if len(set(ports.values())) == len(ports):
        world.physical = {**world.physical, name: ports}


def _neighbours(world: World, draw: Draw) -> None:
    addresses = st.sampled_from(OUTER).map(IPv4Address)
    world.neighbours = {**world.neighbours, ("internet",): draw(st.dictionaries(addresses, st.sampled_from(MACS), max_size=3))}


def _dead(world: World, draw: Draw) -> None:
    keys = sorted(member.key for member in world.network.tables["member"].values())
    world.dead = frozenset(draw(st.lists(st.sampled_from(keys), unique=True)) if keys else ())


def _mtu(world: World, draw: Draw) -> None:
    world.mtu = draw(st.sampled_from([None, 1400, 1450, 8950]))


_STEPS = (_patch, _patch, _put, _put, _delete, _gateways, _physical, _neighbours, _dead, _mtu)
