"""What goes to the controller is metered: by the uplink that it came into its router by and by the port, then for the chassis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ryu_overlay.model.objects import Port, RouterPort, Tenant
from ryu_overlay.openflow.actions import Punt, Resubmit
from ryu_overlay.openflow.flow import Block, Flow, Meter
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.limits import OF_CHECKS, OF_GUESTS, Limits, port_meter, uplink_meter
from ryu_overlay.pipeline.registers import CAME_BY, IN_LPORT, LINK, PROBE
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import GUEST_METER, HEALTH_METER, OAM_METER, PUNT_CHASSIS, PUNT_METER, PUNT_PORT, PUNT_UPLINK

PUNT = (Resubmit(PUNT_UPLINK.number), Punt())
"""To the controller, if the meters let it."""
_IS_PROBE: Match = {PROBE.field: (1, 1)}


def base_flows() -> Iterator[Flow]:
    """The same on every bridge. The controller's probes are not what a VM sends, though they come by its port."""
    why = Why(Feature.LIMIT)
    yield PUNT_UPLINK.flow("miss", {}, goto=PUNT_PORT, why=why)
    yield PUNT_UPLINK.flow("probe", _IS_PROBE, goto=PUNT_PORT, why=why)
    yield PUNT_PORT.flow("miss", {}, goto=PUNT_CHASSIS, why=why)
    yield PUNT_PORT.flow("probe", _IS_PROBE, goto=PUNT_CHASSIS, why=why)
    yield PUNT_CHASSIS.flow("miss", {}, meter=PUNT_METER, why=why)
    yield PUNT_CHASSIS.flow("kind", {LINK.field: OF_CHECKS}, meter=HEALTH_METER, why=why)
    yield PUNT_CHASSIS.flow("kind", {LINK.field: OF_GUESTS}, meter=GUEST_METER, why=why)
    yield PUNT_CHASSIS.flow("probe", _IS_PROBE, meter=OAM_METER, why=why)


def vif_limit(tenant: Tenant, port: Port, ofport: int, rate: int) -> tuple[Flow, Meter]:
    """A logical port's, on the chassis where it is bound at `ofport`."""
    return _limit(ofport, rate, Why(Feature.LIMIT, tenant.key, port.key))


def shared_limits(tunnels: Mapping[str, int], patches: Mapping[str, int], limits: Limits) -> Block:
    """Those of tunnels and of ports to physical networks."""
    ofports = sorted({*tunnels.values(), *(patch for patch in patches.values() if patch)})
    made = [_limit(ofport, limits.shared, Why(Feature.LIMIT)) for ofport in ofports]
    return Block(tuple(flow for flow, _ in made), (), tuple(meter for _, meter in made))


def uplink_limit(tenant: Tenant, uplink: RouterPort, rate: int) -> tuple[Flow, Meter]:
    """An uplink's."""
    meter, why = uplink_meter(uplink.key, rate), Why(Feature.LIMIT, tenant.key, uplink.key)
    return PUNT_UPLINK.flow("uplink", {IN_LPORT.field: uplink.key}, goto=PUNT_PORT, meter=meter.number, why=why), meter


def uplink_limits(*limits: tuple[Flow, Meter]) -> Block:
    """Those of all uplinks, in one block: some have a meter together."""
    return Block(tuple(flow for flow, _ in limits), (), tuple({meter.number: meter for _, meter in limits}.values()))


def _limit(ofport: int, rate: int, why: Why) -> tuple[Flow, Meter]:
    meter = port_meter(ofport, rate)
    return PUNT_PORT.flow("port", {CAME_BY.field: ofport}, goto=PUNT_CHASSIS, meter=meter.number, why=why), meter
