"""Neighbours: what a router sends to at the far side of its ports, and what a switch answers ARP with."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.model.objects import FloatingIp, LoadBalancer, Object, Port, RouterPort
from ryu_overlay.northbound.live_look import Looking
from ryu_overlay.northbound.service_devices import NeighbourStatus, NeighbourTable
from ryu_overlay.oam.standing import Question, beyond, standings, value
from ryu_overlay.openflow.fields import ARP_TPA
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.registers import DATAPATH, NEXT_HOP, OUT_LPORT
from ryu_overlay.pipeline.tables import EXT_RESOLVE, LR_IN_RESOLVE, LS_IN_ARP


def of_router(engine: Engine, looking: Looking, view: RouterView, now: float) -> NeighbourTable:
    """Everybody that the router may send to, by router port; `now` in seconds since 1970."""
    questions = [Question(LR_IN_RESOLVE.number, ((OUT_LPORT.field, p.key, None),)) for p in view.ports if p.external is None]
    keys = {view.router.key}
    if view.external is not None:
        keys.add(view.external.key)
        questions.append(Question(EXT_RESOLVE.number, ((DATAPATH.field, view.external.key, None),)))
    look = looking.look(("router", view.router.key), keys, questions)
    found = standings(look.reports, _next_hop)
    rows = []
    for port in view.ports:
        key = port.key if port.external is None or view.external is None else view.external.key
        for row in _of_port(engine, view, port, now):
            rows.append(row if row.source == "self" else replace(row, on=found.get((key, int(row.address)), ())))
    return NeighbourTable(engine.network.revision, look.asked, tuple(rows), tuple(beyond(look.reports)))


def of_switch(engine: Engine, looking: Looking, view: SwitchView) -> NeighbourTable:
    """Every address that the switch answers ARP for."""
    key = view.switch.key
    look = looking.look(("switch", key), {key}, [Question(LS_IN_ARP.number, ((DATAPATH.field, key, None),))])
    found = standings(look.reports, lambda flow: value(flow, ARP_TPA))
    rows = [replace(row, on=found.get(int(row.address), ())) for obj in on_switch(view) for row in _known(engine, obj)]
    rows.sort(key=lambda row: int(row.address))
    return NeighbourTable(engine.network.revision, look.asked, tuple(rows), tuple(beyond(look.reports)))


def on_switch(view: SwitchView) -> tuple[Port | RouterPort | LoadBalancer, ...]:
    """What has a MAC address on a switch. Load balancers at one address have the MAC of the first."""
    balancers = {b.balancer.vip: b.balancer for b in reversed(view.balancers)}
    return (*view.ports, *view.router_ports, *balancers.values())


def addresses(obj: Port | RouterPort | LoadBalancer) -> tuple[IPv4Address, ...]:
    """The addresses of something on a switch."""
    if isinstance(obj, LoadBalancer):
        return (obj.vip,)
    return obj.addresses if isinstance(obj, Port) else tuple(a.ip for a in obj.addresses)


def _next_hop(flow: Flow) -> Hashable:
    """How flows name a neighbour: by the key of the router port or external network, and by address."""
    where = DATAPATH if flow.table == EXT_RESOLVE.number else OUT_LPORT
    return value(flow, where.field), value(flow, NEXT_HOP.field)


def _of_port(engine: Engine, view: RouterView, port: RouterPort, now: float) -> Iterator[NeighbourStatus]:
    for interface in port.addresses:
        yield NeighbourStatus(interface.ip, port.mac, port.name, "self", "router-port", "/".join(port.ref))
    rows: list[NeighbourStatus] = []
    switch = None if port.switch is None else engine.network.switch_views.get((port.tenant, port.switch))
    if switch is not None:
        rows = [row for obj in on_switch(switch) if obj is not port for row in _known(engine, obj, port.name)]
    elif port.name in view.peers:
        rows = list(_known(engine, view.peers[port.name], port.name))
    elif port.external is not None:
        rows = list(_outside(engine, view, port, now))
    yield from sorted(rows, key=lambda row: int(row.address))


def _known(engine: Engine, obj: Port | RouterPort | LoadBalancer, port: str | None = None) -> Iterator[NeighbourStatus]:
    spot = engine.bindings.spot(obj) if isinstance(obj, Port) else None
    for address in addresses(obj):
        yield _modelled(address, obj.mac, port or obj.name, obj, None if spot is None else spot.chassis)


def _modelled(address: IPv4Address, mac: str, port: str, obj: Object, chassis: str | None = None) -> NeighbourStatus:
    source: Literal["model"] = "model"
    return NeighbourStatus(address, mac, port, source, obj.kind.replace("_", "-"), "/".join(obj.ref), chassis)


def _outside(engine: Engine, view: RouterView, port: RouterPort, now: float) -> Iterator[NeighbourStatus]:
    """On an external network: other routers' addresses from the model, and what ARP told, or did not yet."""
    external = view.external
    if external is None:
        return
    modelled: dict[IPv4Address, tuple[str, RouterPort | FloatingIp]] = {}
    for router in engine.network.external_views[external.ref].routers:
        if router.uplink is not None:
            modelled |= dict.fromkeys(own_addresses(router), (router.uplink.mac, router.uplink))
            modelled |= {f.address: (f.mac, f) for f, _ in router.floating_ips}
    own = {a.ip for a in port.addresses}
    for address, (mac, obj) in modelled.items():
        if address not in own:
            yield _modelled(address, mac, port.name, obj)
    known = engine.outside.neighbours.known(external.ref)
    for address, (mac, heard) in known.items():
        if address not in modelled:
            yield NeighbourStatus(address, mac, port.name, "learned", age=max(0.0, now - heard))
    for address, tries in engine.outside.neighbours.asked(external.ref).items():
        if address not in modelled and address not in known:
            yield NeighbourStatus(address, None, port.name, "asked", tries=tries)
