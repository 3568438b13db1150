"""What a router's border and load balancers make of a packet, for the reference walk.

Each function looks at one device and one packet, and gives a decision. What was decided before for the packet's connection
comes first; else the packet may begin one. In short:

* In, from an external network: a floating IP's address becomes the inside one, a virtual address a member's; other addresses of
  the router's own are served by the router; nothing else comes in.
* Out: what goes to the router itself is served; a floating IP's port leaves as it, others by the NAT rule whose prefix holds
  them; nothing leaves untranslated but what the router says as itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from ryu_overlay.model.external import inside_of, outer_balancers, own_addresses
from ryu_overlay.model.network import BalancerView, RouterView, SwitchView
from ryu_overlay.model.objects import FloatingIp, Member, Port, Ref, RouterPort, Snat
from ryu_overlay.model.walk_choice import Choose
from ryu_overlay.model.walk_memory import Memory, flow_of, is_error, may_begin
from ryu_overlay.model.walk_values import TCP, UDP, Connection, DropReason, Ip

_PORTS = (0, 65535)
_PROTOCOLS = {"tcp": TCP, "udp": UDP}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the model does not say but packets meet: the MTU of VMs in bytes (None: any size passes), MACs of neighbours by
    external network, and the keys of members that are not in service (down, or bound nowhere)."""

    mtu: int | None = None
    neighbours: Mapping[Ref, Mapping[IPv4Address, str]] = field(default_factory=dict)
    out_of_service: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Serve:
    """The packet is for the device itself."""


@dataclass(frozen=True, slots=True)
class Translate:
    """The packet goes on as `after`. `begins` are the connections that it begins; `known` says that it belonged to one.

    `floating` is the floating IP whose MAC it has outside, None for the uplink's.
    """

    by: Snat | FloatingIp | Member | None
    after: Ip
    begins: tuple[Connection, ...] = ()
    known: bool = False
    floating: FloatingIp | None = None


Decision = Serve | Translate | DropReason


def enter(view: RouterView, uplink: RouterPort, ip: Ip, memory: Memory, facts: Facts, choose: Choose) -> Decision:
    """What comes in by the uplink."""
    found = memory.find(uplink.ref, ip)
    if found is not None:
        return Translate(found.connection.by, found.after, known=True)
    if not may_begin(ip):
        return DropReason.NOT_TRACKED
    for floating, port in view.floating_ips:
        if floating.address == ip.dst:
            return _begin(uplink.ref, floating, ip, replace(ip, dst=inside_of(floating, port)))
    balancer = service(outer_balancers(view), ip)
    members = () if balancer is None else _in_service(balancer, facts)
    if balancer is not None and members:
        member, after = _chosen(balancer, members, ip, choose)
        return _begin(uplink.ref, member, ip, after)
    if ip.dst not in own_addresses(view):
        return DropReason.NOT_TRANSLATED
    return DropReason.NO_CONNECTION if balancer is None and _is_stray(ip) else Serve()


def leave(view: RouterView, uplink: RouterPort, ip: Ip, memory: Memory, choose: Choose) -> Decision:
    """What goes out by the uplink and was not said by the router as itself."""
    found = memory.find(uplink.ref, ip)
    if found is not None:
        after = _honest_error(view, uplink, ip, found.after)
        floating = next((f for f, _ in view.floating_ips if f.address == found.after.src), None)
        return Translate(found.connection.by, after, known=True, floating=floating)
    if not may_begin(ip):
        return DropReason.NOT_TRACKED
    if ip.dst in own_addresses(view):
        return Serve()
    if _is_stray(ip) and is_served_by(outer_balancers(view), ip):
        return DropReason.NO_CONNECTION
    for floating, port in view.floating_ips:
        if inside_of(floating, port) == ip.src:
            return _begin(uplink.ref, floating, ip, replace(ip, src=floating.address))
    snat = next((s for s in view.snats if any(ip.src in prefix for prefix in s.prefixes)), None)
    if snat is None:
        return DropReason.NOT_TRANSLATED
    addresses = snat.addresses or (uplink.addresses[0].ip,)
    address = addresses[0] if len(addresses) == 1 else choose(addresses)
    return _begin(uplink.ref, snat, ip, replace(ip, src=address, l4=_with_port_of(snat, ip)))


def balance(view: BalancerView, ip: Ip, memory: Memory, facts: Facts, choose: Choose) -> Translate | DropReason:
    """What a client inside sends to the service of a load balancer. NO_MEMBER where none is in service."""
    place = view.tenant.ref
    found = memory.find(place, ip)
    if found is not None and isinstance(found.connection.by, Member):
        after = found.after
        if after.src == after.dst:
            again = memory.find(place, after)
            after = after if again is None else again.after
        return Translate(found.connection.by, after, known=True)
    if not may_begin(ip):
        return DropReason.NOT_TRACKED
    members = _in_service(view, facts)
    if not members:
        return DropReason.NO_MEMBER
    member, after = _chosen(view, members, ip, choose)
    begun = _begin(place, member, ip, after)
    if after.src != after.dst:
        return begun
    if flow_of(after) == flow_of(after).reverse:
        # From the port that it serves at: its own question looks like the answer to it.
        return replace(begun, after=replace(after, src=view.balancer.vip, l4=(view.balancer.port, after.l4[1])))
    # A member that got itself would answer itself past the load balancer, if it saw who asked.
    itself = _begin(place, member, after, replace(after, src=view.balancer.vip))
    return Translate(member, itself.after, (*begun.begins, *itself.begins))


def service(balancers: Iterable[BalancerView], ip: Ip) -> BalancerView | None:
    """Whose service the packet is for."""
    if ip.later_fragment:
        return None
    return next((b for b in balancers if _is(b, ip.proto, ip.dst, ip.l4[1])), None)


def is_from_member(balancers: Iterable[BalancerView], ip: Ip) -> bool:
    """Whether a member's service sends it to its own virtual address."""
    return is_served_by((b for b in balancers if b.balancer.vip == ip.dst), ip)


def is_served_by(balancers: Iterable[BalancerView], ip: Ip) -> bool:
    """Whether a member's service sends it."""
    if ip.later_fragment:
        return False
    return any(
        _PROTOCOLS[b.balancer.protocol] == ip.proto and _server(b, m, p) == (ip.src, ip.l4[0])
        for b in balancers
        for m, p in b.members
    )


def delivered(balancers: tuple[BalancerView, ...], place: Ref, ip: Ip, memory: Memory) -> Ip:
    """What a client's port gets: what a member's service sends comes from the virtual address, and errors quote that."""
    if not is_error(ip) and not is_served_by(balancers, ip):
        return ip
    found = memory.find(place, ip)
    if found is None:
        return ip
    if is_error(ip) and all(ip.src != port.addresses[0] for b in balancers for _, port in b.members):
        return replace(found.after, src=ip.src)
    return found.after


def vip_of(view: SwitchView, mac: str) -> bool:
    """Whether a load balancer on the switch answers with this MAC: the first of those at each address."""
    first = {b.balancer.vip: b.balancer.mac for b in reversed(view.balancers)}
    return mac in first.values()


def vip_mac(view: SwitchView, vip: IPv4Address) -> str:
    """The MAC that answers for a virtual address on the switch. Raises StopIteration for any other address."""
    return next(b.balancer.mac for b in view.balancers if b.balancer.vip == vip)


def _is(view: BalancerView, proto: int, dst: IPv4Address, number: int) -> bool:
    lb = view.balancer
    return (_PROTOCOLS[lb.protocol], lb.vip, lb.port) == (proto, dst, number)


def _server(view: BalancerView, member: Member, port: Port) -> tuple[IPv4Address, int]:
    return port.addresses[0], view.balancer.port if member.number is None else member.number


def _in_service(view: BalancerView, facts: Facts) -> tuple[tuple[Member, Port], ...]:
    return tuple((m, p) for m, p in view.members if not m.drained and m.key not in facts.out_of_service)


def _chosen(view: BalancerView, members: tuple[tuple[Member, Port], ...], ip: Ip, choose: Choose) -> tuple[Member, Ip]:
    member, port = members[0] if len(members) == 1 else choose(members)
    address, number = _server(view, member, port)
    return member, replace(ip, dst=address, l4=(ip.l4[0], number))


def _begin(place: Ref, by: Snat | FloatingIp | Member, before: Ip, after: Ip) -> Translate:
    floating = by if isinstance(by, FloatingIp) else None
    return Translate(by, after, (Connection(place, by, flow_of(before), flow_of(after)),), floating=floating)


def _is_stray(ip: Ip) -> bool:
    """Whether it is a TCP segment that can only belong to a connection that began before."""
    return ip.proto == TCP and (ip.rst or ip.ack)


def _with_port_of(snat: Snat, ip: Ip) -> tuple[int, int]:
    """The port stays as it is where the rule allows it; else its first stands for whichever is free."""
    first, last = snat.ports or _PORTS
    if ip.proto not in (TCP, UDP) or first <= ip.l4[0] <= last:
        return ip.l4
    return first, ip.l4[1]


def _honest_error(view: RouterView, uplink: RouterPort, before: Ip, after: Ip) -> Ip:
    """An error that looks as if a floating IP or virtual address had sent it, though another did, comes from the router
    (RFC 5508 section 4.2, REQ-5)."""
    if not is_error(before):
        return after
    behind: dict[IPv4Address, set[IPv4Address]] = {f.address: {inside_of(f, p)} for f, p in view.floating_ips}
    for balancer in outer_balancers(view):
        behind.setdefault(balancer.balancer.vip, set()).update(p.addresses[0] for _, p in balancer.members)
    inside = behind.get(after.src)
    return after if inside is None or before.src in inside else replace(after, src=uplink.addresses[0].ip)
