"""The engine and the way out: restarts that change nothing, announcements, neighbours, gateways, members that fall."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from ryu_overlay.engine.events import Effect, MembersJudged, PlanTunnels, Send
from ryu_overlay.engine.neighbours import TRIES
from ryu_overlay.fabric.facts import Patch
from ryu_overlay.openflow.actions import Resubmit, SetField, encode_actions
from ryu_overlay.pipeline.registers import DATAPATH, HOME, IN_LPORT
from ryu_overlay.pipeline.tables import LR_IN_ADMIT
from tests.unit.engine.outdoors import (
    GATEWAY,
    GATEWAY_MAC,
    MEMBER,
    NEIGHBOUR,
    NEIGHBOUR_MAC,
    UPLINK,
    arps,
    frames,
    heard,
    outdoors,
    unresolved,
    uplink,
)
from tests.unit.engine.world import World, sends

UP = ("t1", "r", "up")


@pytest.fixture
def world() -> World:
    """At rest, with the gateway's and a neighbour's MAC learned and a member that is down."""
    made = outdoors()
    made.step(unresolved(1, NEIGHBOUR))
    made.tick()
    made.step(heard(1, GATEWAY, GATEWAY_MAC), heard(1, NEIGHBOUR, NEIGHBOUR_MAC), MembersJudged(frozenset({MEMBER})))
    made.settle()
    made.tick()
    made.settle()
    return made


def test_it_converges_and_remembers(world: World) -> None:
    world.assert_converged()
    assert world.engine.uplinks.gateways == {UP: ("hv1", "hv2")}
    assert world.remembered_notes == {
        "gateways/u-up": '["hv1", "hv2"]',
        "neighbour/u-internet/203.0.113.1": GATEWAY_MAC,
        "neighbour/u-internet/203.0.113.200": NEIGHBOUR_MAC,
        "member/u-a": "down",
        "mtu/hv1": "1500",
        "mtu/hv2": "1500",
        "mtu/hv3": "1400",
    }


@pytest.mark.parametrize("early", [0, 1, 3])
@pytest.mark.parametrize("order", list(permutations(("hv1", "hv2", "hv3"))), ids="-".join)
def test_a_restarted_controller_sends_nothing(world: World, order: tuple[str, ...], early: int) -> None:
    """Whoever reports first: what others map, who is gateway, who is known outside and which members are down is remembered."""
    world.restart()
    effects = []
    for number, name in enumerate(order):
        if number == early:
            effects += world.load()
        effects += world.report(name) + world.connect(name) + world.settle()
    if early == len(order):
        effects += world.load() + world.settle()
    assert not sends(effects)
    assert all(e.tunnels for e in effects if isinstance(e, PlanTunnels))
    world.assert_converged()
    notes = dict(world.remembered_notes)
    assert not frames(world.tick() + world.settle())
    assert world.remembered_notes == notes


@pytest.mark.parametrize("named", [(), ("hv1", "hv2")], ids=["scheduled", "named"])
@pytest.mark.parametrize("order", list(permutations(("hv1", "hv2", "hv3"))), ids="-".join)
def test_a_restarted_controller_keeps_what_was_decided_in_a_failure(order: tuple[str, ...], named: tuple[str, ...]) -> None:
    """hv1's way out is cut, which nobody knows before it reports."""
    world = outdoors(uplink(*named))
    world["hv1"].patches = {"physnet1": Patch(500, False)}
    world.report("hv1")
    world.settle()
    assert world.engine.uplinks.gateways == {UP: ("hv2", "hv1")}
    world.restart()
    effects = world.load()
    for name in order:
        effects += world.report(name) + world.connect(name) + world.settle()
    assert not sends(effects)
    assert world.engine.uplinks.gateways == {UP: ("hv2", "hv1")}
    world["hv1"].patches = {"physnet1": Patch(500, True)}
    world.report("hv1")
    assert world.engine.uplinks.gateways == {UP: named or ("hv2", "hv1")}


def test_after_a_restart_one_that_is_dead_does_not_go_on() -> None:
    """hv1 went down with the controller: those that reach it by tunnel tell."""
    world = outdoors(uplink("hv1", "hv2"))
    hv1 = world["hv1"].encap_ip
    world.restart()
    world.load()
    assert world.engine.uplinks.gateways == {UP: ("hv1", "hv2")}
    world["hv3"].tunnels[hv1] = replace(world["hv3"].tunnels[hv1], up=False)
    world.report("hv3")
    assert world.engine.uplinks.gateways == {UP: ("hv2", "hv1")}


def test_the_smallest_mtu_counts_from_the_first_report_on() -> None:
    world = World(2)
    world["hv1"].mappings = {"physnet1": "br-ex"}
    world["hv2"].mtu, world["hv2"].mappings = 1400, {"physnet1": "br-ex"}
    world.load()
    world.report("hv1")
    assert world.engine.mtu == 1450
    world.report("hv2")
    assert world.engine.mtu == 1350
    world.lose("hv2", left=True)
    assert world.engine.mtu == 1450


def test_gateways_change_places(world: World) -> None:
    world["hv1"].patches = {"physnet1": Patch(500, False)}
    effects = world.report("hv1") + world.settle()
    own = [("203.0.113.11",) * 2, ("203.0.113.21",) * 2, ("203.0.113.102",) * 2]
    assert sorted(arps(effects)) == sorted((2, *pair) for pair in own), "a floating IP at home does not move"
    assert sorted(arps(world.tick())) == sorted((2, *pair) for pair in own), "once more, should one be lost"
    assert not arps(world.tick())
    world.assert_converged()
    world["hv1"].patches = {"physnet1": Patch(500, True)}
    effects = world.report("hv1") + world.settle()
    assert not arps(effects), "they were scheduled, so none is preferred"


@pytest.mark.parametrize("preempt", [True, False])
def test_a_preferred_gateway_takes_over_again_if_it_may(preempt: bool) -> None:
    world = outdoors(uplink("hv1", "hv2", preempt=preempt))
    assert world.engine.uplinks.gateways == {UP: ("hv1", "hv2")}
    for up, first in ((False, "hv2"), (True, "hv1" if preempt else "hv2")):
        world["hv1"].patches = {"physnet1": Patch(500, up)}
        world.report("hv1")
        world.settle()
        assert world.engine.uplinks.gateways[UP][0] == first
        world.assert_converged()


def test_a_gateway_that_nobody_reaches_by_tunnel_is_not_the_first(world: World) -> None:
    hv1 = world["hv1"].encap_ip
    for name in ("hv2", "hv3"):
        world[name].tunnels[hv1] = replace(world[name].tunnels[hv1], up=False)
        world.report(name)
    assert world.engine.uplinks.gateways == {UP: ("hv2", "hv1")}
    world["hv3"].tunnels[hv1] = replace(world["hv3"].tunnels[hv1], up=True)
    world["hv2"].tunnels[hv1] = replace(world["hv2"].tunnels[hv1], up=True)
    world.report("hv2", "hv3")
    world.settle()
    world.assert_converged()


def test_a_floating_ip_moves_with_its_port(world: World) -> None:
    del world["hv1"].vifs["t1-p1"]
    world["hv2"].plug("t1-p1")
    effects = world.report("hv2") + world.report("hv1") + world.settle()
    assert arps(effects) == [(2, "203.0.113.101", "203.0.113.101")]
    del world["hv2"].vifs["t1-p1"]
    world["hv3"].plug("t1-p1")
    effects = world.report("hv3") + world.report("hv2") + world.settle()
    assert arps(effects) == [(1, "203.0.113.101", "203.0.113.101")], "hv3 has no way out, so the gateway has it"
    world.assert_converged()


def test_who_needs_a_neighbour_waits_for_it_and_is_sent_on(world: World) -> None:
    address = NEIGHBOUR + 1
    assert arps(world.step(unresolved(2, address, b"first"))) == [(1, "203.0.113.11", str(address))], "asked by who carries it"
    assert not frames(world.step(unresolved(2, address, b"second"))), "asked already"
    assert not frames(world.step(heard(1, NEIGHBOUR + 2, "02:aa:00:00:00:09"))), "a stranger is no news"
    effects = world.step(heard(1, address, "02:aa:00:00:00:03"))
    assert frames(effects) == [(2, b"second")], "by the bridge that had it; one waits for each address"
    world.settle()
    world.assert_converged()
    assert world.remembered_notes[f"neighbour/u-internet/{address}"] == "02:aa:00:00:00:03"


def test_whose_next_hop_does_not_answer_is_told_through_the_border() -> None:
    """The packet is translated already, so the error goes in by the uplink: conntrack finds out whose connection it is of."""
    world = outdoors()
    outer = Ether(src="02:00:00:01:00:80", dst=GATEWAY_MAC) / IP(src="203.0.113.11", dst="203.0.113.200") / UDP(sport=2000)
    world.step(unresolved(2, NEIGHBOUR, bytes(outer)))
    told: list[Effect] = []
    for _ in range(TRIES + 2):
        told += [e for e in world.tick() if isinstance(e, Send) and e.dpid == 2]
    (send,) = told
    assert isinstance(send, Send)
    (message,) = send.messages
    actions = encode_actions(
        (SetField(DATAPATH.field, 110), SetField(IN_LPORT.field, UPLINK), SetField(HOME.field, 1), Resubmit(LR_IN_ADMIT.number))
    )
    assert message[24 : 24 + len(actions)] == actions
    reply = Ether(message[24 + len(actions) :])
    assert (reply[ICMP].type, reply[ICMP].code) == (3, 1)
    assert (reply[IP].src, reply[IP].dst) == ("203.0.113.11", "203.0.113.11")
    assert bytes(reply[ICMP].payload).startswith(bytes(outer)[14:])


def test_what_is_heard_elsewhere_or_is_no_arp_does_no_harm(world: World) -> None:
    known = dict(world.engine.outside.neighbours.macs)
    for event in (
        replace(heard(1, GATEWAY, NEIGHBOUR_MAC), network=UPLINK),
        replace(heard(1, GATEWAY, NEIGHBOUR_MAC), network=77),
        replace(heard(1, GATEWAY, NEIGHBOUR_MAC), frame=b"no arp"),
        heard(1, GATEWAY + 0x1000, NEIGHBOUR_MAC),
        replace(unresolved(1, NEIGHBOUR + 5), network=77),
        unresolved(1, GATEWAY + 0x1000),
    ):
        assert not frames(world.step(event))
    assert world.engine.outside.neighbours.macs == known


def test_a_network_that_goes_takes_its_neighbours_and_questions_along(world: World) -> None:
    world.step(unresolved(1, NEIGHBOUR + 1))
    gone = [world.network.tables[kind] for kind in ("floating_ip", "snat", "load_balancer", "member")]
    up = world.network.tables["router_port"][UP]
    world.edit(deletes=(*(obj for table in gone for obj in table.values()), up))
    world.edit(deletes=(world.network.tables["external_network"]["internet",],))
    world.tell()
    for _ in range(5):
        assert not frames(world.tick())
    world.settle()
    world.assert_converged()
    assert {note.partition("/")[0] for note in world.remembered_notes} == {"mtu"}


def test_members_that_fall_are_forgotten_by_conntrack_where_clients_are(world: World) -> None:
    other = MEMBER + 2
    effects = world.step(MembersJudged(frozenset({MEMBER, other})))
    flushes = {s.dpid: [m for m in s.messages if m[1] == 4] for s in sends(effects) if any(m[1] == 4 for m in s.messages)}
    assert flushes.keys() == {1, 2, 3}
    zones = [[int.from_bytes(m[-4:-2], "big") for m in found] for found in flushes.values()]
    assert zones == [[1, 65535]] * 3, "the tenant's, and the uplink's, of the one that is new"
    world.settle()
    world.assert_converged()
    assert not [m for s in sends(world.step(MembersJudged(frozenset({MEMBER, other})))) for m in s.messages if m[1] == 4]
    assert not [m for s in sends(world.step(MembersJudged(frozenset()))) for m in s.messages if m[1] == 4], "who comes back"
    world.settle()
    assert "member/u-a" not in world.remembered_notes
    world.assert_converged()
