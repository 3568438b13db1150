"""An oracle for impact: everything that ports can do, one by one, and what each of it crosses. Slow, and evidently right.

Networks are drawn by `tests/golden/networks_out.py`, with one physical network; what is translated for a port, the reference walk
says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from itertools import permutations, product
from typing import NamedTuple

from hypothesis import strategies as st

from ryu_overlay.fabric.placement import Device, components
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.health.elements import Element
from ryu_overlay.health.rests import Ground
from ryu_overlay.model.external import outer_balancers
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import FloatingIp, Port, Ref, RouterPort, Snat
from ryu_overlay.model.walk_border import Translate, leave
from ryu_overlay.model.walk_memory import Memory
from ryu_overlay.model.walk_values import UDP, Ip
from tests.golden.networks import CHASSIS
from tests.golden.networks_out import placed_outside

_OUTSIDE = IPv4Address("198.18.0.1")
_HOST = ("vswitch", "chassis", "datapath")


class Talk(NamedTuple):
    """Something that ports can do. `hops` are what it crosses as (VNI's owner, from, to). Of a talk with the outside: `uplink`,
    `rule` that translates (None for load balancers) and `gateway`, the chassis where (None for nowhere)."""

    ports: frozenset[str]
    hops: frozenset[tuple[str, str, str]]
    uplink: Ref | None = None
    rule: Snat | FloatingIp | None = None
    gateway: str | None = None
    is_home: bool = False


class Oracle:
    """Whom each element hits: the ports of every talk that crosses it. But where that is the link of a chassis, and the talk is
    between ports, only the one that is there."""

    def __init__(self, ground: Ground) -> None:
        self.network, self._ground = ground.network, ground
        spots = {key: spot for placement in ground.fabric.placements.values() for key, spot in placement.spots.items()}
        ports: Iterable[Port] = self.network.tables["port"].values()
        self.at = {p.name: spots[p.key].chassis for p in ports if p.enabled and p.key in spots}
        self._parts = components(self.network)
        self._talks = [talk for part in self._parts for talk in (*self._inside(part), *self._outside(part))]

    def ports(self, element: Element) -> set[str]:
        kind, names = element.kind, element.names
        here = {port for port, at in self.at.items() if at == names[0]}
        outside = _ports(self._outer(element))
        if kind in ("channel", "vnic"):
            return here if kind == "channel" else here & {names[1]}
        if kind in _HOST:
            return outside | here
        if kind in ("link", "path", "vni"):
            crossing = _ports(t for t in self._talks if _crosses(t, element))
            return outside | (crossing & here if kind == "link" else crossing)
        return outside | (here & self._clients() if kind == "conntrack" else set())

    def routers(self, element: Element) -> set[Ref]:
        if element.kind in (*_HOST, "channel", "conntrack", "external_link"):
            return {uplink[:2] for uplink, active in self._ground.active.items() if active == element.names[0]}
        if element.kind in ("snat", "router_port"):
            return {tuple(element.names[0].split("/")[:2])}
        outer = [t for t in self._outer(element) if element.kind != "link" or t.gateway == element.names[0]]
        return {t.uplink[:2] for t in outer if t.uplink is not None and element.kind != "vnic"}

    def floating_ips(self, element: Element) -> set[Ref]:
        return {t.rule.ref for t in self._outer(element) if isinstance(t.rule, FloatingIp)}

    def _outer(self, element: Element) -> list[Talk]:
        """The talks with the outside that it hits."""
        kind, first = element.kind, element.names[0]
        outer = [t for t in self._talks if t.uplink is not None]
        if kind in (*_HOST, "channel"):
            return [t for t in outer if t.gateway == first or self.at[min(t.ports)] == first]
        if kind in ("external_link", "conntrack"):
            return [t for t in outer if t.gateway == first]
        if kind == "snat":
            return [t for t in outer if isinstance(t.rule, Snat) and "/".join(t.rule.ref) == first]
        if kind == "router_port":
            return [t for t in outer if "/".join(t.uplink or ()) == first and not t.is_home]
        return [t for t in outer if _crosses(t, element) or (kind == "vnic" and element.names[1] in t.ports)]

    def elements(self) -> Iterator[Element]:
        """All of the kinds that it knows."""
        tables = self.network.tables
        uplinks = [port.ref for port in tables["router_port"].values() if port.external is not None]
        for kind, name in product((*_HOST, "link", "channel", "conntrack"), CHASSIS):
            yield Element(kind, (name,))
        for pair in permutations(CHASSIS, 2):
            yield Element("path", pair)
            yield from (Element("vni", ("/".join(ref), *pair)) for ref in (*tables["switch"], *uplinks))
        yield from (Element("external_link", (name, "physnet1")) for name in CHASSIS)
        yield from (Element("snat", ("/".join(ref),)) for ref in tables["snat"])
        yield from (Element("router_port", ("/".join(ref),)) for ref in uplinks)
        yield from (Element("vnic", (at, port)) for port, at in self.at.items())

    def _live(self, part: frozenset[Device]) -> list[Port]:
        return [p for kind, ref in part if kind == "switch" for p in self.network.switch_views[ref].ports if p.name in self.at]

    def _inside(self, part: frozenset[Device]) -> Iterator[Talk]:
        for a, b in permutations(self._live(part), 2):
            hops = _hops("/".join(a.ref[:2]), self.at[a.name], "/".join(b.ref[:2]), self.at[b.name])
            yield Talk(frozenset({a.name, b.name}), hops)

    def _outside(self, part: frozenset[Device]) -> Iterator[Talk]:
        for view in (self.network.router_views[ref] for kind, ref in part if kind == "router"):
            uplink, fabric = view.uplink, self._ground.fabric
            if uplink is None:
                continue
            home = homes(view, fabric.placements, fabric.physical)
            for port in self._live(part):
                for rule in _rules(view, uplink, port):
                    at_home = home.get(0 if rule is None else rule.key)
                    gateway = at_home or self._ground.active[uplink.ref]
                    hops = _hops("/".join(port.ref[:2]), self.at[port.name], "/".join(uplink.ref), gateway)
                    yield Talk(frozenset({port.name}), hops, uplink.ref, rule, gateway, at_home is not None)

    def _clients(self) -> set[str]:
        balancers = [view.balancer for views in self.network.balancers.values() for view in views]
        devices = {("switch", (b.tenant, b.switch)) for b in balancers} | {("router", (b.tenant, b.router)) for b in balancers}
        return {port.name for part in self._parts if part & devices for port in self._live(part)}


def _crosses(talk: Talk, element: Element) -> bool:
    if element.kind == "link":
        return any(element.names[0] in hop[1:] for hop in talk.hops)
    return any(hop[-len(element.names) :] == element.names for hop in talk.hops)


def _ports(talks: Iterable[Talk]) -> set[str]:
    return {port for talk in talks for port in talk.ports}


def _hops(near: str, here: str, far: str, there: str | None) -> frozenset[tuple[str, str, str]]:
    """What is for an owner of a VNI goes in it, from the other's chassis."""
    return frozenset() if there is None or there == here else frozenset({(far, here, there), (near, there, here)})


def _rules(view: RouterView, uplink: RouterPort, port: Port) -> Iterator[Snat | FloatingIp | None]:
    for address in port.addresses:
        decision = leave(view, uplink, Ip(address, _OUTSIDE, UDP, 64, (4000, 4000)), Memory(), lambda ways: ways[0])
        if isinstance(decision, Translate):
            assert isinstance(decision.by, (Snat, FloatingIp))
            yield decision.by
    if any(server is port for balancer in outer_balancers(view) for _, server in balancer.members):
        yield None


@st.composite
def grounds(draw: st.DrawFn) -> Ground:
    """Drawn networks with ways out, any gateway of an uplink carrying it, or none."""
    placed = draw(placed_outside())
    active = {ref: draw(st.sampled_from([*order, None])) for ref, order in placed.fabric.gateways.items()}
    return Ground(placed.network, placed.fabric, active)
