"""Which chassis carry an uplink, in which order, and where floating IPs are at home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.fabric.placement import Placement, Spot
from ryu_overlay.fabric.uplinks import SCHEDULED, Candidates, homes, schedule
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import Ref, RouterPort
from tests.unit.model.bodies import edit
from tests.unit.model.outside_bodies import world

CHASSIS = ("hv1", "hv2", "hv3", "hv4", "hv5")
Orders = dict[Ref, tuple[str, ...]]


def uplink(number: int = 1, *gateways: str, preempt: bool = True, external: str = "net") -> RouterPort:
    address = (IPv4Interface("203.0.113.11/24"),)
    port = RouterPort("t", f"r{number:03}", "up", number, f"u{number}", "02:00:00:00:00:01", address, external=external)
    return replace(port, gateways=gateways, preempt=preempt)


def candidates(able: Iterable[str], alive: Iterable[str] | None = None) -> dict[str, Candidates]:
    able = frozenset(able)
    return {"net": Candidates(able, able if alive is None else frozenset(alive))}


def order(port: RouterPort, able: str, alive: str | None = None, before: str = "") -> str:
    """The chassis of one uplink; chassis are written as digits."""
    names = [None if text is None else [f"hv{n}" for n in text] for text in (able, alive, before)]
    found = schedule([port], candidates(names[0] or (), names[1]), {port.ref: tuple(names[2] or ())} if before else {})
    return "".join(name[2:] for name in found[port.ref])


def test_nobody_can() -> None:
    port = uplink(1, "hv1")
    assert schedule([port, uplink(2)], {}, {}) == {port.ref: (), uplink(2).ref: ()}
    assert order(port, "23") == order(uplink(), "") == ""


@pytest.mark.parametrize("number", [1, 2, 5])
def test_as_many_as_there_are_but_no_more_than_are_scheduled(number: int) -> None:
    assert len(order(uplink(), "12345"[:number])) == min(number, SCHEDULED)


def test_named_gateways_are_those_named_in_their_order() -> None:
    port = uplink(1, "hv3", "hv9", "hv1", "hv2", "hv4")
    assert order(port, "12345") == "3124", "all that are able, however many"
    assert order(port, "12", before="21") == "12"
    assert order(port, "12345", before="534") == "3124", "who is not named any more is out"


def test_the_dead_are_last_in_their_order() -> None:
    port = uplink(1, "hv1", "hv2", "hv3")
    assert order(port, "123", "3") == "312"
    assert order(port, "123", "23") == "231"
    assert order(port, "123", "") == "123", "if nobody is alive, as named"


@pytest.mark.parametrize(("preempt", "after"), [(True, "123"), (False, "213")])
def test_who_comes_back_takes_over_again_with_preempt_only(preempt: bool, after: str) -> None:
    port = uplink(1, "hv1", "hv2", "hv3", preempt=preempt)
    assert order(port, "123", "23", before="123") == "231"
    assert order(port, "123", "123", before="231") == after
    assert order(port, "123", "13", before="231") == "132", "but one that is dead does not go on"
    assert order(port, "13", "13", before="231") == "13", "nor one that cannot any more"


def test_what_is_scheduled_stays_where_it_is() -> None:
    assert order(uplink(), "12345", before="435") == "435"
    assert order(uplink(), "12345", "35", before="435") == "354"
    assert order(uplink(), "12345", before="354") == "354", "nobody was preferred, so nobody comes back"
    assert order(uplink(), "125", before="435") == "512", "others fill up behind what is left"
    assert order(uplink(), "12345", "", before="435") == "435", "nobody else would do better"


def test_if_all_that_were_scheduled_are_dead_another_takes_over() -> None:
    assert order(uplink(), "12345", "12", before="435") == "143"
    assert order(uplink(1, "hv4", "hv3", "hv5"), "12345", "12") == "435", "but not for an uplink that names its gateways"


@given(st.integers(1, 60), st.integers(1, 5))
def test_many_uplinks_are_spread_evenly(number: int, chassis: int) -> None:
    found = schedule([uplink(n) for n in range(number)], candidates(CHASSIS[:chassis]), {})
    carried = Counter(gateways[0] for gateways in found.values())
    assert sum(carried.values()) == number
    assert max(carried.values()) - min(carried[name] for name in CHASSIS[:chassis]) <= 1


@given(st.integers(1, 60), st.sets(st.sampled_from(CHASSIS), min_size=1))
def test_new_uplinks_are_spread_over_those_that_are_alive(number: int, alive: set[str]) -> None:
    found = schedule([uplink(n) for n in range(number)], candidates(CHASSIS, alive), {})
    carried = Counter(gateways[0] for gateways in found.values())
    assert carried.keys() <= alive and max(carried.values()) - min(carried[name] for name in alive) <= 1


def test_a_new_uplink_goes_where_the_fewest_are() -> None:
    before: Orders = {uplink(1).ref: ("hv1", "hv2"), uplink(2).ref: ("hv1", "hv2"), uplink(3).ref: ("hv2", "hv1")}
    found = schedule([uplink(n) for n in (1, 2, 3, 4)], candidates(("hv1", "hv2", "hv3")), before)
    assert found[uplink(4).ref] == ("hv3", "hv2", "hv1")
    assert [found[uplink(n).ref][:2] for n in (1, 2, 3)] == [("hv1", "hv2"), ("hv1", "hv2"), ("hv2", "hv1")]


PORTS = [uplink(1), uplink(2, "hv2", "hv1"), uplink(3, "hv1", "hv2", preempt=False), uplink(4, preempt=False)]
SOME = st.sets(st.sampled_from(CHASSIS))


@given(st.lists(st.tuples(SOME, SOME), min_size=1, max_size=6))
def test_through_any_life(life: list[tuple[set[str], set[str]]]) -> None:
    before: Orders = {}
    for able, alive in life:
        these = candidates(able, able & alive)
        found = schedule(PORTS, these, before)
        assert found == schedule(list(reversed(PORTS)), these, before)
        assert schedule(PORTS, these, found) == found, "decided once, it stays"
        for port in PORTS:
            gateways = found[port.ref]
            assert len(set(gateways)) == len(gateways) and set(gateways) <= able
            assert set(gateways) == able & set(port.gateways) if port.gateways else len(gateways) >= min(SCHEDULED, len(able))
            living = [name in alive for name in gateways]
            assert living == sorted(living, reverse=True)
        before = found


def view() -> RouterView:
    """Router red/r1 of `outside_bodies`, with floating IPs `web` (of red-1) and `db` (of red-db)."""
    return world().router_views["red", "r1"]


def placed(web: str | None, db: str | None) -> dict[Ref, Placement]:
    """Where red-1 and red-db are."""
    network = world()
    ports = ((network.port_by_name["red-1"], web), (network.port_by_name["red-db"], db))
    return {(port.tenant, port.switch): Placement({port.key: Spot(where, None)}) for port, where in ports if where is not None}


PHYSICAL = {"hv1": {"physnet1": 9}, "hv2": {"other": 8}, "hv3": {"other": 8, "physnet1": 7}}


def at_home(router: RouterView, placements: dict[Ref, Placement]) -> dict[str, str]:
    names = {floating.key: floating.name for floating, _ in router.floating_ips}
    return {names[key]: chassis for key, chassis in homes(router, placements, PHYSICAL).items()}


def test_a_floating_ip_is_at_home_with_its_port_where_the_physical_network_is() -> None:
    assert at_home(view(), placed(None, "hv3")) == {"db": "hv3"}
    assert at_home(view(), placed(None, "hv2")) == {}, "hv2 does not map the physical network"
    assert at_home(view(), placed(None, "hv9")) == {}
    assert at_home(view(), {}) == {}


def test_one_of_a_member_with_an_external_virtual_address_is_not() -> None:
    assert at_home(view(), placed("hv1", "hv1")) == {"db": "hv1"}, "red-1 is a member of load balancer web"
    without = edit(world(), "load_balancer", "red/web", {"vip": "192.0.2.9"}, "patch").network.router_views["red", "r1"]
    assert at_home(without, placed("hv1", "hv1")) == {"web": "hv1", "db": "hv1"}, "nobody outside gets to that one"


def test_one_that_is_centralised_is_not() -> None:
    central = edit(world(), "floating_ip", "red/r1/db", {"distributed": False}, "patch").network.router_views["red", "r1"]
    assert at_home(central, placed("hv1", "hv1")) == {}


def test_a_router_without_uplink_has_no_homes() -> None:
    assert homes(world().router_views["red", "r2"], placed("hv1", "hv1"), PHYSICAL) == {}
