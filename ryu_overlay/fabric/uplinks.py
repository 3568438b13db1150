"""Which chassis carry a router's uplink, in which order, and where each floating IP is at home.

Pure: what is wanted, which chassis could, which of them are alive, and what was scheduled before come in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ryu_overlay.fabric.placement import NOWHERE, Placement
from ryu_overlay.model.external import outer_balancers
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import Ref, RouterPort

SCHEDULED = 3
"""How many gateways an uplink gets that names none."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The chassis that map one physical network: `able` have the port towards it, `alive` of those carry packets."""

    able: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()


def schedule(
    uplinks: Iterable[RouterPort], candidates: Mapping[str, Candidates], before: Mapping[Ref, tuple[str, ...]]
) -> dict[Ref, tuple[str, ...]]:
    """The gateways of each uplink in the order they are to be used, live ones first; () where nobody can.

    `candidates` are by external network, `before` is what this said the last time. An uplink that names gateways gets
    those of them that are able. Another gets up to `SCHEDULED`, the live chassis with the fewest uplinks before it first, and
    keeps what it has while one of it is alive or no other is. With `preempt` a live chassis is in the place it was named in;
    without, whoever carried it goes on.
    """
    load: dict[str, int] = {}
    orders: dict[Ref, tuple[str, ...]] = {}
    ordered = sorted(uplinks, key=lambda port: port.ref)
    for port in ordered:
        here = candidates.get(port.external or "", Candidates())
        named = port.gateways or before.get(port.ref, ())
        order = _live_first(port, tuple(c for c in named if c in here.able), here.alive, before.get(port.ref, ()))
        if order:
            load[order[0]] = load.get(order[0], 0) + 1
        orders[port.ref] = order
    for port in ordered:
        if not port.gateways:
            here = candidates.get(port.external or "", Candidates())
            order = _filled(orders[port.ref], here, load)
            orders[port.ref] = _live_first(port, order, here.alive, before.get(port.ref, ()))
    return orders


def _filled(order: tuple[str, ...], here: Candidates, load: dict[str, int]) -> tuple[str, ...]:
    """The order, live ones first, and chassis to fill it up; the last makes room if no other is alive."""
    spare = sorted((c for c in here.able if c not in order), key=lambda c: (c not in here.alive, load.get(c, 0), c))
    carried = bool(order) and order[0] in here.alive
    if spare and not carried and (spare[0] in here.alive or not order):
        load[spare[0]] = load.get(spare[0], 0) + 1
        order = order[: SCHEDULED - 1]
    return (*order, *spare)[: max(SCHEDULED, len(order))]


def _live_first(port: RouterPort, order: tuple[str, ...], alive: Collection[str], before: tuple[str, ...]) -> tuple[str, ...]:
    if not port.preempt and before and before[0] in order and before[0] in alive:
        order = (before[0], *(c for c in order if c != before[0]))
    return (*(c for c in order if c in alive), *(c for c in order if c not in alive))


def homes(view: RouterView, placements: Mapping[Ref, Placement], physical: Mapping[str, Mapping[str, int]]) -> dict[int, str]:
    """By key, the chassis on which a floating IP of the router is translated, for those that are where their port is.

    A member of a load balancer with an external address has its answers translated at the gateway, so its floating IP is there
    too.
    """
    if view.external is None:
        return {}
    served = {port.key for b in outer_balancers(view) for _, port in b.members}
    found = {}
    for floating, port in view.floating_ips:
        spot = placements.get((port.tenant, port.switch), NOWHERE).spots.get(port.key)
        if not floating.distributed or port.key in served or spot is None:
            continue
        if view.external.physical_network in physical.get(spot.chassis, {}):
            found[floating.key] = spot.chassis
    return found
