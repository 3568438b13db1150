"""The words of the reference walk: a packet, the places it passes, and how its way ends.

All are frozen and comparable, so that two paths are the same when they are equal. MACs are written as the model writes
them (lower case, colons). These values know nothing of what happens between them; `walk` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.model.objects import Port, Ref

BROADCAST = "ff:ff:ff:ff:ff:ff"

ICMP, TCP, UDP = 1, 6, 17
ECHO_REPLY, ECHO_REQUEST = 0, 8
ARP_REQUEST, ARP_REPLY = 1, 2


@dataclass(frozen=True, slots=True)
class Ip:
    """An IPv4 packet as far as the network looks at it.

    `proto` is 0 to 255, `ttl` 0 to 255. `l4` holds TCP's and UDP's source and destination ports, or ICMP's type and
    code; in a later fragment (one with a fragment offset) it means nothing. `rst` is a TCP segment's RST bit.
    """

    src: IPv4Address
    dst: IPv4Address
    proto: int = UDP
    ttl: int = 64
    l4: tuple[int, int] = (0, 0)
    later_fragment: bool = False
    rst: bool = False


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


Position = AtPort | AtSwitch | AtRouter


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet at a place, as it gets there: in a router, before the router changes it."""

    position: Position
    packet: Packet


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


class DropReason(Enum):
    """Why a packet ends without an answer. The value says it to an operator.

    The last six have the names of the answer that the same packet would get if it could be answered: the RFCs forbid
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
    MULTICAST = "routers do not forward multicast or limited broadcast"
    OWN_ICMP = "ICMP to the router's own address that needs no answer"
    DIRECTED_BROADCAST = "sent to a subnet's network or broadcast address (RFC 2644)"
    NOT_TRACKED = "no connection of the uplink knows it, and it cannot begin one"
    NOT_TRANSLATED = "no NAT rule covers it, so it must not cross the uplink"
    NO_CONNECTION = "TCP from outside to an external address of a router, without SYN and of no connection"
    VIP_PORT = "to a virtual address on a switch, at a port where no load balancer listens"
    TTL_EXCEEDED = "the TTL ended, unanswered"
    NET_UNREACHABLE = "no route, unanswered"
    HOST_UNREACHABLE = "nobody has the next hop's address, unanswered"
    PORT_UNREACHABLE = "UDP to the router itself, unanswered"
    PROTOCOL_UNREACHABLE = "another protocol to the router itself, unanswered"
    TCP_RESET = "TCP to the router itself, unanswered"


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

    `by` is the switch's ref, or that of the router port by which the packet came in. `reply` is the answer as it
    starts, its MACs the packet's swapped; `way_back` is what becomes of it from there.
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


Outcome = Delivered | Answered | Dropped


@dataclass(frozen=True, slots=True)
class Path:
    """The places a packet passed, in order, and how its way ended. A flooded packet's last hops are side by side."""

    hops: tuple[Hop, ...]
    outcome: Outcome
