"""There and back: what peers answer, whether the two can talk, and every way among equal ones."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.walk_values import TCP, UDP, Ip
from ryu_overlay.oam.start import Start, Traffic, start
from ryu_overlay.oam.trip import ASTRAY, NO_ANSWER, STRANGE_ANSWER, Choice, Silence, Trip, trip, trips, verdict
from tests.unit.oam.asked import FACTS, NET, Tenants, changed, go, network_of, router, without_route


def answer(trip: Trip) -> Ip:
    assert isinstance(trip.answer, Start) and isinstance(trip.answer.packet.body, Ip)
    return trip.answer.packet.body


def told(trip: Trip) -> tuple[bool, str, str | None]:
    found = verdict(trip)
    return found.talks, found.part, found.outcome.reason


def test_peers_answer_as_they_would() -> None:
    echo = answer(go("red-web-1", "red-db-1", size=1400, df=True))
    assert (echo.l4, echo.size, echo.df, echo.ttl) == ((0, 0), 1400, True, 64)
    segment = answer(go("red-web-1", "red-db-1", protocol=TCP, port=80))
    assert (segment.l4, segment.ack, segment.rst) == ((80, 49152), False, False)
    assert answer(go("red-web-1", "red-db-1", protocol=UDP, port=53)).l4 == (53, 49152)
    assert answer(go("red-web-1", "red-db-1", protocol=47)).proto == 47
    outside = answer(go("red-web-1", "198.51.100.10"))
    assert (str(outside.src), str(outside.dst)) == ("198.51.100.10", "203.0.113.11")


def test_who_talks() -> None:
    assert told(go("red-web-1", "red-db-1")) == (True, "answer", None)
    assert told(go("green-b-2", "198.51.100.10")) == (True, "answer", None)
    assert told(go("outside:internet", "203.0.113.20", protocol=TCP, port=80)) == (True, "answer", None)
    assert told(go("red-web-1", "203.0.113.33")) == (True, "answer", None)
    # Routers answer echo requests themselves.
    assert told(go("red-web-1", "10.0.1.1")) == (True, "answer", None)
    assert told(go("outside:internet", "203.0.113.11")) == (True, "answer", None)


def test_who_does_not() -> None:
    assert told(go("red-web-1", "10.0.1.1", protocol=TCP, port=22)) == (False, "way", "tcp_reset")
    assert told(go("red-web-1", "10.0.2.77")) == (False, "way", "host_unreachable")
    assert told(go("red-web-1", "red-db-1", ttl=1)) == (False, "way", "ttl_exceeded")
    one_way = changed(without_route("green", "r3", "10.1.1.0/24", "0.0.0.0/0"))
    assert told(go("green-a-1", "green-b-1", one_way)) == (False, "answer", "net_unreachable")
    assert told(go("green-b-1", "green-a-1", one_way)) == (False, "way", "net_unreachable")


def test_an_answer_to_a_lie_goes_to_who_has_the_address() -> None:
    def open_port(tenants: Tenants) -> None:
        tenants["red"]["switches"][0]["ports"][0]["port_security"] = False

    assert told(go("red-web-1", "red-db-1", changed(open_port), "10.0.1.12")) == (False, "answer", ASTRAY)


def test_an_answer_from_somebody_else_is_no_answer() -> None:
    found = go("red-web-1", "red-db-1")
    other = go("red-web-1", "red-db-2")
    crossed = verdict(replace(found, back=other.back))
    assert (crossed.talks, crossed.part, crossed.outcome.reason) == (False, "answer", STRANGE_ANSWER)
    assert "as from 10.0.2.12" in crossed.outcome.sentence
    tcp = [go("red-web-1", "red-db-1", protocol=TCP, port=80, source_port=number) for number in (1000, 1001)]
    assert told(replace(tcp[0], back=tcp[1].back)) == (False, "answer", STRANGE_ANSWER)


def test_nothing_is_answered_to_a_flood() -> None:
    flood = go("red-web-1", "10.0.1.255")
    assert flood.answer == Silence("it was flooded") and told(flood) == (True, "way", None)


def test_a_guest_that_is_not_meant_does_not_answer() -> None:
    """A route leads to a guest that has not the address: it may pass it on, but nobody here knows."""

    def edit(tenants: Tenants) -> None:
        router(tenants, "red", "r1")["routes"] = [{"prefix": "10.0.9.0/24", "nexthops": ["10.0.2.12"]}]

    found = go("red-web-1", "10.0.9.5", changed(edit))
    assert told(found) == (False, "way", NO_ANSWER)
    assert verdict(found).outcome.sentence == "delivered to red-db-2, but red-db-2 does not have the address 10.0.9.5"


def test_a_guest_without_a_gateway_does_not_answer() -> None:
    """It is in a subnet of its switch that no router is in; who asks it found its MAC by chance."""

    def edit(tenants: Tenants) -> None:
        red = tenants["red"]
        red["switches"][0]["subnets"].append("10.0.7.0/24")
        red["switches"][0]["ports"][0]["addresses"] = ["10.0.7.11"]

    network = changed(edit)
    asker = network.port_by_name["red-web-2"]
    begun = Start(asker, replace(go("red-web-2", "red-web-3").start.packet, eth_dst=network.port_by_name["red-web-1"].mac))
    body = replace(begun.packet.body, dst=IPv4Address("10.0.7.11"))  # type: ignore[type-var]
    found = trip(network, replace(begun, packet=replace(begun.packet, body=body)))
    assert told(found)[0] is False and isinstance(found.answer, Silence) and "no gateway" in found.answer.why


def ecmp(*onward: bool) -> Network:
    """a - r1 = m0, m1, ... = b: as many equal ways from r1 as `onward` has; those that are False do not lead on."""
    transit = [f"100.64.0.{n + 2}" for n in range(len(onward))]
    routers: list[dict[str, Any]] = [
        {
            "name": "r1",
            "ports": [
                {"name": "a", "addresses": ["10.0.1.1/24"], "switch": "a"},
                {"name": "t", "addresses": ["100.64.0.1/24"], "switch": "t"},
            ],
            "routes": [{"prefix": "10.0.2.0/24", "nexthops": transit}],
        }
    ]
    for number, leads_on in enumerate(onward):
        ports = [{"name": "t", "addresses": [f"{transit[number]}/24"], "switch": "t"}]
        if leads_on:
            ports.append({"name": "b", "addresses": [f"10.0.2.{number + 1}/24"], "switch": "b"})
        back = {"prefix": "10.0.1.0/24", "nexthops": ["100.64.0.1"]}
        routers.append({"name": f"m{number}", "ports": ports, "routes": [back]})
    switches = [
        {"name": "a", "subnets": ["10.0.1.0/24"], "ports": [{"name": "a-1", "addresses": ["10.0.1.11"]}]},
        {"name": "b", "subnets": ["10.0.2.0/24"], "ports": [{"name": "b-1", "addresses": ["10.0.2.211"]}]},
        {"name": "t", "subnets": ["100.64.0.0/24"]},
    ]
    return network_of({"tenants": [{"name": "many", "switches": switches, "routers": routers}]})


def test_every_way_is_gone_and_the_first_is_shown() -> None:
    network = ecmp(True, True, True)
    found, complete = trips(network, start(network, "a-1", "b-1", Traffic()))
    assert (len(found), complete) == (3, True)
    assert [one.choices for one in found] == [(Choice(f"100.64.0.{n}", 3),) for n in (2, 3, 4)]
    assert all(verdict(one).talks for one in found)


def test_ways_are_bounded() -> None:
    network = ecmp(*[True] * 60)
    begun = start(network, "a-1", "b-1", Traffic())
    assert (len(trips(network, begun)[0]), trips(network, begun)[1]) == (60, True)
    found, complete = trips(network, begun, most=7)
    assert (len(found), complete) == (7, False)
    assert trips(network, begun, most=60)[1] and not trips(network, begun, most=59)[1]


def test_of_equal_ways_some_may_lead_nowhere() -> None:
    network = ecmp(True, False, True)
    found, _ = trips(network, start(network, "a-1", "b-1", Traffic()))
    assert [told(one)[0] for one in found] == [True, False, True]


def test_members_of_a_load_balancer_are_ways() -> None:
    begun = start(NET, "red-web-1", "203.0.113.20", Traffic(TCP, 80))
    found, complete = trips(NET, begun, FACTS)
    assert complete and [one.choices[0].taken for one in found] == [f"member red/public/m{n}" for n in (1, 2, 3)]
    dead = frozenset({NET.tables["member"]["red", "public", "m1"].key})
    [shown, *_], _ = trips(NET, begun, type(FACTS)(FACTS.mtu, FACTS.neighbours, dead))
    assert shown.choices == (Choice("member red/public/m2", 2),)


def test_the_size_of_the_answer_is_the_question_s() -> None:
    assert told(go("red-web-1", "198.51.100.10", size=1450, df=True)) == (True, "answer", None)
    assert told(go("red-web-1", "198.51.100.10", size=1451, df=True)) == (False, "way", "fragmentation_needed")
    assert IPv4Address("203.0.113.11") == answer(go("red-web-1", "198.51.100.10", size=1450)).dst
