"""The rows of what leads outside: external networks, translations and load balancers; pure. See `convert`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, LoadBalancer, Member, Router, Snat, Tenant
from ryu_overlay.store.cells import JsonRow, checked, optional_json, parsed, parsed_range, range_word, uuid_json, words

References = Mapping[str, Any]


def write_external_network(external: ExternalNetwork, network: Network) -> JsonRow:
    return {
        "name": external.name,
        "key": external.key,
        "physical_network": checked(external.physical_network),
        "subnet": str(external.subnet),
        "vlan": optional_json(external.vlan),
        "gateway": optional_json(external.gateway and str(external.gateway)),
        "pools": words(tuple(range_word(pool) for pool in external.pools)),
        "mtu": external.mtu,
    }


def read_external_network(row: Any, parent: None, references: References) -> ExternalNetwork:
    return ExternalNetwork(
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        physical_network=row.physical_network,
        subnet=IPv4Network(row.subnet),
        vlan=row.vlan[0] if row.vlan else None,
        gateway=IPv4Address(row.gateway[0]) if row.gateway else None,
        pools=parsed(parsed_range(IPv4Address), row.pools),
        mtu=row.mtu,
    )


def write_snat(snat: Snat, network: Network) -> JsonRow:
    return {
        "router": uuid_json(network.tables["router"][snat.tenant, snat.router].uuid),
        "name": snat.name,
        "key": snat.key,
        "prefixes": words(snat.prefixes),
        "addresses": words(snat.addresses),
        "ports": optional_json(snat.ports and range_word(snat.ports)),
    }


def read_snat(row: Any, parent: Router, references: References) -> Snat:
    return Snat(
        tenant=parent.tenant,
        router=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        prefixes=parsed(IPv4Network, row.prefixes),
        addresses=parsed(IPv4Address, row.addresses),
        ports=parsed_range(int)(row.ports[0]) if row.ports else None,
    )


def write_floating_ip(floating_ip: FloatingIp, network: Network) -> JsonRow:
    return {
        "router": uuid_json(network.tables["router"][floating_ip.tenant, floating_ip.router].uuid),
        "name": floating_ip.name,
        "key": floating_ip.key,
        "address": str(floating_ip.address),
        "mac": floating_ip.mac,
        "port": floating_ip.port,
        "inside": optional_json(floating_ip.inside and str(floating_ip.inside)),
        "distributed": floating_ip.distributed,
        "account": optional_json(floating_ip.account or None),
    }


def read_floating_ip(row: Any, parent: Router, references: References) -> FloatingIp:
    return FloatingIp(
        tenant=parent.tenant,
        router=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        address=IPv4Address(row.address),
        mac=row.mac,
        port=row.port,
        inside=IPv4Address(row.inside[0]) if row.inside else None,
        distributed=row.distributed,
        account=row.account[0] if row.account else 0,
    )


_SAME = ("name", "key", "port", "mac", "protocol", "check", "interval", "timeout", "rise", "fall")


def write_load_balancer(balancer: LoadBalancer, network: Network) -> JsonRow:
    router = None if balancer.router is None else network.tables["router"][balancer.tenant, balancer.router]
    switch = None if balancer.switch is None else network.tables["switch"][balancer.tenant, balancer.switch]
    return {
        "tenant": uuid_json(network.tables["tenant"][balancer.tenant,].uuid),
        "vip": str(balancer.vip),
        "router": optional_json(router and uuid_json(router.uuid)),
        "switch": optional_json(switch and uuid_json(switch.uuid)),
        "path": checked(balancer.path),
        **{column: getattr(balancer, column) for column in _SAME},
    }


def read_load_balancer(row: Any, parent: Tenant, references: References) -> LoadBalancer:
    router, switch = references["router"], references["switch"]
    return LoadBalancer(
        tenant=parent.name,
        uuid=str(row.uuid),
        vip=IPv4Address(row.vip),
        router=router and router.name,
        switch=switch and switch.name,
        path=row.path,
        **{column: getattr(row, column) for column in _SAME},
    )


def write_member(member: Member, network: Network) -> JsonRow:
    return {
        "load_balancer": uuid_json(network.tables["load_balancer"][member.tenant, member.load_balancer].uuid),
        "name": member.name,
        "key": member.key,
        "port": member.port,
        "number": optional_json(member.number),
        "weight": member.weight,
        "drained": member.drained,
    }


def read_member(row: Any, parent: LoadBalancer, references: References) -> Member:
    return Member(
        tenant=parent.tenant,
        load_balancer=parent.name,
        name=row.name,
        key=row.key,
        uuid=str(row.uuid),
        port=row.port,
        number=row.number[0] if row.number else None,
        weight=row.weight,
        drained=row.drained,
    )
