"""What a change does to who talks to whom: only differences, in groups that are right for every pair, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.model.walk_values import TCP
from ryu_overlay.oam.alike import alike
from ryu_overlay.oam.compare import Comparison, Difference, ask, compare
from ryu_overlay.oam.questions import Question, Questions, Target, tenants_concerned
from ryu_overlay.oam.start import Traffic, Unsendable
from tests.unit.oam.asked import FACTS, NET, Tenants, changed, network_of, router, without_route
from tests.unit.oam.test_trip import ecmp

Edit = Callable[[Tenants], object]


def compared(edit: Edit, **traffic: Any) -> Comparison:
    return compare(NET, changed(edit), Traffic(**traffic), FACTS)


def pairs(found: Comparison) -> dict[tuple[str, str], Difference]:
    """The differences by pair; every name is told in these networks."""
    both = [(pair, d) for d in found.differences for pair in product(d.senders, d.targets) if pair[0] != pair[1]]
    assert len(both) == sum(d.pairs for d in found.differences)
    return dict(both)


def nothing(tenants: Tenants) -> None:
    """Not even a description."""


def no_snat(tenants: Tenants) -> None:
    router(tenants, "red", "r1")["snats"] = []


def half_snat(tenants: Tenants) -> None:
    router(tenants, "red", "r1")["snats"][0]["prefixes"] = ["10.0.1.0/24", "10.0.2.12/32"]


def no_floating_ip(tenants: Tenants) -> None:
    router(tenants, "red", "r1")["floating_ips"] = []


def no_balancer(tenants: Tenants) -> None:
    tenants["red"]["load_balancers"] = [lb for lb in tenants["red"]["load_balancers"] if lb["name"] != "public"]


def drained(tenants: Tenants) -> None:
    for balancer in tenants["red"]["load_balancers"]:
        balancer["members"] = [{**member, "drained": True} for member in balancer["members"]]


def disabled(tenants: Tenants) -> None:
    tenants["red"]["switches"][0]["ports"][0]["enabled"] = False


def gone(tenants: Tenants) -> None:
    red = tenants["red"]
    red["switches"][1]["ports"] = [port for port in red["switches"][1]["ports"] if port["name"] != "red-db-2"]
    for balancer in red["load_balancers"]:
        balancer["members"] = [member for member in balancer["members"] if member["port"] != "red-db-2"]


def added(tenants: Tenants) -> None:
    tenants["red"]["switches"][0]["ports"].append({"name": "red-web-9", "addresses": ["10.0.1.99"]})


def moved(tenants: Tenants) -> None:
    router(tenants, "red", "r1")["floating_ips"][0]["port"] = "red-web-2"


def hole(tenants: Tenants) -> None:
    """Half of web is routed to nobody, from db."""
    router(tenants, "red", "r1")["routes"] = [{"prefix": "10.0.1.12/30", "nexthops": ["10.0.2.77"]}]


EDITS: tuple[Edit, ...] = (
    *(nothing, no_snat, half_snat, no_floating_ip, no_balancer, drained, disabled, gone, added, moved, hole),
    without_route("green", "r3", "0.0.0.0/0"),
    without_route("green", "r2", "10.1.1.0/24", "0.0.0.0/0"),
)


def test_nothing_changes_by_no_change() -> None:
    found = compared(nothing)
    assert (found.tenants, found.pairs, found.differences) == ((), 0, ())


def test_without_a_default_route_the_outside_goes_both_ways_and_the_inside_stays() -> None:
    found = compared(without_route("green", "r3", "0.0.0.0/0"))
    assert found.tenants == ("green",) and found.left_out == 0
    told = pairs(found)
    assert set(told) == {
        ("green-b-1", "203.0.113.1"),
        ("green-b-2", "203.0.113.1"),
        ("outside:internet", "floating-ip green/r1/one"),
    }
    assert {d.change for d in told.values()} == {"stops"}
    assert {d.after.reason for d in told.values()} == {"net_unreachable"}
    back = told["outside:internet", "floating-ip green/r1/one"].after
    assert back.sentence.startswith("answer: answered by router-port green/r3/b") and back.ends == ("port green-b-1",)
    assert found.counts == {"stops": 3, "partly": 0, "starts": 0, "otherwise": 0}


def test_one_way_alone_is_not_talking() -> None:
    told = pairs(compared(without_route("green", "r2", "10.1.1.0/24", "0.0.0.0/0")))
    inside = {(a, b) for a, b in product(("green-a-1", "green-a-2"), ("green-b-1", "green-b-2"))}
    assert inside | {(b, a) for a, b in inside} <= set(told)
    assert told["green-a-1", "green-b-1"].after.ends == ("port green-b-1",)
    assert told["green-b-1", "green-a-1"].after.ends == ("router-port green/r2/r3",)


def test_without_snat_ports_with_a_floating_ip_still_reach_the_outside() -> None:
    told = pairs(compared(no_snat))
    assert {sender for sender, _ in told} == {f"red-{name}" for name in ("web-1", "web-2", "db-1", "db-2", "db-3")}
    assert {d.after.reason for d in told.values()} == {"not_translated"}
    assert {(s, t) for s, t in pairs(compared(half_snat))} == {("red-db-1", "203.0.113.1"), ("red-db-3", "203.0.113.1")}


def test_what_is_gone_is_named() -> None:
    assert pairs(compared(no_floating_ip))["outside:internet", "floating-ip red/r1/one"].after.reason == "no_such_object"
    told = pairs(compared(gone))
    assert told["red-web-1", "red-db-2"].change == told["red-db-2", "red-web-1"].change == "stops"
    assert {told[pair].after.reason for pair in (("red-web-1", "red-db-2"), ("red-db-2", "red-web-1"))} == {"no_such_port"}
    assert told["red-web-1", "load-balancer red/public"].change == "otherwise"


def test_what_is_new_starts() -> None:
    found = compared(added)
    assert found.counts["starts"] == sum(d.pairs for d in found.differences) > 0
    assert ("red-web-9", "203.0.113.1") in pairs(found)


def test_an_end_elsewhere_is_told() -> None:
    [difference] = compared(moved).differences
    assert (difference.change, difference.before.ends, difference.after.ends) == (
        *("otherwise", ("port red-web-3",)),
        ("port red-web-2",),
    )


def test_some_of_the_equal_ways() -> None:
    good, half = ecmp(True, True), ecmp(True, False)
    worse = pairs(compare(good, half, Traffic(), FACTS))["a-1", "b-1"]
    assert (worse.change, worse.after.talks, worse.after.ways) == ("partly", "partly", 2)
    assert worse.after.reason == "net_unreachable" and "port b-1" in worse.after.ends
    assert pairs(compare(half, good, Traffic(), FACTS))["a-1", "b-1"].change == "starts"


@pytest.mark.parametrize("traffic", [Traffic(), Traffic(TCP, 80)], ids=["echo", "tcp"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_a_group_is_right_for_every_pair_of_it(edit: Edit, traffic: Traffic) -> None:
    """Ports that are taken to be alike are: each pair, asked alone, has the same answer as the group."""
    after = changed(edit)
    asked: list[tuple[str, str]] = []
    tenants = tenants_concerned(NET, after) or ("red",)
    for question in Questions(NET, after, tenants):
        wanted = [_short(ask(network, question, traffic, FACTS)) for network in (NET, after)]
        for sender, target in product(question.senders, question.targets):
            if target != Target("port", (sender,)):
                alone = Question((sender,), (target,))
                assert [_short(ask(network, alone, traffic, FACTS)) for network in (NET, after)] == wanted, (sender, target)
                asked.append((sender, target.name))
    assert len(asked) == len(set(asked)) == Questions(NET, after, tenants).pairs


def _short(finding: Any) -> tuple[Any, ...]:
    """What has to be the same for all of a group: not the names of their own ports."""
    return finding.talks, finding.reason, finding.ways, finding.complete, len(finding.ends)


def test_every_port_is_in_one_group() -> None:
    for edit in EDITS:
        after = changed(edit)
        groups = alike(NET, after, "red")
        names = [name for group in groups for name in group]
        everybody = {p.name for network in (NET, after) for p in network.tables["port"].values() if p.tenant == "red"}
        assert sorted(names) == sorted(everybody)
    assert alike(NET, NET, "red") == [("red-db-1", "red-db-2", "red-db-3"), ("red-web-1", "red-web-2"), ("red-web-3",)]


def large(ports: int) -> dict[str, Any]:
    """One tenant with so many ports on each of two switches."""
    switches = [
        {
            "name": name,
            "subnets": [f"10.{n}.0.0/16"],
            "ports": [{"name": f"{name}-{i}", "addresses": [f"10.{n}.{i // 250 + 1}.{i % 250 + 1}"]} for i in range(ports)],
        }
        for n, name in enumerate(("a", "b"))
    ]
    inner = [{"name": name, "addresses": [f"10.{n}.0.1/16"], "switch": name} for n, name in enumerate(("a", "b"))]
    return {"name": "large", "switches": switches, "routers": [{"name": "r1", "ports": inner}]}


def test_many_ports_that_are_alike_are_few_questions() -> None:
    document = large(200)
    before = network_of({"tenants": [document]})
    document["routers"][0]["ports"].pop()
    after = network_of({"tenants": [document]}, before)
    found = compare(before, after, Traffic(), FACTS)
    assert (found.pairs, found.left_out, found.questions) == (400 * 399, 0, 4)
    assert found.counts["stops"] == 2 * 200 * 200
    assert {(d.sender_count, d.target_count, len(d.senders)) for d in found.differences} == {(200, 200, 10)}


def test_what_is_left_out_is_counted() -> None:
    after = changed(disabled)
    whole = compare(NET, after, Traffic(), FACTS)
    some = compare(NET, after, Traffic(), FACTS, most=5)
    assert some.questions == 5 and some.left_out > 0 and some.pairs + some.left_out == whole.pairs
    turns = iter([True, True, False])
    stopped = compare(NET, after, Traffic(), FACTS, lambda: next(turns))
    assert stopped.questions == 2 and stopped.pairs + stopped.left_out == whole.pairs


def test_traffic_that_cannot_be_is_refused() -> None:
    with pytest.raises(Unsendable, match="port: is required"):
        compare(NET, changed(disabled), Traffic(TCP), FACTS)


def test_an_external_network_concerns_whoever_has_an_uplink_into_it() -> None:
    internet = {**WAY_OUT.document["external_networks"][0], "mtu": 1400}
    after = network_of({"external_networks": [internet], "tenants": []}, NET)
    assert tenants_concerned(NET, after) == ("blue", "green", "red")
    found = compare(NET, after, Traffic(size=1420, df=True), FACTS)
    assert found.counts["stops"] > 0 and {d.after.reason for d in found.differences} == {"fragmentation_needed"}
