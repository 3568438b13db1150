"""Objects as documents: the shape REST and `overlayctl export` give and `apply` takes, without read-only fields.

What a document leaves out (what a router port is not attached to) has its default, so that putting an object's own
document changes nothing. Ranges are strings, FIRST-LAST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import (
    ExternalNetwork,
    FloatingIp,
    LoadBalancer,
    Member,
    Object,
    Port,
    Route,
    Router,
    RouterPort,
    Snat,
    Switch,
    Tenant,
)


def to_document(network: Network, obj: Object) -> dict[str, Any]:
    """`obj`, which is in `network`, with everything under it, made of strings, numbers, booleans, lists, dicts and None.

    Members of collections are in order of name. Raises KeyError if a switch or router is not in `network`.
    """
    return _WRITERS[obj.kind](network, obj)


def _listed(network: Network, obj: Object, kind: str) -> list[dict[str, Any]]:
    """The documents of what stands under `obj` and is of `kind`."""
    return [to_document(network, child) for child in network.children(obj) if child.kind == kind]


def _tenant(network: Network, tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "description": tenant.description,
        "switches": _listed(network, tenant, "switch"),
        "routers": _listed(network, tenant, "router"),
        "load_balancers": _listed(network, tenant, "load_balancer"),
    }


def _external_network(_: Network, external: ExternalNetwork) -> dict[str, Any]:
    return {
        "name": external.name,
        "physical_network": external.physical_network,
        "vlan": external.vlan,
        "subnet": str(external.subnet),
        "gateway": _text(external.gateway),
        "pools": [_range(pool) for pool in external.pools],
        "mtu": external.mtu,
    }


def _switch(network: Network, switch: Switch) -> dict[str, Any]:
    return {
        "name": switch.name,
        "subnets": [str(subnet) for subnet in switch.subnets],
        "vni": switch.vni,
        "ports": _listed(network, switch, "port"),
    }


def _port(_: Network, port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "mac": port.mac,
        "addresses": [str(address) for address in port.addresses],
        "port_security": port.port_security,
        "enabled": port.enabled,
    }


def _router(network: Network, router: Router) -> dict[str, Any]:
    return {
        "name": router.name,
        "answers": router.answers,
        "without_path": router.without_path,
        "ports": _listed(network, router, "router_port"),
        "routes": _listed(network, router, "route"),
        "snats": _listed(network, router, "snat"),
        "floating_ips": _listed(network, router, "floating_ip"),
    }


def _router_port(_: Network, port: RouterPort) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": port.name,
        "mac": port.mac,
        "addresses": [str(interface) for interface in port.addresses],
    }
    if port.switch is not None:
        document["switch"] = port.switch
    if port.peer is not None:
        document["peer"] = "/".join(port.peer)
    if port.external is not None:
        document |= {"external": port.external, "gateways": list(port.gateways), "preempt": port.preempt}
    return document


def _route(_: Network, route: Route) -> dict[str, Any]:
    return {"prefix": str(route.prefix), "nexthops": [str(hop) for hop in route.nexthops]}


def _snat(_: Network, snat: Snat) -> dict[str, Any]:
    return {
        "name": snat.name,
        "prefixes": [str(prefix) for prefix in snat.prefixes],
        "addresses": [str(address) for address in snat.addresses],
        "ports": None if snat.ports is None else _range(snat.ports),
    }


def _floating_ip(_: Network, floating_ip: FloatingIp) -> dict[str, Any]:
    return {
        "name": floating_ip.name,
        "address": str(floating_ip.address),
        "mac": floating_ip.mac,
        "port": floating_ip.port,
        "inside": _text(floating_ip.inside),
        "distributed": floating_ip.distributed,
    }


def _load_balancer(network: Network, balancer: LoadBalancer) -> dict[str, Any]:
    same = ("port", "protocol", "mac", "router", "switch", "check", "path", "interval", "timeout", "rise", "fall")
    return {
        "name": balancer.name,
        "vip": str(balancer.vip),
        **{field: getattr(balancer, field) for field in same},
        "members": _listed(network, balancer, "member"),
    }


def _member(_: Network, member: Member) -> dict[str, Any]:
    return {field: getattr(member, field) for field in ("name", "port", "number", "weight", "drained")}


def _text(value: Any | None) -> str | None:
    return None if value is None else str(value)


def _range(pair: tuple[Any, Any]) -> str:
    return f"{pair[0]}-{pair[1]}"


_WRITERS: Mapping[str, Callable[[Network, Any], dict[str, Any]]] = {
    "tenant": _tenant,
    "external_network": _external_network,
    "switch": _switch,
    "port": _port,
    "router": _router,
    "router_port": _router_port,
    "route": _route,
    "snat": _snat,
    "floating_ip": _floating_ip,
    "load_balancer": _load_balancer,
    "member": _member,
}
