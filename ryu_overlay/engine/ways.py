"""For routers whose answers stand for paths: the way that an answer from the controller has to go before it is given.

Asked for each packet, so what was found is kept while neither the network nor the fabric changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ryu_overlay.engine.engine import Engine
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.fabric.ways import HERE, to_destination, to_interface
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import Ref, Router, RouterPort
from ryu_overlay.oam.responder import Asked, Path

_KEPT_AT_MOST = 10_000


class Ways:
    """Answers `path_of` for the responder."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[Asked, Path | None] = {}
        self._switches: dict[tuple[str, int], Ref] = {}
        self._for: tuple[Network, Fabric] | None = None

    def path_of(self, asked: Asked) -> Path | None:
        """What the answer to a packet stands for; None if it is given where the packet is."""
        engine = self._engine
        if self._for is None or self._for[0] is not engine.network or self._for[1] is not engine.fabric:
            self._for = engine.network, engine.fabric
            self._known.clear()
            self._switches.clear()
        if asked not in self._known:
            if len(self._known) >= _KEPT_AT_MOST:
                self._known.clear()
            self._known[asked] = self._find(asked)
        return self._known[asked]

    def _find(self, asked: Asked) -> Path | None:
        network, fabric = self._engine.network, self._engine.fabric
        bridge = self._engine.bridges.by_dpid(asked.dpid)
        router, in_port = network.by_key.get(asked.router), network.by_key.get(asked.in_port)
        if bridge is None or not isinstance(router, Router) or not isinstance(in_port, RouterPort):
            return None
        here, view, to = bridge.chassis, network.router_views[router.ref], IPv4Address(asked.destination)
        own = _port_with(view, to)
        if own is not None:
            way = to_interface(network, fabric, view, own, here)
        else:
            way = to_destination(network, fabric, view, in_port, to, here)
        if way == HERE:
            return None
        ofport = None if way.chassis is None else fabric.tunnels.get(here, {}).get(way.chassis)
        near = next(self._near(here, asked, view), None)
        return Path(ofport, router.without_path == "silent", near)

    def _near(self, here: str, asked: Asked, view: RouterView) -> Iterator[int]:
        """Addresses of the router that the sender has before it: on its own switch, or at the uplink that it came in by."""
        network, fabric = self._engine.network, self._engine.fabric
        if not self._switches:
            for ref, placement in fabric.placements.items():
                for spot in placement.spots.values():
                    if spot.ofport is not None:
                        self._switches[spot.chassis, spot.ofport] = ref
        view_of = network.switch_views.get(self._switches.get((here, asked.came_by), ()))
        ports = () if view_of is None else view_of.router_ports
        addresses = [address for port in ports for address in port.addresses]
        sender = IPv4Address(asked.source)
        yield from (int(address.ip) for address in addresses if sender in address.network)
        yield from (int(address.ip) for address in addresses)
        if asked.came_by in fabric.physical.get(here, {}).values() and view.uplink is not None:
            yield from (int(address.ip) for address in view.uplink.addresses)


def _port_with(view: RouterView, address: IPv4Address) -> RouterPort | None:
    return next((port for port in view.ports if any(address == own.ip for own in port.addresses)), None)
