"""Numbers that flows share: groups by role and object, and matches that several features write."""

from __future__ import annotations

from ipaddress import IPv4Network

from ryu_overlay.model.objects import KEY_BITS
from ryu_overlay.openflow.actions import Action, Move, SetField
from ryu_overlay.openflow.actions_nicira import Load
from ryu_overlay.openflow.fields import (
    CT_DNAT,
    CT_EST,
    CT_INV,
    CT_NEW,
    CT_REL,
    CT_SNAT,
    CT_STATE,
    CT_TRK,
    ETH_IP,
    ETH_TYPE,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    TCP_DST,
    TCP_SRC,
    TUN_ID,
    UDP_DST,
    UDP_SRC,
)
from ryu_overlay.openflow.flow import Block, Group
from ryu_overlay.pipeline.registers import NEXT_HOP, OFPORT, TUNNEL
from ryu_overlay.pipeline.table import Match

ICMP, TCP, UDP = 1, 6, 17
PROTOCOLS = {"tcp": TCP, "udp": UDP}

TO_GATEWAY, OWNER = 1, 2
"""Roles of groups, above an object's key: where an uplink's packets go, and whether this chassis carries it. 0 is the object's
own group (a route's next hops, a load balancer's members)."""
CONNECTED = 3
"""The role of groups that a chassis passes while it reaches others, above the port that they are for."""
ALWAYS = CONNECTED << KEY_BITS
"""A group that is always alive, for failover buckets that need no port to be up."""

VNI_BITS = 22
"""Bits of a tunnel's VNI that say what network it is. The two above are for probes and for measuring loss."""

IP: Match = {ETH_TYPE: ETH_IP}
NEW: Match = {CT_STATE: (CT_NEW | CT_TRK, CT_NEW | CT_TRK | CT_INV | CT_REL)}
SWAP: tuple[Action, ...] = (
    Move(IPV4_DST, NEXT_HOP.field),
    Move(IPV4_SRC, IPV4_DST),
    Move(NEXT_HOP.field, IPV4_SRC),
)
"""Sender and destination change places, by way of a register that is free where a router answers."""
KNOWN: tuple[Match, ...] = (
    *({CT_STATE: (bit | CT_TRK, bit | CT_TRK | CT_INV)} for bit in (CT_EST, CT_REL)),
    *({CT_STATE: (bit | CT_TRK, bit | CT_TRK)} for bit in (CT_SNAT, CT_DNAT)),
)
"""Of a connection that conntrack knows: in it, or an error about it. A second packet before any answer counts as new, and the
answer to a SYN that came before the server forgot the last connection of the same ports as invalid, but both are translated."""
RELATED: Match = {CT_STATE: (CT_REL | CT_TRK, CT_REL | CT_TRK | CT_INV)}


def prefix(network: IPv4Network) -> tuple[int, int]:
    """A prefix as (value, mask) of a match."""
    return int(network.network_address), int(network.netmask)


def group_number(role: int, key: int) -> int:
    """The number of an object's group in a role."""
    return role << KEY_BITS | key


def always() -> Block:
    """The group that is always alive."""
    return Block((), (Group(ALWAYS, ((),)),))


def to_port(protocol: str, number: int) -> Match:
    """A match on destination port `number` (1 to 65535) of "tcp" or "udp"."""
    return {**IP, IP_PROTO: PROTOCOLS[protocol], TCP_DST if protocol == "tcp" else UDP_DST: number}


def from_port(protocol: str, number: int) -> Match:
    """A match on source port `number` (1 to 65535) of "tcp" or "udp"."""
    return {**IP, IP_PROTO: PROTOCOLS[protocol], TCP_SRC if protocol == "tcp" else UDP_SRC: number}


def into_tunnel(vni: int, tunnel: int) -> tuple[Action, ...]:
    """What phy_out sends in this network to the chassis behind the OpenFlow port `tunnel`. A probe's mark stays."""
    return Load(TUN_ID, vni, 0, VNI_BITS), SetField(OFPORT.field, TUNNEL | tunnel)
