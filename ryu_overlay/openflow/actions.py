"""Actions and instructions: what a flow does, as bytes and as `ovs-ofctl` text."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ryu_overlay.openflow.fields import Field

OFPP_IN_PORT = 0xFFFFFFF8
OFPP_CONTROLLER = 0xFFFFFFFD
_NX_IN_PORT = 0xFFF8
_NICIRA = 0x00002320
EXPERIMENTER = 0xFFFF
_NO_BUFFER = 0xFFFF

OUTPUT, GROUP, SET_TTL, DEC_TTL, SET_FIELD = 0, 22, 23, 24, 25  # OpenFlow 1.3.5 section 7.2.5
NX_MOVE, NX_LOAD, NX_RESUBMIT = 6, 7, 14  # Open vSwitch ovs-actions(7)


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
    """Make the packet one that came in by no port, so that it may leave by the port it came from."""

    def encode(self) -> bytes:
        return struct.pack("!HHIHHIQ", EXPERIMENTER, 24, _NICIRA, NX_LOAD, 15, 0x00000002, 0)

    def text(self) -> str:
        return "load:0->NXM_OF_IN_PORT[]"


@dataclass(frozen=True, slots=True)
class Move:
    """Copy one whole field into another of the same width."""

    source: Field
    target: Field

    def encode(self) -> bytes:
        head = struct.pack("!HHIHHHH", EXPERIMENTER, 24, _NICIRA, NX_MOVE, self.source.bits, 0, 0)
        return head + struct.pack("!II", *(_nxm(f)[0] | f.size for f in (self.source, self.target)))

    def text(self) -> str:
        return f"move:{_nxm(self.source)[1]}->{_nxm(self.target)[1]}"


def _nxm(field: Field) -> tuple[int, str]:
    if field.nxm is None:
        raise ValueError(f"{field.name} cannot be moved")
    return field.nxm


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


Action = SetField | ForgetInPort | Move | Output | Punt | SetTtl | DecTtl | ToGroup | Resubmit


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
