"""A router's table: what the model says, and on which chassis each of it is installed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import Route
from ryu_overlay.northbound.live_look import Looking
from ryu_overlay.northbound.service_devices import OnChassis, RouterTable, RouteStatus, Via
from ryu_overlay.oam.standing import Question, beyond, item, standings
from ryu_overlay.openflow.fields import IPV4_DST
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH
from ryu_overlay.pipeline.tables import LR_IN_OWN, LR_IN_ROUTE

_DEFAULT = IPv4Network("0.0.0.0/0")
_OWN = frozenset({Feature.ROUTER_ADDRESS, Feature.BALANCING})
Standings = Mapping[Hashable, tuple[OnChassis, ...]]


def table(engine: Engine, looking: Looking, view: RouterView, address: IPv4Address | None) -> RouterTable:
    """The whole table, or what decides about `address`."""
    key = view.router.key
    here = ((DATAPATH.field, key, None),)
    questions = [Question(LR_IN_ROUTE.number, here), Question(LR_IN_OWN.number, here)]
    look = looking.look(("router", key), {key}, questions, groups=any(len(r.nexthops) > 1 for r in view.routes))
    routes = sorted(_routes(view, standings(look.reports, _object)), key=_order)
    if address is not None:
        routes = _deciding(routes, address)
    return RouterTable(engine.network.revision, look.asked, tuple(routes), tuple(beyond(look.reports)))


def _object(flow: Flow) -> Hashable:
    """What a flow is of: an own address, or an object and one of its prefixes."""
    why, to = read_cookie(flow.cookie), item(flow, IPV4_DST) or (0, 0)
    if why is None:
        return None
    if flow.table == LR_IN_OWN.number:
        return ("own", to[0]) if why.feature in _OWN else None
    return (why.key, *to) if why.feature is Feature.ROUTING else None


def _routes(view: RouterView, found: Standings) -> Iterator[RouteStatus]:
    def on(key: int, prefix: IPv4Network) -> tuple[OnChassis, ...]:
        return found.get((key, int(prefix.network_address), int(prefix.netmask)), ())

    for port in view.ports:
        for interface in port.addresses:
            net = interface.network
            yield RouteStatus("C", net, (Via(None, port.name),), on(port.key, net))
            yield _own(interface.ip, port.name, found)
    for route in view.routes:
        yield RouteStatus("S", route.prefix, tuple(_ways(view, route)), on(route.key, route.prefix))
    for vip in dict.fromkeys(b.balancer.vip for b in view.balancers):
        names = ", ".join(b.balancer.name for b in view.balancers if b.balancer.vip == vip)
        yield RouteStatus("V", IPv4Network(vip), (Via(None, names),), found.get(("own", int(vip)), ()))
    uplink, external = view.uplink, view.external
    if uplink is None:
        return
    for address in dict.fromkeys(a for s in view.snats for a in s.addresses):
        if address not in {a.ip for a in uplink.addresses}:
            yield _own(address, uplink.name, found)
    if external is not None and external.gateway is not None and all(r.prefix != _DEFAULT for r in view.routes):
        yield RouteStatus("S*", _DEFAULT, (Via(external.gateway, uplink.name),), on(uplink.key, _DEFAULT))


def _own(address: IPv4Address, port: str, found: Standings) -> RouteStatus:
    return RouteStatus("L", IPv4Network(address), (Via(None, port),), found.get(("own", int(address)), ()))


def _ways(view: RouterView, route: Route) -> Iterator[Via]:
    for hop in route.nexthops:
        port = next((p.name for p in view.ports for a in p.addresses if hop in a.network), "")
        yield Via(hop, port)


def _order(route: RouteStatus) -> tuple[int, int, str]:
    return int(route.prefix.network_address), route.prefix.prefixlen, route.code


def _deciding(routes: list[RouteStatus], address: IPv4Address) -> list[RouteStatus]:
    """The longest prefix; of two as long, the connected one. What the router answers itself goes before any route."""
    able = [route for route in routes if address in route.prefix]
    return sorted(able, key=lambda route: (route.code in "LV", route.prefix.prefixlen, "SCLV".index(route.code[0])))[-1:]
