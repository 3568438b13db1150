"""The first packet of a question: what a VM or a host outside would really send, and what nobody would."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk_values import BROADCAST, ICMP, NOT_KNOWN, TCP, UDP, Ip
from ryu_overlay.oam.start import Start, Traffic, Unsendable, start
from tests.unit.model.walk_network import NET as INNER
from tests.unit.oam.asked import FACTS, NET, UPSTREAM, changed


def begin(sender: str, to: str, source: str | None = None, **traffic: Any) -> Start:
    return start(NET, sender, to, Traffic(**traffic), None if source is None else IPv4Address(source), FACTS)


def mac_of(kind: str, *ref: str) -> str:
    return str(NET.tables[kind][ref].mac)


def test_an_echo_request_to_the_gateway_of_the_port_or_to_the_owner_on_its_link() -> None:
    far = begin("red-web-1", "10.0.2.12")
    assert isinstance(far.at, Port) and far.at.name == "red-web-1"
    assert (far.packet.eth_src, far.packet.eth_dst) == (far.at.mac, mac_of("router_port", "red", "r1", "web"))
    assert far.packet.body == Ip(IPv4Address("10.0.1.11"), IPv4Address("10.0.2.12"), ICMP, 64, (8, 0))
    assert begin("red-web-1", "red-web-2").packet.eth_dst == mac_of("port", "red", "web", "red-web-2")
    assert begin("red-web-1", "10.0.1.1").packet.eth_dst == mac_of("router_port", "red", "r1", "web")
    assert begin("red-db-1", "10.0.2.100", protocol=TCP, port=80).packet.eth_dst == mac_of("load_balancer", "red", "near")


def test_traffic_is_as_asked() -> None:
    ip = begin("red-web-1", "red-db-1", protocol=TCP, port=80, size=1400, ttl=3, df=True).packet.body
    assert isinstance(ip, Ip)
    assert (ip.proto, ip.l4, ip.size, ip.ttl, ip.df, ip.ack, ip.rst) == (TCP, (49152, 80), 1400, 3, True, False, False)
    assert begin("red-web-1", "red-db-1", protocol=UDP, port=53, source_port=5).packet.body.l4 == (5, 53)  # type: ignore[union-attr]
    assert begin("red-web-1", "red-db-1", protocol=47).packet.body.l4 == (0, 0)  # type: ignore[union-attr]


def test_groups_have_their_macs() -> None:
    assert begin("red-web-1", "10.0.1.255").packet.eth_dst == BROADCAST
    assert begin("red-web-1", "255.255.255.255").packet.eth_dst == BROADCAST
    assert begin("red-web-1", "239.129.2.3").packet.eth_dst == "01:00:5e:01:02:03"


def test_a_guest_that_lies_about_its_address_still_finds_its_gateway() -> None:
    packet = begin("red-web-1", "10.0.2.11", source="192.0.2.9").packet
    assert packet.eth_dst == mac_of("router_port", "red", "r1", "web")
    assert isinstance(packet.body, Ip) and str(packet.body.src) == "192.0.2.9"


def test_from_outside_it_goes_to_the_mac_that_answers_for_the_address() -> None:
    floating = begin("outside:internet", "203.0.113.31")
    assert floating.at == ("internet",)
    assert (floating.packet.eth_src, floating.packet.eth_dst) == (UPSTREAM, mac_of("floating_ip", "red", "r1", "one"))
    assert isinstance(floating.packet.body, Ip) and str(floating.packet.body.src) == "203.0.113.1"
    beyond = begin("outside:internet/198.51.100.7", "203.0.113.20", protocol=TCP, port=80).packet
    assert (beyond.eth_src, beyond.eth_dst) == (UPSTREAM, mac_of("router_port", "red", "r1", "up"))
    assert str(beyond.body.src) == "198.51.100.7"  # type: ignore[union-attr]
    assert start(NET, "outside:internet", "203.0.113.31", Traffic()).packet.eth_src == NOT_KNOWN


@pytest.mark.parametrize(
    ("field", "code", "asked"),
    [
        ("from", "no_such_port", ("nobody", "10.0.2.11", {})),
        ("to", "no_such_port", ("red-web-1", "nobody", {})),
        ("to", "own_address", ("red-web-1", "10.0.1.11", {})),
        ("to", "not_sent", ("red-web-1", "127.0.0.1", {})),
        ("to", "nobody_there", ("red-web-1", "10.0.1.77", {})),
        ("from", "no_such_network", ("outside:nowhere", "203.0.113.31", {})),
        ("from", "own_address", ("outside:internet/203.0.113.31", "203.0.113.11", {})),
        ("from", "bad_value", ("outside:internet/here", "203.0.113.31", {})),
        ("to", "nobody_there", ("outside:internet", "203.0.113.77", {})),
        ("to", "not_outside", ("outside:internet", "10.0.1.11", {})),
        ("source", "bad_value", ("outside:internet/198.51.100.7", "203.0.113.31", {"source": "198.51.100.8"})),
        ("port", "bad_value", ("red-web-1", "red-db-1", {"protocol": TCP})),
        ("port", "bad_value", ("red-web-1", "red-db-1", {"port": 80})),
        ("source_port", "bad_value", ("red-web-1", "red-db-1", {"source_port": 80})),
        ("port", "bad_value", ("red-web-1", "red-db-1", {"protocol": UDP, "port": 0})),
        ("size", "bad_value", ("red-web-1", "red-db-1", {"size": 27})),
        ("size", "bad_value", ("red-web-1", "red-db-1", {"protocol": TCP, "port": 1, "size": 39})),
        ("ttl", "bad_value", ("red-web-1", "red-db-1", {"ttl": 0})),
        ("protocol", "bad_value", ("red-web-1", "red-db-1", {"protocol": 256})),
    ],
)
def test_what_nobody_would_send_is_refused_with_its_field(field: str, code: str, asked: tuple[str, str, dict[str, Any]]) -> None:
    with pytest.raises(Unsendable) as refusal:
        begin(asked[0], asked[1], **asked[2])
    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert (refusal.value.problem.field, refusal.value.problem.reason) == (field, refusal.value.reason)


def test_a_port_without_address_or_gateway() -> None:
    def edit(tenants: Any) -> None:
        tenants["red"]["switches"][0]["ports"].append({"name": "bare", "addresses": []})
        tenants["red"]["switches"].append(
            {"name": "alone", "subnets": ["10.0.9.0/24"], "ports": [{"name": "hermit"}, {"name": "other"}]}
        )

    network = changed(edit)

    def refusal(sender: str, to: str, source: str | None = None) -> tuple[str, str]:
        with pytest.raises(Unsendable) as error:
            start(network, sender, to, Traffic(), None if source is None else IPv4Address(source))
        return error.value.field, error.value.code

    assert refusal("bare", "10.0.2.11") == ("from", "no_address")
    assert refusal("red-web-1", "bare") == ("to", "no_address")
    assert refusal("hermit", "10.0.2.11") == ("from", "no_gateway")
    assert start(network, "hermit", "other", Traffic()).packet.eth_dst == network.port_by_name["other"].mac
    given = start(network, "bare", "10.0.2.11", Traffic(), IPv4Address("10.0.1.99"))
    assert given.packet.eth_dst == mac_of("router_port", "red", "r1", "web")


def test_the_gateway_is_the_router_port_in_the_subnet_of_the_source() -> None:
    packet = start(INNER, "red-b", "10.0.2.11", Traffic(), IPv4Address("10.0.1.22")).packet
    assert packet.eth_dst == INNER.tables["router_port"]["red", "r1", "web"].mac


@pytest.mark.parametrize("to", ["255.255.255.255", "224.0.0.5", "127.0.0.1", "0.0.0.0"])
def test_a_router_sends_to_hosts_only(to: str) -> None:
    with pytest.raises(Unsendable) as raised:
        begin("router:red/r1", to)
    assert (raised.value.field, raised.value.code) == ("to", "not_sent")
