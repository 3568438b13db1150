"""Gives new objects what the body left open: VNIs, conntrack zones, accounts, MACs and addresses.

Runs when the whole body is in the draft, so that what is given anywhere in it is never assigned to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ryu_overlay.model.assign_outside import Externals
from ryu_overlay.model.check_switch import subnet_faults
from ryu_overlay.model.network import Draft
from ryu_overlay.model.numbers import Exhausted, Numbers, mac_for
from ryu_overlay.model.objects import FloatingIp, LoadBalancer, Port, Ref, RouterPort, Switch
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.report import Mentions, Report, join
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import MAX_VNI, RESERVED, span_of

Wanted = dict[tuple[str, Ref], None]


_FIELDS = {"switch": "vni", "router_port": "external", "floating_ip": "address", "tenant": "name"}
"""Of which field a lack of numbers is said."""


@dataclass(slots=True)
class Wanting:
    """New objects that lack something, by (kind, ref) in the order of the body; `zones` are refs of uplinks."""

    vnis: Wanted = field(default_factory=dict)
    zones: list[Ref] = field(default_factory=list)
    accounts: Wanted = field(default_factory=dict)
    macs: Wanted = field(default_factory=dict)
    addresses: Wanted = field(default_factory=dict)


@dataclass(slots=True)
class _Taken:
    macs: set[str] = field(default_factory=set)
    addresses: set[int] = field(default_factory=set)


def assign(draft: Draft, wanting: Wanting, numbers: Numbers, mentions: Mentions, report: Report) -> None:
    """Complete every object in `wanting`, and report those for which no address was left.

    Raises Refused when the VNIs, the zones, the accounts or an external network's addresses have run out. What cannot have an
    address because what it stands on is wrong (a floating IP on a router without uplink) is left without, for validation to see.
    """
    _assign_numbers(draft, wanting, numbers, mentions, report)
    if not wanting.macs and not wanting.addresses:
        return
    outside = Outside(Scope(draft))
    taken = _Surroundings(outside)
    for kind, ref in wanting.macs:
        _assign_mac(draft, kind, ref, taken)
    _assign_inside(draft, [ref for kind, ref in wanting.addresses if kind == "port"], taken, mentions, report)
    for kind, ref in wanting.addresses:
        if kind != "port":
            _assign_outside(draft, kind, ref, taken.externals, mentions, report)
    if any(kind != "port" for kind, _ in wanting.addresses):
        report.refuse_if_any()


def _assign_inside(draft: Draft, refs: Sequence[Ref], taken: _Surroundings, mentions: Mentions, report: Report) -> None:
    """Give logical ports an address in each subnet of their switch."""
    pools: dict[Ref, AddressPool] = {}
    for ref in refs:
        if ref[:2] not in pools:
            pools[ref[:2]] = _pool(draft.table("switch")[ref[:2]], taken)
        addresses, full = pools[ref[:2]].take()
        port: Port = draft.table("port")[ref]
        draft.put(replace(port, addresses=addresses))
        for subnet in full:
            path = join(mentions.paths["port", ref], "addresses")
            report.add_at(path, f"no address is free in {subnet} of switch {port.switch}", conflict=True)


def _assign_outside(draft: Draft, kind: str, ref: Ref, externals: Externals, mentions: Mentions, report: Report) -> None:
    """Give an uplink or a floating IP an address out of the pools of its external network."""
    obj: RouterPort | FloatingIp = draft.table(kind)[ref]
    network = externals.network_of(obj)
    if network is None:
        return
    interface = externals.take(network)
    if interface is None:
        path = join(mentions.paths[kind, ref], "addresses" if isinstance(obj, RouterPort) else "address")
        report.add_at(path, f"no address is free in the pools of external network {network.name}", conflict=True)
    elif isinstance(obj, RouterPort):
        draft.put(replace(obj, addresses=(interface,)))
    else:
        draft.put(replace(obj, address=interface.ip))


def _assign_numbers(draft: Draft, wanting: Wanting, numbers: Numbers, mentions: Mentions, report: Report) -> None:
    """VNIs, zones and accounts; what has no field for them has a lack of them said of its `external` or its `address`."""
    numbers.reserve_vnis(obj.vni for obj in draft.touched.values() if isinstance(obj, Switch) and 0 < obj.vni <= MAX_VNI)
    at: tuple[str, Ref] = ("", ())
    try:
        for at in wanting.vnis:
            _fill(draft, *at, vni=numbers.vni())
        for ref in wanting.zones:
            at = "router_port", ref
            _fill(draft, *at, zone=numbers.zone())
        for at in wanting.accounts:
            _fill(draft, *at, account=numbers.account())
    except Exhausted as error:
        path = join(mentions.paths[at], _FIELDS[at[0]])
        report.add_at(path, str(error), conflict=True)
        report.refuse_if_any()


def _fill(draft: Draft, kind: str, ref: Ref, **values: Any) -> None:
    draft.put(replace(draft.table(kind)[ref], **values))


def _assign_mac(draft: Draft, kind: str, ref: Ref, surroundings: _Surroundings) -> None:
    obj: Port | RouterPort | FloatingIp | LoadBalancer = draft.table(kind)[ref]
    taken: list[set[str]] = []
    if not isinstance(obj, FloatingIp) and obj.switch is not None:
        taken.append(surroundings.on_switch((obj.tenant, obj.switch)).macs)
    if isinstance(obj, RouterPort):
        taken.append(surroundings.on_router((obj.tenant, obj.router)).macs)
    if isinstance(obj, (RouterPort, FloatingIp)):
        network = surroundings.externals.network_of(obj)
        if network is not None:
            taken.append(surroundings.externals.macs(network))
    draft.put(replace(obj, mac=mac_for(obj.key, *taken)))


def _pool(switch: Switch, surroundings: _Surroundings) -> AddressPool:
    # Where the subnets are themselves refused, complaints about addresses in them would only hide the cause.
    subnets = switch.subnets if not any(subnet_faults(switch.subnets)) else ()
    return AddressPool(subnets, surroundings.on_switch(switch.ref).addresses)


class _Surroundings:
    """What is taken on each switch and router; read once each, since assigned MACs never collide with one another."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._scope = outside.scope
        self._switches: dict[Ref, _Taken] = {}
        self._routers: dict[Ref, _Taken] = {}
        self.externals = Externals(outside)

    def on_switch(self, ref: Ref) -> _Taken:
        if ref not in self._switches:
            taken = _Taken()
            for member in self._scope.members_of_switch(ref):
                taken.macs.add(member.mac)
                for address in member.addresses:
                    taken.addresses.add(int(address))
            for balancer in self._outside.balancers_on("switch", ref):
                taken.macs.add(balancer.mac)
                vip: IPv4Address | None = balancer.vip
                if vip is not None:
                    taken.addresses.add(int(vip))
            self._switches[ref] = taken
        return self._switches[ref]

    def on_router(self, ref: Ref) -> _Taken:
        if ref not in self._routers:
            self._routers[ref] = _Taken(macs={p.mac for p in self._scope.ports_of_router(ref)})
        return self._routers[ref]


ROOMY = 29
"""Prefix length up to which a subnet's first host address is not assigned."""


class AddressPool:
    """What is free on one switch: in each subnet the lowest assignable host address that nobody has."""

    def __init__(self, subnets: Sequence[IPv4Network], taken: set[int]) -> None:
        self._subnets = subnets
        self._taken = taken
        self._cursors = [_first_host(subnet) for subnet in subnets]
        self._lasts = [_last_host(subnet) for subnet in subnets]

    def take(self) -> tuple[tuple[IPv4Address, ...], list[IPv4Network]]:
        """One address from each subnet, no longer free; and the subnets that had none left."""
        addresses: list[IPv4Address] = []
        full: list[IPv4Network] = []
        for at, subnet in enumerate(self._subnets):
            number = self._next(self._cursors[at], self._lasts[at])
            self._cursors[at] = number + 1
            if number > self._lasts[at]:
                full.append(subnet)
            else:
                addresses.append(IPv4Address(number))
        return tuple(addresses), full

    def _next(self, number: int, last: int) -> int:
        """The lowest free number from `number` on; beyond `last` if there is none up to it."""
        while number <= last:
            while number in self._taken:
                number += 1
            beyond = next((span.last + 1 for span, _ in RESERVED if span.first <= number <= span.last), number)
            if beyond == number:
                break
            number = beyond
        return number


def _first_host(subnet: IPv4Network) -> int:
    """Where assigning begins. The first host address is left for a gateway, except in subnets of a few addresses."""
    span = span_of(subnet)
    if span.length == 31:
        return span.first
    return span.first + (2 if span.length <= ROOMY else 1)


def _last_host(subnet: IPv4Network) -> int:
    span = span_of(subnet)
    return span.last if span.length == 31 else span.last - 1
