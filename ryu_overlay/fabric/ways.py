"""Where a router's interface "is", and whether the way there works: what an answer stands for where a router's policy is `path`.

A router is on every chassis that its networks reach, so an interface is where the traffic that enters by it goes on to:

1. An interface on a switch that has a port here is here.
2. One on a switch with ports elsewhere only is on those chassis: the first to which the way works stands for all.
3. One that leads to another router, or to a switch without any bound port, is on the chassis behind its router, seen from it.
4. An uplink is on the gateway that carries it, while that hears the external network's gateway.

Pure: the network, what is bound where, and what was measured come in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ryu_overlay.fabric.placement import NOWHERE, Device, Fabric
from ryu_overlay.model.network import Network, RouterView, SwitchView
from ryu_overlay.model.objects import Ref, RouterPort


@dataclass(frozen=True, slots=True)
class Way:
    """The way from one chassis. `chassis` is where it leads: None if it ends here, or nowhere (`works` says which)."""

    works: bool
    chassis: str | None = None


_Queue = list[tuple[RouterView, RouterPort]]
HERE = Way(True)
BROKEN = Way(False)


@dataclass
class Beyond:
    """What packets can get to: switches and uplinks, each by ref, in the order in which they are met."""

    switches: dict[Ref, SwitchView] = field(default_factory=dict)
    uplinks: dict[Ref, RouterPort] = field(default_factory=dict)

    def holding(self, address: int) -> list[SwitchView]:
        """The switches that an IPv4 address may be on, in order: those with a subnet that holds it, and those without subnets."""
        found = sorted(n for mask, nets in self._by_subnet.items() for n in nets.get(address & mask, ()))
        return [self._in_order[n] for n in found]

    @cached_property
    def _in_order(self) -> tuple[SwitchView, ...]:
        return tuple(self.switches.values())

    @cached_property
    def _by_subnet(self) -> dict[int, dict[int, list[int]]]:
        """By netmask and network address, the switches' places in the order; 0 and 0 for one without subnets."""
        found: dict[int, dict[int, list[int]]] = {}
        for number, view in enumerate(self._in_order):
            subnets = [(int(net.netmask), int(net.network_address)) for net in view.switch.subnets]
            for mask, address in subnets or [(0, 0)]:
                found.setdefault(mask, {}).setdefault(address, []).append(number)
        return found


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is ahead, on one chassis, of what came into a router by a port: the same whatever the destination.

    `outside` is the way to the uplinks beyond, None if there are none; `port` the one to where the port itself is.
    """

    beyond: Beyond
    outside: Way | None
    port: Way


Ports = Callable[[SwitchView], Mapping[int, int]]
"""`ports_by_address`, or what remembers it."""


def to_interface(network: Network, fabric: Fabric, view: RouterView, port: RouterPort, here: str) -> Way:
    """The way from the chassis `here` to where a port of the router is."""
    if port.external is not None:
        return _to_uplink(fabric, port, here)
    on_switch = {} if port.switch is None else fabric.placements.get((port.tenant, port.switch), NOWHERE).spots
    if on_switch:
        return _to_any(fabric, {spot.chassis for spot in on_switch.values()}, here)
    return _behind(fabric, beyond(network, view, port), here)


def ends_here(fabric: Fabric, port: RouterPort, here: str) -> bool:
    """Whether what came into a router by `port` stands for no way on from here, whatever its destination."""
    on_here = {} if port.switch is None else fabric.placements.get((port.tenant, port.switch), NOWHERE).spots
    return port.external is not None or any(spot.chassis == here for spot in on_here.values())


def ahead(network: Network, fabric: Fabric, view: RouterView, port: RouterPort, found: Beyond, here: str) -> Ahead:
    """What is ahead of `port`, where it does not end here. `found` is what is `beyond` it."""
    ways = (_to_uplink(fabric, uplink, here) for uplink in found.uplinks.values())
    outside = next((way for way in ways if way.works), BROKEN) if found.uplinks else None
    return Ahead(found, outside, to_interface(network, fabric, view, port, here))


def to_destination(fabric: Fabric, known: Ahead, ports: Ports, destination: int, here: str) -> Way:
    """The way on from here to a destination, an IPv4 address: by what is bound, without routes.

    Where nothing with that address is known, it is the way to where the port that it came in by is.
    """
    views = known.beyond.holding(destination)
    for view in views:
        key = ports(view).get(destination)
        spot = None if key is None else fabric.placements.get(view.switch.ref, NOWHERE).spots.get(key)
        if spot is not None:
            return _to_any(fabric, {spot.chassis}, here)
    inside = any(view.switch.subnets for view in views)
    return known.port if inside or known.outside is None else known.outside


def ports_by_address(view: SwitchView) -> dict[int, int]:
    """The keys of a switch's ports by IPv4 address."""
    return {int(address): port.key for port in view.ports for address in port.addresses}


def beyond(network: Network, view: RouterView, port: RouterPort) -> Beyond:
    """What is reached from the router without going out by `port`."""
    # The switch that it came from is not beyond, whoever else stands on it.
    found, seen = Beyond(), {("router", view.router.ref), ("switch", (port.tenant, port.switch or ""))}
    queue: _Queue = [(view, port)]
    while queue:
        router, came_by = queue.pop(0)
        for out in router.ports:
            if out is came_by:
                continue
            if out.external is not None:
                found.uplinks[out.ref] = out
            elif out.switch is not None:
                _cross_switch(network, (out.tenant, out.switch), found, seen, queue)
            far = router.peers.get(out.name)
            if far is not None:
                _enter(network, far, seen, queue)
    return found


def _cross_switch(network: Network, ref: Ref, found: Beyond, seen: set[Device], queue: _Queue) -> None:
    view = network.switch_views.get(ref)
    if view is None or ("switch", ref) in seen:
        return
    seen.add(("switch", ref))
    found.switches[ref] = view
    for port in view.router_ports:
        _enter(network, port, seen, queue)


def _enter(network: Network, port: RouterPort, seen: set[Device], queue: _Queue) -> None:
    """Into a router by one of its ports."""
    router = port.tenant, port.router
    if ("router", router) not in seen:
        seen.add(("router", router))
        queue.append((network.router_views[router], port))


def _behind(fabric: Fabric, found: Beyond, here: str) -> Way:
    """To any chassis that has something of `found`. Where there is nothing, nothing can be broken."""
    chassis = {c for ref in found.switches for c in fabric.placements.get(ref, NOWHERE).chassis}
    chassis |= {order[0] for ref in found.uplinks if (order := fabric.gateways.get(ref))}
    return _to_any(fabric, chassis, here) if chassis else HERE


def _to_uplink(fabric: Fabric, port: RouterPort, here: str) -> Way:
    order = fabric.gateways.get(port.ref, ())
    if not order or (order[0], port.external) in fabric.silent:
        return BROKEN
    return _to_any(fabric, {order[0]}, here)


def _to_any(fabric: Fabric, chassis: Collection[str], here: str) -> Way:
    if here in chassis:
        return HERE
    ready, deaf = fabric.tunnels.get(here, {}), fabric.deaf.get(here, frozenset())
    return next((Way(True, name) for name in sorted(chassis) if name in ready and name not in deaf), BROKEN)
