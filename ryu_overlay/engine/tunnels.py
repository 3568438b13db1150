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
        plans = (self._plan(chassis, reached.get(chassis, []), uplinks, network) for chassis in addresses)
        return [plan for plan in plans if self._is_new(plan)]

    def _read_ports(self, chassis: str) -> None:
        open_ = self._open[chassis]
        ports = {name: open_[ip].ofport for name, ip in self._addresses.items() if ip in open_ and name != chassis}
        if self.ports.get(chassis) != ports:
            self.ports[chassis] = ports

    def _plan(self, chassis: str, parts: list[frozenset[Device]], uplinks: Uplinks, network: Network) -> PlanTunnels:
        tunnels = {other: self._addresses[other] for other in sorted(self.wanted.get(chassis, ()))}
        # Both ends have to agree on how often, so it is fast if either may carry an uplink of what they share.
        carriers = [uplinks.carriers([part]) for part in parts]
        everybody = frozenset(tunnels) if any(chassis in some for some in carriers) else frozenset[str]()
        fast = everybody | frozenset(tunnels) & frozenset[str]().union(*carriers)
        return PlanTunnels(chassis, tunnels, uplinks.patches(chassis, parts, network), fast)

    def _is_new(self, plan: PlanTunnels) -> bool:
        if self._plans.get(plan.chassis) == plan:
            return False
        self._plans[plan.chassis] = plan
        return True
