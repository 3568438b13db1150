"""OpenFlow 1.3 messages that we send, as bytes. What comes back is for `replies` and `packet_in`.

Ryu's own classes do the same, but at 9,400 flow-mods a second; see docs/decisions/0003-own-encoder.md. The tests hold these
bytes against Ryu's parser and `ovs-ofctl`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue, Group, Meter

VERSION = 4
ECHO_REQUEST, ECHO_REPLY, SET_CONFIG = 2, 3, 9
ERROR, EXPERIMENTER, PACKET_IN, PACKET_OUT, FLOW_MOD, GROUP_MOD = 1, 4, 10, 13, 14, 15
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY, METER_MOD = 18, 19, 20, 21, 29
STATS_FLOW, STATS_PORT, STATS_GROUP_DESC, STATS_METER, STATS_METER_CONFIG = 1, 4, 7, 9, 10
ALL_TABLES = 0xFF
EXPERIMENTER_STATS = 0xFFFF
_NICIRA, _NX_CT_FLUSH = 0x00002320, 32  # Open vSwitch
ONF, ONF_FLOW_MONITOR = 0x4F4E4600, 1870  # ONF extension 187, as Open vSwitch has it
ALL_PORTS = _ANY = 0xFFFFFFFF
_NO_BUFFER = 0xFFFFFFFF
_CONTROLLER = 0xFFFFFFFD
NO_PORT = 0xFFFFFFFF
"""The port of packets that came by none (OFPP_ANY). Those of the controller's do not come back from conntrack."""


def message(kind: int, body: bytes = b"", xid: int = 0) -> bytes:
    return struct.pack("!BBHI", VERSION, kind, 8 + len(body), xid) + body


def _match(oxm: bytes) -> bytes:
    length = 4 + len(oxm)
    return struct.pack("!HH", 1, length) + oxm + b"\0" * (-length % 8)


def flow_add(flow: Flow, xid: int = 0) -> bytes:
    """Add the flow, or give the one with its match and priority its cookie and instructions (section 6.4)."""
    return _flow_mod(0, flow.key, flow.value, xid, flow.seconds)


def flow_delete(key: FlowKey, xid: int = 0) -> bytes:
    """Delete exactly the flow with this table, priority and match."""
    return _flow_mod(4, key, (0, b""), xid)


def _flow_mod(command: int, key: FlowKey, value: FlowValue, xid: int, seconds: int = 0) -> bytes:
    table, priority, oxm = key
    cookie, instructions = value
    head = struct.pack("!QQBBHHHIIIH2x", cookie, 0, table, command, 0, seconds, priority, _NO_BUFFER, _ANY, _ANY, 0)
    return message(FLOW_MOD, head + _match(oxm) + instructions, xid)


def group_put(group: Group, exists: bool, xid: int = 0) -> bytes:
    """Add the group, or modify it, its type too, when it exists."""
    return message(GROUP_MOD, struct.pack("!HBxI", 1 if exists else 0, group.type, group.number) + group.encoded, xid)


def group_delete(number: int, xid: int = 0) -> bytes:
    return message(GROUP_MOD, struct.pack("!HBxI", 2, 0, number), xid)


def meter_put(meter: Meter, exists: bool, xid: int = 0) -> bytes:
    """Add the meter, or modify it when it exists."""
    flags, bands = meter.encoded[:2], meter.encoded[2:]
    return message(METER_MOD, struct.pack("!H", 1 if exists else 0) + flags + struct.pack("!I", meter.number) + bands, xid)


def meter_delete(number: int, xid: int = 0) -> bytes:
    """Delete the meter. Open vSwitch deletes flows with a meter instruction of it, too."""
    return message(METER_MOD, struct.pack("!HHI", 2, 0, number), xid)


def match_fragments(xid: int = 0) -> bytes:
    """Let flows see the first fragment's layer 4, not zeros (Open vSwitch: OFPC_FRAG_NX_MATCH), and punts be whole."""
    return message(SET_CONFIG, struct.pack("!HH", 3, 0xFFFF), xid)


def barrier(xid: int) -> bytes:
    return message(BARRIER_REQUEST, b"", xid)


def echo(data: bytes, xid: int = 0) -> bytes:
    """Ask for a sign of life: the reply has the same data (section 7.5.2)."""
    return message(ECHO_REQUEST, data, xid)


def flow_monitor(xid: int) -> bytes:
    """Have the switch tell from now on of each flow that is added, deleted or modified. Of what this very connection asked
    for it tells in brief."""
    added, deleted, modified = 2, 4, 8
    match = struct.pack("!HH4x", 1, 4)
    body = struct.pack("!IHHIB3x", 1, added | deleted | modified, 4, _ANY, ALL_TABLES) + match
    return message(MULTIPART_REQUEST, struct.pack("!HH4xII", EXPERIMENTER_STATS, 0, ONF, ONF_FLOW_MONITOR) + body, xid)


def flow_request(xid: int, cookie: int = 0, cookie_mask: int = 0, *, table: int = ALL_TABLES, match: bytes = b"") -> bytes:
    """Ask for the flows of one or all tables whose cookie matches under the mask and whose match is `match` or narrower.

    `match` is OXM fields as in `Flow.match_bytes`.
    """
    body = struct.pack("!B3xII4xQQ", table, _ANY, _ANY, cookie, cookie_mask) + _match(match)
    return message(MULTIPART_REQUEST, struct.pack("!HH4x", STATS_FLOW, 0) + body, xid)


def group_request(xid: int) -> bytes:
    return message(MULTIPART_REQUEST, struct.pack("!HH4x", STATS_GROUP_DESC, 0), xid)


def meter_request(xid: int) -> bytes:
    """Ask for the configuration of all meters."""
    return message(MULTIPART_REQUEST, struct.pack("!HH4xI4x", STATS_METER_CONFIG, 0, _ANY), xid)


def meter_stats_request(xid: int, number: int = _ANY) -> bytes:
    """Ask for the counters of one meter, or of all."""
    return message(MULTIPART_REQUEST, struct.pack("!HH4xI4x", STATS_METER, 0, number), xid)


def port_stats_request(xid: int, port: int = ALL_PORTS) -> bytes:
    """Ask for the counters of an OpenFlow port, or of all."""
    return message(MULTIPART_REQUEST, struct.pack("!HH4xI4x", STATS_PORT, 0, port), xid)


def packet_out(actions: bytes, frame: bytes, xid: int = 0, in_port: int = _CONTROLLER) -> bytes:
    """Let the switch apply actions to a frame that came from the controller, or as if from the OpenFlow port `in_port`."""
    return message(PACKET_OUT, struct.pack("!IIH6x", _NO_BUFFER, in_port, len(actions)) + actions + frame, xid)


@dataclass(frozen=True, slots=True)
class Way:
    """Packets of one direction of a connection: IPv4 addresses, and layer 4 ports or those fields of ICMP. None: any.

    Of ICMP, Open vSwitch 3.1 finds only connections whose original way is named whole, or whose type, code and identifier are
    named both ways. An echo's reply has the identifier of its request.
    """

    source: int | None = None
    target: int | None = None
    source_port: int | None = None
    target_port: int | None = None
    icmp_id: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None

    def encode(self) -> bytes:
        """As Open vSwitch's conntrack tuple properties. Addresses are IPv6 there: IPv4 is mapped (RFC 4291 section 2.5.5.2)."""
        parts = []
        for kind, address in enumerate((self.source, self.target)):
            if address is not None:
                parts.append(struct.pack("!HH10xHI4x", kind, 20, 0xFFFF, address))
        for kind, number in enumerate((self.source_port, self.target_port, self.icmp_id), 2):
            if number is not None:
                parts.append(struct.pack("!HHH2x", kind, 8, number))
        for kind, number in enumerate((self.icmp_type, self.icmp_code), 5):
            if number is not None:
                parts.append(struct.pack("!HHB3x", kind, 5, number))
        return b"".join(parts)


ANY_WAY = Way()


def ct_flush(zone: int, proto: int, original: Way = ANY_WAY, reply: Way = ANY_WAY, xid: int = 0) -> bytes:
    """Forget connections of a conntrack zone: those of an IP protocol (0: any) whose first packets and replies went so.

    Needs something in one of the ways, or else forgets all of the zone, whatever the protocol.
    """
    body = struct.pack("!IIB7x", _NICIRA, _NX_CT_FLUSH, proto)
    for kind, way in enumerate((original.encode(), reply.encode())):
        if way:
            body += struct.pack("!HH4x", kind, 8 + len(way)) + way
    return message(EXPERIMENTER, body + struct.pack("!HHH2x", 2, 8, zone), xid)
