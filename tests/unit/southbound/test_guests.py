"""Guests are asked by ARP from their own chassis: when, how often, and what an answer is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ryu_overlay.engine.events import ChassisReported
from ryu_overlay.oam.arp import REQUEST, parse
from ryu_overlay.southbound.guests import Guests
from tests.unit.engine.outdoors import outdoors
from tests.unit.engine.world import World, port, tenant
from tests.unit.southbound.talking import Talking
from tests.unit.southbound.test_checks import out

EVERY = 30.0
ADDRESSES = {f"t1-p{n}": IPv4Address(f"10.0.{2 - n % 2}.{10 + n}") for n in (1, 2, 3, 4)}


class Rig:
    """Guests of a world, swept once a second. Those in `there` answer at once, where they are bound."""

    def __init__(self, world: World, every: float = EVERY) -> None:
        self.world = world
        self.talking = Talking(world)
        self.guests = Guests(world.engine, self.talking, every)  # type: ignore[arg-type]
        self.now = 100.0
        self.there: set[str] = set()

    def sweep(self, seconds: int = 1) -> list[tuple[float, str, int, IPv4Address]]:
        """Who was asked: when, by which chassis, by which OpenFlow port, for which address."""
        asked = []
        for _ in range(seconds):
            self.guests.sweep(self.now)
            for chassis, message in self.talking.take():
                ofport, frame = out(message)
                arp = parse(frame)
                assert arp is not None and (arp.op, str(arp.spa)) == (REQUEST, "0.0.0.0")
                asked.append((self.now, chassis, ofport, arp.tpa))
                if {name for name, address in ADDRESSES.items() if address == arp.tpa} & self.there:
                    self.guests.told(self.world[chassis].switch.dpid, ofport, int(arp.tpa), self.now)
            self.now += 1.0
        return asked

    def times(self, name: str, seconds: int) -> list[float]:
        """When a guest is asked, in seconds since it was first."""
        asked = [at for at, _, _, address in self.sweep(seconds) if address == ADDRESSES[name]]
        return [at - asked[0] for at in asked]


@pytest.fixture
def rig() -> Rig:
    return Rig(outdoors())


def test_each_guest_is_asked_once_a_round_by_its_own_bridge_and_port(rig: Rig) -> None:
    rig.there = {*ADDRESSES}
    asked = rig.sweep(int(EVERY))
    assert {(chassis, ofport, address) for _, chassis, ofport, address in asked} == {
        (chassis, vif.ofport, ADDRESSES[name]) for chassis, hv in rig.world.hypervisors.items() for name, vif in hv.vifs.items()
    }
    assert len(asked) == 4 and len({at for at, *_ in asked}) > 1, "not all at once"
    again = rig.sweep(int(EVERY))
    assert [(at - EVERY, *who) for at, *who in again] == asked and rig.guests.silent() == ()


def test_nobody_is_asked_where_that_is_not_wanted() -> None:
    rig = Rig(outdoors(), 0.0)
    assert rig.sweep(100) == [] and rig.guests.silent() == ()


def test_one_that_says_nothing_is_asked_again_and_is_silent_after_three_tries(rig: Rig) -> None:
    rig.there = {*ADDRESSES} - {"t1-p1"}
    assert rig.times("t1-p1", 70) == [0, 1, 2, 3, 33, 63]
    assert rig.guests.silent() == ("t1-p1",)


def test_it_is_silent_once_three_questions_had_a_second_each(rig: Rig) -> None:
    rig.there = {*ADDRESSES} - {"t1-p1"}
    told: list[tuple[bool, bool]] = []
    for _ in range(int(EVERY) + 4):
        asked = any(a[3] == ADDRESSES["t1-p1"] for a in rig.sweep())
        told.append((asked, rig.guests.silent() == ("t1-p1",)))
    first = told.index((True, False))
    assert told[first : first + 5] == [(True, False)] * 3 + [(True, True), (False, True)]


def test_an_answer_ends_silence_and_whoever_speaks_by_himself_is_there(rig: Rig) -> None:
    rig.sweep(40)
    ofport = rig.world["hv1"].vifs["t1-p1"].ofport
    rig.guests.told(1, ofport, int(ADDRESSES["t1-p1"]), rig.now)
    assert rig.guests.silent() == ("t1-p2", "t1-p3", "t1-p4")
    assert not [a for a in rig.sweep(int(EVERY)) if a[1] == "hv1"], "it was heard just now"
    assert [a for a in rig.sweep(1) if a[1] == "hv1"]


@pytest.mark.parametrize(("dpid", "ofport", "address"), [(2, 1001, "10.0.1.11"), (1, 1002, "10.0.1.11"), (1, 1001, "10.0.1.99")])
def test_an_answer_from_elsewhere_or_for_another_address_is_none(rig: Rig, dpid: int, ofport: int, address: str) -> None:
    rig.sweep(40)
    rig.guests.told(dpid, ofport, int(IPv4Address(address)), rig.now)
    assert rig.guests.silent() == tuple(sorted(ADDRESSES))


@pytest.mark.parametrize("facts", [{"down": frozenset({"t1-p1"})}, {"off": frozenset({"t1-p1"})}])
def test_one_that_is_off_or_cut_off_on_its_host_is_not_asked(rig: Rig, facts: dict[str, frozenset[str]]) -> None:
    rig.sweep(40)
    world = rig.world
    world.step(ChassisReported(replace(world["hv1"].facts, **facts)))  # type: ignore[arg-type]
    assert not [a for a in rig.sweep(40) if a[1] == "hv1"] and "t1-p1" not in rig.guests.silent()
    world.report("hv1")
    rig.there = {*ADDRESSES}
    assert [a for a in rig.sweep(40) if a[1] == "hv1"]


def test_one_that_is_disabled_or_has_no_address_is_not_asked(rig: Rig) -> None:
    rig.world.edit(replace(port(1, 1, 1), enabled=False), replace(port(1, 1, 5), addresses=()))
    rig.world["hv1"].plug("t1-p5")
    rig.world.tell()
    rig.world.report("hv1")
    rig.world.settle()
    assert rig.world.engine.bindings.spot(rig.world.network.port_by_name["t1-p5"]) is not None
    assert {chassis for _, chassis, *_ in rig.sweep(40)} == {"hv2", "hv3"}


@pytest.mark.parametrize("how", ["channel", "vif"])
def test_one_that_is_not_bound_any_more_is_neither_asked_nor_silent(rig: Rig, how: str) -> None:
    rig.sweep(40)
    if how == "channel":
        rig.world.disconnect("hv1")
    else:
        del rig.world["hv1"].vifs["t1-p1"]
        rig.world.report("hv1")
    assert not [a for a in rig.sweep(40) if a[1] == "hv1"] and "t1-p1" not in rig.guests.silent()


def move(world: World) -> int:
    """t1-p1 goes from hv1 to hv2. Gives its OpenFlow port there."""
    world["hv2"].plug("t1-p1")
    del world["hv1"].vifs["t1-p1"]
    world.report("hv1", "hv2")
    world.settle()
    return world["hv2"].vifs["t1-p1"].ofport


def test_one_that_moved_is_asked_where_it_is(rig: Rig) -> None:
    rig.sweep(40)
    ofport = move(rig.world)
    asked = [a for a in rig.sweep(40) if a[3] == ADDRESSES["t1-p1"]]
    assert {a[1:3] for a in asked} == {("hv2", ofport)}
    rig.guests.told(2, ofport, int(ADDRESSES["t1-p1"]), rig.now)
    assert "t1-p1" not in rig.guests.silent()


def test_what_is_heard_where_it_was_says_nothing_of_one_that_moved(rig: Rig) -> None:
    """Another tenant's guest may have its address, and its OpenFlow port."""
    before = rig.world["hv1"].vifs["t1-p1"].ofport
    rig.sweep(40)
    move(rig.world)
    rig.sweep(40)
    rig.guests.told(1, before, int(ADDRESSES["t1-p1"]), rig.now)
    assert "t1-p1" in rig.guests.silent()


def test_one_that_moved_has_all_its_tries_where_it_is_now(rig: Rig) -> None:
    """What it did not hear while it was on its way is not held against it."""
    rig.there = {*ADDRESSES} - {"t1-p1"}
    while len([a for a in rig.sweep() if a[3] == ADDRESSES["t1-p1"]]) == 0:
        pass
    rig.sweep(2)
    move(rig.world)
    rig.sweep(2)
    assert rig.guests.silent() == ()


def test_there_are_50_at_most_at_a_time_and_all_get_their_turn() -> None:
    world = World(1)
    world.edit(*tenant(1), *(port(1, 1, n, key=1000 + n) for n in range(1, 201)))
    for n in range(1, 201):
        world["hv1"].plug(f"t1-p{n}")
    world.start()
    rig = Rig(world, 5.0)
    each = [rig.sweep() for _ in range(10)]
    assert max(map(len, each)) == 50 and len({a[3] for asked in each for a in asked}) == 200
