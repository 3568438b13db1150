"""Messages other than flows, held against Open vSwitch's and Ryu's own readers."""

from __future__ import annotations

import struct
import subprocess
from typing import Any

import pytest
from ryu.ofproto import ofproto_v1_3_parser as ryu
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Instructions, Output, Resubmit, SetField, SetTtl, ToGroup, encode_actions
from ryu_overlay.openflow.fields import IN_PORT, METADATA, register
from ryu_overlay.openflow.flow import Block, Bucket, Flow, Group, Meter, Program, make_match
from ryu_overlay.openflow.messages import Way

GROUP = Group(5, ((SetField(register(0), 1), Resubmit(44)), (Output(3),)))
FAILOVER = Group(2**28 - 1, (Bucket((Output(100),), watch=100), Bucket((), watch=1)), "failover")
FAILOVER_BUCKETS = "bucket=watch_port:100,actions=output:100,bucket=watch_port:1,actions=drop"
WEIGHTED = Group(6, (Bucket((Output(1),), 0), Bucket((Output(2),), 65535)))
SERVICE, MEMBER = Way(target=0x0A000001, target_port=80), Way(0x0A090909, source_port=8080)
METER = Meter(1, 2000, 100)
FLOW = Flow(4, 20, make_match({IN_PORT: 3}), Instructions((Output(9),)), 0x0E7A000000000001)
BUCKETS = "bucket=actions=set_field:0x1->reg0,resubmit(,44),bucket=actions=output:3"

PRINTED = {
    f"OFPT_GROUP_MOD (OF1.3) (xid=0x1): ADD group_id=5,type=select,{BUCKETS}": messages.group_put(GROUP, False, 1),
    f"OFPT_GROUP_MOD (OF1.3) (xid=0x1): MOD group_id=5,type=select,{BUCKETS}": messages.group_put(GROUP, True, 1),
    f"OFPT_GROUP_MOD (OF1.3) (xid=0x1): ADD group_id=268435455,type=ff,{FAILOVER_BUCKETS}": messages.group_put(
        FAILOVER, False, 1
    ),
    "OFPT_GROUP_MOD (OF1.3) (xid=0x1): ADD group_id=6,type=select,bucket=weight:0,actions=output:1,bucket=weight:65535": (
        messages.group_put(WEIGHTED, False, 1)
    ),
    "NXT_CT_FLUSH (OF1.3) (xid=0x1): zone=5 'ct_nw_src=::,ct_nw_dst=10.0.0.1,ct_tp_src=0,ct_tp_dst=80,ct_nw_proto=6' "
    "'ct_nw_src=10.9.9.9,ct_nw_dst=::,ct_tp_src=8080,ct_tp_dst=0'": messages.ct_flush(5, 6, SERVICE, MEMBER, 1),
    "OFPT_GROUP_MOD (OF1.3) (xid=0x1): DEL group_id=5,type=all": messages.group_delete(5, 1),
    "OFPT_METER_MOD (OF1.3) (xid=0x1): ADD meter=1 pktps burst stats bands= type=drop rate=2000 burst_size=100": (
        messages.meter_put(METER, False, 1)
    ),
    "OFPT_METER_MOD (OF1.3) (xid=0x1): MOD meter=1 pktps burst stats bands= type=drop rate=2000 burst_size=100": (
        messages.meter_put(METER, True, 1)
    ),
    "OFPT_FLOW_MOD (OF1.3) (xid=0x1): DEL_STRICT table:4 priority=20,in_port=3 actions=drop": messages.flow_delete(FLOW.key, 1),
    "OFPT_BARRIER_REQUEST (OF1.3) (xid=0x9):": messages.barrier(9),
    "OFPST_FLOW request (OF1.3) (xid=0x1):": messages.flow_request(1, 5, 0xFF),
    "OFPST_GROUP_DESC request (OF1.3) (xid=0x1):": messages.group_request(1),
    "OFPST_METER_CONFIG request (OF1.3) (xid=0x1): meter=all": messages.meter_request(1),
    "OFPST_METER request (OF1.3) (xid=0x1): meter=all": messages.meter_stats_request(1),
    "OFPT_SET_CONFIG (OF1.3) (xid=0x1): frags=nx-match miss_send_len=65535": messages.match_fragments(1),
    "OFPT_PACKET_OUT (OF1.3) (xid=0x1): in_port=CONTROLLER actions=mod_nw_ttl:65,resubmit(,40) data_len=60": (
        messages.packet_out(encode_actions((SetTtl(65), Resubmit(40))), bytes(60), 1)
    ),
}


ANY = 0xFFFFFFFF
RYU = ProtocolDesc(version=messages.VERSION)
RYU_BUCKETS = [
    ryu.OFPBucket(1, ANY, ANY, [ryu.OFPActionSetField(reg0=1), ryu.NXActionResubmitTable(table_id=44)]),
    ryu.OFPBucket(1, ANY, ANY, [ryu.OFPActionOutput(3, 0)]),
]
WRITTEN = {
    "barrier": (messages.barrier(9), ryu.OFPBarrierRequest(RYU), 9),
    "flows": (
        messages.flow_request(1, 5, 0xFF),
        ryu.OFPFlowStatsRequest(RYU, 0, 0xFF, ANY, ANY, 5, 0xFF, ryu.OFPMatch()),
        1,
    ),
    "groups": (messages.group_request(1), ryu.OFPGroupDescStatsRequest(RYU, 0), 1),
    "meters": (messages.meter_request(1), ryu.OFPMeterConfigStatsRequest(RYU, 0), 1),
    "meter counters": (messages.meter_stats_request(1), ryu.OFPMeterStatsRequest(RYU, 0), 1),
    "group": (messages.group_put(GROUP, False, 1), ryu.OFPGroupMod(RYU, 0, 1, 5, RYU_BUCKETS), 1),
    "no group": (messages.group_delete(5, 1), ryu.OFPGroupMod(RYU, 2, 0, 5), 1),
    "meter": (
        messages.meter_put(METER, True, 1),
        ryu.OFPMeterMod(RYU, 1, 0x0E, 1, [ryu.OFPMeterBandDrop(2000, 100)]),
        1,
    ),
    "configuration": (messages.match_fragments(1), ryu.OFPSetConfig(RYU, 3, 0xFFFF), 1),
    "packet": (
        messages.packet_out(encode_actions((SetTtl(65),)), bytes(60), 1),
        ryu.OFPPacketOut(RYU, ANY, 0xFFFFFFFD, [ryu.OFPActionSetNwTtl(65)], bytes(60)),
        1,
    ),
}


@pytest.mark.parametrize(("data", "message", "xid"), WRITTEN.values(), ids=WRITTEN.keys())
def test_ryu_writes_the_same_bytes(data: bytes, message: Any, xid: int) -> None:
    message.set_xid(xid)
    message.serialize()
    assert data == bytes(message.buf)


@pytest.mark.ovs
@pytest.mark.parametrize(("words", "data"), PRINTED.items(), ids=list(PRINTED))
def test_open_vswitch_reads_what_was_meant(words: str, data: bytes) -> None:
    done = subprocess.run(["ovs-ofctl", "ofp-print", data.hex()], capture_output=True, text=True, check=True, timeout=30)
    assert " ".join(done.stdout.split()).startswith(words)


@pytest.mark.parametrize("data", PRINTED.values(), ids=list(PRINTED))
def test_the_header_has_the_length(data: bytes) -> None:
    version, _, length, _ = struct.unpack_from("!BBHI", data)
    assert (version, length) == (messages.VERSION, len(data))


def reply(kind: int, *bodies: bytes, more: bool = False) -> messages.Multipart:
    data = messages.message(messages.MULTIPART_REPLY, struct.pack("!HH4x", kind, int(more)) + b"".join(bodies))
    return messages.parse_multipart(data)


def flow_entry(flow: Flow, packets: int, octets: int) -> bytes:
    """A flow as a switch dumps it (OpenFlow 1.3.5 section 7.3.5.2)."""
    match = struct.pack("!HH", 1, 4 + len(flow.match_bytes)) + flow.match_bytes
    match += bytes(-len(match) % 8)
    instructions = flow.value[1]
    head = (48 + len(match) + len(instructions), flow.table, 1, 2, flow.priority, 0, 0, 0, flow.cookie, packets, octets)
    return struct.pack("!HBxIIHHHH4xQQQ", *head) + match + instructions


def test_flows_are_read_back_one_after_the_other() -> None:
    other = Flow(60, 0, (), Instructions(), 7)
    part = reply(messages.STATS_FLOW, flow_entry(FLOW, 3, 300), flow_entry(other, 0, 0), more=True)
    assert ryu.OFPFlowStats.parser(part.body, 0).byte_count == 300
    first, second = messages.parse_flows(part.body)
    assert (part.kind, part.more) == (messages.STATS_FLOW, True)
    assert (first.key, first.value, first.packets, first.bytes) == (FLOW.key, FLOW.value, 3, 300)
    assert (second.key, second.value) == (other.key, other.value)


def test_groups_are_read_back() -> None:
    entry = struct.pack("!HBxI", 8 + len(GROUP.encoded), 1, 5) + GROUP.encoded
    part = reply(messages.STATS_GROUP_DESC, entry, entry)
    assert [len(ryu.OFPGroupDescStats.parser(part.body, 0).buckets), part.more] == [2, False]
    assert list(messages.parse_groups(part.body)) == [(5, 1, GROUP.encoded)] * 2


def test_a_failover_group_watches_ports_and_has_no_weights() -> None:
    assert FAILOVER.text == f"group_id=268435455,type=ff,{FAILOVER_BUCKETS}"
    assert FAILOVER.value == (3, Group(1, (Bucket((Output(100),), 0, 100), Bucket((), 0, 1))).encoded)
    assert Group(7, (Bucket((ToGroup(8),), watch_group=8),), "failover").text == (
        "group_id=7,type=ff,bucket=watch_group:8,actions=group:8"
    )
    for unwatched in ((Output(1),), Bucket((Output(1),))):
        with pytest.raises(ValueError, match="group 7 watches no port"):
            Group(7, (FAILOVER.buckets[0], unwatched), "failover")


def test_bare_actions_are_a_bucket_of_weight_1() -> None:
    bare, whole = Group(1, ((Output(1),),)), Group(1, (Bucket((Output(1),)),))
    assert (bare.value, bare.text) == (whole.value, whole.text)
    assert bare.text == "group_id=1,type=select,bucket=weight:1,actions=output:1"


def test_all_of_a_zone_is_forgotten_where_nothing_is_said_of_the_ways() -> None:
    assert messages.ct_flush(5, 6).hex() == "0404002000000000000023200000002006000000000000000002000800050000"


def test_meters_are_read_back() -> None:
    flags, bands = METER.encoded[:2], METER.encoded[2:]
    entry = struct.pack("!H", 8 + len(bands)) + flags + struct.pack("!I", 1) + bands
    part = reply(messages.STATS_METER_CONFIG, entry, entry)
    assert ryu.OFPMeterConfigStats.parser(part.body, 0).bands[0].rate == 2000
    assert list(messages.parse_meters(part.body)) == [(1, METER.encoded)] * 2


def test_what_meters_dropped_is_summed_over_bands() -> None:
    bands = struct.pack("!QQQQ", 3, 300, 4, 400)
    entry = struct.pack("!IH6xIQQII", 1, 40 + len(bands), 0, 9, 900, 1, 2) + bands
    part = reply(messages.STATS_METER, entry, entry)
    assert [b.packet_band_count for b in ryu.OFPMeterStats.parser(part.body, 0).band_stats] == [3, 4]
    assert list(messages.parse_meter_drops(part.body)) == [(1, 7, 700)] * 2


def test_a_program_lists_meters_groups_and_flows_in_a_stable_order() -> None:
    late = Flow(60, 5, make_match({METADATA: 1}), Instructions((Output(1),)), 2)
    blocks = Block((late, FLOW), (GROUP,)), Block((), (Group(2, ((Output(1),),)),))
    program = Program({"a": blocks[0], "b": blocks[1]}, (METER,))
    other_way_round = Program({"b": blocks[1], "a": Block((FLOW, late), (GROUP,))}, (METER,))
    assert list(program.text()) == list(other_way_round.text())
    assert [line.partition("=")[0] for line in program.text()] == ["meter", "group_id", "group_id", "table", "table"]
