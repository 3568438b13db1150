"""Objects to rows and back; pure.

A row's UUID is its object's. A child's row refers to its parent's by UUID, so its names come from the parent. Lists
whose order means something (a router port's first address is its primary one) are one string, blank between, because
OVSDB sorts its sets; that also makes every row a few plain columns, which python-ovs reads fastest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from ryu_overlay.model.network import MAX_ZONE, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.store import convert_outside as outside
from ryu_overlay.store.cells import JsonRow, checked, optional_json, parsed, uuid_json, words
from ryu_overlay.store.convert_outside import References
from ryu_overlay.store.records import ChassisRecord

GLOBAL_COLUMNS = ("revision", "next_key", "next_tenant_key", "next_vni", "next_zone", "next_account")
CHASSIS_COLUMNS = ("name", "encap_ip", "bridge_mappings", "mtu", "datapath_type", "ovs_version")
BINDING_COLUMNS = ("chassis",)
MEMORY_COLUMNS = ("name", "value")


@dataclass(frozen=True)
class Table:
    """How one kind is kept. `parent` is the column that refers to the parent's row, None for what stands under nothing.

    `write(object, network)` gives the columns; `read(row, parent, references)` the object: `references` holds, for each
    further column that refers to a row or none, the object there or None. `read` raises ValueError for a value that no
    object can have.
    """

    name: str
    columns: tuple[str, ...]
    parent: str | None
    write: Callable[[Any, Network], JsonRow]
    read: Callable[[Any, Any, References], Object]
    references: tuple[str, ...] = ()


def _write_tenant(tenant: Tenant, network: Network) -> JsonRow:
    account = optional_json(tenant.account or None)
    return {"name": tenant.name, "key": tenant.key, "description": checked(tenant.description), "account": account}


def _read_tenant(row: Any, parent: None, references: References) -> Tenant:
    account = row.account[0] if row.account else 0
    return Tenant(name=row.name, key=row.key, uuid=str(row.uuid), description=row.description, account=account)


def _write_switch(switch: Switch, network: Network) -> JsonRow:
    return {
        "tenant": uuid_json(network.tables["tenant"][switch.tenant,].uuid),
        "name": switch.name,
        "key": switch.key,
        "vni": switch.vni,
        "subnets": words(switch.subnets),
    }


def _read_switch(row: Any, parent: Tenant, references: References) -> Switch:
    subnets = parsed(IPv4Network, row.subnets)
    return Switch(tenant=parent.name, name=row.name, key=row.key, uuid=str(row.uuid), vni=row.vni, subnets=subnets)


def _write_port(port: Port, network: Network) -> JsonRow:
    return {
        "switch": uuid_json(network.tables["switch"][port.tenant, port.switch].uuid),
        "name": port.name,
        "key": port.key,
        "mac": port.mac,
        "addresses": words(port.addresses),
        "port_security": port.port_security,
        "enabled": port.enabled,
    }


def _read_port(row: Any, parent: Switch, references: References) -> Port:
    return Port(
        tenant=parent.tenant,
        switch=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        mac=row.mac,
        addresses=parsed(IPv4Address, row.addresses),
        port_security=row.port_security,
        enabled=row.enabled,
    )


def _write_router(router: Router, network: Network) -> JsonRow:
    tenant = network.tables["tenant"][router.tenant,]
    policy = {"answers": router.answers, "without_path": router.without_path}
    return {"tenant": uuid_json(tenant.uuid), "name": router.name, "key": router.key, **policy}


def _read_router(row: Any, parent: Tenant, references: References) -> Router:
    # A row from before there was a choice has neither.
    answers: Any = row.answers or "local"
    without_path: Any = row.without_path or "unreachable"
    return Router(parent.name, row.name, row.key, str(row.uuid), answers, without_path)


def _write_router_port(port: RouterPort, network: Network) -> JsonRow:
    switch = None if port.switch is None else network.tables["switch"][port.tenant, port.switch]
    external = None if port.external is None else network.tables["external_network"][port.external,]
    return {
        "router": uuid_json(network.tables["router"][port.tenant, port.router].uuid),
        "name": port.name,
        "key": port.key,
        "mac": port.mac,
        "addresses": words(port.addresses),
        "switch": optional_json(switch and uuid_json(switch.uuid)),
        "peer": optional_json(port.peer and "/".join(port.peer)),
        "external": optional_json(external and uuid_json(external.uuid)),
        "gateways": words(port.gateways),
        "preempt": optional_json(None if port.preempt else False),
        "vni": optional_json(port.vni or None),
        "zone": optional_json(port.zone or None),
        "account": optional_json(port.account or None),
    }


def _read_router_port(row: Any, parent: Router, references: References) -> RouterPort:
    router, slash, far = row.peer[0].partition("/") if row.peer else ("", "", "")
    switch, external = references["switch"], references["external"]
    return RouterPort(
        tenant=parent.tenant,
        router=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        mac=row.mac,
        addresses=parsed(IPv4Interface, row.addresses),
        switch=switch and switch.name,
        peer=(router, far) if slash else None,
        external=external and external.name,
        gateways=tuple(row.gateways.split()),
        preempt=row.preempt[0] if row.preempt else True,
        vni=row.vni[0] if row.vni else 0,
        zone=row.zone[0] if row.zone else 0,
        account=row.account[0] if row.account else 0,
    )


def _write_route(route: Route, network: Network) -> JsonRow:
    return {
        "router": uuid_json(network.tables["router"][route.tenant, route.router].uuid),
        "prefix": str(route.prefix),
        "nexthops": words(route.nexthops),
        "key": route.key,
    }


def _read_route(row: Any, parent: Router, references: References) -> Route:
    nexthops = parsed(IPv4Address, row.nexthops)
    prefix = IPv4Network(row.prefix)
    return Route(tenant=parent.tenant, router=parent.name, prefix=prefix, nexthops=nexthops, key=row.key, uuid=str(row.uuid))


_PORT = ("switch", "name", "key", "mac", "addresses", "port_security", "enabled")
_ROUTER_PORT = (
    *("router", "name", "key", "mac", "addresses", "switch", "peer"),
    *("external", "gateways", "preempt", "vni", "zone", "account"),
)
_EXTERNAL_NETWORK = ("name", "key", "physical_network", "subnet", "vlan", "gateway", "pools", "mtu")
_ROUTER = ("tenant", "name", "key", "answers", "without_path")
_SNAT = ("router", "name", "key", "prefixes", "addresses", "ports")
_FLOATING_IP = ("router", "name", "key", "address", "mac", "port", "inside", "distributed", "account")
_LOAD_BALANCER = (
    *("tenant", "name", "key", "vip", "port", "mac", "protocol", "router", "switch"),
    *("check", "path", "interval", "timeout", "rise", "fall"),
)
_MEMBER = ("load_balancer", "name", "key", "port", "number", "weight", "drained")
TABLES: Mapping[str, Table] = {
    "tenant": Table("Tenant", ("name", "key", "description", "account"), None, _write_tenant, _read_tenant),
    "external_network": Table(
        "External_Network", _EXTERNAL_NETWORK, None, outside.write_external_network, outside.read_external_network
    ),
    "switch": Table("Logical_Switch", ("tenant", "name", "key", "vni", "subnets"), "tenant", _write_switch, _read_switch),
    "port": Table("Logical_Port", _PORT, "switch", _write_port, _read_port),
    "router": Table("Logical_Router", _ROUTER, "tenant", _write_router, _read_router),
    "router_port": Table(
        "Router_Port", _ROUTER_PORT, "router", _write_router_port, _read_router_port, references=("switch", "external")
    ),
    "route": Table("Static_Route", ("router", "prefix", "nexthops", "key"), "router", _write_route, _read_route),
    "snat": Table("Source_NAT", _SNAT, "router", outside.write_snat, outside.read_snat),
    "floating_ip": Table("Floating_IP", _FLOATING_IP, "router", outside.write_floating_ip, outside.read_floating_ip),
    "load_balancer": Table(
        "Load_Balancer",
        _LOAD_BALANCER,
        "tenant",
        outside.write_load_balancer,
        outside.read_load_balancer,
        references=("router", "switch"),
    ),
    "member": Table("Balancer_Member", _MEMBER, "load_balancer", outside.write_member, outside.read_member),
}
"""By kind, parents before children."""


def columns() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every table with the columns that are read: the others (`external_ids`, ...) are left to other tools."""
    yield "Global", GLOBAL_COLUMNS
    yield "Chassis", CHASSIS_COLUMNS
    yield "Binding", BINDING_COLUMNS
    yield "Memory", MEMORY_COLUMNS
    yield from ((table.name, table.columns) for table in TABLES.values())


def read_counters(row: Any) -> dict[str, int]:
    """What the Global row holds. A database that was converted from before there were zones, or accounts, has none yet."""
    counters: dict[str, int] = {column: getattr(row, column) for column in GLOBAL_COLUMNS}
    counters["next_zone"] = counters["next_zone"] or MAX_ZONE
    counters["next_account"] = counters["next_account"] or 1
    return counters


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
