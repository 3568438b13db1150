"""What must hold on one router: its ports' MACs and subnets, what they are attached to, and their peers.

Looks only at what an edit changed and at what that can have made wrong. Routes are `check_routes`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ryu_overlay.model import limits
from ryu_overlay.model.objects import Router, RouterPort
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import address_fault, host_fault, mac_fault, name_fault, overlapping, span_of, subnet_fault


def check_router(scope: Scope, report: Report, router: Router) -> bool:
    """Report what the edit made wrong on `router`; whether its ports' subnets are disjoint, so that routes can be checked."""
    ref = router.ref
    if ref in scope.changed["router"]:
        fault = name_fault(router.name)
        if fault is not None:
            report.add(Spot(router, "name"), fault)
    changed = scope.ports_of.get(ref)
    if not changed:
        return True
    for port in changed:
        _check_port_itself(report, port)
        _check_attached(scope, report, port)
    ports = scope.ports_of_router(ref)
    most = limits.MAX_PORTS_PER_ROUTER
    if len(ports) > most:
        reason = f"router {router.name} would have {len(ports):,} ports; at most {most} are allowed"
        report.add(Spot(ports[most], "name"), reason)
    _check_macs(report, ports)
    return _check_overlaps(report, ports)


def _check_port_itself(report: Report, port: RouterPort) -> None:
    for field, fault in (("name", name_fault(port.name)), ("mac", mac_fault(port.mac))):
        if fault is not None:
            report.add(Spot(port, field), fault)
    if not port.addresses and port.external is None:
        report.add(Spot(port, "addresses"), "a router port needs at least one address, such as 10.0.1.1/24")
    if len(port.addresses) > limits.MAX_ADDRESSES_PER_ROUTER_PORT:
        at = limits.MAX_ADDRESSES_PER_ROUTER_PORT
        report.add(Spot(port, "addresses", at), f"a router port has at most {at} addresses")
    for index, interface in enumerate(port.addresses):
        number, fault = int(interface), subnet_fault(interface.network)
        host = address_fault(number) or host_fault(number, span_of(interface.network))
        if fault is not None:
            report.add(Spot(port, "addresses", index), fault)
        elif host is not None:
            report.add(Spot(port, "addresses", index), f"{interface.ip} {host}")


def _check_attached(scope: Scope, report: Report, port: RouterPort) -> None:
    given = {
        "switch": port.switch and f"to a switch ({port.switch})",
        "peer": port.peer and f"to a peer ({'/'.join(port.peer)})",
        "external": port.external and f"to an external network ({port.external})",
    }
    first, *more = [field for field, place in given.items() if place] or [""]
    for field in more:
        reason = f"a router port is attached {given[first]} or {given[field]}, not both"
        report.add(Spot(port, first), reason, [Spot(port, field)])
    if port.switch is not None and scope.draft.get("switch", (port.tenant, port.switch)) is None:
        check_switch_gone(scope, report, port)


def check_switch_gone(scope: Scope, report: Report, port: RouterPort) -> None:
    """Report that the switch `port` names does not exist; the edit may have taken it away."""
    assert port.switch is not None
    gone = scope.base.get("switch", (port.tenant, port.switch))
    reason = f"there is no switch {port.switch} in tenant {port.tenant}"
    report.add(Spot(port, "switch"), reason, () if gone is None else [Spot(gone, "name")])


def _check_macs(report: Report, ports: Iterable[RouterPort]) -> None:
    macs: dict[str, RouterPort] = {}
    for port in ports:
        other = macs.setdefault(port.mac, port)
        if other is not port:
            reason = f"{port.mac} is already {describe(other)}'s"
            report.add(Spot(port, "mac"), reason, [Spot(other, "mac")], other)


def _check_overlaps(report: Report, ports: Iterable[RouterPort]) -> bool:
    """No two subnets of a router overlap, for it could not tell where to send."""
    subnets = [
        (span_of(interface.network), (order, index, port))
        for order, port in enumerate(ports)
        for index, interface in enumerate(port.addresses)
    ]
    disjoint = True
    for pair in overlapping(subnets):
        disjoint = False
        (_, there, other), (_, here, port) = sorted(pair, key=lambda subnet: subnet[:2])
        whose = "the same port" if other is port else f"{describe(other)}, a port of the same router"
        reason = f"{port.addresses[here].network} overlaps {other.addresses[there].network} of {whose}"
        report.add(Spot(port, "addresses", here), reason, [Spot(other, "addresses", there)], other)
    return disjoint
