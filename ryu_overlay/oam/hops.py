"""The words in which operators are told of a packet's way: packets, hops, and how the way ended.

Plain values: frozen, comparable, made of strings and numbers, so that they become JSON as they are. A way that was worked out
(`expected`) and one that was seen have the same words, and are compared hop by hop by `key`. Names are as operators write them:
a port's own (they are unique), `red/web`, `red/r1`, `red/r1/up`. Nothing here knows the model, or where anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HopKind = Literal["port", "switch", "router", "nat", "balancer", "external", "answer", "outside"]
"""A logical port; in a switch; in a router; an uplink's border, where addresses are translated; a load balancer that picks a
member; in an external network; the device that makes an answer; all that a tenant may not see (`scoped`)."""

Direction = Literal["from", "to", "in", "out"]
"""Of a port: sent by its VIF, or handed to it. Of NAT: in from an external network, or out to it."""

OutcomeKind = Literal["delivered", "answered", "dropped", "left", "learned"]
"""Handed to ports; answered by a switch, router or external network; gone; out on an external network's wire; ARP from outside
that told of a neighbour."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PacketView:
    """A frame, as far as the network looks at it. What means nothing, or is not known, is None.

    MACs are in lower case with colons; they mean nothing at NAT, and a neighbour's outside may not be known. `protocol` is icmp,
    tcp, udp, or another's number; arp (then `src` and `dst` are who asks and who is asked for), or an EtherType as 0x86dd.
    `ports` are source and destination, `icmp` type and code. `size` is in bytes with the IPv4 header, None: small enough for any
    link. `later_fragment`: one with a fragment offset, which has no ports. An ICMP error is `about` a packet.
    """

    eth_src: str | None
    eth_dst: str | None
    src: str | None
    dst: str | None
    protocol: str
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None
    ttl: int | None = None
    size: int | None = None
    df: bool = False
    later_fragment: bool = False
    about: PacketView | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet at a place, as it gets there, and `after` if the place translated it.

    `name` is the port's, switch's, router's, uplink's (NAT), load balancer's or external network's; of an answer its maker's (a
    router port, a switch or an external network). Routers have the names of the port by which it came in (None: the router
    made it) and goes out (None: it does not). `rule` is what translated: `snat red/r1/all`, `floating-ip red/r1/one`,
    `member red/public/m1`; None where an uplink is crossed untranslated. `known`: the connection had begun before. Of an answer
    `rule` is its kind, as an outcome's `reason`.
    """

    kind: HopKind
    name: str
    packet: PacketView
    after: PacketView | None = None
    direction: Direction | None = None
    in_port: str | None = None
    out_port: str | None = None
    rule: str | None = None
    known: bool = False

    @property
    def key(self) -> Key:
        """What tells this hop from others, whatever packet it is: ("router", "red/r1", "web", "db"), ("port", "red-web-1", "to"),
        ("switch", "red/web"), ("nat", "red/r1/up", "out", "snat red/r1/all"), ("balancer", "red/www", "member red/www/a"),
        ("external", "internet"), ("answer", "red/r1/web", "ttl_exceeded"). What is None is an empty string."""
        parts: tuple[str | None, ...] = ()
        if self.kind == "router":
            parts = (self.in_port, self.out_port)
        elif self.kind == "port":
            parts = (self.direction,)
        elif self.kind == "nat":
            parts = (self.direction, self.rule)
        elif self.kind in ("balancer", "answer"):
            parts = (self.rule,)
        return (self.kind, self.name, *(part or "" for part in parts))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A logical port, and the packet as it gets it."""

    port: str
    packet: PacketView


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a way ended, `at` which place (`router red/r1`, `port red-db-1`, `external internet`; empty if nowhere).

    `reason` is why it was dropped, or what it was answered with: the name of the model's `DropReason` or `AnswerKind` in lower
    case, which stays as it is; else None. `sentence` says all of it to an operator. `arrivals` are the ports it was delivered
    to, in order of name. `next_hop` is where it left to, or the address that was learned, `mac` that one's (None: not known yet).
    `back` is what became of the answer, from the device that made it.
    """

    kind: OutcomeKind
    at: str
    sentence: str
    reason: str | None = None
    arrivals: tuple[Arrival, ...] = ()
    next_hop: str | None = None
    mac: str | None = None
    back: Way | None = None

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports it was delivered to."""
        return tuple(arrival.port for arrival in self.arrivals)


@dataclass(frozen=True, slots=True)
class Way:
    """The places that a packet passes, in order, and how its way ends. The last hops of a flooded one are side by side."""

    hops: tuple[Hop, ...]
    outcome: Outcome

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of its hops."""
        return tuple(hop.key for hop in self.hops)

    @property
    def whole(self) -> list[Hop]:
        """Its hops, and those of its answer."""
        return list(self.hops) if self.outcome.back is None else [*self.hops, *self.outcome.back.whole]
