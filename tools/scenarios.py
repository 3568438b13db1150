"""The scenarios under `flows/`: what an operator asked for, where it is bound, and what that means.

A scenario is a folder with `network.json` (what PUT /v1/network takes), `bridges.json` (what each chassis has), `packets.json`
(packets, and the ways they go), and where there is a way out `fabric.json` (gateways, neighbours, dead members, MTU). Documents
become a network as a write over REST would, only with UUIDs counted from 1, so a scenario always compiles to the same flows.
Knows no switch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.fabric.placement import Fabric, Placement, Spot
from ryu_overlay.model.edit import put_network
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from ryu_overlay.northbound.bodies import given
from ryu_overlay.northbound.schemas import NetworkDocument
from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.limits import Limits

FLOWS = Path(__file__).parent.parent / "flows"

LIMITS = Limits()
"""Packets a second to the controller in the scenarios' meters."""


@dataclass(frozen=True)
class Chassis:
    """What one chassis has: OpenFlow ports (1 to 65279) of logical ports, of tunnels to other chassis, and of patches towards
    physical networks.

    A logical port's is None while the port is bound here but the chassis has not said where.
    """

    encap_ip: IPv4Address
    ports: Mapping[str, int | None]
    tunnels: Mapping[str, int]
    physical: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outside:
    """What a controller learns of the way out, as `Fabric` has it: by uplink its gateways in order, by external network the
    MACs of neighbours, keys of dead members, the MTU of VMs in bytes (None: unknown); who does not hear whom,
    and where nobody upstream is heard."""

    gateways: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)
    neighbours: Mapping[Ref, Mapping[IPv4Address, str]] = field(default_factory=dict)
    dead: frozenset[int] = frozenset()
    mtu: int | None = None
    deaf: Mapping[str, frozenset[str]] = field(default_factory=dict)
    silent: frozenset[tuple[str, str]] = frozenset()


NOTHING_OUTSIDE = Outside()


def network_of(document: Mapping[str, Any]) -> Network:
    """The network that `{"external_networks": [...], "tenants": [...]}` describes, with UUIDs counted from 1.

    Raises HttpProblem (422) or Refused as the same body would over REST.
    """
    numbers = count(1)
    body = given(NetworkDocument, dict(document))
    external = body.get("external_networks", ())
    return put_network(Network(), body["tenants"], external, new_uuid=lambda: UUID(int=next(numbers))).network


def outside_of(network: Network, document: Mapping[str, Any]) -> Outside:
    """What fabric.json says; each of its keys may be left out. Raises KeyError for a member that is not in the network."""
    return Outside(
        {_ref(uplink): tuple(order) for uplink, order in document.get("gateways", {}).items()},
        {_ref(n): {IPv4Address(a): mac for a, mac in macs.items()} for n, macs in document.get("neighbours", {}).items()},
        frozenset(network.tables["member"][_ref(member)].key for member in document.get("dead", ())),
        document.get("mtu"),
    )


def _ref(text: str) -> Ref:
    return tuple(text.split("/"))


def fabric_of(network: Network, chassis: Mapping[str, Chassis], outside: Outside = NOTHING_OUTSIDE) -> Fabric:
    """The fabric of these chassis, each with its ports and tunnels. Raises KeyError for a port that is not in the network."""
    spots: dict[Ref, dict[int, Spot]] = {}
    for name, here in chassis.items():
        for port_name, ofport in here.ports.items():
            port = network.port_by_name[port_name]
            spots.setdefault((port.tenant, port.switch), {})[port.key] = Spot(name, ofport)
    placements = {ref: Placement(found) for ref, found in spots.items()}
    return Fabric(
        {n: c.encap_ip for n, c in chassis.items()},
        placements,
        {n: c.tunnels for n, c in chassis.items()},
        {n: c.physical for n, c in chassis.items()},
        outside.gateways,
        outside.neighbours,
        outside.dead,
        outside.mtu,
        outside.deaf,
        outside.silent,
    )


@dataclass(frozen=True)
class Scenario:
    """One folder under `flows/`."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def network(self) -> Network:
        """What the tenants asked for."""
        return network_of(self._read("network.json"))

    @cached_property
    def chassis(self) -> dict[str, Chassis]:
        """The chassis, by name."""
        return {
            name: Chassis(IPv4Address(given["encap_ip"]), given["ports"], given["tunnels"], given.get("physical", {}))
            for name, given in self._read("bridges.json").items()
        }

    @cached_property
    def fabric(self) -> Fabric:
        """Where everything is, and what is known of the outside."""
        known = self._read("fabric.json") if (self.path / "fabric.json").exists() else {}
        return fabric_of(self.network, self.chassis, outside_of(self.network, known))

    @cached_property
    def packets(self) -> list[dict[str, Any]]:
        """Packets and the ways they go, as flows/README.md describes them."""
        return self._read("packets.json")

    @cached_property
    def programs(self) -> dict[str, Program]:
        """Each chassis' whole program."""
        return compile_all(self.network, self.fabric, LIMITS)

    def _read(self, name: str) -> Any:
        return json.loads((self.path / name).read_text())


def scenarios() -> list[Scenario]:
    """Every scenario, in order of name."""
    return [Scenario(path.parent) for path in sorted(FLOWS.glob("*/network.json"))]
