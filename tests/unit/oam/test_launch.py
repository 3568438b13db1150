"""The bytes that put probes into bridges, held against Open vSwitch's own reader, and what is forgotten of them."""

from __future__ import annotations

import subprocess
from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, IPOption
from scapy.layers.l2 import ARP, Dot1Q, Ether

from ryu_overlay.oam.frames import ident_of
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.launch import as_probe, forget, from_port, from_router, onward, resumed, stamped
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.actions import Resubmit, SetField, encode_actions
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.openflow.messages import NO_PORT, PACKET_OUT, Way, ct_flush, packet_out
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import (
    DATAPATH,
    FROM_TUNNEL,
    IN_LPORT,
    OUTSIDE,
    PROBE,
    REGISTERS,
    SEEN,
)
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, LR_IN_ROUTE, LR_OUT_SNAT, LS_IN_LOOKUP, PHY_IN_PORT
from tests.unit.oam.asked import NET
from tests.unit.oam.bridges import Bridges, observer
from tests.unit.oam.sightings import FRAME, seen

HELD_AT = {DATAPATH: 11, IN_LPORT: 12, FROM_TUNNEL: 1, OUTSIDE: 1}
HELD = seen("hv1", LR_IN_ADMIT, {**HELD_AT, PROBE: 1 | 2 << 2, SEEN: 5}, fields={IN_PORT: 4})
DELIVERED = seen("hv1", LR_IN_ADMIT, {PROBE: 3 | 2 << 2}, fields={IN_PORT: 0xFFFF})
CAME = seen("hv1", PHY_IN_PORT, fields={IN_PORT: 4})
PUT_IN = "load:0x4->NXM_OF_IN_PORT[]"
MARKED = "load:0x1->NXM_NX_TUN_ID[23]"
KEPT = "set_field:0xb->metadata,set_field:0xc->reg14,set_field:0x1->reg10,set_field:0x1->reg8"
PRINTED = {
    "from a port": (from_port(FRAME, 4), f"{PUT_IN},set_field:0x1->reg6,{MARKED},resubmit(,0)"),
    "to be delivered": (from_port(FRAME, 4, deliver=True), f"{PUT_IN},set_field:0x3->reg6,{MARKED},resubmit(,0)"),
    "a router's": (
        from_router(FRAME, 11, outside=False, deliver=False),
        f"set_field:0x1->reg6,{MARKED},set_field:0xb->metadata,mod_nw_ttl:65,set_field:0->reg9,set_field:0->reg11,"
        f"resubmit(,{LR_IN_ROUTE.number})",
    ),
    "a router's from outside, delivered": (
        from_router(FRAME, 11, outside=True, deliver=True),
        f"set_field:0x3->reg6,{MARKED},set_field:0xb->metadata,mod_nw_ttl:65,set_field:0->reg9,set_field:0x1->reg11,"
        f"resubmit(,{LR_IN_ROUTE.number})",
    ),
    "held": (
        resumed(HELD),
        f"{PUT_IN},{KEPT},set_field:0x5->reg6,set_field:{LR_IN_ADMIT.bit:#x}->reg5,{MARKED},resubmit(,{LR_IN_ADMIT.number})",
    ),
    "held and delivered": (
        resumed(DELIVERED),
        f"load:0xffff->NXM_OF_IN_PORT[],set_field:0x7->reg6,set_field:{LR_IN_ADMIT.bit:#x}->reg5,{MARKED},"
        f"resubmit(,{LR_IN_ADMIT.number})",
    ),
    "a tenant's": (onward(CAME), f"{PUT_IN},set_field:{PHY_IN_PORT.bit:#x}->reg5,resubmit(,0)"),
    "a tenant's in a router": (
        onward(seen("hv1", LR_IN_ADMIT, HELD_AT, fields={IN_PORT: 4})),
        f"{PUT_IN},{KEPT},set_field:{LR_IN_ADMIT.bit:#x}->reg5,resubmit(,{LR_IN_ADMIT.number})",
    ),
}


@pytest.mark.ovs
@pytest.mark.parametrize(("data", "words"), PRINTED.values(), ids=list(PRINTED))
def test_open_vswitch_reads_what_was_meant(data: bytes, words: str) -> None:
    done = subprocess.run(["ovs-ofctl", "ofp-print", data.hex()], capture_output=True, text=True, check=True, timeout=30)
    head, _, actions = done.stdout.splitlines()[0].partition(" actions=")
    assert head == "OFPT_PACKET_OUT (OF1.3) (xid=0x0): in_port=ANY"
    assert actions == f"{words} data_len={len(FRAME)}"


@given(st.dictionaries(st.sampled_from([r for r in REGISTERS if r not in (PROBE, SEEN)]), st.integers(1, 0xFFFF)))
def test_all_that_registers_said_is_kept(registers: dict[object, int]) -> None:
    sighting = seen("hv1", LR_IN_ADMIT, {**registers, PROBE: 1 | 2 << 2}, fields={IN_PORT: 4})  # type: ignore[dict-item]
    data = resumed(sighting)
    for r in REGISTERS:
        if r not in (PROBE, SEEN):
            assert (SetField(r.field, registers.get(r, 0)).encode() in data) == (r in registers)
    assert data.endswith(FRAME)


def test_frames_are_stamped() -> None:
    plain = Ether() / IP(src="10.0.0.1", dst="10.0.0.2", id=5) / UDP() / b"data"
    options = Ether() / IP(id=5, options=[IPOption(b"\x01" * 8)]) / UDP()
    tagged = Ether() / Dot1Q(vlan=7) / IP(id=5) / UDP() / b"odd"
    for made in (plain, options, tagged):
        before = bytes(made)
        made[IP].id = 0xBEEF
        del made[IP].chksum
        assert stamped(before, 0xBEEF) == bytes(made)
        assert ident_of(stamped(before, 0xBEEF)) == 0xBEEF


@given(st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_checksums_are_right(ident: int, ttl: int, address: int) -> None:
    frame = bytearray(FRAME)
    frame[22], frame[30:34] = ttl, address.to_bytes(4, "big")
    found = stamped(bytes(frame), ident)
    assert int.from_bytes(found[14:34], "big") % 0xFFFF == 0 and found[24:26] != b"\xff\xff"
    assert found[34:] == FRAME[34:]


@given(st.binary(max_size=40))
def test_what_is_not_ipv4_is_left_as_it_is(noise: bytes) -> None:
    for frame in (bytes(Ether() / ARP()), noise, FRAME[:33]):
        if frame[12:14] not in (b"\x08\0", b"\x81\0", b"\x88\xa8") or len(frame) < 34:
            assert stamped(frame, 1) == frame


def read(data: bytes) -> tuple[int, bytes, bytes]:
    """Kind, actions and frame."""
    kind, length, in_port, size = (*unpack_from("!xBH", data), *unpack_from("!4xIH", data, 8))
    assert length == len(data) and in_port == NO_PORT
    return kind, data[24 : 24 + size], data[24 + size :]


def test_answers_of_routers_become_probes() -> None:
    enter = encode_actions((SetField(DATAPATH.field, 11), Resubmit(LR_IN_ROUTE.number)))
    frames = [bytes(Ether() / IP(id=n) / UDP() / bytes(n)) for n in (1, 2, 3)]
    for count in (1, 2, 3):
        outs = b"".join(packet_out(enter, frame) for frame in frames[:count])
        made = [read(data) for data in as_probe(outs, 0xBEEF)]
        assert [kind for kind, _, _ in made] == [PACKET_OUT] * count
        assert [frame for _, _, frame in made] == [stamped(frame, 0xBEEF) for frame in frames[:count]]
        for _, actions, _ in made:
            assert actions.endswith(enter) and actions.startswith(SetField(PROBE.field, 1).encode())
    assert list(as_probe(b"", 1)) == []


def forgotten(*sightings: Sighting) -> list[tuple[str, bytes]]:
    journey = Journey(7, "hv1", 0.0)
    for sighting in sightings:
        journey.take(sighting)
    return list(forget(observer(), journey))


def test_nothing_is_forgotten_where_nothing_began() -> None:
    assert forgotten(seen("hv1", LS_IN_LOOKUP), seen("hv1", PHY_IN_PORT)) == []


def committed(sender: str = "red-web-1", **traffic: int) -> tuple[list[tuple[str, bytes]], Sighting]:
    """What is forgotten of a packet where SNAT begins its connection."""
    journey = Bridges().trace(sender, "198.51.100.10", **traffic).there.journey
    [begun] = [s for stay in journey.stays for s in stay.seen if s.table == LR_OUT_SNAT.number]
    return list(forget(observer(), journey)), begun


def test_exactly_what_was_begun_is_forgotten() -> None:
    zone = NET.tables["router_port"]["red", "r1", "up"].zone
    ends = 0x0A00010B, 0xC633640A
    udp, _ = committed(protocol=17, port=53, source_port=1000)
    assert [(name, data) for name, data in udp if name == "hv1"] == [("hv1", ct_flush(zone, 17, original=Way(*ends, 1000, 53)))]
    tcp, _ = committed(protocol=6, port=80, source_port=1000)
    assert tcp == [("hv1", ct_flush(zone, 6, original=Way(*ends, 1000, 80)))]
    ping, begun = committed()
    ident = int.from_bytes(begun.frame[38:40], "big")
    assert ping == [("hv1", ct_flush(zone, 1, original=Way(*ends, icmp_id=ident, icmp_type=8, icmp_code=0)))]
    other, _ = committed(protocol=47)
    assert other == [("hv1", ct_flush(zone, 47, original=Way(*ends)))]


def test_an_identifier_behind_options_is_found() -> None:
    frame = bytes(Ether() / IP(src="10.0.1.11", dst="198.51.100.10", options=[IPOption(b"\x01" * 8)]) / ICMP(id=0x1234))
    _, begun = committed()
    again = Sighting(0, begun.chassis, begun.table, Feature.PUNT_SEEN, begun.state, frame)
    [(_, data)] = forgotten(again, again)
    assert data.count(bytes.fromhex("000400081234")) == 1, "and once only"
