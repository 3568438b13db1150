"""Ping, traceroute and their like on real packets: the conformance suite, and in full the same suite on OVN beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from mininet_topos.lab import Lab
from ryu_overlay.pipeline.limits import DEFAULT
from tests.acceptance import icmp_crowd, icmp_crowd_told, icmp_network, icmp_rates_told, icmp_served, icmp_table, icmp_tools
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.icmp_cases import CASES
from tests.acceptance.icmp_judge import Result
from tests.acceptance.icmp_load import ECHO, LOUD, TTL_EXCEEDED, WATCHED, Kind, flood, settle_seconds
from tests.acceptance.icmp_rates import loaded, offered
from tests.acceptance.icmp_run import Run
from tests.acceptance.waiting import until
from tests.bench.ours import LIFTED
from tests.bench.ovn import installed
from tests.bench.results import OURS, OVN

CAPABILITY = "icmp"
TITLE = "ping and traceroute as before, and meaning something"
pytestmark = pytest.mark.lab

CONFORMANCE = "Conformance"
RATES = "Echo and TTL exceeded of one chassis for one VM, limits lifted: rate without loss, latency, processor time"
UNHEARD = 0.01
"""The part of a flood at full rate that the kernel may lose: it keeps some 270 packets for a switch that gets no processor."""
PROTECTED = f"OVN, {DEFAULT.chassis:,} errors a second and router (CoPP)"
CROWD = "VMs that send far more than is answered cost others nothing"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with icmp_network.ours() as made:
        yield made


def conformance(lab: Lab) -> list[Result]:
    """What comes of all cases, in the order of `icmp_table.ALL`."""
    return [*Run(lab, CASES).results(), *icmp_tools.run(lab)]


def test_conformance(lab: Lab, evidence: Evidence) -> None:
    """Every case of docs/icmp.md is right."""
    ours = conformance(lab)
    ovn: list[Result] = []
    if FULL and installed():
        with icmp_network.ovn() as other:
            ovn = conformance(other)
    evidence.show(CONFORMANCE, "cases right", icmp_table.summary(ours))
    if ovn:
        evidence.show(CONFORMANCE, "cases right with OVN", icmp_table.summary(ovn))
    evidence.table(CONFORMANCE, icmp_table.results(ours, ovn))
    assert icmp_table.wrong(ours) == []


@pytest.mark.parametrize(("kind", "rate"), [(ECHO, 1000), (TTL_EXCEEDED, 150)], ids=["echo", "ttl-exceeded"])
def test_all_are_answered_at_a_modest_rate(lab: Lab, evidence: Evidence, kind: Kind, rate: int) -> None:
    """Below the limit of one VM nothing is lost, and nobody else's pings are."""
    found = offered(lab, kind, rate, 1.0).offer
    meanwhile = loaded(lab, kind, rate // 2, 50)
    assert (found.sent, found.answered) == (rate, rate)
    assert (meanwhile.unanswered, meanwhile.own.lost, meanwhile.other.lost) == (0, 0, 0)
    evidence.show(RATES, f"{kind.name}: answered with default limits", found.answered, f"of {found.sent} in a second")


def test_members_of_a_load_balancer_learn_the_mtu_of_the_path_to_a_client(lab: Lab, evidence: Evidence) -> None:
    """The router outside complains of what the VIP sent; members have to hear of what they sent themselves (RFC 5508 7.1.2)."""
    with icmp_served.by_members(lab), icmp_served.client(lab, icmp_network.NARROW):
        for _ in icmp_served.MEMBERS:
            assert icmp_served.fetched(lab, icmp_network.NARROW, icmp_network.VIP) == icmp_served.LENGTH
        known = icmp_served.known_mtus(lab, icmp_network.NARROW)
    told = ", ".join(f"{member} {mtu}" for member, mtu in known.items())
    evidence.show(CONFORMANCE, f"path MTU that members learn, of {icmp_network.NARROW_MTU}", told)
    assert icmp_network.NARROW_MTU in known.values()


# Speed is for the long run.
if FULL:

    @pytest.mark.parametrize("aim", icmp_rates_told.AIMS, ids=[aim.kind.agent for aim in icmp_rates_told.AIMS])
    def test_rates(evidence: Evidence, aim: icmp_rates_told.Aim) -> None:
        """Ours and OVN's in turns, five rounds; the best of ours has to reach the aim."""
        with ExitStack() as stack:
            sides = {OURS: stack.enter_context(icmp_network.ours("r", LIFTED))}
            if installed():
                sides[OVN] = stack.enter_context(icmp_network.ovn(balancers_on_switches=False))
            found = icmp_rates_told.run(sides, aim, rounds=5, seconds=2.0, probes=500)
        for title, each in found.items():
            evidence.show(RATES, f"{aim.kind.name}, {title}: without loss", icmp_rates_told.limit(each))
            half, best = (
                f"{aim.kind.name}, {title}: p50 / p95 / p99 at {aim.half:,} a second",
                f"ms, best of {len(each.rounds)} rounds",
            )
            evidence.show(RATES, half, each.half.own.text, best)
            evidence.show(RATES, f"{half}, switch and what answers before all else", each.first.own.text, best)
        evidence.table(RATES, icmp_rates_told.table(found))
        assert found[OURS].short_of() == []


@pytest.mark.parametrize(("loud", "rate"), [(LOUD[:1], 20_000), (LOUD, 7_000)], ids=["one", "three"])
def test_floods_cost_others_nothing(lab: Lab, evidence: Evidence, loud: tuple[str, ...], rate: int) -> None:
    """Others lose nothing and see the same hops; what was too much is counted, each packet; in full, they do not wait longer."""
    rounds, traces, cycles = (3, 10, 20) if FULL else (1, 2, 3)
    # What is not a timing is asked of a rate that the switch takes in even where other tests run beside.
    offer = rate if FULL else 1000
    found = {OURS: [icmp_crowd_told.run(lab, loud, offer, traces, cycles) for _ in range(rounds)]}
    if FULL and installed():
        for title, answers in ((OVN, None), (PROTECTED, DEFAULT.chassis)):
            with icmp_network.ovn(balancers_on_switches=False, answers=answers) as other:
                found[title] = [icmp_crowd_told.run(other, loud, offer, traces, cycles) for _ in range(rounds)]
    what = f"{len(loud)} VM{'s' * (len(loud) > 1)} at {offer:,} a second"
    for title, each in found.items():
        evidence.show(CROWD, f"{what}, {title}", icmp_crowd_told.counts(each))
        times = ", ".join(f"{w.what} {ratio:.2f}" for w, ratio in zip(WATCHED, icmp_crowd_told.slower(each)))
        evidence.show(CROWD, f"{what}, {title}: mtr's times during / before", times)
        times = ", ".join(f"{w.what} {ratio:.2f}" for w, ratio in zip(WATCHED, icmp_crowd_told.traced_slower(each)))
        evidence.show(CROWD, f"{what}, {title}: traceroute's times during / before", times)
    evidence.show(CROWD, f"{what}: REST meanwhile", icmp_crowd_told.rest(found[OURS]), "ms")
    evidence.table(CROWD, f"{what}:\n\n{icmp_crowd_told.table(found)}")
    assert [flaw for each in found[OURS] for flaw in each.flaws(UNHEARD if FULL else 0.0)] == []
    if FULL:
        factors = icmp_crowd_told.slower(found[OURS])
        if len(loud) == 1:
            # Traceroute sends 16 at once; with more than one VM's flood to forward, the switch itself makes them wait.
            factors += icmp_crowd_told.traced_slower(found[OURS])
        assert max(factors) <= icmp_crowd_told.UNCHANGED, factors


def test_what_floods_an_uplink_costs_its_own_tenant_alone(lab: Lab, evidence: Evidence) -> None:
    """It comes to the gateway by a tunnel that others share: the uplink's meter is before the tunnel's."""
    a_second, seconds = (20_000, 5.0) if FULL else (1000, 2.0)
    before = icmp_crowd.at_gateway(lab)
    kind = replace(TTL_EXCEEDED, target=icmp_network.UPLINK)
    with flood(lab.vms[LOUD[0]], kind, a_second, seconds) as agent:
        sent = agent.result(settle_seconds(seconds))["sent"]
    until("all of it is counted", lambda: icmp_crowd.at_gateway(lab).uplink_came - before.uplink_came >= (1 - UNHEARD) * sent)
    found = icmp_crowd.at_gateway(lab)
    passed = found.uplink_passed - before.uplink_passed
    evidence.show(CROWD, f"one VM at {a_second:,} a second to its uplink", f"{sent:,} sent, {passed:,} passed the uplink's meter")
    evidence.show(CROWD, "of them too many for the tunnel, or for its gateway", found.shared_exceeded - before.shared_exceeded)
    assert passed <= DEFAULT.port * (seconds + 2)
    assert found.shared_exceeded == before.shared_exceeded
