"""Flows that we did not make, in words: what a switch dumped, for reports to people.

Matches are written as `ovs-ofctl` does where the field is one of ours; instructions as Ryu's parser reads them.
"""

from __future__ import annotations

import struct

from ryu.ofproto import ofproto_v1_3_parser as parser

from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.fields import WIRE_ORDER
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue, MatchItem

_FIELDS = {field.header >> 9: field for field in WIRE_ORDER}


def flow_text(key: FlowKey, value: FlowValue) -> str:
    """One line: table, priority, match, cookie, and what the flow does."""
    table, priority, oxm = key
    cookie, instructions = value
    known, unknown = _match(oxm)
    match = Flow(table, priority, known, Instructions(), cookie).match_text
    words = [f"table={table}", f"priority={priority}", *([match] if match else []), *unknown]
    return f"{','.join(words)},cookie=0x{cookie:x},actions={_actions(instructions)}"


def _match(oxm: bytes) -> tuple[tuple[MatchItem, ...], list[str]]:
    known: list[MatchItem] = []
    unknown = []
    offset = 0
    while offset + 4 <= len(oxm):
        (header,) = struct.unpack_from("!I", oxm, offset)
        size = header & 0xFF
        data = oxm[offset + 4 : offset + 4 + size]
        offset += 4 + size
        field = _FIELDS.get(header >> 9)
        if field is None:
            unknown.append(f"oxm_0x{header:08x}={data.hex()}")
        elif header & 0x100:
            half = size // 2
            known.append((field, int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")))
        else:
            known.append((field, int.from_bytes(data, "big"), None))
    return tuple(known), unknown


def _actions(instructions: bytes) -> str:
    words: list[str] = []
    offset = 0
    while offset < len(instructions):
        kind, length = struct.unpack_from("!HH", instructions, offset)
        try:
            words.append(str(parser.OFPInstruction.parser(instructions, offset)))
        except Exception:  # Ryu's parser raises all kinds of errors for what it does not know
            words.append(f"instruction {kind}: {instructions[offset + 4 : offset + length].hex()}")
        offset += max(length, 8)
    return ",".join(words) or "drop"
