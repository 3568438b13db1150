"""The fields of frames, held against what Open vSwitch reads from them."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    ICMP_CODE,
    ICMP_TYPE,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    NW_TTL,
    TCP_DST,
    TCP_FLAGS,
    TCP_SRC,
    UDP_DST,
    UDP_SRC,
    VLAN_VID,
    Field,
    mac_to_int,
)
from ryu_overlay.openflow.headers import headers
from tests.effort import times

MACS = {"src": "02:00:00:00:01:0b", "dst": "02:00:00:00:01:01"}
ENDS = {"src": "10.0.1.11", "dst": "10.0.2.12"}
L2 = {"plain": Ether(**MACS), "tag": Ether(**MACS) / Dot1Q(vlan=5, prio=3), "0 tag": Ether(**MACS) / Dot1Q(vlan=0)}
L2["802.1ad"] = Ether(**MACS, type=0x88A8) / Dot1Q(vlan=4095)
L3: dict[str, Packet] = {
    "syn": IP(**ENDS) / TCP(sport=1, dport=65535, flags="S"),
    "all flags": IP(**ENDS, ttl=0) / TCP(flags=0x1FF, reserved=7),
    "udp": IP(**ENDS, ttl=255) / UDP(sport=53, dport=5353) / b"data",
    "ping": IP(**ENDS) / ICMP(type=8, code=0),
    "error": IP(**ENDS) / ICMP(type=3, code=4) / IP(**ENDS) / UDP(),
    "gre": IP(**ENDS) / GRE(),
    "options": IP(**ENDS, options=[IPOption_NOP()] * 5) / TCP(sport=7),
    "first": IP(**ENDS, flags="MF") / UDP(sport=53),
    "later": IP(**ENDS, frag=1) / UDP(sport=53),
    "middle": IP(**ENDS, flags="MF", frag=185, proto=6) / Raw(bytes(24)),
    "df": IP(**ENDS, flags="DF") / ICMP(),
    "version 5": IP(**ENDS, version=5) / UDP(),
    "short ihl": IP(**ENDS, ihl=4) / UDP(),
    "long ihl": IP(**ENDS, ihl=15) / UDP(),
    "long": IP(**ENDS, len=29) / UDP(),
    "short": IP(**ENDS, len=24) / UDP() / b"padding",
    "short tcp": IP(**ENDS) / Raw(bytes(TCP(flags="S"))[:19]),
    "arp": ARP(op=1, hwsrc=MACS["src"], psrc="10.0.1.11", pdst="10.0.1.1"),
    "arp reply": ARP(op=2, hwsrc=MACS["src"], psrc="10.0.1.11", hwdst=MACS["dst"], pdst="10.0.1.1"),
    "arp op 256": ARP(op=256, psrc="10.0.1.11"),
    "arp of another kind": ARP(hwtype=6, psrc="10.0.1.11"),
    "nothing": Raw(b""),
}
SNAP_FRAME = Dot3(**MACS) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800) / L3["udp"]
FRAMES = {f"{l3} in {l2}": bytes(L2[l2] / L3[l3]) for l2 in L2 for l3 in L3} | {
    "snap": bytes(SNAP_FRAME),
    "snap of a length": bytes(Dot3(**MACS) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x05FF) / L3["udp"]),
    "llc": bytes(Dot3(**MACS) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35))),
    "another type": bytes(Ether(**MACS, type=0x88B5) / Raw(bytes(30))),
}

NUMBERS = {"nw_proto": IP_PROTO, "nw_ttl": NW_TTL, "icmp_type": ICMP_TYPE, "icmp_code": ICMP_CODE, "arp_op": ARP_OP}
ADDRESSES = {"nw_src": IPV4_SRC, "nw_dst": IPV4_DST, "arp_spa": ARP_SPA, "arp_tpa": ARP_TPA}
MAC_FIELDS = {"dl_src": ETH_SRC, "dl_dst": ETH_DST, "arp_sha": ARP_SHA, "arp_tha": ARP_THA}
PORTS = {"tcp": {"tp_src": TCP_SRC, "tp_dst": TCP_DST}, "udp": {"tp_src": UDP_SRC, "tp_dst": UDP_DST}}
WORDS = {"ip": (0x0800, None), "icmp": (0x0800, 1), "tcp": (0x0800, 6), "udp": (0x0800, 17), "arp": (0x0806, None)}
FRAGMENTS = {"no": 0, "first": 1, "later": 3}
FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
"""The three bits that are left `ovs-ofctl` writes as hexadecimal numbers."""


def read_by_ovs(frames: list[bytes], path: Path) -> list[dict[Field, int]]:
    """What `ovs-ofctl` reads from frames (its `parse-pcap`), without what is 0."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(head + b"".join(struct.pack("<IIII", 0, 0, len(f), len(f)) + f for f in frames))
    done = subprocess.run(["ovs-ofctl", "parse-pcap", str(path)], capture_output=True, text=True, check=True, timeout=60)
    return [_fields(line) for line in done.stdout.splitlines()]


def _fields(line: str) -> dict[Field, int]:
    first, *words = line.split(",")
    kind, proto = WORDS.get(first, (0, None))
    found = {ETH_TYPE: kind} | ({} if proto is None else {IP_PROTO: proto})
    for name, _, value in (word.partition("=") for word in words):
        if name in NUMBERS:
            found[NUMBERS[name]] = int(value)
        elif name in ADDRESSES:
            found[ADDRESSES[name]] = int.from_bytes(bytes(int(n) for n in value.split(".")), "big")
        elif name in MAC_FIELDS:
            found[MAC_FIELDS[name]] = mac_to_int(value)
        elif name in PORTS.get(first, {}):
            found[PORTS[first][name]] = int(value)
        elif name == "nw_frag":
            found[IP_FRAG] = FRAGMENTS[value]
        elif name == "dl_vlan":
            found[VLAN_VID] = 0x1000 | int(value)
        elif name == "dl_type":
            found[ETH_TYPE] = int(value, 16)
        elif name == "tcp_flags":
            found[TCP_FLAGS] = _flags(value)
    return {field: value for field, value in found.items() if value}


def _flags(text: str) -> int:
    if text == "0":
        return 0
    return sum(1 << FLAGS.index(word) if word in FLAGS else int(word.strip("[]"), 16) for word in text.split("|"))


def not_0(frame: bytes) -> dict[Field, int]:
    return {field: value for field, value in headers(frame).items() if value}


@pytest.mark.ovs
def test_open_vswitch_reads_the_same(tmp_path: Path) -> None:
    read = dict(zip(FRAMES, read_by_ovs(list(FRAMES.values()), tmp_path / "frames"), strict=True))
    assert {name: not_0(frame) for name, frame in FRAMES.items()} == read


@pytest.mark.ovs
@times(0.5)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(FRAMES)), st.integers(14, 80), st.integers(18, 60), st.binary(max_size=4)),
        min_size=1,
        max_size=20,
    )
)
def test_open_vswitch_reads_the_same_of_damaged_frames(
    tmp_path_factory: pytest.TempPathFactory, damaged: list[tuple[str, int, int, bytes]]
) -> None:
    frames = []
    for name, length, at, noise in damaged:
        whole = FRAMES[name][:length]
        frames.append(whole[:at] + noise[: len(whole) - at] + whole[at + len(noise) :] if at < len(whole) else whole)
    assert [not_0(frame) for frame in frames] == read_by_ovs(frames, tmp_path_factory.mktemp("frames") / "frames")


def test_what_is_not_there_is_left_out() -> None:
    ends = {IPV4_SRC: 0x0A00010B, IPV4_DST: 0x0A00020C, NW_TTL: 64, IP_PROTO: 17}
    ethernet = {ETH_SRC: mac_to_int(MACS["src"]), ETH_DST: mac_to_int(MACS["dst"]), ETH_TYPE: 0x0800, VLAN_VID: 0}
    assert headers(FRAMES["later in plain"]) == {**ethernet, **ends, IP_FRAG: 3}
    assert headers(FRAMES["first in plain"]) == {**ethernet, **ends, IP_FRAG: 1, UDP_SRC: 53, UDP_DST: 53}
    assert headers(FRAMES["long in plain"]) == ethernet
    assert headers(FRAMES["arp op 256 in 0 tag"])[ARP_OP] == 0


def test_of_two_tags_the_inner_one_is_what_the_outer_carries() -> None:
    frame = bytes(Ether(**MACS) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / L3["udp"])
    assert {f: v for f, v in headers(frame).items() if f not in (ETH_SRC, ETH_DST)} == {VLAN_VID: 0x1005, ETH_TYPE: 0x8100}


@given(st.binary(max_size=60))
def test_any_bytes_do_no_harm(frame: bytes) -> None:
    headers(frame)
    assert bool(headers(frame)) == (len(frame) >= 14)
