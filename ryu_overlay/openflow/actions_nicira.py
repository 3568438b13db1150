"""Open vSwitch's own actions that stand by themselves: parts of fields, ports by register, metered copies for the controller."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ryu_overlay.openflow.fields import Field

EXPERIMENTER = 0xFFFF
NICIRA = 0x00002320
NX_LOAD, NX_OUTPUT_REG, NX_CONTROLLER2 = 7, 15, 37  # Open vSwitch ovs-actions(7)

_OUTPUT = 0
_OFPP_CONTROLLER = 0xFFFFFFFD
_WHOLE = 0xFFFF
_MAX_LEN, _METER_ID = 0, 5


def bits(first: int, count: int) -> int:
    """Bits of a field, as Open vSwitch writes them."""
    return first << 6 | count - 1


@dataclass(frozen=True, slots=True)
class Load:
    """Write `bits` bits of a field from bit `first` on, and leave the others."""

    field: Field
    value: int
    first: int
    bits: int

    def encode(self) -> bytes:
        where = bits(self.first, self.bits)
        return struct.pack("!HHIHHIQ", EXPERIMENTER, 24, NICIRA, NX_LOAD, where, self.field.handle, self.value)

    def text(self) -> str:
        last = self.first + self.bits - 1
        return f"load:{self.value:#x}->{self.field.part(str(last) if self.bits == 1 else f'{self.first}..{last}')}"


@dataclass(frozen=True, slots=True)
class OutputTo:
    """Send the packet out of the OpenFlow port that the low 16 bits of a register name."""

    register: Field

    def encode(self) -> bytes:
        head = struct.pack("!HHIHH", EXPERIMENTER, 24, NICIRA, NX_OUTPUT_REG, bits(0, 16))
        return head + struct.pack("!IH6x", self.register.handle, _WHOLE)

    def text(self) -> str:
        return f"output:{self.register.part('0..15')}"


@dataclass(frozen=True, slots=True)
class Controller:
    """Send the controller a copy of the packet's first `max_len` (0 to 65535, which means all) octets.

    `meter` is a number from 1: above its rate no copies are made, while the packet itself goes on, which no meter instruction
    does. It must be there before the flow is.
    """

    max_len: int
    meter: int | None = None

    def encode(self) -> bytes:
        if self.meter is None:
            return struct.pack("!HHIH6x", _OUTPUT, 16, _OFPP_CONTROLLER, self.max_len)
        cut = b"" if self.max_len == _WHOLE else struct.pack("!HHH2x", _MAX_LEN, 8, self.max_len)
        body = cut + struct.pack("!HHI", _METER_ID, 8, self.meter)
        return struct.pack("!HHIH6x", EXPERIMENTER, 16 + len(body), NICIRA, NX_CONTROLLER2) + body

    def text(self) -> str:
        if self.meter is None:
            return f"CONTROLLER:{self.max_len}"
        cut = "" if self.max_len == _WHOLE else f"max_len={self.max_len},"
        return f"controller({cut}meter_id={self.meter})"


def read_controller(data: bytes) -> Controller | None:
    """The action that these bytes of a copy with a meter say. None for one that says more than ours do."""
    max_len, meter, offset = _WHOLE, None, 16
    while offset + 8 <= len(data):
        kind, length = struct.unpack_from("!HH", data, offset)
        if kind == _MAX_LEN:
            (max_len,) = struct.unpack_from("!H", data, offset + 4)
        elif kind == _METER_ID:
            (meter,) = struct.unpack_from("!I", data, offset + 4)
        offset += max(length, 8)
    return None if meter is None else Controller(max_len, meter)


def read_load(data: bytes, fields: Mapping[int, Field]) -> Load | None:
    """The action that these bytes say, of one of `fields` (by header without length). None for a field not among them."""
    where, target, value = struct.unpack_from("!HIQ", data, 10)
    field = fields.get(target >> 9)
    return None if field is None else Load(field, value, where >> 6, (where & 0x3F) + 1)


def read_output(data: bytes, fields: Mapping[int, Field]) -> OutputTo | None:
    """As `read_load`."""
    (target,) = struct.unpack_from("!I", data, 12)
    field = fields.get(target >> 9)
    return None if field is None else OutputTo(field)
