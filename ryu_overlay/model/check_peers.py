"""What must hold between two router ports that are each other's peer: a link of exactly two ends in one subnet.

Either end may name the other, or both. A link is looked at when either end changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.model.objects import Ref, RouterPort
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import span_of


def check_peers(scope: Scope, report: Report) -> None:
    """Report every link that the edit made wrong, at the end that names the other."""
    namers: dict[Ref, list[RouterPort]] = {}
    for port in affected_ports(scope):
        if port.peer is not None:
            namers.setdefault((port.tenant, *port.peer), []).append(port)
    for ref, ports in namers.items():
        far: RouterPort | None = scope.draft.get("router_port", ref)
        for port in ports:
            if far is None:
                _report_gone(scope, report, port, ref)
            else:
                _check_link(report, port, far, first=ports[0])


def affected_ports(scope: Scope) -> Iterator[RouterPort]:
    """Router ports whose link may have become wrong: settled ones beside a changed one first, then the changed ones."""
    touched = [*scope.changed["router_port"].values(), *scope.removed["router_port"].values()]
    beside: dict[Ref, None] = {}
    for port in touched:
        ends = [port.ref] if port.peer is None else [port.ref, (port.tenant, *port.peer)]
        for end in ends:
            view = scope.base.router_views.get(end[:2])
            far = view.peers.get(end[2]) if view is not None else None
            if far is not None and far.ref not in scope.changed["router_port"]:
                beside[far.ref] = None
    for ref in beside:
        settled = scope.draft.get("router_port", ref)
        if settled is not None:
            yield settled
    yield from scope.changed["router_port"].values()


def _report_gone(scope: Scope, report: Report, port: RouterPort, ref: Ref) -> None:
    gone = scope.base.get("router_port", ref)
    reason = f"there is no router port {ref[1]}/{ref[2]} in tenant {port.tenant}"
    report.add(Spot(port, "peer"), reason, () if gone is None else [Spot(gone, "name")])


def _check_link(report: Report, port: RouterPort, far: RouterPort, first: RouterPort) -> None:
    spot, blame = Spot(port, "peer"), [Spot(far, "peer"), Spot(far, "switch"), Spot(far, "external")]
    if far.router == port.router:
        itself = "itself" if far.name == port.name else f"{describe(far)}, a port of its own router"
        report.add(spot, f"a router port cannot be the peer of {itself}")
    elif far.switch is not None:
        report.add(spot, f"{describe(far)} is attached to switch {far.switch}", blame, far)
    elif far.external is not None:
        report.add(spot, f"{describe(far)} is an uplink into external network {far.external}", blame, far)
    elif far.peer is not None and far.peer != (port.router, port.name):
        reason = f"{describe(far)} is already the peer of router port {'/'.join(far.peer)}"
        report.add(spot, reason, blame, far)
    elif first is not port:
        report.add(spot, f"{describe(far)} is already the peer of {describe(first)}", [Spot(first, "peer")], first)
    elif port.addresses and far.addresses and (far.peer is None or port.ref < far.ref):
        _check_shared_subnet(report, port, far)


def _check_shared_subnet(report: Report, port: RouterPort, far: RouterPort) -> None:
    """The ends must reach each other: one subnet on both, and no address that both claim."""
    blame = [Spot(port, "addresses"), Spot(far, "peer"), Spot(far, "addresses")]
    there = {int(interface) for interface in far.addresses}
    for interface in port.addresses:
        if int(interface) in there:
            report.add(Spot(port, "peer"), f"{interface.ip} is also the address of {describe(far)}", blame, far)
            return
    subnets = {span_of(interface.network) for interface in far.addresses}
    if not any(span_of(interface.network) in subnets for interface in port.addresses):
        theirs = ", ".join(str(interface) for interface in far.addresses)
        report.add(Spot(port, "peer"), f"shares no subnet with {describe(far)} ({theirs})", blame, far)
