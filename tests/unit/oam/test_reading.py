"""What bridges told of packets, in the words of hops: translations, routers, answers, tunnels and wires; and the flows met."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.hops import Hop, Key
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Leg
from ryu_overlay.oam.observed import Crossing, FlowMet, SeenHop
from ryu_overlay.oam.reading import read
from ryu_overlay.openflow.fields import TUN_ID
from ryu_overlay.pipeline.registers import DATAPATH, FROM_TUNNEL, OFPORT, OUT_LPORT, TUNNEL
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP, LS_OUT_PORT, PHY_IN_PORT, PHY_IN_TUNNEL, PHY_OUT
from tests.unit.oam.asked import NET, UPSTREAM
from tests.unit.oam.bridges import Bridges, host_outside, observer, tunnel
from tests.unit.oam.sightings import seen

OUTSIDE = "198.51.100.10"
UP = "green/r1/up"


def legs(sender: str, to: str, deliver: bool = False, **traffic: Any) -> tuple[Leg, Leg | None]:
    bridges = Bridges(outside=host_outside)
    bridges.serve()
    report = bridges.trace(sender, to, deliver=deliver, **traffic)
    return report.there, report.back


def keys(leg: Leg | None) -> list[Key]:
    assert leg is not None
    return [place.hop.key for place in leg.places]


def tunnels(leg: Leg) -> list[tuple[str, str]]:
    return [(s.chassis, s.peer) for s in leg.seen if isinstance(s, Crossing)]


def hop(leg: Leg | None, kind: str, number: int = 0) -> Hop:
    assert leg is not None
    return [place.hop for place in leg.places if place.hop.kind == kind][number]


def addresses(found: Hop) -> tuple[Any, ...]:
    after = found.after
    return found.packet.src, found.packet.dst, None if after is None else (after.src, after.dst)


def test_three_routers_and_snat() -> None:
    there, back = legs("green-b-2", OUTSIDE, protocol=17, port=53)
    assert keys(there) == [
        ("port", "green-b-2", "from"),
        ("switch", "green/b"),
        ("router", "green/r3", "b", "r2"),
        ("router", "green/r2", "r3", "transit"),
        ("switch", "green/transit"),
        ("router", "green/r1", "transit", "up"),
        ("nat", UP, "out", "snat green/r1/all"),
        ("external", "internet"),
    ]
    nat = hop(there, "nat")
    assert addresses(nat) == ("10.1.2.12", OUTSIDE, ("203.0.113.13", OUTSIDE))
    assert (nat.packet.eth_src, nat.known) == (None, False)
    assert [place.hop.packet.ttl for place in there.places] == [64, 64, 64, 63, 62, 62, 61, 61]
    assert hop(there, "external").packet.eth_dst == UPSTREAM
    assert keys(back)[:3] == [
        ("external", "internet"),
        ("nat", UP, "in", "snat green/r1/all"),
        ("router", "green/r1", "up", "transit"),
    ]
    assert hop(back, "nat").known and addresses(hop(back, "nat")) == (OUTSIDE, "203.0.113.13", (OUTSIDE, "10.1.2.12"))


def test_over_a_tunnel_to_the_gateway() -> None:
    there, back = legs("blue-db-3", OUTSIDE)
    assert tunnels(there) == [("hv3", "hv2")]
    at = {place.hop.kind: place.chassis for place in there.places}
    assert (at["router"], at["nat"], at["external"]) == ("hv3", "hv2", "hv2")
    assert back is not None and tunnels(back) == [("hv2", "hv3")]
    assert keys(back)[-1] == ("port", "blue-db-3", "to")


def test_a_floating_ip_from_outside() -> None:
    there, back = legs("outside:internet/198.51.100.7", "203.0.113.33")
    assert keys(there)[:3] == [
        ("external", "internet"),
        ("nat", UP, "in", "floating-ip green/r1/one"),
        ("router", "green/r1", "up", "transit"),
    ]
    assert addresses(hop(there, "nat")) == ("198.51.100.7", "203.0.113.33", ("198.51.100.7", "10.1.2.11"))
    assert keys(back)[-2:] == [("nat", UP, "out", "floating-ip green/r1/one"), ("external", "internet")]
    last = hop(back, "external").packet
    assert (last.src, last.eth_src) == ("203.0.113.33", NET.tables["floating_ip"]["green", "r1", "one"].mac)


def test_over_the_wire_from_one_tenant_to_another() -> None:
    there, back = legs("red-web-1", "203.0.113.33")
    kinds = [place.hop.kind for place in there.places]
    assert kinds[:6] == ["port", "switch", "router", "nat", "external", "nat"], "the external network is one hop, not two"
    assert addresses(hop(there, "nat", 0))[2] == ("203.0.113.11", "203.0.113.33")
    assert addresses(hop(there, "nat", 1))[2] == ("203.0.113.11", "10.1.2.11")
    assert there.journey.over_wire
    assert [place.chassis for place in there.places][:5] == ["hv1"] * 5
    assert keys(back) == [h.key for h in back.expected.whole]  # type: ignore[union-attr]


def test_a_virtual_address_from_outside_and_from_inside() -> None:
    there, back = legs("outside:internet", "203.0.113.20", protocol=6, port=80)
    nat = hop(there, "nat")
    assert nat.key == ("nat", "red/r1/up", "in", "member red/public/m1")
    assert nat.after is not None and (nat.after.dst, nat.after.ports) == ("10.0.2.11", (49152, 8080))
    assert hop(back, "external").packet.ports == (80, 49152)
    there, back = legs("red-web-1", "203.0.113.20", protocol=6, port=80)
    balancer = hop(there, "balancer")
    assert balancer.key == ("balancer", "red/public", "member red/public/m1")
    assert balancer.after is not None and balancer.after.dst == "10.0.2.11"
    arrived = hop(back, "port", 1)
    assert arrived.packet.src == "10.0.2.11" and arrived.after is not None and arrived.after.src == "203.0.113.20"


def test_another_member_is_seen_and_expected() -> None:
    bridges = Bridges()
    for each in bridges.bridges.values():
        each.chosen = -1
    report = bridges.trace("red-web-1", "10.0.2.100", protocol=6, port=80)
    assert report.verdict.kind == "ok"
    assert hop(report.there, "balancer").rule == "member red/near/m3"


def test_answered_by_a_flow_and_by_the_controller() -> None:
    there, _ = legs("red-web-1", "10.0.1.1")
    assert keys(there) == [
        ("port", "red-web-1", "from"),
        ("switch", "red/web"),
        ("router", "red/r1", "web", ""),
        ("answer", "red/r1/web", "echo_reply"),
        ("router", "red/r1", "", "web"),
        ("switch", "red/web"),
        ("port", "red-web-1", "to"),
    ]
    assert hop(there, "answer").packet.src == "10.0.1.1" and hop(there, "answer").packet.icmp == (0, 0)
    there, _ = legs("green-b-2", OUTSIDE, ttl=2)
    assert keys(there)[4] == ("answer", "green/r2/r3", "ttl_exceeded")
    error = hop(there, "answer").packet
    assert (error.src, error.icmp, error.ttl) == ("100.64.1.1", (11, 0), 64)
    assert error.about is not None and error.about.src == "10.1.2.12"
    assert keys(there)[-1] == ("port", "green-b-2", "to")


def test_a_router_s_own_begins_in_the_router() -> None:
    there, back = legs("router:red/r1", "red-db-3")
    assert keys(there)[0] == ("router", "red/r1", "", "db")
    assert there.places[0].hop.packet.ttl == 64
    assert back is not None and keys(back)[0] == ("port", "red-db-3", "from")


def test_what_is_cut_is_not_answered() -> None:
    there, _ = legs("red-web-1", "red-db-1", size=1600)
    assert keys(there) == [h.key for h in there.expected.whole]
    assert ("router", "red/r1", "web", "db") in keys(there)
    features = {flow.feature for place in there.places for flow in place.flows}
    assert "punt_fragmentation_needed" in features


def test_a_host_outside_answers_behind_the_border() -> None:
    _, back = legs("red-web-1", OUTSIDE, deliver=True)
    assert keys(back)[0] == ("router", "red/r1", "up", "web")
    assert keys(back)[-1] == ("port", "red-web-1", "to")


CASES = [
    ("red-web-1", "red-db-3", {}),
    ("green-b-2", OUTSIDE, {}),
    ("outside:internet", "203.0.113.33", {}),
    ("red-web-1", "203.0.113.20", {"protocol": 6, "port": 80}),
]


@pytest.mark.parametrize(("sender", "to", "traffic"), CASES)
def test_each_hop_has_its_flows_and_its_time(sender: str, to: str, traffic: dict[str, Any]) -> None:
    there, back = legs(sender, to, **traffic)
    for leg in (there, back):
        assert leg is not None
        assert all(place.flows for place in leg.places if place.hop.kind != "port" or place.hop.direction == "from")
        assert all(flow.cookie is not None for seen_ in leg.seen for flow in seen_.flows), "the program has one for each"
        assert all(flow.chassis == place.chassis for place in leg.places for flow in place.flows)
        times = [place.at_ms for place in leg.places]
        assert all(at >= 0 for at in times)
        met = [(flow.table, flow.chassis) for seen_ in leg.seen for flow in seen_.flows]
        assert "phy_in_port" in dict(met) and ("ls_in_lookup" in dict(met) or "ext_in" in dict(met))


def test_flows_are_named_after_what_they_are_for() -> None:
    there, _ = legs("red-web-1", "red-db-3")
    flows = {flow.table: flow for place in there.places if place.chassis == "hv1" for flow in place.flows}
    security = flows["ls_in_security"]
    assert (security.feature, security.object) == ("port_security", "port red/web/red-web-1")
    assert security.cookie is not None and security.cookie.startswith("0x0e7a04") and security.priority is not None
    assert (flows["lr_in_route"].feature, flows["lr_in_route"].object) == ("routing", "router-port red/r1/db")


def by_hand(*sightings: Any, chassis: str = "hv1") -> list[Any]:
    journey = Journey(7, chassis, 1.0)
    for sighting in sightings:
        journey.take(sighting)
    return read(observer(), journey)


WEB = NET.switch_views["red", "web"].switch


def test_a_tunnel_by_hand() -> None:
    into = seen("hv1", PHY_OUT, {OFPORT: TUNNEL | tunnel("hv2")}, 1.002, fields={TUN_ID: WEB.vni})
    arrived = seen("hv2", PHY_IN_TUNNEL, None, 1.004, fields={TUN_ID: WEB.vni})
    [crossing] = by_hand(seen("hv1", PHY_IN_PORT, at=1.001), into)
    assert isinstance(crossing, Crossing)
    assert (crossing.chassis, crossing.peer, crossing.vni, crossing.sent_ms) == ("hv1", "hv2", WEB.vni, 2.0)
    assert (crossing.received_ms, crossing.received_by, crossing.own_vni) == (None, None, False)
    [crossing] = by_hand(seen("hv1", PHY_IN_PORT, at=1.001), into, arrived)
    assert (crossing.received_ms, crossing.received_by) == (4.0, None)
    other = seen("hv3", PHY_IN_TUNNEL, None, 1.004, fields={TUN_ID: WEB.vni})
    [crossing] = by_hand(seen("hv1", PHY_IN_PORT, at=1.001), into, other)
    assert (crossing.received_ms, crossing.received_by) == (4.0, "hv3")
    unknown = seen("hv1", PHY_OUT, {OFPORT: TUNNEL | 999}, 1.002, fields={TUN_ID: WEB.vni})
    [crossing] = by_hand(seen("hv1", PHY_IN_PORT, at=1.001), unknown)
    assert crossing.peer == "?"


def test_places_by_hand() -> None:
    port = NET.port_by_name["red-web-2"]
    found = by_hand(
        seen("hv1", LS_IN_LOOKUP, {DATAPATH: WEB.key}, 1.001),
        seen("hv1", LS_OUT_PORT, {OUT_LPORT: port.key}, 1.002),
        seen("hv1", PHY_OUT, {OFPORT: 9}, 1.003),
    )
    assert [(s.hop.key, s.at_ms) for s in found] == [(("switch", "red/web"), 1.0), (("port", "red-web-2", "to"), 2.0)]
    assert [flow.table for flow in found[1].flows] == ["ls_out_port", "phy_out"]
    left = by_hand(
        seen("hv1", LS_IN_LOOKUP, {DATAPATH: WEB.key}),
        seen("hv1", LS_OUT_PORT, {OUT_LPORT: port.key}),
        seen("hv1", PHY_OUT, {OFPORT: TUNNEL | tunnel("hv2")}),
    )
    assert [type(s) for s in left] == [SeenHop, Crossing], "it is another chassis that hands it over"
    handed = by_hand(
        seen("hv1", LS_IN_LOOKUP, {DATAPATH: WEB.key}),
        seen("hv1", LS_OUT_PORT, {OUT_LPORT: port.key}),
        seen("hv1", PHY_OUT, {OFPORT: TUNNEL | tunnel("hv2")}, fields={TUN_ID: WEB.vni}),
        seen("hv2", PHY_IN_TUNNEL, fields={TUN_ID: WEB.vni}),
        seen("hv2", LS_OUT_PORT, {OUT_LPORT: port.key}),
    )
    assert [type(s) for s in handed] == [SeenHop, Crossing, SeenHop]
    assert [(flow.table, flow.chassis) for flow in handed[1].flows] == [("ls_out_port", "hv1"), ("phy_out", "hv1")]
    assert {flow.chassis for flow in handed[2].flows} == {"hv2"}
    assert by_hand(seen("hv1", LS_IN_LOOKUP, {DATAPATH: WEB.key, FROM_TUNNEL: 1})) == [], "it was in that switch before"
    [nobody] = by_hand(seen("hv1", LS_IN_LOOKUP, {DATAPATH: 999999}))
    assert nobody.hop.name == "?"


def test_a_chassis_without_a_program_and_a_table_without_a_flow() -> None:
    [found] = by_hand(seen("hv9", LS_IN_LOOKUP, {DATAPATH: WEB.key}), chassis="hv9")
    assert found.flows == (FlowMet("ls_in_lookup", "hv9"),)


def test_expected_ways_are_those_of_the_model() -> None:
    bridges = Bridges()
    report = bridges.trace("red-web-1", "red-db-3")
    assert report.there.expected == way_of(report.expected.there)
