"""Messages that are sent, other than flows, held against Open vSwitch's and Ryu's own readers."""

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
PING, PONG = Way(0x0A090909, 0x0A000001, icmp_id=7, icmp_type=8, icmp_code=0), Way(icmp_id=7, icmp_type=0, icmp_code=0)
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
    "NXT_CT_FLUSH (OF1.3) (xid=0x1): zone=5 'ct_nw_src=10.9.9.9,ct_nw_dst=10.0.0.1,icmp_id=7,icmp_type=8,icmp_code=0,"
    "ct_nw_proto=1' 'ct_nw_src=::,ct_nw_dst=::,icmp_id=7,icmp_type=0,icmp_code=0'": messages.ct_flush(5, 1, PING, PONG, 1),
    "OFPT_GROUP_MOD (OF1.3) (xid=0x1): DEL group_id=5,type=all": messages.group_delete(5, 1),
    "OFPT_METER_MOD (OF1.3) (xid=0x1): ADD meter=1 pktps burst stats bands= type=drop rate=2000 burst_size=100": (
        messages.meter_put(METER, False, 1)
    ),
    "OFPT_METER_MOD (OF1.3) (xid=0x1): MOD meter=1 pktps burst stats bands= type=drop rate=2000 burst_size=100": (
        messages.meter_put(METER, True, 1)
    ),
    "OFPT_FLOW_MOD (OF1.3) (xid=0x1): DEL_STRICT table:4 priority=20,in_port=3 actions=drop": messages.flow_delete(FLOW.key, 1),
    "OFPT_BARRIER_REQUEST (OF1.3) (xid=0x9):": messages.barrier(9),
    "OFPT_ECHO_REQUEST (OF1.3) (xid=0x1): 3 bytes of payload 00000000 61 62 63": messages.echo(b"abc", 1),
    "ONFST_FLOW_MONITOR request (OF1.3) (xid=0x1): id=1 flags=add,delete,modify": messages.flow_monitor(1),
    "OFPST_FLOW request (OF1.3) (xid=0x1):": messages.flow_request(1, 5, 0xFF),
    "OFPST_FLOW request (OF1.3) (xid=0x1): table=4 in_port=3": messages.flow_request(1, table=4, match=FLOW.match_bytes),
    "OFPST_PORT request (OF1.3) (xid=0x1): port_no=ANY": messages.port_stats_request(1),
    "OFPST_PORT request (OF1.3) (xid=0x1): port_no=7": messages.port_stats_request(1, 7),
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
    "echo": (messages.echo(b"abc", 1), ryu.OFPEchoRequest(RYU, b"abc"), 1),
    "flows": (
        messages.flow_request(1, 5, 0xFF),
        ryu.OFPFlowStatsRequest(RYU, 0, 0xFF, ANY, ANY, 5, 0xFF, ryu.OFPMatch()),
        1,
    ),
    "flows of a table": (
        messages.flow_request(1, table=4, match=FLOW.match_bytes),
        ryu.OFPFlowStatsRequest(RYU, 0, 4, ANY, ANY, 0, 0, ryu.OFPMatch(in_port=3)),
        1,
    ),
    "ports": (messages.port_stats_request(1), ryu.OFPPortStatsRequest(RYU, 0, ANY), 1),
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


def test_a_program_lists_meters_groups_and_flows_in_a_stable_order() -> None:
    late = Flow(60, 5, make_match({METADATA: 1}), Instructions((Output(1),)), 2)
    blocks = Block((late, FLOW), (GROUP,)), Block((), (Group(2, ((Output(1),),)),))
    program = Program({"a": blocks[0], "b": blocks[1]}, (METER,))
    other_way_round = Program({"b": blocks[1], "a": Block((FLOW, late), (GROUP,))}, (METER,))
    assert list(program.text()) == list(other_way_round.text())
    assert [line.partition("=")[0] for line in program.text()] == ["meter", "group_id", "group_id", "table", "table"]
