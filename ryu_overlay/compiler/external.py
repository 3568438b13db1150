"""Flows of an external network on one chassis: what comes from the wire and goes to it, ARP, and whose an address is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.compiler.keys import CONNECTED, OWNER, group_number
from ryu_overlay.compiler.memory import Values
from ryu_overlay.compiler.switching import ARP_REPLY, ARP_REQUEST, arp_reply
from ryu_overlay.compiler.uplink import Border
from ryu_overlay.compiler.using import use_block, whose_flows
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView
from ryu_overlay.model.objects import ExternalNetwork
from ryu_overlay.openflow.actions import (
    Action,
    CtClear,
    ForgetInPort,
    PopVlan,
    Punt,
    PushVlan,
    Resubmit,
    SetField,
    ToGroup,
)
from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SPA,
    ARP_TPA,
    ETH_ARP,
    ETH_CFM,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IN_PORT,
    TUN_ID,
    VLAN_PRESENT,
    VLAN_VID,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Block, Bucket, Flow, Group
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import CAME_BY, DATAPATH, FROM_TUNNEL, HOME, IN_LPORT, LINK, NEXT_HOP, OFPORT, OUTSIDE, OWNED
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import (
    ARP_METER,
    BEAT_METER,
    EXT_BEAT,
    EXT_CLOCK,
    EXT_IN,
    EXT_LOOKUP,
    EXT_OUT,
    EXT_OWNER,
    EXT_PHYSICAL,
    EXT_RESOLVE,
    EXT_STEADY,
    LR_COUNT_IN,
    LR_IN_ADMIT,
    PHY_IN_PORT,
    PHY_OUT,
    STEADY_METER,
    USE_IN_PEER,
    USE_OUT_PEER,
)

CLOCK_MAC = 0x012320000030
"""Where Open vSwitch sends continuity checks of its extended kind: the beats of the clock at the far end of a patch port."""
_BROADCAST = 0xFFFFFFFFFFFF


@dataclass(frozen=True)
class _Holding:
    """One MAC of a router, the external addresses that it answers for, and whether it is here whatever gateways do."""

    border: Border
    mac: str
    addresses: tuple[IPv4Address, ...]
    why: Why
    at_home: bool

    @property
    def decide(self) -> tuple[Action, ...]:
        """What leads to ext_owner, knowing whether this chassis is the one."""
        if self.at_home:
            return SetField(OWNED.field, 1), Resubmit(EXT_OWNER.number)
        return (ToGroup(group_number(OWNER, self.border.uplink.key)),)


def external_block(view: ExternalView, patch: int, neighbours: Mapping[IPv4Address, str]) -> Block:
    """The network on a chassis with the port `patch` towards it."""
    return Block((*_wire(view.network, patch), *_learning(view.network), *_neighbours(view, neighbours), *whose_flows(view)))


def held_block(border: Border, patch: int, tunnels: Mapping[str, int]) -> Block:
    """What is for one border of the network on a chassis where it may be crossed: a block of its own, for there are many."""
    flows = tuple(flow for holding in _holdings(border) for flow in _hold(holding))
    counted = use_block(border)
    groups = (_owner(border, tunnels, patch),) if border.is_gateway else ()
    return Block((*flows, *counted.flows), groups, counted.meters)


def clock_block(patch: int, upstream: Values, tunnels: Mapping[str, int], *borders: Border) -> Block:
    """What beats of the clock behind `patch` do: switches outside learn where the MACs of uplinks are, without a controller.

    Uplinks that are carried here only while others are down send to everybody at each beat. Those that are carried here in the
    first place send once a second, to the upstream gateway only: so that what was carried elsewhere meanwhile comes back.
    `upstream` has its MAC for each border, in their order, or 0. A chassis that none of several tunnels reaches is cut off
    itself, and keeps silent; where there is only one, the other end may be what is down.
    """
    beat: Match = {IN_PORT: patch, ETH_TYPE: ETH_CFM, ETH_DST: CLOCK_MAC}
    why = Why(Feature.CLOCK)
    flows = [PHY_IN_PORT.flow("clock", beat, goto=EXT_CLOCK, meter=BEAT_METER, why=why)]
    first = [(b, mac or _BROADCAST) for b, mac in zip(borders, upstream) if b.is_gateway and b.gateways[0] == b.chassis]
    others = [(b, _BROADCAST) for b in borders if b.is_gateway and b.gateways[0] != b.chassis]
    # A packet is not sent out of the port it came by, and the beat came by the one it has to leave by.
    then = (ForgetInPort(), *_frames(others))
    if first:
        then = (*then, SetField(LINK.field, patch), Resubmit(EXT_STEADY.number))
        steady = tuple(_frames(first))
        flows.append(EXT_STEADY.flow("beat", {LINK.field: patch}, steady, meter=STEADY_METER, why=why))
    if not first and not others:
        return Block(tuple(flows))
    flows.append(EXT_BEAT.flow("beat", {IN_PORT: patch}, then, why=why))
    if len(tunnels) < 2:
        return Block((*flows, EXT_CLOCK.flow("beat", {IN_PORT: patch}, goto=EXT_BEAT, why=why)))
    speak = (Resubmit(EXT_BEAT.number),)
    connected = Group(
        group_number(CONNECTED, patch), tuple(Bucket(speak, watch=port) for _, port in sorted(tunnels.items())), "failover"
    )
    return Block((*flows, EXT_CLOCK.flow("beat", {IN_PORT: patch}, (ToGroup(connected.number),), why=why)), (connected,))


def _frames(borders: Iterable[tuple[Border, int]]) -> Iterator[Action]:
    """A frame from each MAC of uplinks, to the MAC that is given with them."""
    for border, to in borders:
        yield SetField(DATAPATH.field, border.network.key)
        for holding in _holdings(border):
            if not holding.at_home:
                yield SetField(ETH_SRC, mac_to_int(holding.mac))
                yield SetField(ETH_DST, to)
                yield from holding.decide


def _wire(network: ExternalNetwork, patch: int) -> Iterator[Flow]:
    why = Why(Feature.EXTERNAL, key=network.key)
    enter = (SetField(CAME_BY.field, patch), SetField(DATAPATH.field, network.key), SetField(OUTSIDE.field, 1))
    if network.vlan is None:
        yield PHY_IN_PORT.flow("any", {IN_PORT: patch, VLAN_VID: 0}, enter, goto=EXT_IN, why=why)
        yield EXT_PHYSICAL.flow("out", {DATAPATH.field: network.key}, (SetField(OFPORT.field, patch),), goto=PHY_OUT, why=why)
        return
    tag = VLAN_PRESENT | network.vlan
    yield PHY_IN_PORT.flow("any", {IN_PORT: patch, VLAN_VID: tag}, (PopVlan(), *enter), goto=EXT_IN, why=why)
    out = (PushVlan(), SetField(VLAN_VID, tag), SetField(OFPORT.field, patch))
    yield EXT_PHYSICAL.flow("out", {DATAPATH.field: network.key}, out, goto=PHY_OUT, why=why)


def _learning(network: ExternalNetwork) -> Iterator[Flow]:
    """ARP that tells a neighbour's MAC: any reply, and what the upstream gateway announces by itself."""
    here: Match = {DATAPATH.field: network.key, ETH_TYPE: ETH_ARP}
    matches = [{**here, ARP_OP: ARP_REPLY}]
    if network.gateway is not None:
        own = int(network.gateway)
        matches.append({**here, ARP_OP: ARP_REQUEST, ARP_SPA: own, ARP_TPA: own})
    for match in matches:
        yield EXT_IN.flow("learn", match, (Punt(),), meter=ARP_METER, why=Why(Feature.PUNT_ARP, key=network.key))


def _neighbours(view: ExternalView, learned: Mapping[IPv4Address, str]) -> Iterator[Flow]:
    """Next hops: every external address the model has, and what was learned of others."""
    macs: dict[IPv4Address, tuple[str, Why]] = {
        a: (mac, Why(Feature.EXTERNAL, key=view.network.key)) for a, mac in learned.items()
    }
    for router in view.routers:
        uplink, tenant = router.uplink, router.tenant.key
        if uplink is None:
            continue
        macs |= {a: (uplink.mac, Why(Feature.UPLINK, tenant, uplink.key)) for a in own_addresses(router)}
        macs |= {f.address: (f.mac, Why(Feature.FLOATING_IP, tenant, f.key)) for f, _ in router.floating_ips}
    for address, (mac, why) in macs.items():
        match = {DATAPATH.field: view.network.key, NEXT_HOP.field: int(address)}
        # Only what is sent indeed is counted, not what has to be resolved first.
        then = (Resubmit(USE_OUT_PEER.number), SetField(ETH_DST, mac_to_int(mac)))
        yield EXT_RESOLVE.flow("known", match, then, goto=EXT_OUT, why=why)


def _holdings(border: Border) -> Iterator[_Holding]:
    if border.is_gateway:
        yield _Holding(border, border.uplink.mac, border.own, border.why(Feature.UPLINK), False)
    for floating, _ in border.floating_ips:
        why = border.why(Feature.FLOATING_IP, floating.key)
        yield _Holding(border, floating.mac, (floating.address,), why, floating.key in border.at_home)


def _hold(holding: _Holding) -> Iterator[Flow]:
    here: Match = {DATAPATH.field: holding.border.network.key}
    to_mac: Match = {**here, ETH_DST: mac_to_int(holding.mac)}
    yield _known(EXT_IN, to_mac, holding)
    yield _known(EXT_OUT, to_mac, holding)
    yield EXT_LOOKUP.flow("known", to_mac, _enter(holding.border), why=holding.why)
    for address in holding.addresses:
        asked = {**here, ETH_TYPE: ETH_ARP, ARP_OP: ARP_REQUEST, ARP_TPA: int(address)}
        yield EXT_IN.flow("asked", asked, holding.decide, why=holding.why)
        answer = (*arp_reply(holding.mac, int(address)), ForgetInPort())
        yield EXT_LOOKUP.flow("asked", asked, answer, goto=EXT_PHYSICAL, why=holding.why)


def _known(table: Table, match: Match, holding: _Holding) -> Flow:
    return table.flow("known", match, holding.decide, why=holding.why)


def _enter(border: Border) -> tuple[Action, ...]:
    """Into the router by its uplink; conntrack's memory of a pass through another border must not be taken for this one's."""
    came = (SetField(IN_LPORT.field, border.uplink.key), Resubmit(USE_IN_PEER.number))
    # As if it had come by a tunnel of the uplink's: it is not counted as what VMs here send to each other.
    into = (*came, SetField(TUN_ID, border.uplink.vni), SetField(DATAPATH.field, border.view.router.key))
    marks = (SetField(HOME.field, 1), SetField(FROM_TUNNEL.field, 0))
    return CtClear(), *into, *marks, Resubmit(LR_COUNT_IN.number), Resubmit(LR_IN_ADMIT.number)


def _owner(border: Border, tunnels: Mapping[str, int], patch: int) -> Group:
    """Whether this chassis carries the uplink: not while one before it is alive."""
    buckets = []
    for name in border.gateways[: border.gateways.index(border.chassis)]:
        if name in tunnels:
            not_here = (SetField(OWNED.field, 0), Resubmit(EXT_OWNER.number))
            buckets.append(Bucket(not_here, watch=tunnels[name]))
    buckets.append(Bucket((SetField(OWNED.field, 1), Resubmit(EXT_OWNER.number)), watch=patch))
    return Group(group_number(OWNER, border.uplink.key), tuple(buckets), "failover")
