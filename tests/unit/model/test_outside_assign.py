"""What edits of the way out assign: numbers and addresses of uplinks and floating IPs, MACs."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from ryu_overlay.model.edit import delete
from ryu_overlay.model.network import MAX_ZONE, Network
from ryu_overlay.model.values import MAX_VNI
from tests.unit.model.bodies import edit, make, refused, the

EXTERNAL = {
    "physical_network": "physnet1",
    "subnet": "192.0.2.0/28",
    "gateway": "192.0.2.1",
    "pools": ["192.0.2.9-192.0.2.10", "192.0.2.2-192.0.2.4"],
}


def with_routers(count: int, **uplink: Any) -> Network:
    base = edit(Network(), "external_network", "lan", EXTERNAL).network
    ports = [{"name": "up", "external": "lan", **uplink}]
    routers: list[Any] = [{"name": f"r{n}", "ports": ports} for n in range(count)]
    routers[0]["ports"] = [*ports, {"name": "web", "addresses": ["10.0.1.1/24"], "switch": "web"}]
    web = {"name": "web", "subnets": ["10.0.1.0/24"], "ports": [{"name": f"p{n}"} for n in range(3)]}
    return make({"name": "red", "switches": [web], "routers": routers}, base=base)


def uplink(net: Network, router: str = "r0") -> Any:
    return the(net, "router_port", "red", router, "up")


def address(net: Network, router: str = "r0") -> str:
    return str(uplink(net, router).addresses[0])


def test_uplinks_get_the_lowest_free_addresses_of_the_pools() -> None:
    net = with_routers(5)
    wanted = [f"192.0.2.{host}/28" for host in (2, 3, 4, 9, 10)]
    assert [address(net, f"r{n}") for n in range(5)] == wanted
    reason = "no address is free in the pools of external network lan"
    body: Any = {"ports": [{"name": "up", "external": "lan"}]}
    assert refused(net, "router", "red/r9", body) == ("conflict", {"ports[0].addresses": reason})
    given: Any = {"ports": [{"name": "up", "external": "lan", "addresses": ["192.0.2.8/28"]}]}
    assert edit(net, "router", "red/r9", given).created


def test_nothing_that_is_taken_in_the_external_network_is_assigned() -> None:
    net = edit(with_routers(1), "floating_ip", "red/r0/a", {"port": "p0"}).network
    assert str(the(net, "floating_ip", "red", "r0", "a").address) == "192.0.2.3"
    net = edit(net, "snat", "red/r0/s", {"prefixes": ["10.0.1.0/24"], "addresses": ["192.0.2.4"]}).network
    net = edit(net, "load_balancer", "red/l", {"vip": "192.0.2.9", "port": 80, "router": "r0"}).network
    net = edit(net, "floating_ip", "red/r0/b", {"port": "p1"}).network
    assert str(the(net, "floating_ip", "red", "r0", "b").address) == "192.0.2.10"
    reason = "no address is free in the pools of external network lan"
    assert refused(net, "floating_ip", "red/r0/c", {"port": "p2"}) == ("conflict", {"address": reason})


def test_what_is_assigned_stays_and_a_port_that_is_no_uplink_has_none_of_it() -> None:
    net = with_routers(1)
    before = uplink(net)
    assert edit(net, "router_port", "red/r0/up", {"external": "lan"}).network is net
    after = uplink(edit(net, "router_port", "red/r0/up", {"external": "lan", "gateways": ["hv1"]}).network)
    assert after == replace(before, gateways=("hv1",))
    net = edit(net, "router_port", "red/r0/up", {"addresses": ["192.0.2.2/28"]}).network
    assert (uplink(net).vni, uplink(net).zone) == (0, 0)
    assert not net.zones
    assert before.vni not in net.vnis


def test_zones_go_downward_rest_and_are_never_tenant_keys() -> None:
    net = with_routers(3)
    assert sorted(net.zones) == [MAX_ZONE - 2, MAX_ZONE - 1, MAX_ZONE]
    net = delete(net, "router_port", ("red", "r1", "up"))
    net = edit(net, "router_port", "red/r1/up", {"external": "lan"}).network
    assert uplink(net, "r1").zone == MAX_ZONE - 3
    assert make({"name": "last"}, base=replace(net, next_tenant_key=MAX_ZONE - 2)).tables["tenant"]["last",].key == MAX_ZONE - 1
    net = make({"name": "blue"}, base=replace(net, next_tenant_key=MAX_ZONE))
    assert the(net, "tenant", "blue").key == 2, "the zones at the top are passed over"
    net = edit(replace(net, next_zone=2), "router", "red/r9", {"ports": [{"name": "up", "external": "lan"}]}).network
    assert uplink(net, "r9").zone == MAX_ZONE - 1, "2 and 1 are keys of tenants"


def test_a_new_tenant_and_its_uplink_do_not_share_a_number() -> None:
    base = replace(edit(Network(), "external_network", "lan", EXTERNAL).network, next_zone=1)
    routers = [{"name": "r", "ports": [{"name": "up", "external": "lan"}]}]
    net = make({"name": "red", "routers": routers}, base=base)
    assert (the(net, "tenant", "red").key, list(net.zones)) == (1, [MAX_ZONE])


def test_vnis_are_given_to_switches_and_uplinks_from_one_space() -> None:
    net = with_routers(2)
    assert net.vnis == {1: ("red", "web"), 2: ("red", "r0", "up"), 3: ("red", "r1", "up")}
    full = replace(net, vnis=MappingProxyType(dict.fromkeys(range(1, 4), ("x",))), next_vni=MAX_VNI)
    assert uplink(edit(full, "router", "red/r9", {"ports": [{"name": "up", "external": "lan"}]}).network, "r9").vni == MAX_VNI


def test_macs_keep_clear_of_given_ones() -> None:
    net = with_routers(1)
    at = net.next_key
    taken = f"02:6f:76:00:00:{at + 2:02x}"
    net = edit(net, "router", "red/r1", {"ports": [{"name": "up", "external": "lan", "mac": taken}]}).network
    net = edit(net, "floating_ip", "red/r0/f", {"port": "p0"}).network
    assert the(net, "floating_ip", "red", "r0", "f").mac == taken.replace("02:6f:76", "02:6f:77")
    taken = f"02:6f:76:00:00:{net.next_key + 1:02x}"
    net = edit(net, "port", "red/web/p9", {"mac": taken}).network
    net = edit(net, "load_balancer", "red/l", {"vip": "10.0.1.100", "port": 80, "switch": "web"}).network
    assert the(net, "load_balancer", "red", "l").mac != taken


def test_ports_are_not_assigned_the_vip_of_a_balancer_on_their_switch() -> None:
    net = with_routers(1)
    net = edit(net, "load_balancer", "red/l", {"vip": "10.0.1.5", "port": 80, "switch": "web"}).network
    net = edit(net, "port", "red/web/p8", {}).network
    assert str(the(net, "port", "red", "web", "p8").addresses[0]) == "10.0.1.6"


@pytest.mark.parametrize("external", [{}, {"external": "nowhere"}])
def test_without_an_external_network_there_is_no_address(external: Any) -> None:
    net = edit(with_routers(1), "router", "red/r2", {}).network
    status, reasons = refused(net, "floating_ip", "red/r2/f", {"port": "p0"})
    assert status == "conflict" or status == "invalid"
    assert "has no uplink" in " ".join(reasons.values())
    if external:
        assert "there is no external network nowhere" in " ".join(refused(net, "router_port", "red/r2/up", external)[1].values())
