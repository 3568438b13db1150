"""What the engine knows of where things are, in the words of traces."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ryu_overlay.engine.events import ChassisReported, MembersJudged
from ryu_overlay.engine.knowledge import facts, world
from ryu_overlay.fabric.facts import VXLAN_OVERHEAD
from tests.unit.engine.outdoors import (
    GATEWAY,
    GATEWAY_MAC,
    MEMBER,
    heard,
    outdoors,
)
from tests.unit.engine.world import World


@pytest.fixture
def out() -> World:
    return outdoors()


def learn(out: World) -> None:
    """The external network's gateway is asked for, and answers."""
    out.tick()
    out.step(heard(1, GATEWAY, GATEWAY_MAC))


def test_where_ports_tunnels_and_physical_networks_are(out: World) -> None:
    known = world(out.engine)
    ofports = {vif.iface_id: vif.ofport for hv in out.hypervisors.values() for vif in hv.vifs.values()}
    assert dict(known.bound) == {
        "t1-p1": ("hv1", ofports["t1-p1"]),
        "t1-p2": ("hv2", ofports["t1-p2"]),
        "t1-p3": ("hv3", ofports["t1-p3"]),
        "t1-p4": ("hv3", ofports["t1-p4"]),
    }
    assert dict(known.places.vifs) == {where: name for name, where in known.bound.items()}
    assert dict(known.places.tunnels) == {
        (here, port.ofport): other.name
        for here, hv in out.hypervisors.items()
        for other in out.hypervisors.values()
        if (port := hv.tunnels.get(other.encap_ip)) is not None
    }
    assert len(known.places.tunnels) == 6
    assert dict(known.places.patches) == {(name, out[name].patches["physnet1"].ofport): "physnet1" for name in ("hv1", "hv2")}
    assert [name for name, _ in known.patches("physnet1")] == ["hv1", "hv2"] and not list(known.patches("physnet2"))


def test_programs_network_and_gateways_are_the_engine_s(out: World) -> None:
    known = world(out.engine)
    assert known.network is out.engine.network and known.programs is out.engine.programs
    assert known.gateways == out.engine.uplinks.gateways
    assert set(known.gateways["t1", "r", "up"]) == {"hv1", "hv2"}
    assert known.placements == dict(out.engine.bindings.placements)
    assert known.connected == {"hv1", "hv2", "hv3"}


def test_who_is_not_connected(out: World) -> None:
    out.disconnect("hv2")
    assert world(out.engine).connected == {"hv1", "hv3"}
    assert world(out.engine).bound["t1-p2"][0] == "hv2", "it is still bound there"
    out.connect("hv2")
    assert world(out.engine).connected == {"hv1", "hv2", "hv3"}


def test_a_port_whose_chassis_has_not_said_where_it_is(out: World) -> None:
    """A controller that starts anew remembers on which chassis ports are, and not where there."""
    out.restart()
    out.load()
    spots = {spot.chassis: spot.ofport for p in out.engine.bindings.placements.values() for spot in p.spots.values()}
    assert spots == {"hv1": None, "hv2": None, "hv3": None}
    known = world(out.engine)
    assert (dict(known.bound), dict(known.places.vifs), known.connected) == ({}, {}, frozenset())
    out.report("hv1")
    assert dict(world(out.engine).bound) == {"t1-p1": ("hv1", out["hv1"].vifs["t1-p1"].ofport)}


def test_a_port_that_is_unplugged(out: World) -> None:
    del out["hv1"].vifs["t1-p1"]
    out.step(ChassisReported(out["hv1"].facts))
    assert "t1-p1" not in world(out.engine).bound


def test_a_tunnel_to_nobody_that_is_known(out: World) -> None:
    strange = IPv4Address("172.31.9.9")
    out["hv1"].tunnels[strange] = replace(out["hv1"].tunnels[out["hv2"].encap_ip], ofport=77)
    out.step(ChassisReported(out["hv1"].facts))
    assert ("hv1", 77) not in world(out.engine).places.tunnels


def test_ports_of_a_switch_that_is_gone(out: World) -> None:
    known = world(out.engine)
    port = out.network.port_by_name["t1-p2"]
    out.edit(deletes=(out.network.tables["member"]["t1", "lb", "a"], out.network.tables["member"]["t1", "inner", "a"], port))
    out.tell()
    assert "t1-p2" in known.bound and "t1-p2" not in world(out.engine).bound


def test_facts_beyond_the_network(out: World) -> None:
    found = facts(out.engine, out.network)
    assert found.mtu == 1400 - VXLAN_OVERHEAD, "the least of all underlays"
    assert found.neighbours == {} or all(not macs for macs in found.neighbours.values())
    learn(out)
    assert facts(out.engine, out.network).neighbours == {("internet",): {GATEWAY: GATEWAY_MAC}}
    assert world(out.engine).facts == facts(out.engine, out.network)


def test_members_that_are_not_in_service(out: World) -> None:
    assert facts(out.engine, out.network).out_of_service == frozenset()
    out.step(MembersJudged(frozenset({MEMBER})))
    assert facts(out.engine, out.network).out_of_service == {MEMBER}
    out.step(MembersJudged(frozenset()))
    del out["hv3"].vifs["t1-p4"]
    out.step(ChassisReported(out["hv3"].facts))
    assert facts(out.engine, out.network).out_of_service == {MEMBER + 2}, "it is bound nowhere"


def test_what_was_told_does_not_change_later(out: World) -> None:
    known = world(out.engine)
    before = known.bound, known.facts, known.placements, known.connected
    learn(out)
    out.disconnect("hv1")
    del out["hv3"].vifs["t1-p4"]
    out.step(ChassisReported(out["hv3"].facts))
    assert (known.bound, known.facts, known.placements, known.connected) == before
    assert "t1-p4" in known.bound and not known.facts.neighbours.get(("internet",))
