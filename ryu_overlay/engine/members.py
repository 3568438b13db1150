"""Members of load balancers that are down, and the connections that are to be forgotten with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from ryu_overlay.compiler.keys import PROTOCOLS
from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import Effect, Log, Send
from ryu_overlay.model.external import outer_balancers
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Member, Port
from ryu_overlay.model.views import BalancerView
from ryu_overlay.openflow.messages import Way, ct_flush

NOTE = "member/"
"""What the memory's notes about a member that is down begin with; its UUID follows."""


class Members:
    """`dead` are the keys of members that are down.

    When one goes down its connections are taken out of conntrack wherever clients are: the next packet of each gets another
    member, which resets what it does not know. Without that, clients would wait for answers that cannot come.
    """

    def __init__(self) -> None:
        self.dead: frozenset[int] = frozenset()
        self._fallen: set[int] = set()
        self._stored: set[str] = set()

    def start(self, notes: Mapping[str, str], network: Network) -> None:
        """Begin with what the store remembers."""
        self._stored = {name for name in notes if name.startswith(NOTE)}
        self.dead = frozenset(m.key for m in network.tables["member"].values() if NOTE + m.uuid in self._stored)

    def judged(self, dead: frozenset[int]) -> bool:
        """All members that are down now. Returns whether that is news."""
        if dead == self.dead:
            return False
        self._fallen |= dead - self.dead
        self.dead = dead
        return True

    def flushes(self, network: Network, bridges: Bridges) -> list[Effect]:
        """What forgets the connections of members that have just gone down."""
        fallen, self._fallen = self._fallen, set()
        if not fallen:
            return []
        out = tuple(message for view in _views(network) for message in _flush(view, fallen, network))
        return [Send(bridge.dpid, out) for bridge in bridges] if out else []

    def notes(self, network: Network) -> dict[str, str | None]:
        """What the memory does not have yet (None: to be forgotten), now taken as stored."""
        members = (network.by_key.get(key) for key in self.dead)
        wanted = {NOTE + member.uuid for member in members if isinstance(member, Member)}
        news: dict[str, str | None] = dict.fromkeys(sorted(wanted - self._stored), "down")
        news |= dict.fromkeys(sorted(self._stored - wanted), None)
        self._stored = wanted
        return news


def news(before: frozenset[int], dead: frozenset[int], network: Network) -> Iterator[Log]:
    """What is worth telling of members that went down or came up."""
    for keys, level, word in ((dead - before, logging.WARNING, "down"), (before - dead, logging.INFO, "up")):
        for member in (network.by_key.get(key) for key in sorted(keys)):
            if isinstance(member, Member):
                text = f"load balancer {member.tenant}/{member.load_balancer}: member {member.name} is {word}"
                yield Log(level, text, (("member", member.ref),))


def _views(network: Network) -> Iterable[BalancerView]:
    return (view for views in network.balancers.values() for view in views)


def _flush(view: BalancerView, fallen: set[int], network: Network) -> Iterator[bytes]:
    zones = [view.tenant.key]
    router = network.router_views.get((view.tenant.name, view.balancer.router)) if view.balancer.router is not None else None
    if router is not None and router.uplink is not None and view in outer_balancers(router):
        zones.append(router.uplink.zone)
    for member, port in view.members:
        if member.key in fallen:
            yield from (ct_flush(zone, PROTOCOLS[view.balancer.protocol], reply=answers(view, member, port)) for zone in zones)


def answers(view: BalancerView, member: Member, port: Port) -> Way:
    """What the member sends in connections that it was chosen for."""
    return Way(source=int(port.addresses[0]), source_port=view.number(member))
