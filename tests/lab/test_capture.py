"""Captures of real packets: before and after NAT, at several points at once, and nothing left behind however they end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest

from mininet_topos.controller import installed
from mininet_topos.lab import Lab
from mininet_topos.loading import Serving
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import RED_UP, WAY_OUT
from tests.acceptance import oam_captures
from tests.acceptance.capturing import Capturing, looking, read
from tests.acceptance.oam_captures import BEFORE, VM
from tests.acceptance.waiting import until

GATEWAY = "10.0.1.1"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    options = {"audit-interval": 1}
    with Lab(f"c{os.getpid()}", hypervisors=3, controller_options=options, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        yield made


@pytest.fixture(autouse=True)
def nothing_left(lab: Lab) -> Iterator[None]:
    """After each: no flow, no meter, no drift, and no capture that runs."""
    yield
    until("nothing looks any more", lambda: not looking(lab))
    assert lab.rest.get("/v1/captures").json == {"captures": []}
    assert lab.rest.get("/v1/drift").json == {"drift": []}


def test_a_connection_before_and_after_nat(lab: Lab) -> None:
    """Each packet of it at both points, once, as it was there; the same as tcpdump sees at the VM's VIF and outside."""
    with Serving(lab.server, tcp=[80]):
        assert oam_captures.around_nat(lab, 80)


def test_a_packet_is_seen_at_every_point_of_its_way(lab: Lab) -> None:
    tunnels = ["tunnel:hv2/hv3", "tunnel:hv3/hv2"]
    points = ["port:red-web-2", "router-port:red/r1/web", "router-port:red/r1/db", "port:red-db-3", *tunnels]
    with Capturing(lab, *points, words="icmp") as capture:
        assert lab.ping(lab.vms[VM], "10.0.2.13", count=1).lost == 0
        capture.came(12)
        counts = capture.end()
    assert {point: count.packets for point, count in counts.items()} == dict.fromkeys(points, 2)
    frames = read(capture.path)
    asked = {f.point: (f.place.partition(",")[0], f["ip.ttl"]) for f in frames if f["icmp.type"] == "8"}
    assert asked == {
        "port:red-web-2": ("hv2", "64"),
        "router-port:red/r1/web": ("hv2", "64"),
        "router-port:red/r1/db": ("hv2", "63"),
        "tunnel:hv2/hv3": ("hv2", "63"),
        "tunnel:hv3/hv2": ("hv3", "63"),
        "port:red-db-3": ("hv3", "63"),
    }
    vni = {name: lab.rest.get(f"/v1/tenants/red/switches/{name}").json["vni"] for name in ("web", "db")}
    carried = {"8": vni["db"], "0": vni["web"]}
    assert all(f.place.endswith(f", vni {carried[f['icmp.type']]}") == (f.point in tunnels) for f in frames)


def test_directions_filters_and_snaplen(lab: Lab) -> None:
    with (
        Capturing(lab, "port:red-web-2/out", words="icmp", snaplen=60) as out,
        Capturing(lab, "port:red-web-2/in", words=f"arp and host {GATEWAY}", packets=1) as arps,
        Capturing(lab, "external:internet/out", words=f"icmp and dst host {SERVER_ADDRESS}") as wire,
    ):
        vm = lab.vms[VM]
        vm.run("ip", "neigh", "flush", "all")
        assert lab.ping(vm, SERVER_ADDRESS, count=2).lost == 0
        for capture, many in ((out, 2), (arps, 1), (wire, 2)):
            capture.came(many)
    assert [(f["icmp.type"], f["frame.cap_len"], f["frame.len"]) for f in read(out.path)] == [("0", "60", "98")] * 2
    assert [f["eth.src"] for f in read(arps.path)] == [vm.mac]
    assert [f.ends for f in read(wire.path)] == [(RED_UP, SERVER_ADDRESS)] * 2


def test_who_is_killed_leaves_nothing(lab: Lab) -> None:
    capture = Capturing(lab, BEFORE)
    assert looking(lab).keys() == lab.hypervisors.keys()
    capture.process.kill()
    capture.process.wait()
    until("its flows are gone", lambda: not looking(lab), 10)


def test_a_controller_that_is_killed_and_comes_back_removes_what_was_there(lab: Lab) -> None:
    capture = Capturing(lab, BEFORE)
    lab.controller.kill9()
    assert capture.process.wait(30) == 1
    assert looking(lab).keys() == lab.hypervisors.keys()
    lab.controller.start()
    lab.controller.wait()
    until("its flows are gone", lambda: not looking(lab))
    until("the chassis are back", lambda: lab.rest.get("/v1/revision?wait=1").json["converged"])


@pytest.mark.parametrize(("limit", "said"), [({"packets": 5}, "ended after 5 packets"), ({"seconds": 1}, "ended after 1 s")])
def test_it_ends_at_its_limit(lab: Lab, limit: dict[str, int], said: str) -> None:
    capture = Capturing(lab, "port:red-web-2", words="icmp", **limit)
    with lab.pinging(lab.vms[VM], GATEWAY):
        counts = capture.wait()["port:red-web-2"]
    assert counts.said.startswith(said) and len(read(capture.path)) == counts.packets
    assert counts.packets == 5 if "packets" in limit else counts.packets > 5


def seen_on(capture: Capturing, host: str) -> bool:
    return any(frame.place == host for frame in read(capture.path))


def test_it_goes_with_a_vm_that_moves(lab: Lab) -> None:
    vm = lab.vms[VM]
    with Capturing(lab, "port:red-web-2/in", words="icmp") as capture:
        for host in ("hv3", "hv2"):
            lab.move(vm, host)
            with lab.pinging(vm, GATEWAY):
                until(f"seen on {host}", partial(seen_on, capture, host))


def test_a_reader_at_the_other_end_of_a_pipe(lab: Lab) -> None:
    """What the manual says: `| tcpdump -nr -`, live. tcpdump has enough after three packets."""
    words = f"{installed('overlayctl')} capture port:red-web-2 -f icmp | tcpdump -lnr - -c 3"
    log = lab.controller.folder / "pipe.log"
    shell = lab.controller.spawn("sh", "-c", words, log=log)
    with lab.pinging(lab.vms[VM], GATEWAY):
        assert shell.wait(30) == 0
    said = log.read_text()
    assert said.count("ICMP echo") == 3 and "ended by request" in said and "Traceback" not in said


def test_ten_thousand_packets_a_second(lab: Lab) -> None:
    """All are accounted for, and the controller answers all the while."""
    flooded = oam_captures.of_flood(lab, packets=30_000, rate=10_000)
    assert len(flooded.answered_ms) > 10 and flooded.offered > 5_000


def test_one_that_cannot_be_had_is_told(lab: Lab) -> None:
    refused = lab.overlayctl("capture", "port:red-web-2", "port:nobody", "-w", os.devnull, check=False)
    assert (refused.returncode, refused.stderr) == (1, "error: points[1]: there is no port nobody\n")
    refused = lab.overlayctl("capture", "port:red-web-2", "-f", "tcp and not port 80", "-w", os.devnull, check=False)
    assert refused.returncode == 1 and refused.stderr.startswith("error: filter: 'not' cannot be had")
    refused = lab.overlayctl("capture", "port:red-web-2", "--rate", "6000", "-w", os.devnull, check=False)
    assert refused.returncode == 1 and "5000 of 5000 packets a second are left for captures on hv2" in refused.stderr
