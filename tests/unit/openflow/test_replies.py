"""What is read of multipart replies, held against Ryu's reader."""

from __future__ import annotations

import struct

import pytest
from ryu.ofproto import ofproto_v1_3_parser as ryu

from ryu_overlay.openflow import messages, replies
from ryu_overlay.openflow.actions import Instructions, Output, Resubmit, SetField
from ryu_overlay.openflow.fields import IN_PORT, register
from ryu_overlay.openflow.flow import Flow, Group, Meter, make_match

GROUP = Group(5, ((SetField(register(0), 1), Resubmit(44)), (Output(3),)))
METER = Meter(1, 2000, 100)
FLOW = Flow(4, 20, make_match({IN_PORT: 3}), Instructions((Output(9),)), 0x0E7A000000000001)
NOT_COUNTED = 2**64 - 1


def reply(kind: int, *bodies: bytes, more: bool = False) -> replies.Multipart:
    data = messages.message(messages.MULTIPART_REPLY, struct.pack("!HH4x", kind, int(more)) + b"".join(bodies))
    return replies.parse_multipart(data)


def flow_entry(flow: Flow, packets: int, octets: int, age: tuple[int, int] = (1, 2)) -> bytes:
    """A flow as a switch dumps it (OpenFlow 1.3.5 section 7.3.5.2), of an age in seconds and nanoseconds."""
    match = struct.pack("!HH", 1, 4 + len(flow.match_bytes)) + flow.match_bytes
    match += bytes(-len(match) % 8)
    instructions = flow.value[1]
    head = (48 + len(match) + len(instructions), flow.table, *age, flow.priority, 0, 0, 0, flow.cookie, packets, octets)
    return struct.pack("!HBxIIHHHH4xQQQ", *head) + match + instructions


def test_flows_are_read_back_one_after_the_other() -> None:
    other = Flow(60, 0, (), Instructions(), 7)
    part = reply(messages.STATS_FLOW, flow_entry(FLOW, 3, 300), flow_entry(other, 0, 0), more=True)
    assert ryu.OFPFlowStats.parser(part.body, 0).byte_count == 300
    first, second = replies.parse_flows(part.body)
    assert (part.kind, part.more) == (messages.STATS_FLOW, True)
    assert (first.key, first.value, first.packets, first.bytes) == (FLOW.key, FLOW.value, 3, 300)
    assert (second.key, second.value) == (other.key, other.value)


def test_counters_of_flows_are_read_with_the_fraction_of_their_age() -> None:
    other = Flow(60, 0, (), Instructions(), 7)
    part = reply(messages.STATS_FLOW, flow_entry(FLOW, 3, 300, (9, 250_000_000)), flow_entry(other, 2**40, 2**50, (2**31, 0)))
    read = ryu.OFPFlowStats.parser(part.body, 0)
    assert (read.duration_sec, read.duration_nsec) == (9, 250_000_000)
    assert list(replies.parse_counts(part.body)) == [
        replies.FlowCount(FLOW.key, FLOW.cookie, 3, 300, 9.25),
        replies.FlowCount(other.key, 7, 2**40, 2**50, float(2**31)),
    ]
    assert [(c.key, c.packets, c.bytes) for c in replies.parse_counts(part.body)] == [
        (f.key, f.packets, f.bytes) for f in replies.parse_flows(part.body)
    ]


MONITOR = struct.pack("!II", messages.ONF, messages.ONF_FLOW_MONITOR)
OWN = struct.pack("!HHI", 8, 3, 5)
ADDED, DELETED, MODIFIED = (
    struct.pack("!HHHHHHHBxQ", 32, event, 0, 0x8000, 0, 0, 4, 3, 0) + struct.pack("!HH4x", 1, 4) for event in (0, 1, 2)
)


@pytest.mark.parametrize(
    ("updates", "others"),
    [((), False), ((OWN,), False), ((OWN, OWN), False), *(((OWN, each), True) for each in (ADDED, DELETED, MODIFIED))],
)
def test_changes_that_are_told_in_brief_are_our_own(updates: tuple[bytes, ...], others: bool) -> None:
    assert replies.told_by_others(reply(messages.EXPERIMENTER_STATS, MONITOR, *updates).body) is others
    assert replies.told_by_others(reply(messages.EXPERIMENTER_STATS, MONITOR, *updates[::-1]).body) is others


def test_updates_that_are_cut_short_or_have_no_length_do_no_harm() -> None:
    for end in range(len(OWN)):
        assert not replies.told_by_others(MONITOR + OWN[:end])
    assert not replies.told_by_others(MONITOR + bytes((0, 0, 0, 3)))


def test_groups_are_read_back() -> None:
    entry = struct.pack("!HBxI", 8 + len(GROUP.encoded), 1, 5) + GROUP.encoded
    part = reply(messages.STATS_GROUP_DESC, entry, entry)
    assert [len(ryu.OFPGroupDescStats.parser(part.body, 0).buckets), part.more] == [2, False]
    assert list(replies.parse_groups(part.body)) == [(5, 1, GROUP.encoded)] * 2


def test_meters_are_read_back() -> None:
    flags, bands = METER.encoded[:2], METER.encoded[2:]
    entry = struct.pack("!H", 8 + len(bands)) + flags + struct.pack("!I", 1) + bands
    part = reply(messages.STATS_METER_CONFIG, entry, entry)
    assert ryu.OFPMeterConfigStats.parser(part.body, 0).bands[0].rate == 2000
    assert list(replies.parse_meters(part.body)) == [(1, METER.encoded)] * 2


def test_what_meters_dropped_is_summed_over_bands() -> None:
    bands = struct.pack("!QQQQ", 3, 300, 4, 400)
    entry = struct.pack("!IH6xIQQII", 1, 40 + len(bands), 0, 9, 900, 1, 2) + bands
    part = reply(messages.STATS_METER, entry, entry)
    assert [b.packet_band_count for b in ryu.OFPMeterStats.parser(part.body, 0).band_stats] == [3, 4]
    assert list(replies.parse_meter_drops(part.body)) == [replies.MeterDrops(1, 9, 7, 700)] * 2


def test_counters_of_ports_are_read_back() -> None:
    counters = (1, 2, 3, 4, 5, 6, 7, NOT_COUNTED, 9, 10, 11, 12)
    entry = struct.pack("!I4x12QII", 7, *counters, 13, 14)
    part = reply(messages.STATS_PORT, entry, struct.pack("!I4x12QII", 0xFFFFFFFE, *bytes(12), 0, 0))
    read = ryu.OFPPortStats.parser(part.body, 0)
    first, second = replies.parse_port_stats(part.body)
    assert first == replies.PortStats(7, 1, 2, 3, 4, 5, 6, 7, None)
    assert (read.port_no, read.rx_packets, read.tx_packets, read.rx_bytes, read.tx_bytes) == (7, 1, 2, 3, 4)
    assert (read.rx_dropped, read.tx_dropped, read.rx_errors, read.tx_errors) == (5, 6, 7, NOT_COUNTED)
    assert second == replies.PortStats(0xFFFFFFFE, 0, 0, 0, 0, 0, 0, 0, 0)


def test_counters_of_ports_that_are_cut_short_are_refused() -> None:
    with pytest.raises(struct.error):
        list(replies.parse_port_stats(bytes(111)))
