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

    `tunnels` has, by chassis, the OpenFlow port to each other chassis that it has a tunnel to, `physical` the one to the bridge
    of each physical network (0 while the chassis has not said which). `gateways` has, by uplink, the chassis that carry it in
    order; `neighbours`, by external network, the MACs that were learned there. `dead` are keys of load balancers' members that
    failed their checks. `mtu` is what VMs may use, in bytes, None while unknown. `deaf` has, by chassis, the others between which
    and it packets do not pass both ways; `silent` are (chassis, external network) where the upstream router is not heard. Each
    inner mapping is the same object as before while nothing in it changed.
    """

    encap_ips: Mapping[str, IPv4Address] = field(default_factory=dict)
    placements: Mapping[Ref, Placement] = field(default_factory=dict)
    tunnels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    physical: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    gateways: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)
    neighbours: Mapping[Ref, Mapping[IPv4Address, str]] = field(default_factory=dict)
    dead: frozenset[int] = frozenset()
    mtu: int | None = None
    deaf: Mapping[str, frozenset[str]] = field(default_factory=dict)
    silent: frozenset[tuple[str, str]] = frozenset()


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


def reach(
    parts: Iterable[frozenset[Device]], placements: Mapping[Ref, Placement], gateways: Mapping[Ref, tuple[str, ...]]
) -> dict[str, list[frozenset[Device]]]:
    """By chassis, the components that have a port bound there, or an uplink that it may carry."""
    carried: dict[Device, set[str]] = {}
    for ref, order in gateways.items():
        carried.setdefault(("router", ref[:2]), set()).update(order)
    found: dict[str, list[frozenset[Device]]] = {}
    for part in parts:
        here: set[str] = set()
        for device in part:
            placement = placements.get(device[1]) if device[0] == "switch" else None
            if placement is not None:
                here |= placement.chassis
            here |= carried.get(device, set())
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
