"""Taking an object away: what stands in the way, and what goes with it when told to cascade.

A cascade takes what hangs under the object and the router ports attached to a switch. It reaches no further than it
must: a route keeps the next hops it can still reach and goes with the last; a far router's port that named a deleted one
as its peer stays, with no peer, because nobody asked for that router to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ryu_overlay.model.check_routes import connected
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Route, Router, RouterPort, Switch
from ryu_overlay.model.problems import describe


def in_the_way(network: Network, obj: Object) -> Iterator[str]:
    """Why `obj` is in use, a sentence for each thing that uses it."""
    for child in network.children(obj):
        yield f"{describe(child)} is in it"
    if isinstance(obj, Switch):
        for port in network.switch_views[obj.ref].router_ports:
            yield f"{describe(port)} is attached to it"
    elif isinstance(obj, RouterPort):
        view = network.router_views[obj.tenant, obj.router]
        far = view.peers.get(obj.name)
        if far is not None and far.peer == (obj.router, obj.name):
            yield f"{describe(far)} has it as its peer"
        own = connected([obj])
        for route in view.routes:
            hop = next((h for h in route.nexthops if own.find(int(h)) is not None), None)
            if hop is not None:
                yield f"{describe(route)} goes out of it to {hop}"


def take_away(draft: Draft, obj: Object) -> None:
    """Delete `obj` from the draft with everything that cannot be without it."""
    base = draft.base
    if isinstance(obj, RouterPort):
        _trim_routes(draft, obj)
        _take_router_port(draft, obj)
        return
    if isinstance(obj, Router):
        view = base.router_views[obj.ref]
        for route in view.routes:
            draft.delete(route)
        for port in view.ports:
            _take_router_port(draft, port)
    else:
        # Routers first: a switch of the same tenant would otherwise trim their routes one by one before they go.
        for child in sorted(base.children(obj), key=lambda c: not isinstance(c, Router)):
            take_away(draft, child)
    if isinstance(obj, Switch):
        for port in base.switch_views[obj.ref].router_ports:
            if draft.get("router_port", port.ref) is not None:
                take_away(draft, port)
    draft.delete(obj)


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
