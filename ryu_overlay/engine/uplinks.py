"""Which chassis carry uplinks, decided from what chassis map and from what others see of their tunnels."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from ryu_overlay.engine.events import Log
from ryu_overlay.fabric.facts import ChassisFacts, Patch
from ryu_overlay.fabric.placement import Device
from ryu_overlay.fabric.uplinks import Candidates, schedule
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref, RouterPort

NOTE = "gateways/"
"""What the memory's notes about an uplink's gateways begin with; the uplink's UUID follows."""
Mappings = Mapping[str, Mapping[str, str]]


class Uplinks:
    """`gateways` has the chassis of each uplink in order, `physical` each chassis' ports to physical networks.

    Of a chassis that is remembered and has not reported, a port is 0: that it is there is known, its number is not. Inner
    values, and `physical` itself, are the same objects as before while nothing in them changed.
    """

    def __init__(self) -> None:
        self.gateways: dict[Ref, tuple[str, ...]] = {}
        self.physical: Mapping[str, Mapping[str, int]] = MappingProxyType({})
        self.mappings: dict[str, Mapping[str, str]] = {}
        self._stored: dict[str, str] = {}
        self._told: dict[str, tuple[dict[str, str], dict[str, Patch]]] = {}

    def start(self, mappings: Mapping[str, Mapping[str, str]], notes: Mapping[str, str], network: Network) -> None:
        """Begin with what the store remembers: what chassis map, and the gateways that uplinks had."""
        self.mappings = dict(mappings)
        self.physical = MappingProxyType({name: dict.fromkeys(maps, 0) for name, maps in mappings.items() if maps})
        self._stored = {name: value for name, value in notes.items() if name.startswith(NOTE)}
        for uplink in _uplinks(network):
            self.gateways[uplink.ref] = _read(self._stored.get(NOTE + uplink.uuid, ""))

    def saw(self, facts: ChassisFacts) -> bool:
        """A chassis reported. Returns whether that is something that gateways depend on."""
        told = (dict(facts.bridge_mappings), dict(facts.patches))
        if self._told.get(facts.name) == told:
            return False
        self._told[facts.name] = told
        self.mappings[facts.name] = told[0]
        ports = {network: patch.ofport for network, patch in facts.patches.items()}
        if self.physical.get(facts.name, {}) != ports:
            others = {name: known for name, known in self.physical.items() if name != facts.name}
            self.physical = MappingProxyType({**others, **({facts.name: ports} if ports else {})})
        return True

    def forget(self, chassis: str) -> None:
        """A chassis is no more."""
        self.mappings.pop(chassis, None)
        self._told.pop(chassis, None)
        if chassis in self.physical:
            self.physical = MappingProxyType({name: ports for name, ports in self.physical.items() if name != chassis})

    def plan(self, network: Network, facts: Mapping[str, ChassisFacts], addresses: Mapping[str, IPv4Address]) -> None:
        """Decide anew, now that these chassis have reported and `addresses` are all that are known."""
        down = _down(facts, addresses)
        candidates = {}
        for ref, external in network.tables["external_network"].items():
            physical = external.physical_network
            able = frozenset(name for name, maps in self.mappings.items() if physical in maps and name in addresses)
            cut = {n for n in able if n in facts and physical in facts[n].patches and not facts[n].patches[physical].up}
            candidates[ref[0]] = Candidates(able, able - down - cut)
        before = self.gateways
        planned = schedule(_uplinks(network), candidates, before)
        for uplink in _uplinks(network):
            order, alive = before.get(uplink.ref, ()), candidates[uplink.external or ""].alive
            if _stands(order, planned[uplink.ref], alive, facts):
                planned[uplink.ref] = order
        self.gateways = planned

    def notes(self, network: Network) -> dict[str, str | None]:
        """What the memory does not have yet of it (None: to be forgotten), now taken as stored."""
        wanted = {NOTE + u.uuid: json.dumps(self.gateways[u.ref]) for u in _uplinks(network) if self.gateways.get(u.ref)}
        news: dict[str, str | None] = {name: value for name, value in wanted.items() if self._stored.get(name) != value}
        news |= {name: None for name in self._stored if name not in wanted}
        self._stored = wanted
        return news

    def patches(self, chassis: str, parts: list[frozenset[Device]], network: Network) -> frozenset[str]:
        """The physical networks that a chassis, which has these components, needs a port to."""
        maps = self.mappings.get(chassis, {})
        wanted = {network.router_views[ref].external for part in parts for kind, ref in part if kind == "router"}
        return frozenset(e.physical_network for e in wanted if e is not None and e.physical_network in maps)


def news(before: Mapping[Ref, tuple[str, ...]], gateways: Mapping[Ref, tuple[str, ...]]) -> Iterator[Log]:
    """What is worth telling of uplinks that somebody else carries, or nobody any more. That they are carried at all is not."""
    for ref, order in gateways.items():
        was, now = before.get(ref, ())[:1], order[:1]
        if was and was != now:
            carried = f"is carried by {now[0]}, no longer by {was[0]}" if now else f"has no gateway; it was {was[0]}"
            yield Log(logging.WARNING, f"uplink {'/'.join(ref)} {carried}", (("router_port", ref),))


def _uplinks(network: Network) -> Iterator[RouterPort]:
    for ref in network.external_views:
        yield from network.uplinks(ref)


def _stands(before: tuple[str, ...], planned: tuple[str, ...], alive: Collection[str], facts: Collection[str]) -> bool:
    """Whether an order stays: it is the same, or a remembered chassis in it has not reported, and the first of it is alive.

    Who has not reported may well be cut off, so it does not go before one that carried the uplink when the controller ended.
    """
    waiting = any(name not in facts for name in before)
    return before == planned or (waiting and before[0] in alive and set(before) == set(planned))


def _read(note: str) -> tuple[str, ...]:
    try:
        value = json.loads(note) if note else []
    except ValueError:
        return ()
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _down(facts: Mapping[str, ChassisFacts], addresses: Mapping[str, IPv4Address]) -> set[str]:
    """Chassis that nobody's tunnel reaches, though some have one to it: what the data plane's groups see, too."""
    down = set()
    for name, address in addresses.items():
        seen = [f.tunnels[address].up for other, f in facts.items() if other != name and address in f.tunnels]
        if seen and not any(seen):
            down.add(name)
    return down
