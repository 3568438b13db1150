"""Routers whose answers stand for paths, on real packets: each way to break one, beside routers that answer for themselves.

Part of the proof of `icmp`; see `icmp_paths` for the lab.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from statistics import median

import pytest

from mininet_topos.lab import Lab
from mininet_topos.measure import PingResult
from mininet_topos.scenarios import populate
from ryu_overlay.pipeline.tables import BACK_VNI, THERE_VNI
from tests.acceptance import icmp_long
from tests.acceptance import icmp_paths as paths
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.icmp_paths import BREAKAGES, FAR, NEAR, TRANSIT, UPLINK, VM_FAR, Breakage, upstream_dead
from tests.acceptance.monitoring_breaking import delayed, filterable
from tests.acceptance.waiting import until

CAPABILITY = "icmp_paths"
TITLE = "answers that stand for paths"
pytestmark = pytest.mark.lab

CHANGES = "Something breaks, and is mended"
TIME = "What a round trip measures"
LONG = "mtr for long under load, and the controller killed once"
POLICIES = {"local": ("local", "unreachable"), "path": ("path", "unreachable"), "path, silent": ("path", "silent")}
TRIES = 3 if FULL else 1
CASES = [(breakage, policy) for breakage in BREAKAGES for policy in POLICIES]
SHORT = {
    ("the upstream router is dead", "local"),
    ("the upstream router is dead", "path"),
    ("the tunnel carries nothing there", "path, silent"),
}
HELD = 100.0
"""Milliseconds: longer than a busy machine takes for a ping."""
ONE_OF_TUNNELS = 1
"""Open vSwitch on hv3 reads its routes anew when a link of its changes, and loses what tunnels carry in that moment, a VM's
packets as well."""
UNREACHABLE = frozenset({(NEAR, "Destination Host Unreachable")})
LOCAL_HOPS = [NEAR, TRANSIT, "*", "*"]
WHOLE = [NEAR, TRANSIT, VM_FAR]
ENDS = {"unreachable": [NEAR, f"{NEAR} !H"], "silent": [NEAR, "*", "*", "*"]}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(f"p{os.getpid()}", hypervisors=3, external=paths.PATHS.external) as made:
        populate(made, paths.PATHS)
        for target in (FAR, TRANSIT, UPLINK, VM_FAR):
            until(f"{target} answers", lambda: made.ping(made.vms["near-1"], target, count=1, timeout=0.5).received)  # noqa: B023
        yield made


@pytest.mark.parametrize(
    ("breakage", "policy"),
    [case for case in CASES if FULL or (case[0].name, case[1]) in SHORT],
    ids=lambda part: part if isinstance(part, str) else part.name,
)
def test_answers_change_with_the_way(lab: Lab, evidence: Evidence, breakage: Breakage, policy: str) -> None:
    """Pings of what is behind change and come back; of what is not, and where routers answer for themselves, nothing does."""
    answers, without_path = POLICIES[policy]
    paths.policy(lab, answers, without_path)
    changed, back = [], []
    for _ in range(TRIES):
        meanwhile = paths.during(lab, breakage)
        for target, ping in meanwhile.seen.items():
            if answers == "local" or target not in breakage.behind:
                assert (ping.until_change, ping.errors) == (None, frozenset()), (target, ping)
                assert ping.lost_else <= (ONE_OF_TUNNELS if answers == "path" else 0), (target, ping)
                continue
            assert ping.until_change is not None and ping.until_back is not None, f"{target} went on answering"
            # In the first moment the answer is lost on the way; from then on it is known, and said.
            assert ping.errors == (UNREACHABLE if without_path == "unreachable" else frozenset()), (target, ping.errors)
            changed.append(ping.until_change)
            back.append(ping.until_back)
        assert meanwhile.beside.unanswered == 0, "what is not behind goes on"
        assert bool(meanwhile.withheld) == (without_path == "silent"), "what is not told is counted"
        assert meanwhile.hops == _hops(breakage, answers, without_path)
    if not changed:
        evidence.show(CHANGES, f"{breakage.name}; {policy}", "nothing changes, nothing is lost")
        return
    figures = f"last answer after {_spread(changed)}, again {_spread(back)} after mending"
    evidence.show(CHANGES, f"{breakage.name}; {policy}", figures)
    assert not FULL or max(*changed, *back) <= paths.CHANGES_WITHIN


def _hops(breakage: Breakage, answers: str, without_path: str) -> list[str]:
    """Of a traceroute to far-3 meanwhile."""
    if FAR not in breakage.behind:
        return WHOLE
    return LOCAL_HOPS if answers == "local" else ENDS[without_path]


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s [{min(seconds):.2f}..{max(seconds):.2f}]"


def test_round_trips_of_far_hops_have_the_tunnel_in_them(lab: Lab, evidence: Evidence) -> None:
    """A path's answer goes there and back; a traceroute's does, too, and a large ping."""
    vm, count = lab.vms["near-1"], 200 if FULL else 20
    found: dict[str, dict[str, float]] = {}
    for answers in ("local", "path"):
        paths.policy(lab, answers)
        with lab.tcpdump(lab.fabric, "hv1", "udp port 4789") as capture:
            lab.ping(vm, FAR, count=5, interval=0.01)
            there = [line for line in capture.stop() if any(f"vni {vni} " in line for vni in (THERE_VNI, BACK_VNI))]
        assert len(there) == (10 if answers == "path" else 0), "each of five there and back"
        assert lab.ping(vm, FAR, count=3, size=3000).lost == 0
        assert paths.traceroute(lab) == WHOLE
        targets = {"own gateway": NEAR, "far port": FAR, "next router": TRANSIT, "uplink": UPLINK, "VM behind": VM_FAR}
        found[answers] = {what: median(lab.ping(vm, target, count=count, interval=0.01).rtts) for what, target in targets.items()}
    with filterable(lab), delayed(lab, "hv3", HELD):
        for answers in ("local", "path"):
            paths.policy(lab, answers)
            for target in (FAR, TRANSIT, UPLINK):
                quickest = min(lab.ping(vm, target, count=5, interval=0.01).rtts)
                assert (quickest >= HELD) == (answers == "path"), (target, answers, quickest)
            evidence.show(TIME, f"what comes to hv3 held for {HELD:g} ms: uplink, {answers}", f"{quickest:.2f}", "ms")
    for what in found["local"]:
        evidence.show(TIME, f"{what}: local, path", f"{found['local'][what]:.3f}, {found['path'][what]:.3f}", "ms")


def test_each_router_has_its_own_policy(lab: Lab) -> None:
    """The uplink is r1's, the others are r2's."""
    paths.policy(lab, "local")
    lab.overlayctl("set", "router", "path/r1", "--answers", "path", "--wait", "10")
    meanwhile = paths.during(lab, next(b for b in BREAKAGES if b.name == "the tunnel carries nothing there"))
    changed = {target for target, seen in meanwhile.seen.items() if seen.until_change is not None}
    assert (changed, meanwhile.hops) == ({UPLINK}, LOCAL_HOPS)


@pytest.mark.parametrize("dead", [False, True], ids=["whole", "upstream dead"])
def test_a_controller_that_starts_finds_out_anew(lab: Lab, evidence: Evidence, dead: bool) -> None:
    """What flows told while it was away they go on to tell, but for the moment in which it asks."""
    vm = lab.vms["near-1"]
    paths.policy(lab, "path")
    with upstream_dead(lab) if dead else nullcontext():
        if dead:
            until("it is told", lambda: "Destination Host Unreachable" in lab.ping(vm, UPLINK, count=1, timeout=0.5).output)
        with lab.pinging(vm, UPLINK, paths.EVERY) as pinging:
            until("pings have begun", lambda: "icmp_seq" in pinging.log.read_text())
            icmp_long.restart(lab, 0.0)
            back = time.time()
            until("it has had its time", lambda: time.time() > back + 2 * paths.CHANGES_WITHIN)
            result = pinging.stop()
    evidence.show(CHANGES, f"the controller is killed and starts; {'upstream dead' if dead else 'all whole'}", _restarted(result))
    if dead:
        assert not any(reply.at > back + paths.CHANGES_WITHIN for reply in result.replies), result.output
        assert {source for source, _ in result.errors} == {NEAR}
    else:
        assert result.unanswered == 0, result.output


def _restarted(result: PingResult) -> str:
    return f"{len(result.replies)} of {result.sent} pings of the uplink answered, {len(result.errors)} told unreachable"


def test_mtr_for_long(lab: Lab, evidence: Evidence) -> None:
    """Under load, with the controller killed once: what flows answer is never lost, the rest only while it is away."""
    paths.policy(lab, "local")
    rounds, cycles, interval, away_for = (30, 60, 1.0, 8.0) if FULL else (3, 24, 0.25, 0.5)
    found = icmp_long.run(lab, rounds, cycles, interval, away_for)
    quiet = [each for number, each in enumerate(found.rounds) if number != found.killed_in]
    killed = found.rounds[found.killed_in]
    for number, hop in enumerate((NEAR, TRANSIT, VM_FAR)):
        sent, lost = sum(each.sent[number] for each in quiet), sum(each.lost[number] for each in quiet)
        average = median(each.average[number] for each in quiet)
        evidence.show(LONG, f"hop {number + 1}, {hop}: lost with the controller there", f"{lost} of {sent}, {average:.2f} ms")
    evidence.show(LONG, "controller away", f"{found.away:.1f}", "s")
    lost_then = ", ".join(f"{n} of {s}" for n, s in zip(killed.lost, killed.sent))
    evidence.show(LONG, "lost in the run of mtr in which it was, by hop", lost_then)
    for target, (sent, lost) in found.pings.items():
        evidence.show(LONG, f"echo, 10 a second all the time, to {target}", f"{lost} of {sent} lost")
    assert all(each.hops == (NEAR, TRANSIT, VM_FAR) for each in quiet), quiet
    assert all(each.lost == (0, 0, 0) for each in quiet), quiet
    most = (found.away + 1) / interval + 1
    assert max(killed.lost[:2]) <= most and killed.lost[2] == 0, killed
    assert [found.pings[target][1] for target in (NEAR, TRANSIT, FAR)] == [0, 0, 0], found.pings
