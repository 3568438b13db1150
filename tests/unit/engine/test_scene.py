"""What the engine knows, in the words of health: chassis from moment to moment, flows that were altered, uplinks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ryu_overlay.compiler.keys import CONNECTED, OWNER, TO_GATEWAY, group_number
from ryu_overlay.engine.engine import WAIT_FOR_CHASSIS
from ryu_overlay.engine.events import ChassisReported, SwitchTouched
from ryu_overlay.engine.scene import Scenes, active, by_table, ground, networks, orphans, shadowed
from ryu_overlay.fabric.facts import Patch
from ryu_overlay.health.evidence import Host
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.fields import ETH_DST, ETH_IP, ETH_TYPE, IPV4_DST, Field, mac_to_int
from ryu_overlay.openflow.flow import EMPTY, Flow, FlowKey, make_match
from ryu_overlay.pipeline.cookies import OURS_COOKIE, Feature, Why, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH
from ryu_overlay.pipeline.table import Table
from ryu_overlay.pipeline.tables import LR_IN_ROUTE, LR_OUT_PORT, LS_IN_LOOKUP, LS_OUT_PORT
from tests.unit.engine.outdoors import BALANCER, UPLINK, outdoors
from tests.unit.engine.world import FOREIGN_COOKIE, World, port

UP = ("t1", "r", "up")


@pytest.fixture
def world() -> World:
    return outdoors()


@pytest.fixture
def scenes(world: World) -> Scenes:
    return Scenes(world.engine)


def host(scenes: Scenes, now: float, name: str = "hv1", **silent: float) -> Host:
    return scenes.hosts(now, silent)[name]


def say(world: World, name: str, **more: object) -> None:
    """A chassis reports other facts than it has, until it reports again."""
    world.step(ChassisReported(replace(world[name].facts, **more)))  # type: ignore[arg-type]
    world.settle()


# -- hosts


def test_nothing_is_said_before_the_network_is_known() -> None:
    world = World(1)
    world.connect("hv1")
    assert Scenes(world.engine).hosts(1.0, {}) == {}
    assert list(orphans(world.engine)) == []


def test_a_chassis_that_is_well(world: World, scenes: Scenes) -> None:
    assert scenes.hosts(7.0, {}) == {
        f"hv{n}": Host(f"hv{n}", channel=True, database=True, address=f"172.31.0.{n}") for n in (1, 2, 3)
    }


@pytest.mark.parametrize("start", [0.0, 50.0])
def test_after_a_restart_chassis_have_time_to_come(world: World, start: float) -> None:
    world.restart()
    world.load()
    scenes = Scenes(world.engine)
    first, last = host(scenes, start), host(scenes, start + WAIT_FOR_CHASSIS)
    assert (first.channel, first.database, first.gone) == (last.channel, last.database, last.gone) == (True, False, None)
    late = start + WAIT_FOR_CHASSIS + 0.1
    assert [(h.channel, h.gone) for h in (host(scenes, late), host(scenes, late + 5))] == [(False, late)] * 2
    world.report("hv1")
    world.connect("hv1")
    assert (host(scenes, late + 6).channel, host(scenes, late + 6).gone) == (True, None)


def test_one_that_reported_and_has_no_channel_is_gone_at_once(world: World) -> None:
    world.restart()
    world.load()
    world.report("hv1")
    found = host(Scenes(world.engine), 3.0)
    assert (found.channel, found.database, found.gone) == (False, True, 3.0)


def test_a_channel_that_goes_and_comes(world: World, scenes: Scenes) -> None:
    host(scenes, 1.0)
    world.disconnect("hv1")
    assert [(h.channel, h.gone) for h in (host(scenes, 2.0), host(scenes, 9.0))] == [(False, 2.0)] * 2
    assert host(scenes, 9.0, "hv2").gone is None
    world.connect("hv1")
    assert host(scenes, 10.0).gone is None
    world.disconnect("hv1")
    assert host(scenes, 11.0).gone == 11.0


def test_one_that_was_forgotten_and_comes_back_is_a_new_one(world: World, scenes: Scenes) -> None:
    world.disconnect("hv3")
    host(scenes, 1.0)
    world.lose("hv3", left=True)
    assert "hv3" not in scenes.hosts(2.0, {})
    world.report("hv3")
    assert host(scenes, 1000.0, "hv3").gone == 1000.0


def test_silence_is_passed_on(scenes: Scenes) -> None:
    assert host(scenes, 9.0, hv1=4.5).silent == 4.5 and host(scenes, 9.0, "hv2", hv1=4.5).silent is None


def test_what_is_not_confirmed_is_behind_since_it_was_seen(world: World, scenes: Scenes) -> None:
    world.edit(port(1, 1, 7))
    world.tell()
    assert [host(scenes, now).behind for now in (1.0, 8.0)] == [1.0, 1.0]
    world.settle()
    assert host(scenes, 9.0).behind is None


def test_what_is_refused_is_told(world: World, scenes: Scenes) -> None:
    world["hv1"].switch.refuses = lambda message: message[1] == messages.FLOW_MOD
    world.edit(port(1, 1, 7))
    world.tell()
    world.settle()
    found = host(scenes, 1.0)
    assert found.behind == 1.0 and found.problems and set(found.problems) == {"refused"}


def take_tunnel(world: World, there: int, here: str = "hv1") -> None:
    del world[here].tunnels[IPv4Address(f"172.31.0.{there}")]
    world.report(here)


def test_a_tunnel_that_is_not_made_is_missing_after_5_s(world: World, scenes: Scenes) -> None:
    whole = dict(world["hv1"].tunnels)
    take_tunnel(world, 2)
    assert [host(scenes, now).missing for now in (1.0, 6.0, 6.1)] == [frozenset(), frozenset(), {"hv2"}]
    assert host(scenes, 6.1, "hv2").missing == frozenset()
    world["hv1"].tunnels = whole
    world.report("hv1")
    assert host(scenes, 6.2).missing == frozenset()


def test_each_tunnel_has_its_own_5_s(world: World, scenes: Scenes) -> None:
    take_tunnel(world, 2)
    host(scenes, 1.0)
    host(scenes, 20.0)
    take_tunnel(world, 3)
    assert [host(scenes, now).missing for now in (20.1, 26.0)] == [{"hv2"}, {"hv2", "hv3"}]


def test_tunnels_of_one_whose_channel_is_gone_are_not_missing(world: World, scenes: Scenes) -> None:
    take_tunnel(world, 2)
    world.disconnect("hv1")
    assert [host(scenes, now).missing for now in (1.0, 60.0)] == [frozenset()] * 2


def test_what_its_database_says_counts_while_that_is_connected(world: World, scenes: Scenes) -> None:
    deaf = {ip: replace(tunnel, up=str(ip) != "172.31.0.3") for ip, tunnel in world["hv1"].tunnels.items()}
    stranger = IPv4Address("172.31.0.99")
    deaf[stranger] = replace(deaf[IPv4Address("172.31.0.3")], remote_ip=stranger)
    patches = {"physnet1": Patch(500, False), "physnet2": Patch(501, True)}
    say(world, "hv1", tunnels=deaf, patches=patches, carrier=False, down=frozenset({"t1-p1"}))
    found = host(scenes, 1.0)
    assert found.unheard == {"hv3"} and found.dead_ends == {"physnet1"} and found.unplugged == {"t1-p1"}
    assert found.carrier is False
    world.lose("hv1")
    found = host(scenes, 2.0)
    assert (found.database, found.channel, found.carrier) == (False, True, None)
    assert not (found.unheard | found.dead_ends | found.unplugged | found.off)


def test_when_ports_of_the_bridge_came_or_went(world: World, scenes: Scenes) -> None:
    assert host(scenes, 1.0).replugged == (), "what was there from the beginning did not come"
    say(world, "hv1", off=frozenset(world["hv1"].facts.vifs))
    assert host(scenes, 2.0).replugged == ()
    count = len(world["hv1"].facts.vifs)
    say(world, "hv1", vifs={})
    assert host(scenes, 3.0).replugged == host(scenes, 4.0).replugged == (3.0,) * count
    say(world, "hv1")
    assert host(scenes, 5.0).replugged == (*[3.0] * count, *[5.0] * count)
    assert host(scenes, 5.0, "hv2").replugged == ()


def test_vifs_are_told_by_the_name_of_the_port_that_is_bound_there(world: World, scenes: Scenes) -> None:
    said = frozenset({"t1-p2", "u-t1-p1", "t1-p3", "nobody's"})
    say(world, "hv1", off=said)
    assert host(scenes, 1.0).off == {"t1-p1"}, "the others are bound elsewhere, or no ports"
    say(world, "hv3", down=frozenset({"t1-p3", "t1-p4"}))
    world.edit(replace(port(1, 1, 3), enabled=False))
    world.tell()
    assert host(scenes, 1.0, "hv3").unplugged == {"t1-p4"}


# -- what was altered


def of(world: World, chassis: str, table: int, key: int) -> FlowKey:
    """A flow of a chassis that is for the object with this key."""
    found = [k for k, v in world[chassis].switch.ours.items() if k[0] == table and (w := read_cookie(v[0])) and w.key == key]
    return sorted(found)[0]


def audit(world: World, name: str = "hv1") -> None:
    world.now += 60.0
    world.step(SwitchTouched(world[name].switch.dpid))
    world.settle()
    assert all(bridge.settled for bridge in world.engine.bridges)


def spelled(scenes: Scenes, world: World, now: float = 7.0) -> list[tuple[str, str, str, str]]:
    return sorted((a.chassis, a.what, a.table, a.object) for a in scenes.altered(now, world.now))


def test_a_network_that_is_as_it_should_be(world: World, scenes: Scenes) -> None:
    audit(world)
    assert scenes.altered(7.0, world.now) == ()


def test_each_flow_is_told_with_its_object_for_10_s(world: World, scenes: Scenes) -> None:
    flows = world["hv1"].switch.flows
    del flows[of(world, "hv1", LS_OUT_PORT.number, 142)]
    changed = of(world, "hv1", LR_IN_ROUTE.number, 130)
    flows[changed] = flows[changed][0], b""
    flows[LS_IN_LOOKUP.number, 9, b""] = Why(Feature.BALANCING, 1, BALANCER).cookie, b""
    flows[99, 9, b""] = OURS_COOKIE | 0xABCDE, b""
    audit(world)
    assert spelled(scenes, world) == [
        ("hv1", "changed", "lr_in_route", "route t1/r/192.0.2.0/24"),
        ("hv1", "extra", "99", "-"),
        ("hv1", "extra", "ls_in_lookup", "load-balancer t1/lb"),
        ("hv1", "missing", "ls_out_port", "port t1/s2/t1-p2"),
    ]
    found = scenes.altered(7.0, world.now + 4.0)
    assert {(a.since, a.lasts) for a in found} == {(3.0, False)}
    assert all(a.text and ("drop" in a.text or "actions" in a.text) for a in found)
    assert len(scenes.altered(7.0, world.now + 9.9)) == 4 and not scenes.altered(7.0, world.now + 10.0)


def test_groups_are_told_by_whose_they_are(world: World, scenes: Scenes) -> None:
    groups = world["hv1"].switch.groups
    ours = [130, BALANCER, group_number(TO_GATEWAY, UPLINK), group_number(OWNER, UPLINK)]
    for number in ours:
        del groups[number]
    groups[77] = (1, b"")
    audit(world)
    found = [a for a in scenes.altered(7.0, world.now) if a.what == "group"]
    assert {(a.text, a.object) for a in found} == {
        ("group 130 was missing", "route t1/r/192.0.2.0/24"),
        (f"group {BALANCER} was missing", "load-balancer t1/lb"),
        *((f"group {n} was missing", "router-port t1/r/up") for n in ours[2:]),
        ("group 77 was extra", "-"),
    }
    assert {(a.chassis, a.table, a.lasts, a.since) for a in found} == {("hv1", "", False, 7.0)}
    assert not scenes.altered(17.0, world.now + 10.0)


def test_a_group_by_the_number_of_a_port_is_no_objects(world: World, scenes: Scenes) -> None:
    """A clock's group has the OpenFlow port to the physical network where others have the key of an object."""
    world["hv1"].patches = {"physnet1": Patch(141, True)}
    world.report("hv1")
    world.settle()
    del world["hv1"].switch.groups[group_number(CONNECTED, 141)]
    audit(world)
    assert spelled(scenes, world) == [("hv1", "group", "", "-")]


def foreign(world: World, table: int, priority: int, match: dict[Field, int | tuple[int, int]]) -> FlowKey:
    """Somebody puts a flow of his own on hv1."""
    key = Flow(table, priority, make_match(match), Instructions(), FOREIGN_COOKIE).key
    world["hv1"].switch.flows[key] = FOREIGN_COOKIE, b""
    return key


def test_foreign_flows_of_our_tables_last(world: World, scenes: Scenes) -> None:
    keys = [foreign(world, LR_OUT_PORT.number, 1000 + number, {}) for number in range(60)]
    foreign(world, 200, 1, {})
    audit(world)
    found = scenes.altered(7.0, world.now + 100.0)
    assert len(found) == 50 and {(a.what, a.table, a.lasts) for a in found} == {("foreign", "lr_out_port", True)}
    for key in keys:
        del world["hv1"].switch.flows[key]
    audit(world)
    assert not scenes.altered(7.0, world.now)


S1 = 101
P1, P3 = mac_to_int("02:01:00:01:00:01"), mac_to_int("02:01:00:01:00:03")
_IP = {ETH_TYPE: ETH_IP}
SHADOWED: list[tuple[Table, int, dict[Field, int | tuple[int, int]], str]] = [
    (LS_IN_LOOKUP, 25, {DATAPATH.field: S1, ETH_DST: P1}, "port t1/s1/t1-p1"),
    (LS_IN_LOOKUP, 25, {ETH_DST: P1}, "port t1/s1/t1-p1"),
    (LS_IN_LOOKUP, 25, {ETH_DST: (P1, 0xFFFFFFFFFFFE)}, "port t1/s1/t1-p1"),
    (LS_IN_LOOKUP, 25, {ETH_DST: (P1, 0xFFFFFFFFFFF0)}, "-"),
    (LS_IN_LOOKUP, 20, {ETH_DST: P3}, "port t1/s1/t1-p3"),
    (LS_IN_LOOKUP, 19, {DATAPATH.field: S1, ETH_DST: P3}, ""),
    (LS_IN_LOOKUP, 25, {DATAPATH.field: S1}, "-"),
    (LS_IN_LOOKUP, 25, {DATAPATH.field: 777, ETH_DST: P1}, ""),
    (LS_IN_LOOKUP, 0xFFFF, {ETH_DST: 5}, ""),
    (LS_IN_LOOKUP, 5, {ETH_DST: 5}, ""),
    (LR_IN_ROUTE, 148, {**_IP, DATAPATH.field: 110, IPV4_DST: (0xC0000200, 0xFFFFFF80)}, "-"),
    (LR_IN_ROUTE, 300, {**_IP, DATAPATH.field: 110, IPV4_DST: (0x0A000180, 0xFFFFFFC0)}, "-"),
]


@pytest.mark.parametrize(("table", "priority", "match", "name"), SHADOWED)
def test_a_foreign_flow_is_told_with_the_one_object_that_it_may_take_packets_from(
    world: World, scenes: Scenes, table: Table, priority: int, match: dict[Field, int | tuple[int, int]], name: str
) -> None:
    foreign(world, table.number, priority, match)
    audit(world)
    assert spelled(scenes, world) == ([("hv1", "foreign", table.name, name)] if name else [])


def test_what_is_shadowed_follows_the_flows_that_the_chassis_should_have(world: World) -> None:
    foreign(world, LS_IN_LOOKUP.number, 25, {ETH_DST: P1})
    audit(world)
    bridge = world.engine.bridge_of("hv1")
    assert bridge is not None
    (drift,) = bridge.foreign
    assert shadowed(drift, by_table(world.engine.programs["hv1"]), world.network) == "port t1/s1/t1-p1"
    assert shadowed(drift, by_table(EMPTY), world.network) == ""


# -- uplinks


def test_whose_a_vni_is(world: World) -> None:
    assert networks(world.network) == {101: "t1/s1", 102: "t1/s2", 190: "t1/r/up"}


def test_the_first_gateway_carries_an_uplink_and_nobody_else(world: World) -> None:
    assert active(world.engine) == {UP: "hv1"} and list(orphans(world.engine)) == []
    assert ground(world.engine).active == {UP: "hv1"}
    say(world, "hv1", patches={})
    assert active(world.engine) == {UP: None} and list(orphans(world.engine)) == ["t1/r/up"]
    say(world, "hv1", patches={}, bridge_mappings=())
    assert active(world.engine) == {UP: "hv2"} and list(orphans(world.engine)) == []


def test_an_uplink_without_gateways_is_an_orphan_once_chassis_have_come(world: World) -> None:
    for name in ("hv1", "hv2"):
        world[name].mappings = {}
    world.report("hv1", "hv2")
    assert list(orphans(world.engine)) == ["t1/r/up"]
    world.restart()
    world.load()
    assert list(orphans(world.engine)) == []
