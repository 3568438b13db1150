"""What single devices decide about a packet, for the reference walk: port security, ARP, routes, when to be silent.

Each is a pure function of one device's view and a packet. None knows what lies beyond its device.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.model.objects import LoadBalancer, Port, RouterPort
from ryu_overlay.model.walk_values import (
    ARP_REPLY,
    ARP_REQUEST,
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMP,
    TCP,
    UDP,
    AnswerKind,
    Arp,
    DropReason,
    Ip,
    Packet,
)

ANSWER_TTL = 64

_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_LIMITED_BROADCAST = IPv4Address("255.255.255.255")
_UNSPECIFIED = IPv4Address("0.0.0.0")
_CLASS_E = IPv4Network("240.0.0.0/4")

_ICMP_QUERIES = frozenset((0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43))
"""ICMP types known not to be errors (RFC 792, 950, 1256, 8335)."""

_ERRORS: dict[AnswerKind, tuple[int, int]] = {
    AnswerKind.TTL_EXCEEDED: (11, 0),
    AnswerKind.NET_UNREACHABLE: (3, 0),
    AnswerKind.HOST_UNREACHABLE: (3, 1),
    AnswerKind.PROTOCOL_UNREACHABLE: (3, 2),
    AnswerKind.PORT_UNREACHABLE: (3, 3),
    AnswerKind.FRAGMENTATION_NEEDED: (3, 4),
}
"""ICMP type and code (RFC 792)."""

_AT_OWN_ADDRESS = {TCP: AnswerKind.TCP_RESET, UDP: AnswerKind.PORT_UNREACHABLE}


def refused(port: Port, packet: Packet) -> DropReason | None:
    """Why `port` may not send `packet`, or None if it may. Without port security only groups may not."""
    if not port.port_security:
        return DropReason.SPOOFED_MAC if is_group(packet.eth_src) else None
    if packet.eth_src != port.mac:
        return DropReason.SPOOFED_MAC
    body = packet.body
    if isinstance(body, Ip):
        return None if body.src in port.addresses else DropReason.SPOOFED_IP
    if isinstance(body, Arp):
        # An ARP probe has no sender address yet (RFC 5227 section 2.1.1).
        honest = body.sha == port.mac and (body.spa in port.addresses or body.spa == _UNSPECIFIED)
        return None if honest else DropReason.SPOOFED_ARP
    return DropReason.NOT_ALLOWED_TYPE


def is_group(mac: str) -> bool:
    """Whether the MAC is multicast or broadcast."""
    return bool(int(mac[:2], 16) & 1)


def holder(view: SwitchView, address: IPv4Address) -> Port | RouterPort | LoadBalancer | None:
    """The port, router port or load balancer of the switch that has the address."""
    for port in view.ports:
        if address in port.addresses:
            return port
    balancers = (b.balancer for b in view.balancers if b.balancer.vip == address)
    return next((p for p in view.router_ports if has_address(p, address)), None) or next(balancers, None)


def has_address(port: RouterPort, address: IPv4Address) -> bool:
    return any(a.ip == address for a in port.addresses)


def arp_reply(view: SwitchView, sender: Port, packet: Packet) -> Packet | None:
    """The switch's answer to an ARP request for an address that it knows and that is not the sender's own."""
    arp = packet.body
    if not isinstance(arp, Arp) or arp.op != ARP_REQUEST or arp.tpa in sender.addresses:
        return None
    owner = holder(view, arp.tpa)
    if owner is None:
        return None
    return Packet(owner.mac, packet.eth_src, Arp(ARP_REPLY, owner.mac, arp.tpa, arp.sha, arp.spa))


def not_routable(packet: Packet) -> DropReason | None:
    """Why no router takes the packet, whatever its routes."""
    if not isinstance(packet.body, Ip):
        return DropReason.NOT_IPV4
    src = packet.body.src
    if src in _THIS_NETWORK or src.is_loopback or src.is_multicast or src == _LIMITED_BROADCAST:
        return DropReason.BAD_SOURCE
    return None


def is_no_destination(address: IPv4Address) -> bool:
    """Whether routers leave the destination alone: multicast, broadcast, what stays on a host (RFC 1812 section 5.3.7)."""
    return address.is_multicast or address == _LIMITED_BROADCAST or address.is_loopback or address in _THIS_NETWORK


def owns(view: RouterView, address: IPv4Address) -> bool:
    return any(has_address(p, address) for p in view.ports)


def answer_at_own_address(ip: Ip, is_answer: bool = False) -> AnswerKind | None:
    """What a router sends back for a packet to one of its own addresses, or None for ICMP that needs no answer.

    An echo request has code 0 (RFC 792). A later fragment of ICMP counts as one of an echo request, unless a router made
    it as an answer (`is_answer`): the fragments of a large ping go back one by one, and stay there.
    """
    if ip.proto == ICMP:
        is_request = not is_answer if ip.later_fragment else ip.l4 == (ECHO_REQUEST, 0)
        return AnswerKind.ECHO_REPLY if is_request else None
    return _AT_OWN_ADDRESS.get(ip.proto, AnswerKind.PROTOCOL_UNREACHABLE)


def is_answered_inside(view: RouterView, ip: Ip) -> bool:
    """Whether a packet from inside to a router's external address needs no border: an echo request is part of no translated
    connection, and where the router answers for paths, the one to the gateway is what is asked for."""
    return view.router.answers == "local" and ip.proto == ICMP and not ip.later_fragment and ip.l4 == (ECHO_REQUEST, 0)


def connected_port(view: RouterView, address: IPv4Address) -> RouterPort | None:
    """The router's port with the longest connected subnet that holds the address."""
    holding = [(a.network.prefixlen, p) for p in view.ports for a in p.addresses if address in a.network]
    return max(holding, key=lambda found: found[0])[1] if holding else None


def is_subnet_end(view: RouterView, address: IPv4Address) -> bool:
    """Whether it is the network or broadcast address of a connected subnet that has them (/31 has none, RFC 3021)."""
    subnets = (a.network for p in view.ports for a in p.addresses)
    return any(address in (n.network_address, n.broadcast_address) for n in subnets if n.prefixlen < 31)


def next_hops(view: RouterView, dst: IPv4Address) -> tuple[IPv4Address, ...]:
    """Where the longest prefix leads: next hops of a static route, `dst` itself if connected, nothing without a route.

    A connected subnet wins over a static route of the same length. What no route matches goes to the gateway of the external
    network that the router has an uplink into, if that has one.
    """
    connected = max((a.network.prefixlen for p in view.ports for a in p.addresses if dst in a.network), default=-1)
    static = max((r for r in view.routes if dst in r.prefix), key=lambda r: r.prefix.prefixlen, default=None)
    if static is not None and static.prefix.prefixlen > connected:
        return static.nexthops
    if connected >= 0:
        return (dst,)
    gateway = view.external.gateway if view.external is not None else None
    return () if gateway is None else (gateway,)


def address_towards(port: RouterPort, src: IPv4Address) -> IPv4Address:
    """The address of the incoming port that an answer to `src` comes from: one in its subnet, else the first."""
    return next((a.ip for a in port.addresses if src in a.network), port.addresses[0].ip)


def must_be_cut(ip: Ip, mtu: int | None) -> bool:
    """Whether it is larger than `mtu` bytes (None: no limit)."""
    return mtu is not None and ip.size is not None and ip.size > mtu


def silent(kind: AnswerKind, packet: Packet) -> bool:
    """Whether this error or reset must not be sent (RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7, RFC 9293 section 3.5.2).

    What `not_routable` and `is_no_destination` refuse never comes to an answer and is not looked at again.
    """
    ip = packet.body
    if kind is AnswerKind.ECHO_REPLY or not isinstance(ip, Ip):
        return False
    if ip.later_fragment or ip.src in _CLASS_E or ip.dst == _UNSPECIFIED:
        return True
    if kind is AnswerKind.TCP_RESET:
        return ip.rst
    return ip.proto == ICMP and ip.l4[0] not in _ICMP_QUERIES


def complains_to_itself(kind: AnswerKind, view: RouterView, src: IPv4Address) -> bool:
    """Whether this error or reset would go to the router that makes it, at whichever of its addresses."""
    own = owns(view, src) or src in own_addresses(view) or any(b.balancer.vip == src for b in view.balancers)
    return kind is not AnswerKind.ECHO_REPLY and own


def answer_to(kind: AnswerKind, ip: Ip, source: IPv4Address) -> Ip:
    """A router's answer to `ip` as it starts, from `source`. An echo reply is as large as what was asked."""
    answer = Ip(source, ip.src, ICMP, ANSWER_TTL)
    if kind is AnswerKind.ECHO_REPLY:
        return replace(answer, l4=(ECHO_REPLY, 0), later_fragment=ip.later_fragment, size=ip.size, df=ip.df)
    if kind is AnswerKind.TCP_RESET:
        return replace(answer, proto=TCP, l4=(ip.l4[1], ip.l4[0]), rst=True)
    return replace(answer, l4=_ERRORS[kind], about=ip)
