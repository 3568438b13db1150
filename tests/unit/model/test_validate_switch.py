"""Every rule about switches and their ports: the field, the reason, and that nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_overlay.model import limits
from ryu_overlay.model.edit import upsert
from ryu_overlay.model.network import Network
from tests.unit.model.bodies import BLUE, RED, by_field, edit, make, refusal, refused, the


@pytest.fixture(scope="module")
def net() -> Network:
    return make(RED, BLUE)


def refused_port(net: Network, body: dict[str, Any], path: str = "red/web/new") -> tuple[str, dict[str, str]]:
    return refused(net, "port", path, body)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a" * 64, "ä", "a\n", "\u0661"])
def test_names(net: Network, name: str) -> None:
    for kind, ref in [("tenant", ()), ("switch", ("red",)), ("port", ("red", "web")), ("router", ("red",))]:
        error = refusal(lambda: upsert(net, kind, (*ref, name), {}, "put"))  # noqa: B023 - called at once
        assert error.status == "invalid"
        assert by_field(error.problems)["name"].startswith("a name is")


@pytest.mark.parametrize("name", ["a", "0", "A.b_c-9", "a" * 63])
def test_good_names(net: Network, name: str) -> None:
    assert edit(net, "port", f"red/web/{name}", {}).created


@pytest.mark.parametrize("description", ["x" * 1025, "\x00", "\ud800"])
def test_descriptions(net: Network, description: str) -> None:
    status, problems = refused(net, "tenant", "red", {"description": description})
    assert status == "invalid" and set(problems) == {"description"}


def test_a_description_may_have_lines_and_any_letters(net: Network) -> None:
    assert edit(net, "tenant", "red", {"description": "zwei\n\tZeilen \U0001f600"}).network is not net


@pytest.mark.parametrize(
    ("mac", "reason"),
    [
        ("00:00:00:00:00:00", "00:00:00:00:00:00 is no address at all"),
        ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff is a multicast address; an interface needs a unicast one"),
        ("01:00:5e:00:00:01", "01:00:5e:00:00:01 is a multicast address; an interface needs a unicast one"),
        ("02:00", "'02:00' is not a MAC address such as 02:00:00:00:01:0b"),
    ],
)
def test_macs(net: Network, mac: str, reason: str) -> None:
    assert refused_port(net, {"mac": mac}) == ("invalid", {"mac": reason})


def test_a_mac_is_unique_on_its_switch_among_ports_and_router_ports(net: Network) -> None:
    assert refused_port(net, {"mac": "02:00:00:00:01:0b"}) == ("conflict", {"mac": "02:00:00:00:01:0b is already port web-1's"})
    assert refused_port(net, {"mac": "02:00:00:00:00:01"}) == (
        "conflict",
        {"mac": "02:00:00:00:00:01 is already router port r1/web's"},
    )
    body = {"addresses": ["10.0.1.2/24"], "switch": "web", "mac": "02:00:00:00:01:0b"}
    assert refused(net, "router_port", "red/r2/web", body) == ("conflict", {"mac": "02:00:00:00:01:0b is already port web-1's"})
    assert edit(net, "port", "red/db/new", {"mac": "02:00:00:00:01:0b"}).created


def test_attaching_brings_a_mac_or_an_address_into_conflict(net: Network) -> None:
    body = {"mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11/24"]}
    apart = edit(net, "router_port", "red/r2/x", body).network
    status, problems = refused(apart, "router_port", "red/r2/x", {"switch": "web"}, "patch")
    assert status == "conflict"
    assert problems == {"switch": "02:00:00:00:01:0b is already port web-1's | 10.0.1.11 is already port web-1's"}


def test_two_of_one_body_with_the_same_mac_and_address() -> None:
    ports = [{"name": n, "mac": "02:00:00:00:00:09", "addresses": ["10.0.0.9"]} for n in ("a", "b")]
    status, problems = refused(Network(), "tenant", "red", {"switches": [{"name": "s", "ports": ports}]})
    assert status == "invalid"
    assert problems == {
        "switches[0].ports[1].mac": "02:00:00:00:00:09 is already port a's",
        "switches[0].ports[1].addresses[0]": "10.0.0.9 is already port a's",
    }


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "0.0.0.0 is in 0.0.0.0/8, which means no particular host (RFC 1122 section 3.2.1.3)"),
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("224.0.0.1", "224.0.0.1 is a multicast address"),
        ("239.255.255.255", "239.255.255.255 is a multicast address"),
        ("255.255.255.255", "255.255.255.255 is the limited broadcast address"),
    ],
)
def test_addresses_no_interface_can_have(net: Network, address: str, reason: str) -> None:
    assert refused_port(net, {"addresses": [address]}, "red/bare/new") == ("invalid", {"addresses[0]": reason})


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.0.2.5", "10.0.2.5 is in none of the subnets of switch web (10.0.1.0/24)"),
        ("10.0.1.0", "10.0.1.0 is the network address of 10.0.1.0/24"),
        ("10.0.1.255", "10.0.1.255 is the broadcast address of 10.0.1.0/24"),
    ],
)
def test_addresses_outside_the_subnets_of_the_switch(net: Network, address: str, reason: str) -> None:
    assert refused_port(net, {"addresses": ["10.0.1.50", address]}) == ("invalid", {"addresses[1]": reason})


def test_an_address_is_unique_on_its_switch(net: Network) -> None:
    assert refused_port(net, {"addresses": ["10.0.1.11"]}) == ("conflict", {"addresses[0]": "10.0.1.11 is already port web-1's"})
    assert refused_port(net, {"addresses": ["10.0.1.1"]}) == (
        "conflict",
        {"addresses[0]": "10.0.1.1 is already router port r1/web's"},
    )
    assert refused_port(net, {"addresses": ["10.0.1.9", "10.0.1.9"]}) == ("invalid", {"addresses[1]": "10.0.1.9 is given twice"})
    body = {"addresses": ["10.0.1.11/24"], "switch": "web"}
    assert refused(net, "router_port", "red/r2/web", body) == (
        "conflict",
        {"addresses[0]": "10.0.1.11 is already port web-1's"},
    )


def test_any_address_goes_where_there_is_no_subnet(net: Network) -> None:
    assert edit(net, "port", "red/bare/new", {"addresses": ["10.0.1.0", "169.254.1.1"]}).created


def test_both_addresses_of_a_31_are_hosts() -> None:
    ports = [{"name": "a", "addresses": ["10.0.0.0"]}, {"name": "b", "addresses": ["10.0.0.1"]}]
    assert make({"name": "red", "switches": [{"name": "s", "subnets": ["10.0.0.0/31"], "ports": ports}]})


def test_a_ports_name_is_unique_over_all_tenants(net: Network) -> None:
    reason = "a port's name is unique over all tenants, and web-1 is already a port of switch red/web"
    assert refused_port(net, {}, "blue/web/web-1") == ("conflict", {"name": reason})
    assert refused_port(net, {}, "red/db/web-1") == ("conflict", {"name": reason})
    uuid = the(net, "port", "red", "web", "web-1").uuid
    assert refused_port(net, {}, f"blue/web/{uuid}")[1] == {"name": f"{uuid} is the UUID of port web-1 of switch red/web"}


def test_a_ports_name_twice_in_one_document() -> None:
    switches = [{"name": n, "ports": [{"name": "p"}]} for n in ("a", "b")]
    status, problems = refused(Network(), "tenant", "red", {"switches": switches})
    assert status == "invalid"
    assert problems == {
        "switches[1].ports[0].name": "a port's name is unique over all tenants, and p is already a port of switch red/a"
    }


@pytest.mark.parametrize("vni", [0, -1, 2**22])
def test_vnis_out_of_range(net: Network, vni: int) -> None:
    assert refused(net, "switch", "red/new", {"vni": vni}) == ("invalid", {"vni": f"{vni} is not between 1 and 4194303"})


def test_a_vni_is_unique(net: Network) -> None:
    assert refused(net, "switch", "red/new", {"vni": 7}) == ("conflict", {"vni": "7 is already switch web's"})
    assert refused(net, "switch", "blue/new", {"vni": 7}) == ("conflict", {"vni": "7 is already switch red/web's"})
    body = {"switches": [{"name": "a", "vni": 3}, {"name": "b", "vni": 3}]}
    assert refused(Network(), "tenant", "red", body) == ("invalid", {"switches[1].vni": "3 is already switch a's"})
    assert edit(net, "switch", "red/web", {"vni": 2**22 - 1}, "patch").network.vnis[2**22 - 1] == ("red", "web")


@pytest.mark.parametrize(
    ("subnets", "field", "reason"),
    [
        (["10.1.0.0/16", "10.1.2.0/24"], "subnets[1]", "10.1.2.0/24 overlaps 10.1.0.0/16 of the same switch"),
        (["10.1.0.0/16", "10.1.0.0/16"], "subnets[1]", "10.1.0.0/16 overlaps 10.1.0.0/16 of the same switch"),
        (["0.0.0.0/0"], "subnets[0]", "0.0.0.0/0 has a prefix length that is not between 1 and 31"),
        (["10.0.0.1/32"], "subnets[0]", "10.0.0.1/32 has a prefix length that is not between 1 and 31"),
        (["224.1.0.0/16"], "subnets[0]", "224.1.0.0/16 is a multicast address"),
        (["127.0.0.0/9"], "subnets[0]", "127.0.0.0/9 is a loopback address"),
    ],
)
def test_subnets(net: Network, subnets: list[str], field: str, reason: str) -> None:
    body = {"subnets": subnets, "ports": [{"name": "new"}]}
    assert refused(net, "switch", "red/new", body) == ("invalid", {field: reason})


def test_subnets_that_would_leave_an_address_outside(net: Network) -> None:
    status, problems = refused(net, "switch", "red/web", {"subnets": ["10.0.1.0/28"]}, "patch")
    assert status == "conflict"
    assert problems == {"subnets": "router port r1/web: 10.0.1.0/24 is not one of the subnets of switch web (10.0.1.0/28)"}
    status, problems = refused(net, "switch", "blue/web", {"subnets": ["10.0.0.0/29"]})
    assert problems == {"subnets": "port blue-1: 10.0.1.11 is in none of the subnets of switch web (10.0.0.0/29)"}
    assert edit(net, "switch", "red/web", {"subnets": []}).network is not net


def test_subnets_that_make_an_address_the_broadcast_address(net: Network) -> None:
    apart = edit(net, "port", "blue/web/blue-1", {"addresses": ["10.0.1.15"]}).network
    _, problems = refused(apart, "switch", "blue/web", {"subnets": ["10.0.1.0/28"]})
    assert problems == {"subnets": "port blue-1: 10.0.1.15 is the broadcast address of 10.0.1.0/28"}


def test_a_port_of_the_same_body_answers_for_its_own_address(net: Network) -> None:
    body = {"subnets": ["10.0.9.0/24"], "ports": [{"name": "blue-1", "addresses": ["10.0.8.1"]}]}
    _, problems = refused(net, "switch", "blue/web", body)
    assert problems == {"ports[0].addresses[0]": "10.0.8.1 is in none of the subnets of switch web (10.0.9.0/24)"}


def test_absurd_sizes(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    subnets = [f"10.{n}.0.0/24" for n in range(65)]
    assert refused(net, "switch", "red/new", {"subnets": subnets}) == (
        "invalid",
        {"subnets[64]": "a switch has at most 64 subnets"},
    )
    addresses = [f"10.0.7.{n}" for n in range(65)]
    assert refused_port(net, {"addresses": addresses}, "red/bare/p") == (
        "invalid",
        {"addresses[64]": "a port has at most 64 addresses"},
    )
    monkeypatch.setattr(limits, "MAX_PORTS_PER_SWITCH", 3)
    full = edit(net, "port", "red/web/new", {}).network
    _, problems = refused_port(full, {}, "red/web/more")
    assert problems == {"name": "switch web would have 4 ports; at most 3 are allowed"}
    body = {"ports": [{"name": f"p{n}"} for n in range(4001)]}
    _, problems = refused(net, "switch", "red/web", body, "patch")
    assert problems == {"ports": "4,001 are given; at most 4,000 are allowed"}
