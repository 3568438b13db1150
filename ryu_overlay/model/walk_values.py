"""The words of the reference walk: a packet, the places it passes, and how its way ends.

All are frozen and comparable, so that two paths are the same when they are equal. MACs are written as the model writes
them (lower case, colons). These values know nothing of what happens between them; `walk` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.model.objects import FloatingIp, Member, Port, Ref, Snat

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOT_KNOWN = "00:00:00:00:00:00"
"""The MAC of a neighbour outside that nobody has told yet."""

ICMP, TCP, UDP = 1, 6, 17
ICMP_QUOTING = frozenset((3, 4, 5, 11, 12))
"""ICMP types that quote a packet (RFC 792)."""
ICMP_ERRORS = {3: "destination_unreachable", 11: "time_exceeded", 12: "parameter_problem"}
"""Those among them that tell of a packet that did not arrive."""
ECHO_REPLY, ECHO_REQUEST = 0, 8
ARP_REQUEST, ARP_REPLY = 1, 2


@dataclass(frozen=True, slots=True)
class Ip:
    """An IPv4 packet as far as the network looks at it.

    `proto` is 0 to 255, `ttl` 0 to 255. `l4` holds TCP's and UDP's source and destination ports, or ICMP's type and
    code; in a later fragment (one with a fragment offset) it means nothing. `rst` is a TCP segment's RST bit; `ack` is set in
    one without SYN that goes on with a connection, `syn_ack` in the one with both, which answers a first. `size` is in bytes
    with the header, None: small enough for any link; `df` forbids to cut it. An ICMP error is `about` a packet: the header that
    it quotes.
    """

    src: IPv4Address
    dst: IPv4Address
    proto: int = UDP
    ttl: int = 64
    l4: tuple[int, int] = (0, 0)
    later_fragment: bool = False
    rst: bool = False
    ack: bool = False
    size: int | None = None
    df: bool = False
    about: Ip | None = None
    syn_ack: bool = False


@dataclass(frozen=True, slots=True)
class Arp:
    """ARP for IPv4 over Ethernet (RFC 826), its fields by their usual names; `op` 1 asks, 2 answers."""

    op: int
    sha: str
    spa: IPv4Address
    tha: str
    tpa: IPv4Address


@dataclass(frozen=True, slots=True)
class Packet:
    """An Ethernet frame. `body` is the EtherType alone where it is neither IPv4 nor ARP."""

    eth_src: str
    eth_dst: str
    body: Ip | Arp | int


@dataclass(frozen=True, slots=True)
class AtPort:
    """At a logical port: just sent by its VIF ("from"), or about to be handed to it ("to")."""

    ref: Ref
    direction: Literal["from", "to"]


@dataclass(frozen=True, slots=True)
class AtSwitch:
    """In a logical switch."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class AtRouter:
    """In a logical router, by the ports it came in and goes out.

    `in_port` is None where the router made the packet itself, `out_port` where the router sends it nowhere.
    """

    ref: Ref
    in_port: Ref | None
    out_port: Ref | None


@dataclass(frozen=True, slots=True)
class AtBorder:
    """Where a router's uplink is crossed, `ref` being the uplink's, and addresses are translated.

    `by` is the rule for it: a floating IP (both ways), a NAT rule (out), a load balancer's member (in), None where nothing is
    translated. `known`: the connection began before, by that rule.
    """

    ref: Ref
    direction: Literal["in", "out"]
    by: Snat | FloatingIp | Member | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class AtBalancer:
    """At a load balancer, `ref` being its own, for a client inside: the packet gets its member. `known` as at a border."""

    ref: Ref
    by: Member
    known: bool = False


@dataclass(frozen=True, slots=True)
class AtExternal:
    """In an external network."""

    ref: Ref


Position = AtPort | AtSwitch | AtRouter | AtBorder | AtBalancer | AtExternal


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet at a place, as it gets there: in a router, before the router changes it.

    `after` is what the place made of it, where addresses or ports were translated: at a border, at a load balancer, and where
    a client's port gets what its member sent. At a border the MACs mean nothing.
    """

    position: Position
    packet: Packet
    after: Packet | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a connection, by what it is told from others. `l4` is (0, 0) where there are no ports; so all pings
    between two addresses are one connection here."""

    src: IPv4Address
    dst: IPv4Address
    proto: int
    l4: tuple[int, int]

    @property
    def reverse(self) -> Flow:
        return Flow(self.dst, self.src, self.proto, (self.l4[1], self.l4[0]))


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that is translated: its first packet before (`original`) and after.

    It is known at `place`: an uplink (its ref), or all load balancers of a tenant for clients inside (the tenant's ref).
    """

    place: Ref
    by: Snat | FloatingIp | Member
    original: Flow
    translated: Flow


class AnswerKind(Enum):
    """What a switch or router sends back. Its errors have the names of `oam.icmp.Reason`."""

    ARP_REPLY = "ARP reply in place of the owner"
    ECHO_REPLY = "ICMP echo reply"
    TTL_EXCEEDED = "ICMP time exceeded in transit"
    NET_UNREACHABLE = "ICMP network unreachable: no route"
    HOST_UNREACHABLE = "ICMP host unreachable: nobody has the next hop's address"
    PORT_UNREACHABLE = "ICMP port unreachable: UDP to the router itself"
    PROTOCOL_UNREACHABLE = "ICMP protocol unreachable: another protocol to the router itself"
    TCP_RESET = "TCP reset: TCP to the router itself"
    FRAGMENTATION_NEEDED = "ICMP fragmentation needed: larger than the MTU on its way, and not to be cut"


class DropReason(Enum):
    """Why a packet ends without an answer. The value says it to an operator.

    The last seven have the names of the answer that the same packet would get if it could be answered: the RFCs forbid
    answers to some (see `walk_rules.silent`), and a router does not send errors about packets that it made itself.
    """

    PORT_DISABLED = "the logical port is disabled"
    SPOOFED_MAC = "sent from a MAC that is not the port's"
    SPOOFED_IP = "sent from an IPv4 address that is not the port's"
    SPOOFED_ARP = "the ARP claims a MAC or address that is not the port's"
    NOT_ALLOWED_TYPE = "port security lets only IPv4 and ARP pass"
    UNKNOWN_MAC = "no port of the switch has the destination MAC"
    HAIRPIN = "sent to the sender's own MAC"
    NOT_IPV4 = "routers forward IPv4 only"
    BAD_SOURCE = "the source address must not be routed (RFC 1812 section 5.3.7)"
    MULTICAST = "routers do not forward to multicast, limited broadcast, 0.0.0.0/8 or 127.0.0.0/8"
    OWN_ICMP = "ICMP to the router's own address that needs no answer"
    DIRECTED_BROADCAST = "sent to a subnet's network or broadcast address (RFC 2644)"
    NOT_TRACKED = "no connection of the uplink knows it, and it cannot begin one"
    NOT_TRANSLATED = "no NAT rule covers it, so it must not cross the uplink"
    NO_CONNECTION = "TCP from outside to an external address of a router, without SYN and of no connection"
    VIP_PORT = "to a virtual address on a switch, at a port where no load balancer listens"
    NO_MEMBER = "for a load balancer on a switch that has no member that is bound, live and not drained"
    HEALTH = "from a member's service to its virtual address, of no connection: what health checks are answered with"
    NOT_HERE = "came from outside for a MAC or address that no router has"
    TTL_EXCEEDED = "the TTL ended, unanswered"
    NET_UNREACHABLE = "no route, unanswered"
    HOST_UNREACHABLE = "nobody has the next hop's address, unanswered"
    PORT_UNREACHABLE = "UDP to the router itself, unanswered"
    PROTOCOL_UNREACHABLE = "another protocol to the router itself, unanswered"
    TCP_RESET = "TCP to the router itself, unanswered"
    FRAGMENTATION_NEEDED = "larger than the MTU on its way, unanswered"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Handed to these ports, in order of name, with the packet as each gets it. A flooded packet may find nobody."""

    to: tuple[tuple[Port, Packet], ...]

    @property
    def ports(self) -> tuple[Port, ...]:
        return tuple(port for port, _ in self.to)


@dataclass(frozen=True, slots=True)
class Answered:
    """Not taken further, but answered.

    `by` is the ref of the switch or external network, or that of the router port by which the packet came in. `reply` is the
    answer as it starts, its MACs the packet's swapped; `way_back` is what becomes of it from there.
    """

    kind: AnswerKind
    by: Ref
    reply: Packet
    way_back: Path


@dataclass(frozen=True, slots=True)
class Dropped:
    """Gone without an answer, at a place."""

    reason: DropReason
    at: Position


@dataclass(frozen=True, slots=True)
class Left:
    """Out on the wire of an external network, for `next_hop`; the MAC it is sent to may be NOT_KNOWN."""

    network: Ref
    next_hop: IPv4Address
    packet: Packet


@dataclass(frozen=True, slots=True)
class Learned:
    """An ARP from outside that told a neighbour's MAC."""

    network: Ref
    address: IPv4Address
    mac: str


Outcome = Delivered | Answered | Dropped | Left | Learned


@dataclass(frozen=True, slots=True)
class Path:
    """The places a packet passed, in order, and how its way ended. A flooded packet's last hops are side by side.

    `connections` are those that the packet began, in order (not those of an answer).
    """

    hops: tuple[Hop, ...]
    outcome: Outcome
    connections: tuple[Connection, ...] = ()
