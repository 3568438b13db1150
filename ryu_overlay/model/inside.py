"""What a router reaches without its uplink: the addresses that source NATs and floating IPs can stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from ryu_overlay.model.objects import Route, RouterPort


def inside_networks(ports: Iterable[RouterPort], routes: Sequence[Route]) -> list[IPv4Network]:
    """The subnets of a router's `ports` other than its uplink, then the prefixes of `routes` with a next hop in one of them."""
    connected = [interface.network for port in ports if port.external is None for interface in port.addresses]
    return [*connected, *(r.prefix for r in routes if any(hop in subnet for hop in r.nexthops for subnet in connected))]
