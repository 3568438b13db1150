"""Whether a network is one that can be built, and what an edit made wrong if not.

`validate` looks only at what a draft touched and at what that can have made wrong, so that one port costs the same in a
small network and in a large one. It relies on the base being valid; `validate_all` relies on nothing.
Every rule is in one of the `check_*` modules; here is only which of them an edit calls for, and rules about names that hold
over all tenants.
"""

from __future__ import annotations

from typing import Any

from ryu_overlay.model.check_outside import check_outside
from ryu_overlay.model.check_peers import check_peers
from ryu_overlay.model.check_router import check_router, check_switch_gone
from ryu_overlay.model.check_routes import check_routes
from ryu_overlay.model.check_switch import check_switch
from ryu_overlay.model.kinds import ancestors
from ryu_overlay.model.network import MAX_ZONE, Draft, Network
from ryu_overlay.model.objects import KINDS, FloatingIp, Port, RouterPort, Tenant
from ryu_overlay.model.problems import Problem, describe, describe_fully
from ryu_overlay.model.report import Mentions, Report, Spot
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.values import description_fault, name_fault, range_fault


def validate(draft: Draft, report: Report) -> None:
    """Add to `report` everything the draft made wrong. Parents are taken to exist (whoever edits sees to it)."""
    scope = Scope(draft)
    for tenant in scope.changed["tenant"].values():
        _check_tenant(report, tenant)
    _check_port_names(scope, report)
    for ref in {**scope.changed["switch"], **scope.ports_on, **scope.attached_to}:
        if draft.get("switch", ref) is not None:
            check_switch(scope, report, ref)
    for ref in scope.removed["switch"]:
        for port in scope.settled_attached_to(ref):
            check_switch_gone(scope, report, port)
    parents = [(p.tenant, p.router) for kind in ("router_port", "route") for p in _touched(scope, kind)]
    for ref in {**scope.changed["router"], **dict.fromkeys(parents)}:
        router = draft.get("router", ref)
        if router is not None and check_router(scope, report, router):
            check_routes(scope, report, router)
    check_peers(scope, report)
    check_outside(scope, report)


def validate_all(network: Network) -> tuple[Problem, ...]:
    """Everything that is wrong with a whole network (up to `limits.MAX_PROBLEMS`), at paths like `port red/web/web-1.mac`.

    Also says which object has no parent. Cost is about 20 microseconds an object.
    """
    draft, mentions = Draft(Network()), Mentions()
    for cls in KINDS:
        kind: str = cls.kind  # type: ignore[attr-defined]
        for ref, obj in network.tables[kind].items():
            draft.put(obj)
            mentions.paths[kind, ref] = f"{kind} {'/'.join(ref)}"
    report = Report(draft, mentions)
    for (kind, ref), path in mentions.paths.items():
        if any(network.get(*parent) is None for parent in ancestors(kind, ref)):
            report.add_at(path, "its parent does not exist")
    if not report.problems:
        validate(draft, report)
        _check_zones(network, report)
        _check_accounts(network, report)
    return tuple(report.problems)


def _check_zones(network: Network, report: Report) -> None:
    """Uplinks and tenants' load balancing keep their connections apart. Nobody can ask for a zone, so no edit makes one wrong."""
    holders: dict[int, Tenant | RouterPort] = {tenant.key: tenant for tenant in network.tables["tenant"].values()}
    uplinks: list[RouterPort] = [p for p in network.tables["router_port"].values() if p.external is not None]
    for uplink in uplinks:
        fault, other = range_fault(uplink.zone, 1, MAX_ZONE), holders.setdefault(uplink.zone, uplink)
        if fault is not None:
            report.add(Spot(uplink, "zone"), fault)
        elif other is not uplink:
            report.add(Spot(uplink, "zone"), f"{uplink.zone} is already {describe_fully(other)}'s", other=other)


def _check_accounts(network: Network, report: Report) -> None:
    """Each tenant, uplink and floating IP is counted by itself. None may have an account yet (0), and no edit makes one wrong."""
    holders: dict[int, Tenant | RouterPort | FloatingIp] = {}
    for obj in (obj for kind in ("tenant", "router_port", "floating_ip") for obj in network.tables[kind].values()):
        if obj.account and (other := holders.setdefault(obj.account, obj)) is not obj:
            report.add(Spot(obj, "account"), f"{obj.account} is already {describe_fully(other)}'s", other=other)


def _touched(scope: Scope, kind: str) -> list[Any]:
    return [*scope.changed[kind].values(), *scope.removed[kind].values()]


def _check_tenant(report: Report, tenant: Tenant) -> None:
    for field, fault in (("name", name_fault(tenant.name)), ("description", description_fault(tenant.description))):
        if fault is not None:
            report.add(Spot(tenant, field), fault)


def _check_port_names(scope: Scope, report: Report) -> None:
    """A port's name is unique over all tenants, and is no other port's UUID: either may be an Interface's iface-id."""
    new: dict[str, Port] = {}
    for port in scope.changed["port"].values():
        settled = scope.base.port_by_name.get(port.name) or scope.base.port_by_uuid.get(port.name)
        other: Port | None = scope.draft.get("port", settled.ref) if settled is not None else None
        if other is None:
            other = new.setdefault(port.name, port)
        if other.ref == port.ref:
            continue
        place = f"switch {other.tenant}/{other.switch}"
        if other.name == port.name:
            reason = f"a port's name is unique over all tenants, and {port.name} is already a port of {place}"
        else:
            reason = f"{port.name} is the UUID of {describe(other)} of {place}"
        report.add(Spot(port, "name"), reason, other=other)
