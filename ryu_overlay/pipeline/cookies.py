"""Why a flow exists, packed into its cookie: ours (16 bits) | feature (8) | tenant key (16) | object key (24).

So each flow says which logical object it realises, and counters, traces, drift reports and drop reasons need no
bookkeeping of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.model.walk_values import DropReason

OURS = 0x0E7A
OURS_SHIFT = 48
OURS_MASK = 0xFFFF << OURS_SHIFT
_FEATURE_SHIFT = 40
OURS_COOKIE = OURS << OURS_SHIFT
DROP_BIT = 0x80 << _FEATURE_SHIFT
"""Set in the cookie of every flow that drops."""


class Feature(IntEnum):
    """What a flow is for. From 64 on: packets go to the controller; from 128 on: they are dropped."""

    PIPELINE = 1
    BINDING = 2
    TUNNEL = 3
    PORT_SECURITY = 4
    ARP = 5
    SWITCHING = 6
    FLOODING = 7
    ROUTER_ADDRESS = 8
    ROUTING = 9
    NEIGHBOUR = 10
    UPLINK = 11
    SNAT = 12
    FLOATING_IP = 13
    BALANCING = 14
    EXTERNAL = 15
    CLOCK = 16
    MTU = 17
    PROBE = 18
    COUNTER = 19
    LIMIT = 20
    PATH = 21

    PUNT_TTL_EXCEEDED = 64
    PUNT_NET_UNREACHABLE = 65
    PUNT_HOST_UNREACHABLE = 66
    PUNT_PORT_UNREACHABLE = 67
    PUNT_PROTOCOL_UNREACHABLE = 68
    PUNT_TCP_RESET = 69
    PUNT_FRAGMENTATION_NEEDED = 70
    PUNT_ARP = 71
    PUNT_UNRESOLVED = 72
    PUNT_HEALTH = 73
    PUNT_SEEN = 74
    PUNT_CAUGHT = 75
    PUNT_CROSSED = 76
    PUNT_OBSERVED = 77
    PUNT_GUEST = 78
    PUNT_ECHO = 79
    PUNT_NO_PATH = 80

    DROP_UNKNOWN_IN_PORT = 128
    DROP_UNKNOWN_VNI = 129
    DROP_PORT_DISABLED = 130
    DROP_SPOOFED_MAC = 131
    DROP_SPOOFED_IP = 132
    DROP_SPOOFED_ARP = 133
    DROP_NOT_ALLOWED_TYPE = 134
    DROP_UNKNOWN_MAC = 135
    DROP_HAIRPIN = 136
    DROP_NOT_IPV4 = 137
    DROP_BAD_SOURCE = 138
    DROP_MULTICAST = 139
    DROP_OWN_ICMP = 140
    DROP_DIRECTED_BROADCAST = 141
    DROP_NOT_BOUND = 142
    DROP_STALE_TUNNEL = 143
    DROP_NOT_TRACKED = 144
    DROP_NOT_TRANSLATED = 145
    DROP_NAT_EXHAUSTED = 146
    DROP_NO_CONNECTION = 147
    DROP_NOT_HERE = 148
    DROP_STANDBY = 149
    DROP_VIP_PORT = 150
    DROP_NO_MEMBER = 151
    DROP_NO_PATH = 152

    @property
    def is_drop(self) -> bool:
        return self >= 128

    @property
    def reason(self) -> str:
        """The name of a drop or punt to an operator: `spoofed_mac`, `ttl_exceeded`."""
        return self.name.removeprefix("DROP_").removeprefix("PUNT_").lower()


_PHYSICAL_DROPS = {
    Feature.DROP_UNKNOWN_IN_PORT: "came by a port of br-int where no logical port is bound",
    Feature.DROP_UNKNOWN_VNI: "came by a tunnel for a network that has nothing on this chassis",
    Feature.DROP_NOT_BOUND: "the destination's logical port is bound nowhere, or where there is no tunnel to yet",
    Feature.DROP_STALE_TUNNEL: "came by a tunnel for a port that is not on this chassis (any more)",
    Feature.DROP_NAT_EXHAUSTED: "no external address and port was left for a new connection",
    Feature.DROP_NOT_HERE: "came from a physical network for an address that this chassis has nothing to do with",
    Feature.DROP_NO_PATH: "to a router that answers for its paths, and the way to the interface asked for does not work",
    Feature.DROP_STANDBY: "came from a physical network for an uplink that another gateway carries now",
}

DROP_MEANINGS: dict[Feature, str] = {
    feature: _PHYSICAL_DROPS.get(feature) or DropReason[feature.reason.upper()].value for feature in Feature if feature.is_drop
}
"""What each drop means, to an operator. Drops that the logical network itself asks for have the reference walk's words."""


@dataclass(frozen=True, slots=True)
class Why:
    """The reason for a flow. `tenant` and `key` are 0 where the flow belongs to none in particular."""

    feature: Feature
    tenant: int = 0
    key: int = 0

    @property
    def cookie(self) -> int:
        return OURS_COOKIE | self.feature << _FEATURE_SHIFT | self.tenant << KEY_BITS | self.key


def is_ours(cookie: int) -> bool:
    return cookie >> OURS_SHIFT == OURS


@lru_cache(maxsize=4096)
def read_cookie(cookie: int) -> Why | None:
    """What the cookie says, or None when it is not one of ours."""
    if not is_ours(cookie):
        return None
    try:
        feature = Feature(cookie >> _FEATURE_SHIFT & 0xFF)
    except ValueError:
        return None
    return Why(feature, cookie >> KEY_BITS & ((1 << TENANT_KEY_BITS) - 1), cookie & ((1 << KEY_BITS) - 1))
