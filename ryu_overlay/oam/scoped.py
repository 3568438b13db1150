"""What a tenant may see of a way: its own places, and nothing of anybody else's. Pure.

A tenant's own are the objects under its name, and the external networks that it has an uplink into. All that lies between two
such places, and is another's, is one hop `outside`. Sentences are made anew from words that are known to be the tenant's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ryu_overlay.model.network import Network
from ryu_overlay.model.walk_values import AnswerKind, DropReason
from ryu_overlay.oam.hops import Arrival, Hop, Outcome, PacketView, Way

OUTSIDE: Literal["outside"] = "outside"
_NOT_UNICAST = 1
"""The bit of a MAC's first byte that says multicast or broadcast."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant's own: names of logical ports and of external networks, and MACs (lower case, with colons)."""

    tenant: str
    ports: frozenset[str]
    externals: frozenset[str]
    macs: frozenset[str]

    def owns(self, kind: str, name: str) -> bool:
        """Whether an object, in the words of hops, is the tenant's, or an external network that it knows."""
        if "/" in name:
            return name.partition("/")[0] == self.tenant
        return name in (self.ports if kind == "port" else self.externals)

    def owns_place(self, place: str | None) -> bool:
        """The same of `router red/r1`."""
        kind, _, name = (place or "").partition(" ")
        return self.owns(kind, name)

    def packet(self, view: PacketView) -> PacketView:
        """A packet without the MACs of others."""
        source, target = (mac if mac is not None and self._may_know(mac) else None for mac in (view.eth_src, view.eth_dst))
        about = None if view.about is None else self.packet(view.about)
        return replace(view, eth_src=source, eth_dst=target, about=about)

    def _may_know(self, mac: str) -> bool:
        return mac in self.macs or bool(int(mac[:2], 16) & _NOT_UNICAST)


def scope_of(network: Network, tenant: str) -> Scope:
    """What a tenant of that name owns."""
    ports = [port for port in network.tables["port"].values() if port.tenant == tenant]
    router_ports = [port for port in network.tables["router_port"].values() if port.tenant == tenant]
    floating = [ip for ip in network.tables["floating_ip"].values() if ip.tenant == tenant]
    return Scope(
        tenant,
        frozenset(port.name for port in ports),
        frozenset(port.external for port in router_ports if port.external is not None),
        frozenset(each.mac for each in (*ports, *router_ports, *floating)),
    )


def visible(scope: Scope, hops: Sequence[Hop]) -> list[tuple[int, Hop]]:
    """The hops that a tenant sees, each with the number of the first that it stands for, from 0."""
    found: list[tuple[int, Hop]] = []
    for number, hop in enumerate(hops):
        if scope.owns(hop.kind, hop.name):
            found.append((number, _own(scope, hop)))
        elif not found or found[-1][1].kind != OUTSIDE:
            found.append((number, Hop(OUTSIDE, OUTSIDE, _before_or_behind(scope, hops, number))))
    return found


def scoped_way(scope: Scope, way: Way) -> Way:
    """A way as a tenant sees it. What goes on outside of what an answer comes from there is one hop with that."""
    hops = tuple(hop for _, hop in visible(scope, way.hops))
    outcome = scoped_outcome(scope, way.outcome)
    back = outcome.back
    if back is not None and hops and back.hops and hops[-1].kind == back.hops[0].kind == OUTSIDE:
        outcome = replace(outcome, back=replace(back, hops=back.hops[1:]))
    return Way(hops, outcome)


def scoped_outcome(scope: Scope, outcome: Outcome) -> Outcome:
    """How a way ended, as a tenant sees it: where it ended among others, only that it left."""
    own = scope.owns_place(outcome.at) if outcome.at else all(scope.owns("port", port) for port in outcome.ports)
    back = None if outcome.back is None else scoped_way(scope, outcome.back)
    reason = outcome.reason if outcome.reason in _ANSWERS or outcome.reason in _DROPS else None
    at = outcome.at if own else OUTSIDE
    if outcome.kind == "answered":
        what = _ANSWERS.get(reason or "", "an answer")
        sentence = f"answered by {at}: {what}" if own else f"answered from {OUTSIDE}: {what.partition(':')[0]}"
        return Outcome("answered", at, sentence, reason, back=back)
    if not own and outcome.kind == "dropped":
        return Outcome("dropped", OUTSIDE, f"dropped {OUTSIDE}", OUTSIDE)
    if not own:
        return Outcome("left", OUTSIDE, f"went on {OUTSIDE}")
    if outcome.kind == "delivered":
        arrivals = tuple(Arrival(a.port, scope.packet(a.packet)) for a in outcome.arrivals if scope.owns("port", a.port))
        names = ", ".join(arrival.port for arrival in arrivals)
        return Outcome(
            "delivered", at, f"delivered to {names}" if names else "flooded, and no port is there to get it", None, arrivals
        )
    if outcome.kind == "dropped":
        return Outcome("dropped", at, f"dropped at {at}: {_DROPS.get(reason or '', 'for another reason')}", reason)
    name, mac = at.partition(" ")[2], outcome.mac if outcome.mac in scope.macs else None
    return Outcome(outcome.kind, at, f"left by {name} to {outcome.next_hop}", None, (), outcome.next_hop, mac)


_ANSWERS = {kind.name.lower(): kind.value for kind in AnswerKind}
_DROPS = {reason.name.lower(): reason.value for reason in DropReason}


def _own(scope: Scope, hop: Hop) -> Hop:
    answers = hop.kind == "answer" and hop.rule in _ANSWERS
    rule = hop.rule if answers or scope.owns_place(hop.rule) else None
    after = None if hop.after is None else scope.packet(hop.after)
    return replace(hop, packet=scope.packet(hop.packet), after=after, rule=rule)


def _before_or_behind(scope: Scope, hops: Sequence[Hop], number: int) -> PacketView:
    """The packet as it left the tenant's, or as it comes back there, of the hop `number`, which is another's."""
    if number:
        return scope.packet(hops[number - 1].after or hops[number - 1].packet)
    own = next((hop for hop in hops if scope.owns(hop.kind, hop.name)), None)
    return PacketView(None, None, None, None, hops[number].packet.protocol) if own is None else scope.packet(own.packet)
