"""Who might want to talk to whom, for comparing a network before and after a change: the questions, in groups of pairs.

For each tenant concerned: from the outside to each of its floating IPs and load balancers there; from every port to the gateway
of each external network that a router of the tenant has an uplink into, and to each of its load balancers; and from every port
to every other. Pairs of which nothing tells one from the other (`alike`) are one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal, TypeVar

from ryu_overlay.model.network import ExternalView, Network, changes
from ryu_overlay.model.objects import ExternalNetwork, Object, Ref
from ryu_overlay.model.problems import called
from ryu_overlay.model.walk import Facts
from ryu_overlay.oam.alike import alike
from ryu_overlay.oam.start import OUTSIDE, PROTOCOLS, Start, Traffic, Unsendable, outsider, port_named, start

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to reach: a floating IP or load balancer by its ref, a port by its name, or an address as text."""

    kind: Literal["port", "address", "floating_ip", "load_balancer"]
    ref: Ref

    @property
    def name(self) -> str:
        """As operators name it: `red-db-1`, `203.0.113.1`, `floating-ip red/r1/one`."""
        name = "/".join(self.ref)
        return name if self.kind in ("port", "address") else f"{self.kind.replace('_', '-')} {name}"


@dataclass(frozen=True, slots=True)
class Question:
    """Do these senders reach these targets? Every pair of them, but none of one with itself, comes to the same."""

    senders: tuple[str, ...]
    targets: tuple[Target, ...]

    @property
    def pairs(self) -> int:
        """How many pairs it stands for."""
        return len(self.senders) * len(self.targets) - (len(self.senders) if self._among_themselves else 0)

    @property
    def _among_themselves(self) -> bool:
        return self.targets[0] == Target("port", (self.senders[0],))

    def start(self, network: Network, traffic: Traffic, facts: Facts) -> Start:
        """The first packet of one pair. What is for a load balancer is of its own protocol and port. Raises Unsendable."""
        target = self.targets[1 if self._among_themselves else 0]
        if target.kind == "port":
            port_named(network, "to", target.ref[0])
        if target.kind in ("port", "address"):
            return start(network, self.senders[0], target.ref[0], traffic, facts=facts)
        obj = network.get(target.kind, target.ref)
        if obj is None:
            raise Unsendable("to", f"there is no {called(target.kind)} {'/'.join(target.ref)}", "no_such_object")
        if target.kind == "floating_ip":
            return start(network, self.senders[0], str(obj.address), traffic, facts=facts)
        served = replace(traffic, protocol=PROTOCOLS[obj.protocol], port=obj.port, size=None)
        return start(network, self.senders[0], str(obj.vip), served, facts=facts)


def tenants_concerned(before: Network, after: Network) -> tuple[str, ...]:
    """The tenants that a change touches, by name: in their own objects, or in an external network they have an uplink into."""
    puts, deletes = changes(before, after)
    return tuple(sorted({tenant for obj in (*puts, *deletes) for tenant in _touched(obj, before, after)}))


def _touched(obj: Object, before: Network, after: Network) -> Iterator[str]:
    if isinstance(obj, ExternalNetwork):
        yield from (port.tenant for network in (before, after) for port in network.uplinks(obj.ref))
    else:
        yield obj.ref[0]


class Questions:
    """All questions about some tenants, before and after a change."""

    def __init__(self, before: Network, after: Network, tenants: Iterable[str]) -> None:
        self._tenants = [_Tenant(before, after, name) for name in tenants]

    @property
    def pairs(self) -> int:
        """How many pairs they stand for, all together."""
        return sum(tenant.pairs for tenant in self._tenants)

    def __iter__(self) -> Iterator[Question]:
        """Those across uplinks first, then those between ports; of each, as `alike` orders ports."""
        for tenant in self._tenants:
            yield from tenant.from_outside()
        for tenant in self._tenants:
            yield from tenant.out_of_ports()
        for tenant in self._tenants:
            yield from tenant.between_ports()


class _Tenant:
    """One tenant's ends, before and after."""

    def __init__(self, before: Network, after: Network, name: str) -> None:
        self._sides = (before, after)
        self._groups = alike(before, after, name)
        self._group_of = {name: number for number, names in enumerate(self._groups) for name in names}
        self._balancers = self._refs("load_balancer", name)
        self._floating = self._refs("floating_ip", name)
        self._gateways = _once(a for network in self._sides for a in _gateways(network, name))
        self._entries = {target: self._into(target) for target in self._arrivable()}

    @property
    def pairs(self) -> int:
        ports = sum(map(len, self._groups))
        others = len(self._gateways) + len(self._balancers)
        return ports * (ports - 1 + others) + sum(map(len, self._entries.values()))

    def from_outside(self) -> Iterator[Question]:
        groups: dict[object, tuple[tuple[str, ...], list[Target]]] = {}
        for target, entries in self._entries.items():
            groups.setdefault((entries, self._standing(target)), (entries, []))[1].append(target)
        for entries, targets in groups.values():
            yield from (Question((OUTSIDE + entry,), tuple(targets)) for entry in entries)

    def out_of_ports(self) -> Iterator[Question]:
        targets = [Target("address", (str(address),)) for address in self._gateways]
        targets += [Target("load_balancer", ref) for ref in self._balancers]
        yield from (Question(senders, (target,)) for target in targets for senders in self._groups)

    def between_ports(self) -> Iterator[Question]:
        for number, group in enumerate(self._groups):
            if len(group) > 1:
                yield _between(group, group)
            for later in self._groups[number + 1 :]:
                yield from (_between(group, later), _between(later, group))

    def _refs(self, kind: str, tenant: str) -> tuple[Ref, ...]:
        return _once(ref for network in self._sides for ref in sorted(network.tables[kind]) if ref[0] == tenant)

    def _arrivable(self) -> Iterator[Target]:
        yield from (Target("floating_ip", ref) for ref in self._floating)
        yield from (Target("load_balancer", ref) for ref in self._balancers)

    def _into(self, target: Target) -> tuple[str, ...]:
        """The external networks where it can be asked for."""
        return _once(entry for network in self._sides for entry in _entry(network, target))

    def _standing(self, target: Target) -> object:
        """What two floating IPs have in common that come to the same; for anything else, itself."""
        if target.kind != "floating_ip":
            return target
        found = [network.get(target.kind, target.ref) for network in self._sides]
        if any(floating is not None and floating.inside is not None for floating in found):
            return target
        return target.ref[:2], tuple(None if floating is None else self._group_of.get(floating.port) for floating in found)


def _between(senders: tuple[str, ...], others: tuple[str, ...]) -> Question:
    return Question(senders, tuple(Target("port", (name,)) for name in others))


def _gateways(network: Network, tenant: str) -> Iterator[IPv4Address]:
    """An address outside, for each external network that the tenant has a way into."""
    for view in network.external_views.values():
        if any(router.tenant.name == tenant for router in view.routers):
            yield from _outsider(view)


def _outsider(view: ExternalView) -> Iterator[IPv4Address]:
    try:
        yield outsider(view)
    except Unsendable:
        return


def _entry(network: Network, target: Target) -> Iterator[str]:
    obj = network.get(target.kind, target.ref)
    router = None if obj is None or obj.router is None else network.router_views.get((obj.tenant, obj.router))
    if obj is None or router is None or router.external is None:
        return
    address = obj.address if target.kind == "floating_ip" else obj.vip
    if address in router.external.subnet:
        yield router.external.name


def _once(found: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(found))
