"""What a router is outside: the external addresses that are its own, and what its floating IPs stand for."""

from __future__ import annotations

from ipaddress import IPv4Address

from ryu_overlay.model.objects import FloatingIp, Port, RouterPort
from ryu_overlay.model.views import BalancerView, RouterView


def own_addresses(view: RouterView) -> tuple[IPv4Address, ...]:
    """External addresses that a router answers for with its uplink's MAC: the uplink's, NAT rules' and load balancers'."""
    if view.uplink is None:
        return ()
    return tuple(dict.fromkeys((*outside_addresses(view), *(b.balancer.vip for b in outer_balancers(view)))))


def outside_addresses(view: RouterView) -> tuple[IPv4Address, ...]:
    """The router's external addresses, but for virtual ones."""
    own = () if view.uplink is None else (a.ip for a in view.uplink.addresses)
    return tuple(dict.fromkeys((*own, *(a for snat in view.snats for a in snat.addresses))))


def port_addresses(view: RouterView, port: RouterPort) -> tuple[IPv4Address, ...]:
    """The addresses that stand for a port of a router: its own; of the uplink, those of NAT rules too."""
    return outside_addresses(view) if port.external is not None else tuple(a.ip for a in port.addresses)


def outer_balancers(view: RouterView) -> tuple[BalancerView, ...]:
    """The router's load balancers whose virtual address is an external one."""
    network = view.external
    return () if network is None else tuple(b for b in view.balancers if b.balancer.vip in network.subnet)


def inside_of(floating: FloatingIp, port: Port) -> IPv4Address:
    """The inside address that a floating IP stands for."""
    return port.addresses[0] if floating.inside is None else floating.inside


def port_mtu(view: RouterView, port: RouterPort, mtu: int | None) -> int | None:
    """The MTU of a router port in bytes, None where there is no limit; `mtu` is what VMs may use.

    Between two routers there is no wire, so no limit. What leaves by an uplink also has to pass the tunnel to its gateway.
    """
    if port.external is not None and view.external is not None:
        return view.external.mtu if mtu is None else min(view.external.mtu, mtu)
    return mtu if port.switch is not None else None
