"""Ports that a packet's way cannot tell apart, neither before a change nor after it: what holds for one holds for all of them.

Two ports are alike when they are on one switch with the same settings and no subnet, route, NAT rule or address of their tenant
falls between their first addresses; and when floating IPs and load balancers stand for both in the same way, or for neither.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ryu_overlay.model.external import inside_of, own_addresses
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import Port

Mark = tuple[object, ...]


def alike(before: Network, after: Network, tenant: str) -> list[tuple[str, ...]]:
    """The names of a tenant's ports that have an address before or after, in groups; in each group in order.

    Those of which something changes come first, then the larger ones.
    """
    sides = (_Side.of(before, tenant), _Side.of(after, tenant))
    groups: dict[tuple[Mark | None, ...], list[str]] = {}
    for name in sorted({*sides[0].ports, *sides[1].ports}):
        groups.setdefault(tuple(side.situation(name) for side in sides), []).append(name)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] == item[0][1], -len(item[1])))
    return [tuple(names) for _, names in ordered]


@dataclass(frozen=True, slots=True)
class _Side:
    """A tenant in one of the two networks: its ports with addresses, where its prefixes begin and end (in order), and what stands
    for inside addresses."""

    ports: dict[str, Port]
    edges: list[int]
    marks: dict[IPv4Address, frozenset[Mark]]

    @staticmethod
    def of(network: Network, tenant: str) -> _Side:
        ports = {p.name: p for p in network.tables["port"].values() if p.tenant == tenant and p.addresses}
        routers = [view for ref, view in network.router_views.items() if ref[0] == tenant]
        edges = {edge for prefix in _prefixes(network, tenant, routers) for edge in _edges(prefix)}
        marks: dict[IPv4Address, set[Mark]] = {}
        for address, mark in _marks(network, tenant, routers):
            marks.setdefault(address, set()).add(mark)
        return _Side(ports, sorted(edges), {address: frozenset(found) for address, found in marks.items()})

    def situation(self, name: str) -> Mark | None:
        """All that matters of a port, None if it is not here."""
        port = self.ports.get(name)
        if port is None:
            return None
        where = bisect_right(self.edges, int(port.addresses[0]))
        return port.switch, port.enabled, port.port_security, where, self.marks.get(port.addresses[0])


def _prefixes(network: Network, tenant: str, routers: Iterable[RouterView]) -> Iterator[IPv4Network]:
    """Everything that decides by the addresses of packets, single addresses among them."""
    for ref, switch in network.switch_views.items():
        if ref[0] == tenant:
            yield from switch.switch.subnets
    for view in routers:
        interfaces = [interface for port in view.ports for interface in port.addresses]
        yield from (interface.network for interface in interfaces)
        yield from (route.prefix for route in view.routes)
        yield from (prefix for snat in view.snats for prefix in snat.prefixes)
        external = (*own_addresses(view), *(floating.address for floating, _ in view.floating_ips))
        yield from (IPv4Network(address) for address in (*(i.ip for i in interfaces), *external))
    yield from (IPv4Network(view.balancer.vip) for view in network.balancers.get(tenant, ()))


def _edges(prefix: IPv4Network) -> Iterator[int]:
    """Where a prefix begins and ends; its network and broadcast addresses (not of 31 bits, RFC 3021) are places of their own."""
    first, last = int(prefix.network_address), int(prefix.broadcast_address)
    yield from (first, last + 1)
    if prefix.prefixlen < 31:
        yield from (first + 1, last)


def _marks(network: Network, tenant: str, routers: Iterable[RouterView]) -> Iterator[tuple[IPv4Address, Mark]]:
    for view in routers:
        for floating, port in view.floating_ips:
            yield inside_of(floating, port), ("floating_ip", view.router.ref)
    for balancer in network.balancers.get(tenant, ()):
        for member, port in balancer.members:
            if port.addresses:
                yield port.addresses[0], ("member", balancer.balancer.ref, balancer.number(member))
