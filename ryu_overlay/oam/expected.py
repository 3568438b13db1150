"""The expected way of a packet, in the words of `hops`: the model's reference walk, told.

A trace holds this beside what it saw. Pure; knows no chassis, no flow, and nothing of whether anything works.
"""

from __future__ import annotations

from collections.abc import Iterable

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.problems import spelled
from ryu_overlay.model.walk import NO_FACTS, Choose, Facts, walk, walk_from, walk_in
from ryu_overlay.model.walk_choice import first
from ryu_overlay.model.walk_values import (
    ICMP,
    NOT_KNOWN,
    TCP,
    UDP,
    Answered,
    Arp,
    AtBalancer,
    AtBorder,
    AtExternal,
    AtPort,
    AtRouter,
    AtSwitch,
    Delivered,
    Dropped,
    Ip,
    Learned,
    Left,
    Packet,
    Path,
    Position,
)
from ryu_overlay.model.walk_values import Hop as Step
from ryu_overlay.oam.hops import Arrival, Hop, HopKind, Outcome, PacketView, Way
from ryu_overlay.oam.start import Start, protocol_name

_PLACES = {"nat": "the border of", "balancer": "load balancer", "external": "external network"}
"""What kinds of hops are called in sentences, where that is not their name."""


def expected(network: Network, start: Start, choose: Choose = first, facts: Facts = NO_FACTS, after: Iterable[Path] = ()) -> Way:
    """The way of a packet, after the packets of the paths in `after`. `choose` decides among equal ways."""
    return way_of(walked(network, start, choose, facts, after))


def walked(network: Network, start: Start, choose: Choose = first, facts: Facts = NO_FACTS, after: Iterable[Path] = ()) -> Path:
    """The same as a path of the model's, for `after` of what follows."""
    if isinstance(start.at, Port):
        return walk(network, start.at, start.packet, choose, facts, after)
    if start.at in network.router_views and isinstance(start.packet.body, Ip):
        return walk_from(network, start.at, start.packet.body, choose, facts, after)
    return walk_in(network, start.at, start.packet, choose, facts, after)


def way_of(path: Path) -> Way:
    """A path of the model's in the words of `hops`."""
    return Way(tuple(map(_hop, path.hops)), outcome_of(path))


def packet_view(packet: Packet) -> PacketView:
    """A packet of the model's in the words of `hops`."""
    body, macs = packet.body, (packet.eth_src, packet.eth_dst)
    source, target = (None if mac == NOT_KNOWN else mac for mac in macs)
    if isinstance(body, Ip):
        return _ip_view(body, source, target)
    if isinstance(body, Arp):
        return PacketView(source, target, str(body.spa), str(body.tpa), "arp")
    return PacketView(source, target, None, None, f"{body:#06x}")


def _ip_view(ip: Ip, source: str | None = None, target: str | None = None) -> PacketView:
    has_ports = ip.proto in (TCP, UDP) and not ip.later_fragment
    is_icmp = ip.proto == ICMP and not ip.later_fragment
    return PacketView(
        source,
        target,
        str(ip.src),
        str(ip.dst),
        protocol_name(ip.proto),
        ip.l4 if has_ports else None,
        ip.l4 if is_icmp else None,
        ip.ttl,
        ip.size,
        ip.df,
        ip.later_fragment,
        None if ip.about is None else _ip_view(ip.about),
    )


def _hop(step: Step) -> Hop:
    at, packet = step.position, packet_view(step.packet)
    after = None if step.after is None else packet_view(step.after)
    kind, name = _place(at)
    match at:
        case AtPort(_, direction):
            return Hop(kind, name, packet, after, direction)
        case AtRouter(_, in_port, out_port):
            return Hop(kind, name, packet, after, in_port=_last(in_port), out_port=_last(out_port))
        case AtBorder(_, direction, by, known):
            rule = None if by is None else spelled(by)
            bare = None if step.after is None else _without_macs(step.after)
            return Hop(kind, name, _without_macs(step.packet), bare, direction, rule=rule, known=known)
        case AtBalancer(_, member, known):
            return Hop(kind, name, packet, after, rule=spelled(member), known=known)
        case _:
            return Hop(kind, name, packet, after)


def _without_macs(packet: Packet) -> PacketView:
    return packet_view(Packet(NOT_KNOWN, NOT_KNOWN, packet.body))


def _place(at: Position) -> tuple[HopKind, str]:
    match at:
        case AtPort(ref):
            return "port", ref[-1]
        case AtSwitch(ref):
            return "switch", "/".join(ref)
        case AtRouter(ref):
            return "router", "/".join(ref)
        case AtBorder(ref):
            return "nat", "/".join(ref)
        case AtBalancer(ref):
            return "balancer", "/".join(ref)
        case AtExternal(ref):
            return "external", "/".join(ref)


def _last(ref: Ref | None) -> str | None:
    return None if ref is None else ref[-1]


def outcome_of(path: Path) -> Outcome:
    """How a path of the model's ended, in the words of `hops`."""
    outcome = path.outcome
    match outcome:
        case Delivered(to):
            names = ", ".join(port.name for port, _ in to)
            at = f"port {to[0][0].name}" if len(to) == 1 else ""
            sentence = f"delivered to {names}" if to else "flooded, and no port is there to get it"
            return Outcome("delivered", at, sentence, arrivals=tuple(Arrival(port.name, packet_view(p)) for port, p in to))
        case Dropped(reason, position):
            kind, name = _place(position)
            place = f"{_PLACES.get(kind, kind)} {name}"
            return Outcome("dropped", f"{kind} {name}", f"dropped at {place}: {reason.value}", reason.name.lower())
        case Left(network, next_hop, packet):
            known = packet.eth_dst != NOT_KNOWN
            sentence = f"left by {network[0]} to {next_hop}" + ("" if known else ", whose MAC nobody has told yet")
            mac = packet.eth_dst if known else None
            return Outcome("left", f"external {network[0]}", sentence, next_hop=str(next_hop), mac=mac)
        case Learned(network, address, mac):
            sentence = f"{network[0]}: {address} is at {mac}"
            return Outcome("learned", f"external {network[0]}", sentence, next_hop=str(address), mac=mac)
        case Answered():
            return _answered(outcome)


def _answered(outcome: Answered) -> Outcome:
    """The answer's own way begins with the hop that makes it."""
    name, reason = "/".join(outcome.by), outcome.kind.name.lower()
    what = {1: "external", 2: "switch"}.get(len(outcome.by), "router-port")
    back = way_of(outcome.way_back)
    made = Hop("answer", name, packet_view(outcome.reply), rule=reason)
    sentence = f"answered by {what} {name}: {outcome.kind.value}"
    return Outcome("answered", f"{what} {name}", sentence, reason, back=Way((made, *back.hops), back.outcome))
