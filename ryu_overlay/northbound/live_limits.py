"""What goes to the controller, beside what may: read from the meters of each chassis, and from the controller's own buckets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_overlay.engine.engine import Engine
from ryu_overlay.northbound.service import DropCount, LimitStatus
from ryu_overlay.oam.fairness import Fairness
from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.openflow.replies import MeterDrops, parse_meter_drops
from ryu_overlay.pipeline.limits import meter_number, ofport_of, uplink_meter
from ryu_overlay.pipeline.tables import ARP_METER, ECHO_METER, GUEST_METER, HEALTH_METER, OAM_METER, PUNT_METER

EXCEEDED = "punt_rate_exceeded"
WITHHELD = "answer_rate_exceeded"
"""Names of drops: by a meter, and by the controller."""
_OF_CHASSIS = {
    PUNT_METER: "answers",
    HEALTH_METER: "checks",
    ARP_METER: "neighbours",
    GUEST_METER: "guests",
    OAM_METER: "probes",
    ECHO_METER: "tunnel-probes",
}
_DROPS = (PUNT_METER, HEALTH_METER, ARP_METER, GUEST_METER)
"""What others than the controller cause."""
_AS_OBJECTS = {"port": "port", "uplink": "router_port"}
"""Kinds of limits of which one logical object is the cause, and what that is called."""


def of_chassis(engine: Engine, chassis: str, bodies: Iterable[bytes]) -> Iterator[LimitStatus]:
    """The limits of a chassis, from replies with its meters: its own, and those of ports that something came by."""
    program = engine.programs.get(chassis)
    rates = {} if program is None else {meter.number: meter.rate for meter in program.all_meters()}
    owners = _owners(engine, chassis)
    for meter in _limiting(bodies):
        of_chassis, rate = _OF_CHASSIS.get(meter.number), rates.get(meter.number)
        if rate is None or (of_chassis is None and not meter.packets):
            continue
        kind, name = ("chassis", of_chassis) if of_chassis else owners.get(meter.number, ("port", str(ofport_of(meter.number))))
        yield LimitStatus(kind, name, chassis, rate, meter.packets - meter.dropped, meter.dropped)


def of_controller(fairness: Fairness) -> LimitStatus:
    """The controller's own, over all chassis."""
    return LimitStatus("controller", "answers", None, fairness.rate, fairness.admitted, sum(fairness.withheld.values()))


def drops(engine: Engine, chassis: str, bodies: Iterable[bytes]) -> Iterator[DropCount]:
    """What meters of a chassis have dropped, for the port that it came by or for none."""
    exceeded = [m for m in _limiting(bodies) if m.dropped and (m.number in _DROPS or m.number not in _OF_CHASSIS)]
    # Whose ports are is looked up among all, so not where nobody had too much.
    owners = _owners(engine, chassis) if exceeded else {}
    for meter in exceeded:
        kind, name = owners.get(meter.number, ("", ""))
        told = _AS_OBJECTS.get(kind) if " " not in name else None
        yield DropCount(EXCEEDED, chassis, told, name if told else None, meter.dropped, meter.dropped_bytes)


def _limiting(bodies: Iterable[bytes]) -> Iterator[MeterDrops]:
    for body in bodies:
        yield from (m for m in parse_meter_drops(body) if m.number in _OF_CHASSIS or m.number >= COUNTING.stop)


def _owners(engine: Engine, chassis: str) -> dict[int, tuple[str, str]]:
    """By number of a meter of a chassis, what it is of: kind and name; names of several uplinks with a blank between."""
    uplinks: dict[int, list[str]] = {}
    for view in engine.network.router_views.values():
        if view.uplink is not None:
            uplinks.setdefault(uplink_meter(view.uplink.key, 1).number, []).append("/".join(view.uplink.ref))
    found = {number: ("uplink", " ".join(names)) for number, names in uplinks.items()}
    found |= {meter_number(p): ("physical-network", name) for name, p in engine.fabric.physical.get(chassis, {}).items()}
    found |= {meter_number(port): ("tunnel", peer) for peer, port in engine.fabric.tunnels.get(chassis, {}).items()}
    for placement in engine.fabric.placements.values():
        for key, spot in placement.spots.items():
            port = engine.network.by_key.get(key)
            if spot.chassis == chassis and spot.ofport is not None and port is not None:
                found[meter_number(spot.ofport)] = "port", "/".join(port.ref)
    return found
