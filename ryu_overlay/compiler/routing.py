"""Flows of a router. They are the same on every chassis it reaches: the whole path is worked out where a packet comes in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from ryu_overlay.compiler.keys import ICMP, prefix
from ryu_overlay.model.external import outside_addresses, port_mtu
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.model.objects import LoadBalancer, Port, Route, RouterPort, Tenant
from ryu_overlay.openflow.actions import Action, CheckLarger, DecTtl, ForgetInPort, Move, Resubmit, SetField, ToGroup
from ryu_overlay.openflow.fields import (
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    ICMP_CODE,
    ICMP_TYPE,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Block, Flow, Group
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, FROM_TUNNEL, HOME, IN_LPORT, NEXT_HOP, OUT_LPORT, TOO_LARGE
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import (
    LR_COUNT_IN,
    LR_COUNT_OUT,
    LR_IN_ADMIT,
    LR_IN_OWN,
    LR_IN_RESOLVE,
    LR_IN_ROUTE,
    LR_IN_SERVICE,
    LR_OUT_OVERSIZE,
    LR_OUT_PORT,
    LR_OUT_SIZE,
    LS_IN_LOOKUP,
)

_ETHERNET = 14
_DEFAULT = IPv4Network("0.0.0.0/0")


def router_block(view: RouterView, attached: tuple[SwitchView | None, ...], far_routers: tuple[int, ...]) -> Block:
    """Addresses, routes and ports of a router.

    `attached` has the switch of each of the view's ports, in their order; `far_routers` the keys of the routers that
    own the view's peers, in the peers' order.
    """
    tenant = view.tenant
    flows: list[Flow] = []
    groups: list[Group] = []
    for port, switch in zip(view.ports, attached):
        flows += _counters(tenant, port)
        flows += _own_addresses(view, port)
        flows += _connected(view, port)
        if switch is not None:
            flows.append(_out_to_switch(tenant, port, switch))
    for (name, far), router_key in zip(view.peers.items(), far_routers):
        near = next(p for p in view.ports if p.name == name)
        flows += _out_to_peer(tenant, near, far, router_key)
    for route in view.routes:
        flow, group = _static(view, route)
        flows.append(flow)
        if group is not None:
            groups.append(group)
    flows += _implied_default(view)
    return Block(tuple(flows), tuple(groups))


def echo_block(view: RouterView) -> Block:
    """Echo requests from inside to an uplink's addresses are answered where they come in: they are part of no translated
    connection. Fragments are not told from one, so they go to the gateway."""
    why = Why(Feature.ROUTER_ADDRESS, view.tenant.key, 0 if view.uplink is None else view.uplink.key)
    return Block(tuple(own_echo(view, address, why) for address in outside_addresses(view)))


def own_echo(view: RouterView, address: IPv4Address, why: Why) -> Flow:
    """An echo request, whole, from inside to one of the router's external addresses, is for the router."""
    here = {DATAPATH.field: view.router.key, ETH_TYPE: ETH_IP, IPV4_DST: int(address)}
    echo = {IP_PROTO: ICMP, ICMP_TYPE: 8, ICMP_CODE: 0, IP_FRAG: 0}
    return LR_IN_OWN.flow("own_echo", {**here, **echo}, goto=LR_IN_SERVICE, why=why)


def size_block(view: RouterView, mtu: int | None) -> Block:
    """What is larger than its out port's MTU is told so. `mtu` is what VMs may use, in bytes; None while it is not known."""
    why = Why(Feature.MTU, view.tenant.key)
    flows = []
    for port in view.ports:
        limit = port_mtu(view, port, mtu)
        if limit is not None:
            check = (CheckLarger(limit + _ETHERNET, TOO_LARGE.field),)
            flows.append(LR_OUT_SIZE.flow("port", {OUT_LPORT.field: port.key}, check, goto=LR_OUT_OVERSIZE, why=why))
    return Block(tuple(flows))


def neighbour_flows(tenant: Tenant, port: RouterPort, neighbour: Port | RouterPort | LoadBalancer) -> tuple[Flow, ...]:
    """The MAC behind each address of `neighbour`, which stands on the switch that the router port is attached to."""
    if isinstance(neighbour, LoadBalancer):
        return (_resolve(tenant, port, int(neighbour.vip), neighbour.mac, neighbour.key),)
    addresses = neighbour.addresses if isinstance(neighbour, Port) else [a.ip for a in neighbour.addresses]
    return tuple(_resolve(tenant, port, int(a), neighbour.mac, neighbour.key) for a in addresses)


def _resolve(tenant: Tenant, port: RouterPort, address: int, mac: str, key: int) -> Flow:
    match = {OUT_LPORT.field: port.key, NEXT_HOP.field: address}
    to = (SetField(ETH_DST, mac_to_int(mac)),)
    return LR_IN_RESOLVE.flow("known", match, to, goto=LR_OUT_PORT, why=Why(Feature.NEIGHBOUR, tenant.key, key))


def _counters(tenant: Tenant, port: RouterPort) -> tuple[Flow, Flow]:
    why = Why(Feature.COUNTER, tenant.key, port.key)
    came, left = {IN_LPORT.field: port.key}, {OUT_LPORT.field: port.key}
    return LR_COUNT_IN.flow("port", came, why=why), LR_COUNT_OUT.flow("port", left, why=why)


def _own_addresses(view: RouterView, port: RouterPort) -> list[Flow]:
    why = Why(Feature.ROUTER_ADDRESS, view.tenant.key, port.key)
    here = {DATAPATH.field: view.router.key, ETH_TYPE: ETH_IP}
    addresses = dict.fromkeys(int(a.ip) for a in port.addresses)
    if port.external is None:
        return [LR_IN_OWN.flow("own", {**here, IPV4_DST: a}, goto=LR_IN_SERVICE, why=why) for a in addresses]
    came = {**here, IN_LPORT.field: port.key}
    flows = [LR_IN_OWN.flow("from_uplink", {**came, IPV4_DST: a}, goto=LR_IN_SERVICE, why=why) for a in addresses]
    # From inside, only the gateway can tell an answer to a translated connection from a packet to the router.
    outside = map(int, outside_addresses(view))
    return [*flows, *(LR_IN_OWN.flow("own", {**here, IPV4_DST: a}, goto=LR_IN_ROUTE, why=why) for a in outside)]


def _connected(view: RouterView, port: RouterPort) -> list[Flow]:
    why = Why(Feature.ROUTING, view.tenant.key, port.key)
    broadcast = Why(Feature.DROP_DIRECTED_BROADCAST, view.tenant.key, port.key)
    here: Match = {DATAPATH.field: view.router.key, ETH_TYPE: ETH_IP}
    flows = []
    for address in port.addresses:
        net = address.network
        to = (Move(IPV4_DST, NEXT_HOP.field), SetField(OUT_LPORT.field, port.key))
        match: Match = {**here, IPV4_DST: prefix(net)}
        flows.append(LR_IN_ROUTE.flow("prefix", match, to, goto=LR_OUT_SIZE, why=why, rank=2 * net.prefixlen + 1))
        if net.prefixlen < 31:
            # Before the TTL is looked at, as no error is due; and once more for what routers send themselves.
            for table in (LR_IN_OWN, LR_IN_ROUTE):
                for end in (net.network_address, net.broadcast_address):
                    flows += table.drop("directed_broadcast", {**here, IPV4_DST: int(end)}, why=broadcast)
    return flows


def _static(view: RouterView, route: Route) -> tuple[Flow, Group | None]:
    why = Why(Feature.ROUTING, view.tenant.key, route.key)
    ways = [_way(view, hop) for hop in route.nexthops]
    match = _route_match(view, route.prefix)
    rank = 2 * route.prefix.prefixlen
    if len(ways) == 1:
        return LR_IN_ROUTE.flow("prefix", match, ways[0], goto=LR_OUT_SIZE, why=why, rank=rank), None
    group = Group(route.key, tuple((*way, Resubmit(LR_OUT_SIZE.number)) for way in ways))
    return LR_IN_ROUTE.flow("prefix", match, (ToGroup(route.key),), why=why, rank=rank), group


def _implied_default(view: RouterView) -> list[Flow]:
    """What no route matches goes to the external network's gateway, if nobody gave another default route."""
    uplink = view.uplink
    if uplink is None or view.external is None or view.external.gateway is None:
        return []
    if any(route.prefix == _DEFAULT for route in view.routes):
        return []
    to = (SetField(NEXT_HOP.field, int(view.external.gateway)), SetField(OUT_LPORT.field, uplink.key))
    why = Why(Feature.ROUTING, view.tenant.key, uplink.key)
    return [LR_IN_ROUTE.flow("prefix", _route_match(view, _DEFAULT), to, goto=LR_OUT_SIZE, why=why)]


def _route_match(view: RouterView, net: IPv4Network) -> Match:
    return {DATAPATH.field: view.router.key, ETH_TYPE: ETH_IP, IPV4_DST: prefix(net)}


def _way(view: RouterView, hop: IPv4Address) -> tuple[Action, ...]:
    """Next hop and out port. Validation has made sure that one connected subnet holds every next hop."""
    port = next(p for p in view.ports for a in p.addresses if hop in a.network)
    return SetField(NEXT_HOP.field, int(hop)), SetField(OUT_LPORT.field, port.key)


def _leave(port: RouterPort) -> tuple[Action, ...]:
    return (
        Resubmit(LR_COUNT_OUT.number),
        DecTtl(),
        SetField(ETH_SRC, mac_to_int(port.mac)),
        SetField(FROM_TUNNEL.field, 0),
        SetField(HOME.field, 0),
        ForgetInPort(),
    )


def _out_to_switch(tenant: Tenant, port: RouterPort, switch: SwitchView) -> Flow:
    into = (SetField(DATAPATH.field, switch.switch.key), SetField(IN_LPORT.field, port.key))
    return LR_OUT_PORT.flow(
        "port",
        {OUT_LPORT.field: port.key, ETH_TYPE: ETH_IP},
        (*_leave(port), *into, Resubmit(LS_IN_LOOKUP.number)),
        why=Why(Feature.ROUTING, tenant.key, port.key),
    )


def _out_to_peer(tenant: Tenant, port: RouterPort, far: RouterPort, router_key: int) -> list[Flow]:
    into = (SetField(DATAPATH.field, router_key), SetField(IN_LPORT.field, far.key))
    out = LR_OUT_PORT.flow(
        "port",
        {OUT_LPORT.field: port.key, ETH_TYPE: ETH_IP},
        (*_leave(port), *into, Resubmit(LR_COUNT_IN.number), Resubmit(LR_IN_ADMIT.number)),
        why=Why(Feature.ROUTING, tenant.key, port.key),
    )
    return [out, *(_resolve(tenant, port, int(a.ip), far.mac, far.key) for a in far.addresses)]
