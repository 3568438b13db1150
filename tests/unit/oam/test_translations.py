"""What copies of packets at a border tell of translated connections."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

from ryu_overlay.oam import translations
from ryu_overlay.oam.translations import BIT, Crossing, Crossings, flows
from ryu_overlay.openflow.actions_nicira import Controller
from ryu_overlay.openflow.fields import CT_NW_DST, CT_NW_PROTO, CT_NW_SRC, CT_TP_DST, CT_TP_SRC
from ryu_overlay.openflow.packet_in import PacketIn
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import IN_LPORT, OUT_LPORT, PROBE, SEEN
from ryu_overlay.pipeline.tables import LR_IN_OWN, LR_OUT_EXTERNAL

INSIDE, OUTSIDE, PEER = "10.0.1.11", "203.0.113.11", "198.51.100.10"
Ends = tuple[str, int, str, int]
L4 = {6: TCP, 17: UDP}


def copy(table: int, protocol: int, now: Ends, began: Ends | None) -> PacketIn:
    """A copy in a table: a packet with the ends `now`, of a connection that began between the ends `began`."""
    source, sport, target, dport = now
    l4 = L4[protocol](sport=sport, dport=dport) if protocol in L4 else ICMP(id=sport)
    frame = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=target) / l4)
    fields = {}
    if began is not None:
        source, sport, target, dport = began
        fields = {CT_NW_PROTO: protocol, CT_NW_SRC: int(IPv4Address(source)), CT_NW_DST: int(IPv4Address(target))}
        fields |= {CT_TP_SRC: sport, CT_TP_DST: dport}
    return PacketIn(0, table, 1, fields, frame)


def out(protocol: int, now: Ends, began: Ends | None) -> PacketIn:
    return copy(LR_OUT_EXTERNAL.number, protocol, now, began)


def inward(protocol: int, now: Ends, began: Ends | None) -> PacketIn:
    return copy(LR_IN_OWN.number, protocol, now, began)


def end(address: str, port: int) -> tuple[IPv4Address, int]:
    return IPv4Address(address), port


def crossings(*packets: PacketIn) -> list[Crossing]:
    found = Crossings()
    for packet in packets:
        found.take(packet, "hv1")
    return list(found.found())


BEGAN = (INSIDE, 40000, PEER, 80)
SENT = out(6, (OUTSIDE, 50000, PEER, 80), BEGAN)
ANSWERED = inward(6, (PEER, 80, INSIDE, 40000), BEGAN)
CAME = (PEER, 40000, OUTSIDE, 80)
ASKED = inward(6, (PEER, 40000, INSIDE, 8080), CAME)
REPLIED = out(6, (OUTSIDE, 80, PEER, 40000), CAME)


def test_what_began_inside() -> None:
    whole = Crossing(6, "out", end(PEER, 80), end(INSIDE, 40000), end(OUTSIDE, 50000), 3, "hv1")
    assert crossings(SENT, ANSWERED, SENT) == [whole] == crossings(ANSWERED, SENT, SENT)
    (half,) = crossings(ANSWERED)
    assert (half.inside, half.outside) == (end(INSIDE, 40000), None)


def test_what_began_outside() -> None:
    whole = Crossing(6, "in", end(PEER, 40000), end(INSIDE, 8080), end(OUTSIDE, 80), 2, "hv1")
    assert crossings(ASKED, REPLIED) == [whole] == crossings(REPLIED, ASKED)
    (half,) = crossings(REPLIED)
    assert (half.inside, half.outside) == (None, end(OUTSIDE, 80))


def test_pings_have_no_ports() -> None:
    # Of ICMP, conntrack tells type and code where ports are.
    began = (INSIDE, 8, PEER, 0)
    answered = inward(1, (PEER, 7, INSIDE, 0), began)
    assert crossings(out(1, (OUTSIDE, 9, PEER, 0), began), answered) == [
        Crossing(1, "out", end(PEER, 0), end(INSIDE, 0), end(OUTSIDE, 0), 2, "hv1")
    ]


def test_udp_and_tcp_of_the_same_ends_are_two() -> None:
    assert [c.protocol for c in crossings(SENT, out(17, (OUTSIDE, 50000, PEER, 80), BEGAN))] == [6, 17]


@pytest.mark.parametrize(
    "packet",
    [
        out(6, (OUTSIDE, 80, PEER, 40000), None),
        out(6, (INSIDE, 40000, PEER, 80), BEGAN),
    ],
    ids=["of no connection", "not translated"],
)
def test_what_is_not_translated_tells_nothing(packet: PacketIn) -> None:
    assert crossings(packet) == []


def test_too_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translations, "MOST", 2)
    found = Crossings()
    for port in (1, 2, 3, 4, 1):
        found.take(out(17, (OUTSIDE, port, PEER, 53), (INSIDE, port, PEER, 53)), "hv1")
    assert [c.packets for c in found.found()] == [2, 1] and found.beyond == 2


def test_flows_look_at_both_sides_once_and_never_at_probes() -> None:
    outward, back = flows(77, 199).flows
    assert (outward.table, back.table) == (LR_OUT_EXTERNAL.number, LR_IN_OWN.number)
    for flow, side in ((outward, OUT_LPORT), (back, IN_LPORT)):
        matched = {field: (value, mask) for field, value, mask in flow.match}
        assert matched[side.field] == (77, None)
        assert matched[PROBE.field] == (0, 1) and matched[SEEN.field] == (0, 1 << BIT)
        why = read_cookie(flow.cookie)
        assert why is not None and (why.feature, why.key) == (Feature.PUNT_OBSERVED, 0)
        (sends,) = [action for action in flow.instructions.actions if isinstance(action, Controller)]
        assert sends.meter == 199
