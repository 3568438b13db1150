"""What must hold on one switch: its subnets, and the MACs and addresses of what is attached to it.

Looks only at what an edit changed and at what that can have made wrong. Knows nothing of routes or peers.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import chain

from ryu_overlay.model import limits
from ryu_overlay.model.objects import Port, Ref, RouterPort, Switch
from ryu_overlay.model.problems import describe, describe_fully
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import (
    Span,
    SpanMap,
    address_fault,
    host_fault,
    mac_fault,
    name_fault,
    span_of,
    subnet_fault,
    vni_fault,
)


def subnet_faults(subnets: tuple[IPv4Network, ...]) -> Iterator[tuple[int, str]]:
    """What is wrong with a switch's subnets: (index, reason) for each."""
    if len(subnets) > limits.MAX_SUBNETS_PER_SWITCH:
        yield limits.MAX_SUBNETS_PER_SWITCH, f"a switch has at most {limits.MAX_SUBNETS_PER_SWITCH} subnets"
        return
    for index, subnet in enumerate(subnets):
        fault = subnet_fault(subnet)
        if fault is not None:
            yield index, fault
            continue
        for earlier in subnets[:index]:
            if earlier.overlaps(subnet):
                yield index, f"{subnet} overlaps {earlier} of the same switch"
                break


def check_switch(scope: Scope, report: Report, ref: Ref) -> None:
    """Report what the edit made wrong on the switch at `ref`, which exists in the draft."""
    switch: Switch = scope.draft.table("switch")[ref]
    before: Switch | None = scope.base.get("switch", ref)
    faults = list(subnet_faults(switch.subnets)) if switch is not before else []
    if switch is not before:
        _check_switch_itself(scope, report, switch)
        for index, reason in faults:
            report.add(Spot(switch, "subnets", index), reason)
    for port in scope.ports_on.get(ref, ()):
        _check_port_itself(report, port)
    _check_count(scope, report, switch)
    if not faults:
        _check_placement(scope, report, switch, resettled=before is not None and before.subnets != switch.subnets)
    _check_unique(scope, report, ref)


def _check_switch_itself(scope: Scope, report: Report, switch: Switch) -> None:
    fault = name_fault(switch.name)
    if fault is not None:
        report.add(Spot(switch, "name"), fault)
    fault = vni_fault(switch.vni)
    if fault is not None:
        report.add(Spot(switch, "vni"), fault)
    other = holder_of_vni(scope, switch)
    if other is not None:
        whose = describe(other) if other.tenant == switch.tenant else describe_fully(other)
        report.add(Spot(switch, "vni"), f"{switch.vni} is already {whose}'s", other=other)


def holder_of_vni(scope: Scope, obj: Switch | RouterPort) -> Switch | RouterPort | None:
    """Who else, switch or uplink, has the VNI of a changed switch or uplink; None when nobody, or one that comes after it."""
    ref = scope.base.vnis.get(obj.vni)
    if ref is not None and ref != obj.ref:
        settled: Switch | RouterPort | None = scope.draft.get("switch" if len(ref) == 2 else "router_port", ref)
        if settled is not None and settled.vni == obj.vni:
            return settled
    first = scope.holders_of_vni[obj.vni][0]
    return None if first is obj else first


def _check_port_itself(report: Report, port: Port) -> None:
    for field, fault in (("name", name_fault(port.name)), ("mac", mac_fault(port.mac))):
        if fault is not None:
            report.add(Spot(port, field), fault)
    if len(port.addresses) > limits.MAX_ADDRESSES_PER_PORT:
        at = limits.MAX_ADDRESSES_PER_PORT
        report.add(Spot(port, "addresses", at), f"a port has at most {at} addresses")
    seen: set[int] = set()
    for index, address in enumerate(port.addresses):
        number = int(address)
        fault = address_fault(number)
        if fault is not None:
            report.add(Spot(port, "addresses", index), f"{address} {fault}")
        if number in seen:
            report.add(Spot(port, "addresses", index), f"{address} is given twice")
        seen.add(number)


def _check_count(scope: Scope, report: Report, switch: Switch) -> None:
    changed = scope.ports_on.get(switch.ref)
    if not changed:
        return
    count, most = len(scope.settled_ports_on(switch.ref)) + len(changed), limits.MAX_PORTS_PER_SWITCH
    if count > most:
        reason = f"switch {switch.name} would have {count:,} ports; at most {most:,} are allowed"
        report.add(Spot(changed[most - count], "name"), reason)


def _check_placement(scope: Scope, report: Report, switch: Switch, resettled: bool) -> None:
    """Addresses are in the switch's subnets, if it has any. Settled members matter when the subnets changed."""
    if not switch.subnets:
        return
    ports, attached = scope.ports_on.get(switch.ref, ()), scope.attached_to.get(switch.ref, ())
    if resettled:
        ports = [*scope.settled_ports_on(switch.ref), *ports]
        attached = [*scope.settled_attached_to(switch.ref), *attached]
    subnets: SpanMap[IPv4Network] = SpanMap((span_of(s), s) for s in switch.subnets)
    for port in ports:
        _check_port_placement(report, switch, port, subnets)
    spans = {span_of(s) for s in switch.subnets}
    for router_port in attached:
        _check_attachment(report, switch, router_port, spans)


def _check_port_placement(report: Report, switch: Switch, port: Port, subnets: SpanMap[IPv4Network]) -> None:
    blame = (Spot(switch, "subnets"),)
    for index, address in enumerate(port.addresses):
        number = int(address)
        found = subnets.find(number)
        if found is None:
            reason = f"{address} is in none of the subnets of switch {switch.name} ({_subnets(switch)})"
            report.add(Spot(port, "addresses", index), reason, blame)
            continue
        fault = host_fault(number, found[0])
        if fault is not None:
            report.add(Spot(port, "addresses", index), f"{address} {fault}", blame)


def _check_attachment(report: Report, switch: Switch, port: RouterPort, spans: set[Span]) -> None:
    blame = (Spot(port, "switch"), Spot(switch, "subnets"))
    for index, address in enumerate(port.addresses):
        if span_of(address.network) not in spans:
            reason = f"{address.network} is not one of the subnets of switch {switch.name} ({_subnets(switch)})"
            report.add(Spot(port, "addresses", index), reason, blame)


def _subnets(switch: Switch) -> str:
    shown = ", ".join(str(s) for s in switch.subnets[:4])
    return shown if len(switch.subnets) <= 4 else f"{shown}, ..."


def _check_unique(scope: Scope, report: Report, ref: Ref) -> None:
    """No two members share a MAC or an address. Only what the edit changed is looked for among the others."""
    changed: list[Port | RouterPort] = [*scope.ports_on.get(ref, ()), *scope.attached_to.get(ref, ())]
    new_macs = {m.mac for m in changed}
    new_addresses = {int(a) for m in changed for a in m.addresses}
    macs: dict[str, Port | RouterPort] = {}
    addresses: dict[int, Port | RouterPort] = {}
    settled: Iterator[Port | RouterPort] = chain(scope.settled_ports_on(ref), scope.settled_attached_to(ref))
    for member in settled if changed else ():
        if member.mac in new_macs:
            macs[member.mac] = member
        for address in member.addresses:
            if int(address) in new_addresses:
                addresses[int(address)] = member
    for member in changed:
        _check_taken(report, member, macs, addresses)


def _check_taken(
    report: Report,
    member: Port | RouterPort,
    macs: dict[str, Port | RouterPort],
    addresses: dict[int, Port | RouterPort],
) -> None:
    other = macs.setdefault(member.mac, member)
    if other is not member:
        blame = (Spot(member, "switch"), Spot(other, "mac"), Spot(other, "switch"))
        report.add(Spot(member, "mac"), f"{member.mac} is already {describe(other)}'s", blame, other)
    for index, address in enumerate(member.addresses):
        other = addresses.setdefault(int(address), member)
        if other is not member:
            blame = (Spot(member, "switch"), Spot(other, "addresses"), Spot(other, "switch"))
            reason = f"{str(address).split('/')[0]} is already {describe(other)}'s"
            report.add(Spot(member, "addresses", index), reason, blame, other)
