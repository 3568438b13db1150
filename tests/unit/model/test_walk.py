"""The reference walk from VIF to switch to VIF, rule by rule. Numbers are those of the steps in its docstring."""

from __future__ import annotations

import pytest

from ryu_overlay.model.walk_values import (
    ARP_REPLY,
    BROADCAST,
    Answered,
    AnswerKind,
    Arp,
    AtPort,
    AtSwitch,
    Delivered,
    DropReason,
    Packet,
)
from tests.unit.model.walk_network import (
    NET,
    NOBODY,
    OFF,
    R1_WEB,
    A,
    B,
    D,
    arp,
    ip4,
    reached,
    reason,
    send,
    udp,
)

# 1. From a VIF


def test_a_disabled_port_sends_nothing() -> None:
    path = send("off", udp("10.0.1.11", to=A, src="10.0.1.14", mac=OFF))
    assert reason(path) is DropReason.PORT_DISABLED
    assert [h.position for h in path.hops] == [AtPort(("red", "web", "red-off"), "from")]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (udp("10.0.1.12", to=B, mac=NOBODY), DropReason.SPOOFED_MAC),
        (Packet(NOBODY, B, 0x86DD), DropReason.SPOOFED_MAC),
        (udp("10.0.1.12", to=B, src="10.0.1.12"), DropReason.SPOOFED_IP),
        (udp("10.0.1.12", to=B, src="0.0.0.0"), DropReason.SPOOFED_IP),
        (arp("10.0.1.12", spa="10.0.1.12"), DropReason.SPOOFED_ARP),
        (arp("10.0.1.12", sha=B), DropReason.SPOOFED_ARP),
        (arp("10.0.1.12", spa="10.0.1.1", op=ARP_REPLY, to=B), DropReason.SPOOFED_ARP),
        (Packet(A, B, 0x86DD), DropReason.NOT_ALLOWED_TYPE),
    ],
    ids=str,
)
def test_port_security_drops_what_is_not_the_ports_own(packet: Packet, expected: DropReason) -> None:
    assert reason(send("a", packet)) is expected


def test_a_port_may_use_each_of_its_addresses() -> None:
    for src in ("10.0.1.12", "10.0.1.22"):
        assert reached(send("b", udp("10.0.1.11", to=A, src=src, mac=B))) == ["red-a"]


@pytest.mark.parametrize("body", [0x86DD, 0x88CC, 0x8100])
def test_without_port_security_everything_passes(body: int) -> None:
    assert reached(send("c", Packet(NOBODY, B, body))) == ["red-b"]
    assert reached(send("c", udp("10.0.1.12", to=B, src="8.8.8.8", mac=NOBODY))) == ["red-b"]


def test_without_port_security_a_group_sends_nothing() -> None:
    assert reason(send("c", udp("10.0.1.12", to=B, mac="03:00:00:00:01:0b"))) is DropReason.SPOOFED_MAC


# 2. ARP


@pytest.mark.parametrize(
    ("tpa", "owner"), [("10.0.1.12", B), ("10.0.1.22", B), ("10.0.1.14", OFF), ("10.0.1.1", R1_WEB), ("10.0.9.1", R1_WEB)]
)
@pytest.mark.parametrize("to", [BROADCAST, B])
def test_the_switch_answers_arp_for_addresses_it_knows(tpa: str, owner: str, to: str) -> None:
    path = send("a", arp(tpa, to=to))
    reply = Packet(owner, A, Arp(ARP_REPLY, owner, ip4(tpa), A, ip4("10.0.1.11")))
    port = NET.port_by_name["red-a"]
    assert isinstance(path.outcome, Answered)
    assert (path.outcome.kind, path.outcome.by, path.outcome.reply) == (AnswerKind.ARP_REPLY, ("red", "web"), reply)
    assert path.outcome.way_back.outcome == Delivered(((port, reply),))


@pytest.mark.parametrize(
    "packet", [arp("10.0.1.11"), arp("10.0.1.11", spa="0.0.0.0"), arp("10.0.1.99"), arp("10.0.2.11")], ids=str
)
def test_arp_for_ones_own_or_an_unknown_address_is_flooded(packet: Packet) -> None:
    assert reached(send("a", packet)) == ["red-b", "red-c"]


def test_a_probe_for_anothers_address_is_answered() -> None:
    assert isinstance(send("a", arp("10.0.1.12", spa="0.0.0.0")).outcome, Answered)


def test_an_arp_reply_goes_where_its_mac_says() -> None:
    assert reached(send("a", arp("10.0.1.12", op=ARP_REPLY, to=B))) == ["red-b"]
    assert reason(send("a", arp("10.0.1.1", op=ARP_REPLY, to=R1_WEB))) is DropReason.NOT_IPV4


# 3. Switch


def test_a_known_mac_leads_to_its_port_and_the_packet_is_untouched() -> None:
    packet = udp("10.0.1.12", to=B, ttl=1)
    path = send("a", packet)
    assert path.outcome == Delivered(((NET.port_by_name["red-b"], packet),))
    places = [AtPort(("red", "web", "red-a"), "from"), AtSwitch(("red", "web")), AtPort(("red", "web", "red-b"), "to")]
    assert [(h.position, h.packet) for h in path.hops] == [(place, packet) for place in places]


@pytest.mark.parametrize("to", [BROADCAST, "01:00:5e:00:00:fb", "33:33:00:00:00:01"])
def test_groups_are_flooded_to_the_other_ports_only(to: str) -> None:
    path = send("a", udp("224.0.0.251", to=to))
    assert reached(path) == ["red-b", "red-c"]
    assert len(path.hops) == 4


def test_unknown_own_and_other_networks_macs() -> None:
    assert reason(send("a", udp("10.0.1.12", to=NOBODY))) is DropReason.UNKNOWN_MAC
    assert reason(send("a", udp("10.0.2.11", to=D))) is DropReason.UNKNOWN_MAC
    assert reason(send("a", udp("10.0.1.11", to=A))) is DropReason.HAIRPIN
