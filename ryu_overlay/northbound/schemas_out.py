"""The shape of what leads out: external networks, source NAT, floating IPs and load balancers, as `schemas` has the others."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ryu_overlay.model import limits
from ryu_overlay.model.check_external import MAX_MTU, MIN_MTU
from ryu_overlay.northbound.shape import IGNORED, IN_PATH, Key, Shape, Uuid
from ryu_overlay.northbound.values import (
    Address,
    AddressRange,
    Count,
    HttpPath,
    Interval,
    L4Port,
    Mac,
    Name,
    PortRange,
    Prefix,
    Timeout,
    Vlan,
    Weight,
)

_NEVER_USED: Any = Field(default_factory=str)


class ExternalNetworkChange(Shape):
    """What can be changed of an external network."""

    name: Name = IN_PATH
    physical_network: Name = Field(default_factory=str)
    vlan: Vlan | None = None
    subnet: Prefix = _NEVER_USED
    gateway: Address | None = None
    pools: list[AddressRange] = Field(default_factory=list, max_length=limits.MAX_POOLS_PER_EXTERNAL_NETWORK)
    mtu: int = Field(default=1500, ge=MIN_MTU, le=MAX_MTU)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class ExternalNetworkPut(ExternalNetworkChange):
    """An external network whose name is in the path."""

    physical_network: Name
    subnet: Prefix


class ExternalNetwork(ExternalNetworkPut):
    """A network outside the overlay. Chassis map `physical_network` to a bridge; `vlan` null means untagged frames; `gateway` is
    the upstream router; addresses that nobody gave are assigned from `pools`; `mtu` is in bytes."""

    name: Name


class SnatChange(Shape):
    """What can be changed of a source NAT."""

    name: Name = IN_PATH
    prefixes: list[Prefix] = Field(default_factory=list, min_length=1, max_length=limits.MAX_PREFIXES_PER_SNAT)
    addresses: list[Address] = Field(default_factory=list, max_length=limits.MAX_ADDRESSES_PER_SNAT)
    ports: PortRange = None
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class SnatPut(SnatChange):
    """A source NAT whose name is in the path."""

    prefixes: list[Prefix] = Field(min_length=1, max_length=limits.MAX_PREFIXES_PER_SNAT)


class Snat(SnatPut):
    """Source NAT at a router's uplink: what comes from `prefixes` leaves with one of `addresses` ([]: the uplink's own) and a
    source port in `ports` (null: 1024-65535)."""

    name: Name


class FloatingIpChange(Shape):
    """What can be changed of a floating IP. Without `address` it gets one from the pools of the external network."""

    name: Name = IN_PATH
    address: Address = _NEVER_USED
    mac: Mac = Field(default_factory=str)
    port: Name = Field(default_factory=str)
    inside: Address | None = None
    distributed: bool = True
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class FloatingIpPut(FloatingIpChange):
    """A floating IP whose name is in the path."""

    port: Name


class FloatingIp(FloatingIpPut):
    """An external address that stands for one address of a logical port: `inside`, or the first (null). With `distributed` the
    port's own chassis translates where it can, else the uplink's gateway does."""

    name: Name


class MemberChange(Shape):
    """What can be changed of a load balancer's member. A `drained` one gets no new connections."""

    name: Name = IN_PATH
    port: Name = Field(default_factory=str)
    number: L4Port | None = None
    weight: Weight = 1
    drained: bool = False
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class MemberPut(MemberChange):
    """A member whose name is in the path."""

    port: Name


class Member(MemberPut):
    """A server behind a load balancer: the first address of the logical port `port`, at the TCP or UDP port `number` (null: the
    load balancer's)."""

    name: Name


class LoadBalancerChange(Shape):
    """What can be changed of a load balancer. It stands on a router or on a switch. `members`, if given, becomes exactly that."""

    name: Name = IN_PATH
    vip: Address = _NEVER_USED
    port: L4Port = Field(default_factory=int)
    protocol: Literal["tcp", "udp"] = "tcp"
    router: Name | None = None
    switch: Name | None = None
    mac: Mac = Field(default_factory=str)
    check: Literal["none", "tcp", "http"] = "none"
    path: HttpPath = "/"
    interval: Interval = 2.0
    timeout: Timeout = 1.0
    rise: Count = 2
    fall: Count = 3
    members: list[Member] = Field(default_factory=list, max_length=limits.MAX_MEMBERS_PER_LOAD_BALANCER)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class LoadBalancerPut(LoadBalancerChange):
    """A load balancer whose name is in the path."""

    vip: Address
    port: L4Port


class LoadBalancer(LoadBalancerPut):
    """Connections to `vip` and `port` are shared out among `members`. Members are tried every `interval` seconds for at most
    `timeout`: up after `rise` good checks in a row, down after `fall` bad ones; `path` is what an HTTP check asks for."""

    name: Name
