"""From network and fabric to one program a chassis, doing again only what changed.

A scope is the unit of work: one switch, one router, one of them on one chassis, and inside them one port. What crosses the
border to external networks is `BorderCompiler`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ryu_overlay.compiler.balancing import Choice, delivery_block, switch_block
from ryu_overlay.compiler.balancing import router_block as balanced_router
from ryu_overlay.compiler.base import base, meters
from ryu_overlay.compiler.borders import BorderCompiler
from ryu_overlay.compiler.counting import counting_block, taken
from ryu_overlay.compiler.flooding import flood_flows
from ryu_overlay.compiler.limiting import shared_limits, uplink_limit, uplink_limits, vif_limit
from ryu_overlay.compiler.memory import Memory, Values
from ryu_overlay.compiler.part import Part
from ryu_overlay.compiler.paths import Leads, path_block
from ryu_overlay.compiler.ports import local_flows, remote_flows
from ryu_overlay.compiler.routing import echo_block, neighbour_flows, router_block, size_block
from ryu_overlay.compiler.switching import port_flows, router_port_flows
from ryu_overlay.compiler.tunnels import tunnel_flows, vni_flow
from ryu_overlay.compiler.using import inside_block, inside_flow
from ryu_overlay.fabric.placement import NOWHERE, Device, Fabric, Placement, components, reach
from ryu_overlay.fabric.ways import HERE, to_interface
from ryu_overlay.model.network import BalancerView, Network, RouterView, SwitchView
from ryu_overlay.model.objects import LoadBalancer, Port, RouterPort
from ryu_overlay.openflow.flow import Block, Flow, Meter, Program
from ryu_overlay.pipeline.limits import Limits

_NO_PORTS: Mapping[str, int] = MappingProxyType({})


class Compiler:
    """Compiles programs, remembering. One instance for the life of a controller; a new one compiles everything anew."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._memory = Memory()
        self._borders = BorderCompiler(self._memory)
        self._meters = meters(limits.chassis)
        self._network = Network()

    def parts(self, network: Network) -> list[frozenset[Device]]:
        """The network's connected components."""
        tables = network.tables
        return self._memory.recall(
            ("parts",), (tables["switch"], tables["router"], tables["router_port"]), lambda *_: components(network)
        )

    def compile_all(self, network: Network, fabric: Fabric) -> dict[str, Program]:
        """A program for every chassis of the fabric."""
        self._network = network
        self._memory.prune(network.by_key)
        parts = self.parts(network)
        choices = {key: choice for views in network.balancers.values() for key, choice in self._choices(views, fabric)}
        inputs = {part: self._part(part, fabric, choices) for part in parts}
        reached = reach(parts, fabric.placements, fabric.gateways)
        return {name: self._chassis(name, [inputs[p] for p in reached.get(name, ())], fabric) for name in fabric.encap_ips}

    def _choices(self, views: tuple[BalancerView, ...], fabric: Fabric) -> Iterator[tuple[int, Choice]]:
        for view in views:
            alive = Values(
                m.key for m, port in view.members if not m.drained and m.key not in fabric.dead and _bound(port, fabric)
            )
            yield view.balancer.key, self._memory.recall(("choice", view.balancer.key), (view, alive), _choice)

    def _part(self, part: frozenset[Device], fabric: Fabric, choices: Mapping[int, Choice]) -> Part:
        devices = tuple(part)
        network = self._network
        switches = tuple(network.switch_views[ref] for kind, ref in devices if kind == "switch")
        routers = tuple(network.router_views[ref] for kind, ref in devices if kind == "router")
        placements = tuple(fabric.placements.get(view.switch.ref, NOWHERE) for view in switches)
        gateways = Values(fabric.gateways.get(r.uplink.ref, ()) if r.uplink is not None else () for r in routers)
        tenants = dict.fromkeys(ref[0] for _, ref in devices)
        balancers = [b for name in tenants for b in network.balancers.get(name, ())]
        own = tuple(choices[b.balancer.key] for b in balancers)

        def make(*_: Any) -> Part:
            by_key = {c.view.balancer.key: c for c in own}
            vnis = tuple(taken(switches, placements, routers, gateways))
            return Part(devices[0], switches, routers, placements, gateways, by_key, fabric.physical, fabric.mtu, vnis)

        borders = any(r.uplink is not None for r in routers)
        inputs = (*switches, *routers, *placements, gateways, *own, fabric.physical if borders else 0, fabric.mtu or 0)
        made: Part = self._memory.recall(("inputs", *devices), inputs, make)
        return made

    def _chassis(self, name: str, parts: list[Part], fabric: Fabric) -> Program:
        tunnels, patches = fabric.tunnels.get(name, _NO_PORTS), fabric.physical.get(name, _NO_PORTS)
        blocks: dict[object, Block] = {"base": base()}
        blocks["tunnels"] = self._memory.recall(("tunnels", name), (tunnels,), tunnel_flows)
        inputs = (tunnels, patches, self._limits)
        blocks["limits"] = self._memory.recall(("limits", name), inputs, shared_limits)
        for part in parts:
            blocks.update(self._memory.recall(("part", name, part.device), (name, part, tunnels, patches), self._part_on))
            blocks.update(self._paths(name, part, fabric))
        if patches:
            limits = tuple(self._uplink_limits(parts))
            blocks["uplink limits"] = self._memory.recall(("uplink limits", name), limits, uplink_limits)
            blocks.update(self._borders.networks(name, self._network, parts, tunnels, patches, fabric.neighbours))
        return Program(blocks, self._meters)

    def _uplink_limits(self, parts: list[Part]) -> Iterator[tuple[Flow, Meter]]:
        for router in (router for part in parts for router in part.routers):
            if router.uplink is not None:
                inputs = (router.tenant, router.uplink, self._limits.port)
                yield self._memory.recall(("uplink limit", router.uplink.key), inputs, uplink_limit)

    def _part_on(self, chassis: str, part: Part, tunnels: Mapping[str, int], patches: Mapping[str, int]) -> dict[object, Block]:
        blocks: dict[object, Block] = {}
        everyone = part.everyone
        for each in part.taken:
            inputs = (chassis, tunnels, everyone, each.vni, each.tenant, each.key, each.chassis)
            blocks["counted", each.key] = self._memory.recall(("counted", chassis, each.key), inputs, counting_block)
        for view, placement in zip(part.switches, part.placements):
            key = view.switch.key
            blocks["inside", view.tenant.key] = self._memory.recall(("inside", view.tenant.key), (view.tenant,), inside_block)
            blocks["switch", key] = self._switch(view)
            balancers = self._network.balancers.get(view.tenant.name, ())
            blocks["local", key] = self._switch_on(chassis, view, placement, tunnels, bool(balancers))
            if balancers:
                blocks["delivery", key] = self._memory.recall(("delivery", key), (view, balancers), delivery_block)
            if view.balancers:
                own = tuple(part.choices[b.balancer.key] for b in view.balancers)
                blocks["vips", key] = self._memory.recall(("vips", key), (view, *own), lambda v, *c: switch_block(v, c))
        for router, gateways in zip(part.routers, part.gateways):
            key = router.router.key
            blocks["router", key] = self._router(router)
            blocks["size", key] = self._memory.recall(("size", key), (router, part.mtu), size_block)
            own = tuple(part.choices[b.balancer.key] for b in router.balancers)
            if own:
                blocks["balanced", key] = self._memory.recall(
                    ("balanced", key), (router, *own), lambda v, *c: balanced_router(v, c)
                )
            if router.router.answers == "local":
                blocks["echo", key] = self._memory.recall(("echo", key), (router,), echo_block)
            if router.uplink is not None:
                blocks["uplink", key] = self._borders.uplink(chassis, router, gateways, part, tunnels, patches)
        return blocks

    def _paths(self, name: str, part: Part, fabric: Fabric) -> Iterator[tuple[object, Block]]:
        """Of the routers whose answers stand for paths."""
        tunnels = fabric.tunnels.get(name, _NO_PORTS)
        for view in part.routers:
            if view.router.answers == "path":
                ways = ((port.key, to_interface(self._network, fabric, view, port, name)) for port in view.ports)
                leads = Values(Leads(key, tunnels.get(way.chassis or "")) for key, way in ways if way != HERE)
                inputs, scope = (view, leads), ("path", name, view.router.key)
                yield ("path", view.router.key), self._memory.recall(scope, inputs, lambda v, leads: path_block(v, *leads))

    def _switch(self, view: SwitchView) -> Block:
        routers = tuple(self._network.router_views[p.tenant, p.router].router for p in view.router_ports)
        return self._memory.recall(("switch", view.switch.key), (view, *routers), self._make_switch)

    def _make_switch(self, view: SwitchView, *routers: Any) -> Block:
        flows: list[Flow] = []
        for port in view.ports:
            flows += self._memory.recall(("port", port.key), (view.tenant, view.switch, port), port_flows)
        for router_port, router in zip(view.router_ports, routers):
            flows += router_port_flows(view, router_port, router.key)
        return Block(tuple(flows))

    def _switch_on(
        self, chassis: str, view: SwitchView, placement: Placement, tunnels: Mapping[str, int], balanced: bool
    ) -> Block:
        inputs = (chassis, view, placement, tunnels, balanced)
        return self._memory.recall(("on", chassis, view.switch.key), inputs, self._make_switch_on)

    def _make_switch_on(
        self, chassis: str, view: SwitchView, placement: Placement, tunnels: Mapping[str, int], balanced: bool
    ) -> Block:
        tenant, switch = view.tenant, view.switch
        flows: list[Flow] = [vni_flow(tenant, switch), *flood_flows(view, placement, chassis, tunnels)]
        meters: list[Meter] = []
        counted = inside_flow(tenant, switch)
        flows += () if counted is None else (counted,)
        for port in view.ports:
            spot = placement.spots.get(port.key)
            if spot is None:
                continue
            here = spot.chassis == chassis
            ofport = spot.ofport if here else tunnels.get(spot.chassis)
            if ofport is not None:
                scope = ("spot", chassis, port.key)
                flows += self._memory.recall(scope, (tenant, switch, port, ofport, int(here), balanced), _spot_flows)
            if here and ofport is not None:
                inputs = (tenant, port, ofport, self._limits.port)
                flow, meter = self._memory.recall(("limit", chassis, port.key), inputs, vif_limit)
                flows.append(flow)
                meters.append(meter)
        return Block(tuple(flows), (), tuple(meters))

    def _router(self, view: RouterView) -> Block:
        switches = self._network.switch_views
        attached = tuple(None if p.switch is None else switches.get((p.tenant, p.switch)) for p in view.ports)
        return self._memory.recall(("router", view.router.key), (view, *attached), self._make_router)

    def _make_router(self, view: RouterView, *attached: SwitchView | None) -> Block:
        far = tuple(self._network.router_views[p.tenant, p.router].router.key for p in view.peers.values())
        switches = (None if s is None else s.switch for s in attached)
        own: Block = self._memory.recall(
            ("routes", view.router.key), (view, *switches), lambda *_: router_block(view, attached, far)
        )
        flows = list(own.flows)
        for port, switch in zip(view.ports, attached):
            if switch is not None:
                for neighbour in _neighbours(switch):
                    if neighbour is not port:
                        scope = ("neighbour", port.key, neighbour.key)
                        flows += self._memory.recall(scope, (view.tenant, port, neighbour), neighbour_flows)
        return Block(tuple(flows), own.groups)


def _neighbours(switch: SwitchView) -> tuple[Port | RouterPort | LoadBalancer, ...]:
    """What a router finds on a switch. Load balancers at one address have the MAC of the first."""
    balancers = {b.balancer.vip: b.balancer for b in reversed(switch.balancers)}
    return (*switch.ports, *switch.router_ports, *balancers.values())


def _choice(view: BalancerView, alive: Values) -> Choice:
    return Choice(view, tuple(m for m, _ in view.members if m.key in alive))


def _bound(port: Port, fabric: Fabric) -> bool:
    return bool(port.addresses) and port.key in fabric.placements.get((port.tenant, port.switch), NOWHERE).spots


def _spot_flows(tenant: Any, switch: Any, port: Any, ofport: int, here: int, balanced: bool) -> tuple[Flow, ...]:
    return local_flows(tenant, switch, port, ofport, balanced) if here else remote_flows(tenant, switch, port, ofport)


def compile_all(network: Network, fabric: Fabric, limits: Limits) -> dict[str, Program]:
    """The meaning of a network on a fabric: every chassis' whole program, from nothing."""
    return Compiler(limits).compile_all(network, fabric)
