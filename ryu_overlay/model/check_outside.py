"""Which of the rules about the way out (external networks, uplinks, NAT, load balancers) an edit calls for, and where.

One thing can be made wrong from several sides: a floating IP by its router's ports and routes, by its logical port, and by the
external network. So this first finds what to look at, from what the edit touched, then looks at each once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ryu_overlay.model.check_balancer import check_balancer, check_members, check_tenant_vips
from ryu_overlay.model.check_claims import check_claims
from ryu_overlay.model.check_external import check_external_networks
from ryu_overlay.model.check_nat import check_nat
from ryu_overlay.model.check_uplink import check_uplinks
from ryu_overlay.model.check_vips import check_vips_on_router, check_vips_on_switch
from ryu_overlay.model.objects import FloatingIp, Port, Ref
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.report import Report
from ryu_overlay.model.scope import Scope

Refs = dict[Ref, None]


def check_outside(scope: Scope, report: Report) -> None:
    """Report everything the edit made wrong between tenants' networks and the world, and with load balancers."""
    outside = Outside(scope)
    check_external_networks(scope, report)
    check_uplinks(outside, report)
    claimants, routers, balancers = _claimants(outside), _routers(outside), _balancers(outside)
    for port in _ports_without_an_address_they_had(scope):
        for user in outside.users(port):
            if isinstance(user, FloatingIp):
                routers[user.ref[:2]] = None
            else:
                balancers[user.ref[:2]] = None
    _check_routers(outside, report, claimants | routers)
    check_claims(outside, report, claimants)
    _check_balancers(outside, report, balancers)


def _check_routers(outside: Outside, report: Report, routers: Refs) -> None:
    for ref in routers:
        if outside.scope.draft.get("router", ref) is not None:
            check_nat(outside, report, ref)
        check_vips_on_router(outside, report, ref)


def _check_balancers(outside: Outside, report: Report, balancers: Refs) -> None:
    scope = outside.scope
    for balancer in scope.changed["load_balancer"].values():
        check_balancer(report, balancer)
    for tenant in dict.fromkeys(ref[0] for ref in scope.changed["load_balancer"]):
        check_tenant_vips(outside, report, tenant)
    on = {(b.tenant, b.switch): None for b in scope.changed["load_balancer"].values() if b.switch is not None}
    for ref in {**scope.changed["switch"], **scope.removed["switch"], **scope.ports_on, **scope.attached_to, **on}:
        check_vips_on_switch(outside, report, ref)
    for ref in balancers:
        if scope.draft.get("load_balancer", ref) is not None:
            check_members(outside, report, ref)


def _touched(scope: Scope, kind: str) -> Iterator[Any]:
    """Objects of a kind that the edit put or took away, as they were and as they are to be."""
    yield from scope.removed[kind].values()
    for obj in scope.changed[kind].values():
        before = scope.before(obj)
        if before is not None:
            yield before
        yield obj


def _claimants(outside: Outside) -> Refs:
    """Routers whose use of addresses in an external network may have changed."""
    scope, refs = outside.scope, Refs()
    for port in _touched(scope, "router_port"):
        if port.external is not None:
            refs[port.ref[:2]] = None
    for kind in ("snat", "floating_ip"):
        refs.update((obj.ref[:2], None) for obj in _touched(scope, kind))
    for balancer in _touched(scope, "load_balancer"):
        if balancer.router is not None:
            refs[balancer.tenant, balancer.router] = None
    for network in _touched(scope, "external_network"):
        refs.update((port.ref[:2], None) for port in outside.uplinks_in(network.name))
    return refs


def _routers(outside: Outside) -> Refs:
    """Routers for which what is inside may have changed, or which are gone."""
    scope, refs = outside.scope, Refs()
    for kind in ("router_port", "route"):
        refs.update((obj.ref[:2], None) for obj in _touched(scope, kind))
    refs.update(dict.fromkeys(scope.removed["router"]))
    for switch in scope.changed["switch"].values():
        before = scope.before(switch)
        if before is not None and before.subnets != switch.subnets:
            refs.update((port.ref[:2], None) for port in scope.settled_attached_to(switch.ref))
    return refs


def _balancers(outside: Outside) -> Refs:
    """Load balancers whose members are to be looked at."""
    refs: Refs = dict.fromkeys(outside.scope.changed["load_balancer"])
    refs.update((member.ref[:2], None) for member in outside.scope.changed["member"].values())
    return refs


def _ports_without_an_address_they_had(scope: Scope) -> Iterator[Port]:
    for port in scope.removed["port"].values():
        yield port
    for port in scope.changed["port"].values():
        before: Port | None = scope.before(port)
        if before is not None and before.addresses != port.addresses:
            yield before
