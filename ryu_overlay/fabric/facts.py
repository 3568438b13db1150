"""What one chassis reports about itself, read from its OVSDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

VXLAN_PORT = 4789
VXLAN_OVERHEAD = 50
"""Bytes that VXLAN over IPv4 adds: outer IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14 (RFC 7348 section 5)."""


@dataclass(frozen=True, slots=True)
class Vif:
    """An Interface of br-int that carries an `iface-id`. `ofport` is its OpenFlow port number (1 to 65279)."""

    iface_id: str
    interface: str
    ofport: int


@dataclass(frozen=True, slots=True)
class TunnelPort:
    """A VXLAN port of br-int to the chassis with `remote_ip`. `up`: each end hears the other."""

    remote_ip: IPv4Address
    interface: str
    ofport: int
    up: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """br-int's port towards the bridge of a physical network. `ofport` is its OpenFlow port number (1 to 65279).

    `up`: some port of that bridge that is neither patch nor internal has a carrier, or there is no such port (a lab, or a
    router on the host itself).
    """

    ofport: int
    up: bool


@dataclass(frozen=True, slots=True)
class ChassisFacts:
    """One chassis as its OVSDB shows it. `mtu` is the underlay's in bytes, None while unknown.

    `vifs` is keyed by iface-id, `tunnels` by remote address, `patches` by physical network; all hold only ports that have
    an OpenFlow number.
    `dpid` is br-int's datapath id, None until the bridge exists. `problems` are sentences for the operator. `down` are the
    iface-ids of VIFs that were taken down on the host, `off` of those that are up and have no carrier. `carrier`: whether
    the bridge that tunnels leave by has a port with one, None if they leave by no bridge of Open vSwitch's.
    """

    name: str
    encap_ip: IPv4Address
    dpid: int | None = None
    mtu: int | None = None
    bridge_mappings: tuple[tuple[str, str], ...] = ()
    vifs: Mapping[str, Vif] = field(default_factory=dict)
    tunnels: Mapping[IPv4Address, TunnelPort] = field(default_factory=dict)
    patches: Mapping[str, Patch] = field(default_factory=dict)
    ovs_version: str = ""
    datapath_type: str = ""
    problems: tuple[str, ...] = ()
    down: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    carrier: bool | None = None
