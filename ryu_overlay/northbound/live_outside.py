"""Uplinks and members of load balancers of the running controller, as REST reports them; read off the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Literal

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.network import BalancerView, Network
from ryu_overlay.model.objects import Member, Port, RouterPort
from ryu_overlay.northbound.service import MemberStatus, UplinkStatus
from ryu_overlay.oam.checker import DOWN, UNKNOWN, Verdict
from ryu_overlay.oam.targets import source_mac
from ryu_overlay.southbound.checks import Checks

MemberState = Literal["up", "down", "drained", "unbound", "unchecked"]


def uplinks(engine: Engine, network: Network) -> Iterator[UplinkStatus]:
    """Every uplink, and who carries it."""
    for ref, view in network.external_views.items():
        for uplink in network.uplinks(ref):
            gateways = engine.uplinks.gateways.get(uplink.ref, ())
            reason = _pending(engine, uplink, view.network.physical_network, gateways)
            yield UplinkStatus(
                uplink.tenant,
                uplink.router,
                uplink.name,
                view.network.name,
                uplink.addresses[0],
                gateways,
                gateways[0] if reason is None else None,
                "active" if reason is None else "pending",
                reason,
            )


def _pending(engine: Engine, uplink: RouterPort, physical: str, gateways: tuple[str, ...]) -> str | None:
    """Why nobody carries an uplink, None if somebody does."""
    mapped = {name for name, maps in engine.uplinks.mappings.items() if physical in maps and name in engine.encap_ips}
    if not mapped:
        return f"no chassis maps {physical}"
    if not gateways:
        return f"none of its gateways ({', '.join(uplink.gateways)}) maps {physical}"
    ready = [name for name in gateways if physical in engine.uplinks.physical.get(name, {})]
    if not ready:
        return f"none of its gateways ({', '.join(gateways)}) has a port to {physical} yet"
    return None if ready[0] == gateways[0] else f"gateway {gateways[0]} has no port to {physical} yet"


def members(engine: Engine, checks: Checks, network: Network) -> Iterator[MemberStatus]:
    """Every member, where it is and what checks say of it."""
    for views in network.balancers.values():
        for view in views:
            for member, port in view.members:
                if port.addresses:
                    yield _member(engine, checks, network, view, member, port)


def _member(engine: Engine, checks: Checks, network: Network, view: BalancerView, member: Member, port: Port) -> MemberStatus:
    lb, spot = view.balancer, engine.bindings.spot(port)
    verdict = checks.verdicts.get(member.key)
    state, reason = _state(engine, member, verdict, bound=spot is not None)
    if state == "unchecked" and lb.check != "none" and source_mac(lb, port, network) is None:
        reason = f"{port.name} is on no switch of router {lb.router}"
    return MemberStatus(
        lb.tenant,
        lb.name,
        member.name,
        port.name,
        None if spot is None else spot.chassis,
        port.addresses[0],
        view.number(member),
        member.weight,
        state,
        None if verdict is None or verdict.state == UNKNOWN else _wall_clock(verdict.since),
        reason,
    )


def _state(engine: Engine, member: Member, verdict: Verdict | None, bound: bool) -> tuple[MemberState, str | None]:
    if member.drained:
        return "drained", None
    if not bound:
        return "unbound", None
    if member.key in engine.members.dead:
        return "down", verdict.reason if verdict is not None and verdict.state == DOWN else None
    if verdict is None or verdict.state == UNKNOWN:
        return "unchecked", None
    return "up", verdict.reason


def _wall_clock(monotonic: float) -> datetime:
    return datetime.fromtimestamp(time.time() - (time.monotonic() - monotonic), timezone.utc)
