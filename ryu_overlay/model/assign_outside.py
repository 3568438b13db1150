"""What is taken and what is free in external networks, for assigning addresses and MACs there."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from ryu_overlay.model.check_external import external_address_fault, subnet_holds
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, RouterPort
from ryu_overlay.model.outside import Outside


class Externals:
    """Every external network as a draft has it; each is read once, when it is first asked for."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._macs: dict[str, set[str]] = {}
        self._free: dict[str, Iterator[IPv4Address]] = {}

    def network_of(self, obj: RouterPort | FloatingIp) -> ExternalNetwork | None:
        """The external network that an uplink goes into or a floating IP is in; None if there is none or its subnet is wrong."""
        if isinstance(obj, RouterPort):
            names = [obj.external]
        else:
            names = [uplink.external for uplink in self._outside.uplinks_of((obj.tenant, obj.router))]
        network = self._outside.network(names[0]) if names and names[0] is not None else None
        return network if network is not None and subnet_holds(network) else None

    def macs(self, network: ExternalNetwork) -> set[str]:
        """The MACs that are taken in it."""
        if network.name not in self._macs:
            uplinks = self._outside.uplinks_in(network.name)
            floating = [ip for up in uplinks for ip in self._outside.floating_ips_of((up.tenant, up.router))]
            self._macs[network.name] = {up.mac for up in uplinks} | {ip.mac for ip in floating}
        return self._macs[network.name]

    def take(self, network: ExternalNetwork) -> IPv4Interface | None:
        """The lowest free address of its pools, no longer free; None if none is left."""
        if network.name not in self._free:
            self._free[network.name] = _free(network, set(self._addresses(network)))
        address = next(self._free[network.name], None)
        return None if address is None else IPv4Interface((address, network.subnet.prefixlen))

    def _addresses(self, network: ExternalNetwork) -> Iterator[IPv4Address]:
        """Every address in it that somebody has."""
        for uplink in self._outside.uplinks_in(network.name):
            router = uplink.tenant, uplink.router
            yield from (interface.ip for interface in uplink.addresses)
            yield from (floating_ip.address for floating_ip in self._outside.floating_ips_of(router))
            yield from (address for snat in self._outside.snats_of(router) for address in snat.addresses)
            yield from (balancer.vip for balancer in self._outside.balancers_on("router", router))


def _free(network: ExternalNetwork, taken: set[IPv4Address]) -> Iterator[IPv4Address]:
    for first, last in sorted(network.pools):
        # A pool that reaches out of its subnet is refused later; it must not be walked to its end before.
        low, high = max(first, network.subnet[0]), min(last, network.subnet[-1])
        for number in range(int(low), int(high) + 1):
            address = IPv4Address(number)
            if address not in taken and external_address_fault(network, address) is None:
                yield address
