"""The shape of what operators send, as pydantic models: exactly these fields, of exactly these types.

The same models make the OpenAPI document. Answers have the same shape and add the read-only fields (`uuid`, `key`,
`binding`, `mtu`), which are ignored when sent back. A kind has up to three shapes: as it is created, as PUT takes it (the
name may be left out, it is in the path), and as PATCH does (anything may be left out).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from ryu_overlay.model import limits
from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.model.values import MAX_VNI
from ryu_overlay.northbound.problems import invalid, sentence
from ryu_overlay.northbound.values import Address, Description, Interface, Mac, Name, Peer, Prefix

MAX_TENANTS = 2**TENANT_KEY_BITS - 1
MAX_SWITCHES = 4_096
MAX_ROUTERS = 4_096
"""Switches and routers of one tenant in one body."""
MAX_FAULTS = 1_000
"""Wrong values of one body that are counted, so that a body that is wrong everywhere costs no more than a right one."""

Vni = Annotated[int, Field(ge=1, le=MAX_VNI)]
Uuid = Annotated[Any, WithJsonSchema({"type": "string", "format": "uuid", "readOnly": True})]
Key = Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 2**KEY_BITS - 1, "readOnly": True})]
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

# A factory, unlike a default, does not show in the JSON schema: neither value is ever used.
_IN_PATH: Any = Field(default_factory=str)
IGNORED: Any = Field(default_factory=lambda: None, exclude=True)


class TooManyFaults(Exception):
    """A body has more wrong values than are worth looking for. The message is what is wrong with one of its objects."""


class Faults:
    """How many wrong values one body may have before the search for more is given up: pydantic has no such limit of its own,
    and a body of 16 MiB can hold millions."""

    def __init__(self, most: int = MAX_FAULTS) -> None:
        self._left = most

    def note(self, error: ValidationError) -> None:
        """Count what is wrong with one object. Raises TooManyFaults, which ends the validation."""
        self._left -= error.error_count()
        if self._left < 0:
            raise TooManyFaults(sentence(invalid(error).problems[0]))


class Shape(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _counted(cls, value: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if isinstance(info.context, Faults):
                info.context.note(error)
            raise


class PortChange(Shape):
    """What can be changed of a logical port. Without `addresses` it gets one from each subnet of its switch; [] means none."""

    name: Name = _IN_PATH
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

    name: Name = _IN_PATH
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

    prefix: Prefix = _IN_PATH
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
    """What can be changed of a router's port. It is attached to a switch, or to a `peer` (router/port), or to nothing (null)."""

    name: Name = _IN_PATH
    mac: Mac = Field(default_factory=str)
    addresses: list[Interface] = Field(default_factory=list, min_length=1, max_length=limits.MAX_ADDRESSES_PER_ROUTER_PORT)
    switch: Name | None = None
    peer: Peer = None
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class RouterPortPut(RouterPortChange):
    """A router's port whose name is in the path."""

    addresses: list[Interface] = Field(min_length=1, max_length=limits.MAX_ADDRESSES_PER_ROUTER_PORT)


class RouterPort(RouterPortPut):
    """A router's port."""

    name: Name


class RouterChange(Shape):
    """What can be changed of a logical router. `ports` and `routes`, if given, become exactly that."""

    name: Name = _IN_PATH
    ports: list[RouterPort] = Field(default_factory=list, max_length=limits.MAX_PORTS_PER_ROUTER)
    routes: list[Route] = Field(default_factory=list, max_length=limits.MAX_ROUTES_PER_ROUTER)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class Router(RouterChange):
    """A logical router."""

    name: Name


class TenantChange(Shape):
    """What can be changed of a tenant. `switches` and `routers`, if given, become exactly that."""

    name: Name = _IN_PATH
    description: Description = ""
    switches: list[Switch] = Field(default_factory=list, max_length=MAX_SWITCHES)
    routers: list[Router] = Field(default_factory=list, max_length=MAX_ROUTERS)
    uuid: Uuid = IGNORED
    key: Key = IGNORED


class Tenant(TenantChange):
    """A tenant as a whole document: what `overlayctl export` gives and `overlayctl apply` takes."""

    name: Name


class NetworkDocument(Shape):
    """Tenants' documents. Written, each tenant becomes exactly as given and those not named stay as they are."""

    tenants: list[Tenant] = Field(max_length=MAX_TENANTS)
