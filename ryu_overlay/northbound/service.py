"""What REST needs of the rest of the controller: one protocol, and the values it reports.

The app implements it. Nothing here knows HTTP, and nothing here knows Ryu, stores or switches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk import Facts
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.tracer import Report

if TYPE_CHECKING:
    from ryu_overlay.northbound.service_captures import Captures
    from ryu_overlay.northbound.service_devices import Devices
    from ryu_overlay.northbound.service_health import Health
    from ryu_overlay.northbound.service_usage import Usage


class StoreAway(Exception):
    """The store cannot be reached: nothing was written, and the same write may succeed later."""


@dataclass(frozen=True, slots=True)
class ChassisStatus:
    """One hypervisor that joined, as it is now.

    MTUs are in bytes, None while unknown: `underlay_mtu` is the underlay's, `vm_mtu` what VMs there may use. `revision`
    is the newest one its switch has confirmed. `problems` are sentences for the operator; `bridge_mappings` maps
    physical networks to bridges.
    """

    name: str
    encap_ip: IPv4Address
    state: Literal["connected", "disconnected"]
    ovs_version: str
    datapath_type: str
    underlay_mtu: int | None
    vm_mtu: int | None
    revision: int
    flows: int
    vifs: int
    problems: tuple[str, ...] = ()
    bridge_mappings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BindingStatus:
    """Where a logical port is. `chassis` and `interface` are None while it is unbound."""

    port: str
    tenant: str
    switch: str
    chassis: str | None
    interface: str | None
    state: Literal["bound", "unbound"]


@dataclass(frozen=True, slots=True)
class TunnelStatus:
    """A VXLAN tunnel from `chassis` to the chassis `peer`, and the switches (`tenant/switch`) that need it.

    `ofport` is its OpenFlow port number (1 to 65279), None while there is none.
    """

    chassis: str
    peer: str
    remote_ip: IPv4Address
    interface: str
    ofport: int | None
    networks: tuple[str, ...]
    up: bool


@dataclass(frozen=True, slots=True)
class DropCount:
    """What one named drop rule has dropped on one chassis. `kind` and `object` say for which logical object, if for one."""

    reason: str
    chassis: str
    kind: str | None
    object: str | None
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """How many packets a second may go to the controller, and how many did so far.

    `kind` is `port`, `uplink`, `tunnel`, `physical-network` (what comes by one: `name`), `chassis` (a kind of packets of one:
    `name`) or `controller` (what it answers in all). `passed` and `exceeded` are packets.
    """

    kind: str
    name: str
    chassis: str | None
    rate: int
    passed: int
    exceeded: int


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """A flow that an audit found to differ from what was wanted; `foreign` ones are not ours and are left alone.

    `flow` is in ovs-ofctl syntax, `table` the name of ours or the number; `time` has a time zone.
    """

    time: datetime
    chassis: str
    what: Literal["missing", "changed", "extra", "foreign"]
    table: str
    flow: str
    healed: bool


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """A router's uplink, and which chassis carries it: `active`, one of `gateways` (in the order in which they would take over),
    or None while it is pending. `network` is the external network; `reason` says why it is pending, None if it is not.
    """

    tenant: str
    router: str
    port: str
    network: str
    address: IPv4Interface
    gateways: tuple[str, ...]
    active: str | None
    state: Literal["active", "pending"]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A load balancer's member, where it is, and whether it gets new connections: only while it is `up` or `unchecked`.

    `port` is the logical port, `number` the TCP or UDP port (1 to 65535), `weight` 1 to 100. `chassis` is None while it is
    unbound. `since` is when it came into this state (with a time zone), None if that is not known; `reason` says why it is
    down or unbound.
    """

    tenant: str
    load_balancer: str
    member: str
    port: str
    chassis: str | None
    address: IPv4Address
    number: int
    weight: int
    state: Literal["up", "down", "drained", "unbound", "unchecked"]
    since: datetime | None = None
    reason: str | None = None


class ChassisRevision(TypedDict):
    """The newest revision a chassis has confirmed, and whether it is connected."""

    confirmed: int
    connected: bool


class RevisionStatus(TypedDict):
    """The newest revision, and what each chassis (by name) has of it."""

    revision: int
    chassis: dict[str, ChassisRevision]


class Service(Protocol):
    """The controller as REST sees it."""

    @property
    def network(self) -> Network:
        """The newest committed network."""
        ...

    def write(self, edit: Callable[[Network], Network]) -> Network:
        """Run `edit` on the newest network, commit durably what it makes, and return the committed network.

        `edit` may be run again on a newer network if another writer came first; the last run is the one that counts.
        An edit that returns the very network it was given commits nothing. Raises StoreAway, and whatever `edit`
        raises; in both cases nothing has changed.
        """
        ...

    def wait(self, revision: int, seconds: float) -> bool:
        """Block this greenthread until every chassis concerned has confirmed `revision`, at most `seconds`; whether they did."""
        ...

    def revision(self) -> RevisionStatus: ...

    def chassis(self) -> list[ChassisStatus]: ...

    def forget_chassis(self, name: str) -> bool:
        """Forget a chassis and whatever was bound there; False if there is none of that name. Raises StoreAway."""
        ...

    def binding(self, port: Port) -> BindingStatus: ...

    def bindings(self) -> list[BindingStatus]: ...

    def tunnels(self) -> list[TunnelStatus]: ...

    def uplinks(self) -> list[UplinkStatus]: ...

    def members(self) -> list[MemberStatus]: ...

    def drops(self) -> list[DropCount]: ...

    def limits(self) -> list[LimitStatus]: ...

    def drift(self) -> list[DriftEntry]: ...

    def punts(self) -> Mapping[str, tuple[int, int]]:
        """Packets that routers had to answer, by reason: (answered, left unanswered as the RFCs ask) since the start."""
        ...

    def faults(self) -> Mapping[str, int]:
        """What went wrong inside the controller since its start, by kind; all 0 unless there is a bug or a hopeless switch."""
        ...

    @property
    def captures(self) -> Captures:
        """Packet captures."""
        ...

    @property
    def devices(self) -> Devices:
        """Routers and switches, to be looked at as if they were boxes."""
        ...

    @property
    def health(self) -> Health:
        """Steady monitoring."""
        ...

    @property
    def usage(self) -> Usage:
        """Accounting."""
        ...

    def trace(self, start: Start, full_size: int | None, deliver: bool) -> Report:
        """The way of a packet by probes: see `oam.tracer.Tracer.trace`. Raises Unable."""
        ...

    def ping(self, start: Start, count: int, interval: float, chassis: str | None) -> Iterator[Echo | Summary]:
        """Echo requests, delivered, one each `interval` seconds. Raises Unable when the first is asked for."""
        ...

    def facts(self) -> Facts:
        """What the reference walk has to know beyond the network: MTU, neighbours outside, members that are not in service."""
        ...

    def breathe(self) -> None:
        """Let other greenthreads run, in the middle of long arithmetic."""
        ...

    def vm_mtu(self) -> int | None:
        """The MTU in bytes that VMs may use on every chassis, None while no chassis is known."""
        ...
