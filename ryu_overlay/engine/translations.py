"""Translations that are no more, and the connections that are to be forgotten with them.

Conntrack goes on translating what it knows. So without this a VM whose floating IP was taken away would go on sending from it,
even when the address is another tenant's by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_overlay.compiler.keys import PROTOCOLS
from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import Effect, Send
from ryu_overlay.engine.members import answers
from ryu_overlay.model.external import inside_of, outer_balancers
from ryu_overlay.model.network import BalancerView, Network, RouterView
from ryu_overlay.model.objects import Ref
from ryu_overlay.openflow.messages import ANY_WAY, Way, ct_flush

_ALL = 0
"""Any protocol. Asked for ICMP, Open vSwitch 3.1 forgets nothing unless type, code and identifier are given too."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Connections that a translation makes conntrack keep in a zone. `of` is what else makes it another translation."""

    zone: int
    protocol: int
    original: Way = ANY_WAY
    reply: Way = ANY_WAY
    of: int = 0


class Translations:
    """Compares networks. A translation that is in the one and not in the next is forgotten on every bridge.

    What conntrack keeps for a bridge that is away then stays until it times out there.
    """

    def __init__(self) -> None:
        self._routers: dict[Ref, tuple[RouterView, frozenset[_Kept]]] = {}
        self._balancers: dict[str, tuple[tuple[BalancerView, ...], frozenset[_Kept]]] = {}
        self._kept: frozenset[_Kept] | None = None

    def flushes(self, network: Network, bridges: Bridges) -> list[Effect]:
        """What forgets the translations that were there the last time and are not any more; nothing the first time."""
        before, self._kept = self._kept, self._of(network)
        gone = (before or frozenset()) - self._kept
        if not gone:
            return []
        out = tuple(_flush(gone, {kept.zone for kept in self._kept}))
        return [Send(bridge.dpid, out) for bridge in bridges]

    def _of(self, network: Network) -> frozenset[_Kept]:
        """Only what changed is gone through again."""
        routers, balancers = self._routers, self._balancers
        self._routers = {
            view.router.ref: routers[view.router.ref]
            if view.router.ref in routers and routers[view.router.ref][0] is view
            else (view, frozenset(_at_uplink(view)))
            for external in network.external_views.values()
            for view in external.routers
        }
        self._balancers = {
            tenant: balancers[tenant]
            if tenant in balancers and balancers[tenant][0] is views
            else (views, frozenset(kept for view in views for kept in _of_balancer(view, view.tenant.key)))
            for tenant, views in network.balancers.items()
        }
        found = (*self._routers.values(), *self._balancers.values())
        return frozenset().union(*(kept for _, kept in found))


def _at_uplink(view: RouterView) -> Iterator[_Kept]:
    uplink = view.uplink
    if uplink is None:
        return
    for floating, port in view.floating_ips:
        outer, inside = Way(target=int(floating.address)), int(inside_of(floating, port))
        yield _Kept(uplink.zone, _ALL, original=outer, of=inside)
        yield _Kept(uplink.zone, _ALL, reply=outer, of=inside)
    for snat in view.snats:
        for address in snat.addresses or [a.ip for a in uplink.addresses]:
            yield _Kept(uplink.zone, _ALL, reply=Way(target=int(address)))
    for balancer in outer_balancers(view):
        yield from _of_balancer(balancer, uplink.zone)


def _of_balancer(view: BalancerView, zone: int) -> Iterator[_Kept]:
    lb = view.balancer
    protocol = PROTOCOLS[lb.protocol]
    yield _Kept(zone, protocol, original=Way(target=int(lb.vip), target_port=lb.port))
    for member, port in view.members:
        if port.addresses:
            yield _Kept(zone, protocol, reply=answers(view, member, port))


def _flush(gone: Iterable[_Kept], zones: set[int]) -> Iterator[bytes]:
    """One message is enough for a zone that nothing is translated in any more: bridges go through the whole zone for each."""
    for zone in sorted({kept.zone for kept in gone} - zones):
        yield ct_flush(zone, _ALL)
    for kept in sorted((k for k in gone if k.zone in zones), key=repr):
        yield ct_flush(kept.zone, kept.protocol, kept.original, kept.reply)
