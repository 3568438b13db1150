"""Where a router's interface "is", and whether the way there works: what an answer stands for where a router's policy is `path`.

A router is on every chassis that its networks reach, so an interface is where the traffic that enters by it goes on to:

1. An interface on a switch that has a port here is here.
2. One on a switch with ports elsewhere only is on those chassis: the first to which the way works stands for all.
3. One that leads to another router, or to a switch without any bound port, is on the chassis behind its router, seen from it.
4. An uplink is on the gateway that carries it, while that hears the external network's gateway.

Pure: the network, what is bound where, and what was measured come in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from ryu_overlay.fabric.placement import NOWHERE, Device, Fabric
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import Ref, RouterPort


@dataclass(frozen=True, slots=True)
class Way:
    """The way from one chassis. `chassis` is where it leads: None if it ends here, or nowhere (`works` says which)."""

    works: bool
    chassis: str | None = None


_Queue = list[tuple[RouterView, RouterPort]]
HERE = Way(True)
BROKEN = Way(False)


@dataclass(slots=True)
class Beyond:
    """What packets can get to: switches and uplinks, each by ref."""

    switches: dict[Ref, None] = field(default_factory=dict)
    uplinks: dict[Ref, None] = field(default_factory=dict)


def to_interface(network: Network, fabric: Fabric, view: RouterView, port: RouterPort, here: str) -> Way:
    """The way from the chassis `here` to where a port of the router is."""
    if port.external is not None:
        return _to_uplink(fabric, port, here)
    on_switch = {} if port.switch is None else fabric.placements.get((port.tenant, port.switch), NOWHERE).spots
    if on_switch:
        return _to_any(fabric, {spot.chassis for spot in on_switch.values()}, here)
    return _behind(fabric, beyond(network, view, port), here)


def to_destination(
    network: Network, fabric: Fabric, view: RouterView, port: RouterPort, destination: IPv4Address, here: str
) -> Way:
    """The way on from here of what came into the router by `port`, to a destination: by what is bound, without routes.

    Where nothing with that address is known, it is the way to where `port` itself is.
    """
    on_here = {} if port.switch is None else fabric.placements.get((port.tenant, port.switch), NOWHERE).spots
    if any(spot.chassis == here for spot in on_here.values()) or port.external is not None:
        return HERE
    found = beyond(network, view, port)
    for ref in found.switches:
        for candidate in network.switch_views[ref].ports:
            spot = fabric.placements.get(ref, NOWHERE).spots.get(candidate.key)
            if destination in candidate.addresses and spot is not None:
                return _to_any(fabric, {spot.chassis}, here)
    inside = any(destination in net for ref in found.switches for net in network.switch_views[ref].switch.subnets)
    if not inside and found.uplinks:
        ways = (_to_uplink(fabric, network.tables["router_port"][ref], here) for ref in found.uplinks)
        return next((way for way in ways if way.works), BROKEN)
    return to_interface(network, fabric, view, port, here)


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
                found.uplinks[out.ref] = None
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
    found.switches[ref] = None
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
