"""Which members of load balancers are to be tried, and how: from the network and from where their VIFs are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ryu_overlay.model.network import BalancerView, Network
from ryu_overlay.model.objects import LoadBalancer, Port
from ryu_overlay.oam.checker import Target

Where = Callable[[Port], "tuple[str, int] | None"]
"""The chassis and OpenFlow port of a logical port, None while it has none."""


def targets(network: Network, where: Where) -> Iterator[Target]:
    """Every member that can be tried: bound, and where the answer comes back to the virtual address in one step.

    On a router that is so for members on switches attached to it; others are not tried.
    """
    for views in network.balancers.values():
        for view in views:
            if view.balancer.check != "none":
                yield from _of(view, network, where)


def _of(view: BalancerView, network: Network, where: Where) -> Iterator[Target]:
    lb = view.balancer
    same_vip = (other.balancer for other in network.balancers[lb.tenant] if other.balancer.vip == lb.vip)
    avoid = frozenset(other.port for other in same_vip)
    for member, port in view.members:
        spot, mac = where(port), source_mac(lb, port, network)
        if spot is None or mac is None or member.drained or not port.addresses:
            continue
        yield Target(
            member=member.key,
            chassis=spot[0],
            ofport=spot[1],
            source=(mac, lb.vip, lb.port),
            destination=(port.mac, port.addresses[0], view.number(member)),
            check=lb.check,
            path=lb.path,
            interval=lb.interval,
            timeout=lb.timeout,
            rise=lb.rise,
            fall=lb.fall,
            avoid=avoid,
        )


def source_mac(balancer: LoadBalancer, port: Port, network: Network) -> str | None:
    """The MAC to which a member sends what is for the virtual address, None if that is not this load balancer's place."""
    view = network.switch_views[port.tenant, port.switch]
    if balancer.switch is not None:
        same = [b.balancer.mac for b in view.balancers if b.balancer.vip == balancer.vip]
        return same[0] if same else None
    return next((p.mac for p in view.router_ports if p.router == balancer.router), None)
