"""A gateway dies while connections are tried every 20 ms; how long none of a kind worked.

An outage is the longest time between the beginnings of two good tries around the event, so the shortest possible is 20 ms. Each
try is a new connection and gives up after half a second, before TCP would send a second SYN.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.loading import Trying
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import RED_FLOATING, VIP
from tests.acceptance.outdoors import active, patch, settle
from tests.acceptance.waiting import until

GATEWAY = "hv1"
BEFORE, AFTER = 0.6, 1.6
"""Seconds of tries before the event, to know that all goes, and after it, before they are read."""

Outages = dict[str, list[float]]
Probe = tuple[str, str, int, bool]
"""Client, target, port, UDP."""


def _revive(host: Hypervisor) -> None:
    if host.vswitch.process("ovs-vswitchd") is None:
        host.start_vswitchd()


@dataclass(frozen=True)
class Kind:
    """One way for a gateway to die, and to come back. `flowless`: it comes back without flows, so not without controller.

    `told`: only the controller hears of it, from the chassis' database.
    """

    name: str
    kill: Callable[[Lab], None]
    mend: Callable[[Lab], None]
    flowless: bool = False
    told: bool = False


KINDS = (
    Kind(
        "ovs-vswitchd killed",
        lambda lab: lab.hypervisors[GATEWAY].kill_vswitchd(),
        lambda lab: _revive(lab.hypervisors[GATEWAY]),
        flowless=True,
    ),
    Kind(
        "underlay link phy0 cut",
        lambda lab: lab.fabric.cut(lab.hypervisors[GATEWAY]),
        lambda lab: lab.fabric.mend(lab.hypervisors[GATEWAY]),
    ),
    Kind(
        "external link ext0 cut",
        lambda lab: lab.world.outside.cut(lab.hypervisors[GATEWAY]),
        lambda lab: lab.world.outside.mend(lab.hypervisors[GATEWAY]),
        told=True,
    ),
)
PROBES: dict[str, Probe] = {
    "SNAT, TCP": ("red-db-3", SERVER_ADDRESS, 80, False),
    "SNAT, UDP": ("red-web-2", SERVER_ADDRESS, 53, True),
    "floating IP from outside": ("server", RED_FLOATING, 80, False),
    "VIP from outside": ("server", VIP, 80, False),
}
"""What is tried. None of them ends on the gateway that dies (see `prepare`)."""


def started(lab: Lab, stack: ExitStack, probes: Mapping[str, Probe]) -> dict[str, Trying]:
    """Every probe, running."""
    found = {}
    for name, (client, target, port, udp) in probes.items():
        node = lab.server if client == "server" else lab.vms[client]
        found[name] = stack.enter_context(Trying(node, target, port, udp=udp, every=0.02, timeout=0.5))
    return found


def during(
    lab: Lab, event: Callable[[Lab], None], probes: Mapping[str, Probe] = PROBES, after: float = AFTER
) -> dict[str, float]:
    """The outage of each probe around `event`, in seconds; infinite for what did not come back within `after` seconds."""
    with ExitStack() as stack:
        running = started(lab, stack, probes)
        time.sleep(BEFORE)
        at = time.monotonic()
        event(lab)
        time.sleep(max(0.0, at + after - time.monotonic()))
        ended = {name: trying.end() for name, trying in running.items()}
    return {name: tries.outage(at) if tries.good and tries.good[0].at < at else math.inf for name, tries in ended.items()}


def prepare(lab: Lab) -> None:
    """Nothing that the probes need but the gateway is on hv1: its member drained, the floating IP centralised."""
    patch(lab, "tenants/red/load-balancers/public/members/m1", {"drained": True})
    patch(lab, "tenants/red/routers/r1/floating-ips/one", {"distributed": False})
    until("hv1 carries red's uplink", lambda: active(lab, "red") == GATEWAY)


def restore(lab: Lab) -> None:
    """Undo `prepare`."""
    patch(lab, "tenants/red/load-balancers/public/members/m1", {"drained": False})
    patch(lab, "tenants/red/routers/r1/floating-ips/one", {"distributed": True})


def back(lab: Lab) -> None:
    """Start the controller and wait until all agree: every chassis connected and confirmed, and hv1 in charge again."""
    lab.controller.start()
    lab.controller.wait()
    until("chassis back", lambda: all(c["state"] == "connected" for c in lab.rest.get("/v1/chassis").json["chassis"]))
    settle(lab)
    until("hv1 carries red's uplink again", lambda: active(lab, "red") == GATEWAY)


def rounds(lab: Lab, kind: Kind, count: int) -> tuple[Outages, Outages]:
    """Kill and mend the gateway `count` times with the controller stopped, unless it has to tell: outages of the death, and of
    the way back.

    A restarted ovs-vswitchd has no flows without a controller, so for that kind the controller starts first, and stops again.
    """
    gone: Outages = {name: [] for name in PROBES}
    returned: Outages = {name: [] for name in PROBES}
    if not kind.told:
        lab.controller.stop()
    try:
        for _ in range(count):
            for name, seconds in during(lab, kind.kill).items():
                gone[name].append(seconds)
            if kind.flowless:
                lab.controller.start()
                lab.controller.wait()
            for name, seconds in during(lab, kind.mend).items():
                returned[name].append(seconds)
            if kind.flowless:
                back(lab)
                lab.controller.stop()
    finally:
        kind.mend(lab)
        back(lab)
    return gone, returned


def figures(seconds: list[float]) -> str:
    """Median and range of outages, in milliseconds."""
    ordered = sorted(seconds)
    middle = ordered[len(ordered) // 2]
    return f"{middle * 1000:.0f} ms median [{ordered[0] * 1000:.0f}..{ordered[-1] * 1000:.0f}] of {len(ordered)}"
