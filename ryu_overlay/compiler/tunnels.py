"""What comes out of tunnels: which port is one, and which switch a VNI means."""

from __future__ import annotations

from collections.abc import Mapping

from ryu_overlay.model.objects import Switch, Tenant
from ryu_overlay.openflow.actions import Resubmit, SetField
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import CAME_BY, DATAPATH, FROM_TUNNEL
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP, PHY_IN_PORT, PHY_IN_TUNNEL, TUN_COUNT_IN


def tunnel_flows(tunnels: Mapping[str, int]) -> Block:
    """Packets that come by one of the chassis' tunnel ports (remote chassis to OpenFlow port)."""
    return Block(tuple(_from_tunnel(port) for port in sorted(tunnels.values())))


def _from_tunnel(port: int) -> Flow:
    mark = (SetField(CAME_BY.field, port), SetField(FROM_TUNNEL.field, 1), Resubmit(TUN_COUNT_IN.number))
    return PHY_IN_PORT.flow("any", {IN_PORT: port}, mark, goto=PHY_IN_TUNNEL, why=Why(Feature.TUNNEL))


def vni_flow(tenant: Tenant, switch: Switch) -> Flow:
    """Packets with the switch's VNI."""
    enter = (SetField(DATAPATH.field, switch.key),)
    why = Why(Feature.TUNNEL, tenant.key, switch.key)
    return PHY_IN_TUNNEL.flow("vni", {TUN_ID: switch.vni}, enter, goto=LS_IN_LOOKUP, why=why)
