"""Accounting on real packets: what the ledger says of uplinks and floating IPs is what crossed the wires, to the byte."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mininet_topos.lab import Lab
from mininet_topos.loading import Streaming
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios import populate, write
from mininet_topos.scenarios_out import RED_FLOATING, WAY_OUT
from tests.acceptance import accounting_crowd as crowd
from tests.acceptance import accounting_traffic as traffic
from tests.acceptance import accounting_wires as wires
from tests.acceptance import hops_out, outdoors, page_child
from tests.acceptance.evidence import FULL, ROOT, Evidence
from tests.acceptance.monitoring_prometheus import prometheus
from tests.acceptance.outdoors import active, settle
from tests.acceptance.waiting import until

CAPABILITY = "accounting"
TITLE = "the uplink of a router that does not exist"
pytestmark = pytest.mark.lab

CUT = "A gateway's link outside is cut under traffic"
KILLED = "A vswitch is killed under traffic"
INSIDE = "What never left the tenant"
PHYSICAL = "The sum over tenants, and the physical counters"
FRESH = "Freshness"
PROMETHEUS = "Prometheus"
PAGE = "The web page"
COST = "What reading costs"
LEDGER = "The ledger's writer is killed"
FLOATING, UP = ("red", "internet", "out"), ("red", "internet", "out")
RATE = 400
READ_EVERY = 1.0
NOTICED = 0.3
"""Seconds in which another gateway takes over."""
MEGABYTES = 500 if FULL else 10
IMAGES = ROOT / "docs" / "img"
CLOSURE = "Closure: everything at once, changes, migrations, gateways, controllers killed"
SECONDS = 600.0 if FULL else 25.0
CHANGES = 1000 if FULL else 40
KILLS = 3 if FULL else 1
SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(f"b{os.getpid()}", hypervisors=3, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        with outdoors.services(made):
            outdoors.ready(made)
            yield made


def still(lab: Lab) -> wires.Told:
    """What is told, once all chassis are read and it has not grown for as long as packets may be on their way."""
    last = wires.told(lab)
    since = time.monotonic()

    def has_not_grown() -> bool:
        nonlocal last, since
        ages, now = lab.rest.get("/v1/usage/rates").json["ages"], wires.told(lab)
        if now != last or len(ages) < len(lab.hypervisors) or max(ages.values()) > 1.5:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 2.5

    until("usage grows no more", has_not_grown, 40)
    return last


def at_rest(lab: Lab) -> None:
    """Both gateways carry what they carry in the first place."""
    until("gateways in place", lambda: (active(lab, "red"), active(lab, "blue")) == ("hv1", "hv2"))


def test_what_is_told_is_what_crossed_the_wires(lab: Lab, evidence: Evidence) -> None:
    """Traffic of every class while everything changes: the same packets and bytes in each class, without any difference."""
    before = still(lab)
    changes = traffic.Changes(lab, random.Random(SEED))
    with wires.watching(lab, traffic.TENANTS) as seen:
        with traffic.one_way(lab):
            _disturb(lab, changes)
        after = still(lab)
    write(lab.rest, WAY_OUT)
    settle(lab)
    packets, octets = after.packets - before.packets, after.bytes - before.bytes
    for what, number in sorted(changes.made.items()):
        evidence.show(CLOSURE, f"changes, {what}", number)
    for key in sorted(seen.packets | packets):
        name = " ".join(key)
        evidence.show(CLOSURE, f"{name}, on the wires", f"{seen.packets[key]} packets, {seen.bytes[key]} bytes")
        evidence.show(CLOSURE, f"{name}, in the ledger", f"{packets[key]} packets, {octets[key]} bytes")
    evidence.show(CLOSURE, "frames that no capture could keep", seen.dropped)
    assert seen.dropped == 0
    assert packets == seen.packets and octets == seen.bytes
    assert sum(changes.made.values()) >= CHANGES
    classes = {(peer, way) for _, peer, way in seen.packets}
    assert classes == {(peer, way) for peer in ("internet", "own", "others") for way in ("out", "in")}


def _disturb(lab: Lab, changes: traffic.Changes) -> None:
    """Half of the time with what goes both ways, then gateways change and come back, then the other half."""
    kills = 0
    for half in range(2):
        with traffic.both_ways(lab):
            begun, share = time.monotonic(), SECONDS / 2
            for number in range(CHANGES // 2):
                changes.make()
                if number % 20 == 10:
                    changes.move()
                if kills < KILLS and number == (CHANGES // 2) * (kills % 2 + 1) // 3 and (half == 1 or KILLS > 1):
                    kills += 1
                    lab.controller.kill9()
                    lab.controller.start()
                    lab.controller.wait()
                    changes.made["controller killed"] += 1
                due = begun + share * (number + 1) / (CHANGES // 2)
                time.sleep(max(0.0, due - time.monotonic()))
        if half == 0:
            _by_other_gateways(lab, changes)
    settle(lab)


def _by_other_gateways(lab: Lab, changes: traffic.Changes) -> None:
    """Gateways change, carry traffic, and change back."""
    changes.gateways(["hv2", "hv1"])
    until("other gateways", lambda: active(lab, "red") == "hv2" and active(lab, "blue") == "hv2")
    moved = wires.told(lab).packets[UP]
    until("traffic by other gateways", lambda: wires.told(lab).packets[UP] > moved)
    for tenant, order in (("red", ["hv1", "hv2"]), ("blue", ["hv2", "hv1"])):
        outdoors.patch(lab, f"tenants/{tenant}/routers/r1/ports/up", {"gateways": order})
    changes.made["gateways"] += 1
    at_rest(lab)


def test_a_gateway_that_fails_over(lab: Lab, evidence: Evidence) -> None:
    """What its router sent into the dead cable is what it sent, as on any router; everything else is as on the wires."""
    host = lab.hypervisors["hv1"]
    before = still(lab)
    with wires.watching(lab, traffic.TENANTS) as seen:
        with traffic.one_way(lab):
            until("traffic", lambda: wires.told(lab).packets[UP] > before.packets[UP] + RATE)
            host.external(False)
            try:
                until("the other gateway", lambda: active(lab, "red") == "hv2")
                moved = wires.told(lab).packets[UP]
                until("traffic by the other gateway", lambda: wires.told(lab).packets[UP] > moved + RATE)
            finally:
                host.external(True)
            at_rest(lab)
        after = still(lab)
    told = after.packets - before.packets
    dead = {key: told[key] - seen.packets[key] for key in told | seen.packets if told[key] != seen.packets[key]}
    evidence.show(CUT, "packets on the wires", sum(seen.packets.values()))
    evidence.show(CUT, "packets of the ledger", sum(told.values()))
    evidence.show(
        CUT, "of which went into the dead cable, by class", ", ".join(f"{' '.join(k)} {n}" for k, n in dead.items()) or "none"
    )
    assert all(number > 0 and way == "out" and tenant != "blue" for (tenant, _, way), number in dead.items())
    # Red's and green's streams through hv1.
    assert sum(dead.values()) <= NOTICED * 400


def test_a_vswitch_that_is_killed_makes_a_gap_and_never_too_much(lab: Lab, evidence: Evidence) -> None:
    """Under traffic: what is missing passed in the second before it died, and the interval says that it is not complete."""
    host = lab.hypervisors["hv3"]
    before = still(lab)
    with wires.watching(lab, traffic.TENANTS) as seen:
        with Streaming(lab.server, 6000, 0.001, "127.0.0.1"), Streaming(lab.vms["red-web-3"], 6000, RATE, SERVER_ADDRESS):
            until("packets counted", lambda: wires.told(lab).packets[FLOATING] - before.packets[FLOATING] > 3 * RATE)
            host.kill_vswitchd()
            host.start_vswitchd()
            recovered = wires.told(lab).packets[FLOATING]
            until("packets counted again", lambda: wires.told(lab).packets[FLOATING] > recovered + RATE, 40)
        after = still(lab)
    missing = seen.packets[FLOATING] - (after.packets[FLOATING] - before.packets[FLOATING])
    gaps = [gap for gap in lab.rest.get("/v1/usage?tenant=red").json["gaps"] if (gap["chassis"], gap["what"]) == ("hv3", "lost")]
    lasted = {(g["peer"], g["way"]): wires.instant(g["until"]) - wires.instant(g["since"]) for g in gaps if g["name"] == "one"}
    evidence.show(KILLED, "packets that crossed the wire", seen.packets[FLOATING])
    evidence.show(KILLED, "packets that are not in the ledger", f"{missing}, at {RATE} a second")
    evidence.show(KILLED, "gap that is marked", f"{lasted['internet', 'out']:.2f} s")
    assert 0 <= missing <= RATE * (READ_EVERY + 0.5)
    assert {("internet", "out"), ("own", "in")} <= lasted.keys()
    row = next(r for r in lab.rest.get("/v1/usage?tenant=red").json["rows"] if r["name"] == "one")
    assert row["complete"] is False


def test_what_stays_inside_is_not_the_internets(lab: Lab, evidence: Evidence) -> None:
    """Within the tenant, and through its own floating IP: nothing of it is usage of the internet. Taps would bill all of it."""
    before = still(lab)
    taps, sent = _taps(lab), _taps(lab, "red-web-2")
    with Streaming(lab.vms["red-db-1"], 6004, 0.001, "127.0.0.1"), Streaming(lab.vms["red-web-2"], 6004, RATE, "10.0.2.11"):
        until("packets inside", lambda: wires.told(lab).inside["red"] - before.inside["red"] > 200 * 3 * RATE)
    middle = still(lab)
    # Of the others' taps this is not true: members answer health checks, and the controller alone hears it.
    stayed, sent = middle.inside["red"] - before.inside["red"], _taps(lab, "red-web-2") - sent
    size = f"{MEGABYTES}M"
    hops_out.transfer(lab, lab.vms["red-db-1"], lab.vms["red-web-1"], "10.0.2.11", 5301, size=size)
    hops_out.transfer(lab, lab.vms["red-web-3"], lab.vms["red-db-2"], RED_FLOATING, 5302, size=size)
    after = still(lab)
    octets = after.bytes - before.bytes
    internet = octets["red", "internet", "out"] + octets["red", "internet", "in"]
    evidence.show(INSIDE, "a stream within the tenant: counted as inside, and sent by its VM", f"{stayed}, {sent} bytes")
    evidence.show(INSIDE, "then by TCP within the tenant, and through its own floating IP", f"{MEGABYTES} MiB each")
    evidence.show(INSIDE, "counted as inside, all", after.inside["red"] - before.inside["red"], "bytes")
    evidence.show(INSIDE, "counted out of the uplink to the own floating IP", octets["red", "own", "out"], "bytes")
    evidence.show(INSIDE, "usage of the internet that came of all that", internet, "bytes")
    evidence.show(INSIDE, "what a sum over taps would have billed", _taps(lab) - taps, "bytes")
    assert internet == 0
    # VMs' ARP is answered where they are, and goes nowhere.
    assert 0 <= sent - stayed <= 42 * 20
    assert min(octets["red", "own", "out"], after.inside["red"] - middle.inside["red"]) > 0.8 * (MEGABYTES << 20)


def _taps(lab: Lab, prefix: str = "red-") -> int:
    """What VMs sent, in bytes, by their own interfaces."""
    some = [vm for name, vm in lab.vms.items() if name.startswith(prefix)]
    return sum(int(vm.run("cat", "/sys/class/net/eth0/statistics/tx_bytes").stdout) for vm in some)


def test_the_sum_over_tenants_is_what_the_physical_counters_say(lab: Lab, evidence: Evidence) -> None:
    """What the interfaces of all hypervisors sent is what tenants sent, and ARP and announcements of ours."""
    before = still(lab)
    with wires.infrastructure(lab) as other:
        counters = wires.counters(lab)
        with traffic.one_way(lab):
            until("traffic", lambda: sum((wires.told(lab).packets - before.packets).values()) > 3000)
        after = still(lab)
        grown = wires.counters(lab) - counters
    used = {way: sum(n for (_, _, w), n in (after.packets - before.packets).items() if w == way) for way in ("out", "in")}
    evidence.show(PHYSICAL, "frames that all `ext0` sent", grown["out"])
    evidence.show(PHYSICAL, "packets of tenants out", used["out"])
    evidence.show(PHYSICAL, "frames of the overlay's own, sent", other.summary("out"))
    evidence.show(PHYSICAL, "frames that all `ext0` got", grown["in"])
    evidence.show(PHYSICAL, "packets of tenants in", used["in"])
    evidence.show(PHYSICAL, "frames of others, got", other.summary("in"))
    # Announcements go on all the time: those of the moments between both counts may be in one only.
    assert abs(grown["out"] - used["out"] - other.total("out")) <= 10
    assert 0 <= grown["in"] - used["in"] <= other.total("in") + 10


def test_it_is_fresh(lab: Lab, evidence: Evidence) -> None:
    """From a packet to where it is told."""
    took = [_freshness(lab) for _ in range(20 if FULL else 3)]
    evidence.show(FRESH, "from a packet to its usage, median and worst", f"{statistics.median(took):.2f}, {max(took):.2f} s")


def _freshness(lab: Lab) -> float:
    before = wires.told(lab).packets[UP]
    lab.ping(lab.vms["red-web-1"], SERVER_ADDRESS, count=1, timeout=1)
    sent = time.monotonic()
    until("the ping counted", lambda: wires.told(lab).packets[UP] > before, 5)
    return time.monotonic() - sent


def _faults(lab: Lab) -> list[str]:
    found = lab.rest.get("/v1/health").json["faults"]
    return [fault["id"] for fault in found if fault["until"] is None and fault["provider"]]


def test_prometheus_has_the_same(lab: Lab, evidence: Evidence) -> None:
    """Debian's Prometheus, scraping for real: rates of a class, and as many series as there are names and classes."""
    rate = 'sum by (way) (rate(overlay_usage_bytes_total{tenant="red",peer="internet"}[5s])) * 8'
    with traffic.one_way(lab), prometheus(lab) as server:
        until("rates", lambda: len(server.value(rate)) == 2 and all(value > 1e5 for _, value in server.value(rate)))
        for labels, value in server.value(rate):
            evidence.show(PROMETHEUS, f"red with the internet, {labels['way']}", f"{value / 1e3:.0f} kbit/s")
        ((_, series),) = server.value('count({__name__=~"overlay_usage_(bytes|packets)_total"})')
        evidence.show(PROMETHEUS, "series of usage, of 6 accounts", f"{series:.0f}")
        assert series <= 6 * 6 * 2 and not server.failing_rules()


def test_the_page(lab: Lab, evidence: Evidence) -> None:
    """In a real browser, while a link is cut: tables, chart, drill-down, keyboard, health as colours, themes, no error."""
    host = lab.hypervisors["hv2"]
    host.external(False)
    try:
        with traffic.one_way(lab):
            until("traffic", lambda: lab.rest.get("/v1/usage/rates").json["rates"])
            until("a fault", lambda: _faults(lab))
            command = (sys.executable, page_child.__file__, "http://127.0.0.1:8080", *([str(IMAGES)] if FULL else []))
            seen = json.loads(lab.controller.run(*command, timeout=240).stdout)
    finally:
        host.external(True)
    assert seen["console"] == []
    names = {(row[0], row[2]) for row in seen["all"]}
    assert {("red", "up"), ("red", "one"), ("blue", "up"), ("green", "up")} <= names
    assert seen["layers"] == 6 and " out, " in seen["told"]
    assert seen["tab order"][:3] == ["Traffic", "Topology", "Fabric"]
    assert seen["drilled"] == f"overlay: traffic {seen['first']}" and seen["switches"]
    assert {row[0] for row in seen["ports"]} >= {"red-web-1", "red-web-2", "red-web-3"}
    assert len(seen["map"]) == 3 + 5 + 7 and seen["lines"] >= 10
    assert seen["chassis"] == ["hv1", "hv2", "hv3"] and len(seen["tunnels"]) == 6
    assert seen["health"].endswith("1 fault") and seen["broken"] == ["hv2"]
    assert seen["colors"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}
    evidence.show(PAGE, "seen in Chromium", "5 pages, 2 themes, no error in its console; all links reached by the tabulator key")


def test_a_ledger_whose_writer_is_killed(evidence: Evidence) -> None:
    """The same tests of the ledger on SQLite and on PostgreSQL, with many kills in the middle of writing."""
    kills = 100 if FULL else 3
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/unit/accounting/test_ledger.py", "tests/lab/test_ledger_on_postgresql.py"],
        cwd=ROOT,
        env={**os.environ, "KILLS": str(kills)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    evidence.show(LEDGER, "writers killed in the middle, on SQLite and on PostgreSQL each", kills)
    evidence.show(LEDGER, "tests", done.stdout.strip().splitlines()[-1])


def test_what_reading_costs(evidence: Evidence) -> None:
    """1,000 ports and 300 uplinks on three chassis, of which two may carry each uplink."""
    uplinks, ports = (300, 1000) if FULL else (30, 60)
    with Lab(f"c{os.getpid()}", hypervisors=3, external=WAY_OUT.external) as lab:
        bound = crowd.populate(lab, uplinks, ports)
        until("all read", lambda: len(lab.rest.get("/v1/usage/rates").json["ages"]) == 3)
        before = crowd.cost(lab)
        until("twenty rounds", lambda: crowd.cost(lab).rounds - before.rounds >= 20, 60)
        after = crowd.cost(lab)
    rounds = after.rounds - before.rounds
    evidence.show(COST, "ports bound, uplinks, chassis", f"{bound}, {uplinks}, 3")
    evidence.show(
        COST, "CPU of the controller in a round, which is a second", f"{1000 * (after.cpu - before.cpu) / rounds:.1f} ms"
    )
    evidence.show(COST, "bytes from the chassis in a round", f"{(after.bytes - before.bytes) / rounds / 1000:.1f} kB")
    evidence.show(
        COST, "CPU of the whole controller meanwhile", f"{100 * (after.process - before.process) / rounds:.1f} % of one"
    )
    assert bound == ports
