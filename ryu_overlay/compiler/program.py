"""From network and fabric to one program a chassis, doing again only what changed.

Inputs are immutable and shared between versions, so "did not change" is `is`. A scope is the unit of work: one
switch, one router, one switch on one chassis, and inside them one port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ryu_overlay.compiler.base import base, meters
from ryu_overlay.compiler.flooding import flood_flows
from ryu_overlay.compiler.ports import local_flows, remote_flows
from ryu_overlay.compiler.routing import neighbour_flows, router_block
from ryu_overlay.compiler.switching import port_flows, router_port_flows
from ryu_overlay.compiler.tunnels import tunnel_flows, vni_flow
from ryu_overlay.fabric.placement import NOWHERE, Device, Fabric, Placement, components, reach
from ryu_overlay.model.network import Network, RouterView, SwitchView
from ryu_overlay.model.objects import Port, RouterPort
from ryu_overlay.openflow.flow import Block, Flow, Program

Make = Callable[..., Any]
Scope = tuple[Any, ...]
Inputs = tuple[Device, tuple[SwitchView | RouterView | Placement, ...]]
"""Of one component: a device that names it; views of switches, of routers, then the switches' placements in their order."""

_NO_TUNNELS: Mapping[str, int] = {}


class Memory:
    """What was compiled before, by scope, with the inputs it was compiled from."""

    def __init__(self) -> None:
        self._kept: dict[Scope, tuple[tuple[Any, ...], Any]] = {}
        self._prune_at = 10_000

    def recall(self, scope: Scope, inputs: tuple[Any, ...], make: Make) -> Any:
        """What `make(*inputs)` gives, made again only if an input is not the one of last time."""
        kept = self._kept.get(scope)
        if kept is None or len(kept[0]) != len(inputs) or not all(map(_same, kept[0], inputs)):
            kept = (inputs, make(*inputs))
            self._kept[scope] = kept
        return kept[1]

    def prune(self, alive: Mapping[int, Any]) -> None:
        """Once it has doubled, forget scopes that name the key of an object that is no more, and all of whole components."""
        if len(self._kept) < self._prune_at:
            return
        gone = [s for s in self._kept if s[0] in ("inputs", "part") or any(isinstance(x, int) and x not in alive for x in s)]
        for scope in gone:
            del self._kept[scope]
        self._prune_at = max(10_000, 2 * len(self._kept))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) in (int, str) and a == b)


class Compiler:
    """Compiles programs, remembering. One instance for the life of a controller; a new one compiles everything anew."""

    def __init__(self, punt_rate: int) -> None:
        self._memory = Memory()
        self._meters = meters(punt_rate)
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
        inputs = {part: self._inputs(part, fabric) for part in parts}
        reached = reach(parts, fabric.placements)
        return {
            name: self._chassis(name, [inputs[p] for p in reached.get(name, ())], fabric.tunnels.get(name, _NO_TUNNELS))
            for name in fabric.encap_ips
        }

    def _inputs(self, part: frozenset[Device], fabric: Fabric) -> Inputs:
        """All that a component's flows are made from; the same object as before while nothing of it changed."""
        devices = tuple(part)
        switches = [ref for kind, ref in devices if kind == "switch"]
        views = [self._network.switch_views[ref] for ref in switches]
        routers = [self._network.router_views[ref] for kind, ref in devices if kind == "router"]
        placements = [fabric.placements.get(ref, NOWHERE) for ref in switches]
        made: Inputs = self._memory.recall(
            ("inputs", *devices), (*views, *routers, *placements), lambda *found: (devices[0], found)
        )
        return made

    def _chassis(self, name: str, parts: list[Inputs], tunnels: Mapping[str, int]) -> Program:
        blocks: dict[object, Block] = {"base": base()}
        blocks["tunnels"] = self._memory.recall(("tunnels", name), (tunnels,), tunnel_flows)
        for part in parts:
            blocks.update(self._memory.recall(("part", name, part[0]), (name, part, tunnels), self._part_on))
        return Program(blocks, self._meters)

    def _part_on(self, chassis: str, part: Inputs, tunnels: Mapping[str, int]) -> dict[object, Block]:
        found = part[1]
        placements = iter([p for p in found if isinstance(p, Placement)])
        blocks: dict[object, Block] = {}
        for view in found:
            if isinstance(view, SwitchView):
                blocks["switch", view.switch.key] = self._switch(view)
                blocks["local", view.switch.key] = self._switch_on(chassis, view, next(placements), tunnels)
            elif isinstance(view, RouterView):
                blocks["router", view.router.key] = self._router(view)
        return blocks

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

    def _switch_on(self, chassis: str, view: SwitchView, placement: Placement, tunnels: Mapping[str, int]) -> Block:
        inputs = (chassis, view, placement, tunnels)
        return self._memory.recall(("on", chassis, view.switch.key), inputs, self._make_switch_on)

    def _make_switch_on(self, chassis: str, view: SwitchView, placement: Placement, tunnels: Mapping[str, int]) -> Block:
        tenant, switch = view.tenant, view.switch
        flows: list[Flow] = [vni_flow(tenant, switch), *flood_flows(view, placement, chassis, tunnels)]
        for port in view.ports:
            spot = placement.spots.get(port.key)
            if spot is None:
                continue
            here = spot.chassis == chassis
            ofport = spot.ofport if here else tunnels.get(spot.chassis)
            if ofport is not None:
                scope = ("spot", chassis, port.key)
                flows += self._memory.recall(scope, (tenant, switch, port, ofport, int(here)), _spot_flows)
        return Block(tuple(flows))

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
                neighbours: tuple[Port | RouterPort, ...] = (*switch.ports, *switch.router_ports)
                for neighbour in neighbours:
                    if neighbour is not port:
                        scope = ("neighbour", port.key, neighbour.key)
                        flows += self._memory.recall(scope, (view.tenant, port, neighbour), neighbour_flows)
        return Block(tuple(flows), own.groups)


def _spot_flows(tenant: Any, switch: Any, port: Any, ofport: int, here: int) -> tuple[Flow, ...]:
    return (local_flows if here else remote_flows)(tenant, switch, port, ofport)


def compile_all(network: Network, fabric: Fabric, punt_rate: int) -> dict[str, Program]:
    """The meaning of a network on a fabric: every chassis' whole program, from nothing."""
    return Compiler(punt_rate).compile_all(network, fabric)
