"""Objects as documents: the shape REST and `overlayctl export` give and `apply` takes, without read-only fields.

What a document leaves out (a router port with neither switch nor peer) has its default, so that putting an object's own
document changes nothing.
"""

from __future__ import annotations

from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant


def to_document(network: Network, obj: Object) -> dict[str, Any]:
    """`obj`, which is in `network`, with everything under it, made of strings, numbers, booleans, lists and dicts.

    Members of collections are in order of name. Raises KeyError if a switch or router is not in `network`.
    """
    if isinstance(obj, Tenant):
        return _tenant(network, obj)
    if isinstance(obj, Switch):
        return _switch(network, obj)
    if isinstance(obj, Port):
        return _port(obj)
    if isinstance(obj, Router):
        return _router(network, obj)
    return _router_port(obj) if isinstance(obj, RouterPort) else _route(obj)


def _tenant(network: Network, tenant: Tenant) -> dict[str, Any]:
    children = sorted(network.children(tenant), key=lambda child: child.ref)
    return {
        "name": tenant.name,
        "description": tenant.description,
        "switches": [_switch(network, child) for child in children if isinstance(child, Switch)],
        "routers": [_router(network, child) for child in children if isinstance(child, Router)],
    }


def _switch(network: Network, switch: Switch) -> dict[str, Any]:
    return {
        "name": switch.name,
        "subnets": [str(subnet) for subnet in switch.subnets],
        "vni": switch.vni,
        "ports": [_port(port) for port in network.switch_views[switch.ref].ports],
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "mac": port.mac,
        "addresses": [str(address) for address in port.addresses],
        "port_security": port.port_security,
        "enabled": port.enabled,
    }


def _router(network: Network, router: Router) -> dict[str, Any]:
    view = network.router_views[router.ref]
    return {
        "name": router.name,
        "ports": [_router_port(port) for port in view.ports],
        "routes": [_route(route) for route in view.routes],
    }


def _router_port(port: RouterPort) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": port.name,
        "mac": port.mac,
        "addresses": [str(interface) for interface in port.addresses],
    }
    if port.switch is not None:
        document["switch"] = port.switch
    if port.peer is not None:
        document["peer"] = "/".join(port.peer)
    return document


def _route(route: Route) -> dict[str, Any]:
    return {"prefix": str(route.prefix), "nexthops": [str(hop) for hop in route.nexthops]}
