"""What a real Open vSwitch forgets when one connection is named: that one alone, translated or not."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Ct, Nat, encode_actions
from ryu_overlay.openflow.messages import ANY_WAY, Way
from tests.dummy import DummySwitch, OpenFlow

pytestmark = pytest.mark.ovs

BRIDGE = "br"
PLAIN, TRANSLATED = 7, 8
A, B, OUTER = (int(IPv4Address(text)) for text in ("10.0.0.1", "10.0.0.2", "203.0.113.5"))
NUMBERS = (1001, 1002)
NAMED = ("original", "reply", "both")
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}


def way(proto: str, number: int, source: int = A, target: int = B, reply: bool = False) -> Way:
    if proto == "icmp":
        return Way(source, target, icmp_id=number, icmp_type=0 if reply else 8, icmp_code=0)
    return Way(source, target, *((80, number) if reply else (number, 80)))


def first_packet(proto: str, number: int) -> Packet:
    l4 = {"icmp": ICMP(id=number), "tcp": TCP(sport=number, dport=80), "udp": UDP(sport=number, dport=80)}
    ip = IP(src=str(IPv4Address(A)), dst=str(IPv4Address(B)))
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ip / l4[proto]


class Conntrack:
    """The connections of a bridge that remembers those of `NUMBERS` for each protocol, in two zones."""

    def __init__(self, switch: DummySwitch, channel: OpenFlow) -> None:
        self._switch = switch
        self._channel = channel
        for proto in PROTOCOLS:
            for number in NUMBERS:
                self.commit(first_packet(proto, number))

    def commit(self, packet: Packet) -> None:
        for action in (Ct(PLAIN, commit=True), Ct(TRANSLATED, commit=True, nat=Nat("src", OUTER))):
            self._channel.send(messages.packet_out(encode_actions((action,)), bytes(packet)))
        self._channel.barrier()

    @property
    def known(self) -> set[str]:
        return set(self._switch.appctl("dpctl/dump-conntrack").splitlines())

    def flush(self, zone: int, proto: int, original: Way = ANY_WAY, reply: Way = ANY_WAY) -> list[str]:
        """What is forgotten."""
        before = self.known
        self._channel.send(messages.ct_flush(zone, proto, original, reply, 3))
        self._channel.barrier()
        return sorted(before - self.known)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DummySwitch]:
    made = DummySwitch(tmp_path_factory.mktemp("ovs"))
    made.start()
    try:
        made.add_bridge(BRIDGE, [("p1", 1)], [])
        yield made
    finally:
        made.stop()


@pytest.fixture
def conntrack(switch: DummySwitch) -> Iterator[Conntrack]:
    switch.appctl("dpctl/flush-conntrack")
    with OpenFlow(switch.directory / f"{BRIDGE}.mgmt") as channel:
        made = Conntrack(switch, channel)
        assert len(made.known) == 2 * len(PROTOCOLS) * len(NUMBERS)
        yield made


@pytest.mark.parametrize("zone", [PLAIN, TRANSLATED])
@pytest.mark.parametrize(("proto", "named"), [(p, n) for p in PROTOCOLS for n in NAMED if (p, n) != ("icmp", "reply")])
def test_the_one_that_is_named_is_forgotten(conntrack: Conntrack, proto: str, zone: int, named: str) -> None:
    number, seen_from_b = NUMBERS[0], A if zone == PLAIN else OUTER
    original = ANY_WAY if named == "reply" else way(proto, number)
    reply = ANY_WAY if named == "original" else way(proto, number, B, seen_from_b, reply=True)
    [gone] = conntrack.flush(zone, PROTOCOLS[proto], original, reply)
    assert gone.startswith(f"{proto},") and f"={number}," in gone and f"zone={zone}" in gone
    assert ("203.0.113.5" in gone) == (zone == TRANSLATED)
    assert not conntrack.flush(zone, PROTOCOLS[proto], original, reply)


@pytest.mark.parametrize(
    "wrong",
    [
        Way(A, B, icmp_id=1003, icmp_type=8, icmp_code=0),
        Way(A, B, icmp_id=1001, icmp_type=13, icmp_code=0),
        Way(A, B, icmp_id=1001, icmp_type=8, icmp_code=1),
        Way(B, A, icmp_id=1001, icmp_type=8, icmp_code=0),
    ],
    ids=["identifier", "type", "code", "addresses"],
)
def test_a_ping_that_is_not_known_is_not_missed(conntrack: Conntrack, wrong: Way) -> None:
    assert not conntrack.flush(PLAIN, 1, wrong)


def test_of_a_ping_the_reply_alone_is_not_enough(conntrack: Conntrack) -> None:
    assert not conntrack.flush(PLAIN, 1, reply=way("icmp", NUMBERS[0], B, A, reply=True))


def test_of_a_protocol_without_ports_addresses_are_enough(conntrack: Conntrack) -> None:
    packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2", proto=47) / GRE()
    conntrack.commit(packet)
    [gone] = conntrack.flush(TRANSLATED, 47, Way(A, B))
    assert gone.startswith("47,") and "203.0.113.5" in gone


def test_ovs_ofctl_sends_the_same_bytes(tmp_path: Path) -> None:
    """Its own reading of the words for a connection, sent to a switch that is none."""
    words = (
        "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=1,icmp_type=8,icmp_code=0,icmp_id=7",
        "ct_nw_proto=1,icmp_type=0,icmp_id=7",
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "switch"))
        listener.listen()
        sent: list[bytes] = []
        switch = threading.Thread(target=lambda: sent.append(_flush_sent_to(listener)), daemon=True)
        switch.start()
        args = ("-O", "OpenFlow13", "ct-flush", f"unix:{tmp_path}/switch", f"zone={PLAIN}", *words)
        subprocess.run(("ovs-ofctl", *args), capture_output=True, check=False, timeout=30)
        switch.join(10)
    [flush] = sent
    original, reply = Way(A, B, icmp_id=7, icmp_type=8, icmp_code=0), Way(icmp_id=7, icmp_type=0, icmp_code=0)
    assert flush == messages.ct_flush(PLAIN, 1, original, reply, xid=int.from_bytes(flush[4:8], "big"))


def _flush_sent_to(listener: socket.socket) -> bytes:
    """The one message, other than a greeting, that a client sends."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as stream:
        connection.sendall(messages.message(0))
        while True:
            head = stream.read(8)
            data = head + stream.read(int.from_bytes(head[2:4], "big") - 8)
            if data[1] == messages.EXPERIMENTER:
                return data
