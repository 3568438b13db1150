"""Broadcast and multicast of a switch: to its ports on this chassis, and once to each other chassis that has it."""

from __future__ import annotations

from collections.abc import Mapping

from ryu_overlay.compiler.keys import into_tunnel
from ryu_overlay.fabric.placement import Placement
from ryu_overlay.model.network import SwitchView
from ryu_overlay.openflow.actions import Action, Resubmit, SetField
from ryu_overlay.openflow.fields import ETH_DST
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, FROM_TUNNEL, OUT_LPORT
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import GROUP_BIT, LS_IN_LOOKUP, LS_OUT_PORT, PHY_OUT

_GROUP: Match = {ETH_DST: (1 << GROUP_BIT, 1 << GROUP_BIT)}


def flood_flows(view: SwitchView, placement: Placement, chassis: str, tunnels: Mapping[str, int]) -> tuple[Flow, ...]:
    """The switch's flooding flows on `chassis`; Open vSwitch itself leaves out the port a packet came by."""
    local: list[Action] = []
    for port in view.ports:
        spot = placement.spots.get(port.key)
        if port.enabled and spot is not None and spot.chassis == chassis and spot.ofport is not None:
            local += [SetField(OUT_LPORT.field, port.key), Resubmit(LS_OUT_PORT.number)]
    others = sorted(tunnels[c] for c in placement.chassis - {chassis} if c in tunnels)
    out = Resubmit(PHY_OUT.number)
    remote: list[Action] = [action for ofport in others for action in (*into_tunnel(view.switch.vni, ofport), out)]
    why = Why(Feature.FLOODING, view.tenant.key, view.switch.key)
    nobody = Why(Feature.DROP_UNKNOWN_MAC, view.tenant.key, view.switch.key)

    def flow(from_tunnel: int, actions: list[Action]) -> Flow:
        match = {DATAPATH.field: view.switch.key, FROM_TUNNEL.field: from_tunnel, **_GROUP}
        return LS_IN_LOOKUP.flow("flood", match, tuple(actions), why=why if actions else nobody)

    return flow(0, local + remote), flow(1, local)
