"""What must hold between all who have addresses in one external network: nobody has another's address or MAC.

A router's uplink, its source NATs and its VIPs may share an address, for its connections tell them apart; a floating IP shares
with nobody. Tenants do not know of one another, but here they meet. Only what the edit changed is looked for among the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from ryu_overlay.model.check_external import subnet_holds
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, LoadBalancer, Ref, RouterPort, Snat
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe_fully
from ryu_overlay.model.report import Report, Spot

Claimant = RouterPort | FloatingIp | Snat | LoadBalancer


class Claim(NamedTuple):
    """An address or a MAC that `obj` uses, in a field of it, by way of a router's uplink."""

    what: IPv4Address | str
    obj: Claimant
    field: str
    item: int | None
    uplink: RouterPort

    @property
    def spot(self) -> Spot:
        return Spot(self.obj, self.field, self.item)


def check_claims(outside: Outside, report: Report, routers: dict[Ref, None]) -> None:
    """Report every address or MAC in an external network that one of `routers` has and another too, or a floating IP of it."""
    names = {uplink.external: None for router in routers for uplink in outside.uplinks_of(router)[:1]}
    for name in names:
        network = outside.network(name or "")
        if network is None or not subnet_holds(network):
            continue
        # A second uplink of a router is refused as such, and does not make the router a stranger to itself.
        uplinks = {uplink.ref[:2]: uplink for uplink in reversed(outside.uplinks_in(network.name))}
        fresh = [claim for ref in uplinks if ref in routers for claim in _claims(outside, network, uplinks[ref])]
        changed = [claim for claim in fresh if _is_new(outside, network, claim)]
        wanted = {claim.what for claim in changed}
        settled = [
            claim
            for uplink in uplinks.values()
            for claim in _claims(outside, network, uplink)
            if claim.what in wanted and not _is_new(outside, network, claim)
        ]
        _check_unique(report, network, [*settled, *changed])


def _is_new(outside: Outside, network: ExternalNetwork, claim: Claim) -> bool:
    return outside.touched(network) or outside.touched(claim.uplink) or outside.touched(claim.obj)


def _check_unique(report: Report, network: ExternalNetwork, claims: list[Claim]) -> None:
    holders: dict[IPv4Address | str, Claim] = {}
    for claim in claims:
        holder = holders.setdefault(claim.what, claim)
        if holder is claim or _may_share(holder, claim):
            continue
        moved = [Spot(claim.obj, "router")] if isinstance(claim.obj, LoadBalancer) else []
        blame = [*moved, Spot(claim.uplink, "external"), holder.spot, Spot(holder.uplink, "external"), Spot(network, "subnet")]
        report.add(claim.spot, f"{claim.what} is already {describe_fully(holder.obj)}'s", blame, holder.obj)


def _may_share(one: Claim, other: Claim) -> bool:
    return one.uplink is other.uplink and not isinstance(one.obj, FloatingIp) and not isinstance(other.obj, FloatingIp)


def _claims(outside: Outside, network: ExternalNetwork, uplink: RouterPort) -> Iterator[Claim]:
    """All that a router has in the network. Its uplink and its floating IPs answer ARP there, each with its own MAC."""
    router = uplink.tenant, uplink.router
    yield Claim(uplink.mac, uplink, "mac", None, uplink)
    for index, interface in enumerate(uplink.addresses[:1]):
        yield Claim(interface.ip, uplink, "addresses", index, uplink)
    for floating_ip in outside.floating_ips_of(router):
        address: IPv4Address | None = floating_ip.address
        yield Claim(floating_ip.mac, floating_ip, "mac", None, uplink)
        if address is not None:
            yield Claim(address, floating_ip, "address", None, uplink)
    for snat in outside.snats_of(router):
        for index, address in enumerate(snat.addresses):
            yield Claim(address, snat, "addresses", index, uplink)
    for balancer in outside.balancers_on("router", router):
        vip: IPv4Address | None = balancer.vip
        if vip is not None and vip in network.subnet:
            yield Claim(vip, balancer, "vip", None, uplink)
