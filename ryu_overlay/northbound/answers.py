"""The shape of what REST answers beyond the objects themselves: collections, reports and errors.

Used both to write answers and to describe them in the OpenAPI document.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from ryu_overlay.northbound.schemas import Mtu, Port, Route, Router, RouterPort, Switch
from ryu_overlay.northbound.schemas_out import ExternalNetwork, FloatingIp, LoadBalancer, Member, Snat
from ryu_overlay.northbound.service import (
    BindingStatus,
    ChassisStatus,
    DriftEntry,
    DropCount,
    LimitStatus,
    MemberStatus,
    TunnelStatus,
    UplinkStatus,
)
from ryu_overlay.northbound.shape import IGNORED


class TenantSummary(BaseModel):
    """A tenant without what is in it."""

    name: str
    description: str
    uuid: str
    key: int


class Tenants(BaseModel):
    """All tenants, in order of name."""

    tenants: list[TenantSummary]


class Switches(BaseModel):
    """A tenant's switches, in order of name."""

    switches: list[Switch]


class Ports(BaseModel):
    """A switch's ports, in order of name."""

    ports: list[Port]


class Routers(BaseModel):
    """A tenant's routers, in order of name."""

    routers: list[Router]


class RouterPorts(BaseModel):
    """A router's ports, in order of name."""

    ports: list[RouterPort]


class Routes(BaseModel):
    """A router's static routes, in order of prefix."""

    routes: list[Route]


class ExternalNetworks(BaseModel):
    """All external networks, in order of name."""

    external_networks: list[ExternalNetwork]


class Snats(BaseModel):
    """A router's source NATs, in order of name."""

    snats: list[Snat]


class FloatingIps(BaseModel):
    """A router's floating IPs, in order of name."""

    floating_ips: list[FloatingIp]


class LoadBalancers(BaseModel):
    """A tenant's load balancers, in order of name."""

    load_balancers: list[LoadBalancer]


class Members(BaseModel):
    """A load balancer's members, in order of name."""

    members: list[Member]


class PlacedPort(Port):
    """A logical port wherever it is: also says whose it is and on which switch."""

    tenant: str
    switch: str
    mtu: Mtu = IGNORED


class Change(BaseModel):
    """An object that a write touched; `name` is its full name (`red/web`), `kind` as overlayctl calls it."""

    kind: Literal[
        "tenant",
        "external-network",
        "switch",
        "port",
        "router",
        "router-port",
        "route",
        "snat",
        "floating-ip",
        "load-balancer",
        "member",
    ]
    name: str


class Changes(BaseModel):
    """What a write of several objects came to, each list in order of kind and name."""

    created: list[Change]
    changed: list[Change]
    deleted: list[Change]


class ChassisList(BaseModel):
    """Every chassis that joined, in order of name."""

    chassis: list[ChassisStatus]


class Bindings(BaseModel):
    """Where each logical port is, in order of tenant, switch and port."""

    bindings: list[BindingStatus]


class Tunnels(BaseModel):
    """Every tunnel, in order of chassis and peer."""

    tunnels: list[TunnelStatus]


class Uplinks(BaseModel):
    """Every uplink, in order of tenant, router and port."""

    uplinks: list[UplinkStatus]


class MemberStates(BaseModel):
    """Every load balancer's members as they are now, in order of tenant, load balancer and member."""

    members: list[MemberStatus]


class Drops(BaseModel):
    """Every named drop, in order of reason, object and chassis."""

    drops: list[DropCount]


class Limits(BaseModel):
    """What may go to the controller, and what did, by chassis; of ports only those that something came by."""

    limits: list[LimitStatus]


class Drift(BaseModel):
    """What audits found, the newest first."""

    drift: list[DriftEntry]


class ConfirmedRevision(BaseModel):
    """What one chassis has."""

    name: str
    confirmed: int
    connected: bool


class Revision(BaseModel):
    """The newest revision, whether every chassis concerned has confirmed it, and what each has."""

    revision: int
    converged: bool
    chassis: list[ConfirmedRevision]


class FieldProblem(BaseModel):
    """One reason: `field` is the path in the body, or the name of a path parameter, query parameter or header."""

    field: str
    reason: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
