"""Flows of load balancers: how a new connection gets its member, on a router and on a switch.

A connection's member is kept by conntrack where the client is: on the client's own chassis, in the tenant's zone, or on the
gateway, in the uplink's. What the member sends back goes straight to the client's chassis, so it is translated there, at
delivery (`delivery_block`). A member that gets its own connection would see itself as the sender; it sees the virtual address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ryu_overlay.compiler.keys import ICMP, IP, KNOWN, NEW, RELATED, from_port, to_port
from ryu_overlay.compiler.shares import blocks_of, shares
from ryu_overlay.compiler.switching import arp_answer
from ryu_overlay.model.network import BalancerView, RouterView, SwitchView
from ryu_overlay.model.objects import Member, Port
from ryu_overlay.model.walk_values import ICMP_ERRORS
from ryu_overlay.openflow.actions import Action, Ct, CtClear, ForgetInPort, Move, Multipath, Nat, Resubmit, SetField, ToGroup
from ryu_overlay.openflow.fields import (
    CT_DNAT,
    CT_RPL,
    CT_STATE,
    ETH_DST,
    ETH_SRC,
    ICMP_TYPE,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Block, Flow, Group
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import CHOSEN, DATAPATH, IN_LPORT, LINK, SOURCE, ZONE
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import (
    LB_MEMBER,
    LB_SLOT,
    LR_IN_BALANCED,
    LR_IN_OWN,
    LR_IN_SERVICE,
    LR_IN_TTL,
    LR_IN_VIP,
    LR_IN_VIP_REPLY,
    LR_IN_VIP_TRACKED,
    LS_IN_BALANCED,
    LS_IN_LOOKUP,
    LS_IN_VIP,
    LS_IN_VIP_REPLY,
    LS_IN_VIP_TRACKED,
    LS_OUT_BALANCE,
    LS_OUT_TRACKED,
    PHY_OUT,
)

_TRANSLATED: Match = {CT_STATE: (CT_DNAT, CT_DNAT)}
_REPLY: Match = {CT_STATE: (CT_RPL, CT_RPL)}


@dataclass(frozen=True)
class Choice:
    """How a load balancer chooses a member for a new connection: of those that are bound, live and not drained, by weight."""

    view: BalancerView
    alive: tuple[Member, ...]

    @property
    def why(self) -> Why:
        return Why(Feature.BALANCING, self.view.tenant.key, self.view.balancer.key)

    @property
    def actions(self) -> tuple[Action, ...]:
        """What leads to the member. Open vSwitch hashes UDP for groups without its ports, so UDP is shared out by slot."""
        key = self.view.balancer.key
        if self.view.balancer.protocol == "tcp":
            return (ToGroup(key),)
        slots = sum(share for _, share in self.shares)
        return SetField(CHOSEN.field, key), Multipath("symmetric_l3l4+udp", slots, LINK.field), Resubmit(LB_SLOT.number)

    @cached_property
    def shares(self) -> tuple[tuple[Member, int], ...]:
        return tuple(zip(self.alive, shares([m.weight for m in self.alive])))

    def block(self) -> Block:
        """The group, or for UDP the slots."""
        if not self.alive:
            return Block()
        if self.view.balancer.protocol == "tcp":
            ways = [(SetField(CHOSEN.field, m.key), Resubmit(LB_MEMBER.number)) for m, share in self.shares for _ in range(share)]
            return Block((), (Group(self.view.balancer.key, tuple(ways)),))
        flows = []
        first = 0
        for member, share in self.shares:
            for value, mask in blocks_of(first, share):
                match: Match = {CHOSEN.field: self.view.balancer.key, LINK.field: (value, mask)}
                flows.append(LB_SLOT.flow("slot", match, (SetField(CHOSEN.field, member.key),), goto=LB_MEMBER, why=self.why))
            first += share
        return Block(tuple(flows))


def router_block(view: RouterView, choices: tuple[Choice, ...]) -> Block:
    """The load balancers on a router, for clients inside. What comes by the uplink is the uplink's."""
    flows: list[Flow] = []
    groups: list[Group] = []
    here: Match = {DATAPATH.field: view.router.key}
    for vip, choice in {c.view.balancer.vip: c for c in reversed(choices)}.items():
        match = {**here, **IP, IPV4_DST: int(vip)}
        flows.append(LR_IN_OWN.flow("vip", match, goto=LR_IN_VIP, why=choice.why))
    for choice in choices:
        lb, zone = choice.view.balancer, choice.view.tenant.key
        service = {**here, **to_port(lb.protocol, lb.port), IPV4_DST: int(lb.vip)}
        flows += _lookup(choice, service, here, LR_IN_VIP, LR_IN_VIP_TRACKED, LR_IN_VIP_REPLY)
        if choice.alive:
            flows.append(LR_IN_VIP_TRACKED.flow("new", {**service, **NEW}, choice.actions, why=choice.why))
        else:
            flows.append(LR_IN_VIP_TRACKED.flow("new", {**service, **NEW}, goto=LR_IN_SERVICE, why=choice.why))
        for member, port in choice.view.members:
            flows.append(_member(choice, member, port, LR_IN_BALANCED))
            known = (CtClear(), Ct(zone, LR_IN_TTL.number, nat=Nat()))
            chosen = (CtClear(), Ct(zone, LR_IN_TTL.number, commit=True, nat=Nat("src", int(lb.vip))))
            flows += _itself(choice, member, port, here, LR_IN_BALANCED, known, chosen)
        made = choice.block()
        flows += made.flows
        groups += made.groups
    return Block(_once(flows), tuple(groups))


def switch_block(view: SwitchView, choices: tuple[Choice, ...]) -> Block:
    """The load balancers on a switch. Several at one address share the MAC of the first."""
    flows: list[Flow] = []
    groups: list[Group] = []
    here: Match = {DATAPATH.field: view.switch.key}
    macs = {c.view.balancer.vip: c for c in reversed(choices)}
    for vip, choice in macs.items():
        lb = choice.view.balancer
        flows.append(LS_IN_LOOKUP.flow("mac", {**here, ETH_DST: mac_to_int(lb.mac)}, goto=LS_IN_VIP, why=choice.why))
        flows.append(arp_answer(view.switch, lb.mac, int(vip), choice.why))
    for choice in choices:
        lb, zone = choice.view.balancer, choice.view.tenant.key
        service = {**here, **to_port(lb.protocol, lb.port), IPV4_DST: int(lb.vip)}
        flows += _lookup(choice, service, here, LS_IN_VIP, LS_IN_VIP_TRACKED, LS_IN_VIP_REPLY)
        if choice.alive:
            flows.append(LS_IN_VIP_TRACKED.flow("new", {**service, **NEW}, choice.actions, why=choice.why))
        else:
            nobody = Why(Feature.DROP_NO_MEMBER, choice.view.tenant.key, lb.key)
            flows += LS_IN_VIP_TRACKED.drop("new", {**service, **NEW}, why=nobody)
        for member, port in choice.view.members:
            flows.append(_member(choice, member, port, LS_IN_BALANCED))
            flows += _on_switch(choice, port, here)
            arrive = (*_arrive(port), SetField(ETH_SRC, mac_to_int(macs[lb.vip].view.balancer.mac)), CtClear())
            known = (*arrive, Ct(zone, LS_IN_LOOKUP.number, nat=Nat()))
            chosen = (*arrive, Ct(zone, LS_IN_LOOKUP.number, commit=True, nat=Nat("src", int(lb.vip))))
            flows += _itself(choice, member, port, here, LS_IN_BALANCED, known, chosen)
        made = choice.block()
        flows += made.flows
        groups += made.groups
    return Block(_once(flows), tuple(groups))


def delivery_block(view: SwitchView, balancers: tuple[BalancerView, ...]) -> Block:
    """What is delivered on a switch of a tenant with load balancers, to clients among its ports."""
    here: Match = {DATAPATH.field: view.switch.key}
    flows: list[Flow] = []
    for balancer in balancers:
        zone, why = balancer.tenant.key, Why(Feature.BALANCING, balancer.tenant.key, balancer.balancer.key)
        lookup = (Move(IPV4_SRC, SOURCE.field), CtClear(), Ct(zone, LS_OUT_TRACKED.number, nat=Nat()))
        for kind in ICMP_ERRORS:
            error = {**here, **IP, IP_PROTO: ICMP, ICMP_TYPE: kind}
            flows.append(LS_OUT_BALANCE.flow("error", error, lookup, why=Why(Feature.BALANCING, balancer.tenant.key)))
        for member, port in balancer.members:
            source = int(port.addresses[0])
            match = {**here, **from_port(balancer.balancer.protocol, balancer.number(member)), IPV4_SRC: source}
            flows.append(LS_OUT_BALANCE.flow("member", match, lookup, why=why))
            match = {**here, **RELATED, SOURCE.field: source}
            flows.append(LS_OUT_TRACKED.flow("member", match, goto=PHY_OUT, why=why))
    return Block(_once(flows))


def _once(flows: list[Flow]) -> tuple[Flow, ...]:
    """The first of flows with the same match: a member may stand behind several load balancers."""
    return tuple({flow.key: flow for flow in reversed(flows)}.values())


def _lookup(choice: Choice, service: Match, here: Match, table: Table, tracked: Table, reply: Table) -> Iterator[Flow]:
    lb, zone = choice.view.balancer, choice.view.tenant.key
    lookup = (SetField(ZONE.field, zone), CtClear(), Ct(zone, tracked.number, nat=Nat()))
    yield table.flow("service", service, lookup, why=choice.why)
    for member, port in choice.view.members:
        match = {**here, **from_port(lb.protocol, choice.view.number(member)), IPV4_DST: int(lb.vip)}
        match = {**match, IPV4_SRC: int(port.addresses[0])}
        yield table.flow("reply", match, (CtClear(), Ct(zone, reply.number, nat=Nat())), why=choice.why)


def _member(choice: Choice, member: Member, port: Port, then: Table) -> Flow:
    number = choice.view.number(member)
    nat = Nat("dst", int(port.addresses[0]), ports=(number, number))
    why = Why(Feature.BALANCING, choice.view.tenant.key, member.key)
    return LB_MEMBER.flow(
        "member", {**IP, CHOSEN.field: member.key}, (Ct(ZONE.field, then.number, commit=True, nat=nat),), why=why
    )


def _itself(
    choice: Choice, member: Member, port: Port, here: Match, table: Table, known: tuple[Action, ...], chosen: tuple[Action, ...]
) -> Iterator[Flow]:
    address = int(port.addresses[0])
    match = {**here, **_TRANSLATED, **IP, IPV4_SRC: address, IPV4_DST: address}
    yield table.flow("itself", match, known, why=choice.why)
    yield table.flow("itself_chosen", {**match, CHOSEN.field: member.key}, chosen, why=choice.why)


def _arrive(port: Port) -> tuple[Action, ...]:
    return SetField(ETH_DST, mac_to_int(port.mac)), SetField(IN_LPORT.field, 0), ForgetInPort()


def _on_switch(choice: Choice, port: Port, here: Match) -> Iterator[Flow]:
    to = {**here, **IP, IPV4_DST: int(port.addresses[0])}
    again = Resubmit(LS_IN_LOOKUP.number)
    mac = SetField(ETH_DST, mac_to_int(port.mac))
    yield LS_IN_BALANCED.flow("chosen", {**to, **_TRANSLATED}, (mac, again), why=choice.why)
    yield LS_IN_VIP_REPLY.flow("known", {**to, **_REPLY}, (*_arrive(port), again), why=choice.why)


def base_flows() -> list[Flow]:
    """What is the same for every load balancer."""
    why = Why(Feature.BALANCING)
    flows = [
        LR_IN_BALANCED.flow("chosen", _TRANSLATED, goto=LR_IN_TTL, why=why),
        LR_IN_VIP_REPLY.flow("known", _REPLY, goto=LR_IN_TTL, why=why),
        LS_OUT_TRACKED.flow("error", {**RELATED, **IP}, (Move(SOURCE.field, IPV4_SRC),), goto=PHY_OUT, why=why),
    ]
    for known in KNOWN:
        flows.append(LR_IN_VIP_TRACKED.flow("known", known, goto=LR_IN_BALANCED, why=why))
        flows.append(LS_IN_VIP_TRACKED.flow("known", known, goto=LS_IN_BALANCED, why=why))
    return flows
