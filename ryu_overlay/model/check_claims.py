"""What must hold between all who have addresses in one external network: nobody has another's address or MAC.

A router's uplink, its source NATs and its VIPs may share an address, for its connections tell them apart; a floating IP shares
with nobody. Tenants do not know of one another, but here they meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from ryu_overlay.model.check_external import subnet_holds
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, LoadBalancer, Ref, RouterPort, Snat
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe_fully
from ryu_overlay.model.report import Report, Spot

Claimant = RouterPort | FloatingIp | Snat | LoadBalancer


class Claim(NamedTuple):
    """One address that `spot` uses, by way of a router's uplink."""

    address: IPv4Address
    spot: Spot
    obj: Claimant
    uplink: RouterPort

    @property
    def router(self) -> Ref:
        return (self.uplink.tenant, self.uplink.router)


def check_claims(outside: Outside, report: Report, networks: Iterable[str]) -> None:
    """Report every address or MAC that two have in one of `networks`, at the one that the edit made so."""
    for name in networks:
        network = outside.network(name)
        if network is not None and subnet_holds(network):
            # A second uplink of a router is refused as such, and does not make the router a stranger to itself.
            uplinks = list({uplink.ref[:2]: uplink for uplink in reversed(outside.uplinks_in(name))}.values())
            _check_addresses(outside, report, network, uplinks)
            _check_macs(outside, report, uplinks)


def _check_addresses(outside: Outside, report: Report, network: ExternalNetwork, uplinks: list[RouterPort]) -> None:
    claims = [claim for uplink in uplinks for claim in _claims(outside, network, uplink)]
    claims.sort(key=lambda claim: outside.touched(claim.uplink) or outside.touched(claim.obj))
    holders: dict[IPv4Address, Claim] = {}
    for claim in claims:
        holder = holders.setdefault(claim.address, claim)
        if holder is claim or _may_share(holder, claim):
            continue
        moved = [Spot(claim.obj, "router")] if isinstance(claim.obj, LoadBalancer) else []
        blame = [*moved, Spot(claim.uplink, "external"), holder.spot, Spot(holder.uplink, "external"), Spot(network, "subnet")]
        reason = f"{claim.address} is already {describe_fully(holder.obj)}'s"
        report.add(claim.spot, reason, blame, holder.obj)


def _may_share(one: Claim, other: Claim) -> bool:
    return one.router == other.router and not isinstance(one.obj, FloatingIp) and not isinstance(other.obj, FloatingIp)


def _claims(outside: Outside, network: ExternalNetwork, uplink: RouterPort) -> Iterator[Claim]:
    router = uplink.tenant, uplink.router
    for index, interface in enumerate(uplink.addresses[:1]):
        yield Claim(interface.ip, Spot(uplink, "addresses", index), uplink, uplink)
    for floating_ip in outside.floating_ips_of(router):
        address: IPv4Address | None = floating_ip.address
        if address is not None:
            yield Claim(address, Spot(floating_ip, "address"), floating_ip, uplink)
    for snat in outside.snats_of(router):
        for index, address in enumerate(snat.addresses):
            yield Claim(address, Spot(snat, "addresses", index), snat, uplink)
    for balancer in outside.balancers_on("router", router):
        vip: IPv4Address | None = balancer.vip
        if vip is not None and vip in network.subnet:
            yield Claim(vip, Spot(balancer, "vip"), balancer, uplink)


def _check_macs(outside: Outside, report: Report, uplinks: list[RouterPort]) -> None:
    """Uplinks and floating IPs answer ARP in the network, each with its own MAC."""
    floating_ips = [(ip, uplink) for uplink in uplinks for ip in outside.floating_ips_of((uplink.tenant, uplink.router))]
    holders: list[tuple[RouterPort | FloatingIp, RouterPort]] = [*((uplink, uplink) for uplink in uplinks), *floating_ips]
    holders.sort(key=lambda pair: outside.touched(pair[0]) or outside.touched(pair[1]))
    macs: dict[str, RouterPort | FloatingIp] = {}
    for holder, uplink in holders:
        other = macs.setdefault(holder.mac, holder)
        if other is not holder:
            blame = [Spot(uplink, "external"), Spot(other, "mac")]
            report.add(Spot(holder, "mac"), f"{holder.mac} is already {describe_fully(other)}'s", blame, other)
