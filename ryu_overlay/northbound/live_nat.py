"""A router's translations and load balancers: rules, who carries them, and what they have begun."""

from __future__ import annotations

from collections.abc import Hashable

from ryu_overlay.engine.engine import Engine
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.model.external import inside_of
from ryu_overlay.model.network import BalancerView, RouterView
from ryu_overlay.model.objects import FloatingIp, Port, Snat
from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.northbound import live_outside
from ryu_overlay.northbound.live_look import Look, Looking, drops_of, of
from ryu_overlay.northbound.service import MemberStatus
from ryu_overlay.northbound.service_devices import (
    Balancers,
    BalancerStatus,
    Drop,
    FloatingStatus,
    MemberShare,
    NatStatus,
    OnChassis,
    SnatStatus,
    Translation,
    Translations,
)
from ryu_overlay.oam.capture import NotPossible
from ryu_overlay.oam.standing import standings
from ryu_overlay.oam.translations import Crossing
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.tables import LB_MEMBER, LR_IN_TRACKED, LR_OUT_EXTERNAL, LR_OUT_SNAT, LR_OUT_TRACKED
from ryu_overlay.southbound.checks import Checks
from ryu_overlay.southbound.translating import Translating

_PORTS = (1024, 65535)
_BEGIN = frozenset({LR_OUT_SNAT.number, LR_OUT_TRACKED.number, LR_IN_TRACKED.number})
_NAT_DROPS = frozenset({"nat_exhausted", "not_translated", "no_connection", "bad_source", "standby"})


def status(engine: Engine, looking: Looking, view: RouterView) -> NatStatus:
    """The uplink and the rules."""
    key, tenant, uplink = view.router.key, view.tenant.key, view.uplink
    keys = {key, *(port.key for port in view.ports)}
    if view.external is not None:
        keys.add(view.external.key)
    questions = [of(Feature.SNAT, tenant, s.key) for s in view.snats]
    questions += [of(Feature.FLOATING_IP, tenant, f.key) for f, _ in view.floating_ips]
    look = looking.look(("router", key), keys, [*questions, drops_of(tenant)])
    found = standings(look.reports, _rule)
    home = homes(view, engine.bindings.placements, engine.uplinks.physical)
    carried = next(
        (u for u in live_outside.uplinks(engine, engine.network) if uplink and (u.tenant, u.router, u.port) == uplink.ref), None
    )
    active = None if carried is None else carried.active
    drops: list[Drop] = [d for _, d in look.drops({key, uplink.key if uplink else 0}) if d.reason in _NAT_DROPS]
    return NatStatus(
        engine.network.revision,
        look.asked,
        carried,
        tuple(_snat(view, snat, look, found.get(snat.key, ())) for snat in view.snats),
        tuple(_floating(f, p, look, found.get(f.key, ()), home.get(f.key), active) for f, p in view.floating_ips),
        tuple(drops),
    )


def translations(engine: Engine, translating: Translating, view: RouterView, seconds: float) -> Translations:
    """What crosses the uplink in so many seconds. Blocks this greenthread only. Raises Refused."""
    uplink, scope = view.uplink, ("uplink", view.router.key)
    if uplink is None:
        return Translations(engine.network.revision, seconds, ())
    carries = (
        name
        for name, program in engine.programs.items()
        if scope in program.blocks and any(f.table == LR_OUT_EXTERNAL.number for f in program.blocks[scope].flows)
    )
    try:
        found = translating.watch(uplink.key, carries, seconds)
    except NotPossible as error:
        raise Refused("conflict", (Problem(error.field, error.reason),)) from error
    rows = tuple(_translation(view, crossing) for crossing in found.crossings)
    return Translations(engine.network.revision, seconds, rows, found.missed)


def _translation(view: RouterView, crossing: Crossing) -> Translation:
    inside, inside_port = crossing.inside or (None, 0)
    outside, outside_port = crossing.outside or (None, 0)
    return Translation(
        *(crossing.protocol, inside, inside_port, outside, outside_port, *crossing.peer, crossing.direction),
        packets=crossing.packets,
        chassis=crossing.chassis,
        rule=_rule_of(view, crossing),
    )


def _rule_of(view: RouterView, crossing: Crossing) -> str | None:
    inside, outside = (None if end is None else end[0] for end in (crossing.inside, crossing.outside))
    stands = {f.name: outside == f.address if outside is not None else inside == inside_of(f, p) for f, p in view.floating_ips}
    floating = (name for name, is_it in stands.items() if is_it)
    if crossing.direction == "in":
        number = 0 if crossing.outside is None else crossing.outside[1]
        balanced = (b.balancer.name for b in view.balancers if (b.balancer.vip, b.balancer.port) == (outside, number))
        rules = (*(f"load-balancer {name}" for name in balanced), *(f"floating-ip {name}" for name in floating))
    else:
        snats = (s.name for s in view.snats if inside is not None and any(inside in net for net in s.prefixes))
        rules = (*(f"floating-ip {name}" for name in floating), *(f"snat {name}" for name in snats))
    return next(iter(rules), None)


def balancers(engine: Engine, looking: Looking, checks: Checks, view: RouterView) -> Balancers:
    """The load balancers on the router, with what their members have got."""
    key, tenant = view.router.key, view.tenant.key
    keys = {key, *(port.key for port in view.ports)}
    owners = [key for b in view.balancers for key in (b.balancer.key, *(m.key for m, _ in b.members))]
    look = looking.look(("router", key), keys, [of(Feature.BALANCING, tenant, owner) for owner in owners], groups=True)
    found = standings(look.reports, _rule)
    members = (
        {(m.tenant, m.load_balancer, m.member): m for m in live_outside.members(engine, checks, engine.network)}
        if view.balancers
        else {}
    )
    rows = []
    for balancer in view.balancers:
        lb = balancer.balancer
        shares = _shares(balancer, look, members, found)
        rows.append(BalancerStatus(lb.name, lb.vip, lb.port, lb.protocol, lb.check, shares, found.get(lb.key, ())))
    return Balancers(engine.network.revision, look.asked, tuple(rows))


def _rule(flow: Flow) -> Hashable:
    why = read_cookie(flow.cookie)
    rules = (Feature.SNAT, Feature.FLOATING_IP, Feature.BALANCING)
    return why.key if why is not None and why.feature in rules else None


def _begun(look: Look, key: int, feature: Feature) -> int:
    """First packets of the connections that a rule or member got."""

    def counts(flow: Flow) -> bool:
        why = read_cookie(flow.cookie)
        if why is None or (why.feature, why.key) != (feature, key):
            return False
        if feature is Feature.BALANCING:
            return flow.table == LB_MEMBER.number
        return flow.table in _BEGIN and (feature is Feature.FLOATING_IP or flow.table == LR_OUT_SNAT.number)

    return look.count(counts)[0]


def _snat(view: RouterView, snat: Snat, look: Look, on: tuple[OnChassis, ...]) -> SnatStatus:
    own = () if view.uplink is None else tuple(a.ip for a in view.uplink.addresses[:1])
    first, last = snat.ports or _PORTS
    begun = _begun(look, snat.key, Feature.SNAT)
    return SnatStatus(snat.name, snat.prefixes, snat.addresses or own, f"{first}-{last}", begun, on)


def _floating(
    floating: FloatingIp, port: Port, look: Look, on: tuple[OnChassis, ...], home: str | None, active: str | None
) -> FloatingStatus:
    return FloatingStatus(
        floating.name,
        floating.address,
        inside_of(floating, port),
        port.name,
        floating.mac,
        home or active,
        home is not None,
        _begun(look, floating.key, Feature.FLOATING_IP),
        on,
    )


def _shares(
    view: BalancerView,
    look: Look,
    members: dict[tuple[str, str, str], MemberStatus],
    found: dict[Hashable, tuple[OnChassis, ...]],
) -> tuple[MemberShare, ...]:
    begun = {m.key: _begun(look, m.key, Feature.BALANCING) for m, _ in view.members}
    total = sum(begun.values())
    return tuple(
        MemberShare(members[m.ref], begun[m.key], begun[m.key] / total if total else None, found.get(m.key, ()))
        for m, _ in view.members
        if m.ref in members
    )
