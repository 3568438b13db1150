"""The world outside of a lab, and the programs that make load; no overlay: `br-ex` carries the hypervisors' own addresses."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.loading import Attempt, Serving, Talking, Tries, Trying, connect
from mininet_topos.outside import FAR_GATEWAY, SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.processes import wait_until
from mininet_topos.scenarios_out import WAY_OUT, way_out

if TYPE_CHECKING:
    from tests.lab.conftest import LabMaker


@pytest.fixture
def lab(make_lab: LabMaker) -> Lab:
    """Two hypervisors; hv1 is on the outside, with an address there."""
    made = make_lab(hypervisors=2, controller_app=None, external=("hv1",))
    hv1 = made.hypervisors["hv1"]
    hv1.script(
        "ip address add 203.0.113.11/24 dev br-ex\nip link set br-ex up\n"
        f"ip route add default via {UPSTREAM_ADDRESS}\necho 100 > /proc/sys/net/ipv4/neigh/br-ex/retrans_time_ms\n"
    )
    return made


@pytest.fixture
def hv1(lab: Lab) -> Hypervisor:
    return lab.hypervisors["hv1"]


def test_the_server_is_reached_through_the_upstream(lab: Lab, hv1: Hypervisor) -> None:
    found = lab.ping(hv1, SERVER_ADDRESS, count=3, size=1500, dont_fragment=True)
    assert found.lost == 0 and {reply.ttl for reply in found.replies} == {63}
    hops = hv1.run("traceroute", "-n", "-q", "1", SERVER_ADDRESS).stdout
    assert UPSTREAM_ADDRESS in hops and SERVER_ADDRESS in hops
    assert lab.server.run("traceroute", "-n", "-q", "1", "203.0.113.11").stdout.count(FAR_GATEWAY) == 1
    assert "br-ex" not in lab.hypervisors["hv2"].vsctl("list-br")


def test_upstream_alone_forwards(lab: Lab, hv1: Hypervisor) -> None:
    for node, forwards in ((lab.upstream, "1"), (lab.server, "0"), (hv1, "0")):
        assert node.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout.strip() == forwards


def test_the_external_link_is_cut_from_either_side(lab: Lab, hv1: Hypervisor) -> None:
    sides = [
        (partial(hv1.external, False), partial(hv1.external, True)),
        (partial(lab.world.outside.cut, hv1), partial(lab.world.outside.mend, hv1)),
    ]
    for cut, mend in sides:
        assert lab.ping(hv1, UPSTREAM_ADDRESS, count=1).lost == 0
        cut()
        assert lab.ping(hv1, UPSTREAM_ADDRESS, count=2, timeout=0.3).received == 0
        mend()
        wait_until(lambda: lab.ping(hv1, UPSTREAM_ADDRESS, count=1, timeout=0.3).received, 5, "ping after the flap")


def test_joining_says_what_is_mapped(lab: Lab, hv1: Hypervisor) -> None:
    def mapping(host: Hypervisor) -> str:
        return host.vsctl("--if-exists", "get", "Open_vSwitch", ".", "external_ids:overlay-bridge-mappings").strip().strip('"')

    for host in lab.hypervisors.values():
        host.join("172.31.255.1")
    assert mapping(hv1) == "physnet1:br-ex" and mapping(lab.hypervisors["hv2"]) == ""
    hv1.map_external(False)
    assert mapping(hv1) == ""
    hv1.map_external(True)
    assert mapping(hv1) == "physnet1:br-ex"
    with pytest.raises(LookupError, match="hv2 has no external network"):
        lab.hypervisors["hv2"].map_external(True)


def test_the_upstream_has_a_foot_in_a_vlan(lab: Lab, hv1: Hypervisor) -> None:
    assert lab.world.tagged(7, "192.0.2.1/24") == "out7"
    hv1.vsctl("add-port", "br-ex", "seven", "tag=7", "--", "set", "Interface", "seven", "type=internal")
    hv1.script("ip address add 192.0.2.2/24 dev seven\nip link set seven up\n")
    with lab.tcpdump(hv1, "ext0", "vlan 7 and icmp") as capture:
        assert lab.ping(hv1, "192.0.2.1").lost == 0
        assert len(capture.wait_for(6)) == 6


def test_every_connection_is_told_by_whom_and_how_it_was_answered(lab: Lab, hv1: Hypervisor) -> None:
    with Serving(lab.server, tcp=[80], udp=[53], http=[8080]) as serving:
        tries = connect(hv1, SERVER_ADDRESS, 80, 500)
        assert (len(tries.good), tries.servers, tries.sources) == (500, {"server": 500}, {"203.0.113.11"})
        assert 0 < tries.latency(0.5) <= tries.latency(0.99) <= tries.latency(1.0) and tries.rate > 100
        assert not Trying(hv1, SERVER_ADDRESS, 53, udp=True, count=50, every=0.0).wait().failed
        assert not Trying(hv1, SERVER_ADDRESS, 8080, request=True, count=50, every=0.0).wait().failed
        serving.sick.touch()
        sick = Trying(hv1, SERVER_ADDRESS, 8080, request=True, count=5, every=0.0).wait()
        assert sick.failed == {"status 503": 5}
        assert connect(hv1, SERVER_ADDRESS, 81, 20).failed == {"refused": 20}
        assert connect(hv1, "203.0.113.99", 80, 2, timeout=0.2).failed.keys() <= {"timeout", "unreachable"}


def test_an_outage_is_as_long_as_it_was(lab: Lab, hv1: Hypervisor) -> None:
    with (
        Serving(lab.server, tcp=[80], echo=[7]),
        Trying(hv1, SERVER_ADDRESS, 80) as trying,
        Talking(hv1, SERVER_ADDRESS, 7) as talk,
    ):
        wait_until(lambda: lab.ping(hv1, SERVER_ADDRESS, count=10).received, 5, "tries under way")
        at = time.monotonic()
        hv1.external(False)
        lab.ping(hv1, SERVER_ADDRESS, count=6, interval=0.1, timeout=0.1)
        hv1.external(True)
        cut = time.monotonic() - at
        wait_until(lambda: lab.ping(hv1, SERVER_ADDRESS, count=10, timeout=0.3).received == 10, 5, "tries again")
        outage = trying.end().outage(at)
        talked = talk.end()
    assert cut - 0.1 <= outage <= cut + 1.0
    assert talked["ended"] == "done" and 0 < talked["answered"] <= talked["sent"] <= talked["answered"] + 1


def test_outages_are_found_in_lists() -> None:
    good = [Attempt(at / 10, 0.01, "s", None, None) for at in (0, 1, 2, 7, 8)]
    bad = [Attempt(at / 10, 0.5, None, None, "timeout") for at in (3, 4, 5, 6)]
    assert Tries([*good, *bad]).outage() == pytest.approx(0.5)
    assert Tries([*good, *bad]).outage(since=0.75) == pytest.approx(0.1)
    lasting = Attempt(2.0, 0.5, None, None, "timeout")
    assert Tries([*good, lasting]).outage(since=0.75) == pytest.approx(1.2)
    assert Tries(bad).outage() == Tries(good).outage(since=1.0) == float("inf")


def test_the_way_out_places_every_port() -> None:
    assert (WAY_OUT.external, way_out(centralised=True).external) == (("hv1", "hv2", "hv3"), ("hv1", "hv2"))
    ports = [port["name"] for tenant in WAY_OUT.tenants for switch in tenant["switches"] for port in switch["ports"]]
    assert sorted(guest.name for guest in WAY_OUT.guests()) == sorted(ports)
    floating = {f["port"] for tenant in WAY_OUT.tenants for router in tenant["routers"] for f in router.get("floating_ips", ())}
    assert floating == {"red-web-3", "blue-web-1", "green-b-1"} <= set(ports)
    assert set(WAY_OUT.document) == {"external_networks", "tenants"}
