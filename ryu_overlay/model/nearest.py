"""Which of its addresses a router speaks from. Addresses are numbers here: it is asked for each packet that is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ryu_overlay.model.objects import RouterPort

Address = tuple[int, int, int]
"""An IPv4 address of a router, its network's address and netmask."""


def addresses_of(ports: Iterable[RouterPort]) -> tuple[Address, ...]:
    """Those of router ports, in order."""
    interfaces = (interface for port in ports for interface in port.addresses)
    return tuple((int(i.ip), int(i.network.network_address), int(i.network.netmask)) for i in interfaces)


def nearest(addresses: Sequence[Address], sender: int) -> int | None:
    """The one with the sender in its subnet, else the first (RFC 1812 section 4.3.2.4); None if there are none."""
    for address, net, mask in addresses:
        if sender & mask == net:
            return address
    return addresses[0][0] if addresses else None
