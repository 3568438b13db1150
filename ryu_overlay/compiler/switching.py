"""Flows of a switch that are the same on every chassis it reaches: ARP answers and the way from MAC to port."""

from __future__ import annotations

from ryu_overlay.model.network import SwitchView
from ryu_overlay.model.objects import Port, RouterPort, Switch, Tenant
from ryu_overlay.openflow.actions import Action, ForgetInPort, Move, Resubmit, SetField
from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_ARP,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, OUT_LPORT
from ryu_overlay.pipeline.tables import LR_COUNT_IN, LR_IN_ADMIT, LS_IN_ARP, LS_IN_LOOKUP, LS_OUT_PORT

ARP_REQUEST, ARP_REPLY = 1, 2


def port_flows(tenant: Tenant, switch: Switch, port: Port) -> tuple[Flow, ...]:
    """What the switch knows of one of its ports."""
    lookup = LS_IN_LOOKUP.flow(
        "mac",
        {DATAPATH.field: switch.key, ETH_DST: mac_to_int(port.mac)},
        (SetField(OUT_LPORT.field, port.key),),
        goto=LS_OUT_PORT,
        why=Why(Feature.SWITCHING, tenant.key, port.key),
    )
    why = Why(Feature.ARP, tenant.key, port.key)
    return lookup, *(arp_answer(switch, port.mac, int(a), why) for a in port.addresses)


def router_port_flows(view: SwitchView, port: RouterPort, router_key: int) -> tuple[Flow, ...]:
    """What the switch knows of a router port attached to it."""
    tenant, switch = view.tenant, view.switch
    into = (SetField(DATAPATH.field, router_key), SetField(IN_LPORT.field, port.key), Resubmit(LR_COUNT_IN.number))
    lookup = LS_IN_LOOKUP.flow(
        "mac",
        {DATAPATH.field: switch.key, ETH_DST: mac_to_int(port.mac)},
        into,
        goto=LR_IN_ADMIT,
        why=Why(Feature.ROUTING, tenant.key, port.key),
    )
    why = Why(Feature.ARP, tenant.key, port.key)
    return lookup, *(arp_answer(switch, port.mac, int(a.ip), why) for a in port.addresses)


def arp_reply(mac: str, address: int) -> tuple[Action, ...]:
    """RFC 826, in place of the owner: the sender's addresses become the target's, the owner's the sender's."""
    owner = mac_to_int(mac)
    return (
        Move(ETH_SRC, ETH_DST),
        SetField(ETH_SRC, owner),
        SetField(ARP_OP, ARP_REPLY),
        Move(ARP_SHA, ARP_THA),
        SetField(ARP_SHA, owner),
        Move(ARP_SPA, ARP_TPA),
        SetField(ARP_SPA, address),
    )


def arp_answer(switch: Switch, mac: str, address: int, why: Why) -> Flow:
    """The switch answers requests for `address` with `mac`."""
    match = {DATAPATH.field: switch.key, ETH_TYPE: ETH_ARP, ARP_OP: ARP_REQUEST, ARP_TPA: address}
    back = (Move(IN_LPORT.field, OUT_LPORT.field), ForgetInPort())
    return LS_IN_ARP.flow("answer", match, (*arp_reply(mac, address), *back), goto=LS_OUT_PORT, why=why)
