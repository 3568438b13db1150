"""What is measured for routers whose answers stand for paths: who hears whom, and whether upstream routers are heard.

1. Chassis that do not hear each other: their tunnels' continuity checks say so.
2. A gateway whose port to the physical network has no carrier reaches nobody upstream.
3. The upstream router of each uplink of such a router is asked by ARP at every beat, from the gateway that carries the uplink.
   Silent for `MISSES` of them it is not reached; at its first word it is again. One that was never heard from there, as after
   a start of the controller, has the time of two beats.

Without such routers nothing is asked. Beats are counted, not seconds: a controller that was late has not asked either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import ArpHeard, Send
from ryu_overlay.engine.outside import to_wire
from ryu_overlay.engine.uplinks import Uplinks
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import ExternalNetwork, RouterPort
from ryu_overlay.oam import arp

BEAT = 0.4
"""Seconds from beat to beat."""
MISSES = 3
_AT_FIRST = 2
"""The same of one that was never heard."""
_NOBODY: Mapping[str, frozenset[str]] = MappingProxyType({})
Upstream = tuple[str, str]
"""A chassis, and the external network whose gateway it asks for."""


class Paths:
    """Signs of whether ways work. `watched` says whether anybody's answers depend on them."""

    def __init__(self, bridges: Bridges, uplinks: Uplinks) -> None:
        self._bridges = bridges
        self._uplinks = uplinks
        self._missed: dict[Upstream, int] = {}
        self._network = Network()
        self._watched: tuple[RouterPort, ...] | None = None

    def watched(self, network: Network) -> bool:
        """Whether a router's answers stand for paths."""
        return self._ports(network) is not None

    def beat(self, network: Network) -> tuple[bool, list[Send]]:
        """Whether an upstream router has fallen silent, and what asks all of them once more."""
        asked = dict(self._questions(network))
        before = self.unheard
        self._missed = {upstream: self._missed.get(upstream, MISSES - _AT_FIRST - 1) + 1 for upstream in asked}
        return self.unheard != before, [asked[upstream] for upstream in asked]

    def heard(self, event: ArpHeard, network: Network) -> bool:
        """A bridge heard somebody on an external network. Whether it is an upstream router that was silent."""
        if not self._missed:
            return False
        external, said = network.by_key.get(event.network), arp.parse(event.frame)
        bridge = self._bridges.by_dpid(event.dpid)
        if not isinstance(external, ExternalNetwork) or bridge is None or said is None or said.spa != external.gateway:
            return False
        missed = self._missed.get((bridge.chassis, external.name))
        if missed is None:
            return False
        self._missed[bridge.chassis, external.name] = -1
        return missed >= MISSES

    @property
    def unheard(self) -> frozenset[Upstream]:
        """Upstream routers that were asked for, and are silent."""
        return frozenset(upstream for upstream, missed in self._missed.items() if missed >= MISSES)

    def silent(self, network: Network, facts: Mapping[str, ChassisFacts]) -> frozenset[Upstream]:
        """Where nobody upstream is reached: for `Fabric.silent`."""
        if not self.watched(network):
            self._missed.clear()
            return frozenset()
        cut = (
            (name, external.name)
            for external in network.tables["external_network"].values()
            for name, facts_of in facts.items()
            if external.physical_network in facts_of.patches and not facts_of.patches[external.physical_network].up
        )
        return frozenset(cut) | self.unheard

    def deaf(
        self, network: Network, facts: Mapping[str, ChassisFacts], addresses: Mapping[str, IPv4Address]
    ) -> Mapping[str, frozenset[str]]:
        """Who does not hear whom, both ways: for `Fabric.deaf`."""
        if not self.watched(network):
            return _NOBODY
        names = {address: name for name, address in addresses.items()}
        found: dict[str, set[str]] = {}
        for name, of in facts.items():
            for address, port in of.tunnels.items():
                if not port.up and address in names:
                    found.setdefault(name, set()).add(names[address])
                    found.setdefault(names[address], set()).add(name)
        return {name: frozenset(peers) for name, peers in found.items()}

    def _ports(self, network: Network) -> tuple[RouterPort, ...] | None:
        """The uplinks of routers whose answers stand for paths; None if there is no such router."""
        if network.tables["router"] is not self._network.tables["router"] or network.views is not self._network.views:
            views = [view for view in network.router_views.values() if view.router.answers == "path"]
            self._watched = tuple(view.uplink for view in views if view.uplink is not None) if views else None
            self._network = network
        return self._watched

    def _questions(self, network: Network) -> Iterator[tuple[Upstream, Send]]:
        for uplink in self._ports(network) or ():
            external = network.tables["external_network"].get((uplink.external or "",))
            chassis = next(iter(self._uplinks.gateways.get(uplink.ref, ())), None)
            bridge = None if chassis is None else self._bridges.of(chassis)
            if external is None or external.gateway is None or bridge is None or chassis is None or not uplink.addresses:
                continue
            if external.physical_network in self._uplinks.physical.get(chassis, {}):
                frame = arp.request(uplink.mac, uplink.addresses[0].ip, external.gateway)
                yield (chassis, external.name), to_wire(bridge.dpid, external.key, frame)
