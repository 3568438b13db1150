"""Which tunnels chassis should have, and the OpenFlow ports of those they do have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address

from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.events import PlanTunnels
from ryu_overlay.engine.uplinks import Uplinks
from ryu_overlay.fabric.facts import TunnelPort
from ryu_overlay.fabric.placement import Device, reach, wanted_tunnels
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref


class Tunnels:
    """`wanted` has, by chassis, the others it shares a network with; `ports` its OpenFlow ports to other chassis.

    A chassis' mapping in `ports` is the same object as before while nothing in it changed.
    """

    def __init__(self) -> None:
        self.wanted: dict[str, frozenset[str]] = {}
        self.ports: dict[str, Mapping[str, int]] = {}
        self._open: dict[str, Mapping[IPv4Address, TunnelPort]] = {}
        self._stale: set[str] = set()
        self._plans: dict[str, PlanTunnels] = {}
        self._addresses: dict[str, IPv4Address] = {}
        self._parts: list[frozenset[Device]] | None = None
        self._version = 0
        self._outside: tuple[object, ...] = ()

    def report(self, chassis: str, tunnels: Mapping[IPv4Address, TunnelPort]) -> bool:
        """All tunnel ports a chassis has, by remote address. Returns whether that is not what it had before."""
        if self._open.get(chassis) == tunnels:
            return False
        self._open[chassis] = tunnels
        self._stale.add(chassis)
        return True

    def forget(self, chassis: str) -> None:
        """A chassis is no more."""
        for known in (self.ports, self._open, self._plans):
            known.pop(chassis, None)
        self._stale.discard(chassis)

    def distrust(self) -> None:
        """Plan anew, as if no plan had been given before."""
        self._plans.clear()
        self._parts = None

    def missing(self, chassis: str, among: Collection[str]) -> bool:
        """Whether a chassis lacks a tunnel that it should have to one of `among`."""
        ready = self.ports.get(chassis, {})
        return any(other not in ready for other in self.wanted.get(chassis, ()) if other in among)

    def plan(
        self,
        network: Network,
        parts: list[frozenset[Device]],
        bindings: Bindings,
        uplinks: Uplinks,
        addresses: Mapping[str, IPv4Address],
    ) -> list[PlanTunnels]:
        """The plans that are new, now that `addresses` are all chassis; `ports` is brought up to date too."""
        moved = addresses != self._addresses
        if moved:
            self._addresses = dict(addresses)
            self._stale.update(self._open)
        for chassis in self._stale:
            self._read_ports(chassis)
        self._stale.clear()
        outside = (dict(uplinks.gateways), dict(uplinks.mappings), network.tables["external_network"])
        if not moved and self._parts is parts and self._version == bindings.version and self._outside == outside:
            return []
        self._parts, self._version, self._outside = parts, bindings.version, outside
        reached = reach(parts, bindings.placements, uplinks.gateways)
        self.wanted = wanted_tunnels(reached)
        fast = _fast(reached, uplinks.gateways)
        plans = [self._plan(chassis, fast, uplinks.patches(chassis, reached.get(chassis, []), network)) for chassis in addresses]
        return [plan for plan in plans if self._is_new(plan)]

    def _read_ports(self, chassis: str) -> None:
        open_ = self._open[chassis]
        ports = {name: open_[ip].ofport for name, ip in self._addresses.items() if ip in open_ and name != chassis}
        if self.ports.get(chassis) != ports:
            self.ports[chassis] = ports

    def _plan(self, chassis: str, fast: Mapping[str, set[str]], patches: frozenset[str]) -> PlanTunnels:
        tunnels = {other: self._addresses[other] for other in sorted(self.wanted.get(chassis, ()))}
        return PlanTunnels(chassis, tunnels, patches, frozenset(fast.get(chassis, ())))

    def _is_new(self, plan: PlanTunnels) -> bool:
        if self._plans.get(plan.chassis) == plan:
            return False
        self._plans[plan.chassis] = plan
        return True


def _fast(reached: Mapping[str, list[frozenset[Device]]], gateways: Mapping[Ref, tuple[str, ...]]) -> dict[str, set[str]]:
    """By chassis, those that it checks often: one of the two may carry an uplink of what both have.

    Both ends have to agree: a check that comes more or less often than expected counts as a fault.
    """
    carried = {ref[:2]: order for ref, order in gateways.items()}
    members: dict[frozenset[Device], set[str]] = {}
    for chassis, parts in reached.items():
        for part in parts:
            members.setdefault(part, set()).add(chassis)
    fast: dict[str, set[str]] = {}
    for part, together in members.items():
        for carrier in {name for kind, ref in part if kind == "router" for name in carried.get(ref, ())} & together:
            fast.setdefault(carrier, set()).update(together - {carrier})
            for other in together - {carrier}:
                fast.setdefault(other, set()).add(carrier)
    return fast
