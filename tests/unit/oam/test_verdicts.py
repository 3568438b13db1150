"""Every verdict there is, from faults of bridges, of what is between them, and of guests: whole traces in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.fabric.placement import Placement
from ryu_overlay.model.objects import Ref
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import LAYERS, MEANINGS, Kind, Verdict
from ryu_overlay.oam.world import World
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Flow, make_match
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, LS_IN_SECURITY, LS_OUT_PORT, PHY_IN_PORT, PHY_IN_TUNNEL, PHY_OUT
from tests.unit.oam.asked import NET, Tenants, changed
from tests.unit.oam.bridges import Bridges, arp_reply, compiled, host_outside, tunnel, world

MARK, GROUP = 1 << 23, 0x01
WEB, DB = "red-web-1", "red-db-3"
Fault = Callable[[Bridges], Report]
FAULTS: list[tuple[str, Fault, Verdict]] = []


def fault(kind: Kind, sentence: str, **where: object) -> Callable[[Fault], Fault]:
    """Register what comes of a fault. What is not said is not looked at, but for the direction."""

    def register(made: Fault) -> Fault:
        FAULTS.append((made.__name__, made, Verdict(kind, sentence, **where)))  # type: ignore[arg-type]
        return made

    return register


def serving() -> Bridges:
    made = Bridges(outside=host_outside)
    made.serve()
    return made


def lost(count: int) -> Callable[[str, str, int, bytes], bool]:
    """Loses the first so many marked frames."""
    left = [count]

    def passes(here: str, there: str, vni: int, frame: bytes) -> bool:
        left[0] -= bool(vni & MARK)
        return not vni & MARK or left[0] < 0

    return passes


@fault("ok", "delivered to red-db-3; an answer from there comes back")
def all_is_well(b: Bridges) -> Report:
    return b.trace(WEB, DB, deliver=True)


@fault(
    "answered",
    "answered by router-port red/r1/web: ICMP time exceeded in transit",
    object="router-port red/r1/web",
    reason="ttl_exceeded",
)
def it_is_too_old(b: Bridges) -> Report:
    return b.trace(WEB, DB, ttl=1)


@fault(
    "dropped",
    "dropped on hv1 (spoofed_ip of port red/web/red-web-1): sent from an IPv4 address that is not the port's",
    chassis="hv1",
    object="port red/web/red-web-1",
    reason="spoofed_ip",
)
def it_is_spoofed(b: Bridges) -> Report:
    return b.trace(WEB, DB, source="10.0.1.99")


@fault("lost_in_underlay", "lost between hv1 and hv3 (tunnel sent, not received)", chassis="hv1", peer="hv3")
def the_tunnel_is_cut(b: Bridges) -> Report:
    b.passes = lambda here, there, *_: there != "hv3"
    return b.trace(WEB, DB)


@fault("lost_in_underlay", "lost between hv3 and hv1 (tunnel sent, not received)", direction="back", chassis="hv3", peer="hv1")
def the_tunnel_is_cut_one_way(b: Bridges) -> Report:
    b.passes = lambda here, there, *_: there != "hv1"
    return b.trace(WEB, DB, deliver=True)


@fault("vni_lost", f"VNI {NET.switch_views['red', 'db'].switch.vni} is lost between hv1 and hv3; other VNIs pass", peer="hv3")
def the_fabric_filters_a_network(b: Bridges) -> Report:
    b.passes = lambda here, there, vni, frame: bool(vni & MARK)
    return b.trace(WEB, DB)


@fault(
    "probe_vni_lost",
    f"probes are lost between hv1 and hv3, though VNI {NET.switch_views['red', 'db'].switch.vni} passes",
    peer="hv3",
)
def the_fabric_filters_probes(b: Bridges) -> Report:
    b.passes = lambda here, there, vni, frame: not vni & MARK
    return b.trace(WEB, DB)


@fault("mtu_hole", "lost between hv1 and hv3: packets above 1203 bytes do not pass", chassis="hv1", peer="hv3", size=1203)
def large_packets_do_not_pass(b: Bridges) -> Report:
    b.passes = lambda here, there, vni, frame: len(frame) <= 1217
    return b.trace(WEB, DB, full_size=1450)


@fault("lossy", "1 of 3 were lost between hv1 and hv3", chassis="hv1", peer="hv3")
def some_packets_do_not_pass(b: Bridges) -> Report:
    b.passes = lost(1)
    return b.trace(WEB, DB)


@fault("lossy", "1 of 2 were lost between hv1 and hv3", chassis="hv1", peer="hv3")
def one_is_lost_while_it_is_delivered(b: Bridges) -> Report:
    lose = lost(1)
    b.passes = lambda here, there, vni, frame: not frame[6] & GROUP or lose(here, there, vni, frame)
    return b.trace(WEB, DB, deliver=True)


@fault("lossy", "1 of 3 were lost between hv3 and hv1", direction="back", chassis="hv3", peer="hv1")
def a_guest_s_answer_is_lost_once(b: Bridges) -> Report:
    seen = [0]

    def passes(here: str, there: str, vni: int, frame: bytes) -> bool:
        seen[0] += here == "hv3" and bool(vni & MARK)
        return seen[0] != 2 or not vni & MARK

    b.passes = passes
    return b.trace(WEB, DB, deliver=True)


@fault("wrong_vtep", "sent by hv1 into the tunnel to hv3, received by hv2", chassis="hv1", peer="hv3")
def the_fabric_brings_it_elsewhere(b: Bridges) -> Report:
    b.exits = {"hv3": "hv2"}
    return b.trace(WEB, DB)


@fault(
    "chassis_away",
    "sent by hv1 into the tunnel to hv3, whose vswitch is not connected",
    chassis="hv1",
    peer="hv3",
)
def the_other_end_is_away(b: Bridges) -> Report:
    b.away("hv3")
    return b.trace(WEB, DB)


@fault("switch_silent", "sent by hv1 into the tunnel to hv3, whose vswitch does not answer", chassis="hv1", peer="hv3")
def the_other_end_is_silent(b: Bridges) -> Report:
    b.silent = {"hv3"}
    return b.trace(WEB, DB)


@fault("switch_silent", "the vswitch of hv1 was given the packet, and told nothing", chassis="hv1")
def where_it_begins_is_silent(b: Bridges) -> Report:
    b.silent = {"hv1"}
    return b.trace(WEB, DB)


@fault("switch_silent", "the vswitch of hv1 and hv2 and hv3 was given the packet, and told nothing", chassis="hv1")
def all_that_are_on_the_wire_are_silent(b: Bridges) -> Report:
    b.silent = {"hv1", "hv2", "hv3"}
    return b.trace("outside:internet", "203.0.113.33")


@fault("switch_silent", "the vswitch of hv1, where it was seen last, does not answer", chassis="hv1")
def it_falls_silent_on_the_way(b: Bridges) -> Report:
    b.hears = silent_after(b, LS_IN_SECURITY.number, 1)
    return b.trace(WEB, DB)


@fault("switch_silent", "the vswitch of hv2, where it was seen last, does not answer", chassis="hv2")
def it_falls_silent_while_it_holds_the_packet(b: Bridges) -> Report:
    b.hears = silent_after(b, LR_IN_ADMIT.number, 3)
    return b.trace("green-b-2", "198.51.100.10")


@fault("chassis_away", "hv1, where it was seen last, is not connected", chassis="hv1")
def it_goes_away_on_the_way(b: Bridges) -> Report:
    def hears(chassis: str, data: bytes) -> bool:
        if data[15] == LS_IN_SECURITY.number:
            b.away("hv1")
        return True

    b.hears = hears
    return b.trace(WEB, DB)


def silent_after(b: Bridges, table: int, times: int) -> Callable[[str, bytes], bool]:
    """A bridge that says nothing any more once it has told so often of a table."""
    told = [times]

    def hears(chassis: str, data: bytes) -> bool:
        told[0] -= data[15] == table
        if not told[0]:
            b.silent.add(chassis)
        return True

    return hears


@fault("lost_in_bridge", "seen in table ls_out_balance of hv3, and nowhere after it", chassis="hv3")
def a_bridge_loses_it(b: Bridges) -> Report:
    b.hears = lambda chassis, data: not (chassis == "hv3" and data[15] == PHY_OUT.number)
    return b.trace(WEB, DB)


@fault("no_gateway", "hv3 finds no gateway of the uplink alive", chassis="hv3")
def no_gateway_is_alive(b: Bridges) -> Report:
    b.bridges["hv3"].down = {tunnel("hv1"), tunnel("hv2")}
    return b.trace("blue-db-3", "198.51.100.10")


@fault("not_bound", "dropped on hv1 (not_bound of port red/db/red-db-3)", chassis="hv1", object="port red/db/red-db-3")
def the_other_port_is_bound_nowhere(b: Bridges) -> Report:
    b.load(unbound(DB))
    return b.trace(WEB, DB)


def unbound(*names: str) -> World:
    """The world in which these ports are bound nowhere."""
    known, placements = compiled()[0], dict[Ref, Placement]()
    keys = {NET.port_by_name[name].key for name in names}
    for ref, placement in known.placements.items():
        placements[ref] = Placement({key: spot for key, spot in placement.spots.items() if key not in keys})
    now = world()
    programs = compile_all(NET, replace(known, placements=placements), Limits())
    return replace(now, programs=programs, placements=placements, bound={n: at for n, at in now.bound.items() if n not in names})


def to_db(flow: Flow) -> bool:
    """The flow that hands packets to DB on its own chassis."""
    found = {item[0]: item[1] for item in flow.match}
    return flow.table == LS_OUT_PORT.number and NET.port_by_name[DB].key in found.values() and flow.priority < 65000


def _install(b: Bridges, edit: Callable[[list[Flow]], list[Flow]], name: str = "hv3") -> Report:
    b.install(name, edit)
    return b.trace(WEB, DB)


@fault(
    "flow_missing",
    "no flow for port red/db/red-db-3 in table ls_out_port of hv3, though the model has one",
    chassis="hv3",
    object="port red/db/red-db-3",
)
def a_flow_is_missing(b: Bridges) -> Report:
    return _install(b, lambda flows: [flow for flow in flows if not to_db(flow)])


@fault(
    "flow_altered",
    "the flow for port red/db/red-db-3 in table ls_out_port of hv3 is not what it should be",
    chassis="hv3",
    object="port red/db/red-db-3",
)
def a_flow_is_altered(b: Bridges) -> Report:
    return _install(b, lambda flows: [replace(flow, instructions=Instructions()) if to_db(flow) else flow for flow in flows])


@fault(
    "flow_foreign",
    "a foreign flow in table ls_out_port of hv3 stands before the one for port red/db/red-db-3",
    chassis="hv3",
    object="port red/db/red-db-3",
)
def a_foreign_flow_stands_before_it(b: Bridges) -> Report:
    return _install(b, lambda flows: [*flows, Flow(LS_OUT_PORT.number, 60000, (), Instructions(), 7)])


@fault("flow_missing", "no flow for phy_in_port in table phy_in_port of hv3, though the model has one", chassis="hv3")
def the_tunnel_s_flow_is_missing(b: Bridges) -> Report:
    def edit(flows: list[Flow]) -> list[Flow]:
        return [f for f in flows if f.table != PHY_IN_PORT.number or (IN_PORT, tunnel("hv1"), None) not in f.match]

    return _install(b, edit)


@fault("flow_foreign", "a foreign flow in table phy_in_port of hv1 stands before the one for phy_in_port", chassis="hv1")
def a_foreign_flow_takes_all_that_comes(b: Bridges) -> Report:
    return _install(b, lambda flows: [*flows, Flow(PHY_IN_PORT.number, 65535, (), Instructions(), 7)], "hv1")


@fault("flow_missing", "no flow for phy_in_tunnel in table phy_in_tunnel of hv3, though the model has one", chassis="hv3")
def probes_are_not_known_behind_tunnels(b: Bridges) -> Report:
    marked = (TUN_ID, MARK, MARK)
    return _install(b, lambda flows: [f for f in flows if f.table != PHY_IN_TUNNEL.number or marked not in f.match])


@fault("flow_foreign", "a foreign flow in table phy_in_tunnel of hv3 stands before the one for switch red/db", chassis="hv3")
def a_foreign_flow_takes_all_that_comes_by_tunnels(b: Bridges) -> Report:
    return _install(b, lambda flows: [*flows, Flow(PHY_IN_TUNNEL.number, 65535, make_match({}), Instructions(), 7)])


@fault("group_altered", "the group for load-balancer red/near on hv1 is missing or not what it should be", chassis="hv1")
def a_group_is_missing(b: Bridges) -> Report:
    b.bridges["hv1"].groups.clear()
    return b.trace(WEB, "10.0.2.100", protocol=6, port=80)


@fault("nat_exhausted", "dropped on hv1 (nat_exhausted of router red/r1)", chassis="hv1", reason="nat_exhausted")
def no_port_is_left(b: Bridges) -> Report:
    b.bridges["hv1"].exhausted = True
    return b.trace(WEB, "198.51.100.10", protocol=17, port=53)


@fault("not_bound", "dropped on hv3 (stale_tunnel", chassis="hv3", reason="stale_tunnel")
def it_comes_where_the_port_is_no_more(b: Bridges) -> Report:
    now = world()
    b.load(replace(now, programs={**now.programs, "hv3": unbound(DB).programs["hv3"]}))
    return b.trace(WEB, DB)


@fault("misplaced", "dropped on hv3 (unknown_vni", chassis="hv3", reason="unknown_vni")
def it_comes_where_the_network_is_not(b: Bridges) -> Report:
    now = world()
    b.load(replace(now, programs={**now.programs, "hv3": unbound(DB, "red-web-3").programs["hv3"]}))
    return b.trace(WEB, DB)


@fault("differs", "it parts from the model at hop 5: external internet", chassis="hv1")
def bridges_know_another_network(b: Bridges) -> Report:
    b.now_world = replace(b.now_world, network=changed(without_snat))
    return b.trace(WEB, "198.51.100.10")


def without_snat(tenants: Tenants) -> None:
    tenants["red"]["routers"][0]["snats"] = []


@fault("guest_off", "handed to red-db-3 on hv3, which answers neither this nor ARP", chassis="hv3", object="port red-db-3")
def a_guest_is_off(b: Bridges) -> Report:
    b.guests.clear()
    return b.trace(WEB, DB, deliver=True)


@fault("guest_silent", "handed to red-db-3 on hv3, which answers ARP but not this", chassis="hv3", object="port red-db-3")
def a_guest_does_not_answer(b: Bridges) -> Report:
    b.serve(DB, by=arp_reply)
    return b.trace(WEB, DB, deliver=True)


@fault("outside_silent", "left by internet to 203.0.113.1, sent out by hv1, and no answer came back from there", chassis="hv1")
def nobody_answers_outside(b: Bridges) -> Report:
    b.outside = lambda frame: None
    return b.trace(WEB, "198.51.100.10", deliver=True)


@pytest.mark.parametrize(("made", "expected"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_what_comes_of_a_fault(made: Fault, expected: Verdict) -> None:
    bridges = serving()
    found = made(bridges).verdict
    assert found.kind == expected.kind, found
    assert found.sentence.startswith(expected.sentence), found
    for part in ("direction", "chassis", "peer", "object", "reason", "size"):
        assert getattr(expected, part) in (None, getattr(found, part)), (part, found)
    bridges.silent.clear()
    assert bridges.left_behind() == []


def test_every_kind_comes_of_something() -> None:
    """`provider` is what tenants are told in another's place: see tests/unit/northbound."""
    assert {expected.kind for _, _, expected in FAULTS} == {*get_args(Kind)} - {"provider"}
    assert MEANINGS.keys() == {*get_args(Kind)}
    assert {layer for layer, _, _ in MEANINGS.values()} == LAYERS.keys()
    assert {kind for kind, (_, intended, _) in MEANINGS.items() if intended} == {"ok", "answered", "dropped"}
