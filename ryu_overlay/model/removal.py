"""Taking an object away: what stands in the way, and what goes with it when told to cascade.

A cascade takes what hangs under the object, what is attached to it, and what cannot be without it. It reaches no further than
it must: a route keeps the next hops it can still reach and goes with the last, a source NAT likewise keeps the prefixes that
are still inside; a far router's port that named a deleted one as its peer stays, with no peer, because nobody asked for that
router to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from ryu_overlay.model.check_routes import connected
from ryu_overlay.model.inside import inside_networks
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import (
    ExternalNetwork,
    LoadBalancer,
    Object,
    Port,
    Ref,
    Route,
    Router,
    RouterPort,
    Switch,
    Tenant,
)
from ryu_overlay.model.problems import describe, describe_fully


def in_the_way(network: Network, obj: Object) -> Iterator[str]:
    """Why `obj` is in use, a sentence for each thing that uses it."""
    for child in network.children(obj):
        yield f"{describe(child)} is in it"
    if isinstance(obj, Switch):
        for port in network.switch_views[obj.ref].router_ports:
            yield f"{describe(port)} is attached to it"
    if isinstance(obj, (Switch, Router)):
        for balancer in _balancers_on(network, obj):
            yield f"{describe(balancer)} is on it"
    elif isinstance(obj, ExternalNetwork):
        for port in network.uplinks(obj.ref):
            yield f"{describe_fully(port)} is an uplink into it"
    elif isinstance(obj, Port):
        for user in network.users(obj):
            yield f"{describe(user)} uses it"
    elif isinstance(obj, (RouterPort, Route)):
        yield from _depending(network, obj)


def _depending(network: Network, obj: RouterPort | Route) -> Iterator[str]:
    """What needs a part of a router: found by trying what would go with it."""
    if isinstance(obj, RouterPort):
        yield from _linked(network, obj)
    draft = Draft(network)
    take_away(draft, obj)
    for kind, ref in draft.touched:
        if kind in ("snat", "floating_ip", "load_balancer"):
            yield f"{describe(network.tables[kind][ref])} needs it"


def _linked(network: Network, port: RouterPort) -> Iterator[str]:
    """The peer and the routes that use a router port."""
    view = network.router_views[port.tenant, port.router]
    far = view.peers.get(port.name)
    if far is not None and far.peer == (port.router, port.name):
        yield f"{describe(far)} has it as its peer"
    own = connected([port])
    for route in view.routes:
        hop = next((h for h in route.nexthops if own.find(int(h)) is not None), None)
        if hop is not None:
            yield f"{describe(route)} goes out of it to {hop}"


def take_away(draft: Draft, obj: Object) -> None:
    """Delete `obj` from the draft with everything that cannot be without it. Does nothing if it is gone from there already."""
    if draft.get(obj.kind, obj.ref) is None:
        return
    base = draft.base
    if isinstance(obj, Router):
        _take_router(draft, obj)
    elif isinstance(obj, RouterPort):
        _trim_routes(draft, obj)
        _take_router_port(draft, obj)
        _trim_translations(draft, obj)
    elif isinstance(obj, Route):
        draft.delete(obj)
        _keep_inside(draft, (obj.tenant, obj.router))
    else:
        for child in _in_order(base, obj):
            take_away(draft, child)
        draft.delete(obj)


def _in_order(base: Network, obj: Object) -> list[Object]:
    """What goes with an object, in the order in which least is changed only to go later."""
    children = list(base.children(obj))
    if isinstance(obj, Tenant):
        return sorted(children, key=lambda child: ("router", "load_balancer", "switch").index(child.kind))
    if isinstance(obj, Switch):
        return [*_balancers_on(base, obj), *children, *base.switch_views[obj.ref].router_ports]
    if isinstance(obj, Port):
        return [*base.users(obj)]
    if isinstance(obj, ExternalNetwork):
        return [*base.uplinks(obj.ref)]
    return children


def _balancers_on(network: Network, place: Switch | Router) -> tuple[LoadBalancer, ...]:
    return network.views.groups.get((f"on_{place.kind}", place.ref), ())


def _take_router(draft: Draft, router: Router) -> None:
    for balancer in _balancers_on(draft.base, router):
        take_away(draft, balancer)
    for child in draft.base.children(router):
        if isinstance(child, RouterPort):
            _take_router_port(draft, child)
        else:
            draft.delete(child)
    draft.delete(router)


def _take_router_port(draft: Draft, port: RouterPort) -> None:
    far = draft.base.router_views[port.tenant, port.router].peers.get(port.name)
    standing: RouterPort | None = None if far is None else draft.get("router_port", far.ref)
    if standing is not None and standing.peer == (port.router, port.name):
        draft.put(replace(standing, peer=None))
    draft.delete(port)


def _trim_routes(draft: Draft, port: RouterPort) -> None:
    """Take from the routes of `port`'s router the next hops that only `port` reaches."""
    lost = connected([port])
    for settled in draft.base.router_views[port.tenant, port.router].routes:
        route: Route | None = draft.get("route", settled.ref)
        if route is None:
            continue
        hops = tuple(hop for hop in route.nexthops if lost.find(int(hop)) is None)
        if not hops:
            draft.delete(route)
        elif len(hops) < len(route.nexthops):
            draft.put(replace(route, nexthops=hops))


def _trim_translations(draft: Draft, port: RouterPort) -> None:
    """With an uplink goes all that translates at it; with another port what it alone had inside."""
    router = port.tenant, port.router
    if port.external is None:
        _keep_inside(draft, router)
        return
    groups, external = draft.base.views.groups, draft.base.tables["external_network"].get((port.external,))
    for translation in (*groups.get(("snat", router), ()), *groups.get(("floating_ip", router), ())):
        take_away(draft, translation)
    for balancer in groups.get(("on_router", router), ()):
        if external is not None and balancer.vip in external.subnet:
            take_away(draft, balancer)


def _keep_inside(draft: Draft, router: Ref) -> None:
    """Take from a router's source NATs and floating IPs what stands for addresses it no longer has inside."""
    view = draft.base.router_views[router]
    ports = [port for p in view.ports if (port := draft.get("router_port", p.ref)) is not None]
    routes = [route for r in view.routes if (route := draft.get("route", r.ref)) is not None]
    inside = inside_networks(ports, routes)
    for settled in view.snats:
        snat = draft.get("snat", settled.ref)
        if snat is None:
            continue
        prefixes = tuple(prefix for prefix in snat.prefixes if any(prefix.overlaps(network) for network in inside))
        if not prefixes:
            draft.delete(snat)
        elif prefixes != snat.prefixes:
            draft.put(replace(snat, prefixes=prefixes))
    for floating_ip, port in view.floating_ips:
        address: IPv4Address | None = floating_ip.inside or next(iter(port.addresses), None)
        if address is None or not any(address in network for network in inside):
            take_away(draft, floating_ip)
