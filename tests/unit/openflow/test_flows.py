"""Flows as bytes and as text, held against Open vSwitch's and Ryu's own readers."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest
from ryu.ofproto import ofproto_v1_3_parser as ryu

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Instructions, Move, Output
from ryu_overlay.openflow.describe import flow_text
from ryu_overlay.openflow.fields import ETH_DST, ETH_SRC, ETH_TYPE, IN_PORT, IPV4_DST, METADATA, NW_TTL, TUN_ID, WIRE_ORDER
from ryu_overlay.openflow.flow import Flow, make_match
from tests.unit.openflow.examples import FLOWS

RYU_NAMES = {
    "nw_src": "ipv4_src",
    "nw_dst": "ipv4_dst",
    "nw_proto": "ip_proto",
    "nw_frag": "ip_frag",
    "icmp_type": "icmpv4_type",
    "icmp_code": "icmpv4_code",
    "tun_id": "tunnel_id",
}
"""Ryu's names of fields that `ovs-ofctl` calls otherwise."""

each = pytest.mark.parametrize(("text", "flow"), FLOWS.items(), ids=FLOWS.keys())


def ovs_ofctl(*args: str) -> list[str]:
    done = subprocess.run(["ovs-ofctl", *args], capture_output=True, text=True, check=True, timeout=30)
    return [re.sub(r" \(xid=\w+\)", "", line) for line in done.stdout.splitlines() if line.startswith("OFPT_FLOW_MOD")]


def read_by_ryu(data: bytes) -> ryu.OFPFlowMod:
    _, kind, length, xid = struct.unpack_from("!BBHI", data)
    return ryu.OFPFlowMod.parser(None, messages.VERSION, kind, length, xid, data)


@each
def test_the_text_is_the_flow(text: str, flow: Flow) -> None:
    assert flow.text == text


@pytest.mark.ovs
def test_open_vswitch_reads_the_same_from_bytes_and_from_text(tmp_path: Path) -> None:
    stream, lines = tmp_path / "stream", tmp_path / "flows"
    stream.write_bytes(b"".join(messages.flow_add(flow, 7) for flow in FLOWS.values()))
    lines.write_text("".join(f"{text}\n" for text in FLOWS))
    from_bytes = ovs_ofctl("ofp-parse", str(stream))
    assert from_bytes == ovs_ofctl("-O", "OpenFlow13", "parse-flows", str(lines))
    assert len(from_bytes) == len(FLOWS)


@each
def test_ryu_reads_what_was_meant(text: str, flow: Flow) -> None:
    read = read_by_ryu(messages.flow_add(flow, 7))
    assert (read.xid, read.table_id, read.priority, read.cookie, read.command) == (7, flow.table, flow.priority, flow.cookie, 0)
    assert (read.buffer_id, read.flags, read.idle_timeout, read.hard_timeout) == (0xFFFFFFFF, 0, 0, 0)
    expected = {}
    for field, value, mask in flow.match:
        given = field.text(value) if field.style in ("mac", "ip") else value
        wide = None if mask is None else field.text(mask)
        expected[RYU_NAMES.get(field.name, field.name)] = given if wide is None else (given, wide)
    assert dict(read.match.items()) == expected


@each
def test_ryu_writes_the_instructions_that_it_read_as_they_were(text: str, flow: Flow) -> None:
    written = bytearray()
    for instruction in read_by_ryu(messages.flow_add(flow)).instructions:
        instruction.serialize(written, len(written))
    assert bytes(written) == flow.value[1]


@each
def test_what_a_switch_dumps_is_told_in_the_same_words(text: str, flow: Flow) -> None:
    assert flow_text(flow.key, flow.value) == text


def test_flows_that_are_not_ours_are_told_as_well_as_can_be() -> None:
    conntrack = bytes.fromhex("0001d30800000000")  # NXM_NX_CT_STATE, exact
    told = flow_text((3, 7, conntrack), (0x99, bytes.fromhex("0003001000000000 0000001000000001".replace(" ", ""))))
    assert told.startswith("table=3,priority=7,") and "cookie=0x99" in told


def test_a_match_is_in_wire_order_whatever_order_it_was_given_in() -> None:
    given = {METADATA: 5, TUN_ID: 4, NW_TTL: 1, ETH_TYPE: 0x0800, ETH_DST: 3, ETH_SRC: 2, IN_PORT: 1}
    match = make_match(given)
    assert [field for field, _, _ in match] == [f for f in WIRE_ORDER if f in given]
    assert match == make_match(dict(reversed(given.items())))


def test_a_mask_of_all_bits_is_none_and_one_of_no_bits_no_match() -> None:
    match = make_match({IPV4_DST: (0x0A000001, 0xFFFFFFFF), IN_PORT: (1, 0), ETH_DST: (0x01FF, 0x0100)})
    assert match == ((ETH_DST, 0x0100, 0x0100), (IPV4_DST, 0x0A000001, None))


def test_a_key_is_where_a_flow_is_and_a_value_what_it_is() -> None:
    one, other = (Flow(1, 2, make_match({IN_PORT: 3}), Instructions((Output(port),)), port) for port in (4, 5))
    assert one.key == other.key and one.value != other.value
    assert one.key != Flow(1, 2, make_match({IN_PORT: 4}), Instructions((Output(4),)), 4).key


def test_a_field_that_has_no_old_name_cannot_be_moved() -> None:
    with pytest.raises(ValueError, match="tun_id"):
        Move(TUN_ID, METADATA).encode()
