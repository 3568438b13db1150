"""Dumped flows in words, for reports to people: `ovs-ofctl` text wherever the flow uses only what ours use.

What ours never use is shown as Ryu's parser reads it, or in hex.
"""

from __future__ import annotations

import struct

from ryu.ofproto import ofproto_v1_3_parser as parser

from ryu_overlay.openflow import actions as ours
from ryu_overlay.openflow.actions import Action, Instructions
from ryu_overlay.openflow.actions_nicira import (
    EXPERIMENTER,
    NX_CONTROLLER2,
    NX_LOAD,
    NX_OUTPUT_REG,
    Controller,
    read_controller,
    read_load,
    read_output,
)
from ryu_overlay.openflow.fields import WIRE_ORDER, Field
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue, MatchItem

_METER, _APPLY, _GOTO = 6, 4, 1
_BY_HEADER = {field.header >> 9: field for field in WIRE_ORDER}
_BY_NXM = {(field.nxm[0] if field.nxm else field.header) >> 9: field for field in WIRE_ORDER}
_HASHES = {number: name for name, number in ours.HASH_FIELDS.items()}
_NAT_KINDS: dict[int, ours.NatKind | None] = {number: kind for kind, number in ours.NAT_KINDS.items()}
_NAT_RANGES = {addresses | ports << 4 for addresses in (0, 1, 3) for ports in (0, 1, 3)}
"""First and last address, or only the first, or none, and so with ports: how a translation may say where to."""


class _Unfamiliar(Exception):
    """Something that flows of ours never have."""


def flow_text(key: FlowKey, value: FlowValue) -> str:
    """One line: table, priority, match, cookie, and what the flow does."""
    table, priority, oxm = key
    cookie, instructions = value
    known, unknown = read_match(oxm)
    match = Flow(table, priority, known, Instructions(), cookie).match_text
    words = [f"table={table}", f"priority={priority}", *([match] if match else []), *unknown]
    return f"{','.join(words)},cookie=0x{cookie:x},actions={_instructions_text(instructions)}"


def read_match(oxm: bytes) -> tuple[tuple[MatchItem, ...], list[str]]:
    """A flow's match (`Flow.match_bytes`), and in words what it asks for beside that. Raises struct.error if it is cut short."""
    known: list[MatchItem] = []
    unknown = []
    offset = 0
    while offset + 4 <= len(oxm):
        (header,) = struct.unpack_from("!I", oxm, offset)
        size = header & 0xFF
        data = oxm[offset + 4 : offset + 4 + size]
        offset += 4 + size
        field = _BY_HEADER.get(header >> 9)
        if field is not None and field.experimenter is not None:
            data = data[4:]
        if field is None:
            unknown.append(f"oxm_0x{header:08x}={data.hex()}")
        elif header & 0x100:
            half = len(data) // 2
            known.append((field, int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")))
        else:
            known.append((field, int.from_bytes(data, "big"), None))
    return tuple(known), unknown


def _instructions_text(data: bytes) -> str:
    try:
        decoded = _instructions(data)
        # Only what says all that the bytes say may stand for them.
        if decoded.encoded == data:
            return decoded.text
    except (_Unfamiliar, struct.error, ValueError):
        pass
    return _as_ryu_reads(data)


def _instructions(data: bytes) -> Instructions:
    actions: tuple[Action, ...] = ()
    goto = meter = None
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from("!HH", data, offset)
        if kind == _APPLY:
            actions = tuple(_actions(data[offset + 8 : offset + length]))
        elif kind == _GOTO:
            goto = data[offset + 4]
        elif kind == _METER:
            (meter,) = struct.unpack_from("!I", data, offset + 4)
        else:
            raise _Unfamiliar
        offset += max(length, 8)
    return Instructions(actions, goto, meter)


def _actions(data: bytes) -> list[Action]:
    found = []
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from("!HH", data, offset)
        found.append(_action(kind, data[offset : offset + length]))
        offset += max(length, 8)
    return found


def _action(kind: int, data: bytes) -> Action:
    if kind == ours.OUTPUT:
        port, max_len = struct.unpack_from("!IH", data, 4)
        if port != ours.OFPP_CONTROLLER:
            return ours.Output(port)
        return ours.Punt() if max_len == 0xFFFF else Controller(max_len)
    if kind == ours.GROUP:
        return ours.ToGroup(struct.unpack_from("!I", data, 4)[0])
    if kind == ours.SET_TTL:
        return ours.SetTtl(data[4])
    if kind == ours.DEC_TTL:
        return ours.DecTtl()
    if kind == ours.PUSH_VLAN:
        return ours.PushVlan()
    if kind == ours.POP_VLAN:
        return ours.PopVlan()
    if kind == ours.SET_FIELD:
        (header,) = struct.unpack_from("!I", data, 4)
        field = _field(_BY_HEADER, header)
        return ours.SetField(field, int.from_bytes(data[8 : 8 + field.size], "big"))
    if kind == EXPERIMENTER:
        return _nicira(data)
    raise _Unfamiliar


def _nicira(data: bytes) -> Action:
    (subtype,) = struct.unpack_from("!H", data, 8)
    if subtype == ours.NX_MOVE:
        source, target = struct.unpack_from("!II", data, 16)
        return ours.Move(_field(_BY_NXM, source), _field(_BY_NXM, target))
    if subtype == ours.NX_RESUBMIT:
        return ours.Resubmit(data[12])
    if subtype == ours.NX_CT:
        return _conntrack(data)
    if subtype == ours.NX_CT_CLEAR:
        return ours.CtClear()
    if subtype == ours.NX_MULTIPATH:
        return _multipath(data)
    if subtype == ours.NX_CHECK_LARGER:
        octets, _, target = struct.unpack_from("!HHI", data, 10)
        return ours.CheckLarger(octets, _field(_BY_NXM, target))
    if subtype == NX_CONTROLLER2:
        return _known(read_controller(data))
    if data == ours.ForgetInPort().encode():
        return ours.ForgetInPort()
    if subtype == NX_LOAD:
        return _known(read_load(data, _BY_NXM))
    if subtype == NX_OUTPUT_REG:
        return _known(read_output(data, _BY_NXM))
    raise _Unfamiliar


def _known(action: Action | None) -> Action:
    if action is None:
        raise _Unfamiliar
    return action


def _conntrack(data: bytes) -> Action:
    flags, source, zone, table = struct.unpack_from("!HIHB", data, 10)
    where = _field(_BY_NXM, source) if source else zone
    nat = mark = None
    offset = 24
    while offset < len(data):
        (length,) = struct.unpack_from("!H", data, offset + 2)
        if struct.unpack_from("!H", data, offset + 8) == (ours.NX_MOVE,):
            mark = _field(_BY_NXM, struct.unpack_from("!I", data, offset + 16)[0])
        else:
            nat = _nat(data[offset : offset + length])
        offset += max(length, 8)
    return ours.Ct(where, None if table == 0xFF else table, bool(flags & 1), nat, mark)


def _nat(data: bytes) -> ours.Nat:
    flags, present = struct.unpack_from("!HH", data, 12)
    kind = _NAT_KINDS.get(flags)
    if struct.unpack_from("!H", data, 8) != (ours.NX_NAT,) or flags not in _NAT_KINDS or present not in _NAT_RANGES:
        raise _Unfamiliar
    if kind is None or not present & 3:
        return ours.Nat(kind)
    addresses = struct.unpack_from(f"!{(present & 3).bit_count()}I", data, 16)
    ports = struct.unpack_from(f"!{(present >> 4).bit_count()}H", data, 16 + 4 * len(addresses))
    return ours.Nat(kind, addresses[0], addresses[1] if len(addresses) > 1 else None, (ports[0], ports[-1]) if ports else None)


def _multipath(data: bytes) -> Action:
    fields, links, target = struct.unpack_from("!H6xH8xI", data, 10)
    if fields not in _HASHES:
        raise _Unfamiliar
    return ours.Multipath(_HASHES[fields], links + 1, _field(_BY_NXM, target))


def _field(fields: dict[int, Field], header: int) -> Field:
    field = fields.get(header >> 9)
    if field is None:
        raise _Unfamiliar
    return field


def _as_ryu_reads(data: bytes) -> str:
    words: list[str] = []
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from("!HH", data, offset)
        try:
            words.append(str(parser.OFPInstruction.parser(data, offset)))
        except Exception:  # noqa: BLE001  Ryu's parsers raise all kinds of errors for what they do not know
            words.append(f"instruction {kind}: {data[offset + 4 : offset + length].hex()}")
        offset += max(length, 8)
    return ",".join(words) or "drop"
