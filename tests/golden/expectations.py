"""A scenario's packets: where each goes in, what packets.json expects, what the walk says, what traces show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.walk import walks
from ryu_overlay.model.walk_values import Packet
from tests.golden.following import Follower
from tests.golden.packets import from_json
from tests.golden.ways import Leg, Teller, Way
from tools.scenarios import Scenario, fabric_of

HASHES = range(1, 17)
"""Connections' hashes that are tried; a select group's bucket is chosen by the lowest bits."""


@dataclass(frozen=True)
class Case:
    """One packet of a scenario."""

    scenario: Scenario
    given: dict[str, Any]

    @cached_property
    def packet(self) -> Packet:
        return from_json(self.given["packet"])

    @cached_property
    def fabric(self) -> Fabric:
        return fabric_of(self.scenario.network, self.scenario.chassis)

    @property
    def arrives_by_tunnel(self) -> bool:
        """The walk knows no tunnels, so it has nothing to say about such a packet."""
        return isinstance(self.given["from"], dict)

    def expected(self) -> set[Way]:
        return {tuple(Leg(tuple(leg["path"]), leg["end"]) for leg in way) for way in self.given["ways"]}

    def walked(self) -> set[Way]:
        network = self.scenario.network
        port = network.port_by_name[self.given["from"]]
        spot = self.fabric.placements[port.tenant, port.switch].spots[port.key]
        teller = Teller(network, self.fabric, spot.chassis)
        return {teller.way(path) for path in walks(network, port, self.packet)}

    def traced(self, follower: Follower) -> set[Way]:
        at = self.given["from"]
        if self.arrives_by_tunnel:
            return {follower.from_tunnel(at["chassis"], at["tunnel"], at["vni"], self.packet)}
        [(chassis, ofport)] = [(n, c.ports[at]) for n, c in self.scenario.chassis.items() if at in c.ports]
        assert ofport is not None
        return {follower.from_port(chassis, ofport, self.packet, dp_hash) for dp_hash in HASHES}
