"""The reference walk across a router's border: out, in, hairpin, what the router serves, and packets that come after others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.model.walk import walk, walk_in
from ryu_overlay.model.walk_values import (
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    ICMP,
    NOT_KNOWN,
    TCP,
    Answered,
    AnswerKind,
    Arp,
    AtBorder,
    AtExternal,
    AtRouter,
    Dropped,
    DropReason,
    Ip,
    Learned,
    Left,
    Packet,
)
from tests.unit.model.walk_network import ip4
from tests.unit.model.walk_outside import (
    FLOATING_A,
    FLOATING_E,
    NET,
    R2,
    UP,
    UPSTREAM,
    got,
    hop,
    into,
    left,
    out,
    tcp,
)

ECHO: dict[str, Any] = {"proto": ICMP, "l4": (8, 0)}


def reason(outcome: object) -> DropReason:
    assert isinstance(outcome, Dropped), outcome
    return outcome.reason


def answered(outcome: object, kind: AnswerKind) -> Answered:
    assert isinstance(outcome, Answered) and outcome.kind is kind, outcome
    return outcome


# Out


def test_a_nat_rule_gives_the_uplinks_address_and_keeps_the_port() -> None:
    path = out("b", "198.18.0.1")
    mac, ip = left(path)
    assert (mac, ip.src, ip.l4, ip.ttl) == (UP, ip4("203.0.113.11"), (40000, 53), 63)
    assert [type(h.position) for h in path.hops[-3:]] == [AtRouter, AtBorder, AtExternal]


def test_the_border_says_what_it_makes_of_a_packet() -> None:
    crossed = hop(out("b", "198.18.0.1"), AtBorder)
    assert isinstance(crossed.position, AtBorder) and crossed.after is not None
    snat = NET.tables["snat"]["red", "r1", "most"]
    assert crossed.position == AtBorder(("red", "r1", "up"), "out", snat)
    assert isinstance(crossed.packet.body, Ip) and isinstance(crossed.after.body, Ip)
    assert (crossed.packet.body.src, crossed.after.body.src) == (ip4("10.0.1.12"), ip4("203.0.113.11"))


def test_a_port_that_the_rule_does_not_give_out_becomes_one_that_it_does() -> None:
    assert left(out("b", "198.18.0.1", l4=(53, 53)))[1].l4 == (20000, 53)
    assert left(out("b", "198.18.0.1", proto=47, l4=(0, 0)))[1].src == ip4("203.0.113.11")


@pytest.mark.parametrize(("name", "to", "mac", "address"), [("a", None, FLOATING_A, "101"), ("e", R2, FLOATING_E, "105")])
def test_a_floating_ips_port_leaves_as_it_with_its_mac(name: str, to: str | None, mac: str, address: str) -> None:
    source, ip = left(out(name, "198.18.0.1", **({} if to is None else {"to": to})))
    assert (source, ip.src) == (mac, ip4(f"203.0.113.{address}"))


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("d", {}, DropReason.NOT_TRANSLATED),
        ("b", {"proto": ICMP, "l4": (0, 0)}, DropReason.NOT_TRACKED),
        ("b", {"proto": ICMP, "l4": (8, 1)}, DropReason.NOT_TRACKED),
        ("b", {"proto": ICMP, "l4": (3, 3)}, DropReason.NOT_TRACKED),
        ("b", {"later_fragment": True}, DropReason.NOT_TRACKED),
        ("c", {"proto": TCP, "l4": (80, 40000), "ack": True}, DropReason.NO_CONNECTION),
    ],
    ids=str,
)
def test_what_does_not_leave(name: str, more: dict[str, Any], expected: DropReason) -> None:
    path = out(name, "198.18.0.1", **more)
    assert reason(path.outcome) is expected
    assert path.hops[-1].position == AtBorder(("red", "r1", "up"), "out")


def test_a_router_on_the_way_takes_one_off_the_ttl_and_the_uplinks_one_more() -> None:
    assert left(out("e", "198.18.0.1", to=R2))[1].ttl == 62
    assert left(out("e", "198.18.0.1", to=R2, ttl=3))[1].ttl == 1
    exceeded = answered(out("e", "198.18.0.1", to=R2, ttl=2).outcome, AnswerKind.TTL_EXCEEDED)
    assert exceeded.by == ("red", "r1", "link")


def test_a_neighbour_may_not_have_told_its_mac() -> None:
    path = out("b", "203.0.113.77")
    assert isinstance(path.outcome, Left) and path.outcome.next_hop == ip4("203.0.113.77")
    assert path.outcome.packet.eth_dst == NOT_KNOWN


def test_what_is_too_large_and_not_to_be_cut_is_told_so() -> None:
    assert left(out("b", "198.18.0.1", size=1450, df=True))
    assert left(out("b", "198.18.0.1", size=1451))
    needed = answered(out("b", "198.18.0.1", size=1451, df=True).outcome, AnswerKind.FRAGMENTATION_NEEDED)
    assert got(needed.way_back)[1].l4 == (3, 4)


def test_without_facts_only_the_external_networks_mtu_counts() -> None:
    port = NET.port_by_name["red-b"]
    packet = Packet(port.mac, "02:00:00:00:02:00", Ip(port.addresses[0], ip4("198.18.0.1"), size=1500, df=True))
    assert isinstance(walk(NET, port, packet).outcome, Left)
    larger = replace(packet, body=Ip(port.addresses[0], ip4("198.18.0.1"), size=1501, df=True))
    answered(walk(NET, port, larger).outcome, AnswerKind.FRAGMENTATION_NEEDED)


# In


def test_a_floating_ip_leads_in() -> None:
    path = into("203.0.113.101", to=FLOATING_A)
    name, ip = got(path)
    assert (name, ip.src, ip.dst, ip.ttl) == ("red-a", ip4("198.18.0.1"), ip4("10.0.1.11"), 63)
    assert [type(h.position) for h in path.hops[:3]] == [AtExternal, AtBorder, AtRouter]
    assert path.hops[2].packet == path.hops[1].after


@pytest.mark.parametrize(
    ("dst", "more", "expected"),
    [
        ("10.0.1.12", {}, DropReason.NOT_TRANSLATED),
        ("203.0.113.77", {}, DropReason.NOT_TRANSLATED),
        ("203.0.113.11", {"proto": ICMP, "l4": (0, 0)}, DropReason.NOT_TRACKED),
        ("203.0.113.11", tcp(22, ack=True), DropReason.NO_CONNECTION),
        ("203.0.113.11", tcp(22, rst=True), DropReason.NO_CONNECTION),
        ("203.0.113.11", {"src": "127.0.0.1"}, DropReason.BAD_SOURCE),
        ("203.0.113.11", {"to": "02:00:00:00:09:09"}, DropReason.NOT_HERE),
        ("203.0.113.11", {"proto": ICMP, "l4": (13, 0)}, DropReason.OWN_ICMP),
    ],
    ids=str,
)
def test_what_does_not_come_in(dst: str, more: dict[str, Any], expected: DropReason) -> None:
    assert reason(into(dst, **more).outcome) is expected


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        (ECHO, AnswerKind.ECHO_REPLY),
        ({}, AnswerKind.PORT_UNREACHABLE),
        ({"ttl": 1}, AnswerKind.PORT_UNREACHABLE),
        (tcp(22), AnswerKind.TCP_RESET),
        ({"proto": 47}, AnswerKind.PROTOCOL_UNREACHABLE),
    ],
    ids=str,
)
@pytest.mark.parametrize("from_inside", [False, True])
def test_a_router_serves_its_external_address(more: dict[str, Any], kind: AnswerKind, from_inside: bool) -> None:
    path = out("b", "203.0.113.11", **more) if from_inside else into("203.0.113.11", **more)
    found = answered(path.outcome, kind)
    assert found.by == ("red", "r1", "web" if from_inside else "up")
    # Echo requests from inside need no border.
    at_border = from_inside and kind is not AnswerKind.ECHO_REPLY
    assert path.hops[-1].position == (
        AtBorder(("red", "r1", "up"), "out") if at_border else AtRouter(("red", "r1"), ("red", "r1", found.by[2]), None)
    )
    _, ip = got(found.way_back) if from_inside else left(found.way_back)
    assert (ip.src, ip.ttl) == (ip4("203.0.113.11"), 64)


# Errors


@pytest.mark.parametrize(("ttl", "hops"), [(1, 1), (2, 2)])
def test_routers_behind_a_floating_ip_show_the_uplinks_address(ttl: int, hops: int) -> None:
    found = answered(into("203.0.113.105", to=FLOATING_E, ttl=ttl).outcome, AnswerKind.TTL_EXCEEDED)
    mac, ip = left(found.way_back)
    assert (mac, ip.src, ip.dst, ip.ttl) == (FLOATING_E, ip4("203.0.113.11"), ip4("198.18.0.1"), 65 - hops)
    assert ip.about is not None
    assert (ip.about.src, ip.about.dst) == (ip4("198.18.0.1"), ip4("203.0.113.105"))
    assert hop(found.way_back, AtBorder).position == AtBorder(
        ("red", "r1", "up"), "out", NET.tables["floating_ip"]["red", "r1", "e"], known=True
    )


def test_an_error_of_the_port_itself_keeps_its_floating_ip() -> None:
    path = into("203.0.113.105", to=FLOATING_E)
    about = got(path)[1]
    mac, ip = left(out("e", "198.18.0.1", path, to=R2, proto=ICMP, l4=(3, 3), about=about))
    assert (mac, ip.src) == (FLOATING_E, ip4("203.0.113.105"))
    assert ip.about is not None and ip.about.dst == ip4("203.0.113.105")


def test_an_error_from_outside_finds_its_way_in() -> None:
    path = out("b", "198.18.0.1")
    about = left(path)[1]
    error = into("203.0.113.11", path, src="198.18.9.9", proto=ICMP, l4=(11, 0), about=about)
    name, ip = got(error)
    assert (name, ip.src, ip.dst) == ("red-b", ip4("198.18.9.9"), ip4("10.0.1.12"))
    assert ip.about is not None and (ip.about.src, ip.about.l4) == (ip4("10.0.1.12"), (40000, 53))
    assert reason(into("203.0.113.11", proto=ICMP, l4=(11, 0), about=about).outcome) is DropReason.NOT_TRACKED


# After other packets


def test_an_answer_is_translated_back() -> None:
    path = out("b", "198.18.0.1")
    name, ip = got(into("203.0.113.11", path, l4=(53, 40000)))
    assert (name, ip.dst, ip.l4) == ("red-b", ip4("10.0.1.12"), (53, 40000))
    [connection] = path.connections
    assert connection.by.kind == "snat" and connection.place == ("red", "r1", "up")


def test_the_next_packet_of_a_connection_begins_nothing() -> None:
    first = out("b", "198.18.0.1", l4=(53, 53))
    second = out("b", "198.18.0.1", first, l4=(53, 53))
    assert left(second) == left(first) and second.connections == ()
    position = hop(second, AtBorder).position
    assert isinstance(position, AtBorder) and position.known


def test_an_answer_of_a_floating_ips_port_leaves_as_it() -> None:
    path = into("203.0.113.101", to=FLOATING_A, **tcp(80))
    mac, ip = left(out("a", "198.18.0.1", path, proto=TCP, l4=(80, 40000), ack=True))
    assert (mac, ip.src, ip.l4) == (FLOATING_A, ip4("203.0.113.101"), (80, 40000))


# Hairpin


def test_a_port_reaches_its_own_floating_ip() -> None:
    name, ip = got(out("a", "203.0.113.101"))
    assert (name, ip.src, ip.dst, ip.ttl) == ("red-a", ip4("203.0.113.101"), ip4("10.0.1.11"), 62)


def test_tenants_meet_outside_only() -> None:
    path = out("b", "203.0.113.102", **tcp(22))
    name, ip = got(path)
    assert (name, ip.src, ip.dst, ip.ttl) == ("blue-a", ip4("203.0.113.11"), ip4("10.0.1.11"), 62)
    assert [h.position.ref[0] for h in path.hops if isinstance(h.position, AtBorder)] == ["red", "blue"]
    assert [c.by.kind for c in path.connections] == ["snat", "floating_ip"]


def test_another_tenants_router_answers_across_both_borders() -> None:
    found = answered(out("b", "203.0.113.12", **ECHO).outcome, AnswerKind.ECHO_REPLY)
    name, ip = got(found.way_back)
    assert (name, ip.src, ip.dst) == ("red-b", ip4("203.0.113.12"), ip4("10.0.1.12"))


def test_a_traceroute_to_another_tenant_ends_at_its_router() -> None:
    found = answered(out("b", "203.0.113.102", ttl=2).outcome, AnswerKind.TTL_EXCEEDED)
    name, ip = got(found.way_back)
    assert (name, ip.src) == ("red-b", ip4("203.0.113.12"))
    assert ip.about is not None and (ip.about.src, ip.about.dst) == (ip4("10.0.1.12"), ip4("203.0.113.102"))


# ARP outside


@pytest.mark.parametrize(("tpa", "owner"), [("11", UP), ("20", UP), ("101", FLOATING_A), ("105", FLOATING_E)])
@pytest.mark.parametrize("to", [BROADCAST, UP])
def test_arp_for_external_addresses_is_answered(tpa: str, owner: str, to: str) -> None:
    asked = Arp(ARP_REQUEST, UPSTREAM, ip4("203.0.113.1"), NOT_KNOWN, ip4(f"203.0.113.{tpa}"))
    found = answered(walk_in(NET, ("internet",), Packet(UPSTREAM, to, asked)).outcome, AnswerKind.ARP_REPLY)
    assert found.by == ("internet",)
    reply = Arp(ARP_REPLY, owner, ip4(f"203.0.113.{tpa}"), UPSTREAM, ip4("203.0.113.1"))
    assert found.reply == Packet(owner, UPSTREAM, reply)
    assert isinstance(found.way_back.outcome, Left) and found.way_back.outcome.packet == found.reply


@pytest.mark.parametrize("arp", [(ARP_REPLY, "203.0.113.9"), (ARP_REQUEST, "203.0.113.1")], ids=str)
def test_arp_from_outside_tells_of_neighbours(arp: tuple[int, str]) -> None:
    op, spa = arp
    heard = walk_in(NET, ("internet",), Packet(UPSTREAM, BROADCAST, Arp(op, UPSTREAM, ip4(spa), NOT_KNOWN, ip4(spa))))
    assert heard.outcome == Learned(("internet",), ip4(spa), UPSTREAM)


def test_other_arp_is_for_others() -> None:
    asked = Arp(ARP_REQUEST, UPSTREAM, ip4("203.0.113.1"), NOT_KNOWN, ip4("203.0.113.77"))
    assert reason(walk_in(NET, ("internet",), Packet(UPSTREAM, BROADCAST, asked)).outcome) is DropReason.NOT_HERE
