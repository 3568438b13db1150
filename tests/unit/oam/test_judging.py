"""Judging by hand: where ways part, whose TTL is whose, and what goes before what. Whole verdicts are in test_verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.hops import Hop
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import NOTHING, Evidence, Finding, Leg, judge, parting
from ryu_overlay.oam.observed import Crossing, FlowMet, Seen, SeenHop
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.openflow.fields import TUN_ID
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import DATAPATH, OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import LR_IN_ROUTE, LS_IN_LOOKUP, PHY_IN_PORT, PHY_IN_TUNNEL, PHY_OUT
from tests.unit.oam.asked import NET, go
from tests.unit.oam.bridges import Bridges, host_outside, observer, tunnel
from tests.unit.oam.sightings import seen

WAY = way_of(go("red-web-1", "red-db-3").there)
OBSERVER = observer()
AT = {name: where for where, name in OBSERVER.places.vifs.items()}
VNI = 71


def hops(*given: Hop) -> tuple[SeenHop, ...]:
    return tuple(SeenHop(hop, "hv1", 0.0) for hop in given)


def leg(*given: Seen, journey: Journey | None = None, **more: Any) -> Leg:
    return Leg("there", journey or Journey(7, "hv1", 0.0), given, WAY, **more)


def older(hop: Hop, by: int) -> Hop:
    ttl = hop.packet.ttl
    assert ttl is not None
    return replace(hop, packet=replace(hop.packet, ttl=ttl - by))


def test_the_same_way_does_not_part() -> None:
    assert parting(leg(*hops(*WAY.hops))) is None
    assert parting(leg()) == 0


@pytest.mark.parametrize("number", range(len(WAY.hops)))
def test_where_a_way_parts(number: int) -> None:
    other = replace(WAY.hops[number], name="elsewhere")
    changed = [*WAY.hops[:number], other, *WAY.hops[number + 1 :]]
    assert parting(leg(*hops(*changed))) == number
    assert parting(leg(*hops(*WAY.hops[:number]))) == number, "it ends there"


def test_more_than_was_expected() -> None:
    assert parting(leg(*hops(*WAY.hops, WAY.hops[-1]))) == len(WAY.hops)


def test_tunnels_are_no_hops() -> None:
    crossing = Crossing("hv1", "hv3", VNI, 1.0, 2.0)
    assert parting(leg(*hops(*WAY.hops[:4]), crossing, *hops(*WAY.hops[4:]))) is None


@pytest.mark.parametrize(
    "change",
    [{"src": "10.0.1.99"}, {"dst": "10.0.1.99"}, {"protocol": "udp"}, {"ttl": 9}],
    ids=["source", "target", "protocol", "TTL"],
)
def test_the_packet_has_to_be_the_same(change: dict[str, Any]) -> None:
    hop = WAY.hops[2]
    other = replace(hop, packet=replace(hop.packet, **change))
    assert parting(leg(*hops(*WAY.hops[:2], other, *WAY.hops[3:]))) == 2


def test_macs_and_sizes_are_no_matter() -> None:
    other = [replace(hop, packet=replace(hop.packet, eth_src=None, size=1, ports=(1, 2))) for hop in WAY.hops]
    assert parting(leg(*hops(*other))) is None


def test_a_peer_s_own_ttl() -> None:
    """Windows begins with 128: what has to agree is how many routers took one off."""
    own = [older(hop, -64) for hop in WAY.hops]
    assert parting(leg(*hops(*own), is_own=True)) is None
    assert parting(leg(*hops(*own))) == 0
    own[-1] = older(own[-1], 1)
    assert parting(leg(*hops(*own), is_own=True)) == len(own) - 1
    assert parting(leg(is_own=True)) == 0


def test_of_a_connection_that_is_known_no_rule_can_be_seen() -> None:
    trip = go("red-web-1", "198.51.100.10")
    assert trip.back is not None
    way = way_of(trip.back)
    [number] = [n for n, hop in enumerate(way.hops) if hop.kind == "nat"]
    for rule, known, expected in ((None, True, None), ("snat red/r1/other", True, number), (None, False, number)):
        found = [replace(hop, rule=rule, known=known) if n == number else hop for n, hop in enumerate(way.hops)]
        assert parting(replace(leg(*hops(*found)), expected=way)) == expected


def journey(*sightings: Any, put_in: tuple[str, ...] = ("hv1",)) -> Journey:
    made = Journey(7, put_in[0] if len(put_in) == 1 else "", 0.0)
    made.put_in = put_in
    for sighting in sightings:
        made.take(sighting)
    return made


MET = FlowMet("ls_in_lookup", "hv1", "0x1", "switching", "switch red/web")
Found = Literal["flow_missing", "flow_altered", "flow_foreign", "group_altered"]
FINDING = Finding("flow_missing", MET, "table=16,actions=drop")
BEGINS = seen("hv1", PHY_IN_PORT)
INTO = seen("hv1", PHY_OUT, {OFPORT: TUNNEL | tunnel("hv3")}, fields={TUN_ID: VNI})
ARRIVED = seen("hv3", PHY_IN_TUNNEL, fields={TUN_ID: VNI})
LOST = Crossing("hv1", "hv3", VNI, 1.0)
UNSEEN = leg(journey=journey())
TUNNELLED = leg(LOST, journey=journey(BEGINS, INTO), lost=3, sent=3)


@pytest.mark.parametrize(
    ("given", "evidence", "kind", "sentence"),
    [
        (UNSEEN, NOTHING, "switch_silent", "the vswitch of hv1 was given the packet, and told nothing"),
        (
            UNSEEN,
            Evidence(FINDING),
            "flow_missing",
            "no flow for switch red/web in table ls_in_lookup of hv1, though the model has one",
        ),
        (UNSEEN, Evidence(FINDING, frozenset({"hv1"})), "chassis_away", "hv1, where it begins, is not connected"),
        (TUNNELLED, NOTHING, "lost_in_underlay", "lost between hv1 and hv3 (tunnel sent, not received)"),
        (TUNNELLED, Evidence(passed=84), "mtu_hole", "lost between hv1 and hv3: packets above 84 bytes do not pass"),
        (TUNNELLED, Evidence(FINDING, passed=84), "flow_missing", "no flow for switch red/web"),
        (TUNNELLED, Evidence(FINDING, silent=frozenset({"hv3"})), "switch_silent", "sent by hv1 into the tunnel to hv3, whose"),
        (
            TUNNELLED,
            Evidence(FINDING, frozenset({"hv3"}), frozenset({"hv3"})),
            "chassis_away",
            "sent by hv1 into the tunnel to hv3",
        ),
    ],
)
def test_what_goes_before_what(given: Leg, evidence: Evidence, kind: str, sentence: str) -> None:
    found = judge(OBSERVER, given, evidence)
    assert (found.kind, found.sentence[: len(sentence)]) == (kind, sentence)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("flow_missing", "no flow for switch red/web in table ls_in_lookup of hv1, though the model has one"),
        ("flow_altered", "the flow for switch red/web in table ls_in_lookup of hv1 is not what it should be"),
        ("flow_foreign", "a foreign flow in table ls_in_lookup of hv1 stands before the one for switch red/web"),
        ("group_altered", "the group for switch red/web on hv1 is missing or not what it should be"),
    ],
)
def test_what_was_found(what: Found, sentence: str) -> None:
    finding = replace(FINDING, what=what)
    found = judge(OBSERVER, leg(journey=journey(BEGINS)), Evidence(finding))
    assert found == Verdict(what, sentence, "there", "hv1", object="switch red/web", flow="table=16,actions=drop")
    nameless = replace(finding, met=replace(MET, object=None))
    assert "ls_in_lookup" in judge(OBSERVER, leg(journey=journey(BEGINS)), Evidence(nameless)).sentence


@pytest.mark.parametrize(
    ("crossing", "more", "kind"),
    [
        ({"received_ms": 2.0}, {"blocked": {("hv1", VNI): 3}, "sent": 3}, "vni_lost"),
        ({"received_ms": 2.0}, {"blocked": {("hv1", VNI): 1}, "sent": 3}, "differs"),
        ({"received_ms": 2.0}, {"lost": 1, "sent": 3, "lost_between": {("hv1", "hv3"): 1}}, "lossy"),
        ({"received_ms": 2.0}, {"lost": 1, "sent": 3, "lost_between": {("hv1", "hv2"): 1}}, "differs"),
        ({"received_ms": 2.0, "received_by": "hv2"}, {}, "wrong_vtep"),
        ({"own_vni": True}, {"lost": 3, "sent": 3}, "probe_vni_lost"),
    ],
)
def test_what_is_wrong_with_a_tunnel(crossing: dict[str, Any], more: dict[str, Any], kind: str) -> None:
    out = seen("hv3", PHY_OUT, {OFPORT: AT["red-db-3"][1]})
    crossed = replace(LOST, **crossing)
    stays = [BEGINS, INTO] if crossed.received_ms is None else [BEGINS, INTO, ARRIVED, out]
    found = judge(OBSERVER, leg(crossed, journey=journey(*stays), **more))
    assert found.kind == kind
    assert kind == "differs" or (found.chassis, found.peer) == ("hv1", "hv3")


def test_it_left_by_another_port_than_the_model_says() -> None:
    out = seen("hv3", PHY_OUT, {OFPORT: AT["red-web-3"][1]})
    found = judge(OBSERVER, leg(*hops(*WAY.hops), journey=journey(BEGINS, INTO, ARRIVED, out)))
    assert (found.kind, found.sentence) == ("differs", "it left hv3 by another port than that of port red-db-3")
    right = seen("hv3", PHY_OUT, {OFPORT: AT["red-db-3"][1]})
    assert judge(OBSERVER, leg(*hops(*WAY.hops), journey=journey(BEGINS, INTO, ARRIVED, right))).kind == "ok"


def test_what_it_did_and_what_it_should_have_done() -> None:
    out = seen("hv1", PHY_OUT, {OFPORT: AT["red-db-3"][1]})
    short = judge(OBSERVER, leg(*hops(*WAY.hops[:2]), journey=journey(BEGINS, out)))
    assert short.kind == "differs"
    assert short.sentence.startswith(
        "it parts from the model at hop 3: nothing, not router red/r1 web > db (10.0.1.11 > 10.0.2.13"
    )
    more = judge(OBSERVER, leg(*hops(*WAY.hops, WAY.hops[1]), journey=journey(BEGINS, out)))
    assert more.sentence.endswith("not delivered to red-db-3"), more


def test_an_answer_that_was_not_expected() -> None:
    up = seen("hv1", LR_IN_ROUTE, feature=Feature.PUNT_NET_UNREACHABLE)
    found = judge(OBSERVER, leg(*hops(*WAY.hops[:3]), journey=journey(BEGINS, up)))
    assert (found.kind, found.reason, found.sentence) == (
        "differs",
        "net_unreachable",
        "answered with net_unreachable; expected: delivered to red-db-3",
    )


def test_a_drop_that_was_not_expected() -> None:
    caught = seen("hv1", LS_IN_LOOKUP, feature=Feature.PUNT_CAUGHT)
    found = judge(OBSERVER, leg(*hops(*WAY.hops[:2]), journey=journey(BEGINS, caught)))
    assert (found.kind, found.reason) == ("differs", "unknown_mac")
    assert found.sentence.endswith("; expected: delivered to red-db-3")


def test_dropped_where_flows_drop_nothing() -> None:
    fields = {DATAPATH: NET.switch_views["red", "web"].switch.key}
    caught = seen("hv1", LS_IN_LOOKUP, fields, feature=Feature.PUNT_CAUGHT)
    found = judge(OBSERVER, leg(*hops(*WAY.hops[:2]), journey=journey(BEGINS, caught)))
    assert (found.kind, found.chassis) == ("lost_in_bridge", "hv1")
    assert found.sentence == "dropped in table ls_in_lookup of hv1, though the flows there are as they should be"


@pytest.mark.parametrize(
    ("sender", "to", "traffic", "kind"),
    [
        ("red-web-1", "10.0.1.255", {}, "ok"),
        ("red-web-1", "10.0.2.255", {}, "dropped"),
        ("red-web-1", "224.0.0.5", {}, "ok"),
        ("outside:internet", "203.0.113.20", {"protocol": 17, "port": 9}, "answered"),
        ("outside:internet", "203.0.113.13", {"protocol": 1}, "ok"),
    ],
)
def test_ends_that_the_model_knows(sender: str, to: str, traffic: dict[str, Any], kind: str) -> None:
    bridges = Bridges(outside=host_outside)
    found = bridges.trace(sender, to, **traffic).verdict
    assert found.kind == kind, found
    assert bridges.left_behind() == []
