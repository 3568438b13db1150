"""The reference walk: what the logical network means for one packet.

The oracle that compiled flows are tested against, so it is written from the meaning of switches and routers and knows
no chassis, binding, table or flow. It favours being evidently right over being fast. In short:

1. A VIF sends. A disabled port drops it; port security drops what is not the port's own.
2. The switch answers ARP requests for addresses it knows, except the sender's own.
3. The switch looks the destination MAC up: a group is flooded to ports, a port's leads there, a router port's into it, a load
   balancer's to a member.
4. The router answers what is for itself, gives what is for a virtual address to a member, refuses what must not be routed,
   takes one off the TTL, and finds the next hop by longest prefix. What is larger than the out port's MTU is told so.
5. The next hop's owner is found in the switch (back to 3), is the peer (back to 4) at the other end of the out port, or is
   behind the uplink.
6. At the border of an uplink addresses are translated (`walk_border`). In the external network the next hop is another
   router's address (back to 4, in by its border) or one outside: the packet leaves.
7. A port that is not disabled gets the packet.

Answers start at the device that makes them and go the same ways. A loop ends when the TTL does. A connection is known from
its first packet on: `after` names the paths of packets that went before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from ryu_overlay.model import walk_rules as rules
from ryu_overlay.model.external import own_addresses, port_mtu
from ryu_overlay.model.network import BalancerView, Network, RouterView, SwitchView
from ryu_overlay.model.objects import Member, Port, Ref, RouterPort
from ryu_overlay.model.walk_border import (
    Facts,
    Translate,
    balance,
    delivered,
    is_from_member,
    service,
    vip_mac,
    vip_of,
)
from ryu_overlay.model.walk_choice import Choose, every, first
from ryu_overlay.model.walk_memory import Memory, remembered
from ryu_overlay.model.walk_outside import in_external, into_border, out_of_border
from ryu_overlay.model.walk_steps import (
    Admitted,
    FromPort,
    InExternal,
    InRouter,
    InSwitch,
    IntoBorder,
    OutOfBorder,
    Served,
    Step,
    ToPort,
    Trail,
)
from ryu_overlay.model.walk_values import (
    NOT_KNOWN,
    Answered,
    AnswerKind,
    AtBalancer,
    AtBorder,
    AtPort,
    AtRouter,
    AtSwitch,
    Delivered,
    Dropped,
    DropReason,
    Hop,
    Ip,
    Outcome,
    Packet,
    Path,
    Position,
)

__all__ = ["Choose", "Facts", "walk", "walk_from", "walk_in", "walks", "walks_in"]

NO_FACTS = Facts()


def walk(
    network: Network,
    port: Port,
    packet: Packet,
    choose: Choose = first,
    facts: Facts = NO_FACTS,
    after: Iterable[Path] = (),
) -> Path:
    """The way of `packet` sent by the VIF of `port`, a port of `network`. Among equal ways `choose` decides.

    The network is one that `validate` accepts. Raises KeyError when the port's switch is not in the network.
    """
    return _walk(network, FromPort(port, packet), choose, facts, after)


def walk_in(
    network: Network,
    external: Ref,
    packet: Packet,
    choose: Choose = first,
    facts: Facts = NO_FACTS,
    after: Iterable[Path] = (),
) -> Path:
    """The way of `packet` that comes from the wire of an external network, untagged. Raises KeyError for an unknown network."""
    return _walk(network, InExternal(network.external_views[external], None, packet), choose, facts, after)


def walk_from(
    network: Network, router: Ref, ip: Ip, choose: Choose = first, facts: Facts = NO_FACTS, after: Iterable[Path] = ()
) -> Path:
    """The way of what a router itself sends, from an address of its own. Raises KeyError for an unknown router."""
    trail = Trail(network, choose, facts, Memory(remembered(after)))
    return _Walk(trail, says_itself=True).out_of(network.router_views[router], ip)


def walks(network: Network, port: Port, packet: Packet, facts: Facts = NO_FACTS, after: Iterable[Path] = ()) -> frozenset[Path]:
    """Every path that `packet` may take: one for each choice among equal ways, on the way and on answers' way back.

    There may be as many as the product of all that could be chosen. Raises as `walk` does.
    """
    before = tuple(after)
    return every(lambda choose: walk(network, port, packet, choose, facts, before))


def walks_in(
    network: Network, external: Ref, packet: Packet, facts: Facts = NO_FACTS, after: Iterable[Path] = ()
) -> frozenset[Path]:
    """`walks` for a packet from the wire. Raises as `walk_in` does."""
    before = tuple(after)
    return every(lambda choose: walk_in(network, external, packet, choose, facts, before))


def _walk(network: Network, step: Step, choose: Choose, facts: Facts, after: Iterable[Path]) -> Path:
    return _Walk(Trail(network, choose, facts, Memory(remembered(after)))).run(step)


class _Walk:
    """One packet's way in the making. Each step gives the next one, or the outcome."""

    def __init__(self, trail: Trail, says_itself: bool = False) -> None:
        """`says_itself`: the packet is what a router answers from an address of its own."""
        self._trail = trail
        self._network = trail.network
        self._says_itself = says_itself

    def run(self, step: Step | Outcome) -> Path:
        while isinstance(step, Step):
            step = self._next(step)
        return Path(tuple(self._trail.hops), step, tuple(self._trail.begun))

    def out_of(self, view: RouterView, ip: Ip) -> Path:
        """What a router makes begins where it looks up its routes; no MAC of it means anything yet."""
        return self.run(self._route(view, None, Packet(NOT_KNOWN, NOT_KNOWN, ip), ip))

    def _next(self, step: Step) -> Step | Outcome:
        match step:
            case FromPort(port, packet):
                return self._from_port(port, packet)
            case InSwitch(view, sender, packet):
                return self._in_switch(view, sender, packet)
            case InRouter(port, packet):
                return self._in_router(port, packet)
            case Admitted(router, port, packet):
                return self._admitted(router, port, packet)
            case Served(router, port, packet, at):
                return self._serve(router, port, packet, at)
            case IntoBorder():
                return into_border(self._trail, step)
            case OutOfBorder():
                return out_of_border(self._trail, step, self._says_itself)
            case InExternal():
                return in_external(self._trail, step)
            case ToPort(port, packet):
                return self._to_port(port, packet)

    def _pass(self, position: Position, packet: Packet) -> None:
        self._trail.passes(position, packet)

    def _from_port(self, port: Port, packet: Packet) -> Step | Outcome:
        at = AtPort(port.ref, "from")
        self._pass(at, packet)
        if not port.enabled:
            return Dropped(DropReason.PORT_DISABLED, at)
        reason = rules.refused(port, packet)
        if reason is not None:
            return Dropped(reason, at)
        return InSwitch(self._network.switch_views[port.tenant, port.switch], port, packet)

    def _to_port(self, port: Port, packet: Packet) -> Outcome:
        at = AtPort(port.ref, "to")
        if not port.enabled:
            self._pass(at, packet)
            return Dropped(DropReason.PORT_DISABLED, at)
        balancers = self._network.balancers.get(port.tenant, ())
        if balancers and isinstance(packet.body, Ip):
            after = replace(packet, body=delivered(balancers, (port.tenant,), packet.body, self._trail.memory))
            if after != packet:
                self._trail.passes(at, packet, after)
                return Delivered(((port, after),))
        self._pass(at, packet)
        return Delivered(((port, packet),))

    def _in_switch(self, view: SwitchView, sender: Port | None, packet: Packet) -> Step | Outcome:
        at = AtSwitch(view.switch.ref)
        self._pass(at, packet)
        if sender is not None:
            reply = rules.arp_reply(view, sender, packet)
            if reply is not None:
                way_back = Path((Hop(AtPort(sender.ref, "to"), reply),), Delivered(((sender, reply),)))
                return Answered(AnswerKind.ARP_REPLY, view.switch.ref, reply, way_back)
        if rules.is_group(packet.eth_dst):
            return self._flood(view, sender, packet)
        for port in view.ports:
            if port.mac == packet.eth_dst:
                hairpin = sender is not None and port.ref == sender.ref
                return Dropped(DropReason.HAIRPIN, at) if hairpin else ToPort(port, packet)
        for router_port in view.router_ports:
            if router_port.mac == packet.eth_dst:
                return InRouter(router_port, packet)
        if vip_of(view, packet.eth_dst):
            return self._at_vip(view, sender, packet)
        return Dropped(DropReason.UNKNOWN_MAC, at)

    def _flood(self, view: SwitchView, sender: Port | None, packet: Packet) -> Outcome:
        others = [p for p in view.ports if p.enabled and (sender is None or p.ref != sender.ref)]
        for port in others:
            self._pass(AtPort(port.ref, "to"), packet)
        return Delivered(tuple((port, packet) for port in others))

    def _at_vip(self, view: SwitchView, sender: Port | None, packet: Packet) -> Step | Outcome:
        """At a virtual address on a switch: on to a member's MAC."""
        at, ip = AtSwitch(view.switch.ref), packet.body
        balancer = service(view.balancers, ip) if isinstance(ip, Ip) else None
        if not isinstance(ip, Ip) or (balancer is None and not is_from_member(view.balancers, ip)):
            return Dropped(DropReason.VIP_PORT, at)
        decision = self._balance(balancer, view.tenant.ref, packet)
        if not isinstance(decision, Translate):
            return Dropped(decision, at)
        after = decision.after
        macs = {address: port.mac for port in view.ports for address in port.addresses}
        sent = Packet(packet.eth_src, macs[after.dst], after)
        if balancer is None:
            return InSwitch(view, None, sent)
        if after.src != ip.src:
            return InSwitch(view, None, replace(sent, eth_src=vip_mac(view, after.src)))
        return InSwitch(view, sender, sent)

    def _balance(self, balancer: BalancerView | None, tenant: Ref, packet: Packet) -> Translate | DropReason:
        """To a member, or (without `balancer`) from a member back to itself by way of the virtual address."""
        ip, trail = packet.body, self._trail
        assert isinstance(ip, Ip)
        if balancer is None:
            found = trail.memory.find(tenant, ip)
            is_reply = found is not None and found.is_reply
            return Translate(None, found.after, known=True) if found is not None and is_reply else DropReason.HEALTH
        choose = trail.chooser(balancer.balancer.ref, ip.src, ip.l4)
        decision = balance(balancer, ip, trail.memory, trail.facts, choose)
        if isinstance(decision, Translate) and isinstance(decision.by, Member):
            at = AtBalancer(balancer.balancer.ref, decision.by, decision.known)
            trail.passes(at, packet, replace(packet, body=decision.after))
            trail.begin(decision.begins)
        return decision

    def _in_router(self, port: RouterPort, packet: Packet) -> Step | Outcome:
        view = self._network.router_views[port.tenant, port.router]
        reason = rules.not_routable(packet)
        if reason is not None:
            return self._end(view, port, packet, reason)
        return Admitted(view, port, packet) if port.external is None else IntoBorder(view, port, packet)

    def _admitted(self, view: RouterView, port: RouterPort, packet: Packet) -> Step | Outcome:
        ip = packet.body
        assert isinstance(ip, Ip)
        if any(b.balancer.vip == ip.dst for b in view.balancers):
            balancer = service(view.balancers, ip)
            if balancer is None and not is_from_member(view.balancers, ip):
                return Served(view, port, packet, None)
            decision = self._balance(balancer, view.tenant.ref, packet)
            if decision is DropReason.NO_MEMBER:
                return Served(view, port, packet, None)
            if not isinstance(decision, Translate):
                return self._end(view, port, packet, decision)
            packet = replace(packet, body=decision.after)
        elif port.external is None and ip.dst in own_addresses(view):
            if rules.is_answered_inside(view, ip):
                return Served(view, port, packet, None)
            # Only at the border can an answer to a translated connection be told from a packet to the router.
            return self._route(view, port, packet, replace(ip, ttl=max(ip.ttl - 1, 0)))
        elif rules.owns(view, ip.dst):
            return Served(view, port, packet, None)
        elif rules.is_no_destination(ip.dst):
            return self._end(view, port, packet, DropReason.MULTICAST)
        elif rules.is_subnet_end(view, ip.dst):
            return self._end(view, port, packet, DropReason.DIRECTED_BROADCAST)
        return self._forward(view, port, packet)

    def _serve(self, view: RouterView, port: RouterPort, packet: Packet, at: AtBorder | None) -> Outcome:
        ip = packet.body
        assert isinstance(ip, Ip)
        kind = rules.answer_at_own_address(ip, self._says_itself)
        if kind is None:
            return self._end(view, port, packet, DropReason.OWN_ICMP, at)
        return self._answer(kind, view, port, packet, ip.dst, at)

    def _forward(self, view: RouterView, port: RouterPort, packet: Packet) -> Step | Outcome:
        ip = packet.body
        assert isinstance(ip, Ip)
        if ip.ttl <= 1:
            return self._answer(AnswerKind.TTL_EXCEEDED, view, port, packet)
        return self._route(view, port, packet, replace(ip, ttl=ip.ttl - 1))

    def _route(self, view: RouterView, in_port: RouterPort | None, packet: Packet, ip: Ip) -> Step | Outcome:
        """Send `packet` on as `ip`. The router made it itself if there is no `in_port`."""
        if rules.is_subnet_end(view, ip.dst):
            return self._end(view, in_port, packet, DropReason.DIRECTED_BROADCAST)
        hops = rules.next_hops(view, ip.dst)
        if not hops:
            return self._answer(AnswerKind.NET_UNREACHABLE, view, in_port, packet)
        hop = self._one_of(hops, view, ip)
        out_port = rules.connected_port(view, hop)
        if out_port is not None and rules.must_be_cut(ip, port_mtu(view, out_port, self._trail.facts.mtu)) and ip.df:
            return self._answer(AnswerKind.FRAGMENTATION_NEEDED, view, in_port, packet)
        step = None if out_port is None else self._resolve(view, in_port, out_port, hop, packet, ip)
        if out_port is None or step is None:
            return self._answer(AnswerKind.HOST_UNREACHABLE, view, in_port, packet)
        self._pass(_at(view, in_port, out_port), packet)
        return step

    def _one_of(self, hops: tuple[IPv4Address, ...], view: RouterView, ip: Ip) -> IPv4Address:
        if len(hops) == 1:
            return hops[0]
        connection = (view.router.ref, hops, ip.src, ip.dst, ip.proto, None if ip.later_fragment else ip.l4)
        return self._trail.one_of(connection, hops)

    def _resolve(
        self, view: RouterView, in_port: RouterPort | None, out_port: RouterPort, hop: IPv4Address, packet: Packet, ip: Ip
    ) -> Step | None:
        """Where the packet gets by `out_port`, with the MAC of whoever has the address `hop` there; None if nobody."""
        peer = view.peers.get(out_port.name)
        if out_port.external is not None:
            return OutOfBorder(view, out_port, in_port, hop, packet, ip)
        if out_port.switch is not None:
            beyond = self._network.switch_views.get((out_port.tenant, out_port.switch))
            owner = None if beyond is None else rules.holder(beyond, hop)
            # A router puts nothing on the wire for the address that it would send it from.
            if beyond is not None and owner is not None and owner != out_port:
                return InSwitch(beyond, None, Packet(out_port.mac, owner.mac, ip))
        elif peer is not None and rules.has_address(peer, hop):
            return InRouter(peer, Packet(out_port.mac, peer.mac, ip))
        return None

    def _answer(
        self,
        kind: AnswerKind,
        view: RouterView,
        in_port: RouterPort | None,
        packet: Packet,
        own: IPv4Address | None = None,
        at: AtBorder | None = None,
    ) -> Outcome:
        """Answer from `own`, or else from the address of `in_port` that suits; or be silent where that is due."""
        ip = packet.body
        if (
            in_port is None
            or not isinstance(ip, Ip)
            or (in_port.external is None and rules.complains_to_itself(kind, view, ip.src))
            or rules.silent(kind, packet)
        ):
            return self._end(view, in_port, packet, DropReason[kind.name], at)
        if at is None:
            self._pass(_at(view, in_port, None), packet)
        answer = rules.answer_to(kind, ip, own or rules.address_towards(in_port, ip.src))
        reply = Packet(packet.eth_dst, packet.eth_src, answer)
        back = _Walk(self._trail.back(), says_itself=own is not None)
        return Answered(kind, in_port.ref, reply, back.run(back._route(view, None, reply, answer)))

    def _end(
        self, view: RouterView, in_port: RouterPort | None, packet: Packet, reason: DropReason, at: AtBorder | None = None
    ) -> Dropped:
        """Gone: in the router, or where it has been said already that the packet is."""
        if at is not None:
            return Dropped(reason, at)
        inside = _at(view, in_port, None)
        self._pass(inside, packet)
        return Dropped(reason, inside)


def _at(view: RouterView, in_port: RouterPort | None, out_port: RouterPort | None) -> AtRouter:
    return AtRouter(view.router.ref, in_port.ref if in_port else None, out_port.ref if out_port else None)
