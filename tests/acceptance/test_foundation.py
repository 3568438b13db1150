"""The promise of the foundation on real packets: what talks, what does not, what answers, and what no crash may cost."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings

from mininet_topos.lab import Lab
from ryu_overlay.northbound.http import Incoming
from tests.acceptance.acting import Writer, drops, is_whole, of, tcp
from tests.acceptance.bad_input import BAD_INPUT
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.waiting import until
from tests.unit.northbound.test_fuzz import requests

CAPABILITY = "foundation"
TITLE = "an edge overlay that starts with one command"
pytestmark = pytest.mark.lab

PAIRS = "Inside a tenant everything talks, nothing crosses tenants"
FORGED = "Forged MAC, IP and ARP are dropped and counted per port"
HOPS = "Every router answers, every hop is seen"
CRASH = "kill -9 of the controller in a burst of writes"
RESTART = "ovs-vswitchd killed and restarted"
DRIFT = "Flows changed by hand"
MOVE = "A VIF moved to another chassis under traffic"
BAD = "Bad input is refused with the field and the reason, and changes nothing"
FLOOD = "A flood of packets that routers must answer"
ECMP = "Equal-cost routes share the connections"

ROUTERS = ("10.1.1.1", "100.64.0.1", "100.64.0.2", "100.64.1.1", "100.64.1.2", "10.1.2.1")
HOPS_TO_B = ["10.1.1.1", "100.64.0.2", "100.64.1.2", "10.1.2.12"]
FORGE = str(Path(__file__).with_name("forge.py"))


@pytest.mark.parametrize("tenant", ["red", "blue", "green"])
def test_every_pair_of_a_tenant_talks(lab: Lab, evidence: Evidence, tenant: str) -> None:
    pairs = list(itertools.permutations(of(lab, tenant), 2))
    lost = [(a.name, b.name) for a, b in pairs if lab.ping(a, b.ip, count=2, interval=0.01).lost]
    assert not lost
    evidence.show(PAIRS, f"{tenant}: ordered pairs that ping", len(pairs), f"of {len(pairs)}")
    full = [(a.name, b.name) for a, b in pairs if lab.ping(a, b.ip, count=1, size=lab.vm_mtu, dont_fragment=True).lost]
    assert not full
    evidence.show(
        PAIRS, f"{tenant}: pairs with full-size unfragmented packets", len(pairs), f"of {len(pairs)}, {lab.vm_mtu} bytes"
    )
    chosen = pairs if FULL else pairs[:: max(1, len(pairs) // 4)]
    for number, (a, b) in enumerate(chosen):
        tcp(b, a, 5201 + number)
    evidence.show(PAIRS, f"{tenant}: TCP connections with data", len(chosen), f"of {len(chosen)} pairs")


def test_nothing_crosses_tenants(lab: Lab, evidence: Evidence) -> None:
    """Same addresses, same switch names: while red talks, not one frame of it reaches a VM of blue or green."""
    others = of(lab, "blue") + of(lab, "green")
    red = lab.vms["red-web-1"]
    macs = " or ".join(f"ether src {vm.mac} or ether dst {vm.mac}" for vm in of(lab, "red"))
    captures = [lab.tcpdump(vm, "eth0", macs) for vm in others]
    for vm in of(lab, "red"):
        if vm is not red:
            assert lab.ping(red, vm.ip, count=3, interval=0.01).lost == 0
    red.run("ping", "-b", "-c", "3", "-i", "0.05", "-W", "0.2", "10.0.1.255", check=False)
    crossed = [line for capture in captures for line in capture.stop()]
    assert crossed == []
    unreachable = lab.ping(red, lab.vms["green-a-1"].ip, count=2, timeout=0.5)
    assert unreachable.received == 0
    evidence.show(PAIRS, "frames of red seen by blue and green", len(crossed), f"at {len(others)} VMs")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("mac", "spoofed_mac"),
        ("ip", "spoofed_ip"),
        ("arp-address", "spoofed_arp"),
        ("arp-mac", "spoofed_arp"),
        ("type", "not_allowed_type"),
        ("tagged", "not_allowed_type"),
    ],
)
def test_forged_frames_are_dropped_and_counted(lab: Lab, evidence: Evidence, kind: str, reason: str) -> None:
    victim, liar = lab.vms["red-web-2"], lab.vms["red-web-1"]
    gateway = lab.rest.get("/v1/tenants/red/routers/r1/ports/web").json["mac"]
    # What no rule of a port stops is counted by the table, not by the port.
    match = {"reason": reason} if reason == "not_allowed_type" else {"reason": reason, "object": "red/web/red-web-1"}
    before = drops(lab, **match)
    with lab.tcpdump(victim, "eth0", "ether src 02:00:de:ad:be:ef or arp src host 10.99.99.99 or src host 10.99.99.99") as seen:
        liar.run(sys.executable, FORGE, "eth0", kind, "50", liar.mac, liar.ip, gateway, victim.ip)
        until(f"50 drops of {reason}", lambda: drops(lab, **match) - before == 50)
        assert seen.stop() == []
    evidence.show(FORGED, f"{kind}: sent 50, counted as {reason}", drops(lab, **match) - before, "packets")


def test_routers_answer_ping(lab: Lab, evidence: Evidence) -> None:
    vm = lab.vms["green-a-1"]
    for address in ROUTERS:
        result = lab.ping(vm, address, count=3, interval=0.02)
        assert result.lost == 0 and {r.ttl for r in result.replies} <= {64, 63, 62}, result
    evidence.show(HOPS, "router addresses that answer ping", len(ROUTERS), f"of {len(ROUTERS)}")
    large = lab.ping(vm, "10.1.1.1", count=1, size=3000)
    assert large.lost == 0, large.output
    evidence.show(HOPS, "router answers a ping in three fragments", "yes")


@pytest.mark.parametrize("method", ["-U", "-I", "-T"])
def test_traceroute_shows_every_hop(lab: Lab, evidence: Evidence, method: str) -> None:
    output = lab.vms["green-a-1"].run("traceroute", "-n", method, "-q", "3", "-w", "1", "10.1.2.12", timeout=30).stdout
    hops = [re.findall(r"\d+\.\d+\.\d+\.\d+|\*", line) for line in output.splitlines()[1:]]
    assert hops == [[address] for address in HOPS_TO_B], output
    evidence.quote(HOPS, f"traceroute -n {method} 10.1.2.12\n{output}")


def test_unreachable_is_said(lab: Lab, evidence: Evidence) -> None:
    vm = lab.vms["green-a-1"]
    cases = {
        "203.0.113.1": ("10.1.1.1", "Net Unreachable"),
        "10.1.2.99": ("100.64.1.2", "Host Unreachable"),
    }
    for target, (source, text) in cases.items():
        errors = lab.ping(vm, target, count=1, timeout=1.0).errors
        assert [(s, t) for s, t in errors if text in t] == [(source, f"Destination {text}")], errors
        evidence.show(HOPS, f"ping {target}", f"{text} from {source}")
    refused = vm.run("ncat", "-w", "2", "10.1.1.1", "80", check=False)
    assert "refused" in refused.stderr, refused
    evidence.show(HOPS, "TCP to a router's own address", "connection refused")


def test_mtr_sees_no_loss(lab: Lab, evidence: Evidence) -> None:
    cycles = "30" if FULL else "5"
    output = lab.vms["green-a-1"].run("mtr", "-n", "-r", "-c", cycles, "10.1.2.12", timeout=90).stdout
    rows = [line.split() for line in output.splitlines() if "|--" in line]
    assert [row[1] for row in rows] == HOPS_TO_B, output
    assert {row[2] for row in rows} == {"0.0%"}, output
    evidence.quote(HOPS, f"mtr -n -r -c {cycles} 10.1.2.12\n{output}")


def test_controller_killed_in_a_burst_of_writes(lab: Lab, evidence: Evidence) -> None:
    before = {name: hv.ofctl("dump-flows", "br-int", "--no-stats") for name, hv in lab.hypervisors.items()}
    vm = lab.vms["red-web-1"]
    assert lab.ping(vm, "10.0.2.12", count=2).lost == 0
    writer = Writer(lab.controller.rest(timeout=5))
    with lab.pinging(vm, "10.0.2.12", interval=0.01) as pinging:
        writer.start()
        until("a burst under way", lambda: len(writer.answered) > 50)
        lab.controller.kill9()
        writer.join()
        lab.controller.start()
        lab.controller.wait()
        until("all chassis back", lambda: all(c["state"] == "connected" for c in lab.rest.get("/v1/chassis").json["chassis"]))
        lab.rest.get("/v1/revision?wait=20")
        assert lab.ping(vm, "10.0.2.12", count=100, interval=0.01).lost == 0
        result = pinging.stop()
    tenants = {t["name"]: t for t in lab.rest.get("/v1/network").json["tenants"] if t["name"].startswith("burst-")}
    stored, half = set(tenants), [name for name, tenant in tenants.items() if not is_whole(tenant)]
    after = {name: hv.ofctl("dump-flows", "br-int", "--no-stats") for name, hv in lab.hypervisors.items()}
    for name in stored:
        assert lab.rest.delete(f"/v1/tenants/{name}?cascade=true").status == 204
    assert half == []
    assert set(writer.answered) <= stored <= set(writer.tried)
    assert len(stored) - len(writer.answered) <= 1
    assert result.lost == 0, (result.sent, result.missing)
    assert before == after
    evidence.show(CRASH, "pings lost at 100 a second", result.lost, f"of {result.sent}")
    evidence.show(CRASH, "writes answered before the kill, all there after", len(writer.answered))
    evidence.show(CRASH, "writes half there", len(half), f"of {len(stored)}, each a tenant of seven objects in one transaction")


def test_vswitchd_killed_and_restarted(lab: Lab, evidence: Evidence) -> None:
    vm, target = lab.vms["red-web-1"], "10.0.2.12"
    host = lab.hypervisors["hv2"]
    with lab.pinging(vm, target, interval=0.01) as pinging:
        assert lab.ping(vm, target, count=20, interval=0.01).lost == 0
        host.kill_vswitchd()
        host.start_vswitchd()
        until("traffic back", lambda: lab.ping(vm, target, count=20, interval=0.01, timeout=0.3).lost == 0, seconds=30)
        result = pinging.stop()
    evidence.show(RESTART, "longest gap between replies", round(result.longest_gap), "ms")
    pairs = [(a, b) for a, b in itertools.permutations(of(lab, "red"), 2) if "-2" in a.name + b.name]
    until("every pair of hv2", lambda: not any(lab.ping(a, b.ip, count=1, timeout=0.5).lost for a, b in pairs))


def test_drift_is_healed_and_reported(lab: Lab, evidence: Evidence) -> None:
    host = lab.hypervisors["hv1"]
    until("hv1 settled", lambda: lab.rest.get("/v1/revision").json["converged"])

    def drift() -> list[dict[str, Any]]:
        return [d for d in lab.rest.get("/v1/drift").json["drift"] if d["chassis"] == "hv1"]

    known = len(drift())
    delivery = next(
        line for line in host.ofctl("dump-flows", "br-int", "table=60,reg10=0/0").splitlines() if "priority=20," in line
    )
    match = re.search(r"reg15=0x[0-9a-f]+", delivery)
    assert match is not None
    host.ofctl("--strict", "del-flows", "br-int", f"table=60,priority=20,{match[0]}")
    lookup = next(line for line in host.ofctl("dump-flows", "br-int", "table=44").splitlines() if "reg0=" in line)
    other = re.search(r"priority=(\d+),(reg0=0x[0-9a-f]+,reg15=0x[0-9a-f]+)", lookup)
    assert other is not None
    host.ofctl("--strict", "mod-flows", "br-int", f"table=44,priority={other[1]},{other[2]},actions=drop")
    host.ofctl("add-flow", "br-int", "cookie=0x1234,table=60,priority=7,reg15=0xfffff0,actions=drop")
    wanted = {"missing", "changed", "foreign"}
    until("drift of three kinds", lambda: wanted <= {d["what"] for d in drift()[known:]})
    seen = drift()[known:]
    until("the flows are back", lambda: match[0] in host.ofctl("dump-flows", "br-int", "table=60,reg10=0/0"))
    until("the altered flow is right", lambda: "drop" not in host.ofctl("dump-flows", "br-int", f"table=44,{other[2]}"))
    assert "0xfffff0" in host.ofctl("dump-flows", "br-int", "table=60"), "a foreign flow was touched"
    host.ofctl("--strict", "del-flows", "br-int", "table=60,priority=7,reg15=0xfffff0")
    until("the foreign flow is no longer reported", lambda: "foreign" not in {d["what"] for d in drift()})
    for entry in seen:
        evidence.show(DRIFT, f"{entry['what']} in {entry['table']}", "healed" if entry["healed"] else "left alone")


def test_vif_moves_under_traffic(lab: Lab, evidence: Evidence) -> None:
    """The longest gap at 1,000 pings a second while a VM moves, from a VM on a third chassis through a router."""
    vm, watcher = lab.vms["red-db-2"], lab.vms["red-web-1"]
    home, away = lab.hypervisors["hv2"], lab.hypervisors["hv3"]
    gaps = []
    for source, target in ((home, away), (away, home)) * (5 if FULL else 1):
        with lab.pinging(watcher, vm.ip, interval=0.002) as pinging:
            until("pings under way", lambda: lab.ping(watcher, vm.ip, count=1).lost == 0)
            source.move(vm, target)
            until("reachable again", lambda: lab.ping(watcher, vm.ip, count=3, interval=0.01, timeout=0.3).lost == 0)
            gaps.append(pinging.stop().longest_gap)
    gaps.sort()
    evidence.show(MOVE, "outage median", round(gaps[len(gaps) // 2]), f"ms [{gaps[0]:.0f}..{gaps[-1]:.0f}] of {len(gaps)}")


def test_leaving_and_joining_again(lab: Lab, evidence: Evidence) -> None:
    host = lab.hypervisors["hv3"]
    host.leave()
    until("hv3 forgotten", lambda: "hv3" not in {c["name"] for c in lab.rest.get("/v1/chassis").json["chassis"]})
    until("no tunnel to it", lambda: "vx-hv3" not in lab.hypervisors["hv1"].vsctl("list-ports", "br-int"))
    host.join()
    vm = lab.vms["red-web-1"]
    until("its VMs are back", lambda: lab.ping(vm, "10.0.2.13", count=1, timeout=0.3).lost == 0)
    lines = (
        "ovs-vsctl set Open_vSwitch . external_ids:system-id=hv3 external_ids:overlay-encap-ip=172.31.0.3 -- set-manager tcp:..."
    )
    evidence.show("Chassis join by ovs-vsctl alone", lines, "joined, left, joined again")


def test_a_chassis_gets_another_name(lab: Lab) -> None:
    """The same host and address under a new system-id: its tunnels go on, under the new name, and back."""
    vm = lab.vms["red-web-2"]
    for name in ("other", "hv3"):
        lab.hypervisors["hv3"].vsctl("--no-wait", "set", "Open_vSwitch", ".", f"external_ids:system-id={name}")
        until("its VMs answer", lambda: lab.ping(vm, "10.0.1.13", count=3, interval=0.02, timeout=0.3).lost == 0)
    until("hv3 known again", lambda: "hv3" in {c["name"] for c in lab.rest.get("/v1/chassis").json["chassis"]})


def test_a_tenant_deleted_and_put_back(lab: Lab, evidence: Evidence) -> None:
    """What the tenant had is gone from every chassis, and comes back to VMs that never went away."""
    document = lab.rest.get("/v1/tenants/blue").json
    vm = lab.vms["blue-web-1"]
    assert lab.rest.delete("/v1/tenants/blue?cascade=true&wait=10").headers["x-converged"] == "true"
    assert lab.ping(vm, "10.0.2.13", count=3, timeout=0.3).received == 0
    assert lab.rest.put("/v1/tenants/blue?wait=10", document).headers["x-converged"] == "true"
    assert lab.ping(vm, "10.0.2.13", count=5).lost == 0
    evidence.show(PAIRS, "a tenant deleted and put back", "silent, then as before")


def test_own_database_server_killed(lab: Lab, evidence: Evidence) -> None:
    """The controller starts its database server again; nothing is lost, and writes work."""
    before = lab.rest.get("/v1/network").json
    (pidfile,) = lab.controller.folder.rglob("ovsdb-server.pid")
    os.kill(int(pidfile.read_text()), signal.SIGKILL)
    until("writes work again", lambda: lab.rest.post("/v1/tenants", {"name": "after"}).status in (200, 201))
    assert lab.rest.delete("/v1/tenants/after").status == 204
    assert lab.rest.get("/v1/network").json == before
    evidence.show(CRASH, "own database server killed", "started again, nothing lost")


def test_commands_after_all_that(lab: Lab) -> None:
    """The CLI against the same controller: everything is settled and says so."""
    assert lab.overlayctl("wait", "--timeout", "20").returncode == 0
    done: subprocess.CompletedProcess[str] = lab.overlayctl("chassis")
    assert done.stdout.count("connected") == 3, done.stdout


@pytest.mark.parametrize(("what", "method", "path", "body", "status", "field"), BAD_INPUT, ids=[case[0] for case in BAD_INPUT])
def test_bad_input(
    lab: Lab, evidence: Evidence, what: str, method: str, path: str, body: object, status: int, field: str
) -> None:
    before = lab.rest.get("/v1/network").json
    answer = lab.rest.request(method, f"/v1{path}", body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    errors = answer.json["errors"]
    assert field in {e["field"] for e in errors} and all(e["reason"] for e in errors), errors
    assert lab.rest.get("/v1/network").json == before
    evidence.show(BAD, what, f"{status} {errors[0]['field']}: {errors[0]['reason']}")


def test_two_conflicting_writers(lab: Lab, evidence: Evidence) -> None:
    path = "/v1/tenants/red/switches/web/ports/red-web-3"
    tag = lab.rest.get(path).headers["etag"]
    first = lab.rest.patch(path, {"port_security": False}, If_Match=tag)
    second = lab.rest.patch(path, {"enabled": False}, If_Match=tag)
    assert (first.status, second.status) == (200, 412)
    assert lab.rest.get(path).json["enabled"] is True
    lab.rest.patch(path, {"port_security": True})
    evidence.show(BAD, "two writers from the same state", f"the second: 412 {second.json['errors'][0]['reason']}")


ENDLESS = "GET", "/v1/health/events", ""
"""An answer that does not end; test_monitoring takes it."""


def test_no_request_breaks_the_controller(lab: Lab, evidence: Evidence) -> None:
    """The requests of the OpenAPI fuzzer, sent to the running controller."""
    sent: Counter[int] = Counter()

    @settings(max_examples=2000 if FULL else 150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(requests())
    def send(request: tuple[str, str, Incoming]) -> None:
        _, _, incoming = request
        if (incoming.method, incoming.path, incoming.query) == ENDLESS:
            return
        headers = {"If_Match": incoming.if_match} if incoming.if_match else {}
        path = quote(incoming.path, safe="/%:@") + (f"?{quote(incoming.query, safe='=&%')}" if incoming.query else "")
        answer = lab.rest.request(incoming.method, path, incoming.read(), **headers)
        sent[answer.status // 100] += 1
        assert answer.status < 500, answer.text

    saved = lab.rest.get("/v1/network").json
    send()
    lab.rest.put("/v1/network", saved)
    for tenant in lab.rest.get("/v1/tenants").json["tenants"]:
        if tenant["name"] not in {t["name"] for t in saved["tenants"]}:
            lab.rest.delete(f"/v1/tenants/{quote(tenant['name'])}?cascade=true")
    evidence.show(
        BAD, "requests made from the OpenAPI document", sum(sent.values()), f"of them 5xx: {sent[5]}, refused: {sent[4]}"
    )


def test_flood_does_not_starve_the_controller(lab: Lab, evidence: Evidence) -> None:
    """A VM sends packets with TTL 1 as fast as it can; the meter takes what is too much, and REST answers on."""
    vm = lab.vms["red-web-1"]
    before = drops(lab, reason="punt_rate_exceeded")
    gateway = lab.rest.get("/v1/tenants/red/routers/r1/ports/web").json["mac"]
    arguments = ("100000", vm.mac, vm.ip, gateway, "10.0.2.12")
    flood = vm.spawn(sys.executable, FORGE, "eth0", "expiring", *arguments, log=vm.folder / "flood.log")
    slowest = 0.0
    try:
        until("the meter counts", lambda: drops(lab, reason="punt_rate_exceeded") > before)
        for _ in range(50):
            began = time.monotonic()
            assert lab.rest.get("/v1/revision").status == 200
            slowest = max(slowest, time.monotonic() - began)
    finally:
        flood.wait(60)
    evidence.show(FLOOD, "packets above the chassis' rate, dropped and counted", drops(lab, reason="punt_rate_exceeded") - before)
    evidence.show(FLOOD, "slowest of 50 REST answers meanwhile", round(slowest * 1000, 1), "ms")


def test_equal_cost_routes_share_connections(lab: Lab, evidence: Evidence) -> None:
    """Two routers behind a transit switch, one route with both as next hops; which one a connection took is seen in the MAC."""
    green = lab.rest.get("/v1/tenants/green").json
    r1 = next(r for r in green["routers"] if r["name"] == "r1")
    route = next(r for r in r1["routes"] if r["prefix"] == "10.1.2.0/24")
    ports = [
        {"name": "t", "addresses": ["100.64.0.3/24"], "switch": "transit"},
        {"name": "x", "addresses": ["100.64.2.1/30"], "peer": "r3/r2b"},
    ]
    routes = [
        {"prefix": "10.1.2.0/24", "nexthops": ["100.64.2.2"]},
        {"prefix": "10.1.1.0/24", "nexthops": ["100.64.0.1"]},
    ]
    twin = {"name": "r2b", "ports": ports, "routes": routes}
    r3 = next(r for r in green["routers"] if r["name"] == "r3")
    changed = {**green, "routers": [*green["routers"], twin]}
    r3["ports"].append({"name": "r2b", "addresses": ["100.64.2.2/30"]})
    route["nexthops"] = ["100.64.0.2", "100.64.0.3"]
    assert lab.rest.put("/v1/tenants/green?wait=10", changed).status == 200
    a = lab.vms["green-a-1"]
    hops: Counter[str] = Counter()
    for port in range(40):
        probe = ("traceroute", "-n", "-T", "-q", "1", "-f", "2", "-m", "2", f"--sport={20000 + port}", "10.1.2.12")
        line = a.run(*probe).stdout
        hops[line.splitlines()[1].split()[1]] += 1
    assert set(hops) == {"100.64.0.2", "100.64.0.3"} and min(hops.values()) >= 5, hops
    evidence.show(ECMP, "40 connections over two next hops", dict(hops))
