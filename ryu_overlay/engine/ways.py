"""For routers whose answers stand for paths: the way that an answer from the controller has to go before it is given.

Asked for each packet, and whoever sends packets chooses what they say. So what is remembered is what was found of routers, ports
and switches, each when it is first asked for, and never what was asked: packets can neither fill the memory nor pass it by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ryu_overlay.engine.engine import Engine
from ryu_overlay.fabric.placement import NOWHERE, Fabric, Spot
from ryu_overlay.fabric.ways import (
    HERE,
    Ahead,
    Beyond,
    Way,
    ahead,
    beyond,
    ends_here,
    ports_by_address,
    to_destination,
    to_interface,
)
from ryu_overlay.model.external import port_addresses
from ryu_overlay.model.nearest import Address, addresses_of, nearest
from ryu_overlay.model.network import Network, RouterView, SwitchView
from ryu_overlay.model.objects import Ref, Router, RouterPort
from ryu_overlay.oam.responder import Asked, Path


@dataclass(frozen=True, slots=True)
class _Own:
    """What a router has: its ports by each address that stands for them, and the addresses of its uplink and of all others."""

    ports: Mapping[int, RouterPort]
    uplink: tuple[Address, ...]
    inside: tuple[Address, ...]


class Ways:
    """Answers `path_of` for the responder."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._network, self._fabric = Network(), Fabric()
        # Of the network, by key of router or port, and by switch with the view that it was made from.
        self._own: dict[int, _Own] = {}
        self._beyond: dict[int, Beyond] = {}
        self._ports: dict[Ref, tuple[SwitchView, Mapping[int, int]]] = {}
        # Of the fabric too, by chassis, and key or OpenFlow port.
        self._interfaces: dict[tuple[str, int], Way] = {}
        self._ahead: dict[tuple[str, int], Ahead | None] = {}
        self._nearby: dict[tuple[str, int], tuple[Address, ...]] = {}

    def path_of(self, asked: Asked) -> Path | None:
        """What the answer to a packet stands for; None if it is given where the packet is."""
        self._keep_up()
        network, bridge = self._network, self._engine.bridges.by_dpid(asked.dpid)
        router, in_port = network.by_key.get(asked.router), network.by_key.get(asked.in_port)
        if bridge is None or not isinstance(router, Router) or not isinstance(in_port, RouterPort):
            return None
        here, view = bridge.chassis, network.router_views[router.ref]
        if router.key not in self._own:
            self._own[router.key] = _own(view)
        own = self._own[router.key]
        way = self._way(view, in_port, own, asked.destination, here)
        if way == HERE:
            return None
        if way.chassis is not None:
            return Path(self._fabric.tunnels.get(here, {}).get(way.chassis), router.without_path == "silent", None)
        return Path(None, router.without_path == "silent", self._near(here, asked, own))

    def _keep_up(self) -> None:
        """Forget what was made of what has changed since."""
        network, fabric = self._engine.network, self._engine.fabric
        if network is self._network and fabric is self._fabric:
            return
        if network is not self._network:
            self._own.clear()
            self._beyond.clear()
            self._ports = {ref: kept for ref, kept in self._ports.items() if network.switch_views.get(ref) is kept[0]}
        self._interfaces.clear()
        self._ahead.clear()
        self._nearby.clear()
        self._network, self._fabric = network, fabric

    def _way(self, view: RouterView, in_port: RouterPort, own: _Own, destination: int, here: str) -> Way:
        port = own.ports.get(destination)
        if port is not None:
            if (here, port.key) not in self._interfaces:
                self._interfaces[here, port.key] = to_interface(self._network, self._fabric, view, port, here)
            return self._interfaces[here, port.key]
        if (here, in_port.key) not in self._ahead:
            self._ahead[here, in_port.key] = self._look_ahead(view, in_port, here)
        known = self._ahead[here, in_port.key]
        return HERE if known is None else to_destination(self._fabric, known, self._ports_of, destination, here)

    def _look_ahead(self, view: RouterView, in_port: RouterPort, here: str) -> Ahead | None:
        """None where it ends here."""
        if ends_here(self._fabric, in_port, here):
            return None
        if in_port.key not in self._beyond:
            self._beyond[in_port.key] = beyond(self._network, view, in_port)
        return ahead(self._network, self._fabric, view, in_port, self._beyond[in_port.key], here)

    def _ports_of(self, view: SwitchView) -> Mapping[int, int]:
        ref = view.switch.ref
        if ref not in self._ports:
            self._ports[ref] = view, ports_by_address(view)
        return self._ports[ref][1]

    def _near(self, here: str, asked: Asked, own: _Own) -> int | None:
        """The router address that the sender has before it: on its own switch, or at the uplink that it came in by.

        What came by a tunnel is from inside and for the uplink: then it is an address of another port of the router, of the one
        that has the sender in its subnet if there is one.
        """
        if (here, asked.came_by) not in self._nearby:
            self._nearby[here, asked.came_by] = self._on_switch_of(here, asked.came_by)
        near = self._nearby[here, asked.came_by]
        if not near and asked.came_by in self._fabric.physical.get(here, {}).values():
            near = own.uplink
        if not near:
            near = tuple(address for address in own.inside if address[0] != asked.destination)
        return nearest(near, asked.source)

    def _on_switch_of(self, here: str, ofport: int) -> tuple[Address, ...]:
        """The addresses of router ports on the switch of the port that is bound to an OpenFlow port."""
        facts, network, placements = self._engine.facts.get(here), self._network, self._fabric.placements
        vifs = () if facts is None else facts.vifs.values()
        claimed = [network.find_port(vif.iface_id) for vif in vifs if vif.ofport == ofport]
        for port in (port for port in claimed if port is not None):
            ref = port.tenant, port.switch
            if placements.get(ref, NOWHERE).spots.get(port.key) == Spot(here, ofport):
                return addresses_of(network.switch_views[ref].router_ports)
        return ()


def _own(view: RouterView) -> _Own:
    ports = {int(address): port for port in view.ports for address in port_addresses(view, port)}
    uplinks = [port for port in view.ports if port.external is not None]
    inside = [port for port in view.ports if port.external is None]
    return _Own(ports, addresses_of(uplinks), addresses_of(inside))
