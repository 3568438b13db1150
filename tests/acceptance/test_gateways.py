"""Choices around gateways, on real packets: which chassis carries an uplink, external networks in VLANs, members that say no."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mininet_topos.lab import Lab
from mininet_topos.loading import Talking, Trying
from mininet_topos.measure import Capture
from mininet_topos.outside import PHYSICAL_NETWORK, SERVER_ADDRESS
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import INSIDE_VIP, RED_FLOATING, VIP, WAY_OUT
from tests.acceptance import failing_over, outdoors
from tests.acceptance.evidence import Evidence
from tests.acceptance.outdoors import LONG_PORT, MEMBERS, Services, active, member_states, patch, settle
from tests.acceptance.waiting import until

CAPABILITY = "gateways"
TITLE = "gateways: scheduling, preemption, VLANs, members that say no"
pytestmark = pytest.mark.lab

CONNECTIONS = "Connections outlive their gateway"
PREEMPT = "Preemption is a choice"
SCHEDULE = "Uplinks that name no gateways are spread evenly"
VLAN = "An external network in a VLAN"
HTTP = "A member that answers, but not with success"
VLAN_ID, VLAN_GATEWAY, VLAN_UP = 30, "192.0.2.1", "192.0.2.10"
UPLINKS = 9


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(f"g{os.getpid()}", hypervisors=3, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        yield made


@pytest.fixture(scope="module", autouse=True)
def running(lab: Lab) -> Iterator[Services]:
    with outdoors.services(lab) as services:
        outdoors.ready(lab)
        yield services


@pytest.mark.parametrize("tenants_side", [True, False], ids=["from inside", "from outside"])
def test_connections_outlive_their_gateway(lab: Lab, evidence: Evidence, tenants_side: bool) -> None:
    """The controller is stopped and the gateway's ovs-vswitchd killed; none of the connections ends on that chassis."""
    patch(lab, "tenants/red/load-balancers/long/members/m1", {"drained": True})
    patch(lab, "tenants/red/routers/r1/floating-ips/one", {"distributed": False})
    until("hv1 carries red's uplink", lambda: active(lab, "red") == "hv1")
    inside = [("SNAT", lab.vms["red-db-3"], SERVER_ADDRESS), ("SNAT", lab.vms["red-web-2"], SERVER_ADDRESS)]
    outside = [("VIP", lab.server, VIP), ("floating IP", lab.server, RED_FLOATING)]
    ways = [(what, node, target) for what, node, target in (inside if tenants_side else outside) for _ in range(5)]
    try:
        with ExitStack() as stack:
            talks = [stack.enter_context(Talking(node, target, LONG_PORT)) for _, node, target in ways]
            until("all talk", lambda: all(talk.answered for talk in talks))
            lab.controller.stop()
            lab.hypervisors["hv1"].kill_vswitchd()
            until("another gateway in charge", lambda: lab.ping(inside[0][1], SERVER_ADDRESS, count=1, timeout=0.3).received)
            heard = [talk.answered for talk in talks]
            until("all go on", lambda: all(talk.answered > before for talk, before in zip(talks, heard)))
            ended = [(what, talk.end()["ended"]) for (what, *_), talk in zip(ways, talks)]
    finally:
        lab.hypervisors["hv1"].start_vswitchd()
        failing_over.back(lab)
        patch(lab, "tenants/red/load-balancers/long/members/m1", {"drained": False})
        patch(lab, "tenants/red/routers/r1/floating-ips/one", {"distributed": True})
    on = Counter(what for what, end in ended if end == "done")
    assert on.total() == len(ways), ended
    for what, count in on.items():
        evidence.show(CONNECTIONS, f"{what}: TCP connections that went on", count, f"of {count}")


def test_cut_off_gateway_is_silent(lab: Lab, evidence: Evidence) -> None:
    """No tunnel reaches hv1, its link outside is whole, the controller tells it that it is second: it takes nothing back."""
    hv1, vm = lab.hypervisors["hv1"], lab.vms["red-db-3"]
    until("hv1 carries red's uplink", lambda: active(lab, "red") == "hv1")
    try:
        lab.fabric.cut(hv1)
        until("the other gateway is in charge", lambda: active(lab, "red") == "hv2")
        settle(lab)
        until("the server reached", lambda: lab.ping(vm, SERVER_ADDRESS, count=3, interval=0.05).lost == 0)
        with lab.tcpdump(hv1, "ext0", "ether proto 0x8902 and outbound") as beats:
            pings = lab.ping(vm, SERVER_ADDRESS, count=100, interval=0.02)
            said = len(beats.stop())
    finally:
        lab.fabric.mend(hv1)
    until("the preferred gateway is in charge", lambda: active(lab, "red") == "hv1")
    assert (said, pings.lost) == (0, 0)
    evidence.show(PREEMPT, "hv1 cut from the underlay only: frames sent for uplinks", said, "; 100 of 100 pings pass")


@pytest.mark.parametrize("preempt", [True, False])
def test_preferred_gateway_comes_back(lab: Lab, evidence: Evidence, preempt: bool) -> None:
    hv1, uplink = lab.hypervisors["hv1"], "tenants/red/routers/r1/ports/up"
    patch(lab, uplink, {"preempt": preempt})
    until("the preferred gateway is in charge", lambda: active(lab, "red") == "hv1")
    try:
        lab.fabric.cut(hv1)
        until("the other gateway is in charge", lambda: active(lab, "red") == "hv2")
        lab.fabric.mend(hv1)
        # Green's uplink names the same gateways and preempts: when it has moved, red's has had its chance.
        until("the preferred gateway is back", lambda: active(lab, "green") == "hv1")
        settle(lab)
        assert active(lab, "red") == ("hv1" if preempt else "hv2")
        until("the server reached", lambda: lab.ping(lab.vms["red-web-1"], SERVER_ADDRESS, count=3, interval=0.05).lost == 0)
        evidence.show(PREEMPT, f"preempt {preempt}: hv1 gone and back, red's uplink is at", active(lab, "red"))
    finally:
        lab.fabric.mend(hv1)
        patch(lab, uplink, {"preempt": True})
    until("the preferred gateway is in charge", lambda: active(lab, "red") == "hv1")


def test_scheduled(lab: Lab, evidence: Evidence) -> None:
    """Counted by who comes first, as a packet would go."""
    routers = [f"spread-{n}" for n in range(UPLINKS)]
    try:
        for name in routers:
            body = {"name": name, "ports": [{"name": "up", "external": "internet"}]}
            assert lab.rest.post("/v1/tenants/blue/routers", body).status == 201
        settle(lab)
        uplinks = [u for u in lab.rest.get("/v1/uplinks").json["uplinks"] if u["router"] in routers]
        assert len(uplinks) == UPLINKS and {u["state"] for u in uplinks} == {"active"}, uplinks
        carried = Counter(u["active"] for u in uplinks)
    finally:
        for name in routers:
            assert lab.rest.delete(f"/v1/tenants/blue/routers/{name}?cascade=true").status == 204
    settle(lab)
    named = Counter({"hv1": 2, "hv2": 1, "hv3": 0})
    total = {chassis: carried[chassis] + named[chassis] for chassis in lab.hypervisors}
    assert sum(total.values()) == UPLINKS + 3 and set(total.values()) == {(UPLINKS + 3) // 3}, total
    evidence.show(SCHEDULE, "uplinks by chassis, with the 3 that name theirs", dict(sorted(total.items())))


def test_tagged(lab: Lab, evidence: Evidence) -> None:
    """A second router of green's into a VLAN of the same physical network; the VM has a route to it."""
    interface = lab.world.tagged(VLAN_ID, f"{VLAN_GATEWAY}/24")
    vm = lab.vms["green-a-1"]
    subnet, router = "10.1.1.0/24", "10.1.1.250"
    network = {
        "name": "tagged",
        "physical_network": PHYSICAL_NETWORK,
        "vlan": VLAN_ID,
        "subnet": "192.0.2.0/24",
        "gateway": VLAN_GATEWAY,
        "pools": [f"{VLAN_UP}-192.0.2.20"],
    }
    border = {
        "name": "border",
        "ports": [
            {"name": "in", "switch": "a", "addresses": [f"{router}/24"]},
            {"name": "up", "external": "tagged", "addresses": [f"{VLAN_UP}/24"], "gateways": ["hv2"]},
        ],
        "snats": [{"name": "all", "prefixes": [subnet]}],
    }
    assert lab.rest.post("/v1/external-networks", network).status == 201
    try:
        answer = lab.rest.post("/v1/tenants/green/routers", border)
        assert answer.status == 201, answer.text
        settle(lab)
        vm.script(f"ip route replace 192.0.2.0/24 via {router}\n")
        until("the VLAN's router reached", lambda: lab.ping(vm, VLAN_GATEWAY, count=1, timeout=0.5).received)
        with (
            lab.tcpdump(lab.upstream, interface, f"icmp and host {VLAN_UP}") as inside,
            lab.tcpdump(lab.upstream, "out0", f"icmp and host {VLAN_UP}") as untagged,
            lab.tcpdump(lab.hypervisors["hv2"], "ext0", f"vlan {VLAN_ID} and icmp and host {VLAN_UP}") as tagged,
        ):
            assert lab.ping(vm, VLAN_GATEWAY, count=5, interval=0.05).lost == 0
            seen = _counts(inside, tagged, untagged)
    finally:
        removed = lab.rest.delete("/v1/tenants/green/routers/border?cascade=true")
        assert removed.status == 204, removed.text
        vm.script("ip route del 192.0.2.0/24 || true\n")
        assert lab.rest.delete("/v1/external-networks/tagged").status == 204
    settle(lab)
    assert seen == (10, 10, 0)
    evidence.show(VLAN, f"5 pings through SNAT: packets in VLAN {VLAN_ID}, tagged at the gateway, untagged outside", seen)


def test_http_check(lab: Lab, running: Services, evidence: Evidence) -> None:
    """red-db-2 goes on to listen and to answer, with 503: `inside` gives it up, `public`, which only connects, does not."""
    sick = running.running["red-db-2"].sick
    sick.touch()
    try:
        until("the member is down", lambda: member_states(lab, "inside")["m2"] == "down")
        (found,) = [
            m for m in lab.rest.get("/v1/members").json["members"] if (m["load_balancer"], m["member"]) == ("inside", "m2")
        ]
        settle(lab)
        tries = Trying(lab.vms["red-web-1"], INSIDE_VIP, 80, count=200, concurrency=10, every=0.0, request=True).wait()
        assert not tries.failed and set(tries.servers) == MEMBERS - {"red-db-2"}, tries.summary()
        assert member_states(lab, "public")["m2"] == "up" and "503" in str(found), found
        evidence.show(HTTP, "a member answers 503", f"{found['state']}: {found['reason']}", f"; {tries.summary()}")
    finally:
        sick.unlink()
    until("the member is up", lambda: member_states(lab, "inside")["m2"] == "up")


def _counts(*captures: Capture) -> tuple[int, ...]:
    return tuple(len(capture.stop()) for capture in captures)
