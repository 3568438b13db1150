"""Flows every chassis has, whatever the networks: what a miss does, and what routers do for any packet."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network

from ryu_overlay.compiler.balancing import base_flows as balancing
from ryu_overlay.compiler.keys import ICMP, SWAP, TCP, UDP, always, prefix
from ryu_overlay.compiler.limiting import PUNT
from ryu_overlay.compiler.limiting import base_flows as limiting
from ryu_overlay.compiler.paths import base_flows as pathing
from ryu_overlay.compiler.probing import base_flows as probing
from ryu_overlay.openflow.actions import SetField, SetTtl
from ryu_overlay.openflow.actions_nicira import Load
from ryu_overlay.openflow.fields import (
    CT_DNAT,
    CT_SNAT,
    CT_STATE,
    ETH_CFM,
    ETH_IP,
    ETH_TYPE,
    FRAG_LATER,
    ICMP_CODE,
    ICMP_TYPE,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    NW_TTL,
    VLAN_PRESENT,
    VLAN_VID,
)
from ryu_overlay.openflow.flow import Block, Flow, Meter
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.limits import OF_CHECKS
from ryu_overlay.pipeline.registers import ANSWER, FROM_TUNNEL, LINK, OUTSIDE, OWNED, PROBE, TOO_LARGE
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import (
    ARP_METER,
    BEAT_METER,
    BEAT_RATE,
    ECHO_METER,
    EXT_BEAT,
    EXT_CLOCK,
    EXT_IN,
    EXT_LOOKUP,
    EXT_OUT,
    EXT_OWNER,
    EXT_PHYSICAL,
    EXT_RESOLVE,
    EXT_STEADY,
    GUEST_METER,
    HEALTH_METER,
    LB_MEMBER,
    LB_SLOT,
    LR_IN_ADMIT,
    LR_IN_BALANCED,
    LR_IN_OWN,
    LR_IN_RESOLVE,
    LR_IN_ROUTE,
    LR_IN_SERVICE,
    LR_IN_TRACKED,
    LR_IN_TRANSLATED,
    LR_IN_TTL,
    LR_IN_VIP,
    LR_IN_VIP_REPLY,
    LR_IN_VIP_TRACKED,
    LR_OUT_BORDER,
    LR_OUT_EXTERNAL,
    LR_OUT_NO_GATEWAY,
    LR_OUT_OVERSIZE,
    LR_OUT_PORT,
    LR_OUT_SIZE,
    LR_OUT_SNAT,
    LR_OUT_TRACKED,
    LR_OUT_TRANSLATED,
    LR_OUT_UPLINK,
    LS_IN_ARP,
    LS_IN_BALANCED,
    LS_IN_LOOKUP,
    LS_IN_SECURITY,
    LS_IN_VIP,
    LS_IN_VIP_REPLY,
    LS_IN_VIP_TRACKED,
    LS_OUT_BALANCE,
    LS_OUT_PORT,
    LS_OUT_TRACKED,
    OAM_METER,
    ORIGIN_TTL,
    PHY_IN_PORT,
    PHY_IN_TUNNEL,
    PHY_OUT,
    PUNT_METER,
    STEADY_METER,
)

_IP: Match = {ETH_TYPE: ETH_IP}
_BAD_SOURCES = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")
_NO_DESTINATIONS = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")


@lru_cache(maxsize=1)
def base() -> Block:
    """The flows that do not depend on any network."""
    flows = (*_misses(), *_admission(), *_services(), *_ttl(), *_external(), *balancing(), *probing(), *limiting(), *pathing())
    return Block(flows, always().groups)


def meters(rate: int) -> tuple[Meter, ...]:
    """A chassis' own meters: how many packets a second it may send to the controller, and how many beats a second pass."""
    numbers = (PUNT_METER, HEALTH_METER, ARP_METER, OAM_METER, GUEST_METER, ECHO_METER)
    punts = (Meter(number, rate, rate) for number in numbers)
    return *punts, Meter(STEADY_METER, 1, 1), Meter(BEAT_METER, BEAT_RATE, BEAT_RATE)


def _misses() -> list[Flow]:
    drops: list[tuple[Table, Feature]] = [
        (PHY_IN_PORT, Feature.DROP_UNKNOWN_IN_PORT),
        (PHY_IN_TUNNEL, Feature.DROP_UNKNOWN_VNI),
        (LS_IN_SECURITY, Feature.DROP_NOT_ALLOWED_TYPE),
        (LS_IN_LOOKUP, Feature.DROP_UNKNOWN_MAC),
        (LS_IN_VIP, Feature.DROP_VIP_PORT),
        (LR_IN_ADMIT, Feature.DROP_NOT_IPV4),
        *((table, Feature.DROP_NOT_TRACKED) for table in (LS_IN_VIP_TRACKED, LR_IN_TRACKED, LR_IN_VIP_TRACKED, LR_OUT_TRACKED)),
        *((table, Feature.DROP_NAT_EXHAUSTED) for table in (LS_IN_BALANCED, LR_IN_TRANSLATED, LB_SLOT, LB_MEMBER)),
        *((table, Feature.DROP_NAT_EXHAUSTED) for table in (LR_IN_BALANCED, LR_OUT_SNAT, LR_OUT_TRANSLATED)),
        *((table, Feature.DROP_NOT_BOUND) for table in (LR_OUT_PORT, LR_OUT_BORDER, LR_OUT_EXTERNAL, EXT_PHYSICAL)),
        (LS_OUT_PORT, Feature.DROP_NOT_BOUND),
        *((table, Feature.DROP_NOT_HERE) for table in (EXT_IN, EXT_LOOKUP)),
    ]
    onward = [
        *((LS_IN_ARP, LS_IN_LOOKUP), (LR_IN_OWN, LR_IN_TTL), (LR_IN_TTL, LR_IN_ROUTE), (LR_IN_VIP, LR_IN_SERVICE)),
        *((LR_OUT_SIZE, LR_OUT_UPLINK), (LR_OUT_OVERSIZE, LR_OUT_UPLINK), (LR_OUT_UPLINK, LR_IN_RESOLVE)),
        *((LS_OUT_BALANCE, PHY_OUT), (LS_OUT_TRACKED, PHY_OUT)),
        *((EXT_OWNER, EXT_LOOKUP), (EXT_OUT, EXT_PHYSICAL)),
    ]
    punts = [
        (LR_IN_SERVICE, Feature.PUNT_PROTOCOL_UNREACHABLE),
        (LR_IN_ROUTE, Feature.PUNT_NET_UNREACHABLE),
        (LR_OUT_NO_GATEWAY, Feature.PUNT_NET_UNREACHABLE),
        (LR_IN_RESOLVE, Feature.PUNT_HOST_UNREACHABLE),
        (EXT_RESOLVE, Feature.PUNT_UNRESOLVED),
    ]
    flows = [table.flow("miss", {}, why=Why(feature)) for table, feature in drops]
    flows.append(LS_OUT_PORT.flow("stale", {FROM_TUNNEL.field: 1}, why=Why(Feature.DROP_STALE_TUNNEL)))
    flows += [table.flow("miss", {}, goto=to, why=Why(Feature.PIPELINE)) for table, to in onward]
    flows += [table.flow("miss", {}, PUNT, why=Why(feature)) for table, feature in punts]
    health = (SetField(LINK.field, OF_CHECKS), *PUNT)
    return flows + [t.flow("miss", {}, health, why=Why(Feature.PUNT_HEALTH)) for t in (LS_IN_VIP_REPLY, LR_IN_VIP_REPLY)]


def _external() -> list[Flow]:
    """The border and external networks, for any uplink."""
    owned, nothing, clock = OWNED.field, (SetField(OWNED.field, 0),), Why(Feature.CLOCK)
    oversize = Why(Feature.PUNT_FRAGMENTATION_NEEDED)
    to_wire = Why(Feature.EXTERNAL)
    return [
        LR_IN_TRANSLATED.flow("done", {CT_STATE: (CT_DNAT, CT_DNAT)}, goto=LR_IN_OWN, why=Why(Feature.UPLINK)),
        LR_OUT_TRANSLATED.flow("done", {CT_STATE: (CT_SNAT, CT_SNAT)}, goto=LR_OUT_EXTERNAL, why=Why(Feature.UPLINK)),
        LR_OUT_OVERSIZE.flow("oversize", {TOO_LARGE.field: 1}, PUNT, why=oversize),
        EXT_OWNER.flow("elsewhere", {owned: 0, OUTSIDE.field: 0}, goto=EXT_PHYSICAL, why=to_wire),
        *EXT_OWNER.drop("standby", {owned: 0, OUTSIDE.field: 1}, why=Why(Feature.DROP_STANDBY)),
        EXT_OWNER.flow("clock", {owned: 1, ETH_TYPE: ETH_CFM}, goto=EXT_PHYSICAL, why=clock),
        EXT_OWNER.flow("clock", {owned: 0, ETH_TYPE: ETH_CFM}, nothing, why=clock),
        EXT_IN.flow("clock", {ETH_TYPE: ETH_CFM}, nothing, why=clock),
        *(table.flow("miss", {}, nothing, why=clock) for table in (EXT_CLOCK, EXT_BEAT, EXT_STEADY)),
    ]


def _admission() -> list[Flow]:
    tagged: Match = {VLAN_VID: (VLAN_PRESENT, VLAN_PRESENT)}
    flows = [
        *LS_IN_SECURITY.drop("tagged", tagged, why=Why(Feature.DROP_NOT_ALLOWED_TYPE)),
        *LR_IN_ADMIT.drop("tagged", tagged, why=Why(Feature.DROP_NOT_IPV4)),
        LR_IN_ADMIT.flow("ip", _IP, goto=LR_IN_OWN, why=Why(Feature.PIPELINE)),
    ]
    for text in _BAD_SOURCES:
        match: Match = {**_IP, IPV4_SRC: prefix(IPv4Network(text))}
        flows += LR_IN_ADMIT.drop("bad_source", match, why=Why(Feature.DROP_BAD_SOURCE))
    for text in _NO_DESTINATIONS:
        match = {**_IP, IPV4_DST: prefix(IPv4Network(text))}
        flows += LR_IN_OWN.drop("multicast", match, why=Why(Feature.DROP_MULTICAST))
    return flows


def _services() -> list[Flow]:
    # Who sent a probe that is to be delivered is not to get the answer.
    made_here = (SetTtl(ORIGIN_TTL + 1), SetField(ANSWER.field, 1), Load(PROBE.field, 0, 1, 1))
    swap = (*SWAP, *made_here)
    why = Why(Feature.ROUTER_ADDRESS)
    icmp = {**_IP, IP_PROTO: ICMP}

    def punt(proto: int, feature: Feature) -> Flow:
        return LR_IN_SERVICE.flow("protocol", {**_IP, IP_PROTO: proto}, PUNT, why=Why(feature))

    # A later fragment does not say what it is of: two routers would send an echo reply's to and fro.
    fragment = {**icmp, IP_FRAG: FRAG_LATER, ANSWER.field: 0}
    return [
        LR_IN_SERVICE.flow("later_fragment", fragment, swap, goto=LR_IN_ROUTE, why=why),
        LR_IN_SERVICE.flow(
            "echo", {**icmp, ICMP_TYPE: 8, ICMP_CODE: 0}, (*swap, SetField(ICMP_TYPE, 0)), goto=LR_IN_ROUTE, why=why
        ),
        *LR_IN_SERVICE.drop("protocol", icmp, why=Why(Feature.DROP_OWN_ICMP)),
        punt(TCP, Feature.PUNT_TCP_RESET),
        punt(UDP, Feature.PUNT_PORT_UNREACHABLE),
    ]


def _ttl() -> list[Flow]:
    why = Why(Feature.PUNT_TTL_EXCEEDED)
    return [LR_IN_TTL.flow("expired", {**_IP, NW_TTL: ttl}, PUNT, why=why) for ttl in (0, 1)]
