"""Who is hit, gathered; and what a flow or group does to whom, by the object that it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ryu_overlay.health.faults import Impact
from ryu_overlay.health.rests import NOBODY, Ground, Names, Part, Uplink
from ryu_overlay.model.network import BalancerView
from ryu_overlay.model.objects import (
    ExternalNetwork,
    FloatingIp,
    LoadBalancer,
    Member,
    Port,
    Ref,
    Route,
    Router,
    RouterPort,
    Snat,
    Switch,
    Tenant,
)


class Hits:
    """Who is hit, while it is being found out. Ports are by name."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.routers: set[Ref] = set()
        self.ports: set[str] = set()
        self.floating: set[Ref] = set()

    @property
    def impact(self) -> Impact:
        by_name = self.ground.network.port_by_name
        switches = {by_name[name].ref[:2] for name in self.ports}
        tenants = {ref[0] for ref in (*switches, *self.routers, *self.floating)}
        switches_, routers, floating = (tuple(sorted(map("/".join, refs))) for refs in (switches, self.routers, self.floating))
        return Impact(tuple(sorted(tenants)), switches_, routers, tuple(sorted(self.ports)), floating)

    def parts(self, chassis: str) -> Iterable[Part]:
        return self.ground.parts_on.get(chassis, ())

    def named(self, names: Iterable[str]) -> None:
        """Ports, and whatever floating IPs stand for them."""
        network = self.ground.network
        for name in names:
            self.ports.add(name)
            self.floating |= {u.ref for u in network.users(network.port_by_name[name]) if isinstance(u, FloatingIp)}

    def on(self, part: Part, chassis: str) -> None:
        """All of the part that is on a chassis: ports with their floating IPs, and what is carried or translated there."""
        self.ports |= part.on.get(chassis, NOBODY)
        for uplink in part.uplinks:
            self.routers |= {uplink.router} if uplink.active == chassis else set()
            for ends, refs in uplink.floating.items():
                self.floating |= refs if chassis in ends else set()

    def border(self, uplink: Uplink, chassis: str) -> None:
        """All that crosses an uplink on a chassis."""
        self.ports |= uplink.at_home.get(chassis, NOBODY)
        for (_, at), refs in uplink.floating.items():
            self.floating |= refs if at == chassis else set()
        if uplink.active == chassis:
            self.routers.add(uplink.router)
            self.ports.update(*uplink.behind.values())

    def chassis(self, chassis: str) -> None:
        """All that is on a chassis or crosses a border there."""
        for part in self.parts(chassis):
            self.on(part, chassis)
            for uplink in part.uplinks:
                self.border(uplink, chassis)

    def to_gateway(self, uplink: Uplink, chassis: str) -> None:
        """All on a chassis that needs the gateway, which is another."""
        self.ports |= uplink.behind.get(chassis, NOBODY)
        self.floating |= uplink.floating.get((chassis, uplink.active), frozenset())

    def way_to_gateway(self, uplink: Uplink, chassis: str) -> None:
        """The same where the way between the two is what suffers."""
        if chassis in uplink.behind:
            self.routers.add(uplink.router)
            self.to_gateway(uplink, chassis)

    def answered(self, uplink: Uplink, chassis: str, ports: Names) -> None:
        """Those of the ports on a chassis to whom the gateway, which is another, sends."""
        found = ports & uplink.behind.get(chassis, NOBODY)
        floating_ip = self.ground.network.tables["floating_ip"]
        self.ports |= found
        self.routers |= {uplink.router} if found else set()
        self.floating |= {f for f in uplink.floating.get((chassis, uplink.active), ()) if floating_ip[f].port in found}

    def translated(self, uplink: Uplink, snat: Ref) -> None:
        """The users of a NAT rule."""
        self.routers.add(uplink.router)
        self.ports |= uplink.snats[snat]


def to_ref(name: str) -> Ref:
    """An object's ref as operators spell it. The prefix of a route has a `/` of its own."""
    return tuple(name.split("/", 2))


def hit_by_flow(hits: Hits, chassis: str, text: str) -> None:
    """Who loses by a wrong flow or group on a chassis. `text` is the object that it is for (`switch red/web`), "-" for none."""
    kind, _, name = text.partition(" ")
    kind = kind.replace("-", "_")
    obj = hits.ground.network.get(kind, to_ref(name)) if kind in _OBJECTS else None
    if text == "-":
        hits.chassis(chassis)
    elif obj is not None:
        _OBJECTS[kind](hits, chassis, obj)


def _port(hits: Hits, chassis: str, port: Port) -> None:
    """Where it is, the port itself. Elsewhere what is sent to it: the ports there lose, and so does the port if there are any."""
    place = hits.ground.places.get(port.name)
    if place is None:
        return
    if place.chassis == chassis:
        hits.named([port.name])
        return
    senders = place.part.on.get(chassis, NOBODY)
    hits.ports |= {*senders, port.name} if senders else NOBODY
    for uplink in place.part.uplinks:
        if uplink.active == chassis:
            hits.answered(uplink, place.chassis, frozenset({port.name}))


def _switch(hits: Hits, chassis: str, switch: Switch) -> None:
    hits.named(hits.ground.part_of["switch", switch.ref].members[switch.ref].get(chassis, ()))


def _router(hits: Hits, chassis: str, inside: Router | Route | RouterPort) -> None:
    """The ports there that may be routed by it, and those whom a gateway there may route to by it."""
    part = hits.ground.part_of["router", inside.ref[:2]]
    if part not in hits.parts(chassis):
        return
    hits.routers.add(inside.ref[:2])
    hits.named(part.on.get(chassis, ()))
    for uplink in part.uplinks:
        if uplink.active == chassis:
            hits.ports.update(*uplink.behind.values())
            hits.floating |= uplink.central


def _router_port(hits: Hits, chassis: str, port: RouterPort) -> None:
    uplink = hits.ground.uplinks.get(port.ref)
    if uplink is None:
        _router(hits, chassis, port)
        return
    users = uplink.behind.get(chassis, NOBODY) | uplink.at_home.get(chassis, NOBODY)
    hits.routers |= {uplink.router} if users else set()
    hits.named(users)
    hits.border(uplink, chassis)


def _snat(hits: Hits, chassis: str, snat: Snat) -> None:
    for uplink in hits.ground.uplinks.values():
        if uplink.active == chassis and snat.ref in uplink.snats:
            hits.translated(uplink, snat.ref)


def _floating_ip(hits: Hits, _chassis: str, floating: FloatingIp) -> None:
    hits.floating.add(floating.ref)
    hits.ports |= {floating.port} & hits.ground.places.keys()


def _balancer(hits: Hits, chassis: str, balancer: LoadBalancer) -> None:
    _served(hits, chassis, hits.ground.network.views.balancers[balancer.ref])


def _member(hits: Hits, chassis: str, member: Member) -> None:
    view = hits.ground.network.views.balancers[member.tenant, member.load_balancer]
    _served(hits, chassis, replace(view, members=tuple(m for m in view.members if m[0].name == member.name)))


def _served(hits: Hits, chassis: str, view: BalancerView) -> None:
    """The clients there, and the members if there are clients: ports, or whoever comes in by a gateway."""
    balancer = view.balancer
    kind, name = ("switch", balancer.switch) if balancer.router is None else ("router", balancer.router)
    ref = (balancer.tenant, name or "")
    part = hits.ground.part_of[kind, ref]
    clients = part.on.get(chassis, NOBODY)
    uplinks = [u for u in part.uplinks if u.active == chassis and (kind, u.router) == ("router", ref)]
    if clients or any(balancer.vip in u.network.subnet for u in uplinks):
        hits.ports |= clients | ({port.name for _, port in view.members} & hits.ground.places.keys())


def _external_network(hits: Hits, chassis: str, network: ExternalNetwork) -> None:
    for uplink in (u for part in hits.parts(chassis) for u in part.uplinks):
        if uplink.network.ref == network.ref:
            hits.border(uplink, chassis)


def _tenant(hits: Hits, chassis: str, tenant: Tenant) -> None:
    for part in hits.parts(chassis):
        if part.tenant == tenant.name:
            hits.named(part.on.get(chassis, ()))


_OBJECTS: dict[str, Callable[[Hits, str, Any], None]] = {
    "port": _port,
    "switch": _switch,
    "router": _router,
    "route": _router,
    "router_port": _router_port,
    "snat": _snat,
    "floating_ip": _floating_ip,
    "load_balancer": _balancer,
    "member": _member,
    "external_network": _external_network,
    "tenant": _tenant,
}
