"""The reference walk at load balancers: on a router, on a switch, from outside, and what clients get back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.model.walk import walk_in, walks, walks_in
from ryu_overlay.model.walk_values import (
    ICMP,
    TCP,
    Answered,
    AnswerKind,
    Arp,
    AtBalancer,
    AtBorder,
    Delivered,
    Dropped,
    DropReason,
    Ip,
    Packet,
)
from tests.unit.model.walk_network import ip4
from tests.unit.model.walk_outside import FACTS, NEAR, NET, R2, UP, UPSTREAM, A, B, C, got, hop, into, left, out, tcp

WEB = Packet(UPSTREAM, UP, Ip(ip4("198.18.0.1"), ip4("203.0.113.20"), TCP, l4=(40000, 80)))


def ending(outcome: object) -> DropReason | AnswerKind:
    assert isinstance(outcome, (Dropped, Answered)), outcome
    return outcome.kind if isinstance(outcome, Answered) else outcome.reason


def test_any_member_in_service_may_get_a_connection_from_outside() -> None:
    reached = {got(path) for path in walks_in(NET, ("internet",), WEB, FACTS)}
    assert {(name, ip.dst, ip.l4) for name, ip in reached} == {
        ("red-b", ip4("10.0.1.12"), (40000, 8080)),
        ("red-c", ip4("10.0.1.13"), (40000, 80)),
    }


def test_a_member_out_of_service_gets_none() -> None:
    dead = NET.tables["member"]["red", "public", "b"].key
    facts = replace(FACTS, out_of_service=frozenset({dead}))
    [path] = walks_in(NET, ("internet",), WEB, facts)
    assert got(path)[0] == "red-c"
    nobody = replace(facts, out_of_service=frozenset({dead, NET.tables["member"]["red", "public", "c"].key}))
    assert ending(walk_in(NET, ("internet",), WEB, facts=nobody).outcome) is AnswerKind.TCP_RESET


def test_a_connection_keeps_its_member() -> None:
    first = walk_in(NET, ("internet",), WEB, lambda options: options[1], FACTS)
    [again] = walks_in(NET, ("internet",), WEB, FACTS, after=[first])
    assert got(again) == got(first) and got(first)[0] == "red-c"
    mac, ip = left(out("c", "198.18.0.1", first, proto=TCP, l4=(80, 40000), ack=True))
    assert (mac, ip.src, ip.l4) == (UP, ip4("203.0.113.20"), (80, 40000))


def test_the_border_names_the_member() -> None:
    position = hop(into("203.0.113.20", **tcp(80)), AtBorder).position
    assert position == AtBorder(("red", "r1", "up"), "in", NET.tables["member"]["red", "public", "b"])


def test_routers_show_the_uplinks_address_to_a_virtual_addresss_client() -> None:
    found = into("203.0.113.20", ttl=1, **tcp(80)).outcome
    assert isinstance(found, Answered) and found.kind is AnswerKind.TTL_EXCEEDED
    mac, ip = left(found.way_back)
    assert (mac, ip.src) == (UP, ip4("203.0.113.11"))
    assert ip.about is not None and (ip.about.dst, ip.about.l4) == (ip4("203.0.113.20"), (40000, 80))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (tcp(81), AnswerKind.TCP_RESET),
        (tcp(81, ack=True), DropReason.NO_CONNECTION),
        ({"proto": ICMP, "l4": (8, 0)}, AnswerKind.ECHO_REPLY),
        ({"l4": (40000, 80)}, AnswerKind.PORT_UNREACHABLE),
    ],
    ids=str,
)
def test_the_router_serves_the_rest_of_an_external_virtual_address(more: dict[str, Any], expected: object) -> None:
    assert ending(into("203.0.113.20", **more).outcome) is expected


def test_a_client_inside_gets_a_member_before_routing() -> None:
    path = out("a", "10.9.9.9")
    name, ip = got(path)
    assert (name, ip.src, ip.dst, ip.ttl) == ("red-c", ip4("10.0.1.11"), ip4("10.0.1.13"), 63)
    member = NET.tables["member"]["red", "names", "c"]
    assert hop(path, AtBalancer).position == AtBalancer(("red", "names"), member)
    assert [c.place for c in path.connections] == [("red",)]


def test_a_client_inside_gets_the_answer_from_the_virtual_address() -> None:
    path = out("a", "10.9.9.9")
    reply = out("c", "10.0.1.11", path, to=A, l4=(53, 40000))
    name, ip = got(reply)
    assert (name, ip.src, ip.l4) == ("red-a", ip4("10.9.9.9"), (53, 40000))
    last = reply.hops[-1]
    assert isinstance(last.packet.body, Ip) and last.packet.body.src == ip4("10.0.1.13") and last.after is not None


def test_an_error_to_a_client_inside_quotes_the_virtual_address() -> None:
    found = out("a", "10.9.9.9", ttl=1).outcome
    assert isinstance(found, Answered)
    name, ip = got(found.way_back)
    assert (name, ip.src) == ("red-a", ip4("10.0.1.1"))
    assert ip.about is not None and ip.about.dst == ip4("10.9.9.9")


def test_a_member_that_gets_itself_sees_the_virtual_address() -> None:
    name, ip = got(out("c", "10.9.9.9"))
    assert (name, ip.src, ip.dst, ip.l4) == ("red-c", ip4("10.9.9.9"), ip4("10.0.1.13"), (40000, 53))
    path = out("b", "10.0.1.100", to=NEAR, **tcp(80))
    assert isinstance(path.outcome, Delivered)
    [(_, packet)] = path.outcome.to
    assert packet.eth_src == NEAR and got(path) == ("red-b", Ip(ip4("10.0.1.100"), ip4("10.0.1.12"), TCP, l4=(40000, 80)))


def test_its_answer_comes_back_to_it_by_the_virtual_address() -> None:
    path = out("b", "10.0.1.100", to=NEAR, **tcp(80))
    name, ip = got(out("b", "10.0.1.100", path, to=NEAR, proto=TCP, l4=(80, 40000), ack=True))
    assert (name, ip.src, ip.dst, ip.l4) == ("red-b", ip4("10.0.1.100"), ip4("10.0.1.12"), (80, 40000))


def test_on_a_switch_a_drained_member_gets_none() -> None:
    port = NET.port_by_name["red-c"]
    packet = Packet(C, NEAR, Ip(port.addresses[0], ip4("10.0.1.100"), TCP, l4=(40000, 80)))
    assert {got(path)[0] for path in walks(NET, port, packet, FACTS)} == {"red-b"}


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("a", tcp(81), DropReason.NO_MEMBER),
        ("a", tcp(82), DropReason.VIP_PORT),
        ("a", {"proto": ICMP, "l4": (8, 0)}, DropReason.VIP_PORT),
        ("b", tcp(40000, sport=80), DropReason.HEALTH),
    ],
    ids=str,
)
def test_what_ends_at_a_virtual_address_on_a_switch(name: str, more: dict[str, Any], expected: DropReason) -> None:
    assert ending(out(name, "10.0.1.100", to=NEAR, **more).outcome) is expected


def test_what_a_members_service_sends_to_its_address_on_a_router_is_for_health_checks() -> None:
    assert ending(out("c", "10.9.9.9", l4=(53, 40000)).outcome) is DropReason.HEALTH
    assert ending(out("c", "10.9.9.9", l4=(54, 40000)).outcome) is AnswerKind.PORT_UNREACHABLE


def test_the_switch_answers_arp_for_a_virtual_address() -> None:
    port = NET.port_by_name["red-b"]
    asked = Packet(B, "ff:ff:ff:ff:ff:ff", Arp(1, B, port.addresses[0], "00:00:00:00:00:00", ip4("10.0.1.100")))
    [path] = walks(NET, port, asked)
    assert isinstance(path.outcome, Answered) and path.outcome.reply.eth_src == NEAR


def test_a_router_finds_a_virtual_address_on_its_switch() -> None:
    name, ip = got(out("e", "10.0.1.100", to=R2, **tcp(80)))
    assert (name, ip.dst, ip.ttl) == ("red-b", ip4("10.0.1.12"), 62)
