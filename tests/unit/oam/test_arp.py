"""ARP frames, written and read by scapy too."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import ARP, Dot1Q, Ether

from ryu_overlay.oam.arp import REPLY, REQUEST, Arp, announcement, parse, request

MAC, OWN, TARGET = "02:00:00:00:00:01", IPv4Address("203.0.113.11"), IPv4Address("203.0.113.1")
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
MACS = st.integers(1, 2**48 - 1).filter(lambda n: not n >> 40 & 1).map(lambda n: n.to_bytes(6, "big").hex(":"))


def reply(sha: str = MAC, **fields: object) -> bytes:
    return bytes(Ether(src=sha, dst="02:00:00:00:00:02") / ARP(op=2, hwsrc=sha, psrc=str(TARGET), pdst=str(OWN), **fields))


@given(MACS, ADDRESSES, ADDRESSES)
def test_a_request_is_what_scapy_makes_of_it(mac: str, own: IPv4Address, target: IPv4Address) -> None:
    arp = ARP(op=1, hwsrc=mac, psrc=str(own), hwdst="00:00:00:00:00:00", pdst=str(target))
    assert request(mac, own, target) == bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / arp)
    assert parse(request(mac, own, target)) == Arp(REQUEST, mac, own, target)
    assert announcement(mac, own) == request(mac, own, own)


def test_a_reply_is_read_with_its_padding() -> None:
    assert parse(reply() + bytes(18)) == Arp(REPLY, MAC, TARGET, OWN)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        reply()[:-1],
        reply(hwtype=6),
        reply(ptype=0x86DD),
        reply(hwlen=8),
        reply(plen=16),
        reply("ff:ff:ff:ff:ff:ff"),
        reply("01:00:5e:00:00:01"),
        reply("00:00:00:00:00:00"),
        bytes(Ether(src=MAC) / Dot1Q(vlan=5) / ARP(op=2, hwsrc=MAC)),
        reply().replace(b"\x08\x06", b"\x08\x00", 1),
    ],
)
def test_what_is_no_arp_or_cannot_be_a_sender_is_not_read(frame: bytes) -> None:
    assert parse(frame) is None


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes_do_no_harm(data: bytes, length: int) -> None:
    parse(data)
    parse(reply()[:length] + data)
