"""Flows of a logical port on one chassis: where its packets come in, what it may send, how packets get to it."""

from __future__ import annotations

from ryu_overlay.compiler.keys import into_tunnel
from ryu_overlay.compiler.switching import ARP_REQUEST
from ryu_overlay.model.objects import Port, Switch, Tenant
from ryu_overlay.openflow.actions import Resubmit, SetField
from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_TPA,
    ETH_ARP,
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    IN_PORT,
    IPV4_SRC,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import CAME_BY, DATAPATH, FROM_TUNNEL, IN_LPORT, OFPORT, OUT_LPORT
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import (
    GROUP_BIT,
    LS_IN_ARP,
    LS_IN_LOOKUP,
    LS_IN_SECURITY,
    LS_OUT_BALANCE,
    LS_OUT_PORT,
    PHY_IN_PORT,
    PHY_OUT,
    USE_INSIDE,
)


def local_flows(tenant: Tenant, switch: Switch, port: Port, ofport: int, balanced: bool = False) -> tuple[Flow, ...]:
    """The port is bound on this chassis, at OpenFlow port `ofport`. `balanced`: its tenant has load balancers."""
    if not port.enabled:
        why = Why(Feature.DROP_PORT_DISABLED, tenant.key, port.key)
        return (
            PHY_IN_PORT.flow("refused", {IN_PORT: ofport}, why=why),
            LS_OUT_PORT.flow("refused", {OUT_LPORT.field: port.key}, why=why),
        )
    binding = Why(Feature.BINDING, tenant.key, port.key)
    came = (SetField(CAME_BY.field, ofport), SetField(IN_LPORT.field, port.key))
    enter = (SetField(DATAPATH.field, switch.key), *came)
    to_port, deliver = {OUT_LPORT.field: port.key}, (Resubmit(USE_INSIDE.number), SetField(OFPORT.field, ofport))
    flows = [*_hairpin(tenant, switch, port)]
    flows.append(LS_OUT_PORT.flow("local", to_port, deliver, goto=LS_OUT_BALANCE if balanced else PHY_OUT, why=binding))
    if port.port_security:
        mac = {IN_PORT: ofport, ETH_SRC: mac_to_int(port.mac)}
        spoofed = Why(Feature.DROP_SPOOFED_MAC, tenant.key, port.key)
        flows.append(PHY_IN_PORT.flow("mac", mac, enter, goto=LS_IN_SECURITY, why=binding))
        flows.append(PHY_IN_PORT.flow("refused", {IN_PORT: ofport}, why=spoofed))
        flows += _security(tenant, port)
    else:
        # IEEE 802.3 section 3.2.3: a group sends nothing. In tunnels that bit marks probes.
        group: Match = {IN_PORT: ofport, ETH_SRC: (1 << GROUP_BIT, 1 << GROUP_BIT)}
        flows += PHY_IN_PORT.drop("mac", group, why=Why(Feature.DROP_SPOOFED_MAC, tenant.key, port.key))
        flows.append(PHY_IN_PORT.flow("any", {IN_PORT: ofport}, enter, goto=LS_IN_ARP, why=binding))
    for address in port.addresses:
        own = {IN_LPORT.field: port.key, ETH_TYPE: ETH_ARP, ARP_OP: ARP_REQUEST, ARP_TPA: int(address)}
        flows.append(LS_IN_ARP.flow("own", own, goto=LS_IN_LOOKUP, why=Why(Feature.ARP, tenant.key, port.key)))
    return tuple(flows)


def remote_flows(tenant: Tenant, switch: Switch, port: Port, tunnel: int) -> tuple[Flow, ...]:
    """The port is bound on another chassis, behind the OpenFlow port `tunnel`."""
    if not port.enabled:
        why = Why(Feature.DROP_PORT_DISABLED, tenant.key, port.key)
        return (LS_OUT_PORT.flow("refused", {OUT_LPORT.field: port.key}, why=why),)
    why = Why(Feature.TUNNEL, tenant.key, port.key)
    match = {OUT_LPORT.field: port.key, FROM_TUNNEL.field: 0}
    into = (Resubmit(USE_INSIDE.number), *into_tunnel(switch.vni, tunnel))
    return (LS_OUT_PORT.flow("remote", match, into, goto=PHY_OUT, why=why),)


def _hairpin(tenant: Tenant, switch: Switch, port: Port) -> tuple[Flow, Flow]:
    match = {DATAPATH.field: switch.key, IN_LPORT.field: port.key, ETH_DST: mac_to_int(port.mac)}
    return LS_IN_LOOKUP.drop("hairpin", match, why=Why(Feature.DROP_HAIRPIN, tenant.key, port.key))


def _security(tenant: Tenant, port: Port) -> list[Flow]:
    here = {IN_LPORT.field: port.key}
    arp = {**here, ETH_TYPE: ETH_ARP}
    honest_arp = {**arp, ARP_SHA: mac_to_int(port.mac)}
    allow = Why(Feature.PORT_SECURITY, tenant.key, port.key)
    claims = [0, *(int(a) for a in port.addresses)]  # 0: an ARP probe (RFC 5227)
    flows = [LS_IN_SECURITY.flow("allow", {**honest_arp, ARP_SPA: a}, goto=LS_IN_ARP, why=allow) for a in claims]
    for address in port.addresses:
        match = {**here, ETH_TYPE: ETH_IP, IPV4_SRC: int(address)}
        flows.append(LS_IN_SECURITY.flow("allow", match, goto=LS_IN_LOOKUP, why=allow))
    spoofed_ip = Why(Feature.DROP_SPOOFED_IP, tenant.key, port.key)
    spoofed_arp = Why(Feature.DROP_SPOOFED_ARP, tenant.key, port.key)
    flows.append(LS_IN_SECURITY.flow("spoofed", {**here, ETH_TYPE: ETH_IP}, why=spoofed_ip))
    flows.append(LS_IN_SECURITY.flow("spoofed", arp, why=spoofed_arp))
    return flows
