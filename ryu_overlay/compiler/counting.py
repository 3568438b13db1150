"""What goes into tunnels and comes out of them, counted for each network and pair of chassis: the difference was lost between.

A chassis counts what it may send in a VNI to each chassis that takes it, and what it may get from each that could send it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ryu_overlay.compiler.part import Part
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Block
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import TUN_COUNT_IN, TUN_COUNT_OUT

Taker = tuple[int, Why, frozenset[str]]
"""A VNI, whose it is, and the chassis that take packets in it."""


def counting_block(chassis: str, part: Part, tunnels: Mapping[str, int]) -> Block:
    """Counters of a part's networks on one chassis with these tunnels (remote chassis to OpenFlow port)."""
    takers = list(_takers(part))
    everyone = frozenset[str]().union(*(names for _, _, names in takers))
    flows = []
    for vni, why, names in takers:
        if chassis in everyone:
            for peer in sorted((names - {chassis}) & tunnels.keys()):
                sent = {OFPORT.field: TUNNEL | tunnels[peer], TUN_ID: vni}
                flows.append(TUN_COUNT_OUT.flow("network", sent, why=why))
        if chassis in names:
            for peer in sorted((everyone - {chassis}) & tunnels.keys()):
                flows.append(TUN_COUNT_IN.flow("network", {IN_PORT: tunnels[peer], TUN_ID: vni}, why=why))
    return Block(tuple(flows))


def _takers(part: Part) -> Iterator[Taker]:
    for view, placement in zip(part.switches, part.placements):
        why = Why(Feature.COUNTER, view.tenant.key, view.switch.key)
        yield view.switch.vni, why, frozenset(placement.chassis)
    for router, gateways in zip(part.routers, part.gateways):
        if router.uplink is not None:
            yield router.uplink.vni, Why(Feature.COUNTER, router.tenant.key, router.uplink.key), frozenset(gateways)
