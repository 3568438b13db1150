"""Whole traces over bridges in memory: their ways, what they do not touch, and that nothing is left of them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from ryu_overlay.oam import tracer as module
from ryu_overlay.oam.frames import answer_of, echo_of, from_frame
from ryu_overlay.oam.judging import parting
from ryu_overlay.oam.observed import Crossing
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.world import Unable
from ryu_overlay.openflow.messages import PACKET_OUT
from tests.unit.oam.asked import NET, UPSTREAM
from tests.unit.oam.bridges import NAMES, PATCH, Bridges, arp_reply, host_outside, of_table, serve_all

WEB, DB = "red-web-1", "red-db-3"
OUTSIDE = "198.51.100.10"
WAYS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "over a tunnel": (WEB, DB, {}, "ok"),
    "on one chassis": (WEB, "red-db-1", {}, "ok"),
    "SNAT": (WEB, OUTSIDE, {"protocol": 17, "port": 53}, "ok"),
    "SNAT of a ping": (WEB, OUTSIDE, {}, "ok"),
    "SNAT behind a tunnel to the gateway": ("blue-db-3", OUTSIDE, {"protocol": 6, "port": 443}, "ok"),
    "three routers and SNAT": ("green-b-2", OUTSIDE, {}, "ok"),
    "a floating IP from outside": ("outside:internet/198.51.100.7", "203.0.113.33", {}, "ok"),
    "a floating IP over the wire": (WEB, "203.0.113.33", {}, "ok"),
    "a virtual address from outside": ("outside:internet", "203.0.113.20", {"protocol": 6, "port": 80}, "ok"),
    "a virtual address over the wire": ("blue-web-1", "203.0.113.20", {"protocol": 6, "port": 80}, "ok"),
    "a virtual address from inside": (WEB, "203.0.113.20", {"protocol": 6, "port": 80}, "ok"),
    "a virtual address on a switch": (WEB, "10.0.2.100", {"protocol": 6, "port": 80}, "ok"),
    "a router answers by flow": (WEB, "203.0.113.13", {}, "ok"),
    "a router answers by the controller": ("green-b-2", OUTSIDE, {"ttl": 2}, "answered"),
    "a router answers what it translated": ("outside:internet", "203.0.113.33", {"ttl": 2}, "answered"),
    "too large, and not to be cut": (WEB, DB, {"size": 1500, "df": True}, "answered"),
    "a router asks": ("router:red/r1", DB, {}, "ok"),
    "a router asks outside": ("router:red/r1", OUTSIDE, {}, "ok"),
}
ways = pytest.mark.parametrize(("sender", "to", "traffic", "kind"), WAYS.values(), ids=list(WAYS))


def serving(seed: int = 0) -> Bridges:
    made = Bridges(seed=seed, outside=host_outside)
    made.serve()
    return made


@ways
@pytest.mark.parametrize("deliver", [False, True])
def test_it_goes_as_the_model_says(sender: str, to: str, traffic: dict[str, Any], kind: str, deliver: bool) -> None:
    bridges = serving()
    report = bridges.trace(sender, to, deliver=deliver, **traffic)
    assert report.verdict.kind == kind, (report.verdict, list(of_table(report)))
    assert parting(report.there) is None
    assert report.back is None or parting(report.back) is None
    delivered = deliver and report.there.journey.end == "out" and "answered" not in report.verdict.sentence
    assert (report.guest_ms is not None) == delivered
    assert bridges.left_behind() == []


@ways
def test_it_does_not_matter_which_bridge_is_heard_first(sender: str, to: str, traffic: dict[str, Any], kind: str) -> None:
    def told(report: Report) -> Any:
        legs = [report.there, *([report.back] if report.back else [])]
        return report.verdict, [[place.hop for place in leg.places] for leg in legs]

    expected = told(serving().trace(sender, to, **traffic))
    for seed in range(1, 5):
        bridges = serving(seed)
        assert told(bridges.trace(sender, to, **traffic)) == expected
        assert bridges.left_behind() == []


@ways
def test_nobody_gets_what_is_not_to_be_delivered(sender: str, to: str, traffic: dict[str, Any], kind: str) -> None:
    bridges = serving()
    bridges.trace(sender, to, **traffic)
    assert bridges.received == [] and bridges.wire == []


def test_one_of_those_asked_gets_it_once() -> None:
    bridges = serving()
    report = bridges.trace(WEB, DB, deliver=True)
    [(chassis, _, frame)] = [got for got in bridges.received if got[2][23] == 1]
    assert (chassis, str(from_frame(frame).body.dst)) == ("hv3", "10.0.2.13")  # type: ignore[union-attr]
    assert report.guest_ms is not None
    [crossing] = [seen for seen in report.there.seen if isinstance(seen, Crossing)]
    assert (crossing.chassis, crossing.peer, crossing.own_vni) == ("hv1", "hv3", True)


def test_what_is_cut_on_its_way_goes_as_the_model_says() -> None:
    bridges = serving()
    report = bridges.trace(WEB, "red-db-1", size=1600)
    assert (report.verdict.kind, report.size) == ("ok", 1600)
    assert parting(report.there) is None
    assert bridges.left_behind() == []


def test_full_size_is_tried_where_there_is_a_tunnel() -> None:
    for to, crosses in ((DB, True), ("red-db-1", False)):
        report = serving().trace(WEB, to, full_size=1450)
        assert (report.full_size is not None) == crosses and report.verdict.kind == "ok"
    small = serving().trace(WEB, DB, full_size=1600)
    assert small.full_size is not None and small.full_size.kind == "answered", "that it is too large is not its fault"
    assert small.verdict.kind == "ok"


def test_a_router_s_own_large_packets() -> None:
    bridges = serving()
    bridges.passes = lambda here, there, vni, frame: len(frame) <= 1000
    verdict = bridges.trace("router:red/r1", DB, full_size=1450).verdict
    assert (verdict.kind, verdict.size) == ("mtu_hole", 986)


@pytest.mark.parametrize("largest", [84, 85, 700, 1448, 1449])
def test_the_largest_that_passes_is_found_exactly(largest: int) -> None:
    bridges = serving()
    bridges.passes = lambda here, there, vni, frame: len(frame) <= 14 + largest
    verdict = bridges.trace(WEB, DB, size=1450).verdict
    assert (verdict.kind, verdict.size) == ("mtu_hole", largest)
    assert bridges.left_behind() == []


def test_where_not_even_small_packets_pass_it_is_no_matter_of_size() -> None:
    bridges = serving()
    bridges.passes = lambda here, there, vni, frame: len(frame) <= 14 + 83
    assert bridges.trace(WEB, DB, size=1450).verdict.kind == "lost_in_underlay"


def test_what_a_guest_says_to_others_goes_on() -> None:
    """It was held up, for it might have been the answer."""
    bridges = serving()
    address, other = (str(NET.port_by_name[name].addresses[0]) for name in (DB, WEB))

    def chatty(port: str, frame: bytes) -> bytes | None:
        answer = serve_all(port, frame)
        if answer is None or frame[12:14] != b"\x08\0":
            return answer
        bridges.receive("hv3", bridges.now_world.bound[DB][1], strange(answer))
        return answer

    def strange(answer: bytes) -> bytes:
        made = Ether(answer)
        return bytes(
            Ether(src=made.src, dst=made.dst) / IP(src=address, dst=other, id=9) / ICMP(type=0, id=0xBEEF, seq=3) / b"mine"
        )

    bridges.serve(DB, by=chatty)
    report = bridges.trace(WEB, DB, deliver=True)
    assert report.verdict.kind == "ok"
    bridges.drain()
    got = [frame for chassis, _, frame in bridges.received if chassis == "hv1" and frame[23] == 1]
    assert [echo_of(frame) for frame in got] == [(0xBEEF, 3)], "the stranger's, and not the probe's own answer"
    assert bridges.left_behind() == []


def test_what_comes_for_a_router_from_outside_goes_on() -> None:
    """A router's ping looks out for its answer, before the border. What is another's is translated as ever."""
    bridges = serving()
    begun = bytes(
        Ether(src=NET.port_by_name[WEB].mac, dst=NET.tables["router_port"]["red", "r1", "web"].mac)
        / IP(src="10.0.1.11", dst=OUTSIDE)
        / ICMP(id=77, seq=1)
    )
    asked: list[bytes] = []

    def outside(frame: bytes) -> bytes | None:
        answer = answer_of(frame, 3)
        assert answer is not None
        if not asked:
            asked.append(frame)
            return None
        strange = answer_of(asked[0], 3)
        assert strange is not None
        for name in NAMES:
            bridges.receive(name, PATCH, strange)
        return answer

    bridges.outside = outside
    bridges.receive("hv1", bridges.now_world.bound[WEB][1], begun)
    report = bridges.trace("router:red/r1", OUTSIDE, deliver=True)
    assert (report.verdict.kind, report.verdict.sentence.endswith("its answer comes back")) == ("ok", True)
    bridges.drain()
    assert [echo_of(frame) for _, _, frame in bridges.received if frame[23] == 1] == [(77, 1)]


def test_a_late_answer_to_an_earlier_ping_is_not_this_one_s() -> None:
    bridges = serving()
    held: dict[int, bytes] = {}

    def late(port: str, frame: bytes) -> bytes | None:
        answer = serve_all(port, frame)
        if answer is None or frame[12:14] != b"\x08\0":
            return answer
        held[echo_of(answer)[1]] = answer
        return held.get(echo_of(answer)[1] - 1)

    bridges.serve(DB, by=late)
    kinds = [bridges.trace(WEB, DB, deliver=True, echo=(5, seq)).verdict.kind for seq in (1, 2)]
    assert kinds == ["guest_silent", "guest_silent"] and held.keys() == {1, 2}
    assert bridges.left_behind() == []


def test_an_error_from_outside_is_told_in_its_own_words() -> None:
    bridges = serving()

    def unreachable(frame: bytes) -> bytes | None:
        got = Ether(frame)
        quoted = bytes(got[IP])
        error = IP(src="198.51.100.1", dst=got[IP].src, proto=1) / ICMP(type=3, code=1) / quoted
        return bytes(Ether(src=got.dst, dst=got.src) / error)

    bridges.outside = unreachable
    found = bridges.trace("green-b-2", OUTSIDE, deliver=True)
    assert (found.verdict.kind, found.verdict.reason, found.verdict.chassis) == ("answered", "destination_unreachable", "hv1")
    assert found.verdict.sentence.endswith("answered there by 198.51.100.1: destination unreachable, code 1")
    assert bridges.left_behind() == []


def test_traces_at_the_same_time_do_not_mix() -> None:
    bridges = serving()
    others: list[Report] = []
    bridges.meanwhile = [
        lambda: others.append(bridges.trace("blue-web-1", "blue-db-3", deliver=True)),
        lambda: None,
        lambda: others.append(bridges.trace(WEB, "red-db-2")),
        lambda: others.append(bridges.trace("green-b-2", OUTSIDE, protocol=17, port=53)),
    ]
    mine = bridges.trace(WEB, DB, deliver=True)
    for report in (mine, *others):
        assert report.verdict.kind == "ok" and parting(report.there) is None
    assert mine.there.places[-1].hop.name == DB
    assert {report.there.places[0].hop.name for report in others} == {WEB, "blue-web-1", "green-b-2"}
    assert bridges.left_behind() == []


class Broken(Exception):
    """Something breaks."""


@pytest.mark.parametrize("sender", [WEB, "router:red/r1"])
@pytest.mark.parametrize("to", [DB, OUTSIDE])
def test_nothing_is_left_wherever_it_breaks(sender: str, to: str) -> None:
    def fail() -> None:
        raise Broken

    for count in range(40):
        bridges = serving()
        bridges.meanwhile = [*[lambda: None] * count, fail]
        if count % 2:
            bridges.serve(DB, by=arp_reply)
        try:
            bridges.trace(sender, to, deliver=True)
        except Broken:
            assert bridges.left_behind(connections=False) == []
        else:
            assert bridges.meanwhile, "it has waited so often"
            return
    raise AssertionError("it never ends")


def test_nothing_is_left_where_flows_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    bridges = serving()
    observe = bridges.observe

    def fails(key: object, blocks: Any) -> bool:
        observe(key, blocks)
        if blocks is not None:
            raise Broken
        return True

    monkeypatch.setattr(bridges, "observe", fails)
    with pytest.raises(Broken):
        bridges.trace(WEB, DB, deliver=True)
    assert bridges.left_behind() == []


def test_too_many_at_once() -> None:
    bridges = serving()

    def one_more() -> None:
        bridges.meanwhile.append(one_more)
        bridges.trace(WEB, DB)

    bridges.meanwhile = [one_more]
    with pytest.raises(Unable) as refused:
        bridges.trace(WEB, DB)
    assert (refused.value.code, refused.value.problem.field) == ("busy", "from")
    bridges.meanwhile = []
    assert bridges.left_behind(connections=False) == []
    assert bridges.trace(WEB, DB).verdict.kind == "ok", "there is room again"


def test_identifications_may_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_numbers", lambda random: iter([7, *[7] * 2000]))
    bridges = serving()
    with pytest.raises(Unable, match="too many probes") as refused:
        bridges.trace(WEB, DB)
    assert refused.value.code == "busy" and bridges.left_behind() == []


def test_numbers_of_an_echo_and_the_chassis_are_as_given() -> None:
    bridges = serving()
    bridges.trace("router:red/r1", DB, deliver=True, echo=(4711, 3), chassis="hv2")
    outs = [(name, data) for name, data in bridges.sent if data[1] == PACKET_OUT]
    assert outs[0][0] == "hv2"
    assert {echo_of(frame) for _, _, frame in bridges.received if frame[23] == 1} == {(4711, 3)}


def test_only_a_probe_s_packet_ins_are_taken() -> None:
    bridges = serving()
    bridges.trace(WEB, DB)
    heard: list[bytes] = []

    def hears(chassis: str, data: bytes) -> bool:
        heard.append(data)
        return True

    bridges.hears = hears
    bridges.trace(WEB, DB)
    assert not any(bridges.tracer.heard("hv1", data) for data in heard), "it is over"
    assert not bridges.tracer.heard("hv1", heard[0][:16] + bytes(8) + heard[0][24:]), "no flow of ours"
    for length in range(24):
        with pytest.raises((ValueError, struct.error)):
            bridges.tracer.heard("hv1", heard[0][:length])


def test_a_segment_from_outside_that_only_looks_like_an_answer() -> None:
    bridges = serving()

    def outside(frame: bytes) -> bytes | None:
        made = Ether(frame)
        return bytes(
            Ether(src=UPSTREAM, dst=made.src) / IP(src=made[IP].dst, dst=made[IP].src) / UDP(sport=53, dport=made[UDP].sport + 1)
        )

    bridges.outside = outside
    assert bridges.trace(WEB, OUTSIDE, protocol=17, port=53, deliver=True).verdict.kind == "outside_silent"
    assert bridges.left_behind() == []
