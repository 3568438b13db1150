"""What a logical port rests on, and the ground that is read from: which ports can talk now, and by which ways.

Two ports can talk if their switches and routers hang together; whether routes lead there is not looked at. A port can talk to
the outside by an uplink if something translates for it: source NAT, a floating IP, or a load balancer that it is a member of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ryu_overlay.fabric.placement import NOWHERE, Device, Fabric, components
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.health.elements import Element
from ryu_overlay.model.external import inside_of, outer_balancers
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import ExternalNetwork, Port, Ref

Names = frozenset[str]
NOBODY: Names = frozenset()
_Live = Mapping[str, tuple[Port, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Uplink:
    """A way out of a router. Ports are by name and by their chassis.

    `active` is the chassis that carries it now. `behind` are the ports that need it for something that is translated there,
    `at_home` those with a floating IP that is translated on their own chassis. `snats` are the users of each NAT rule. `floating`
    has the floating IPs by (chassis of the port, chassis that translates, None while nobody does), `central` those of them that
    the active gateway translates.
    """

    ref: Ref
    network: ExternalNetwork
    active: str | None
    behind: Mapping[str, Names]
    at_home: Mapping[str, Names]
    snats: Mapping[Ref, Names]
    floating: Mapping[tuple[str, str | None], frozenset[Ref]]
    central: frozenset[Ref]

    @property
    def router(self) -> Ref:
        return self.ref[:2]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Switches and routers of a tenant that hang together, with the names of ports that can talk: `on` by chassis, `members` by
    switch and chassis, `inner` those that each router port inside is for. `is_balanced`: load balancers stand in it."""

    tenant: str
    on: Mapping[str, Names]
    members: Mapping[Ref, Mapping[str, Names]]
    inner: Mapping[Ref, Names]
    uplinks: tuple[Uplink, ...]
    is_balanced: bool


class Place(NamedTuple):
    """Where a port is."""

    part: Part
    switch: Ref
    chassis: str


@dataclass(frozen=True, eq=False)
class Ground:
    """All that impact is worked out from, at one moment. `active` has the chassis that carries each uplink now, None for none.

    A port that is disabled or bound nowhere talks to nobody, so nothing hits it.
    """

    network: Network
    fabric: Fabric
    active: Mapping[Ref, str | None] = field(default_factory=dict)

    @cached_property
    def part_of(self) -> dict[Device, Part]:
        """By switch or router the part that it is in."""
        found: dict[Device, Part] = {}
        for devices in components(self.network):
            part = self._part(devices)
            found |= dict.fromkeys(devices, part)
        return found

    @cached_property
    def places(self) -> dict[str, Place]:
        """By name the ports that can talk."""
        return {
            name: Place(part, ref, chassis)
            for (kind, ref), part in self.part_of.items()
            if kind == "switch"
            for chassis, names in part.members.get(ref, {}).items()
            for name in names
        }

    @cached_property
    def uplinks(self) -> dict[Ref, Uplink]:
        """By ref, those into a network that is there."""
        return {uplink.ref: uplink for part in self.part_of.values() for uplink in part.uplinks}

    @cached_property
    def parts_on(self) -> dict[str, list[Part]]:
        """By chassis the parts that have a port that can talk there, or an uplink that it carries."""
        found: dict[str, list[Part]] = {}
        for part in dict.fromkeys(self.part_of.values()):
            for chassis in {*part.on, *(u.active for u in part.uplinks if u.active is not None)}:
                found.setdefault(chassis, []).append(part)
        return found

    def _part(self, devices: frozenset[Device]) -> Part:
        switches = [self.network.switch_views[ref] for kind, ref in devices if kind == "switch"]
        routers = [self.network.router_views[ref] for kind, ref in devices if kind == "router"]
        live: dict[str, tuple[Port, str]] = {}
        members: dict[Ref, Mapping[str, Names]] = {}
        for switch in switches:
            spots = self.fabric.placements.get(switch.switch.ref, NOWHERE).spots
            here = {p.name: (p, spots[p.key].chassis) for p in switch.ports if p.enabled and p.key in spots}
            live |= here
            members[switch.switch.ref] = _by_chassis(here, here)
        inner: dict[Ref, Names] = {}
        for view, port in ((r, p) for r in routers for p in r.ports if p.external is None):
            on_switch = members.get((port.tenant, port.switch or ""), {})
            inner[port.ref] = frozenset(live) if port.name in view.peers else NOBODY.union(*on_switch.values())
        uplinks = tuple(u for u in (self._uplink(r, live) for r in routers) if u is not None)
        balanced = any(s.balancers for s in switches) or any(r.balancers for r in routers)
        return Part(next(iter(devices))[1][0], _by_chassis(live, live), members, inner, uplinks, balanced)

    def _uplink(self, view: RouterView, live: _Live) -> Uplink | None:
        if view.uplink is None or view.external is None:
            return None
        active = self.active.get(view.uplink.ref)
        home = homes(view, self.fabric.placements, self.fabric.physical)
        pairs = [(f, p) for f, p in view.floating_ips if p.name in live]
        floating: dict[tuple[str, str | None], set[Ref]] = {}
        for f, port in pairs:
            floating.setdefault((live[port.name][1], home.get(f.key, active)), set()).add(f.ref)
        central = [(f, p) for f, p in pairs if f.key not in home]
        snats = _snat_users(view, live)
        served = {p.name for b in outer_balancers(view) for _, p in b.members if p.name in live}
        behind = served.union((p.name for _, p in central), *snats.values())
        at_home = {p.name for f, p in pairs if f.key in home}
        return Uplink(
            *(view.uplink.ref, view.external, active, _by_chassis(behind, live), _by_chassis(at_home, live)),
            *(snats, {key: frozenset(refs) for key, refs in floating.items()}, frozenset(f.ref for f, _ in central)),
        )


def _by_chassis(names: Iterable[str], live: _Live) -> dict[str, Names]:
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(live[name][1], set()).add(name)
    return {chassis: frozenset(here) for chassis, here in found.items()}


def _snat_users(view: RouterView, live: _Live) -> dict[Ref, Names]:
    """Who has an address in a rule's prefixes that leaves by no floating IP of the router."""
    floating = {inside_of(f, p) for f, p in view.floating_ips}
    own = {name: [int(a) for a in port.addresses if a not in floating] for name, (port, _) in live.items()}
    found = {}
    for snat in view.snats:
        nets = [(int(net.network_address), int(net.netmask)) for net in snat.prefixes]
        users = (name for name, addresses in own.items() if any(a & mask == net for a in addresses for net, mask in nets))
        found[snat.ref] = frozenset(users)
    return found


def depends(ground: Ground, port: str) -> tuple[Element, ...]:
    """Every element that a port rests on, each once: those on its chassis first, then what lies between that and each other
    chassis, then what is for its ways out. () for a port that cannot talk.

    Left out is what is a part, a sum or another name of others (`link_in`, `link_out`, `pair`, `split`, `tunnel`, `program`), and
    so are single flows and groups.
    """
    place = ground.places.get(port)
    if place is None:
        return ()
    part, switch, here = place
    behind = [u for u in part.uplinks if port in u.behind.get(here, NOBODY)]
    far = sorted({*part.on, *(u.active for u in behind if u.active is not None)} - {here})
    found = [Element("vnic", (here, port)), *_host(here), Element("channel", (here,))]
    found += [Element("conntrack", (here,))] if part.is_balanced else []
    found += [Element("link", (here,))] if far else []
    for chassis in far:
        found += _between(part, switch, here, chassis, behind)
    found += [Element("router_port", ("/".join(ref),)) for ref, names in sorted(part.inner.items()) if port in names]
    for uplink in sorted(part.uplinks, key=lambda u: u.ref):
        found += _outside(uplink, port, here)
    return tuple(dict.fromkeys(found))


def _host(chassis: str) -> Iterator[Element]:
    return (Element(kind, (chassis,)) for kind in ("vswitch", "chassis", "datapath"))


def _between(part: Part, switch: Ref, here: str, far: str, behind: Iterable[Uplink]) -> Iterator[Element]:
    """What goes there, and what comes back for a port of the switch."""
    yield Element("path", (here, far))
    there = [ref for ref, by_chassis in part.members.items() if far in by_chassis] + [u.ref for u in behind if u.active == far]
    yield from (Element("vni", ("/".join(ref), here, far)) for ref in sorted(there))
    yield Element("path", (far, here))
    yield Element("vni", ("/".join(switch), far, here))


def _outside(uplink: Uplink, port: str, here: str) -> Iterator[Element]:
    crossed = {here} if port in uplink.at_home.get(here, NOBODY) else set()
    if port in uplink.behind.get(here, NOBODY):
        yield Element("router_port", ("/".join(uplink.ref),))
        yield from (Element("snat", ("/".join(ref),)) for ref, users in sorted(uplink.snats.items()) if port in users)
        if uplink.active is not None:
            crossed.add(uplink.active)
            yield from _host(uplink.active)
            yield from [Element("link", (uplink.active,))] if uplink.active != here else []
    for chassis in sorted(crossed):
        yield Element("external_link", (chassis, uplink.network.physical_network))
        yield Element("conntrack", (chassis,))
