"""The first packet of a question: what the VM of a logical port, or a host outside, would put on its wire.

Its destination MAC is what ARP would tell it: the owner's on the same link, else its gateway's. What nobody would send at all is
refused with the field that is wrong. Knows nothing of where packets go from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Literal

from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView, Network, SwitchView
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.problems import Problem
from ryu_overlay.model.values import MAX_L4_PORT
from ryu_overlay.model.walk import NO_FACTS, Facts
from ryu_overlay.model.walk_rules import connected_port, holder, next_hops
from ryu_overlay.model.walk_values import BROADCAST, ECHO_REQUEST, ICMP, NOT_KNOWN, TCP, UDP, Ip, Packet

PROTOCOLS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
SOURCE_PORT = 49152
"""Where nobody gives one: the first of those that are for this (RFC 6335 section 6)."""
OUTSIDE = "outside:"
ROUTER = "router:"
MAX_SIZE = 65535
_HEADERS = {ICMP: 28, UDP: 28, TCP: 40}
_IP_HEADER = 20
_LIMITED_BROADCAST = IPv4Address("255.255.255.255")

Code = Literal[
    "bad_value",
    "no_such_port",
    "no_such_network",
    "no_such_object",
    "no_address",
    "no_gateway",
    "nobody_there",
    "own_address",
    "not_outside",
    "not_sent",
]
"""Why nobody would send it, for programs; stable."""


class Unsendable(ValueError):
    """Nobody would send such a packet. `field` is the field of the question that is wrong, `code` the kind of fault."""

    def __init__(self, field: str, reason: str, code: Code = "bad_value") -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.code = code

    @property
    def problem(self) -> Problem:
        """The same as a problem of the model's."""
        return Problem(self.field, self.reason)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is sent: an echo request unless said otherwise.

    `protocol` is 0 to 255; TCP (a first segment, SYN) and UDP need a `port` and have a `source_port` (1 to 65535), others have
    neither. `size` is in bytes with the IPv4 header (None: small enough for any link), `ttl` 1 to 255; `df` forbids to cut it.
    """

    protocol: int = ICMP
    port: int | None = None
    source_port: int | None = None
    size: int | None = None
    ttl: int = 64
    df: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """A packet and where it begins: sent by the VIF of a port, or by the router of that ref, or on the wire of the external
    network of that ref."""

    at: Port | Ref
    packet: Packet


def start(
    network: Network,
    sender: str,
    to: str,
    traffic: Traffic,
    source: IPv4Address | None = None,
    facts: Facts = NO_FACTS,
) -> Start:
    """The packet from `sender`, a port's name or UUID or `outside:EXTERNAL_NETWORK[/ADDRESS]`, to an address or a port.

    It goes to a port's first address and comes from the sender's, or else from `source`. Raises Unsendable.
    """
    if sender.startswith(ROUTER):
        return from_router(network, sender.removeprefix(ROUTER), destination(network, to), traffic, source)
    if sender.startswith(OUTSIDE):
        name, slash, text = sender.removeprefix(OUTSIDE).partition("/")
        if slash and source is not None:
            raise Unsendable("source", f"is given by {sender} already")
        address = _address("from", text) if slash else source
        return from_outside(network, name, destination(network, to), traffic, address, facts)
    return from_port(network, port_named(network, "from", sender), destination(network, to), traffic, source)


def from_port(network: Network, port: Port, to: IPv4Address, traffic: Traffic, source: IPv4Address | None = None) -> Start:
    """What the VM of `port` would send to `to`, from `source` or its first address. Raises Unsendable."""
    if source is None and not port.addresses:
        raise Unsendable("from", f"port {port.name} has no address; give the source", "no_address")
    src = port.addresses[0] if source is None else source
    if to == src or to in port.addresses:
        raise Unsendable("to", f"{to} is {port.name}'s own address: it does not leave the guest", "own_address")
    if to.is_loopback or to.is_unspecified:
        raise Unsendable("to", f"{to} is nobody's address: it does not leave the guest", "not_sent")
    # A guest that lies about its address still finds its gateway as the one that it is.
    real = src if src in port.addresses or not port.addresses else port.addresses[0]
    mac = next_mac(network.switch_views[port.tenant, port.switch], port, real, to)
    return Start(port, Packet(port.mac, mac, ip_packet(src, to, traffic)))


def from_outside(
    network: Network,
    external: str,
    to: IPv4Address,
    traffic: Traffic,
    source: IPv4Address | None = None,
    facts: Facts = NO_FACTS,
) -> Start:
    """What comes from the wire of an external network to `to`, from `source` or else its gateway's address.

    The frame is from the gateway, whose MAC may not be known yet. Raises Unsendable.
    """
    view = network.external_views.get((external,))
    if view is None:
        raise Unsendable("from", f"there is no external network {external}", "no_such_network")
    src = outsider(view) if source is None else source
    if src in held_macs(view):
        raise Unsendable("from", f"{src} is an address of the overlay's own", "own_address")
    mac = held_macs(view).get(to)
    if mac is None:
        if to not in view.network.subnet:
            where = f"external network {external} ({view.network.subnet})"
            raise Unsendable("to", f"{to} is not in {where}: nobody there would send it here", "not_outside")
        raise Unsendable("to", f"nobody of the overlay has {to} in external network {external}", "nobody_there")
    neighbours = facts.neighbours.get(view.network.ref, {})
    gateway = view.network.gateway
    sender = neighbours.get(src) or (neighbours.get(gateway) if gateway is not None else None) or NOT_KNOWN
    return Start(view.network.ref, Packet(sender, mac, ip_packet(src, to, traffic)))


def from_router(network: Network, name: str, to: IPv4Address, traffic: Traffic, source: IPv4Address | None = None) -> Start:
    """What a router (`TENANT/ROUTER`), or one of its ports (`TENANT/ROUTER/PORT`), sends to `to` itself.

    It comes from that port's address, or else from that of the port by which it goes. Raises Unsendable.
    """
    names = tuple(name.split("/"))
    view = network.router_views.get(names[:2])
    port = None if view is None else next((p for p in view.ports if p.name == names[-1]), None)
    if view is None or len(names) not in (2, 3) or (len(names) == 3 and port is None):
        raise Unsendable("from", f"there is no router or router port {name}", "no_such_object")
    own = [a.ip for p in view.ports for a in p.addresses]
    if to.is_multicast or to == _LIMITED_BROADCAST or to.is_loopback or to.is_unspecified:
        raise Unsendable("to", f"{to} is no host's address: a router sends nothing there", "not_sent")
    if to in own:
        raise Unsendable("to", f"{to} is router {'/'.join(names[:2])}'s own address", "own_address")
    if source is not None and source not in own:
        raise Unsendable("source", f"{source} is no address of router {'/'.join(names[:2])}", "no_address")
    if port is None:
        hops = next_hops(view, to)
        port = connected_port(view, hops[0]) if hops else None
    if port is None or not port.addresses:
        raise Unsendable("to", f"router {'/'.join(names[:2])} has no route to {to}", "no_gateway")
    near = next((a.ip for a in port.addresses if to in a.network), port.addresses[0].ip)
    return Start(view.router.ref, Packet(NOT_KNOWN, NOT_KNOWN, ip_packet(source or near, to, traffic)))


def port_named(network: Network, field: str, name: str) -> Port:
    """The port of that name or UUID. Raises Unsendable, naming `field`."""
    port = network.find_port(name)
    if port is None:
        raise Unsendable(field, f"there is no port {name}", "no_such_port")
    return port


def destination(network: Network, to: str) -> IPv4Address:
    """The address, or that of the port, which `to` names. Raises Unsendable."""
    try:
        return IPv4Address(to)
    except AddressValueError:
        port = network.find_port(to)
    if port is None:
        raise Unsendable("to", f"{to} is neither an IPv4 address nor the name of a port", "no_such_port")
    if not port.addresses:
        raise Unsendable("to", f"port {port.name} has no address", "no_address")
    return port.addresses[0]


def ip_packet(src: IPv4Address, dst: IPv4Address, traffic: Traffic) -> Ip:
    """The IPv4 packet of such traffic. Raises as `check`."""
    check(traffic)
    l4 = (ECHO_REQUEST, 0) if traffic.protocol == ICMP else (0, 0)
    if traffic.port is not None:
        l4 = (SOURCE_PORT if traffic.source_port is None else traffic.source_port, traffic.port)
    return Ip(src, dst, traffic.protocol, traffic.ttl, l4, size=traffic.size, df=traffic.df)


def check(traffic: Traffic) -> None:
    """Raises Unsendable when a field is wrong, or the fields do not go together."""
    proto = traffic.protocol
    _in_range("protocol", proto, 0, 255)
    _in_range("ttl", traffic.ttl, 1, 255)
    if traffic.size is not None:
        _in_range("size", traffic.size, _HEADERS.get(proto, _IP_HEADER), MAX_SIZE)
    if proto in (TCP, UDP) and traffic.port is None:
        raise Unsendable("port", "is required with tcp and udp")
    for field, given in (("port", traffic.port), ("source_port", traffic.source_port)):
        if given is not None and proto not in (TCP, UDP):
            raise Unsendable(field, "goes with tcp and udp only")
        if given is not None:
            _in_range(field, given, 1, MAX_L4_PORT)


def protocol_name(number: int) -> str:
    """icmp, tcp, udp, or the number."""
    return next((name for name, known in PROTOCOLS.items() if known == number), str(number))


def next_mac(view: SwitchView, port: Port, real: IPv4Address, to: IPv4Address) -> str:
    """The destination MAC of what the VM of `port`, a port of the switch, sends to `to`; `real` is its own address.

    Its gateway is the first router port of the switch in a subnet with it. Raises Unsendable.
    """
    links = _links(view, real)
    if to == _LIMITED_BROADCAST or any(to == link.broadcast_address for link in links if link.prefixlen < 31):
        return BROADCAST
    if to.is_multicast:
        # RFC 1112 section 6.4.
        low = int(to) & 0x7FFFFF
        return f"01:00:5e:{low >> 16:02x}:{low >> 8 & 0xFF:02x}:{low & 0xFF:02x}"
    switch = "/".join(view.switch.ref)
    owner = holder(view, to)
    if any(to in link for link in links):
        if owner is None:
            raise Unsendable("to", f"nobody on switch {switch} has {to}: ARP for it is not answered", "nobody_there")
        return owner.mac
    gateways = (p for p in view.router_ports if any(real in interface.network for interface in p.addresses))
    gateway = next(gateways, None)
    if gateway is not None:
        return gateway.mac
    if owner is not None and not links:
        return owner.mac
    reason = f"{port.name} has no gateway to {to}: no router port on switch {switch} is in a subnet with {real}"
    raise Unsendable("from", reason, "no_gateway")


def _links(view: SwitchView, address: IPv4Address) -> list[IPv4Network]:
    """The subnets that a VM with that address takes for its link: the switch's, or where that has none its routers'."""
    own: Iterable[IPv4Network] = view.switch.subnets
    if not view.switch.subnets:
        own = (interface.network for p in view.router_ports for interface in p.addresses)
    return [subnet for subnet in own if address in subnet]


def held_macs(view: ExternalView) -> dict[IPv4Address, str]:
    """The external addresses that routers answer ARP for, with the MAC that they tell."""
    found: dict[IPv4Address, str] = {}
    for router in view.routers:
        uplink = router.uplink
        if uplink is not None:
            found |= dict.fromkeys(own_addresses(router), uplink.mac)
            found |= {floating.address: floating.mac for floating, _ in router.floating_ips}
    return found


def outsider(view: ExternalView) -> IPv4Address:
    """An address outside that packets may come from: the gateway's, or without one the first that is nobody's here.

    Raises Unsendable when none is left.
    """
    if view.network.gateway is not None:
        return view.network.gateway
    held = held_macs(view)
    free = next((host for host in view.network.subnet.hosts() if host not in held), None)
    if free is None:
        raise Unsendable("from", f"external network {view.network.name} has no address left; give one", "no_address")
    return free


def _address(field: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise Unsendable(field, f"{text!r} is not an IPv4 address such as 198.51.100.7") from None


def _in_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise Unsendable(field, f"{number} is not between {least} and {most}")
