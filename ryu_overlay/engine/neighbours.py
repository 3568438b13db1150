"""Who else is on external networks: MACs learned by ARP, asked for when needed, kept fresh, forgotten when silent.

1. The upstream gateway of each network with an uplink is asked for at once and then every `REFRESH` seconds; what it last
   answered stands until it answers otherwise.
2. A packet for any other address that has no MAC yet waits while its owner is asked, up to `TRIES` times, a second apart.
   Then it is sent on, or its sender is told that the host is unreachable.
3. Such an owner is asked again every `REFRESH` seconds, and forgotten after `SILENCE`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType

from ryu_overlay.engine.events import Log, Unresolved
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref

REFRESH = 5.0
TRIES = 3
SILENCE = 60.0
WAITING_AT_MOST = 256
"""Addresses of one network that may be asked for at once, beside its upstream gateway."""
SHARE = 32
"""How many of them may be asked for by one uplink's packets."""
NOTE = "neighbour/"
"""What the memory's notes about a neighbour begin with; the network's UUID and the address follow."""


@dataclass(slots=True)
class _Known:
    mac: str
    heard: float
    asked: float


@dataclass(slots=True)
class _Waiting:
    """`asker` is the key of the uplink in whose share this is, None: the upstream gateway, which is in nobody's."""

    asker: int | None
    tries: int = 0
    packets: list[Unresolved] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """ARP for `address` on an external network."""

    network: Ref
    address: IPv4Address


class Neighbours:
    """`macs` has what is known, by network; each inner mapping is the same object while nothing in it changed."""

    def __init__(self) -> None:
        self.macs: dict[Ref, Mapping[IPv4Address, str]] = {}
        self._known: dict[Ref, dict[IPv4Address, _Known]] = {}
        self._waiting: dict[Ref, dict[IPv4Address, _Waiting]] = {}
        self._stored: dict[str, str] = {}

    def start(self, notes: Mapping[str, str], network: Network, now: float) -> None:
        """Begin with what the store remembers, as if heard just now."""
        self._stored = {name: value for name, value in notes.items() if name.startswith(NOTE)}
        refs = {external.uuid: ref for ref, external in network.tables["external_network"].items()}
        for name, mac in self._stored.items():
            uuid, _, address = name.removeprefix(NOTE).partition("/")
            if uuid in refs:
                self._known.setdefault(refs[uuid], {})[IPv4Address(address)] = _Known(mac, now, now)
        for ref in self._known:
            self._show(ref)

    def heard(self, network: Ref, address: IPv4Address, mac: str, now: float) -> tuple[bool, list[Unresolved]]:
        """Its owner spoke. Whether that is news, and the packets that waited for it. Strangers nobody asked for are no news."""
        waiting = self._waiting.get(network, {}).pop(address, None)
        known = self._known.setdefault(network, {}).get(address)
        if known is None and waiting is None:
            return False, []
        news = known is None or known.mac != mac
        # If another says so than before, one of the two is wrong: it is asked again soon, and the owner's answer comes last.
        asked = now - REFRESH if known is not None and news else now
        self._known[network][address] = _Known(mac, now, asked)
        if news:
            self._show(network)
        return news, [] if waiting is None else waiting.packets

    def unresolved(self, network: Ref, packet: Unresolved) -> list[Question]:
        """A packet needs a MAC that is not known. One packet waits for each address.

        What several uplinks ask for is in the share of one that asks for least. A packet for which there is no room is dropped.
        """
        waiting = self._waiting.setdefault(network, {})
        shares = Counter(entry.asker for entry in waiting.values() if entry.asker is not None)
        entry = waiting.get(packet.next_hop)
        if entry is not None:
            entry.packets[:] = [packet]
            if entry.asker is not None and shares[packet.uplink] < shares[entry.asker]:
                entry.asker = packet.uplink
            return []
        if not _make_room(waiting, shares, packet.uplink):
            return []
        waiting[packet.next_hop] = _Waiting(packet.uplink, 1, [packet])
        return [Question(network, packet.next_hop)]

    def tick(self, network: Network, speaking: Iterable[Ref], now: float) -> tuple[bool, list[Question], list[Unresolved]]:
        """A second has passed: whether anything was forgotten, what to ask on networks where we can speak, packets given up."""
        questions: list[Question] = []
        for ref in speaking:
            questions += self._refresh(ref, network.tables["external_network"][ref].gateway, now)
        given_up = [packet for ref in list(self._waiting) for packet in self._retry(ref, questions)]
        forgotten = [ref for ref in list(self._known) if self._forget(ref, network, now)]
        return bool(forgotten), questions, given_up

    def known(self, network: Ref) -> dict[IPv4Address, tuple[str, float]]:
        """By address, the MAC that was learned on a network and when its owner was last heard."""
        return {address: (known.mac, known.heard) for address, known in self._known.get(network, {}).items()}

    def asked(self, network: Ref) -> dict[IPv4Address, int]:
        """By address, how often it was asked for, of those that are asked for and have not answered."""
        return {address: waiting.tries for address, waiting in self._waiting.get(network, {}).items()}

    def notes(self, network: Network) -> dict[str, str | None]:
        """What the memory does not have yet (None: to be forgotten), now taken as stored."""
        uuids = {ref: external.uuid for ref, external in network.tables["external_network"].items()}
        wanted = {f"{NOTE}{uuids[ref]}/{a}": mac for ref, macs in self.macs.items() if ref in uuids for a, mac in macs.items()}
        news: dict[str, str | None] = {name: mac for name, mac in wanted.items() if self._stored.get(name) != mac}
        news |= {name: None for name in self._stored if name not in wanted}
        self._stored = wanted
        return news

    def _refresh(self, ref: Ref, gateway: IPv4Address | None, now: float) -> Iterator[Question]:
        known = self._known.setdefault(ref, {})
        if gateway is not None and gateway not in known:
            self._waiting.setdefault(ref, {}).setdefault(gateway, _Waiting(None)).asker = None
        for address, entry in known.items():
            if not entry.asked <= now < entry.asked + REFRESH:
                entry.asked = now
                yield Question(ref, address)

    def _retry(self, ref: Ref, questions: list[Question]) -> Iterator[Unresolved]:
        for address, waiting in list(self._waiting[ref].items()):
            if waiting.tries < TRIES:
                waiting.tries += 1
                question = Question(ref, address)
                if question not in questions:
                    questions.append(question)
            else:
                del self._waiting[ref][address]
                yield from waiting.packets

    def _forget(self, ref: Ref, network: Network, now: float) -> bool:
        external = network.tables["external_network"].get(ref)
        if external is None:
            del self._known[ref]
            return self.macs.pop(ref, None) is not None
        silent = [a for a, k in self._known[ref].items() if a != external.gateway and not k.heard <= now < k.heard + SILENCE]
        for address in silent:
            del self._known[ref][address]
        if silent:
            self._show(ref)
        return bool(silent)

    def _show(self, ref: Ref) -> None:
        self.macs[ref] = MappingProxyType({address: known.mac for address, known in self._known[ref].items()})


def _make_room(waiting: dict[IPv4Address, _Waiting], shares: Counter[int], uplink: int) -> bool:
    """Whether an uplink may ask for one more address. If all room is taken, the largest share loses its oldest."""
    if shares[uplink] >= SHARE:
        return False
    if shares.total() < WAITING_AT_MOST:
        return True
    largest, size = shares.most_common(1)[0]
    if shares[uplink] + 1 >= size:  # else two would take the same room from each other in turn
        return False
    del waiting[next(address for address, entry in waiting.items() if entry.asker == largest)]
    return True


def news(before: Mapping[Ref, Mapping[IPv4Address, str]], after: Mapping[Ref, Mapping[IPv4Address, str]]) -> Iterator[Log]:
    """What is worth telling of neighbours that were learned, moved to another MAC, or were forgotten."""
    for ref in after.keys() | before.keys():
        was, now = before.get(ref, {}), after.get(ref, {})
        for address in sorted(was.keys() | now.keys()) if was is not now else ():
            if was.get(address) != now.get(address):
                mac, old = now.get(address), was.get(address)
                moved = f"is at {mac}" + (f", no longer at {old}" if old else "") if mac else f"was forgotten; it was at {old}"
                yield Log(logging.INFO, f"neighbour {address} on {ref[0]} {moved}", (("external_network", ref),))
