"""Interfaces with their counters: a router's ports from the flows that count them, a switch's ports from its chassis' own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from ryu_overlay.engine.engine import Engine
from ryu_overlay.fabric.placement import Spot
from ryu_overlay.model.external import port_mtu
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.model.objects import Port, RouterPort
from ryu_overlay.northbound import live_outside
from ryu_overlay.northbound.live_limits import EXCEEDED
from ryu_overlay.northbound.live_look import Look, Looking, Request, drops_of
from ryu_overlay.northbound.service_devices import Counter, Drop, Interfaces, InterfaceStatus, OnChassis
from ryu_overlay.oam.standing import Question, standings, value
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.openflow.messages import meter_stats_request, port_stats_request
from ryu_overlay.openflow.replies import PortStats, parse_meter_drops, parse_port_stats
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.limits import meter_number
from ryu_overlay.pipeline.registers import IN_LPORT, OUT_LPORT
from ryu_overlay.pipeline.tables import LR_COUNT_IN, LR_COUNT_OUT

State = tuple[bool, "str | None"]


def of_router(engine: Engine, looking: Looking, view: RouterView) -> Interfaces:
    """A router's ports."""
    key, tenant = view.router.key, view.tenant.key
    questions = [drops_of(tenant)]
    for port in view.ports:
        questions.append(Question(LR_COUNT_IN.number, ((IN_LPORT.field, port.key, None),)))
        questions.append(Question(LR_COUNT_OUT.number, ((OUT_LPORT.field, port.key, None),)))
    keys = {key, *(port.key for port in view.ports)}
    look = looking.look(("router", key), keys, questions)
    counted = standings(look.reports, _counts)
    drops = _by_key(look, keys)
    rows = []
    for port in view.ports:
        up, reason = _router_port_state(engine, view, port, bool(look.reports))
        rows.append(
            InterfaceStatus(
                name=port.name,
                kind="router-port",
                state="up" if up else "down",
                reason=reason,
                attached=_attached(view, port),
                mac=port.mac,
                addresses=tuple(map(str, port.addresses)),
                mtu=port_mtu(view, port, engine.mtu),
                input=_sum(counted.get((LR_COUNT_IN.number, port.key), ())),
                output=_sum(counted.get((LR_COUNT_OUT.number, port.key), ())),
                drops=drops.get(port.key, ()),
            )
        )
    return Interfaces(engine.network.revision, look.asked, tuple(rows), drops.get(key, ()))


def of_switch(engine: Engine, looking: Looking, view: SwitchView) -> Interfaces:
    """A switch's logical ports. The counters are those of the interface that a port is bound by, as long as it is there."""
    key = view.switch.key
    keys = {key, *(port.key for port in view.ports)}
    look = looking.look(("switch", key), keys, [drops_of(view.tenant.key)])
    drops = _by_key(look, keys)
    counters, limited = _port_counters(engine, looking, view)
    told = {port.key: (*drops.get(port.key, ()), *limited.get(port.key, ())) for port in view.ports}
    rows = (_port(engine, port, counters.get(port.key), told[port.key]) for port in view.ports)
    return Interfaces(engine.network.revision, look.asked, tuple(rows), drops.get(key, ()))


def _counts(flow: Flow) -> Hashable:
    why = read_cookie(flow.cookie)
    if why is None or why.feature is not Feature.COUNTER:
        return None
    return flow.table, value(flow, (IN_LPORT if flow.table == LR_COUNT_IN.number else OUT_LPORT).field)


def _by_key(look: Look, keys: set[int]) -> Mapping[int, tuple[Drop, ...]]:
    found: dict[int, tuple[Drop, ...]] = {}
    for key, drop in look.drops(keys):
        found[key] = (*found.get(key, ()), drop)
    return found


def _sum(on: tuple[OnChassis, ...]) -> Counter:
    return Counter(sum(o.packets for o in on), sum(o.bytes for o in on), on)


def _router_port_state(engine: Engine, view: RouterView, port: RouterPort, reached: bool) -> State:
    if port.external is not None:
        status = next((u for u in live_outside.uplinks(engine, engine.network) if (u.tenant, u.router, u.port) == port.ref), None)
        return (status is not None and status.state == "active"), None if status is None else status.reason
    if port.switch is None and port.name not in view.peers:
        return False, "attached to nothing"
    return (True, None) if reached else (False, "no port is bound in any network that it leads to")


def _attached(view: RouterView, port: RouterPort) -> str | None:
    if port.external is not None:
        return f"external network {port.external}"
    if port.switch is not None:
        return f"switch {port.tenant}/{port.switch}"
    far = view.peers.get(port.name)
    return None if far is None else f"router-port {'/'.join(far.ref)}"


def _port_counters(
    engine: Engine, looking: Looking, view: SwitchView
) -> tuple[dict[int, tuple[Spot, PortStats | None]], dict[int, tuple[Drop, ...]]]:
    """By port key: where it is bound, and its interface's counters if its chassis told them; what its meter dropped."""
    spots = [(port.key, spot) for port in view.ports if (spot := engine.bindings.spot(port)) is not None]
    told = [(key, spot, spot.ofport) for key, spot in spots if spot.ofport is not None]
    answers = looking.ask([(spot.chassis, _request(ofport)) for _, spot, ofport in told])
    meters = looking.ask([(spot.chassis, _meter_request(ofport)) for _, spot, ofport in told])
    found: dict[int, tuple[Spot, PortStats | None]] = {key: (spot, None) for key, spot in spots}
    for (key, spot, ofport), bodies in zip(told, answers):
        stats = (s for body in bodies or () for s in parse_port_stats(body))
        found[key] = spot, next((s for s in stats if s.port == ofport), None)
    limited = {key: tuple(_limited(spot.chassis, bodies or ())) for (key, spot, _), bodies in zip(told, meters)}
    return found, limited


def _meter_request(ofport: int) -> Request:
    return lambda xid: meter_stats_request(xid, meter_number(ofport))


def _limited(chassis: str, bodies: Iterable[bytes]) -> Iterator[Drop]:
    for meter in (found for body in bodies for found in parse_meter_drops(body)):
        if meter.dropped:
            yield Drop(EXCEEDED, chassis, meter.dropped, meter.dropped_bytes)


def _request(ofport: int) -> Request:
    return lambda xid: port_stats_request(xid, ofport)


def _port(engine: Engine, port: Port, where: tuple[Spot, PortStats | None] | None, drops: tuple[Drop, ...]) -> InterfaceStatus:
    spot, stats = where or (None, None)
    reason = "disabled" if not port.enabled else None if spot is not None else "bound nowhere"
    received, sent = _of_interface(spot, stats)
    return InterfaceStatus(
        name=port.name,
        kind="port",
        state="up" if reason is None else "down",
        reason=reason,
        attached=None,
        mac=port.mac,
        addresses=tuple(map(str, port.addresses)),
        mtu=engine.mtu,
        input=received,
        output=sent,
        drops=drops,
        chassis=None if spot is None else spot.chassis,
        interface=engine.bindings.interface(port),
        errors=None if stats is None else _errors(stats),
    )


def _of_interface(spot: Spot | None, stats: PortStats | None) -> tuple[Counter, Counter]:
    """What came from the VM is the switch's input."""
    if spot is None:
        return Counter(0, 0, ()), Counter(0, 0, ())
    if stats is None:
        unknown = (OnChassis(spot.chassis, "unknown"),)
        return Counter(0, 0, unknown), Counter(0, 0, unknown)
    rows = ((stats.rx_packets or 0, stats.rx_bytes or 0), (stats.tx_packets or 0, stats.tx_bytes or 0))
    received, sent = (Counter(*row, (OnChassis(spot.chassis, "installed", *row),)) for row in rows)
    return received, sent


def _errors(stats: PortStats) -> tuple[int, int]:
    lost = ((stats.rx_dropped, stats.rx_errors), (stats.tx_dropped, stats.tx_errors))
    received, sent = (sum(count or 0 for count in counts) for counts in lost)
    return received, sent
