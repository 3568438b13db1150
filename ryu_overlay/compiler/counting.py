"""What goes into tunnels and comes out of them, counted for each network and pair of chassis: the difference was lost between.

A chassis counts what it may send in a VNI to each chassis that takes it, and what it may get from each that could send it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ryu_overlay.fabric.placement import Placement
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import TUN_COUNT_IN, TUN_COUNT_OUT


@dataclass(frozen=True, slots=True)
class Taken:
    """A VNI, the keys of its tenant and of the switch or uplink whose it is, and the chassis that take packets in it."""

    vni: int
    tenant: int
    key: int
    chassis: frozenset[str]


def taken(
    switches: Iterable[SwitchView],
    placements: Iterable[Placement],
    routers: Iterable[RouterView],
    gateways: Iterable[tuple[str, ...]],
) -> Iterator[Taken]:
    """The VNIs of a component, and who takes them."""
    for view, placement in zip(switches, placements):
        yield Taken(view.switch.vni, view.tenant.key, view.switch.key, frozenset(placement.chassis))
    for router, order in zip(routers, gateways):
        if router.uplink is not None:
            yield Taken(router.uplink.vni, router.tenant.key, router.uplink.key, frozenset(order))


def counting_block(
    chassis: str,
    tunnels: Mapping[str, int],
    everyone: frozenset[str],
    vni: int,
    tenant: int,
    key: int,
    takers: frozenset[str],
) -> Block:
    """Counters of a VNI on a chassis of a component that `everyone` has, with these tunnels (remote chassis to OpenFlow port)."""
    why = Why(Feature.COUNTER, tenant, key)
    flows: list[Flow] = []
    for peer in sorted((takers - {chassis}) & tunnels.keys()):
        flows.append(TUN_COUNT_OUT.flow("network", {OFPORT.field: TUNNEL | tunnels[peer], TUN_ID: vni}, why=why))
    if chassis in takers:
        for peer in sorted((everyone - {chassis}) & tunnels.keys()):
            flows.append(TUN_COUNT_IN.flow("network", {IN_PORT: tunnels[peer], TUN_ID: vni}, why=why))
    return Block(tuple(flows))
