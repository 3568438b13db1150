"""What is taken for a guest's answer, and what is held up while it is waited for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from ryu_overlay.oam.delivering import renumbered
from ryu_overlay.oam.guests import Answer, arp_question, arp_sender, diverting, looking_out, to_guest
from ryu_overlay.openflow.flow import Block
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.tables import GUEST_MAC, GUEST_METER, LS_IN_LOOKUP, PHY_IN_PORT
from tests.unit.oam.sightings import seen

A, B, OTHER = "10.0.1.11", "10.0.2.13", "10.0.2.99"
MACS = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
THERE, BACK = IP(src=A, dst=B), IP(src=B, dst=A)
OPTIONS = [IPOption(b"\x01" * 8)]
PING = THERE / ICMP(id=5, seq=6) / b"payload"
SYN = THERE / TCP(sport=1000, dport=80, flags="S")
ASK = THERE / UDP(sport=1000, dport=53) / b"question"
GRE = IP(src=A, dst=B, proto=47) / b"encapsulated"
ASKED: dict[str, Packet] = {"ping": PING, "tcp": SYN, "udp": ASK, "other": GRE}
ANSWERS: dict[str, list[Packet]] = {
    "ping": [BACK / ICMP(type=0, id=5, seq=6) / b"payload"],
    "tcp": [BACK / TCP(sport=80, dport=1000, flags="SA"), BACK / TCP(sport=80, dport=1000, flags="R")],
    "udp": [BACK / UDP(sport=53, dport=1000) / b"answer"],
    "other": [IP(src=B, dst=A, proto=47) / b"anything"],
}
WRONG: dict[str, list[Packet]] = {
    "ping": [
        BACK / ICMP(type=0, id=5, seq=7),
        BACK / ICMP(type=0, id=4, seq=6),
        BACK / ICMP(type=8, id=5, seq=6),
        IP(src=OTHER, dst=A) / ICMP(type=0, id=5, seq=6),
        IP(src=B, dst=OTHER) / ICMP(type=0, id=5, seq=6),
        BACK / UDP(sport=5, dport=6),
    ],
    "tcp": [
        BACK / TCP(sport=80, dport=1001, flags="SA"),
        BACK / TCP(sport=81, dport=1000, flags="SA"),
        BACK / TCP(sport=1000, dport=80, flags="SA"),
        BACK / UDP(sport=80, dport=1000),
    ],
    "udp": [BACK / UDP(sport=53, dport=1001), BACK / TCP(sport=53, dport=1000), THERE / UDP(sport=53, dport=1000)],
    "other": [IP(src=B, dst=A, proto=46) / b"anything", IP(src=OTHER, dst=A, proto=47) / b"x"],
}


def frame(packet: Packet) -> bytes:
    return bytes(MACS / packet)


def about(asked: Packet, kind: int = 3, outer: Packet | None = None) -> Packet:
    """An ICMP error from a host: the header that it is about, and 8 bytes of what follows."""
    quoted = bytes(asked)
    return (outer or IP(src=B, dst=A)) / ICMP(type=kind, code=3) / Raw(quoted[: (quoted[0] & 0x0F) * 4 + 8])


@pytest.mark.parametrize("name", ASKED)
def test_what_answers_is_taken(name: str) -> None:
    answer = Answer(frame(ASKED[name]))
    for good in ANSWERS[name]:
        assert answer.is_it(frame(good)), good.summary()
    for bad in [*WRONG[name], ASKED[name]]:
        assert not answer.is_it(frame(bad)), bad.summary()


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("kind", [3, 11, 12])
def test_an_error_about_it_is_taken(name: str, kind: int) -> None:
    asked = ASKED[name]
    answer = Answer(frame(asked))
    assert answer.is_it(frame(about(asked, kind)))
    assert answer.is_it(frame(about(asked, kind, IP(src=OTHER, dst=A)))), "also from somebody on the way"
    assert not answer.is_it(frame(about(asked, kind, IP(src=B, dst=OTHER))))
    assert not answer.is_it(frame(about(asked, 5))), "that is none that ends anything"
    for other in ASKED.values():
        if other is not asked:
            assert not answer.is_it(frame(about(other, kind)))


def test_errors_with_options() -> None:
    """RFC 791 section 3.1: the header is as long as it says, outside and in what is quoted."""
    answer = Answer(frame(SYN))
    assert answer.is_it(frame(about(SYN, outer=IP(src=B, dst=A, options=OPTIONS))))
    asked = IP(src=A, dst=B, options=OPTIONS) / TCP(sport=1000, dport=80, flags="S")
    other = IP(src=A, dst=B, options=OPTIONS) / TCP(sport=1001, dport=80, flags="S")
    assert Answer(frame(asked)).is_it(frame(about(asked))) and not Answer(frame(asked)).is_it(frame(about(other)))
    assert Answer(frame(asked)).is_it(frame(BACK / TCP(sport=80, dport=1000, flags="SA")))


def test_an_error_about_a_ping_with_another_number() -> None:
    for other in (THERE / ICMP(id=5, seq=7), THERE / ICMP(id=6, seq=6), THERE / ICMP(type=13, id=5, seq=6)):
        assert not Answer(frame(PING)).is_it(frame(about(other)))


def test_the_checksum_of_a_ping_that_was_numbered_anew_does_not_matter() -> None:
    sent = THERE / ICMP(id=5, seq=9) / b"payload"
    asked = renumbered(frame(PING), frame(sent))
    assert asked != frame(sent) and Answer(asked).is_it(frame(BACK / ICMP(type=0, id=5, seq=9)))
    assert Answer(asked).is_it(frame(about(sent))) and not Answer(asked).is_it(frame(about(PING)))


def test_only_pings_are_numbered_anew() -> None:
    for name in ("tcp", "udp", "other"):
        assert renumbered(frame(ASKED[name]), frame(PING)) == frame(ASKED[name])
    options = frame(IP(src=A, dst=B, options=OPTIONS) / ICMP(id=5, seq=6))
    found = Ether(renumbered(options, frame(THERE / ICMP(id=5, seq=0x1234))))[ICMP]
    assert (found.id, found.seq) == (5, 0x1234)


@given(st.sampled_from(list(ASKED)), st.binary(max_size=90))
def test_any_bytes_do_no_harm(name: str, noise: bytes) -> None:
    whole = frame(about(ASKED[name]))
    answer = Answer(frame(ASKED[name]))
    answer.is_it(noise)
    answer.is_it(whole[: len(noise)] + noise)
    assert not answer.is_it(whole[:14])


def texts(block: Block) -> list[str]:
    return [flow.match_text for flow in block.flows]


UNSEEN = "reg5=0x0/0x1,reg6=0x0/0x1"
ERRORS = [f"icmp,in_port=4,nw_dst={A},icmp_type={kind},{UNSEEN}" for kind in (3, 11, 12)]


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("ping", f"icmp,in_port=4,nw_src={B},nw_dst={A},icmp_type=0,{UNSEEN}"),
        ("tcp", f"tcp,in_port=4,nw_src={B},nw_dst={A},tcp_src=80,tcp_dst=1000,{UNSEEN}"),
        ("udp", f"udp,in_port=4,nw_src={B},nw_dst={A},udp_src=53,udp_dst=1000,{UNSEEN}"),
        ("other", f"ip,in_port=4,nw_src={B},nw_dst={A},nw_proto=47,{UNSEEN}"),
    ],
)
def test_what_is_held_up(name: str, match: str) -> None:
    block = diverting(4, frame(ASKED[name]))
    assert texts(block) == [match, *ERRORS]
    assert {(flow.table, flow.priority) for flow in block.flows} == {(PHY_IN_PORT.number, 65002)}
    assert {read_cookie(flow.cookie) for flow in block.flows} == {Why(Feature.PUNT_GUEST)}
    assert not any("resubmit" in flow.text for flow in block.flows), "it is held, not copied"
    assert all(0 < flow.seconds < 60 for flow in block.flows), "should the controller die, the answers flow again"
    assert all(f"meter_id={GUEST_METER}" in flow.text for flow in block.flows), "a guest that floods has no probes lost"


def test_what_is_held_up_before_a_border() -> None:
    first, *errors = texts(looking_out(0x51, frame(PING)))
    assert first.startswith(f"icmp,nw_src={B},nw_dst={A},icmp_type=0,") and "reg14=0x51" in first and "in_port" not in first
    assert len(errors) == 3 and all("reg14=0x51" in match for match in errors)


def test_who_is_asked_by_arp_is_taught_nothing() -> None:
    packet = Ether(arp_question(0x0A00020D))
    arp = packet[ARP]
    mac = ":".join(f"{byte:02x}" for byte in GUEST_MAC.to_bytes(6, "big"))
    assert (packet.dst, packet.src, arp.hwsrc) == ("ff:ff:ff:ff:ff:ff", mac, mac)
    assert (arp.op, arp.psrc, arp.pdst, arp.hwdst, arp.hwtype, arp.ptype) == (1, "0.0.0.0", B, "00:00:00:00:00:00", 1, 0x0800)
    assert (arp.hwlen, arp.plen) == (6, 4)
    assert arp_question(0x0A00020D) == bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src=mac) / ARP(hwsrc=mac, psrc="0.0.0.0", pdst=B))


def test_who_answers_says_who_he_is() -> None:
    said = bytes(MACS / ARP(op=2, psrc=B, pdst="0.0.0.0"))
    assert arp_sender(seen("hv1", LS_IN_LOOKUP, frame=said)) == 0x0A00020D


def test_a_frame_is_handed_to_a_guest_as_it_is() -> None:
    out = to_guest(4, b"a frame")
    assert out.endswith(b"a frame") and out[24:32] == bytes.fromhex("0000001000000004")
