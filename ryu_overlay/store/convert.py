"""Objects to rows and back; pure.

A row's UUID is its object's. A child's row refers to its parent's by UUID, so its names come from the parent. Lists
whose order means something (a router port's first address is its primary one) are one string, blank between, because
OVSDB sorts its sets; that also makes every row a few plain columns, which python-ovs reads fastest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, TypeVar

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.store.records import ChassisRecord

Json = Any
JsonRow = dict[str, Json]
T = TypeVar("T")

GLOBAL_COLUMNS = ("revision", "next_key", "next_tenant_key", "next_vni")
CHASSIS_COLUMNS = ("name", "encap_ip", "bridge_mappings", "mtu", "datapath_type", "ovs_version")
BINDING_COLUMNS = ("chassis",)


@dataclass(frozen=True)
class Table:
    """How one kind is kept. `parent` is the column that refers to the parent's row, None for a tenant.

    `write(object, network)` gives the columns; `read(row, parent, switch)` the object, `switch` being what a router
    port is attached to. `read` raises ValueError for a value that no object can have.
    """

    name: str
    columns: tuple[str, ...]
    parent: str | None
    write: Callable[[Any, Network], JsonRow]
    read: Callable[[Any, Any, Any], Object]


def uuid_json(uuid: str) -> Json:
    """A reference to the row with this UUID (RFC 7047 section 5.1, <uuid>)."""
    return ["uuid", uuid]


def optional_json(value: Json | None) -> Json:
    """A column that holds one value or none (RFC 7047 section 5.1, <set>)."""
    return ["set", []] if value is None else value


def _words(values: tuple[Any, ...]) -> str:
    return " ".join(map(str, values))


def _parsed(make: Callable[[str], T], words: str) -> tuple[T, ...]:
    return tuple(make(word) for word in words.split())


def checked(text: str) -> str:
    """`text`, if OVSDB can hold it; its JSON knows neither U+0000 nor lone surrogates, and it hangs up on them.

    Raises ValueError if it cannot.
    """
    if "\0" in text:
        raise ValueError(f"{text!r} holds the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} is not Unicode text: {error}") from None
    return text


def _write_tenant(tenant: Tenant, network: Network) -> JsonRow:
    return {"name": tenant.name, "key": tenant.key, "description": checked(tenant.description)}


def _read_tenant(row: Any, parent: None, switch: None) -> Tenant:
    return Tenant(name=row.name, key=row.key, uuid=str(row.uuid), description=row.description)


def _write_switch(switch: Switch, network: Network) -> JsonRow:
    return {
        "tenant": uuid_json(network.tables["tenant"][switch.tenant,].uuid),
        "name": switch.name,
        "key": switch.key,
        "vni": switch.vni,
        "subnets": _words(switch.subnets),
    }


def _read_switch(row: Any, parent: Tenant, switch: None) -> Switch:
    subnets = _parsed(IPv4Network, row.subnets)
    return Switch(tenant=parent.name, name=row.name, key=row.key, uuid=str(row.uuid), vni=row.vni, subnets=subnets)


def _write_port(port: Port, network: Network) -> JsonRow:
    return {
        "switch": uuid_json(network.tables["switch"][port.tenant, port.switch].uuid),
        "name": port.name,
        "key": port.key,
        "mac": port.mac,
        "addresses": _words(port.addresses),
        "port_security": port.port_security,
        "enabled": port.enabled,
    }


def _read_port(row: Any, parent: Switch, switch: None) -> Port:
    return Port(
        tenant=parent.tenant,
        switch=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        mac=row.mac,
        addresses=_parsed(IPv4Address, row.addresses),
        port_security=row.port_security,
        enabled=row.enabled,
    )


def _write_router(router: Router, network: Network) -> JsonRow:
    tenant = network.tables["tenant"][router.tenant,]
    return {"tenant": uuid_json(tenant.uuid), "name": router.name, "key": router.key}


def _read_router(row: Any, parent: Tenant, switch: None) -> Router:
    return Router(tenant=parent.name, name=row.name, key=row.key, uuid=str(row.uuid))


def _write_router_port(port: RouterPort, network: Network) -> JsonRow:
    switch = None if port.switch is None else network.tables["switch"][port.tenant, port.switch]
    return {
        "router": uuid_json(network.tables["router"][port.tenant, port.router].uuid),
        "name": port.name,
        "key": port.key,
        "mac": port.mac,
        "addresses": _words(port.addresses),
        "switch": optional_json(switch and uuid_json(switch.uuid)),
        "peer": optional_json(port.peer and "/".join(port.peer)),
    }


def _read_router_port(row: Any, parent: Router, switch: Switch | None) -> RouterPort:
    router, slash, far = row.peer[0].partition("/") if row.peer else ("", "", "")
    return RouterPort(
        tenant=parent.tenant,
        router=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        mac=row.mac,
        addresses=_parsed(IPv4Interface, row.addresses),
        switch=switch.name if switch is not None else None,
        peer=(router, far) if slash else None,
    )


def _write_route(route: Route, network: Network) -> JsonRow:
    return {
        "router": uuid_json(network.tables["router"][route.tenant, route.router].uuid),
        "prefix": str(route.prefix),
        "nexthops": _words(route.nexthops),
        "key": route.key,
    }


def _read_route(row: Any, parent: Router, switch: None) -> Route:
    nexthops = _parsed(IPv4Address, row.nexthops)
    prefix = IPv4Network(row.prefix)
    return Route(tenant=parent.tenant, router=parent.name, prefix=prefix, nexthops=nexthops, key=row.key, uuid=str(row.uuid))


_PORT = ("switch", "name", "key", "mac", "addresses", "port_security", "enabled")
_ROUTER_PORT = ("router", "name", "key", "mac", "addresses", "switch", "peer")
TABLES: Mapping[str, Table] = {
    "tenant": Table("Tenant", ("name", "key", "description"), None, _write_tenant, _read_tenant),
    "switch": Table("Logical_Switch", ("tenant", "name", "key", "vni", "subnets"), "tenant", _write_switch, _read_switch),
    "port": Table("Logical_Port", _PORT, "switch", _write_port, _read_port),
    "router": Table("Logical_Router", ("tenant", "name", "key"), "tenant", _write_router, _read_router),
    "router_port": Table("Router_Port", _ROUTER_PORT, "router", _write_router_port, _read_router_port),
    "route": Table("Static_Route", ("router", "prefix", "nexthops", "key"), "router", _write_route, _read_route),
}
"""By kind, parents before children."""


def columns() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every table with the columns that are read: the others (`external_ids`, ...) are left to other tools."""
    yield "Global", GLOBAL_COLUMNS
    yield "Chassis", CHASSIS_COLUMNS
    yield "Binding", BINDING_COLUMNS
    yield from ((table.name, table.columns) for table in TABLES.values())


def write_chassis(record: ChassisRecord) -> JsonRow:
    """The columns of a Chassis row. Raises ValueError for text that OVSDB cannot hold."""
    return {
        "name": checked(record.name),
        "encap_ip": str(record.encap_ip),
        "bridge_mappings": ["map", [[checked(word) for word in pair] for pair in record.bridge_mappings]],
        "mtu": optional_json(record.mtu),
        "datapath_type": checked(record.datapath_type),
        "ovs_version": checked(record.ovs_version),
    }


def read_chassis(row: Any) -> ChassisRecord:
    """The record in a Chassis row. Raises ValueError if there is no such chassis (its address is none, say)."""
    return ChassisRecord(
        name=row.name,
        encap_ip=IPv4Address(row.encap_ip),
        bridge_mappings=tuple(row.bridge_mappings.items()),
        mtu=row.mtu[0] if row.mtu else None,
        datapath_type=row.datapath_type,
        ovs_version=row.ovs_version,
    )
