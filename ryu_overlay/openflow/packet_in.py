"""Packet-ins (OpenFlow 1.3.5 section 7.4.1) as values: why, from which table, with which registers, and the frame.

Called where the bytes are read, so each of these must be quick. Knows nothing of what registers and cookies mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from ryu_overlay.openflow.fields import WIRE_ORDER, Field

_HEAD = Struct("!BBQxxH")
_HEAD_AT, _MATCH_AT = 14, 24
_TOTAL_AT = 12
_LENGTH = Struct("!H")
_LENGTH_AT = 26
_HEADS = {field.head(masked): (field, masked) for field in WIRE_ORDER for masked in (False, True)}
_PLAIN = {head: field for head, (field, masked) in _HEADS.items() if not masked and len(head) == 4}
_PLAIN_HEADS = {field: head for head, (field, masked) in _HEADS.items() if not masked}
_PREFIX = 8
"""Bytes of the head of a field that has an experimenter."""


@dataclass(frozen=True, slots=True)
class PacketIn:
    """A packet that a switch sent up, and its state then.

    `fields` are those of the packet's state that are not 0: in_port, registers, metadata, tun_id, what conntrack knows. Where a
    switch tells only some bits of one, the others are 0. `reason` is 0 for a flow that matches all at priority 0 (OFPR_NO_MATCH),
    1 for any other (OFPR_ACTION).
    """

    cookie: int
    table: int
    reason: int
    fields: Mapping[Field, int]
    frame: bytes


def parse_packet_in(data: bytes) -> PacketIn:
    """Read a whole message. Fields that are not of `fields` are passed over.

    Raises struct.error or ValueError if it is cut short or its match does not end where a field does.
    """
    reason, table, cookie, length = _HEAD.unpack_from(data, _HEAD_AT)
    fields: dict[Field, int] = {}
    offset, end, frame_at = _MATCH_AT + 4, _MATCH_AT + length, _MATCH_AT + (length + 7) // 8 * 8 + 2
    if frame_at > len(data):
        raise ValueError(f"a packet-in of {len(data)} bytes is cut short")
    known, number = _PLAIN.get, int.from_bytes
    while offset + 4 <= end:
        head = data[offset : offset + 4]
        field = known(head)
        start = offset + 4
        if field is not None:
            offset = start + field.size
            fields[field] = number(data[start:offset], "big")
        else:
            offset = start + head[3]
            _read_rare(data[start - 4 : offset], fields)
    if offset != end:
        raise ValueError("a packet-in's match does not end where its last field does")
    return PacketIn(cookie, table, reason, fields, data[frame_at:])


def packet_of(data: bytes) -> tuple[int, bytes]:
    """(length it had, octets that came) of the packet in a whole packet-in. Nothing is checked."""
    match = int.from_bytes(data[_LENGTH_AT : _LENGTH_AT + 2], "big")
    return int.from_bytes(data[_TOTAL_AT : _TOTAL_AT + 2], "big"), data[_MATCH_AT + (match + 7) // 8 * 8 + 2 :]


def carries(data: bytes, field: Field) -> bool:
    """Whether a packet-in's match has all of a field, hence whether it is not 0 there. Never raises.

    `field` is one of `fields.WIRE_ORDER`. Nearly all packet-ins have not, and are told by one search of the bytes; only where
    that finds something the match is read.
    """
    if len(data) < _MATCH_AT + 4:
        return False
    head = _PLAIN_HEADS[field]
    end = min(_MATCH_AT + _LENGTH.unpack_from(data, _LENGTH_AT)[0], len(data))
    if data.find(head, _MATCH_AT + 4, end) < 0:
        return False
    offset = _MATCH_AT + 4
    while offset + len(head) <= end:
        if data.startswith(head, offset):
            return True
        offset += 4 + data[offset + 3]
    return False


def _read_rare(oxm: bytes, fields: dict[Field, int]) -> None:
    """A field that is masked, or has an experimenter, or is none of ours."""
    for length in (4, _PREFIX):
        if (found := _HEADS.get(oxm[:length])) is not None:
            field, masked = found
            value = int.from_bytes(oxm[length : length + field.size], "big")
            fields[field] = value & int.from_bytes(oxm[length + field.size :], "big") if masked else value
