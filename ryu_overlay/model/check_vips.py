"""What must hold for where a load balancer's VIP is: on a switch an address of its subnets that no port has, on a router one
that is the router's own towards the outside, or nobody's.

That nobody else outside has it is for `check_claims`.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from ryu_overlay.model.check_external import external_address_fault, subnet_holds
from ryu_overlay.model.objects import LoadBalancer, Port, Ref, RouterPort, Switch
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.values import address_fault, host_fault, span_of


def check_vips_on_switch(outside: Outside, report: Report, ref: Ref) -> None:
    """Report what the edit made wrong between the load balancers on a switch, its subnets, and what is attached to it."""
    scope, balancers = outside.scope, outside.balancers_on("switch", ref)
    if not balancers:
        return
    switch: Switch | None = scope.draft.get("switch", ref)
    before: Switch | None = scope.base.get("switch", ref)
    resettled = switch is None or before is None or before.subnets != switch.subnets
    for balancer in balancers:
        if switch is None:
            gone = () if before is None else (Spot(before, "name"),)
            report.add(Spot(balancer, "switch"), f"there is no switch {ref[1]} in tenant {ref[0]}", gone)
        elif resettled or outside.touched(balancer):
            _check_in_subnets(report, switch, balancer)
    some_changed = any(outside.touched(balancer) for balancer in balancers)
    members: list[Port | RouterPort] = [*scope.ports_on.get(ref, ()), *scope.attached_to.get(ref, ())]
    _check_taken(outside, report, balancers, list(scope.members_of_switch(ref)) if some_changed else members)


def check_vips_on_router(outside: Outside, report: Report, ref: Ref) -> None:
    """Report every VIP on a router that is wrong there."""
    router = outside.scope.draft.get("router", ref)
    for balancer in outside.balancers_on("router", ref):
        if router is None:
            before = outside.scope.base.get("router", ref)
            gone = () if before is None else (Spot(before, "name"),)
            report.add(Spot(balancer, "router"), f"there is no router {ref[1]} in tenant {ref[0]}", gone)
        elif _vip_holds(balancer):
            for port in outside.scope.ports_of_router(ref):
                _check_beside_port(outside, report, balancer, port)


def _vip_holds(balancer: LoadBalancer) -> bool:
    vip: IPv4Address | None = balancer.vip
    return vip is not None and address_fault(int(vip)) is None


def _check_in_subnets(report: Report, switch: Switch, balancer: LoadBalancer) -> None:
    if not _vip_holds(balancer):
        return
    blame = [Spot(balancer, "switch"), Spot(switch, "subnets")]
    subnet = next((s for s in switch.subnets if balancer.vip in s), None)
    if subnet is None:
        theirs = ", ".join(str(s) for s in switch.subnets[:4]) or "it has none"
        reason = f"{balancer.vip} is in none of the subnets of switch {switch.name} ({theirs})"
        report.add(Spot(balancer, "vip"), reason, blame)
        return
    fault = host_fault(int(balancer.vip), span_of(subnet))
    if fault is not None:
        report.add(Spot(balancer, "vip"), f"{balancer.vip} {fault}", blame)


def _check_taken(outside: Outside, report: Report, balancers: list[LoadBalancer], members: list[Port | RouterPort]) -> None:
    vips: dict[int, LoadBalancer] = {}
    macs: dict[str, LoadBalancer] = {}
    for balancer in balancers:
        if _vip_holds(balancer):
            vips.setdefault(int(balancer.vip), balancer)
        macs.setdefault(balancer.mac, balancer)
    for member in members:
        holder = macs.get(member.mac)
        if holder is not None:
            _report_taken(outside, report, Spot(holder, "mac"), Spot(member, "mac"), member.mac)
        for index, address in enumerate(member.addresses):
            holder = vips.get(int(address))
            if holder is not None:
                _report_taken(outside, report, Spot(holder, "vip"), Spot(member, "addresses", index), str(holder.vip))


def _report_taken(outside: Outside, report: Report, balancers: Spot, members: Spot, what: str) -> None:
    """The load balancer is to blame if it changed, for else it was there before the port."""
    spot, other = (balancers, members) if outside.touched(balancers.obj) else (members, balancers)
    blame = [Spot(spot.obj, "switch"), other, Spot(other.obj, "switch")]
    report.add(spot, f"{what} is already {describe(other.obj)}'s", blame, other.obj)


def _check_beside_port(outside: Outside, report: Report, balancer: LoadBalancer, port: RouterPort) -> None:
    vip, spot = balancer.vip, Spot(balancer, "vip")
    blame = [Spot(balancer, "router"), Spot(port, "addresses"), Spot(port, "external"), Spot(port, "switch")]
    if port.external is not None:
        network = outside.network(port.external)
        if network is not None and subnet_holds(network) and vip in network.subnet:
            fault = external_address_fault(network, vip)
            if fault is not None:
                report.add(spot, fault, [*blame[:3], Spot(network, "gateway"), Spot(network, "subnet")])
        return
    if any(vip == interface.ip for interface in port.addresses):
        report.add(spot, f"{vip} is the address of {describe(port)}", blame, port)
        return
    switch: Switch | None = outside.scope.draft.get("switch", (port.tenant, port.switch or ""))
    for subnet in switch.subnets if switch is not None else ():
        if switch is not None and vip in subnet:
            reason = f"{vip} is in {subnet} of {describe(switch)}; put the load balancer on that switch"
            report.add(spot, reason, [*blame, Spot(switch, "subnets")])
            return
    for interface in port.addresses:
        if vip in interface.network:
            reason = f"{vip} is in {interface.network} of {describe(port)}; a VIP on a router is in no subnet inside"
            report.add(spot, reason, blame)
