"""Actions and instructions: what a flow does, as bytes and as `ovs-ofctl` text."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.openflow.actions_nicira import EXPERIMENTER, Controller, Load, OutputTo, bits
from ryu_overlay.openflow.actions_nicira import NICIRA as _NICIRA
from ryu_overlay.openflow.fields import CT_MARK, Field

OFPP_IN_PORT = 0xFFFFFFF8
OFPP_CONTROLLER = 0xFFFFFFFD
_NX_IN_PORT = 0xFFF8
_NO_PORT = 0xFFFF
_NO_BUFFER = 0xFFFF

OUTPUT, PUSH_VLAN, POP_VLAN, GROUP, SET_TTL, DEC_TTL, SET_FIELD = 0, 17, 18, 22, 23, 24, 25  # OpenFlow 1.3.5 section 7.2.5
NX_MOVE, NX_LOAD, NX_MULTIPATH, NX_RESUBMIT = 6, 7, 10, 14  # Open vSwitch ovs-actions(7)
NX_CT, NX_NAT, NX_CT_CLEAR, NX_CHECK_LARGER = 35, 36, 43, 49
_VLAN_TYPE = 0x8100
_NO_TABLE = 0xFF


@lru_cache(maxsize=65536)
def _set_field(field: Field, value: int) -> bytes:
    oxm = struct.pack("!I", field.header | field.size) + value.to_bytes(field.size, "big")
    length = (4 + len(oxm) + 7) // 8 * 8
    return struct.pack("!HH", SET_FIELD, length) + oxm.ljust(length - 4, b"\0")


@dataclass(frozen=True, slots=True)
class SetField:
    """Write a whole field."""

    field: Field
    value: int

    def encode(self) -> bytes:
        return _set_field(self.field, self.value)

    def text(self) -> str:
        return f"set_field:{self.field.text(self.value)}->{self.field.name}"


@dataclass(frozen=True, slots=True)
class ForgetInPort:
    """Make the packet one that came in by no port, so that it may leave by the port it came from.

    Port number 0 would do too, but such a packet does not come back from conntrack.
    """

    def encode(self) -> bytes:
        return struct.pack("!HHIHHIQ", EXPERIMENTER, 24, _NICIRA, NX_LOAD, 15, 0x00000002, _NO_PORT)

    def text(self) -> str:
        return "load:0xffff->NXM_OF_IN_PORT[]"


@dataclass(frozen=True, slots=True)
class Move:
    """Copy one whole field into another of the same width."""

    source: Field
    target: Field

    def encode(self) -> bytes:
        head = struct.pack("!HHIHHHH", EXPERIMENTER, 24, _NICIRA, NX_MOVE, self.source.bits, 0, 0)
        return head + struct.pack("!II", self.source.handle, self.target.handle)

    def text(self) -> str:
        return f"move:{self.source.part()}->{self.target.part()}"


@dataclass(frozen=True, slots=True)
class Output:
    """Send the packet out of an OpenFlow port."""

    port: int

    def encode(self) -> bytes:
        return struct.pack("!HHIH6x", OUTPUT, 16, self.port, 0)

    def text(self) -> str:
        return "IN_PORT" if self.port == OFPP_IN_PORT else f"output:{self.port}"


@dataclass(frozen=True, slots=True)
class Punt:
    """Send the whole packet to the controller."""

    def encode(self) -> bytes:
        return struct.pack("!HHIH6x", OUTPUT, 16, OFPP_CONTROLLER, _NO_BUFFER)

    def text(self) -> str:
        return "CONTROLLER:65535"


@dataclass(frozen=True, slots=True)
class SetTtl:
    """Set the IPv4 TTL."""

    ttl: int

    def encode(self) -> bytes:
        return struct.pack("!HHB3x", SET_TTL, 8, self.ttl)

    def text(self) -> str:
        return f"mod_nw_ttl:{self.ttl}"


@dataclass(frozen=True, slots=True)
class DecTtl:
    """Take one from the IPv4 TTL. Open vSwitch drops the packet instead when it is 1 or less."""

    def encode(self) -> bytes:
        return struct.pack("!HH4x", DEC_TTL, 8)

    def text(self) -> str:
        return "dec_ttl"


@dataclass(frozen=True, slots=True)
class ToGroup:
    """Hand the packet to a group."""

    group: int

    def encode(self) -> bytes:
        return struct.pack("!HHI", GROUP, 8, self.group)

    def text(self) -> str:
        return f"group:{self.group}"


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Look the packet up in a table, then come back for the actions that follow (Open vSwitch)."""

    table: int

    def encode(self) -> bytes:
        return struct.pack("!HHIHHB3x", EXPERIMENTER, 16, _NICIRA, NX_RESUBMIT, _NX_IN_PORT, self.table)

    def text(self) -> str:
        return f"resubmit(,{self.table})"


@dataclass(frozen=True, slots=True)
class PushVlan:
    """Put an 802.1Q tag of VLAN 0 in front; a SetField of vlan_vid (with its present bit) right after gives it its VLAN."""

    def encode(self) -> bytes:
        return struct.pack("!HHH2x", PUSH_VLAN, 8, _VLAN_TYPE)

    def text(self) -> str:
        return f"push_vlan:{_VLAN_TYPE:#x}"


@dataclass(frozen=True, slots=True)
class PopVlan:
    """Take the outer tag off."""

    def encode(self) -> bytes:
        return struct.pack("!HH4x", POP_VLAN, 8)

    def text(self) -> str:
        return "pop_vlan"


NatKind = Literal["src", "dst"]
NAT_KINDS: dict[NatKind | None, int] = {None: 0, "src": 1, "dst": 2}


@dataclass(frozen=True, slots=True)
class Nat:
    """What conntrack translates: source or target to an address of `first` to `last` (None: `first` alone) and a port of `ports`.

    `first` is an IPv4 address, 0 for none: the connection is committed with addresses as they are. Without kind it is for
    connections that are known: translate them as they were committed. Raises ValueError for a part without what it is part of.
    """

    kind: NatKind | None = None
    first: int = 0
    last: int | None = None
    ports: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if (not self.first and (self.last or self.ports)) or (self.first and self.kind is None):
            raise ValueError("a translation is of a kind and to an address")

    def encode(self) -> bytes:
        addresses = self._addresses()
        ports = list(dict.fromkeys(self.ports or ()))
        present = (1 << len(addresses)) - 1 | ((1 << len(ports)) - 1) << 4
        body = struct.pack(f"!{len(addresses)}I{len(ports)}H", *addresses, *ports)
        length = (16 + len(body) + 7) // 8 * 8
        head = struct.pack("!HHIH2xHH", EXPERIMENTER, length, _NICIRA, NX_NAT, NAT_KINDS[self.kind], present)
        return (head + body).ljust(length, b"\0")

    def text(self) -> str:
        if self.kind is None:
            return "nat"
        if not self.first:
            return f"nat({self.kind})"
        addresses = "-".join(str(IPv4Address(n)) for n in self._addresses())
        ports = ":" + "-".join(str(n) for n in dict.fromkeys(self.ports)) if self.ports else ""
        return f"nat({self.kind}={addresses}{ports})"

    def _addresses(self) -> list[int]:
        ends = (self.first, self.first if self.last is None else self.last)
        return [n for n in dict.fromkeys(ends) if n]


@dataclass(frozen=True, slots=True)
class Ct:
    """Send the packet through conntrack (Open vSwitch).

    `zone` is a number (0 to 65535) or a register whose low 16 bits are it. With a `table` the packet goes on there with its
    ct_state known, beside what follows here. A connection that is committed has the lowest bit of the register `mark` in its
    ct_mark. Raises ValueError for a translation or mark to be set up without `commit`.
    """

    zone: int | Field
    table: int | None = None
    commit: bool = False
    nat: Nat | None = None
    mark: Field | None = None

    def __post_init__(self) -> None:
        if not self.commit and (self.mark is not None or (self.nat is not None and self.nat.kind is not None)):
            raise ValueError("a translation or mark is set up only with commit")

    def encode(self) -> bytes:
        inner = b"" if self.nat is None else self.nat.encode()
        inner += b"" if self.mark is None else self._set_mark(self.mark)
        source, zone = (self.zone.handle, bits(0, 16)) if isinstance(self.zone, Field) else (0, self.zone)
        table = _NO_TABLE if self.table is None else self.table
        head = struct.pack("!HHIHH", EXPERIMENTER, 24 + len(inner), _NICIRA, NX_CT, int(self.commit))
        return head + struct.pack("!IHB3xH", source, zone, table, 0) + inner

    def text(self) -> str:
        words = ["commit"] if self.commit else []
        words += [f"table={self.table}"] if self.table is not None else []
        words.append(f"zone={self.zone.part('0..15') if isinstance(self.zone, Field) else self.zone}")
        words += [self.nat.text()] if self.nat is not None else []
        if self.mark is not None:
            words.append(f"exec(move:{self.mark.part('0')}->{CT_MARK.part('0')})")
        return f"ct({','.join(words)})"

    @staticmethod
    def _set_mark(mark: Field) -> bytes:
        return struct.pack("!HHIHHHHII", EXPERIMENTER, 24, _NICIRA, NX_MOVE, 1, 0, 0, mark.handle, CT_MARK.handle)


@dataclass(frozen=True, slots=True)
class CtClear:
    """Forget what conntrack said about the packet."""

    def encode(self) -> bytes:
        return struct.pack("!HHIH6x", EXPERIMENTER, 16, _NICIRA, NX_CT_CLEAR)

    def text(self) -> str:
        return "ct_clear"


HashFields = Literal["nw_src", "symmetric_l3l4+udp"]
HASH_FIELDS: dict[HashFields, int] = {"symmetric_l3l4+udp": 3, "nw_src": 4}
"""What a hash can be over, by Open vSwitch's numbers (NX_HASH_FIELDS_*)."""


@dataclass(frozen=True, slots=True)
class Multipath:
    """Write a hash of the packet, modulo `links` (1 to 65536), to the low 16 bits of a register."""

    fields: HashFields
    links: int
    target: Field

    def encode(self) -> bytes:
        head = struct.pack("!HHIHHH2x", EXPERIMENTER, 32, _NICIRA, NX_MULTIPATH, HASH_FIELDS[self.fields], 0)
        return head + struct.pack("!HHI2xHI", 0, self.links - 1, 0, bits(0, 16), self.target.handle)

    def text(self) -> str:
        return f"multipath({self.fields},0,modulo_n,{self.links},0,{self.target.part('0..15')})"


@dataclass(frozen=True, slots=True)
class CheckLarger:
    """Write to a register's lowest bit whether the packet, with its Ethernet header, has more than so many octets."""

    octets: int
    target: Field

    def encode(self) -> bytes:
        head = struct.pack("!HHIH", EXPERIMENTER, 24, _NICIRA, NX_CHECK_LARGER)
        return head + struct.pack("!HHI6x", self.octets, 0, self.target.handle)

    def text(self) -> str:
        return f"check_pkt_larger({self.octets})->{self.target.part('0')}"


Action = (
    SetField
    | Load
    | ForgetInPort
    | Move
    | Output
    | OutputTo
    | Punt
    | Controller
    | SetTtl
    | DecTtl
    | ToGroup
    | Resubmit
    | PushVlan
    | PopVlan
    | Ct
    | CtClear
    | Multipath
    | CheckLarger
)


def encode_actions(actions: tuple[Action, ...]) -> bytes:
    """An action list as it stands in an apply-actions instruction or a packet-out."""
    return b"".join([a.encode() for a in actions])


@dataclass(frozen=True)
class Instructions:
    """What a flow does: pass a meter, apply actions, go on to a later table. None of them: drop."""

    actions: tuple[Action, ...] = ()
    goto: int | None = None
    meter: int | None = None

    @cached_property
    def encoded(self) -> bytes:
        parts = []
        if self.meter is not None:
            parts.append(struct.pack("!HHI", 6, 8, self.meter))
        if self.actions:
            body = encode_actions(self.actions)
            parts.append(struct.pack("!HH4x", 4, 8 + len(body)) + body)
        if self.goto is not None:
            parts.append(struct.pack("!HHB3x", 1, 8, self.goto))
        return b"".join(parts)

    @property
    def text(self) -> str:
        parts = [f"meter:{self.meter}"] if self.meter is not None else []
        parts += [a.text() for a in self.actions]
        parts += [f"goto_table:{self.goto}"] if self.goto is not None else []
        return ",".join(parts) or "drop"
