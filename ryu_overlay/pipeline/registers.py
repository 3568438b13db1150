"""Fields that carry a packet's logical position through the pipeline.

They last for one pass through br-int and never leave it: on the wire a packet's position is its VNI and its
destination MAC, nothing else. They are not part of a datapath flow's match, so they cost tenants nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ryu_overlay.model.objects import KEY_BITS
from ryu_overlay.openflow.fields import METADATA, Field, register


@dataclass(frozen=True, slots=True)
class Register:
    """A field's meaning here: how many bits it needs and how long its value holds."""

    field: Field
    name: str
    bits: int
    meaning: str
    lifetime: str


DATAPATH = Register(
    METADATA, "datapath", KEY_BITS, "key of the logical switch or router the packet is in", "until the next device"
)
IN_LPORT = Register(
    register(14),
    "in_lport",
    KEY_BITS,
    "key of the logical or router port by which it came into that device",
    "until the next device",
)
OUT_LPORT = Register(
    register(15), "out_lport", KEY_BITS, "key of the logical or router port by which it leaves it", "until the next device"
)
FROM_TUNNEL = Register(
    register(10), "from_tunnel", 1, "1: it came by a tunnel and must not go back into one", "until a router routes it"
)
ANSWER = Register(
    register(11), "answer", 1, "1: a router made it as an answer, so no router answers it", "for the rest of its way"
)
NEXT_HOP = Register(register(0), "next_hop", 32, "IPv4 address of the next hop", "from lr_in_route until it is resolved")
SOURCE = Register(
    register(1), "source", 32, "its source address before conntrack looked at it", "from a lookup to the table behind it"
)
CHOSEN = Register(
    register(2), "chosen", KEY_BITS, "key of the member, NAT rule or floating IP that was chosen for it", "until it is translated"
)
LINK = Register(
    register(4),
    "link",
    17,
    "which of a NAT rule's addresses; where uplinks are counted, the key of the tenant at the other end, 0 for the internet, "
    "65536 for a tenant that is not known; 65537 and 65538 for the controller's health checks and for guests' answers to it",
    "from lr_out_tracked to lr_out_snat; from use_out_peer to use_out, from use_in_peer to use_in; from a punt to punt_chassis",
)
ZONE = Register(register(13), "zone", 16, "conntrack zone of a load balancer's choice", "from the choice to lb_member")
YES = Register(
    register(12),
    "yes",
    1,
    "1: yes to what was asked last: is it larger than the out port's MTU, or does this chassis carry the uplink now",
    "from lr_out_size to lr_out_oversize; from the uplink's group to ext_owner",
)
TOO_LARGE = OWNED = YES
HOME = Register(register(9), "home", 1, "1: this chassis itself carries the uplink for it", "until the next device")
OUTSIDE = Register(register(8), "outside", 1, "1: it came from a physical network", "until a router has it")
CAME_BY = Register(
    register(7),
    "came_by",
    16,
    "OpenFlow port by which it came into the bridge; 0: the controller sent it",
    "for the rest of its way",
)
PROBE = Register(
    register(6),
    "probe",
    4,
    "1: the controller's probe; 3: one that is delivered, too; 4 and 8 more: one or two routers since it was held last",
    "for the rest of its way, also behind tunnels",
)
DELIVERED = 3
ROUTERS_AT, ROUTERS_BITS = 2, 2
"""Where in `probe` routers are counted."""
HELD = 2
"""How many routers a probe passes before the next one holds it, for the controller to send it on: Open vSwitch goes back to an
earlier table, or to the same, at most 64 times for one packet."""
SEEN = Register(register(5), "seen", 32, "a bit for the table where it was last looked at", "until it is looked at in the next")
OFPORT = Register(
    register(3), "ofport", 17, "OpenFlow port by which it leaves the bridge, plus 65536 if that is a tunnel", "until phy_out"
)
TUNNEL = 0x10000
"""What `ofport` has more for a tunnel."""

REGISTERS: tuple[Register, ...] = (
    *(DATAPATH, IN_LPORT, OUT_LPORT, FROM_TUNNEL, ANSWER, NEXT_HOP),
    *(SOURCE, CHOSEN, LINK, ZONE, YES, HOME, OUTSIDE, CAME_BY),
    *(PROBE, SEEN, OFPORT),
)


def check(registers: tuple[Register, ...]) -> None:
    """Raises ValueError where two registers share a field or one needs more bits than its field has."""
    seen: dict[Field, str] = {}
    for reg in registers:
        if reg.field in seen:
            raise ValueError(f"{reg.name} and {seen[reg.field]} both use {reg.field.name}")
        if not 0 < reg.bits <= reg.field.bits:
            raise ValueError(f"{reg.name} needs {reg.bits} bits, {reg.field.name} has {reg.field.bits}")
        seen[reg.field] = reg.name


check(REGISTERS)
