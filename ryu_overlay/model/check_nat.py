"""What must hold for what a router translates at its uplink: source NAT of prefixes inside, floating IPs for addresses inside.

Looked at when it changed itself, or when anything did that decides what is inside and outside the router. That nobody else
has its addresses is for `check_claims`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from ryu_overlay.model import limits
from ryu_overlay.model.check_external import external_address_fault, subnet_holds
from ryu_overlay.model.check_named_port import check_named_port
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, Ref, RouterPort, Snat
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.values import (
    MAX_L4_PORT,
    Span,
    SpanSet,
    mac_fault,
    name_fault,
    overlapping,
    prefix_fault,
    range_fault,
    span_of,
)

NOT_INSIDE = "it meets neither a subnet of a port, the uplink's aside, nor a static route to a next hop inside"


def check_nat(outside: Outside, report: Report, router: Ref) -> None:
    """Report what the edit made wrong with the source NATs and floating IPs of a router."""
    snats, floating_ips = outside.snats_of(router), outside.floating_ips_of(router)
    for snat in snats:
        if outside.touched(snat):
            _check_snat_itself(report, snat)
    for floating_ip in floating_ips:
        for field, fault in (("name", name_fault(floating_ip.name)), ("mac", mac_fault(floating_ip.mac))):
            if fault is not None and outside.touched(floating_ip):
                report.add(Spot(floating_ip, field), fault)
    _check_disjoint(report, snats)
    _check_count(report, snats, limits.MAX_SNATS_PER_ROUTER, "source NATs")
    _check_count(report, floating_ips, limits.MAX_FLOATING_IPS_PER_ROUTER, "floating IPs")
    if not snats and not floating_ips:
        return
    surroundings = _Surroundings(outside, report, router)
    for snat in snats:
        _check_snat(surroundings, snat)
    holders: dict[IPv4Address, FloatingIp] = {}
    for floating_ip in floating_ips:
        _check_floating_ip(surroundings, floating_ip, holders)


class _Surroundings:
    """Where a router's translations stand: its uplink, and what is inside."""

    def __init__(self, outside: Outside, report: Report, router: Ref) -> None:
        self.outside = outside
        self.report = report
        self.router = router
        uplinks = outside.uplinks_of(router)
        self.uplink = uplinks[0] if uplinks else None
        found = outside.network(uplinks[0].external or "") if uplinks else None
        self.network: ExternalNetwork | None = found if found is not None and subnet_holds(found) else None
        self._connected = SpanSet(
            span_of(interface.network)
            for port in outside.scope.ports_of_router(router)
            if port.external is None
            for interface in port.addresses
        )
        self._routed: SpanSet | None = None

    def is_inside(self, first: int, last: int) -> bool:
        """Whether any address from `first` to `last` is inside; a router's many routes are read only where they decide."""
        if self._connected.meets(first, last):
            return True
        if self._routed is None:
            self._routed = SpanSet(self._behind_routes())
        return self._routed.meets(first, last)

    def check_address(self, spot: Spot, address: IPv4Address | None) -> None:
        """Report an external address that cannot be this router's; None where it is not known or not needed."""
        if self.uplink is None:
            gone = [Spot(port, "external") for port in self._ports_before()]
            self.report.add(spot, f"router {self.router[1]} has no uplink", gone)
        elif self.network is not None and address is not None:
            fault = external_address_fault(self.network, address)
            if fault is not None:
                blame = [Spot(self.uplink, "external"), Spot(self.network, "subnet"), Spot(self.network, "gateway")]
                self.report.add(spot, fault, blame)

    def reasons_to_be_inside(self, holds: Callable[[IPv4Network], bool]) -> Iterator[Spot]:
        """Fields by which the edit can have put outside what `holds` recognises the subnet or the route of."""
        for port in self._ports_before():
            if any(holds(interface.network) for interface in port.addresses):
                yield from (Spot(port, "addresses"), Spot(port, "external"))
        scope = self.outside.scope
        for route in [*scope.removed["route"].values(), *scope.routes_of.get(self.router, ())]:
            before = scope.before(route)
            if before is not None and route.ref[:2] == self.router and holds(before.prefix):
                yield Spot(route, "nexthops")

    def _ports_before(self) -> Iterator[RouterPort]:
        """The router's ports that the edit changed or took away, as they were."""
        scope = self.outside.scope
        for port in [*scope.removed["router_port"].values(), *scope.ports_of.get(self.router, ())]:
            before: RouterPort | None = scope.before(port)
            if before is not None and before.ref[:2] == self.router:
                yield before

    def _behind_routes(self) -> Iterator[Span]:
        """What static routes lead to by a next hop inside."""
        scope, inside = self.outside.scope, self._connected
        for route in [*scope.settled_routes_of(self.router), *scope.routes_of.get(self.router, ())]:
            if any(inside.meets(int(hop), int(hop)) for hop in route.nexthops):
                yield span_of(route.prefix)


def _check_snat_itself(report: Report, snat: Snat) -> None:
    fault = name_fault(snat.name)
    if fault is not None:
        report.add(Spot(snat, "name"), fault)
    if not snat.prefixes:
        report.add(Spot(snat, "prefixes"), "source NAT needs at least one prefix, such as 10.0.1.0/24")
    for field, most in (("prefixes", limits.MAX_PREFIXES_PER_SNAT), ("addresses", limits.MAX_ADDRESSES_PER_SNAT)):
        if len(getattr(snat, field)) > most:
            report.add(Spot(snat, field, most), f"source NAT has at most {most} {field}")
    for index, prefix in enumerate(snat.prefixes):
        fault = prefix_fault(prefix)
        if fault is not None:
            report.add(Spot(snat, "prefixes", index), fault)
    for index, address in enumerate(snat.addresses):
        if address in snat.addresses[:index]:
            report.add(Spot(snat, "addresses", index), f"{address} is given twice")
    if snat.ports is not None:
        first, last = snat.ports
        fault = range_fault(first, 1, MAX_L4_PORT) or range_fault(last, 1, MAX_L4_PORT)
        if fault is None and first > last:
            fault = f"{first}-{last} ends before it begins"
        if fault is not None:
            report.add(Spot(snat, "ports"), fault)


def _check_count(report: Report, objects: Sequence[Snat | FloatingIp], most: int, what: str) -> None:
    if len(objects) > most:
        reason = f"router {objects[0].router} would have {len(objects):,} {what}; at most {most:,} are allowed"
        report.add(Spot(objects[most], "name"), reason)


def _check_disjoint(report: Report, snats: list[Snat]) -> None:
    """No two prefixes of a router overlap, for it could not tell which source NAT is meant."""
    prefixes = [
        (span_of(prefix), (order, index, snat)) for order, snat in enumerate(snats) for index, prefix in enumerate(snat.prefixes)
    ]
    for pair in overlapping(prefixes):
        (_, there, other), (_, here, snat) = sorted(pair, key=lambda prefix: prefix[:2])
        whose = "the same source NAT" if other is snat else describe(other)
        reason = f"{snat.prefixes[here]} overlaps {other.prefixes[there]} of {whose}"
        report.add(Spot(snat, "prefixes", here), reason, [Spot(other, "prefixes", there)], other)


def _check_snat(surroundings: _Surroundings, snat: Snat) -> None:
    for index, address in enumerate(snat.addresses or (None,)):
        surroundings.check_address(Spot(snat, "addresses", None if address is None else index), address)
        if surroundings.uplink is None:
            break
    for index, prefix in enumerate(snat.prefixes):
        span = span_of(prefix)
        if surroundings.is_inside(span.first, span.last) or prefix_fault(prefix) is not None:
            continue
        reason = f"{prefix} is no inside prefix of router {snat.router}: {NOT_INSIDE}"
        blame = surroundings.reasons_to_be_inside(prefix.overlaps)
        surroundings.report.add(Spot(snat, "prefixes", index), reason, blame)


def _check_floating_ip(surroundings: _Surroundings, floating_ip: FloatingIp, holders: dict[IPv4Address, FloatingIp]) -> None:
    report, spot = surroundings.report, Spot(floating_ip, "address")
    address: IPv4Address | None = floating_ip.address
    surroundings.check_address(spot, address)
    if address is None and surroundings.network is not None:
        report.add(spot, "is required")
    port = check_named_port(surroundings.outside, report, floating_ip)
    if port is None:
        return
    inside = floating_ip.inside or port.addresses[0]
    here = Spot(floating_ip, "port" if floating_ip.inside is None else "inside")
    blame = [Spot(floating_ip, "port"), Spot(floating_ip, "inside"), Spot(port, "addresses")]
    if inside not in port.addresses:
        report.add(here, f"{inside} is no address of {describe(port)}", blame)
    elif not surroundings.is_inside(int(inside), int(inside)):
        reason = f"{inside} is not inside router {floating_ip.router}: {NOT_INSIDE}"
        report.add(here, reason, [*blame, *surroundings.reasons_to_be_inside(lambda network: inside in network)])
    else:
        other = holders.setdefault(inside, floating_ip)
        if other is not floating_ip:
            reason = f"{inside} has {describe(other)} already"
            report.add(here, reason, [*blame, Spot(other, "port"), Spot(other, "inside")], other)
