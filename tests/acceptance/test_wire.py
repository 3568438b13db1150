"""The reader of captures, against packets made by scapy."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from tests.acceptance import wire

SENT = IP(src="10.0.1.11", dst="198.51.100.10", id=77, flags="DF") / UDP(sport=1234, dport=53) / Raw(b"hello")
ERROR = IP(src="203.0.113.1", dst="10.0.1.11") / ICMP(type=3, code=4, nexthopmtu=1300) / SENT
FRAMES = [
    Ether() / SENT,
    Ether() / ERROR,
    Ether() / Dot1Q(vlan=7) / IP(src="10.0.1.11", dst="10.0.2.11") / TCP(sport=1, dport=2, flags="S"),
    Ether() / ARP(op=2, psrc="203.0.113.11", pdst="203.0.113.1"),
]


def test_packets_are_read_as_scapy_made_them(tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "x.pcap"), FRAMES)
    sent, error, tagged, arp = wire.read(tmp_path / "x.pcap")
    assert isinstance(sent, wire.Packet) and isinstance(error, wire.Packet) and isinstance(tagged, wire.Packet)
    assert (sent.ip.source, sent.ip.ports, sent.ip.dont_fragment) == ("10.0.1.11", (1234, 53), True)
    assert (error.icmp, error.mtu) == (wire.FRAGMENTATION_NEEDED, 1300)
    assert error.quote is not None and error.quote.ports == (1234, 53) and wire.quoted_as_sent(error, [sent])
    assert tagged.vlan == 7 and tagged.syn and not sent.syn
    assert isinstance(arp, wire.Arp) and not arp.request
    found = wire.addresses([sent, error, tagged, arp])
    assert found["10.0.1.11"] == 4 and found["203.0.113.11"] == 1
    assert wire.outside(found, "203.0.113.0/24", "198.51.100.0/24") == {"10.0.1.11", "10.0.2.11"}
    assert not wire.all_wrong([sent, error, tagged, arp])


def test_each_wrong_checksum_is_named(tmp_path: Path) -> None:
    bad = SENT.copy()
    bad[UDP].chksum = 1
    quoting = ERROR.copy()
    quoting[ICMP].payload = IP(bytes(SENT)[:10] + b"\1\1" + bytes(SENT)[12:])
    odd = ERROR.copy()
    odd[ICMP].chksum = 9
    header = SENT.copy()
    header[IP].chksum = 3
    frames = [Ether() / p for p in (bad, quoting, odd, header)]
    wrpcap(str(tmp_path / "x.pcap"), frames)
    assert [wire.wrong_checksums(p) for p in wire.packets(tmp_path / "x.pcap")] == [["udp"], ["quoted ip"], ["icmp"], ["ip"]]
