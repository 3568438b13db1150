"""Routers and switches as REST shows them: the model beside what simulated switches have."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest

from ryu_overlay.model.problems import Refused
from ryu_overlay.northbound.live_devices import LiveDevices
from ryu_overlay.northbound.service_devices import Drop, OnChassis, RouterTable, RouteStatus
from ryu_overlay.oam.capture import Busy
from ryu_overlay.oam.translations import Crossing
from ryu_overlay.openflow.messages import STATS_FLOW, STATS_GROUP_DESC
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.limits import meter_number
from ryu_overlay.pipeline.tables import (
    EXT_RESOLVE,
    LB_MEMBER,
    LR_COUNT_IN,
    LR_COUNT_OUT,
    LR_IN_RESOLVE,
    LR_IN_ROUTE,
    LR_OUT_SNAT,
    LS_IN_LOOKUP,
    LS_OUT_PORT,
)
from ryu_overlay.southbound.translating import Found
from tests.unit.engine.outdoors import GATEWAY, GATEWAY_MAC, MEMBER, heard, outdoors, unresolved
from tests.unit.engine.outdoors import NEIGHBOUR as NOBODY
from tests.unit.engine.world import World, port
from tests.unit.northbound.looking import Answering

R = ("t1", "r")
CHECKS: Any = SimpleNamespace(verdicts={})
ROUTE_KEY, PORT_KEYS = 130, {"s1": 121, "s2": 122}


@pytest.fixture
def world() -> World:
    return outdoors()


@pytest.fixture
def answering(world: World) -> Answering:
    return Answering(world)


class Watching:
    """In the place of what looks at translations on bridges."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, list[str], float]] = []
        self.found: Found | Busy = Found((), 0)

    def watch(self, uplink: int, chassis: Iterable[str], seconds: float) -> Found:
        self.asked.append((uplink, sorted(chassis), seconds))
        if isinstance(self.found, Busy):
            raise self.found
        return self.found


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def devices(world: World, answering: Answering, watching: Watching) -> LiveDevices:
    translating: Any = watching
    return LiveDevices(world.engine, answering, CHECKS, translating, clock=lambda: world.now)


def states(on: tuple[OnChassis, ...]) -> dict[str, str]:
    return {each.chassis: each.state for each in on}


def everywhere(state: str) -> dict[str, str]:
    return dict.fromkeys(("hv1", "hv2", "hv3"), state)


def route(table: RouterTable, prefix: str, code: str) -> RouteStatus:
    return next(r for r in table.routes if r.prefix == IPv4Network(prefix) and r.code == code)


def flows(world: World, chassis: str, table: int, key: int) -> list[Any]:
    """The keys of a switch's flows in a table that are for the object with this key."""
    found = world[chassis].switch.flows.items()
    return [k for k, v in found if k[0] == table and (why := read_cookie(v[0])) is not None and why.key == key]


def test_a_table_is_the_models_and_says_that_it_is_installed(devices: LiveDevices) -> None:
    table = devices.routes(R, None)
    rows = [(r.code, str(r.prefix), [(str(v.next_hop), v.port) for v in r.via]) for r in table.routes]
    assert rows == [
        ("S*", "0.0.0.0/0", [("203.0.113.1", "up")]),
        ("C", "10.0.1.0/24", [("None", "s1")]),
        ("L", "10.0.1.1/32", [("None", "s1")]),
        ("C", "10.0.2.0/24", [("None", "s2")]),
        ("L", "10.0.2.1/32", [("None", "s2")]),
        ("S", "192.0.2.0/24", [("10.0.2.8", "s2"), ("10.0.2.9", "s2")]),
        ("C", "203.0.113.0/24", [("None", "up")]),
        ("L", "203.0.113.11/32", [("None", "up")]),
        ("V", "203.0.113.21/32", [("None", "lb")]),
    ]
    assert all(states(r.on) == everywhere("installed") for r in table.routes), table.routes
    assert table.beyond == () and all(a.answered and a.settled for a in table.chassis)


def test_what_is_not_as_it_should_be_is_marked(world: World, devices: LiveDevices, answering: Answering) -> None:
    (gone,) = [k for k in flows(world, "hv2", LR_IN_ROUTE.number, PORT_KEYS["s1"]) if k[1] < 200]
    del world["hv2"].switch.flows[gone]
    (changed,) = flows(world, "hv3", LR_IN_ROUTE.number, ROUTE_KEY)
    world["hv3"].switch.flows[changed] = world["hv3"].switch.flows[changed][0], b""
    stranger = (LR_IN_ROUTE.number, 65000, gone[2])
    world["hv1"].switch.flows[stranger] = 0x77, b""
    answering.away.add("hv1")
    table = devices.routes(R, None)
    assert states(route(table, "10.0.1.0/24", "C").on) == {"hv1": "unknown", "hv2": "missing", "hv3": "installed"}
    altered = route(table, "192.0.2.0/24", "S").on[2]
    assert altered.state == "altered" and altered.detail[0].startswith("is: ") and "actions=drop" in altered.detail[0]
    assert [a.chassis for a in table.chassis if not a.answered] == ["hv1"] and table.beyond == ()
    answering.away.clear()
    (found,) = devices.routes(R, None).beyond
    assert (found.chassis, found.what, found.table) == ("hv1", "foreign", LR_IN_ROUTE.number)


def test_a_group_that_was_changed_or_is_gone_is_seen(world: World, devices: LiveDevices) -> None:
    groups = world["hv1"].switch.groups
    groups[ROUTE_KEY] = groups[ROUTE_KEY][0], b""
    del world["hv2"].switch.groups[ROUTE_KEY]
    on = states(route(devices.routes(R, None), "192.0.2.0/24", "S").on)
    assert on == {"hv1": "altered", "hv2": "missing", "hv3": "installed"}


@pytest.mark.parametrize(
    ("address", "code", "prefix"),
    [
        ("10.0.2.5", "C", "10.0.2.0/24"),
        ("10.0.2.1", "L", "10.0.2.1/32"),
        ("203.0.113.21", "V", "203.0.113.21/32"),
        ("192.0.2.1", "S", "192.0.2.0/24"),
        ("8.8.8.8", "S*", "0.0.0.0/0"),
    ],
)
def test_what_decides_about_an_address(devices: LiveDevices, address: str, code: str, prefix: str) -> None:
    (found,) = devices.routes(R, IPv4Address(address)).routes
    assert (found.code, str(found.prefix)) == (code, prefix)


def test_only_what_is_needed_is_asked(devices: LiveDevices, answering: Answering) -> None:
    devices.routes(R, None)
    assert sorted(answering.asked) == sorted(
        (name, kind) for name in everywhere("") for kind in (STATS_FLOW, STATS_FLOW, STATS_GROUP_DESC)
    )


def test_neighbours_come_from_the_model_and_from_outside(world: World, devices: LiveDevices) -> None:
    world.tick()
    world.step(heard(1, GATEWAY, GATEWAY_MAC), unresolved(1, NOBODY))
    world.settle()
    world.now += 7
    rows = {(str(n.address), n.port): n for n in devices.neighbours(R).neighbours}
    vm = rows["10.0.1.11", "s1"]
    assert (vm.source, vm.object, vm.chassis, states(vm.on)) == ("model", "t1/s1/t1-p1", "hv1", everywhere("installed"))
    assert rows["10.0.1.1", "s1"].source == "self" and rows["10.0.2.80", "s2"].kind == "load-balancer"
    gateway = rows[str(GATEWAY), "up"]
    assert (gateway.source, gateway.mac, gateway.age) == ("learned", GATEWAY_MAC, 7.0)
    assert states(gateway.on) == {"hv1": "installed", "hv2": "installed"}
    asked = rows[str(NOBODY), "up"]
    assert (asked.source, asked.mac, asked.tries, asked.on) == ("asked", None, 1, ())
    floating = rows["203.0.113.101", "up"]
    assert (floating.source, floating.kind) == ("model", "floating-ip")


def test_a_neighbour_that_is_missing_somewhere(world: World, devices: LiveDevices) -> None:
    world.tick()
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    world.settle()
    (gone,) = flows(world, "hv3", LR_IN_RESOLVE.number, 141)
    del world["hv3"].switch.flows[gone]
    for key in flows(world, "hv2", EXT_RESOLVE.number, 9000):
        del world["hv2"].switch.flows[key]
    rows = {str(n.address): states(n.on) for n in devices.neighbours(R).neighbours}
    assert rows["10.0.1.11"] == {**everywhere("installed"), "hv3": "missing"}
    assert rows[str(GATEWAY)] == {"hv1": "installed", "hv2": "missing"}


def test_interfaces_count_what_crossed_them_on_every_chassis(world: World, devices: LiveDevices, answering: Answering) -> None:
    for chassis, packets in (("hv1", 3), ("hv2", 4)):
        (key,) = flows(world, chassis, LR_COUNT_IN.number, PORT_KEYS["s1"])
        answering.counts[chassis] = {key: (packets, 100 * packets)}
    (key,) = flows(world, "hv3", LR_COUNT_OUT.number, PORT_KEYS["s1"])
    del world["hv3"].switch.flows[key]
    rows = {i.name: i for i in devices.router_interfaces(R).interfaces}
    assert (rows["s1"].input.packets, rows["s1"].input.bytes, rows["s1"].output.packets) == (7, 700, 0)
    assert {o.chassis: o.packets for o in rows["s1"].input.on} == {"hv1": 3, "hv2": 4, "hv3": 0}
    assert states(rows["s1"].output.on) == {**everywhere("installed"), "hv3": "missing"}
    assert (rows["s1"].state, rows["s1"].attached, rows["s1"].mtu) == ("up", "switch t1/s1", 1350)
    assert (rows["up"].state, rows["up"].attached, rows["up"].addresses) == (
        "up",
        "external network internet",
        ("203.0.113.11/24",),
    )


def test_drops_are_told_at_the_port_that_they_are_for(world: World, devices: LiveDevices, answering: Answering) -> None:
    why = Why(Feature.DROP_DIRECTED_BROADCAST, 1, PORT_KEYS["s1"]).cookie
    for chassis, packets in (("hv1", 1), ("hv2", 5)):
        key = next(k for k, v in world[chassis].switch.flows.items() if v[0] == why)
        answering.counts[chassis] = {key: (packets, 60 * packets)}
    rows = {i.name: i for i in devices.router_interfaces(R).interfaces}
    assert [(d.reason, d.chassis, d.packets, d.bytes) for d in rows["s1"].drops] == [
        ("directed_broadcast", "hv1", 1, 60),
        ("directed_broadcast", "hv2", 5, 300),
    ]
    assert rows["s2"].drops == ()


def test_an_uplink_that_nobody_carries_is_down(world: World, devices: LiveDevices) -> None:
    for name in ("hv1", "hv2"):
        world[name].mappings = {}
    world.report("hv1", "hv2")
    world.settle()
    rows = {i.name: i for i in devices.router_interfaces(R).interfaces}
    assert (rows["up"].state, rows["up"].reason) == ("down", "no chassis maps physnet1")


def test_nat_tells_who_carries_it_and_what_it_began(world: World, devices: LiveDevices, answering: Answering) -> None:
    carrier = world.engine.uplinks.gateways["t1", "r", "up"][0]
    (key,) = flows(world, carrier, LR_OUT_SNAT.number, 185)
    answering.counts[carrier] = {key: (12, 1000)}
    nat = devices.nat(R)
    assert nat.uplink is not None and nat.uplink.active == carrier
    (snat,) = nat.snats
    assert (snat.name, snat.begun, snat.ports) == ("all", 12, "1024-65535") and [str(a) for a in snat.addresses] == [
        "203.0.113.11"
    ]
    assert states(snat.on) == {"hv1": "installed", "hv2": "installed"}
    at_home, central = nat.floating_ips
    assert (at_home.at_home, at_home.translated_on, str(at_home.inside)) == (True, "hv1", "10.0.1.11")
    assert (central.at_home, central.translated_on) == (False, carrier)
    del world[carrier].switch.flows[key]
    assert states(devices.nat(R).snats[0].on)[carrier] == "missing"


def test_a_rule_under_another_cookie_is_altered_not_missing(world: World, devices: LiveDevices) -> None:
    (key,) = flows(world, "hv1", LR_OUT_SNAT.number, 185)
    world["hv1"].switch.flows[key] = 0, world["hv1"].switch.flows[key][1]
    assert states(devices.nat(R).snats[0].on) == {"hv1": "altered", "hv2": "installed"}


def test_balancers_share_what_their_members_got(world: World, devices: LiveDevices, answering: Answering) -> None:
    for chassis, member, packets in (("hv1", MEMBER, 30), ("hv2", MEMBER + 2, 10)):
        (key,) = flows(world, chassis, LB_MEMBER.number, member)
        answering.counts[chassis] = {key: (packets, 60 * packets)}
    (balancer,) = devices.balancers(R).balancers
    assert (balancer.name, str(balancer.vip), balancer.port) == ("lb", "203.0.113.21", 80)
    got = [(m.status.member, m.status.state, m.begun, m.share) for m in balancer.members]
    assert got == [("a", "unchecked", 30, 0.75), ("b", "unchecked", 10, 0.25)]
    assert states(balancer.on) == everywhere("installed")


def test_macs_are_the_models_and_say_where_they_are(world: World, devices: LiveDevices) -> None:
    table = devices.macs(("t1", "s2"))
    rows = {m.object: m for m in table.macs}
    assert [m.kind for m in table.macs].count("port") == 2 and set(rows) >= {"t1/r/s2", "t1/inner", "t1/s2/t1-p2"}
    vm = rows["t1/s2/t1-p2"]
    assert (vm.chassis, vm.interface, states(vm.on)) == ("hv2", "tap1", everywhere("installed"))
    assert table.beyond == ()
    (here,) = flows(world, "hv1", LS_OUT_PORT.number, 142)
    del world["hv1"].switch.flows[here]
    lookup = flows(world, "hv3", LS_IN_LOOKUP.number, 142)[0]
    world["hv3"].switch.flows[lookup] = 0, world["hv3"].switch.flows[lookup][1]
    rows = {m.object: m for m in devices.macs(("t1", "s2")).macs}
    assert states(rows["t1/s2/t1-p2"].on) == {"hv1": "missing", "hv2": "installed", "hv3": "altered"}


def test_a_switchs_interfaces_count_from_the_vm_in(world: World, devices: LiveDevices, answering: Answering) -> None:
    ofport = world["hv2"].vifs["t1-p2"].ofport
    answering.ports["hv2", ofport] = (10, 20, 1000, 2000, 1, 2, 3, 4)
    answering.meters["hv2", meter_number(ofport)] = (10, 3, 300)
    rows = {i.name: i for i in devices.switch_interfaces(("t1", "s2")).interfaces}
    vm = rows["t1-p2"]
    assert (vm.chassis, vm.interface, vm.state) == ("hv2", "tap1", "up")
    assert (vm.input.packets, vm.input.bytes, vm.output.packets, vm.output.bytes) == (10, 1000, 20, 2000)
    assert vm.errors == (4, 6)
    assert vm.drops == (Drop("punt_rate_exceeded", "hv2", 3, 300),) and rows["t1-p4"].drops == ()
    assert rows["t1-p4"].errors is None and states(rows["t1-p4"].input.on) == {"hv3": "unknown"}


def test_a_switch_answers_arp_for_all_that_stands_on_it(world: World, devices: LiveDevices) -> None:
    rows = {str(n.address): n for n in devices.switch_neighbours(("t1", "s2")).neighbours}
    assert set(rows) == {"10.0.2.1", "10.0.2.12", "10.0.2.14", "10.0.2.80"}
    assert all(states(n.on) == everywhere("installed") for n in rows.values())


def test_the_log_has_what_concerns_the_router(world: World, devices: LiveDevices) -> None:
    world.edit(port(1, 1, 9))
    world.tell()
    world.tick()
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    world.lose("hv3")
    lines = devices.log("router", R, 100).lines
    words = [line.text for line in lines]
    assert f"neighbour {GATEWAY} on internet is at {GATEWAY_MAC}" in words and "chassis hv3 lost its connection" in words
    assert not any("port t1/s1/t1-p9" in text for text in words)
    assert any("port t1/s1/t1-p9 created" in line.text for line in devices.log("switch", ("t1", "s1"), 100).lines)
    assert devices.log("router", R, 1).lines == lines[-1:]


def test_a_device_that_the_engine_does_not_have_yet(devices: LiveDevices) -> None:
    with pytest.raises(Refused, match="ask again"):
        devices.routes(("t1", "new"), None)


def end(address: str, port: int = 0) -> tuple[IPv4Address, int]:
    return IPv4Address(address), port


def test_translations_are_told_with_their_rule(devices: LiveDevices, watching: Watching) -> None:
    peer = end("198.51.100.10", 80)
    watching.found = Found(
        (
            Crossing(6, "out", peer, end("10.0.1.13", 40000), end("203.0.113.11", 50000), 9, "hv1"),
            Crossing(6, "out", peer, end("10.0.1.11", 40000), end("203.0.113.101", 40000), 2, "hv1"),
            Crossing(6, "in", peer, end("10.0.2.12", 80), end("203.0.113.21", 80), 4, "hv2"),
            Crossing(1, "in", peer, None, end("203.0.113.102"), 1, "hv2"),
        ),
        3,
    )
    answer = devices.translations(R, 2.0)
    assert watching.asked == [(180, ["hv1", "hv2"], 2.0)]
    rules = [t.rule for t in answer.translations]
    assert rules == ["snat all", "floating-ip f", "load-balancer lb", "floating-ip g"] and answer.missed == 3
    first = answer.translations[0]
    assert (str(first.inside), first.inside_port, str(first.outside), first.outside_port) == (
        "10.0.1.13",
        40000,
        "203.0.113.11",
        50000,
    )
    assert answer.translations[3].inside is None


def test_what_stands_in_the_way_of_watching_is_refused(devices: LiveDevices, watching: Watching) -> None:
    watching.found = Busy("router", "watched already")
    with pytest.raises(Refused, match="watched already"):
        devices.translations(R, 2.0)
