"""What must hold for one router's static routes: every next hop is a neighbour on a subnet of one of its ports.

A route is looked at when it changed, and all of a router's are when one of its ports lost or changed an address.
"""

from __future__ import annotations

from ipaddress import IPv4Interface

from ryu_overlay.model import limits
from ryu_overlay.model.objects import Ref, Route, Router, RouterPort
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import SpanMap, host_fault, prefix_fault, span_of

Connected = SpanMap[tuple[RouterPort, IPv4Interface]]


def connected(ports: list[RouterPort]) -> Connected:
    """The subnets that `ports` are in, to look up neighbours. They must be disjoint."""
    return SpanMap((span_of(i.network), (port, i)) for port in ports for i in port.addresses)


def check_routes(scope: Scope, report: Report, router: Router) -> None:
    """Report what the edit made wrong with the routes of `router`, whose ports' subnets are disjoint."""
    changed = scope.routes_of.get(router.ref, [])
    for route in changed:
        _check_route_itself(report, route)
    most, count = limits.MAX_ROUTES_PER_ROUTER, scope.count_routes_of(router.ref)
    if changed and count > most:
        reason = f"router {router.name} would have {count:,} routes; at most {most:,} are allowed"
        report.add(Spot(changed[most - count], "prefix"), reason)
    unsettled = _ports_that_changed_subnets(scope, router.ref)
    if not changed and not unsettled:
        return
    ports = scope.ports_of_router(router.ref)
    neighbours = connected(ports)
    own = {int(interface): port for port in ports for interface in port.addresses}
    for route in [*scope.settled_routes_of(router.ref), *changed] if unsettled else changed:
        _check_nexthops(report, route, neighbours, own, unsettled)
        _check_one_side(report, route, neighbours, unsettled)


def _check_route_itself(report: Report, route: Route) -> None:
    fault = prefix_fault(route.prefix)
    if fault is not None:
        report.add(Spot(route, "prefix"), fault)
    if not route.nexthops:
        report.add(Spot(route, "nexthops"), "a route needs at least one next hop")
    if len(route.nexthops) > limits.MAX_NEXTHOPS_PER_ROUTE:
        at = limits.MAX_NEXTHOPS_PER_ROUTE
        report.add(Spot(route, "nexthops", at), f"a route has at most {at} next hops")
    seen: set[int] = set()
    for index, hop in enumerate(route.nexthops):
        if int(hop) in seen:
            report.add(Spot(route, "nexthops", index), f"{hop} is given twice")
        seen.add(int(hop))


def _ports_that_changed_subnets(scope: Scope, router: Ref) -> list[RouterPort]:
    """The router's ports, as they were, that the edit took away, gave other addresses, or moved inside or outside."""
    unsettled = [p for p in scope.removed["router_port"].values() if (p.tenant, p.router) == router]
    for port in scope.ports_of.get(router, ()):
        before: RouterPort | None = scope.before(port)
        if before is not None and (before.addresses, before.external) != (port.addresses, port.external):
            unsettled.append(before)
    return unsettled


def _check_nexthops(
    report: Report, route: Route, neighbours: Connected, own: dict[int, RouterPort], unsettled: list[RouterPort]
) -> None:
    for index, hop in enumerate(route.nexthops):
        number = int(hop)
        found = neighbours.find(number)
        holder = own.get(number)
        if found is None:
            reason = f"next hop {hop} is in no subnet of a port of router {route.router}"
            blame = [Spot(p, "addresses") for p in unsettled if any(hop in i.network for i in p.addresses)]
        elif holder is not None:
            reason = f"next hop {hop} is the router's own address, on {describe(holder)}"
            blame = [Spot(holder, "addresses")]
        else:
            fault = host_fault(number, found[0])
            if fault is None:
                continue
            reason = f"next hop {hop} {fault}"
            blame = [Spot(found[1][0], "addresses")]
        report.add(Spot(route, "nexthops", index), reason, blame)


def _check_one_side(report: Report, route: Route, neighbours: Connected, unsettled: list[RouterPort]) -> None:
    """What leaves by the uplink is translated there, so a route leads out of it by every next hop or by none."""
    ports = [found[1][0] if found is not None else None for found in (neighbours.find(int(hop)) for hop in route.nexthops)]
    uplink = next((port for port in ports if port is not None and port.external is not None), None)
    for index, port in enumerate(ports):
        if uplink is not None and port is not None and port.external is None:
            reason = f"next hop {route.nexthops[index]} is inside, and another is behind the uplink, {uplink.name}"
            blame = [Spot(p, field) for p in unsettled for field in ("external", "addresses")]
            report.add(Spot(route, "nexthops", index), reason, blame)
            return
