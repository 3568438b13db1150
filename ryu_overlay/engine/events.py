"""What happened (events), and what to do about it (effects)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from ryu_overlay.openflow.flow import Block, Meter
from ryu_overlay.openflow.replies import InstalledFlow


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The store has a new network."""

    network: Network


@dataclass(frozen=True, slots=True)
class FabricRemembered:
    """What the store remembers of the fabric: encap addresses by chassis, and chassis by port UUID.

    `mappings` are physical networks to bridges by chassis, `notes` what the engine asked to be kept under names of its own.
    """

    encap_ips: Mapping[str, IPv4Address]
    bindings: Mapping[str, str]
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


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
class SwitchTouched:
    """Somebody else than this controller changed a bridge's flows, or their time was over."""

    dpid: int


@dataclass(frozen=True, slots=True)
class MetersRead:
    """What these meters of a bridge have counted is known to the last packet: those that are not wanted may go."""

    dpid: int
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Beat:
    """It is time to ask for upstream routers."""


@dataclass(frozen=True, slots=True)
class ArpHeard:
    """A bridge heard ARP on the external network with this key."""

    dpid: int
    network: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A bridge has a packet, translated already, for a next hop on an external network whose MAC is not known.

    `network` and `uplink` are keys: of the external network, and of the uplink that it leaves by.
    """

    dpid: int
    network: int
    uplink: int
    next_hop: IPv4Address
    frame: bytes


@dataclass(frozen=True, slots=True)
class MembersJudged:
    """Health checks came to another verdict: the keys of all members that are down."""

    dead: frozenset[int]


@dataclass(frozen=True, slots=True)
class Observe:
    """Chassis are to have these flows beside what the network asks for, until another Observe of the same key.

    `blocks` are by chassis; None: no more. Their flows must not have the table, priority and match of any other's. The chassis
    have `meters` too, whose numbers are among CAPTURE_METERS and no other key's.
    """

    key: object
    blocks: Mapping[str, Block] | None
    meters: tuple[Meter, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


SwitchEvent = SwitchConnected | SwitchGone | SwitchRead | SwitchTouched | Confirmed | Refusal | MetersRead
Outside = ArpHeard | Unresolved
Event = (
    NetworkChanged
    | FabricRemembered
    | ChassisReported
    | ChassisLost
    | ChassisForgotten
    | SwitchEvent
    | Outside
    | MembersJudged
    | Observe
    | Beat
    | Tick
)


@dataclass(frozen=True, slots=True)
class Send:
    """Send these messages to a bridge, in order."""

    dpid: int
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Ask a bridge for all it has; answer with SwitchRead and the same token."""

    dpid: int
    token: int


@dataclass(frozen=True, slots=True)
class PlanTunnels:
    """The chassis' br-int should have VXLAN ports to exactly these (chassis to encap address).

    Those to chassis in `fast` are to be checked often. `patches` are the physical networks that it should have a port to.
    """

    chassis: str
    tunnels: Mapping[str, IPv4Address]
    patches: frozenset[str] = frozenset()
    fast: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this of the fabric in the store; None forgets. Bindings are by port UUID, notes by names of the engine's own."""

    chassis: Mapping[str, ChassisFacts | None]
    bindings: Mapping[str, str | None]
    notes: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Log:
    """Tell the operator's log. `about` has the objects that it concerns, by kind ("chassis" is one) and ref."""

    level: int
    text: str
    about: tuple[tuple[str, Ref], ...] = ()


Effect = Send | Read | PlanTunnels | Remember | Log
