"""What must hold for an external network by itself, and that no two are the same frames on the same wire.

Whether what is in use of it is still right when it changes is for `check_uplink`, `check_nat` and `check_claims`.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from ryu_overlay.model import limits
from ryu_overlay.model.objects import ExternalNetwork
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import address_fault, host_fault, name_fault, range_fault, span_of, subnet_fault

MAX_VLAN = 4094
MIN_MTU, MAX_MTU = 576, 65535
"""Bytes. 576 is what every IPv4 host must take (RFC 791 section 3.1)."""


def external_address_fault(network: ExternalNetwork, address: IPv4Address) -> str | None:
    """Why nothing of ours in `network` can have this address (`10.0.0.1 is not in ...`), or None."""
    if address not in network.subnet:
        return f"{address} is not in {network.subnet} of {describe(network)}"
    if address == network.gateway:
        return f"{address} is the gateway of {describe(network)}"
    fault = address_fault(int(address)) or host_fault(int(address), span_of(network.subnet))
    return None if fault is None else f"{address} {fault}"


def check_external_networks(scope: Scope, report: Report) -> None:
    """Report what the edit made wrong with external networks themselves."""
    for network in scope.changed["external_network"].values():
        _check_itself(report, network)
        _check_same_wire(scope, report, network)


def subnet_holds(network: ExternalNetwork) -> bool:
    """Whether the network has a subnet that can be one. Where it has none, what is in it is not to blame."""
    subnet: object = network.subnet
    return subnet is not None and subnet_fault(network.subnet) is None


def _check_itself(report: Report, network: ExternalNetwork) -> None:
    faults = {
        "name": name_fault(network.name),
        "physical_network": name_fault(network.physical_network),
        "vlan": None if network.vlan is None else range_fault(network.vlan, 1, MAX_VLAN),
        "mtu": range_fault(network.mtu, MIN_MTU, MAX_MTU),
    }
    for field, fault in faults.items():
        if fault is not None:
            report.add(Spot(network, field), fault)
    if subnet_holds(network):
        _check_gateway(report, network)
        _check_pools(report, network)
    else:
        report.add(Spot(network, "subnet"), _subnet_fault(network))


def _subnet_fault(network: ExternalNetwork) -> str:
    subnet: object = network.subnet
    return "is required" if subnet is None else subnet_fault(network.subnet) or ""


def _check_gateway(report: Report, network: ExternalNetwork) -> None:
    if network.gateway is None:
        return
    number, blame = int(network.gateway), [Spot(network, "subnet")]
    fault = address_fault(number) or host_fault(number, span_of(network.subnet))
    if network.gateway not in network.subnet:
        report.add(Spot(network, "gateway"), f"{network.gateway} is not in {network.subnet}", blame)
    elif fault is not None:
        report.add(Spot(network, "gateway"), f"{network.gateway} {fault}", blame)


def _check_pools(report: Report, network: ExternalNetwork) -> None:
    most = limits.MAX_POOLS_PER_EXTERNAL_NETWORK
    if len(network.pools) > most:
        report.add(Spot(network, "pools", most), f"an external network has at most {most} pools")
        return
    for index, pool in enumerate(network.pools):
        spot, fault = Spot(network, "pools", index), _pool_fault(network, pool)
        if fault is not None:
            report.add(spot, fault, [Spot(network, "subnet")])
            continue
        if network.gateway is not None and pool[0] <= network.gateway <= pool[1]:
            reason = f"{_shown(pool)} holds {network.gateway}, the gateway"
            report.add(spot, reason, [Spot(network, "gateway")])
        for earlier in network.pools[:index]:
            if earlier[0] <= pool[1] and pool[0] <= earlier[1]:
                report.add(spot, f"{_shown(pool)} overlaps {_shown(earlier)}")
                break


def _pool_fault(network: ExternalNetwork, pool: tuple[IPv4Address, IPv4Address]) -> str | None:
    first, last = pool
    if first > last:
        return f"{_shown(pool)} ends before it begins"
    if first not in network.subnet or last not in network.subnet:
        return f"{_shown(pool)} is not inside {network.subnet}"
    for end in pool:
        fault = address_fault(int(end)) or host_fault(int(end), span_of(network.subnet))
        if fault is not None:
            return f"{_shown(pool)}: {end} {fault}"
    return None


def _shown(pool: tuple[IPv4Address, IPv4Address]) -> str:
    return f"{pool[0]}-{pool[1]}"


def _check_same_wire(scope: Scope, report: Report, network: ExternalNetwork) -> None:
    """Settled networks come before changed ones, and those in the order of the edit."""
    for other in scope.draft.table("external_network").values():
        same = (other.physical_network, other.vlan) == (network.physical_network, network.vlan)
        if other.ref == network.ref or not same or not _comes_before(scope, other, network):
            continue
        frames = "untagged frames of" if network.vlan is None else f"VLAN {network.vlan} of"
        verb = "are" if network.vlan is None else "is"
        reason = f"{frames} physical network {network.physical_network} {verb} already {describe(other)}'s"
        blame = [Spot(network, "physical_network"), Spot(other, "vlan"), Spot(other, "physical_network")]
        report.add(Spot(network, "vlan"), reason, blame, other)
        return


def _comes_before(scope: Scope, other: ExternalNetwork, network: ExternalNetwork) -> bool:
    changed = list(scope.changed["external_network"])
    return other.ref not in changed or changed.index(other.ref) < changed.index(network.ref)
