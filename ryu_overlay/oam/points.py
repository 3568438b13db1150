"""Points of the virtual network where an operator looks at packets, and where in which bridges' tables that is.

A point is spelled like an object: `port:web-1`, `router-port:red/r1/up`, `uplink:red/r1/up/inside`, `external:internet`,
`tunnel:hv1/hv2`, each with `/in` or `/out` behind it for one direction only. Nothing here knows flows, captures or filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ryu_overlay.fabric.placement import Device, Fabric, reach
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref, RouterPort
from ryu_overlay.oam.pcapng import Direction
from ryu_overlay.openflow.fields import ETH_SRC, IN_PORT, TUN_ID
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, OFPORT, OUT_LPORT, TUNNEL
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import (
    EXT_IN,
    EXT_OUT,
    EXT_PHYSICAL,
    GROUP_BIT,
    LR_COUNT_IN,
    LR_IN_ADMIT,
    LR_IN_OWN,
    LR_IN_TTL,
    LR_OUT_BORDER,
    LS_IN_LOOKUP,
    MARK_BIT,
    PHY_IN_PORT,
    PHY_IN_TUNNEL,
    PHY_OUT,
)

DIRECTIONS: tuple[Direction, ...] = ("in", "out")
ALL = "*"
"""In place of a chassis at a tunnel's far end: any."""

_PROBES_VNI = 1 << MARK_BIT
_PROBES_MAC = 1 << GROUP_BIT
"""What a probe that comes by a tunnel has in its VNI or its source MAC, and no tenant's frame."""


class PointError(ValueError):
    """A point that is not, or is nowhere now. The message says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table of a chassis' bridge, and which packets there are meant."""

    chassis: str
    table: Table
    match: Match


@dataclass(frozen=True, slots=True)
class Site:
    """One direction at a point. A packet that passes several of its places is the same packet seen once."""

    direction: Direction
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A point as it was spelled, what it is in words, and where its packets are seen. `tunnel`: they have a VNI there."""

    name: str
    description: str
    sites: tuple[Site, ...]
    tunnel: bool = False

    @property
    def chassis(self) -> frozenset[str]:
        """Those that see something of it."""
        return frozenset(place.chassis for site in self.sites for place in site.places)


@dataclass(frozen=True, slots=True)
class Where:
    """The network, where it is, and its connected components, all at one moment."""

    network: Network
    fabric: Fabric
    parts: Iterable[frozenset[Device]]

    def has_router(self, router: Ref) -> tuple[str, ...]:
        """The chassis whose bridges have this router."""
        reached = reach(self.parts, self.fabric.placements, self.fabric.gateways)
        return tuple(sorted(name for name, parts in reached.items() if any(("router", router) in part for part in parts)))


def resolve(text: str, where: Where) -> Point:
    """The point that the text names. Raises PointError, also where no chassis has anything to see of it."""
    kind, colon, rest = text.partition(":")
    make = _KINDS.get(kind) if colon else None
    if make is None:
        known = ", ".join(f"{kind}:{shape}" for kind, (shape, _, _) in _KINDS.items())
        raise PointError(f"{text!r} is not a point; known: {known}, each with /in or /out for one direction")
    shape, lengths, resolver = make
    names, direction = _split(rest.split("/"), lengths)
    if len(names) not in lengths or not all(names):
        raise PointError(f"{text!r} is not {kind}:{shape}, with /in or /out for one direction")
    point = resolver(where, names)
    sites = tuple(site for site in point.sites if direction in (None, site.direction) and site.places)
    if not sites:
        raise PointError(f"{text!r} is on no chassis now")
    return replace(point, name=text, sites=sites)


def _split(names: list[str], lengths: tuple[int, ...]) -> tuple[tuple[str, ...], Direction | None]:
    """Names, and the direction where there is one name more than the object's own."""
    last = names[-1]
    if len(names) - 1 in lengths:
        for direction in DIRECTIONS:
            if last == direction:
                return tuple(names[:-1]), direction
    return tuple(names), None


def _port(where: Where, names: tuple[str, ...]) -> Point:
    port = where.network.port_by_name.get(names[-1]) or where.network.port_by_uuid.get(names[-1])
    if port is None or (len(names) == 3 and port.ref != names):
        raise PointError(f"there is no port {'/'.join(names)}")
    placement = where.fabric.placements.get((port.tenant, port.switch))
    spot = None if placement is None else placement.spots.get(port.key)
    if spot is None or spot.ofport is None:
        raise PointError(f"port {port.name} is bound nowhere now")
    came = Place(spot.chassis, PHY_IN_PORT, {IN_PORT: spot.ofport})
    left = Place(spot.chassis, PHY_OUT, {OFPORT.field: spot.ofport})
    words = f"VIF of port {'/'.join(port.ref)}; in: from the VM, out: to the VM"
    return Point("", words, (Site("in", (came,)), Site("out", (left,))))


def _router_port(where: Where, names: tuple[str, ...]) -> Point:
    port = _find_router_port(where, names)
    chassis = where.has_router(port.ref[:2])
    came = _everywhere(chassis, LR_COUNT_IN, {IN_LPORT.field: port.key})
    words = f"router port {'/'.join(names)}; in: into the router, out: out of it"
    return Point("", words, (Site("in", came), Site("out", tuple(_leaving(where, port, chassis)))))


def _leaving(where: Where, port: RouterPort, chassis: tuple[str, ...]) -> Iterator[Place]:
    """Where packets are when the router is done with them: its TTL and MAC are in them."""
    peer = where.network.router_views[port.ref[:2]].peers.get(port.name)
    if port.external is not None:
        yield from _everywhere(chassis, EXT_OUT, {OUT_LPORT.field: port.key})
    elif peer is not None:
        yield from _everywhere(chassis, LR_COUNT_IN, {IN_LPORT.field: peer.key})
    elif port.switch is not None:
        yield from _everywhere(chassis, LS_IN_LOOKUP, {IN_LPORT.field: port.key})


def _uplink(where: Where, names: tuple[str, ...]) -> Point:
    stage = _STAGES.get(names[3])
    if stage is None:
        raise PointError(f"{names[3]!r} is not one of {', '.join(_STAGES)}")
    port = _find_router_port(where, names[:3])
    if port.external is None:
        raise PointError(f"{'/'.join(names[:3])} is no uplink")
    chassis = where.has_router(port.ref[:2])
    came, left = {IN_LPORT.field: port.key}, {OUT_LPORT.field: port.key}
    outside = {"in": _everywhere(chassis, LR_IN_ADMIT, came), "out": _everywhere(chassis, EXT_OUT, left)}
    # Not all that is translated is looked up as the router's own: what goes to a load balancer's member is not.
    translated = (*_everywhere(chassis, LR_IN_OWN, came), *_everywhere(chassis, LR_IN_TTL, came))
    inside = {"in": translated, "out": _everywhere(chassis, LR_OUT_BORDER, left)}
    words, sides = stage
    sites = (Site(way, (inside if side == "inside" else outside)[way]) for way, side in zip(DIRECTIONS, sides))
    return Point("", f"uplink {'/'.join(names[:3])}, {words}; in: from outside, out: to outside", tuple(sites))


def _external(where: Where, names: tuple[str, ...]) -> Point:
    view = where.network.external_views.get(names)
    if view is None:
        raise PointError(f"there is no external network {names[0]}")
    chassis = tuple(sorted(n for n, ports in where.fabric.physical.items() if view.network.physical_network in ports))
    here = {DATAPATH.field: view.network.key}
    sites = Site("in", _everywhere(chassis, EXT_IN, here)), Site("out", _everywhere(chassis, EXT_PHYSICAL, here))
    return Point("", f"external network {names[0]}; in: from the wire, out: to it, without VLAN tag", sites)


def _tunnel(where: Where, names: tuple[str, ...]) -> Point:
    here, there = names
    if here not in where.fabric.encap_ips:
        raise PointError(f"there is no chassis {here}")
    if there != ALL and there not in where.fabric.encap_ips:
        raise PointError(f"there is no chassis {there}")
    tunnels = where.fabric.tunnels.get(here, {})
    ports = [port for name, port in sorted(tunnels.items()) if there in (ALL, name)]
    if not ports:
        raise PointError(f"{here} has no tunnel to {'any other' if there == ALL else there}")
    plain: Match = {TUN_ID: (0, _PROBES_VNI), ETH_SRC: (0, _PROBES_MAC)}
    came = tuple(Place(here, PHY_IN_TUNNEL, {IN_PORT: port, **plain}) for port in ports)
    left = tuple(Place(here, PHY_OUT, {OFPORT.field: TUNNEL | port}) for port in ports)
    far = "any other chassis" if there == ALL else there
    words = f"tunnel of {here} to {far}; in: received by {here}, out: sent by it; the frames inside"
    return Point("", words, (Site("in", came), Site("out", left)), tunnel=True)


def _find_router_port(where: Where, names: tuple[str, ...]) -> RouterPort:
    view = where.network.router_views.get(names[:2])
    port = None if view is None else next((p for p in view.ports if p.name == names[2]), None)
    if port is None:
        raise PointError(f"there is no router port {'/'.join(names)}")
    return port


def _everywhere(chassis: Iterable[str], table: Table, match: Match) -> tuple[Place, ...]:
    return tuple(Place(name, table, match) for name in chassis)


_STAGES: Mapping[str, tuple[str, tuple[str, str]]] = {
    "before-nat": ("each packet before it is translated", ("outside", "inside")),
    "after-nat": ("each packet after it was translated", ("inside", "outside")),
    "inside": ("with addresses as inside", ("inside", "inside")),
    "outside": ("with addresses as outside", ("outside", "outside")),
}
"""By stage: what it is in words, and on which side of the translation what comes in and what goes out is seen."""

_Resolver = Callable[[Where, "tuple[str, ...]"], Point]
_KINDS: Mapping[str, tuple[str, tuple[int, ...], _Resolver]] = {
    "port": ("NAME or TENANT/SWITCH/NAME", (1, 3), _port),
    "router-port": ("TENANT/ROUTER/PORT", (3,), _router_port),
    "uplink": (f"TENANT/ROUTER/PORT/({'|'.join(_STAGES)})", (4,), _uplink),
    "external": ("NETWORK", (1,), _external),
    "tunnel": ("CHASSIS/(CHASSIS|*)", (2,), _tunnel),
}
"""By kind: how it is spelled, how many names that is, and what finds it."""
