"""The reference walk: what the logical network means for one packet.

The oracle that compiled flows are tested against, so it is written from the meaning of switches and routers and knows
no chassis, binding, table or flow. It favours being evidently right over being fast. In short:

1. A VIF sends. A disabled port drops it; port security drops what is not the port's own.
2. The switch answers ARP requests for addresses it knows, except the sender's own.
3. The switch looks the destination MAC up: a group is flooded to ports, a port's leads there, a router port's into it.
4. The router answers what is for itself, refuses what must not be routed, takes one off the TTL, and finds the next
   hop by longest prefix.
5. The next hop's owner is found in the switch (back to 3) or is the peer (back to 4) at the other end of the out port.
6. A port that is not disabled gets the packet.

Answers start at the device that makes them and go the same ways. A loop ends when the TTL does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from ryu_overlay.model import walk_rules as rules
from ryu_overlay.model.network import Network, RouterView, SwitchView
from ryu_overlay.model.objects import Port, RouterPort
from ryu_overlay.model.walk_values import (
    Answered,
    AnswerKind,
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

Choose = Callable[[tuple[IPv4Address, ...]], IPv4Address]
"""Picks one of several equal-cost next hops. Asked once for each route and connection (it is a per-connection hash)."""


@dataclass(frozen=True, slots=True)
class _FromPort:
    port: Port
    packet: Packet


@dataclass(frozen=True, slots=True)
class _InSwitch:
    view: SwitchView
    sender: Port | None
    packet: Packet


@dataclass(frozen=True, slots=True)
class _InRouter:
    port: RouterPort
    packet: Packet


@dataclass(frozen=True, slots=True)
class _ToPort:
    port: Port
    packet: Packet


_Step = _FromPort | _InSwitch | _InRouter | _ToPort


def walk(network: Network, port: Port, packet: Packet, choose: Choose = lambda hops: hops[0]) -> Path:
    """The way of `packet` sent by the VIF of `port`, a port of `network`. Among equal-cost next hops `choose` decides.

    The network is one that `validate` accepts. Raises KeyError when the port's switch is not in the network.
    """
    return _Walk(network, choose).run(_FromPort(port, packet))


def walks(network: Network, port: Port, packet: Packet) -> frozenset[Path]:
    """Every path that `packet` may take: one for each choice among equal-cost next hops, on the way and on answers' way back.

    There may be as many as the product of the next hops of all routes used. Raises as `walk` does.
    """
    found: set[Path] = set()
    untried: list[tuple[int, ...]] = [()]
    while untried:
        script = _Script(untried.pop())
        found.add(walk(network, port, packet, script))
        untried += script.alternatives
    return frozenset(found)


class _Script:
    """Chooses as given, then always the first, noting the scripts that would have chosen otherwise."""

    def __init__(self, choices: tuple[int, ...]) -> None:
        self.alternatives: list[tuple[int, ...]] = []
        self._choices = list(choices)
        self._asked = 0

    def __call__(self, hops: tuple[IPv4Address, ...]) -> IPv4Address:
        if self._asked == len(self._choices):
            self.alternatives += [(*self._choices, other) for other in range(1, len(hops))]
            self._choices.append(0)
        self._asked += 1
        return hops[self._choices[self._asked - 1]]


class _Walk:
    """One packet's way in the making. Each step gives the next one, or the outcome."""

    def __init__(self, network: Network, choose: Choose, is_answer: bool = False) -> None:
        self._network = network
        self._is_answer = is_answer
        self._choose = choose
        self._chosen: dict[object, IPv4Address] = {}
        self._hops: list[Hop] = []

    def run(self, step: _Step | Outcome) -> Path:
        while True:
            if isinstance(step, _FromPort):
                step = self._from_port(step.port, step.packet)
            elif isinstance(step, _InSwitch):
                step = self._in_switch(step.view, step.sender, step.packet)
            elif isinstance(step, _InRouter):
                step = self._in_router(step.port, step.packet)
            elif isinstance(step, _ToPort):
                step = self._to_port(step.port, step.packet)
            else:
                return Path(tuple(self._hops), step)

    def _pass(self, position: Position, packet: Packet) -> None:
        self._hops.append(Hop(position, packet))

    def _from_port(self, port: Port, packet: Packet) -> _Step | Outcome:
        at = AtPort(port.ref, "from")
        self._pass(at, packet)
        if not port.enabled:
            return Dropped(DropReason.PORT_DISABLED, at)
        reason = rules.refused(port, packet)
        if reason is not None:
            return Dropped(reason, at)
        return _InSwitch(self._network.switch_views[port.tenant, port.switch], port, packet)

    def _to_port(self, port: Port, packet: Packet) -> Outcome:
        at = AtPort(port.ref, "to")
        self._pass(at, packet)
        return Delivered(((port, packet),)) if port.enabled else Dropped(DropReason.PORT_DISABLED, at)

    def _in_switch(self, view: SwitchView, sender: Port | None, packet: Packet) -> _Step | Outcome:
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
                return Dropped(DropReason.HAIRPIN, at) if hairpin else _ToPort(port, packet)
        for router_port in view.router_ports:
            if router_port.mac == packet.eth_dst:
                return _InRouter(router_port, packet)
        return Dropped(DropReason.UNKNOWN_MAC, at)

    def _flood(self, view: SwitchView, sender: Port | None, packet: Packet) -> Outcome:
        others = [p for p in view.ports if p.enabled and (sender is None or p.ref != sender.ref)]
        for port in others:
            self._pass(AtPort(port.ref, "to"), packet)
        return Delivered(tuple((port, packet) for port in others))

    def _in_router(self, port: RouterPort, packet: Packet) -> _Step | Outcome:
        view = self._network.router_views[port.tenant, port.router]
        ip = packet.body
        reason = rules.not_routable(packet)
        if reason is not None or not isinstance(ip, Ip):
            return self._end(view, port, packet, reason or DropReason.NOT_IPV4)
        if rules.owns(view, ip.dst):
            kind = rules.answer_at_own_address(ip, self._is_answer)
            if kind is None:
                return self._end(view, port, packet, DropReason.OWN_ICMP)
            return self._answer(kind, view, port, packet, ip.dst)
        if rules.is_multicast(ip.dst):
            return self._end(view, port, packet, DropReason.MULTICAST)
        if ip.ttl <= 1:
            return self._answer(AnswerKind.TTL_EXCEEDED, view, port, packet)
        return self._route(view, port, packet, replace(ip, ttl=ip.ttl - 1))

    def _route(self, view: RouterView, in_port: RouterPort | None, packet: Packet, ip: Ip) -> _Step | Outcome:
        """Send `packet` on as `ip`. The router made it itself if there is no `in_port`."""
        if rules.is_subnet_end(view, ip.dst):
            return self._end(view, in_port, packet, DropReason.DIRECTED_BROADCAST)
        hops = rules.next_hops(view, ip.dst)
        if not hops:
            return self._answer(AnswerKind.NET_UNREACHABLE, view, in_port, packet)
        hop = self._one_of(hops, view, ip)
        out_port = rules.connected_port(view, hop)
        step = None if out_port is None else self._resolve(view, out_port, hop, ip)
        if out_port is None or step is None:
            return self._answer(AnswerKind.HOST_UNREACHABLE, view, in_port, packet)
        self._pass(_at(view, in_port, out_port), packet)
        return step

    def _one_of(self, hops: tuple[IPv4Address, ...], view: RouterView, ip: Ip) -> IPv4Address:
        if len(hops) == 1:
            return hops[0]
        connection = (view.router.ref, hops, ip.src, ip.dst, ip.proto, None if ip.later_fragment else ip.l4)
        if connection not in self._chosen:
            self._chosen[connection] = self._choose(hops)
        return self._chosen[connection]

    def _resolve(self, view: RouterView, out_port: RouterPort, hop: IPv4Address, ip: Ip) -> _Step | None:
        """Where the packet gets by `out_port`, with the MAC of whoever has the address `hop` there; None if nobody."""
        peer = view.peers.get(out_port.name)
        if out_port.switch is not None:
            beyond = self._network.switch_views.get((out_port.tenant, out_port.switch))
            owner = None if beyond is None else rules.holder(beyond, hop)
            # A router puts nothing on the wire for the address that it would send it from.
            if beyond is not None and owner is not None and owner != out_port:
                return _InSwitch(beyond, None, Packet(out_port.mac, owner.mac, ip))
        elif peer is not None and rules.has_address(peer, hop):
            return _InRouter(peer, Packet(out_port.mac, peer.mac, ip))
        return None

    def _answer(
        self, kind: AnswerKind, view: RouterView, in_port: RouterPort | None, packet: Packet, own: IPv4Address | None = None
    ) -> Outcome:
        """Answer from `own`, or else from the address of `in_port` that suits; or be silent where that is due."""
        ip = packet.body
        if (
            in_port is None
            or not isinstance(ip, Ip)
            or rules.complains_to_itself(kind, view, ip.src)
            or rules.silent(kind, packet)
        ):
            return self._end(view, in_port, packet, DropReason[kind.name])
        self._pass(_at(view, in_port, None), packet)
        answer = rules.answer_to(kind, ip, own or rules.address_towards(in_port, ip.src))
        reply = Packet(packet.eth_dst, packet.eth_src, answer)
        back = _Walk(self._network, self._choose, is_answer=True)
        return Answered(kind, in_port.ref, reply, back.run(back._route(view, None, reply, answer)))

    def _end(self, view: RouterView, in_port: RouterPort | None, packet: Packet, reason: DropReason) -> Dropped:
        at = _at(view, in_port, None)
        self._pass(at, packet)
        return Dropped(reason, at)


def _at(view: RouterView, in_port: RouterPort | None, out_port: RouterPort | None) -> AtRouter:
    return AtRouter(view.router.ref, in_port.ref if in_port else None, out_port.ref if out_port else None)
