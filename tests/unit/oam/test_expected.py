"""The expected way, hop by hop, through scenario way-out: three routers and SNAT, a floating IP, a load balancer; its ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from ryu_overlay.model.walk_values import BROADCAST, TCP, UDP, AnswerKind, Arp, DropReason, Packet
from ryu_overlay.oam.expected import expected, packet_view, way_of
from ryu_overlay.oam.hops import Hop, PacketView
from ryu_overlay.oam.start import Start, Traffic, start
from tests.unit.oam.asked import FACTS, NET, UPSTREAM, Tenants, changed, go

SNAT_OUT = [
    ("port", "green-b-2", "from"),
    ("switch", "green/b"),
    ("router", "green/r3", "b", "r2"),
    ("router", "green/r2", "r3", "transit"),
    ("switch", "green/transit"),
    ("router", "green/r1", "transit", "up"),
    ("nat", "green/r1/up", "out", "snat green/r1/all"),
    ("external", "internet"),
]
SNAT_BACK = [
    ("external", "internet"),
    ("nat", "green/r1/up", "in", "snat green/r1/all"),
    ("router", "green/r1", "up", "transit"),
    ("switch", "green/transit"),
    ("router", "green/r2", "transit", "r3"),
    ("router", "green/r3", "r2", "b"),
    ("switch", "green/b"),
    ("port", "green-b-2", "to"),
]


def ends(view: PacketView | None) -> tuple[Any, ...]:
    assert view is not None
    return view.src, view.dst, view.ports


def test_three_routers_and_snat_both_ways() -> None:
    found = go("green-b-2", "198.51.100.10", protocol=UDP, port=53)
    there, back = way_of(found.there), way_of(found.back)  # type: ignore[arg-type]
    assert list(there.keys) == SNAT_OUT and list(back.keys) == SNAT_BACK
    nat = there.hops[6]
    assert ends(nat.packet) == ("10.1.2.12", "198.51.100.10", (49152, 53))
    assert ends(nat.after) == ("203.0.113.13", "198.51.100.10", (49152, 53))
    assert (nat.packet.eth_src, nat.known) == (None, False)
    assert [hop.packet.ttl for hop in there.hops] == [64, 64, 64, 63, 62, 62, 61, 61]
    assert (there.outcome.kind, there.outcome.next_hop, there.outcome.mac) == ("left", "203.0.113.1", UPSTREAM)
    assert there.hops[-1].packet.eth_dst == UPSTREAM
    assert back.hops[1].known and ends(back.hops[1].after) == ("198.51.100.10", "10.1.2.12", (53, 49152))
    assert back.outcome.ports == ("green-b-2",) and back.outcome.sentence == "delivered to green-b-2"


def test_floating_ip_from_outside_both_ways() -> None:
    found = go("outside:internet/198.51.100.7", "203.0.113.33")
    there, back = way_of(found.there), way_of(found.back)  # type: ignore[arg-type]
    assert there.keys[:3] == (
        ("external", "internet"),
        ("nat", "green/r1/up", "in", "floating-ip green/r1/one"),
        ("router", "green/r1", "up", "transit"),
    )
    assert there.outcome.at == "port green-b-1" and there.hops[0].packet.icmp == (8, 0)
    assert back.keys[-2:] == (("nat", "green/r1/up", "out", "floating-ip green/r1/one"), ("external", "internet"))
    last = back.hops[-1].packet
    assert (last.src, last.dst, last.icmp, last.eth_src) == (
        "203.0.113.33",
        "198.51.100.7",
        (0, 0),
        NET.tables["floating_ip"]["green", "r1", "one"].mac,
    )


def test_a_virtual_address_from_outside_and_from_inside() -> None:
    outside = go("outside:internet", "203.0.113.20", protocol=TCP, port=80)
    there, back = way_of(outside.there), way_of(outside.back)  # type: ignore[arg-type]
    assert there.keys[1] == ("nat", "red/r1/up", "in", "member red/public/m1")
    assert ends(there.hops[1].after) == ("203.0.113.1", "10.0.2.11", (49152, 8080))
    assert ends(back.hops[-1].packet) == ("203.0.113.20", "203.0.113.1", (80, 49152))
    inside = go("red-web-1", "203.0.113.20", protocol=TCP, port=80)
    there, back = way_of(inside.there), way_of(inside.back)  # type: ignore[arg-type]
    assert there.keys[2] == ("balancer", "red/public", "member red/public/m1")
    assert ends(there.hops[2].after) == ("10.0.1.11", "10.0.2.11", (49152, 8080))
    assert ends(back.hops[-1].packet) == ("10.0.2.11", "10.0.1.11", (8080, 49152))
    assert ends(back.hops[-1].after) == ("203.0.113.20", "10.0.1.11", (80, 49152))
    assert ends(back.outcome.arrivals[0].packet) == ("203.0.113.20", "10.0.1.11", (80, 49152))


def test_an_answer_begins_with_who_makes_it() -> None:
    way = way_of(go("green-b-2", "198.51.100.10", ttl=2).there)
    assert way.keys[-1] == ("router", "green/r2", "r3", "")
    outcome = way.outcome
    assert (outcome.kind, outcome.reason, outcome.at) == ("answered", "ttl_exceeded", "router-port green/r2/r3")
    assert outcome.sentence == "answered by router-port green/r2/r3: ICMP time exceeded in transit"
    back = outcome.back
    assert back is not None and back.keys[:2] == (
        ("answer", "green/r2/r3", "ttl_exceeded"),
        ("router", "green/r2", "", "r3"),
    )
    error = back.hops[0].packet
    assert (error.src, error.icmp) == ("100.64.1.1", (11, 0))
    assert error.about is not None and (error.about.src, error.about.dst, error.about.ttl) == ("10.1.2.12", "198.51.100.10", 1)
    assert back.outcome.ports == ("green-b-2",)


def _no_snat(tenants: Tenants) -> None:
    tenants["red"]["routers"][0]["snats"] = []


def _disabled(tenants: Tenants) -> None:
    tenants["red"]["switches"][1]["ports"][0]["enabled"] = False


@pytest.mark.parametrize(
    ("edit", "to", "source", "reason", "at", "last"),
    [
        (_no_snat, "203.0.113.1", None, "not_translated", "nat red/r1/up", ("nat", "red/r1/up", "out", "")),
        (_disabled, "10.0.2.11", None, "port_disabled", "port red-db-1", ("port", "red-db-1", "to")),
        (_no_snat, "10.0.2.11", "10.0.1.99", "spoofed_ip", "port red-web-1", ("port", "red-web-1", "from")),
        (_no_snat, "10.0.2.255", None, "directed_broadcast", "router red/r1", ("router", "red/r1", "web", "")),
    ],
)
def test_what_is_dropped_says_where_and_why(
    edit: Callable[[Tenants], object], to: str, source: str | None, reason: str, at: str, last: tuple[str, ...]
) -> None:
    way = way_of(go("red-web-1", to, changed(edit), source).there)
    assert (way.outcome.kind, way.outcome.reason, way.outcome.at) == ("dropped", reason, at)
    assert way.keys[-1] == last
    assert DropReason[reason.upper()].value in way.outcome.sentence


def test_a_flood_and_an_arp() -> None:
    flooded = expected(NET, start(NET, "red-web-1", "10.0.1.255", Traffic()))
    assert flooded.outcome.ports == ("red-web-2", "red-web-3") and flooded.outcome.at == ""
    port = NET.port_by_name["red-web-1"]
    arp = Arp(1, port.mac, port.addresses[0], "00:00:00:00:00:00", NET.port_by_name["red-web-2"].addresses[0])
    way = expected(NET, Start(port, Packet(port.mac, BROADCAST, arp)))
    assert (way.outcome.reason, way.outcome.at) == ("arp_reply", "switch red/web")
    assert way.hops[0].packet == PacketView(port.mac, BROADCAST, "10.0.1.11", "10.0.1.12", "arp")
    gateway = NET.external_views["internet",].network.gateway
    assert gateway is not None
    told = Arp(2, UPSTREAM, gateway, "02:00:00:00:00:01", gateway)
    learned = expected(NET, Start(("internet",), Packet(UPSTREAM, "02:00:00:00:00:01", told))).outcome
    assert (learned.kind, learned.next_hop, learned.mac) == ("learned", "203.0.113.1", UPSTREAM)
    assert packet_view(Packet(port.mac, BROADCAST, 0x86DD)).protocol == "0x86dd"


def test_a_neighbour_that_nobody_knows_is_said_so() -> None:
    way = expected(NET, start(NET, "red-web-1", "203.0.113.1", Traffic()))
    assert way.outcome.mac is None and "nobody has told" in way.outcome.sentence
    assert way.hops[-1].packet.eth_dst is None


def test_values_are_plain_and_equal_when_they_say_the_same() -> None:
    ways = [expected(NET, start(NET, "green-b-1", "203.0.113.1", Traffic(), facts=FACTS), facts=FACTS) for _ in range(2)]
    assert ways[0] == ways[1] and len(set(ways)) == 1
    assert json.loads(json.dumps(asdict(ways[0])))["hops"][2]["in_port"] == "b"


def test_keys_tell_places_and_decisions_apart_and_not_packets() -> None:
    one, two = (packet_view(go("red-web-1", "red-db-1", ttl=ttl).start.packet) for ttl in (5, 6))
    assert Hop("router", "red/r1", one, in_port="web").key == Hop("router", "red/r1", two, in_port="web").key
    keys = {
        Hop("router", "red/r1", one, in_port="web", out_port="db").key,
        Hop("router", "red/r1", one, in_port="db", out_port="web").key,
        Hop("nat", "red/r1/up", one, direction="in").key,
        Hop("nat", "red/r1/up", one, direction="out").key,
        Hop("nat", "red/r1/up", one, direction="out", rule="snat red/r1/all").key,
        Hop("balancer", "red/www", one, rule="member red/www/a").key,
        Hop("answer", "red/r1/web", one, rule="echo_reply").key,
    }
    assert len(keys) == 7


def test_reasons_are_names_that_stay() -> None:
    """They are in JSON: one that goes, or is called otherwise, breaks who reads them."""
    drops = """port_disabled spoofed_mac spoofed_ip spoofed_arp not_allowed_type unknown_mac hairpin not_ipv4 bad_source multicast
        own_icmp directed_broadcast not_tracked not_translated no_connection vip_port no_member health not_here ttl_exceeded
        net_unreachable host_unreachable port_unreachable protocol_unreachable tcp_reset fragmentation_needed"""
    answers = """arp_reply echo_reply ttl_exceeded net_unreachable host_unreachable port_unreachable protocol_unreachable
        tcp_reset fragmentation_needed"""
    assert set(drops.split()) <= {reason.name.lower() for reason in DropReason}
    assert set(answers.split()) <= {kind.name.lower() for kind in AnswerKind}
