"""What must hold for a router's uplink: one at most, into a network that exists, with one address of that network's subnet.

That nobody else in the network has the address is for `check_claims`; what the router's ports have in common is `check_router`.
"""

from __future__ import annotations

from ryu_overlay.model import limits
from ryu_overlay.model.check_external import external_address_fault, subnet_holds
from ryu_overlay.model.check_switch import holder_of_vni
from ryu_overlay.model.objects import ExternalNetwork, Ref, RouterPort
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe_fully
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import name_fault, vni_fault


def check_uplinks(outside: Outside, report: Report) -> None:
    """Report what the edit made wrong with uplinks: changed ones, and all in an external network that changed or is gone."""
    scope = outside.scope
    routers: dict[Ref, None] = {}
    for port in scope.changed["router_port"].values():
        if port.external is None:
            _check_no_uplink(report, port)
            continue
        routers[port.tenant, port.router] = None
        _check_gateways(report, port)
        _check_vni(scope, report, port)
        _check_network(outside, report, port)
    for router in routers:
        _check_alone(outside, report, router)
    for name in (ref[0] for kind in (scope.changed, scope.removed) for ref in kind["external_network"]):
        for port in outside.uplinks_in(name):
            if not outside.touched(port):
                _check_network(outside, report, port)


def _check_no_uplink(report: Report, port: RouterPort) -> None:
    """What is said of an uplink is not kept silently where there is none: an export would lose it."""
    blame = [Spot(port, "external")]
    if port.gateways:
        report.add(Spot(port, "gateways"), "only an uplink has gateways, and no external network is given", blame)
    if not port.preempt:
        report.add(Spot(port, "preempt"), "only an uplink can do without preemption, and no external network is given", blame)


def _check_vni(scope: Scope, report: Report, port: RouterPort) -> None:
    fault, other = vni_fault(port.vni), holder_of_vni(scope, port)
    if fault is not None:
        report.add(Spot(port, "vni"), fault)
    elif other is not None:
        report.add(Spot(port, "vni"), f"{port.vni} is already {describe_fully(other)}'s", other=other)


def _check_gateways(report: Report, port: RouterPort) -> None:
    most = limits.MAX_GATEWAYS_PER_UPLINK
    if len(port.gateways) > most:
        report.add(Spot(port, "gateways", most), f"an uplink has at most {most} gateways")
    for index, gateway in enumerate(port.gateways):
        fault = name_fault(gateway)
        if fault is not None:
            report.add(Spot(port, "gateways", index), fault)
        elif gateway in port.gateways[:index]:
            report.add(Spot(port, "gateways", index), f"{gateway} is given twice")


def _check_network(outside: Outside, report: Report, port: RouterPort) -> None:
    assert port.external is not None
    network = outside.network(port.external)
    if network is None:
        gone = outside.scope.base.get("external_network", (port.external,))
        reason = f"there is no external network {port.external}"
        report.add(Spot(port, "external"), reason, () if gone is None else [Spot(gone, "name")])
    elif not port.addresses:
        report.add(Spot(port, "addresses"), f"an uplink needs one address in {network.subnet}", [Spot(port, "external")])
    elif subnet_holds(network):
        _check_address(report, port, network)


def _check_address(report: Report, port: RouterPort, network: ExternalNetwork) -> None:
    if len(port.addresses) > 1:
        report.add(Spot(port, "addresses", 1), "an uplink has exactly one address", [Spot(port, "external")])
    interface, blame = port.addresses[0], [Spot(port, "external"), Spot(network, "subnet"), Spot(network, "gateway")]
    fault = external_address_fault(network, interface.ip)
    if fault is None and interface.network != network.subnet:
        fault = f"{interface} has another prefix length than {network.subnet} of external network {network.name}"
    if fault is not None:
        report.add(Spot(port, "addresses", 0), fault, blame)


def _check_alone(outside: Outside, report: Report, router: Ref) -> None:
    first, *more = outside.uplinks_of(router)
    for port in more:
        reason = f"router {port.router} has an uplink already, {first.name}"
        report.add(Spot(port, "external"), reason, [Spot(first, "external")], first)
