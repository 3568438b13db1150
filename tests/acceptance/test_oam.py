"""Traces on real packets: their hops held against independent captures, faults and what is said of them, and what they leave."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mininet_topos.lab import Lab
from mininet_topos.loading import Serving
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import RED_FLOATING, VIP, WAY_OUT
from tests.acceptance import (
    oam_breaking,
    oam_captures,
    oam_cost,
    oam_faults,
    oam_leftovers,
    oam_pings,
    oam_ways,
    oam_wires,
    outdoors,
)
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.oam_faults import Row
from tests.acceptance.oam_traces import Trace, ask, is_ok, question
from tests.acceptance.oam_ways import CENTRAL, WAYS, Way
from tests.acceptance.outdoors import LONG_PORT, Services
from tests.acceptance.waiting import until

CAPABILITY = "oam"
TITLE = "interactive OAM: traces, beside captures; faults and their verdicts; what is left behind"
pytestmark = pytest.mark.lab

HOPS = "Hops, against captures on each wire"
DELIVERED = "Delivered, and answered by the guest"
FAULTS = "Faults and verdicts"
LEAVES = "Nothing is left behind, nothing of a tenant's is moved"
TIME = "Time"
COST = "Tenants' traffic while nothing is traced"
PINGS = "Pings"
CAPTURES = "Captures"

AUDIT_EVERY = 300
"""Seconds: what is broken stays so until it was traced."""
TRACES = 1_000 if FULL else 48
ROUNDS = 5
CAPTURED = 8099
"""A port of the server outside."""
ROWS = [row for row in oam_faults.ROWS if FULL or not row.long]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    options = {"audit-interval": AUDIT_EVERY, "audit-on-change": False, "guest-check-interval": 0}
    with Lab(f"t{os.getpid()}", hypervisors=3, controller_options=options, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        yield made


@pytest.fixture(scope="module", autouse=True)
def running(lab: Lab) -> Iterator[Services]:
    with outdoors.services(lab) as services:
        outdoors.ready(lab)
        yield services


@pytest.fixture
def placed(lab: Lab, request: pytest.FixtureRequest) -> Iterator[tuple[Way, ...]]:
    """The ways with green's floating IP translated where its VM is, or at the gateway."""
    if request.param == "distributed":
        yield WAYS
        return
    with oam_breaking.changed(lab, "tenants/green/routers/r1/floating-ips/one", {"distributed": False}):
        until("the floating IP moved", lambda: "hv1" in str(ask(lab, CENTRAL[0].asked).lines("there")[0]))
        yield CENTRAL


@pytest.mark.parametrize("placed", ["distributed", "centralised"], indirect=True)
def test_tunnels_carry_what_traces_tell_and_nobody_else_gets_anything(
    lab: Lab, placed: tuple[Way, ...], evidence: Evidence
) -> None:
    """Each probe is on the links of both ends of its tunnels as it is told, and on no VM's interface and not outside."""
    with oam_wires.quiet(lab) as quiet:
        for way in placed:
            with oam_wires.underlay(lab) as underlay:
                trace = ask(lab, way.asked)
                seen = underlay.stop()
            assert trace.kind == "ok", trace.told()
            tunnels = oam_wires.check(trace, seen)
            evidence.show(HOPS, f"{way.what}: tunnels, each seen twice at both ends as told", tunnels)
        assert quiet.stop() == {}
    evidence.show(HOPS, "frames of probes at 16 VMs and on the wire outside", 0)


@pytest.mark.parametrize("placed", ["distributed", "centralised"], indirect=True)
def test_hops_are_those_written_down_and_real_packets_are_at_both_ends_as_told(
    lab: Lab, placed: tuple[Way, ...], evidence: Evidence
) -> None:
    """The same packet is then sent for real: the same member serves it, and where it begins and ends it is what was told."""
    for way in placed:
        trace = ask(lab, way.asked)
        with oam_wires.quiet(lab, *oam_ways.ends(trace)) as ends:
            member = oam_ways.really(lab, way)
            ends.stop()
        assert (trace.lines("there"), trace.lines("back")) == way.lines(member), trace.told()
        assert [trace.json[direction]["parts_at"] for direction, _ in trace.legs()] == [None, None]
        compared = oam_ways.compare(trace, ends.captures)
        evidence.quote(HOPS, f"{way.what}; {compared} ends compared with a real packet\n{trace.told()}")


@pytest.mark.parametrize(
    ("sender", "target", "protocol", "port"),
    [("green-a-1", "green-b-2", "icmp", None), ("red-web-1", "red-db-2", "udp", 53), ("red-web-2", "red-web-3", "tcp", 80)],
)
def test_delivered_to_the_target_alone(
    lab: Lab, evidence: Evidence, sender: str, target: str, protocol: str, port: int | None
) -> None:
    with oam_wires.quiet(lab) as quiet:
        trace = ask(lab, question(sender, target, protocol, port, deliver=True))
        seen = quiet.stop()
    assert trace.kind == "ok", trace.told()
    assert seen.keys() == {target} and seen[target] >= 2, seen
    evidence.show(DELIVERED, f"{protocol}, {sender} to {target}: frames at the target, at all others", f"{seen[target]}, 0")


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_fault(lab: Lab, evidence: Evidence, row: Row) -> None:
    until("healthy before", lambda: is_ok(lab, row.healthy))
    wrong, traces = oam_faults.wrong(lab, row)
    until("healthy again", lambda: is_ok(lab, row.healthy))
    assert wrong == [], "\n".join(wrong)
    for (asked, _), trace in zip(row.asked, traces):
        verdict = trace.verdict
        told = f"{verdict['kind']} ({verdict['layer']}): {verdict['sentence']}"
        evidence.show(FAULTS, f"{row.what}; {asked['from']} to {asked['to']}", told)


def test_nothing_is_left_and_nothing_moved(lab: Lab, evidence: Evidence) -> None:
    """Counters are compared across pings, which have to be counted, so that they are known to have come so far."""
    with ExitStack() as stack:
        for balancer in ("public", "inside"):
            stack.enter_context(oam_breaking.changed(lab, f"tenants/red/load-balancers/{balancer}", {"check": "none"}))
        oam_leftovers.forget_connections(lab)
        for client, target in (
            ("red-db-3", SERVER_ADDRESS),
            ("server", VIP),
            ("server", RED_FLOATING),
        ):
            stack.enter_context(oam_breaking.holding(lab, client, target, LONG_PORT, 2))
        until("nothing is sent again", lambda: not oam_leftovers.unacknowledged(lab), 180.0)
        _pings(lab, oam_leftovers.state(lab))
        first = oam_leftovers.state(lab)
        pinged = _pings(lab, first)
        before = oam_leftovers.state(lab)
        oam_leftovers.forget_neighbours(lab)
        ports = oam_leftovers.ports(lab)
        traces = [ask(lab, oam_leftovers.KINDS[n % len(oam_leftovers.KINDS)]) for n in range(TRACES)]
        assert oam_leftovers.ports(lab) == ports
        after = oam_leftovers.state(lab)
        again = _pings(lab, before)
    assert {trace.kind for trace in traces} == {"ok", "answered", "dropped"}
    assert sum(map(len, before.connections.values())) > 0
    assert after.connections == before.connections
    assert (after.flows, after.groups, after.told) == (before.flows, before.groups, before.told)
    assert again == pinged, "what pings move, with traces before them and without"
    entries = sum(map(len, after.connections.values()))
    evidence.show(LEAVES, "traces", TRACES, f"of {len(oam_leftovers.KINDS)} kinds")
    evidence.show(LEAVES, "conntrack entries before and after", entries, "the same")
    evidence.show(LEAVES, "installed flows before and after", sum(map(len, after.flows.values())), "the same, and groups")
    evidence.show(LEAVES, "counters of drops, routers' ports and tunnels that moved", 0, f"of {len(after.counts)}")
    evidence.show(LEAVES, "counters of VIFs that moved", 0, f"of {len(ports)} VIFs")
    _times(evidence, traces)


def _pings(lab: Lab, since: oam_leftovers.State) -> dict[tuple[str, int, str], tuple[int, int]]:
    """By how much inner counters differ from `since` once five pings across a router are counted, and all before them."""
    web, db = (lab.rest.get(f"/v1/tenants/red/routers/r1/ports/{name}").json["key"] for name in ("web", "db"))
    counted = [("hv1", f"reg14={web:#x} "), ("hv1", f"reg15={db:#x} "), ("hv2", f"reg14={db:#x} "), ("hv2", f"reg15={web:#x} ")]
    assert lab.ping(lab.vms["red-web-1"], lab.vms["red-db-2"].ip, count=5).lost == 0

    def found() -> dict[tuple[str, int, str], tuple[int, int]] | None:
        seen = oam_leftovers.inside(oam_leftovers.moved(since.counts, oam_leftovers.state(lab).counts))
        there = [sum(p for (name, _, flow), (p, _) in seen.items() if name == at and word in flow) for at, word in counted]
        return seen if min(there) >= 5 else None

    return until("pings counted", found) or {}


def _times(evidence: Evidence, traces: list[Trace]) -> None:
    hops = [trace.json[d]["ms"] / len(hops) for trace in traces for d, hops in trace.legs() if hops]
    totals = [trace.json["ms"] for trace in traces]
    for what, values in (
        ("a hop or tunnel", hops),
        ("a trace in all, there and back, at two sizes where there is a tunnel", totals),
    ):
        half, most = (statistics.quantiles(values, n=20)[at] for at in (9, 18))
        evidence.show(TIME, f"{what}: p50, p95", f"{half:.2f}, {most:.2f}", f"ms ({len(values)} of them)")
    if FULL:
        assert statistics.median(hops) <= 1 and statistics.median(totals) <= 50


def test_pings_tell_who_is_silent(lab: Lab, evidence: Evidence) -> None:
    """From routers and as a VM, to VMs, to routers and to the outside; a guest that is off; a link that is cut."""
    for sender, target in oam_pings.ANSWERED:
        echoes, sums = oam_pings.ping(lab, sender, target)
        assert sums["received"] == sums["sent"] == oam_pings.COUNT, echoes
        evidence.show(
            PINGS, f"{sender} to {target}: answered", f"{sums['received']} of {sums['sent']}, {sums['avg_ms']:.2f}", "ms"
        )
    for what, breaking, kinds in oam_pings.BROKEN:
        with breaking(lab):
            echoes, sums = oam_pings.ping(lab, "router:red/r1", oam_pings.TARGET)
        assert {echo["kind"] for echo in echoes} <= kinds, echoes
        assert (sums["guest_silent"] > 0) == ("guest_off" in kinds) and sums["received"] == 0
        evidence.show(
            PINGS, f"{what}; {sums['guest_silent']} met with silence, {sums['network_lost']} lost", echoes[-1]["sentence"]
        )
        until("healthy again", lambda: is_ok(lab, oam_pings.HEALTHY))


def test_a_connection_is_captured_before_and_after_nat(lab: Lab, evidence: Evidence) -> None:
    with Serving(lab.server, tcp=[CAPTURED]):
        frames = oam_captures.around_nat(lab, CAPTURED)
    evidence.show(CAPTURES, "a connection before and after NAT, by tshark: packets at each point, the same", len(frames) // 2)


def test_more_is_offered_than_may_be_captured(lab: Lab, evidence: Evidence) -> None:
    flooded = oam_captures.of_flood(lab, *((100_000, 10_000) if FULL else (20_000, 10_000)))
    count = flooded.count
    evidence.show(CAPTURES, "offered", flooded.offered, "packets a second")
    evidence.show(CAPTURES, "passed the filter, by the flow's counter", count.passed)
    evidence.show(CAPTURES, "captured, by tshark", count.packets)
    evidence.show(CAPTURES, "told as not captured", count.missing("not captured"))
    half, worst = statistics.median(flooded.answered_ms), max(flooded.answered_ms)
    evidence.show(CAPTURES, "REST meanwhile: median, worst", f"{half:.1f}, {worst:.1f}", f"ms of {len(flooded.answered_ms)}")


if FULL:

    def test_tenants_pay_nothing(lab: Lab, evidence: Evidence) -> None:
        """In turn with the flows for probes and without, the order changing from round to round."""
        found: dict[bool, list[oam_cost.Cost]] = {True: [], False: []}
        for number in range(ROUNDS):
            for probing in (True, False) if number % 2 else (False, True):
                with ExitStack() as stack:
                    if not probing:
                        stack.enter_context(oam_cost.stripped(lab))
                    found[probing].append(oam_cost.cost(lab))
        ratios = [a.rate / b.rate for a, b in zip(found[True], found[False])]
        rates = {probing: statistics.median(cost.rate for cost in costs) / 1e6 for probing, costs in found.items()}
        flows = {probing: [sum(cost.flows.values()) for cost in costs] for probing, costs in found.items()}
        evidence.show(
            COST, "TCP across a router and a tunnel, with and without", f"{rates[True]:.0f}, {rates[False]:.0f}", "Mbit/s"
        )
        spread = f"[{min(ratios):.2f}..{max(ratios):.2f}] of {ROUNDS}"
        evidence.show(COST, "with, of without (median of rounds)", f"{statistics.median(ratios):.3f}", spread)
        evidence.show(COST, "datapath flows for 2,000 connections by SNAT and VIP, with", flows[True])
        evidence.show(COST, "datapath flows for 2,000 connections by SNAT and VIP, without", flows[False])
        assert statistics.median(ratios) >= 0.9
        assert abs(statistics.median(flows[True]) / statistics.median(flows[False]) - 1) <= 0.02
        until("healthy again", lambda: is_ok(lab, oam_faults.WEB))
