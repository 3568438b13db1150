"""Where each logical port is, and what follows: which networks reach which chassis, and which tunnels that needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref

Device = tuple[str, Ref]
"""("switch", ref) or ("router", ref)."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A port's place: its chassis, and its OpenFlow port there (None until that chassis has said)."""

    chassis: str
    ofport: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the bound ports of one switch are, by port key. A new object whenever any of them changes."""

    spots: Mapping[int, Spot] = field(default_factory=dict)

    @property
    def chassis(self) -> set[str]:
        return {s.chassis for s in self.spots.values()}


NOWHERE = Placement()


@dataclass(frozen=True, slots=True, eq=False)
class Fabric:
    """The chassis and what is bound, at one moment.

    `tunnels` has, by chassis, the OpenFlow port to each other chassis that it has a tunnel to; each inner mapping
    is the same object as before while nothing in it changed.
    """

    encap_ips: Mapping[str, IPv4Address] = field(default_factory=dict)
    placements: Mapping[Ref, Placement] = field(default_factory=dict)
    tunnels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def components(network: Network) -> list[frozenset[Device]]:
    """The switches and routers of the network in sets that hang together: what one packet could ever cross."""
    parent: dict[Device, Device] = {("switch", r): ("switch", r) for r in network.switch_views}
    parent |= {("router", r): ("router", r) for r in network.router_views}

    def root(device: Device) -> Device:
        while parent[device] != device:
            parent[device] = parent[parent[device]]
            device = parent[device]
        return device

    for ref, view in network.router_views.items():
        here = ("router", ref)
        for port in view.ports:
            if port.switch is not None and ("switch", (port.tenant, port.switch)) in parent:
                parent[root(("switch", (port.tenant, port.switch)))] = root(here)
        for far in view.peers.values():
            parent[root(("router", (far.tenant, far.router)))] = root(here)
    groups: dict[Device, set[Device]] = {}
    for device in parent:
        groups.setdefault(root(device), set()).add(device)
    return [frozenset(g) for g in groups.values()]


def reach(parts: Iterable[frozenset[Device]], placements: Mapping[Ref, Placement]) -> dict[str, list[frozenset[Device]]]:
    """By chassis, the components that have a port bound there."""
    found: dict[str, list[frozenset[Device]]] = {}
    for part in parts:
        here: set[str] = set()
        for kind, ref in part:
            placement = placements.get(ref) if kind == "switch" else None
            if placement is not None:
                here |= placement.chassis
        for chassis in here:
            found.setdefault(chassis, []).append(part)
    return found


def wanted_tunnels(reached: Mapping[str, Iterable[frozenset[Device]]]) -> dict[str, frozenset[str]]:
    """By chassis, the other chassis it shares a component with."""
    members: dict[frozenset[Device], set[str]] = {}
    for chassis, parts in reached.items():
        for part in parts:
            members.setdefault(part, set()).add(chassis)
    wanted: dict[str, set[str]] = {}
    for together in members.values():
        for chassis in together:
            wanted.setdefault(chassis, set()).update(together - {chassis})
    return {chassis: frozenset(others) for chassis, others in wanted.items()}
