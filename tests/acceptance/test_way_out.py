"""The way out on real packets: translation, load balancing, gateways that die, hops and sizes seen through NAT."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mininet_topos.lab import Lab
from mininet_topos.loading import Talking, Trying, connect
from mininet_topos.measure import Capture
from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import BLUE_FLOATING, BLUE_UP, GREEN_FLOATING, GREEN_UP, RED_FLOATING, RED_UP, VIP, WAY_OUT
from tests.acceptance import failing_over, hops_out, outdoors, ovn_out, wire
from tests.acceptance.bad_input_out import BAD_INPUT_OUT
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.kernel_nat import NAT_ADDRESS, KernelNat, Meter, per_thousand
from tests.acceptance.outdoors import PRIVATE, PUBLIC, Services, member_states, patch, settle
from tests.acceptance.waiting import until

CAPABILITY = "way_out"
TITLE = "the way out: external networks, NAT, load balancing, gateways that fail over"
pytestmark = pytest.mark.lab

ALL = "SNAT, floating IPs and VIPs all at once, tenants with the same addresses"
LEAKS = "Only external addresses outside, ever"
POOL = "A pool of 11 ports, 2,000 connections"
ARP = "ARP outside"
GATEWAY = "A gateway dies, with the controller stopped"
TOLD = "A gateway's link outside is cut, and the controller hears of it"
HOPS = "Traceroute across translations, judged by the packets"
SIZE = "Path MTU across translations"
LOAD = "Many short connections, beside the kernel's NAT"
WEIGHTS = "Weights"
MEMBER = "A member dies under load, another is drained"
BAD = "Bad input is refused with the field and the reason, and changes nothing"

SNAP = hops_out.SNAP
CONNECTIONS = 10_000 if FULL else 2_000
EXTERNAL = (RED_UP, BLUE_UP, GREEN_UP, RED_FLOATING, BLUE_FLOATING, GREEN_FLOATING, VIP)
CLEANLY = {"ConnectionError", "ConnectionResetError", "BrokenPipeError"}
"""How a long connection may end when its member dies: told by the other side, not by silence."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    options = {"audit-interval": 2}
    with Lab(f"w{os.getpid()}", hypervisors=3, controller_options=options, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        yield made


@pytest.fixture(scope="module")
def running(lab: Lab) -> Iterator[Services]:
    with outdoors.services(lab) as services:
        outdoors.ready(lab)
        yield services


@pytest.fixture(scope="module", autouse=True)
def leaks(lab: Lab) -> Iterator[Capture]:
    """All that may show a private address on the upstream's wire, from first to last: such packets, ICMP errors, ARP."""
    errors = "icmp and icmp[0] != 0 and icmp[0] != 8"
    with lab.tcpdump(lab.upstream, "out0", f"{PRIVATE} or arp or ({errors})", SNAP) as capture:
        yield capture


@pytest.mark.parametrize("place", ["distributed", "centralised"])
def test_everything_at_once(lab: Lab, running: Services, evidence: Evidence, place: str) -> None:
    """Every kind of stream together; then the same with the floating IPs of hv3 on the gateways."""
    hv3 = lab.hypervisors["hv3"]
    streams = outdoors.FLOATING + outdoors.SNAT + outdoors.BALANCED
    hv3.map_external(place == "distributed")
    until("the floating IP moved", lambda: outdoors.floating_at(lab) == {"hv3" if place == "distributed" else "hv1"})
    try:
        with lab.tcpdump(lab.upstream, "out0", snap=SNAP) as capture:
            results = outdoors.run(lab, streams, 200 if FULL else 25)
            capture.stop()
    finally:
        hv3.map_external(True)
        until("the floating IP is back", lambda: outdoors.floating_at(lab) == {"hv3"})
    wrong = [line for stream, tries in results.items() for line in stream.wrong(tries)]
    assert wrong == []
    for stream, tries in results.items():
        evidence.show(
            ALL, f"{place}: {stream.what}", len(tries.good), f"of {len(tries.attempts)} connections, {tries.rate:.0f} a second"
        )
    seen = list(wire.read(capture.path))
    found = wire.addresses(seen)
    assert capture.dropped == 0
    assert wire.outside(found, *PUBLIC) == set()
    assert not wire.all_wrong(seen)
    evidence.show(LEAKS, f"{place}: packets on the upstream's wire", len(seen), "with 0 private addresses and 0 wrong checksums")


def test_port_pool_exhausted(lab: Lab, running: Services, evidence: Evidence) -> None:
    """Each SYN that finds no port is dropped and counted, none leaves as it is."""
    vm, tries = lab.vms["blue-web-2"], 2_000
    patch(lab, "tenants/blue/routers/r1/snats/all", {"ports": "20000-20010"})
    before = outdoors.exhausted(lab, "blue/r1")
    try:
        with (
            lab.tcpdump(lab.host_of(vm), vm.vif, "tcp[13] = 2", SNAP) as inside,
            lab.tcpdump(lab.upstream, "out0", snap=SNAP) as outside,
        ):
            got = Trying(vm, SERVER_ADDRESS, 80, count=tries, concurrency=200, every=0.0, timeout=0.3).wait()
            inside.stop()
            outside.stop()
        asked = sum(p.syn for p in wire.packets(inside.path))
        left = sum(p.syn and p.ip.source == BLUE_UP for p in wire.packets(outside.path))
        until("counters caught up", lambda: outdoors.exhausted(lab, "blue/r1") - before >= asked - left)
        counted = outdoors.exhausted(lab, "blue/r1") - before
    finally:
        patch(lab, "tenants/blue/routers/r1/snats/all", {"ports": None})
    found = wire.addresses(wire.read(outside.path))
    assert wire.outside(found, *PUBLIC) == set()
    assert set(got.failed) <= {"timeout"} and 11 <= len(got.good) <= left
    assert inside.dropped == outside.dropped == 0
    assert asked >= tries and counted == asked - left
    evidence.show(POOL, "connections tried", tries, f"of which {len(got.good)} good")
    evidence.show(
        POOL, "SYNs that left the VM and not the router", asked - left, f"counted as nat_exhausted of blue/r1: {counted}"
    )
    evidence.show(POOL, "packets outside with a private address", 0, f"of {sum(1 for _ in wire.read(outside.path))}")
    assert lab.ping(vm, SERVER_ADDRESS, count=2).lost == 0


def test_external_addresses_answer_arp(lab: Lab, running: Services, evidence: Evidence) -> None:
    for address in EXTERNAL:
        output = lab.upstream.run("arping", "-c", "2", "-w", "3", "-I", "out0", address, check=False).stdout
        macs = {word for line in output.splitlines() if "reply from" in line for word in line.split() if word.startswith("[")}
        assert len(macs) == 1, output
    evidence.show(ARP, "external addresses that answer, each with one MAC", len(EXTERNAL), f"of {len(EXTERNAL)}")


def test_upstream_gets_another_mac(lab: Lab, running: Services, evidence: Evidence) -> None:
    """The upstream goes on silently under another MAC, as after an exchange of hardware."""
    old, new = lab.upstream.mac("out0"), "02:00:00:00:99:01"
    for mac in (new, old):
        with Trying(lab.vms["red-web-1"], SERVER_ADDRESS, 80) as trying:
            time.sleep(0.3)
            at = time.monotonic()
            lab.upstream.change_mac(mac)
            until(
                "the server reached again",
                lambda: lab.ping(lab.vms["red-web-1"], SERVER_ADDRESS, count=1, timeout=0.3).received,
                60,
            )
            time.sleep(0.3)
            outage = trying.end().outage(at)
        assert math.isfinite(outage)
        evidence.show(ARP, "upstream's MAC changed without a word, found again after", f"{outage:.1f}", "s")


@pytest.mark.parametrize("method", list(hops_out.METHODS))
def test_traceroute(lab: Lab, running: Services, evidence: Evidence, method: str) -> None:
    for way in hops_out.WAYS:
        if method not in way.methods:
            continue
        hops, seen = hops_out.traced(lab, way, method)
        end = hops_out.end_of(lab, way.client)
        errors = wire.errors_to(seen, end.address)
        assert tuple(hops) == way.hops, (way.what, hops)
        assert hops_out.wrong_errors(end, seen) == [], way.what
        evidence.show(HOPS, f"{method}, {way.what}", " ".join(hops), f"({len(errors)} errors, each quotes what was sent)")


@pytest.mark.parametrize("method", list(hops_out.METHODS))
def test_too_large_beyond_the_upstream(lab: Lab, running: Services, evidence: Evidence, method: str) -> None:
    """The link behind the upstream takes 1,300 bytes: its error crosses the translation back to the VM."""
    lab.upstream.mtu("far0", 1300)
    try:
        for client in ("red-web-1", "red-web-3", "green-b-2"):
            case = hops_out.TooLarge("beyond the upstream", client, SERVER_ADDRESS, lab.vm_mtu, UPSTREAM_ADDRESS, 1300)
            _too_large(lab, evidence, case, method)
    finally:
        lab.upstream.mtu("far0", 1500)


@pytest.mark.parametrize("method", ["UDP", "ICMP"])
def test_too_large_for_the_overlay(lab: Lab, running: Services, evidence: Evidence, method: str) -> None:
    """From the server, 1,500 bytes for VMs that take 1,450: the router says so, under the uplink's address."""
    for target, source in ((RED_FLOATING, RED_UP), (GREEN_FLOATING, GREEN_UP)):
        case = hops_out.TooLarge(f"into the overlay, to {target}", "server", target, 1500, source, lab.vm_mtu)
        _too_large(lab, evidence, case, method)


@pytest.mark.parametrize("method", list(hops_out.METHODS))
def test_too_large_for_the_external_network(lab: Lab, running: Services, evidence: Evidence, method: str) -> None:
    """The operator says that the external network takes 1,400 bytes: the first router tells the VM, by its inside address."""
    patch(lab, "external-networks/internet", {"mtu": 1400})
    try:
        case = hops_out.TooLarge("external network of 1,400 bytes", "red-web-1", SERVER_ADDRESS, lab.vm_mtu, "10.0.1.1", 1400)
        _too_large(lab, evidence, case, method)
    finally:
        patch(lab, "external-networks/internet", {"mtu": 1500})


def test_tcp_at_full_size(lab: Lab, running: Services, evidence: Evidence) -> None:
    ways = [
        ("SNAT", lab.vms["red-web-1"], lab.server, SERVER_ADDRESS),
        ("SNAT behind three routers", lab.vms["green-b-2"], lab.server, SERVER_ADDRESS),
        ("floating IP in", lab.server, lab.vms["red-web-3"], RED_FLOATING),
        ("floating IP in, behind three routers", lab.server, lab.vms["green-b-1"], GREEN_FLOATING),
        ("hairpin to a floating IP", lab.vms["red-web-1"], lab.vms["red-web-3"], RED_FLOATING),
    ]
    for number, (what, client, server, address) in enumerate(ways):
        for direction in ((), ("-R",)):
            vm = client if client in lab.vms.values() else server
            with lab.tcpdump(lab.host_of(vm), vm.vif, "tcp", SNAP) as capture:
                hops_out.transfer(lab, server, client, address, 5310 + number, *direction)
                capture.stop()
            sizes = [p.ip.length for p in wire.packets(capture.path)]
            assert max(sizes) == lab.vm_mtu and not any(p.ip.fragment for p in wire.packets(capture.path))
        evidence.show(SIZE, f"TCP, {what}: both ways, largest packet", lab.vm_mtu, "bytes, none in fragments")


def test_many_connections(lab: Lab, running: Services, evidence: Evidence) -> None:
    """Ours and the kernel's in turn, with the same clients and servers."""
    kernel = KernelNat(lab)
    runs = [
        ("SNAT", lab.vms["red-web-1"], SERVER_ADDRESS, True),
        ("SNAT by kernel nft", kernel.inside, SERVER_ADDRESS, False),
        ("VIP", lab.server, VIP, True),
        ("DNAT to three members by kernel nft", lab.server, NAT_ADDRESS, False),
    ]
    for what, client, address, ours in runs:
        meter = Meter(lab)
        tries = connect(client, address, 80, CONNECTIONS, concurrency=50)
        cost = meter.cost()
        assert not tries.failed, (what, tries.summary())
        evidence.show(LOAD, what, tries.summary())
        own = f", of it ovs-vswitchd {per_thousand(cost.processes, CONNECTIONS)}" if ours else ""
        evidence.show(LOAD, f"{what}: machine {per_thousand(cost.machine, CONNECTIONS)}{own}", "connections")
        if address == VIP:
            off = outdoors.off_weights(tries.servers)
            assert all(abs(sigma) <= 4 for sigma in off.values()), tries.servers
            for name, sigma in off.items():
                share = f"of {CONNECTIONS}, {sigma:+.1f} standard deviations off its share"
                evidence.show(WEIGHTS, f"{name}, weight {outdoors.WEIGHTS[name]}", tries.servers[name], share)
    kernel.serving.stop()


def test_member_killed_under_load(lab: Lab, running: Services, evidence: Evidence) -> None:
    """A new connection every 5 ms; the server of red-db-3, which half of them go to, is killed and started again."""
    vm = lab.vms["red-db-3"]
    until("members up", lambda: set(member_states(lab, "public").values()) == {"up"})
    with ExitStack() as stack:
        talks = [stack.enter_context(Talking(lab.server, VIP, outdoors.LONG_PORT)) for _ in range(12)]
        trying = stack.enter_context(Trying(lab.server, VIP, 80, every=0.005, timeout=0.5))
        until("all talk", lambda: all(talk.answered for talk in talks))
        at = time.monotonic()
        running.running["red-db-3"].kill()
        until("the member is down", lambda: member_states(lab, "public")["m3"] == "down")
        time.sleep(1.0)
        running.start(vm)
        until("the member is up", lambda: member_states(lab, "public")["m3"] == "up")
        up = time.monotonic()
        time.sleep(1.0)
        tries = trying.end()
        ended = [talk.end() for talk in talks]
    failed = [a for a in tries.attempts if a.failure is not None]
    lasted = max((a.at for a in failed), default=at) - at
    assert all(at - 0.1 <= a.at < up for a in failed), tries.summary()
    assert "red-db-3" in {a.server for a in tries.good if a.at > up}
    mine = [talk for talk in ended if str(talk["name"]).startswith("red-db-3")]
    assert all(talk["ended"].split(":")[0] in CLEANLY for talk in mine), mine
    assert all(talk["ended"] == "done" for talk in ended if talk not in mine), ended
    evidence.show(MEMBER, "connections that failed", f"{len(failed)} of {len(tries.attempts)}", f"{dict(tries.failed)}")
    evidence.show(MEMBER, "from the kill to the last failure", f"{lasted * 1000:.0f}", "ms (check every 0.5 s, down after 2)")
    evidence.show(
        MEMBER,
        "long connections of the dead member: ended by reset",
        len(mine),
        f"; of others, unharmed: {len(ended) - len(mine)}",
    )


def test_member_drained(lab: Lab, running: Services, evidence: Evidence) -> None:
    with ExitStack() as stack:
        talks = [stack.enter_context(Talking(lab.server, VIP, outdoors.LONG_PORT)) for _ in range(12)]
        until("all talk", lambda: all(talk.answered for talk in talks))
        for balancer in ("long", "public"):
            patch(lab, f"tenants/red/load-balancers/{balancer}/members/m3", {"drained": True})
        tries = connect(lab.server, VIP, 80, 200)
        state = member_states(lab, "public")["m3"]
        heard = [talk.answered for talk in talks]
        until("all go on", lambda: all(talk.answered > before for talk, before in zip(talks, heard)))
        ended = [talk.end() for talk in talks]
        for balancer in ("long", "public"):
            patch(lab, f"tenants/red/load-balancers/{balancer}/members/m3", {"drained": False})
    old = sum(str(talk["name"]).startswith("red-db-3") for talk in ended)
    assert state == "drained" and not tries.failed and "red-db-3" not in tries.servers and old > 0
    assert all(talk["ended"] == "done" for talk in ended), ended
    evidence.show(MEMBER, "drained: new connections it got", tries.servers["red-db-3"], f"of 200; {old} old ones went on")


@pytest.mark.parametrize("kind", failing_over.KINDS, ids=[kind.name for kind in failing_over.KINDS])
def test_gateway_dies(lab: Lab, running: Services, evidence: Evidence, kind: failing_over.Kind) -> None:
    failing_over.prepare(lab)
    try:
        gone, back = failing_over.rounds(lab, kind, 20 if FULL else 1)
    finally:
        failing_over.restore(lab)
    where = TOLD if kind.told else GATEWAY
    for probe in failing_over.PROBES:
        evidence.show(where, f"{kind.name}: {probe}", failing_over.figures(gone[probe]), "without a new connection")
        evidence.show(where, f"{kind.name}, mended: {probe}", failing_over.figures(back[probe]))
    assert all(math.isfinite(seconds) for found in (gone, back) for probe in found.values() for seconds in probe), (gone, back)
    assert not FULL or max(seconds for probe in gone.values() for seconds in probe) <= 0.5, gone
    outdoors.ready(lab)
    evidence.show(where, f"{kind.name}: controller back", "all chassis confirmed, hv1 carries the uplink")


if FULL:

    def test_gateway_dies_under_ovn(evidence: Evidence) -> None:
        """The same deaths under OVN, where it is installed (`make bench` does that)."""
        if not ovn_out.installed():
            evidence.show(GATEWAY, "OVN beside it", "is not installed here")
            return
        with ovn_out.ovn(f"o{os.getpid()}") as lab:
            for kind in failing_over.KINDS[:2]:
                for probe, seconds in ovn_out.rounds(lab, kind, 20).items():
                    evidence.show(GATEWAY, f"OVN, {kind.name}: {probe}", failing_over.figures(seconds))


@pytest.mark.parametrize(
    ("what", "method", "path", "body", "status", "field"), BAD_INPUT_OUT, ids=[case[0] for case in BAD_INPUT_OUT]
)
def test_bad_input(
    lab: Lab, evidence: Evidence, what: str, method: str, path: str, body: object, status: int, field: str
) -> None:
    before = lab.rest.get("/v1/network").json
    answer = lab.rest.request(method, f"/v1{path}", body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    errors = answer.json["errors"]
    assert field in {e["field"] for e in errors} and all(e["reason"] for e in errors), errors
    assert lab.rest.get("/v1/network").json == before
    reason = next(e["reason"] for e in errors if e["field"] == field)
    evidence.show(BAD, what, f"{status} {field}: {reason}")


@pytest.mark.parametrize(
    ("what", "network", "gateways", "reason"),
    [
        ("unknown physical network", "moon", [], "no chassis maps physnet9"),
        ("no gateway chassis available", "internet", ["hv9"], ""),
    ],
)
def test_pending_is_said(lab: Lab, evidence: Evidence, what: str, network: str, gateways: list[str], reason: str) -> None:
    """What may come to be later is no error: the uplink waits, and says for what."""
    moon = {"name": "moon", "physical_network": "physnet9", "subnet": "192.0.2.0/24", "pools": ["192.0.2.2-192.0.2.9"]}
    up = {"name": "up", "external": network, "gateways": gateways}
    assert lab.rest.post("/v1/external-networks", moon).status == 201
    try:
        assert lab.rest.post("/v1/tenants/green/routers/r2/ports", up).status == 201
        uplinks = lab.rest.get("/v1/uplinks").json["uplinks"]
        (found,) = [u for u in uplinks if (u["tenant"], u["router"]) == ("green", "r2")]
        assert (found["state"], found["active"]) == ("pending", None), found
        assert found["reason"] and reason in found["reason"], found
        assert "pending" in lab.overlayctl("uplinks").stdout
        evidence.show(BAD, what, f"{found['state']}: {found['reason']}")
    finally:
        lab.rest.delete("/v1/tenants/green/routers/r2/ports/up")
        assert lab.rest.delete("/v1/external-networks/moon").status == 204
    settle(lab)


def test_nothing_private_was_ever_seen_outside(lab: Lab, leaks: Capture, evidence: Evidence) -> None:
    leaks.stop()
    assert leaks.dropped == 0
    seen = list(wire.read(leaks.path))
    found = wire.addresses(seen)
    assert wire.outside(found, *PUBLIC, "0.0.0.0/32") == set()
    assert not wire.all_wrong(seen)
    errors = sum(isinstance(entry, wire.Packet) for entry in seen)
    evidence.show(
        LEAKS, "private addresses in all of the above", 0, f"in headers, in {errors} ICMP errors, in {len(seen) - errors} ARPs"
    )


def _too_large(lab: Lab, evidence: Evidence, case: hops_out.TooLarge, method: str) -> None:
    errors, wrong = hops_out.sent_too_large(lab, case, method)
    assert errors and wrong == [], (case, wrong)
    who = f"{method}, {case.client}, {case.what}"
    evidence.show(
        SIZE, who, f"MTU {errors[0].mtu} from {errors[0].ip.source}", f"({len(errors)} errors, each quotes what was sent)"
    )
