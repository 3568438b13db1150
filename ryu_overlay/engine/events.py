"""What happened (events), and what to do about it (effects)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.model.network import Network
from ryu_overlay.openflow.messages import InstalledFlow


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The store has a new network."""

    network: Network


@dataclass(frozen=True, slots=True)
class FabricRemembered:
    """What the store remembers of the fabric: encap addresses by chassis, and chassis by port UUID."""

    encap_ips: Mapping[str, IPv4Address]
    bindings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChassisReported:
    """A chassis' OVSDB says this of it now."""

    facts: ChassisFacts


@dataclass(frozen=True, slots=True)
class ChassisLost:
    """The chassis' OVSDB session ended. `left`: it took itself out of the overlay."""

    name: str
    left: bool


@dataclass(frozen=True, slots=True)
class ChassisForgotten:
    """An operator wants the chassis forgotten, with whatever was bound there."""

    name: str


@dataclass(frozen=True, slots=True)
class SwitchConnected:
    """A bridge's OpenFlow channel is up."""

    dpid: int


@dataclass(frozen=True, slots=True)
class SwitchGone:
    """A bridge's OpenFlow channel is down."""

    dpid: int


@dataclass(frozen=True, slots=True)
class SwitchRead:
    """All that a bridge has, as it was when `token` was asked for."""

    dpid: int
    token: int
    flows: tuple[InstalledFlow, ...]
    groups: Mapping[int, tuple[int, bytes]]
    meters: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A bridge has done everything up to the barrier `token`."""

    dpid: int
    token: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bridge refused a message of the batch `token`. `text` is for the operator."""

    dpid: int
    token: int
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


SwitchEvent = SwitchConnected | SwitchGone | SwitchRead | Confirmed | Refusal
Event = NetworkChanged | FabricRemembered | ChassisReported | ChassisLost | ChassisForgotten | SwitchEvent | Tick


@dataclass(frozen=True, slots=True)
class Send:
    """Send these messages to a bridge, in order. The last is a barrier."""

    dpid: int
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Ask a bridge for all it has; answer with SwitchRead and the same token."""

    dpid: int
    token: int


@dataclass(frozen=True, slots=True)
class PlanTunnels:
    """The chassis' br-int should have VXLAN ports to exactly these (chassis to encap address)."""

    chassis: str
    tunnels: Mapping[str, IPv4Address]


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this of the fabric in the store; None forgets. Bindings are by port UUID."""

    chassis: Mapping[str, ChassisFacts | None]
    bindings: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Log:
    """Tell the operator's log."""

    level: int
    text: str


Effect = Send | Read | PlanTunnels | Remember | Log
