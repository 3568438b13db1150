"""A scenario's packets: where each goes in, what packets.json expects, what the walk says, what traces show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.walk import walks, walks_in
from ryu_overlay.model.walk_values import Packet, Path
from tests.golden.following import Follower
from tests.golden.packets import from_json
from tests.golden.telling import Teller, facts_of
from tests.golden.ways import Leg, Way
from tools.scenarios import Scenario

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
        return self.scenario.fabric

    @property
    def only_traced(self) -> bool:
        """Whether it arrives at one chassis, by tunnel or wire: the walk knows neither."""
        return isinstance(self.given["from"], dict) and "chassis" in self.given["from"]

    def expected(self) -> set[Way]:
        return {tuple(Leg(tuple(leg["path"]), leg["end"]) for leg in way) for way in self.given["ways"]}

    @property
    def earlier(self) -> list[Case]:
        """The packets that go before it, each by its only way."""
        by_name = {given["name"]: given for given in self.scenario.packets}
        return [Case(self.scenario, by_name[name]) for name in self.given.get("after", ())]

    def paths(self) -> frozenset[Path]:
        """All that the walk says it may do."""
        network, at = self.scenario.network, self.given["from"]
        facts = facts_of(network, self.fabric)
        after = [path for case in self.earlier for path in case.paths()]
        assert len(after) == len(self.earlier)
        if isinstance(at, dict):
            return walks_in(network, (at["external"],), self.packet, facts, after)
        return walks(network, network.port_by_name[at], self.packet, facts, after)

    def walked(self) -> set[Way]:
        network, at = self.scenario.network, self.given["from"]
        if isinstance(at, dict):
            teller = Teller(network, self.fabric)
        else:
            port = network.port_by_name[at]
            teller = Teller(network, self.fabric, self.fabric.placements[port.tenant, port.switch].spots[port.key].chassis)
        return {teller.way(path) for path in self.paths()}

    def traced(self, follower: Follower) -> set[Way]:
        return {self._follow(follower, dp_hash) for dp_hash in (HASHES if not self.only_traced else (1,))}

    def _follow(self, follower: Follower, dp_hash: int) -> Way:
        """Its way after the earlier ones', whose connections are kept."""
        follower.keep = False
        for case in self.earlier:
            case._trace(follower, dp_hash)
            follower.keep = True
        way = self._trace(follower, dp_hash)
        follower.keep = False
        return way

    def _trace(self, follower: Follower, dp_hash: int) -> Way:
        at = self.given["from"]
        if isinstance(at, dict) and "tunnel" in at:
            return follower.from_tunnel(at["chassis"], at["tunnel"], at["vni"], self.packet)
        if isinstance(at, dict) and "physical" in at:
            return follower.from_patch(at["chassis"], at["physical"], self.packet)
        if isinstance(at, dict):
            return follower.from_wire((at["external"],), self.packet, dp_hash)
        [(chassis, ofport)] = [(n, c.ports[at]) for n, c in self.scenario.chassis.items() if at in c.ports]
        assert ofport is not None
        return follower.from_port(chassis, ofport, self.packet, dp_hash)
