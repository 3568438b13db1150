"""What the store remembers of the fabric, so that a controller that starts knows it before any chassis has dialled in.

These are facts that were seen, not wishes: losing them costs a little time, never an operator's work. They know
nothing of the logical network but ports' UUIDs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType

MAX_MTU = 65535


@dataclass(frozen=True, slots=True)
class ChassisRecord:
    """A chassis as it was last seen. `mtu` is the underlay's in bytes (0 to 65535), None if it was never known.

    `bridge_mappings` are (physical network, bridge) pairs; they are put in order, and of several for one network the
    last is kept. Raises ValueError for an `mtu` out of range.
    """

    name: str
    encap_ip: IPv4Address
    bridge_mappings: tuple[tuple[str, str], ...] = ()
    mtu: int | None = None
    datapath_type: str = ""
    ovs_version: str = ""

    def __post_init__(self) -> None:
        if self.mtu is not None and not 0 <= self.mtu <= MAX_MTU:
            raise ValueError(f"mtu {self.mtu} is not between 0 and {MAX_MTU}")
        object.__setattr__(self, "bridge_mappings", tuple(sorted(dict(self.bridge_mappings).items())))


@dataclass(frozen=True, slots=True)
class FabricMemory:
    """All chassis by name, the chassis name each port (by UUID) was last bound on, and notes: small facts by name."""

    chassis: Mapping[str, ChassisRecord] = field(default_factory=lambda: MappingProxyType({}))
    bindings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
