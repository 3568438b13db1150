"""One component of the network, with where its parts are: what its flows are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ryu_overlay.compiler.balancing import Choice
from ryu_overlay.compiler.counting import Taken
from ryu_overlay.fabric.placement import Device, Placement
from ryu_overlay.model.network import RouterView, SwitchView


@dataclass(frozen=True, eq=False)
class Part:
    """All that a component's flows are made from; the same object while nothing of it changed.

    `placements` are those of the switches, in their order; `gateways` those of the uplinks of `routers`, in theirs, () for a
    router without one. `choices` are the load balancers' by their keys, `physical` each chassis' ports to physical networks.
    `mtu` is what VMs may use, in bytes. `taken` are the VNIs of switches and uplinks.
    """

    device: Device
    switches: tuple[SwitchView, ...]
    routers: tuple[RouterView, ...]
    placements: tuple[Placement, ...]
    gateways: tuple[tuple[str, ...], ...]
    choices: Mapping[int, Choice]
    physical: Mapping[str, Mapping[str, int]]
    mtu: int | None
    taken: tuple[Taken, ...]

    @property
    def everyone(self) -> frozenset[str]:
        """The chassis that take packets in any of its VNIs."""
        return frozenset[str]().union(*(each.chassis for each in self.taken))
