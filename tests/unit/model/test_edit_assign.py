"""What is assigned: keys, VNIs, MACs and addresses; and what happens when there is none left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Any

import pytest

from ryu_overlay.model.edit import upsert
from ryu_overlay.model.network import Network
from ryu_overlay.model.numbers import MAX_KEY, MAX_TENANT_KEY, mac_for
from ryu_overlay.model.values import MAX_VNI, mac_fault
from tests.unit.model.bodies import BLUE, RED, by_field, edit, make, refusal, refused, the


class Full(Mapping[int, Any]):
    """An index in which every number from 1 to `last` is taken, but for some."""

    def __init__(self, last: int, free: frozenset[int] = frozenset()) -> None:
        self.last, self.free = last, free

    def __getitem__(self, number: int) -> Any:
        if not 1 <= number <= self.last or number in self.free:
            raise KeyError(number)
        return ("someone", "else")

    def __iter__(self) -> Iterator[int]:
        return (n for n in range(1, self.last + 1) if n not in self.free)

    def __len__(self) -> int:
        return self.last - len(self.free)


def addresses(network: Network, switch: str) -> dict[str, list[str]]:
    return {p.name: [str(a) for a in p.addresses] for p in network.switch_views["red", switch].ports}


def test_addresses_are_the_lowest_free_host_of_each_subnet() -> None:
    ports = [{"name": "a"}, {"name": "b"}, {"name": "c", "addresses": ["10.0.0.2"]}, {"name": "d", "addresses": []}]
    router = {"name": "r", "ports": [{"name": "x", "addresses": ["10.0.0.1/29"], "switch": "s"}]}
    switch = {"name": "s", "subnets": ["10.0.0.0/29", "192.168.0.0/31", "172.16.0.0/12"], "ports": ports}
    net = make({"name": "red", "switches": [switch], "routers": [router]})
    assert addresses(net, "s") == {
        "a": ["10.0.0.3", "192.168.0.0", "172.16.0.2"],
        "b": ["10.0.0.4", "192.168.0.1", "172.16.0.3"],
        "c": ["10.0.0.2"],
        "d": [],
    }
    status, problems = refused(net, "port", "red/s/e", {})
    assert (status, problems) == ("conflict", {"addresses": "no address is free in 192.168.0.0/31 of switch s"})


@pytest.mark.parametrize(
    ("subnet", "hosts"),
    [("10.0.0.0/28", range(2, 15)), ("10.0.0.0/29", range(2, 7)), ("10.0.0.0/30", (1, 2)), ("10.0.0.0/31", (0, 1))],
)
def test_every_host_but_the_gateways_is_assigned_and_not_one_more(subnet: str, hosts: Sequence[int]) -> None:
    """The first host address is left for a gateway, except where there are too few addresses to leave any."""
    switch = {"name": "s", "subnets": [subnet], "ports": [{"name": f"p{n:02}"} for n, _ in enumerate(hosts)]}
    net = make({"name": "red", "switches": [switch]})
    assert [a for [a] in addresses(net, "s").values()] == [f"10.0.0.{n}" for n in hosts]
    assert refused(net, "port", "red/s/one-more", {}) == (
        "conflict",
        {"addresses": f"no address is free in {subnet} of switch s"},
    )


def test_a_gateways_address_can_be_given_to_a_port() -> None:
    switch = {"name": "s", "subnets": ["10.0.0.0/29"], "ports": [{"name": "a", "addresses": ["10.0.0.1"]}, {"name": "b"}]}
    assert addresses(make({"name": "red", "switches": [switch]}), "s") == {"a": ["10.0.0.1"], "b": ["10.0.0.2"]}


def test_a_freed_address_is_found_again() -> None:
    net = make(RED)
    body = {"ports": [{"name": "web-2"}, {"name": "new"}]}
    after = edit(net, "switch", "red/web", body, "patch").network
    assert addresses(after, "web") == {"web-2": ["10.0.1.12"], "new": ["10.0.1.2"]}


def test_assigning_runs_on_over_addresses_that_end_in_0_and_255() -> None:
    switch = {"name": "s", "subnets": ["10.0.0.0/16"], "ports": [{"name": f"p{n:03}"} for n in range(300)]}
    assigned = [a for [a] in addresses(make({"name": "red", "switches": [switch]}), "s").values()]
    assert assigned == [str(IPv4Address("10.0.0.2") + n) for n in range(300)]


def test_no_reserved_address_is_assigned() -> None:
    net = make({"name": "red", "switches": [{"name": "s", "subnets": ["0.0.0.0/1"], "ports": [{"name": "a"}]}]})
    assert addresses(net, "s") == {"a": ["1.0.0.0"]}


def test_a_port_on_a_switch_without_subnets_has_none() -> None:
    net = edit(make(RED), "port", "red/bare/p", {}).network
    assert addresses(net, "bare") == {"p": []}


def test_a_switch_that_gets_a_subnet_leaves_its_ports_alone() -> None:
    net = edit(make(RED), "switch", "red/db", {"subnets": ["10.0.2.0/24", "10.0.3.0/24"]}).network
    assert addresses(net, "db") == {"db-1": ["10.0.2.2"]}


def test_macs_are_unicast_local_unique_and_follow_from_the_key() -> None:
    net = make(RED, BLUE)
    assigned = [the(net, "port", "red", "db", "db-1"), the(net, "router_port", "red", "r1", "up")]
    for obj in assigned:
        assert obj.mac == mac_for(obj.key, ())
        assert mac_fault(obj.mac) is None
        assert int(obj.mac[:2], 16) & 3 == 2
    assert len({mac_for(key, ()) for key in (1, 2, MAX_KEY)}) == 3


def test_an_assigned_mac_keeps_clear_of_given_ones() -> None:
    net = make(RED)
    stolen = mac_for(net.next_key + 1, ())
    body = {"ports": [{"name": "web-1"}, {"name": "web-2"}, {"name": "thief", "mac": stolen}, {"name": "victim"}]}
    after = edit(net, "switch", "red/web", body, "patch").network
    victim = the(after, "port", "red", "web", "victim")
    assert mac_for(victim.key, ()) == stolen
    assert victim.mac == mac_for(victim.key, {stolen}) != stolen
    assert victim.mac[9:] == stolen[9:], "the key's part stays, or it could be another key's MAC"
    stolen = mac_for(after.next_key, ())
    thief = edit(after, "router_port", "red/r1/up", {"mac": stolen}, "patch").network
    port = the(edit(thief, "router_port", "red/r1/x", {"addresses": ["10.7.0.1/24"]}).network, "router_port", "red", "r1", "x")
    assert mac_for(port.key, ()) == stolen != port.mac


def test_vnis_are_assigned_around_those_given_anywhere_in_the_body() -> None:
    switches = [{"name": "a"}, {"name": "b", "vni": 1}, {"name": "c"}, {"name": "d", "vni": 3}]
    net = make({"name": "red", "switches": switches})
    assert {ref[1]: vni for vni, ref in net.vnis.items()} == {"a": 2, "b": 1, "c": 4, "d": 3}


def test_numbers_rest_before_they_are_used_again_and_wrap_around() -> None:
    net = replace(make({"name": "red"}), next_key=MAX_KEY, next_vni=MAX_VNI, next_tenant_key=MAX_TENANT_KEY)
    net = edit(net, "tenant", "blue", {"switches": [{"name": "a"}, {"name": "b"}]}).network
    assert sorted(net.vnis) == [1, MAX_VNI]
    assert the(net, "switch", "blue", "a").key == MAX_KEY
    assert the(net, "switch", "blue", "b").key == 1
    assert the(net, "tenant", "blue").key == MAX_TENANT_KEY
    assert (net.next_key, net.next_vni, net.next_tenant_key) == (2, 2, 1)
    assert the(edit(net, "tenant", "green", {}).network, "tenant", "green").key == 2


@pytest.mark.parametrize(
    ("index", "last", "field", "reason"),
    [
        ("by_key", MAX_KEY, "name", "no key is free: all 16,777,215 are taken"),
        ("vnis", MAX_VNI, "vni", "no VNI is free: all 4,194,303 are taken"),
    ],
)
def test_when_numbers_run_out(index: str, last: int, field: str, reason: str) -> None:
    net = make({"name": "red"})
    indexes: dict[str, Any] = {index: Full(last)}
    full = replace(net, **indexes)
    error = refusal(lambda: upsert(full, "switch", ("red", "a"), {}, "put"))
    assert (error.status, by_field(error.problems)) == ("conflict", {field: reason})


def test_the_last_free_number_is_found() -> None:
    net = replace(make({"name": "red"}), vnis=MappingProxyType(Full(MAX_VNI, frozenset({9}))), next_vni=5)
    body = [{"name": "a"}, {"name": "b"}]
    error = refusal(lambda: upsert(net, "tenant", ("red",), {"switches": body}, "put"))
    assert by_field(error.problems) == {"switches[1].vni": f"no VNI is free: all {MAX_VNI:,} are taken"}


def test_when_tenant_keys_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ryu_overlay.model.numbers.MAX_TENANT_KEY", 2)
    net = make({"name": "a"}, {"name": "b"})
    status, problems = refused(net, "tenant", "c", {})
    assert (status, problems) == ("conflict", {"name": "no tenant key is free: all 2 are taken"})
