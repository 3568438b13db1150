"""What must hold for a load balancer by itself, for its members, and among a tenant's load balancers.

Where its VIP may be is `check_vips`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address

from ryu_overlay.model import limits
from ryu_overlay.model.check_named_port import check_named_port
from ryu_overlay.model.objects import LoadBalancer, Member, Ref
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot
from ryu_overlay.model.values import MAX_L4_PORT, address_fault, mac_fault, name_fault, range_fault

PROTOCOLS = ("tcp", "udp")
CHECKS = ("none", "tcp", "http")
MIN_INTERVAL, MAX_INTERVAL = 0.5, 3600
MIN_TIMEOUT, MAX_TIMEOUT = 0.1, 60
"""Seconds between checks, and until one is given up."""
MAX_IN_A_ROW = 10
"""Checks that make a member up or down."""
MAX_WEIGHT = 100

_PATH = re.compile(r"/[!-~]*")
"""The origin-form of RFC 9112 section 3.2.1, without a blank that would end it."""


def check_balancer(report: Report, balancer: LoadBalancer) -> None:
    """Report what is wrong with one load balancer that the edit changed, its place and members aside."""
    _check_place(report, balancer)
    vip: IPv4Address | None = balancer.vip
    address = "is required" if vip is None else address_fault(int(vip)) and f"{vip} {address_fault(int(vip))}"
    faults = {
        "name": name_fault(balancer.name),
        "mac": mac_fault(balancer.mac),
        "vip": address,
        "port": range_fault(balancer.port, 1, MAX_L4_PORT),
        "protocol": _choice_fault(balancer.protocol, PROTOCOLS),
        "check": _choice_fault(balancer.check, CHECKS),
        "path": _path_fault(balancer.path),
        "interval": range_fault(balancer.interval, MIN_INTERVAL, MAX_INTERVAL),
        "timeout": range_fault(balancer.timeout, MIN_TIMEOUT, MAX_TIMEOUT),
        "rise": range_fault(balancer.rise, 1, MAX_IN_A_ROW),
        "fall": range_fault(balancer.fall, 1, MAX_IN_A_ROW),
    }
    for field, fault in faults.items():
        if fault is not None:
            report.add(Spot(balancer, field), fault)
    if not (faults["interval"] or faults["timeout"]) and balancer.timeout > balancer.interval:
        reason = f"{balancer.timeout} s is longer than the interval, {balancer.interval} s"
        report.add(Spot(balancer, "timeout"), reason, [Spot(balancer, "interval")])
    if (balancer.protocol, balancer.check) == ("udp", "http"):
        reason = "a UDP service does not answer HTTP; it can be checked by tcp or not at all"
        report.add(Spot(balancer, "check"), reason, [Spot(balancer, "protocol")])


def check_tenant_vips(outside: Outside, report: Report, tenant: str) -> None:
    """Report each changed load balancer whose VIP, port and protocol another of the tenant has already."""
    holders: dict[tuple[IPv4Address, int, str], LoadBalancer] = {}
    for balancer in outside.balancers_of(tenant):
        other = holders.setdefault((balancer.vip, balancer.port, balancer.protocol), balancer)
        if other is not balancer:
            vip = f"{balancer.vip}:{balancer.port}/{balancer.protocol}"
            blame = [Spot(balancer, "port"), Spot(balancer, "protocol")]
            report.add(Spot(balancer, "vip"), f"VIP {vip} is already {describe(other)}'s", blame, other)


def check_members(outside: Outside, report: Report, ref: Ref) -> None:
    """Report what the edit made wrong with the members of the load balancer at `ref`, which exists in the draft."""
    balancer: LoadBalancer = outside.scope.draft.table("load_balancer")[ref]
    members, most = outside.members_of(ref), limits.MAX_MEMBERS_PER_LOAD_BALANCER
    if len(members) > most:
        reason = f"load balancer {balancer.name} would have {len(members)} members; at most {most} are allowed"
        report.add(Spot(members[most], "name"), reason)
    for member in members:
        if outside.touched(member):
            _check_member_itself(report, member)
        port = check_named_port(outside, report, member)
        if port is not None and balancer.switch is not None and balancer.switch != port.switch:
            reason = f"{describe(port)} is on switch {port.switch}, and {describe(balancer)} on switch {balancer.switch}"
            report.add(Spot(member, "port"), reason, [Spot(balancer, "switch"), Spot(port, "switch")])
    _check_twice(report, balancer, members)


def _check_place(report: Report, balancer: LoadBalancer) -> None:
    if balancer.router is None and balancer.switch is None:
        reason = "a load balancer stands on a router or on a switch, and neither is given"
        report.add(Spot(balancer, "router"), reason, [Spot(balancer, "switch")])
    elif balancer.router is not None and balancer.switch is not None:
        reason = f"a load balancer stands on a router ({balancer.router}) or on a switch ({balancer.switch}), not both"
        report.add(Spot(balancer, "router"), reason, [Spot(balancer, "switch")])


def _choice_fault(value: str, choices: Iterable[str]) -> str | None:
    return None if value in choices else f"{value!r} is none of {', '.join(choices)}"


def _path_fault(path: str) -> str | None:
    if len(path) > limits.MAX_PATH_LENGTH:
        return f"has {len(path):,} characters; at most {limits.MAX_PATH_LENGTH} are allowed"
    return None if _PATH.fullmatch(path) else 'a path starts with "/" and holds printable ASCII characters, no blanks'


def _check_member_itself(report: Report, member: Member) -> None:
    faults = {
        "name": name_fault(member.name),
        "number": None if member.number is None else range_fault(member.number, 1, MAX_L4_PORT),
        "weight": range_fault(member.weight, 1, MAX_WEIGHT),
    }
    for field, fault in faults.items():
        if fault is not None:
            report.add(Spot(member, field), fault)


def _check_twice(report: Report, balancer: LoadBalancer, members: list[Member]) -> None:
    servers: dict[tuple[str, int], Member] = {}
    for member in members:
        number = member.number or balancer.port
        other = servers.setdefault((member.port, number), member)
        if other is not member:
            blame = [Spot(member, "number"), Spot(balancer, "port"), Spot(other, "port"), Spot(other, "number")]
            reason = f"{number} of port {member.port} is already {describe(other)}"
            report.add(Spot(member, "port"), reason, blame, other)
