"""The address that a router speaks from."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_interface

import pytest

from ryu_overlay.model.nearest import addresses_of, nearest
from tests.unit.engine.outdoors import uplink

PORT = uplink("hv1")


@pytest.mark.parametrize(
    ("sender", "spoken_from"),
    [("10.0.1.9", "10.0.1.1"), ("10.0.2.9", "10.0.2.1"), ("192.0.2.1", "10.0.1.1")],
    ids=["first", "second", "in none of them"],
)
def test_it_is_the_one_in_the_senders_subnet_or_the_first(sender: str, spoken_from: str) -> None:
    mask = int(IPv4Address("255.255.255.0"))
    known = [(int(i.ip), int(i.network.network_address), mask) for i in map(ip_interface, ("10.0.1.1/24", "10.0.2.1/24"))]
    assert nearest(known, int(IPv4Address(sender))) == int(IPv4Address(spoken_from))
    assert nearest([], int(IPv4Address(sender))) is None


def test_addresses_of_ports_are_numbers() -> None:
    (interface,) = PORT.addresses
    net = interface.network
    assert addresses_of([PORT]) == ((int(interface.ip), int(net.network_address), int(net.netmask)),)
