"""The shape of what operators send, as pydantic models: exactly these fields, of exactly these types.

The same models make the OpenAPI document. Answers have the same shape and add the read-only fields (`uuid`, `key`,
`binding`, `mtu`), which are ignored when sent back. A kind has up to three shapes: as it is created, as PUT takes it (the
name may be left out, it is in the path), and as PATCH does (anything may be left out).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, WithJsonSchema, field_validator

from ryu_overlay.model import limits
from ryu_overlay.model.objects import TENANT_KEY_BITS
from ryu_overlay.model.values import MAX_VNI
from ryu_overlay.northbound.schemas_out import ExternalNetwork, FloatingIp, LoadBalancer, Snat
from ryu_overlay.northbound.shape import IGNORED, IN_PATH, Key, Shape, Uuid
from ryu_overlay.northbound.values import Address, Description, Interface, Mac, Name, Peer, Prefix

MAX_TENANTS = 2**TENANT_KEY_BITS - 1
MAX_SWITCHES = 4_096
MAX_ROUTERS = 4_096
"""Switches and routers of one tenant in one body."""
MAX_LOAD_BALANCERS = 4_096
MAX_EXTERNAL_NETWORKS = 4_096
MAX_SNATS = 1_000
MAX_FLOATING_IPS = 4_000
"""Source NATs and floating IPs of one router in one body."""

Vni = Annotated[int, Field(ge=1, le=MAX_VNI)]
Mtu = Annotated[Any, WithJsonSchema({"type": ["integer", "null"], "readOnly": True})]
Binding = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": ["object", "null"],
            "readOnly": True,
            "properties": {
                "chassis": {"type": "string"},
                "interface": {"type": "string"},
            },
        }
    ),
]
AssignedVni = Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_VNI, "readOnly": True})]
Zone = Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 2**16 - 1, "readOnly": True})]

_LEFT_OUT: Any = object()
"""A router port's addresses where nobody gave any: whether that is wrong depends on `external`."""


class PortChange(Shape):
    """What can be changed of a logical port. Without `addresses` it gets one from each subnet of its switch; [] means none."""

    name: Name = IN_PATH
    mac: Mac = Field(default_factory=str)
    addresses: list[Address] = Field(default_factory=list, max_length=limits.MAX_ADDRESSES_PER_PORT)
    port_security: bool = True
    enabled: bool = True
    uuid: Uuid = IGNORED
    key: Key = IGNORED
    binding: Binding = IGNORED


class Port(PortChange):
    """A logical port. Its name is unique over all tenants, because it is what a hypervisor puts in `iface-id`."""

    name: Name


class SwitchChange(Shape):
    """What can be changed of a logical switch. `ports`, if given, becomes exactly that."""

    name: Name = IN_PATH
    subnets: list[Prefix] = Field(default_factory=list, max_length=limits.MAX_SUBNETS_PER_SWITCH)
    vni: Vni = Field(default_factory=int)
    ports: list[Port] = Field(default_factory=list, max_length=limits.MAX_PORTS_PER_SWITCH)
    uuid: Uuid = IGNORED
    key: Key = IGNORED
    mtu: Mtu = IGNORED


class Switch(SwitchChange):
    """A logical switch. `mtu` is what VMs on it may use, in bytes."""

    name: Name


class RouteChange(Shape):
    """What can be changed of a static route."""

    prefix: Prefix = IN_PATH
    nexthops: list[Address] = Field(default_factory=list, min_length=1, max_length=limits.MAX_NEXTHOPS_PER_ROUTE)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class RoutePut(RouteChange):
    """A static route whose prefix is in the path."""

    nexthops: list[Address] = Field(min_length=1, max_length=limits.MAX_NEXTHOPS_PER_ROUTE)


class Route(RoutePut):
    """A static route. Several next hops share the load."""

    prefix: Prefix


class RouterPortChange(Shape):
    """What can be changed of a router's port. It is attached to a switch, to a `peer` (router/port), to an `external` network
    (then it is the router's uplink), or to nothing (all null). `gateways` are the chassis that may carry an uplink, the preferred
    one first ([]: they are scheduled); with `preempt` a preferred one that comes back takes over again."""

    name: Name = IN_PATH
    mac: Mac = Field(default_factory=str)
    switch: Name | None = None
    peer: Peer = None
    external: Name | None = None
    addresses: list[Interface] = Field(default_factory=list, min_length=1, max_length=limits.MAX_ADDRESSES_PER_ROUTER_PORT)
    gateways: list[Name] = Field(default_factory=list, max_length=limits.MAX_GATEWAYS_PER_UPLINK)
    preempt: bool = True
    uuid: Uuid = IGNORED
    key: Key = IGNORED
    vni: AssignedVni = IGNORED
    zone: Zone = IGNORED


class RouterPortPut(RouterPortChange):
    """A router's port whose name is in the path."""

    addresses: list[Interface] = Field(
        default_factory=lambda: _LEFT_OUT,
        validate_default=True,
        min_length=1,
        max_length=limits.MAX_ADDRESSES_PER_ROUTER_PORT,
    )

    @field_validator("addresses", mode="wrap")
    @classmethod
    def _required(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if value is not _LEFT_OUT:
            return handler(value)
        # An `external` that is wrong is told already, and is not in `data`.
        if info.data.get("external", "") is None:
            raise ValueError("is required, except for an uplink (with external)")
        return []


class RouterPort(RouterPortPut):
    """A router's port. Only an uplink may leave out `addresses`: it gets one from the pools of the external network. Only an
    uplink has `gateways`, `preempt`, `vni` and `zone`."""

    name: Name


class RouterChange(Shape):
    """What can be changed of a logical router. Each collection that is given becomes exactly that.

    `answers` says what a ping or traceroute of its interfaces stands for: the router's being there (`local`), or that the way
    works to where the interface is (`path`); `without_path`, what becomes of one when it does not.
    """

    name: Name = IN_PATH
    answers: Literal["local", "path"] = "local"
    without_path: Literal["unreachable", "silent"] = "unreachable"
    ports: list[RouterPort] = Field(default_factory=list, max_length=limits.MAX_PORTS_PER_ROUTER)
    routes: list[Route] = Field(default_factory=list, max_length=limits.MAX_ROUTES_PER_ROUTER)
    snats: list[Snat] = Field(default_factory=list, max_length=MAX_SNATS)
    floating_ips: list[FloatingIp] = Field(default_factory=list, max_length=MAX_FLOATING_IPS)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class Router(RouterChange):
    """A logical router."""

    name: Name


class TenantChange(Shape):
    """What can be changed of a tenant. Each collection that is given becomes exactly that."""

    name: Name = IN_PATH
    description: Description = ""
    switches: list[Switch] = Field(default_factory=list, max_length=MAX_SWITCHES)
    routers: list[Router] = Field(default_factory=list, max_length=MAX_ROUTERS)
    load_balancers: list[LoadBalancer] = Field(default_factory=list, max_length=MAX_LOAD_BALANCERS)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class Tenant(TenantChange):
    """A tenant as a whole document: what `overlayctl export` gives and `overlayctl apply` takes."""

    name: Name


class NetworkDocument(Shape):
    """External networks and tenants' documents. Written, each one named becomes exactly as given and the others stay as they
    are."""

    external_networks: list[ExternalNetwork] = Field(default_factory=list, max_length=MAX_EXTERNAL_NETWORKS)
    tenants: list[Tenant] = Field(max_length=MAX_TENANTS)
