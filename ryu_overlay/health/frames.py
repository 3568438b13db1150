"""The bytes of probes: how they get into a tunnel, and what is read of them where they come out."""

from __future__ import annotations

import struct

from ryu_overlay.health.probes import Probe
from ryu_overlay.openflow.actions import Ct, Output, SetField, encode_actions
from ryu_overlay.openflow.fields import TUN_ID
from ryu_overlay.openflow.messages import NO_PORT, Way, packet_out
from ryu_overlay.pipeline.registers import PROBE
from ryu_overlay.pipeline.tables import ECHO_VNI, PHY_IN_TUNNEL, ROOM_VNI

_MAGIC = b"ryu-overlay health"
_TOKEN = struct.Struct("!I")
_HEADERS = 14 + 20 + 8
_TOKEN_AT = _HEADERS + len(_MAGIC)
_SMALL = 84
_TO, _FROM, _GROUP_FROM = "02ffffffff02", "02ffffffff03", "03ffffffff03"
_FIRST_PORT, _PORT = 49152, 9
_LOCAL, _LOCAL_TO = 0xA9FE0001, 0xA9FE0002
_FILL = bytes(range(256)) * 40


def probe_out(probe: Probe, tunnel: int, largest: int) -> bytes:
    """The packet-out for a probe by the sender's OpenFlow port `tunnel`. `largest`: bytes of the largest IPv4 packet that
    VMs may send.

    In a network's VNI it has a group's MAC as its source, as no guest's packet has.
    """
    source = _FROM if probe.vni is None else _GROUP_FROM
    size = largest if probe.full else _SMALL
    frame = bytes.fromhex(_TO + source + "0800") + _ip(size, _FIRST_PORT + probe.way) + _MAGIC + _TOKEN.pack(probe.token)
    frame += _FILL[: max(0, 14 + size - len(frame))]
    actions = (SetField(TUN_ID, ECHO_VNI if probe.vni is None else probe.vni), Output(tunnel))
    return packet_out(encode_actions(actions), frame)


ROOM_ZONE, ROOM_PROTO = 0, 17
"""The conntrack zone that is nobody's, where a connection tries whether there is room, and its protocol, UDP."""
ROOM_WAY = Way(_LOCAL, _LOCAL_TO, _FIRST_PORT, _PORT)


def room_out() -> bytes:
    """The packet-out that has conntrack take a connection and tells of it: its ct_mark is 1 if that was done."""
    frame = bytes.fromhex(_TO + _FROM + "0800") + _ip(_SMALL, _FIRST_PORT) + _MAGIC + _TOKEN.pack(0)
    marked = (
        SetField(TUN_ID, ROOM_VNI),
        SetField(PROBE.field, 1),
        Ct(ROOM_ZONE, PHY_IN_TUNNEL.number, commit=True, mark=PROBE.field),
    )
    return packet_out(encode_actions(marked), frame + _FILL[: max(0, 14 + _SMALL - len(frame))], in_port=NO_PORT)


def read_probe(frame: bytes) -> tuple[int, bool] | None:
    """The token of a probe's frame, and whether its bytes are as they were sent; None: it is no such probe.

    Of its headers it is not asked: what Open vSwitch changes of them on purpose is nobody's fault.
    """
    magic = frame[_HEADERS:_TOKEN_AT]
    if len(frame) < _TOKEN_AT + _TOKEN.size or sum(a != b for a, b in zip(magic, _MAGIC)) > 1:
        return None
    (token,) = _TOKEN.unpack_from(frame, _TOKEN_AT)
    rest = frame[_TOKEN_AT + _TOKEN.size :]
    size = int.from_bytes(frame[16:18], "big") + 14 - _TOKEN_AT - _TOKEN.size
    return token, magic == _MAGIC and rest[:size] == _FILL[:size]


def _ip(size: int, port: int) -> bytes:
    """IPv4 and UDP headers between addresses of no network (RFC 3927), so that the outer source port follows from `port`."""
    header = struct.pack("!BBHHHBBHII", 0x45, 0, size, 0, 0x4000, 64, 17, 0, _LOCAL, _LOCAL_TO)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return header[:10] + struct.pack("!H", checksum) + header[12:] + struct.pack("!HHHH", port, _PORT, size - 20, 0)
