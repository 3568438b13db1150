"""Where a probe gets into a bridge: as from one of its ports, or as a router's own.

Raises `Unable` where it cannot, because nothing is bound, mapped or connected there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ryu_overlay.fabric.placement import components, reach
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.walk_values import Ip
from ryu_overlay.oam.launch import from_port, from_router
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.world import Unable, World


@dataclass(frozen=True, slots=True)
class Door:
    """One of a chassis: the OpenFlow port `ofport`, or the router with the key `router`. `outside`: what that makes has an
    external address of its own, and leaves as it is."""

    chassis: str
    ofport: int | None = None
    router: int = 0
    outside: bool = False

    def put(self, frame: bytes, deliver: bool = False) -> bytes:
        """The packet-out for a frame."""
        if self.ofport is None:
            return from_router(frame, self.router, outside=self.outside, deliver=deliver)
        return from_port(frame, self.ofport, deliver)


def doors(world: World, start: Start, chassis: str | None = None) -> list[Door]:
    """Where a packet enters; more than one where a wire brings it to all. A router's own may be put in at any `chassis` that the
    router reaches: at the uplink's first gateway, or the first by name, if none is given."""
    if isinstance(start.at, Port):
        return [_of_port(world, start.at)]
    if start.at in world.network.router_views:
        return [_of_router(world, start, start.at, chassis)]
    network = world.network.external_views[start.at].network
    patches = [where for where in world.patches(network.physical_network) if where[0] in world.connected]
    if not patches:
        raise Unable("from", f"no connected chassis maps {network.physical_network}", "not_bound")
    return [Door(*where) for where in patches]


def own_uplink(world: World, start: Start) -> int | None:
    """The key of the uplink by which answers come back to a router that sends from an external address of its own."""
    view = None if isinstance(start.at, Port) else world.network.router_views.get(start.at)
    body = start.packet.body
    if view is None or view.uplink is None or not isinstance(body, Ip) or body.src not in own_addresses(view):
        return None
    return view.uplink.key


def _of_port(world: World, port: Port) -> Door:
    where = world.bound.get(port.name)
    if where is None:
        raise Unable("from", f"port {port.name} is bound on no chassis", "not_bound")
    if where[0] not in world.connected:
        raise Unable("from", f"{where[0]}, where port {port.name} is, is not connected", "chassis_away")
    return Door(*where)


def _of_router(world: World, start: Start, router: Ref, chassis: str | None) -> Door:
    view = world.network.router_views[router]
    reached = _reached(world, view)
    if chassis is not None and chassis not in reached:
        raise Unable("chassis", f"router {'/'.join(router)} does not reach chassis {chassis}", "not_bound")
    candidates = [name for name in ([chassis] if chassis else reached) if name in world.connected]
    if not candidates:
        raise Unable("from", f"router {'/'.join(router)} reaches no connected chassis", "not_bound")
    return Door(candidates[0], None, view.router.key, own_uplink(world, start) is not None)


def _reached(world: World, view: RouterView) -> Sequence[str]:
    """The chassis that have the router's flows: its uplink's gateways first, then all others by name."""
    part = next((p for p in components(world.network) if ("router", view.router.ref) in p), frozenset())
    found = sorted(reach([part], world.placements, world.gateways))
    gateways = () if view.uplink is None else world.gateways.get(view.uplink.ref, ())
    return [*(g for g in gateways if g in found), *(name for name in found if name not in gateways)]
