"""The ways out of a tenant's document in ovn-nbctl's words. Pure; knows neither databases nor hypervisors.

An uplink is a distributed gateway port with its chassis by priority; OVN then has BFD between them by itself. Floating IPs are
distributed, with the port's name and a MAC, as ours are. An external network is a logical switch of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from tests.bench.networks import Document
from tests.bench.ovn_words import Command, uplink_end

_MANY_NEIGHBOURS = ("options:dynamic_neigh_routers=true", "options:always_learn_from_arp_request=false")
"""What OpenStack sets: without it every router knows all others of its external network, and flows grow with the square."""
_HIGHEST = 20
"""Priority of the preferred chassis; the others follow."""


def make_external(network: Document) -> Iterator[Command]:
    """An external network."""
    name = network["name"]
    end = f"{name}-physical"
    yield ["ls-add", name]
    yield ["lsp-add", name, end]
    yield ["lsp-set-type", end, "localnet"]
    yield ["lsp-set-addresses", end, "unknown"]
    yield ["lsp-set-options", end, f"network_name={network['physical_network']}"]


def remove_external(network: Document) -> Iterator[Command]:
    """Everything that `make_external` made."""
    yield ["--if-exists", "ls-del", network["name"]]


def make_way_out(document: Document, gateways: dict[str, str]) -> Iterator[Command]:
    """Uplinks, source NAT, floating IPs and load balancers of a tenant that is there; `gateways`: the upstream router's
    address by external network.
    """
    tenant = document["name"]
    for router in document["routers"]:
        name = f"{tenant}.{router['name']}"
        for port in router["ports"]:
            if "external" in port:
                yield from _make_uplink(name, port, gateways[port["external"]])
                outside = port["addresses"][0].partition("/")[0]
                for snat in router["snats"]:
                    yield from (["lr-nat-add", name, "snat", outside, prefix] for prefix in snat["prefixes"])
        for floating in router.get("floating_ips", ()):
            yield make_floating(document, router["name"], floating)
    for balancer in document.get("load_balancers", ()):
        yield from _make_balancer(document, balancer)


def make_floating(document: Document, router: str, floating: Document) -> Command:
    """A floating IP of a port of the tenant."""
    name, address, port = f"{document['name']}.{router}", floating["address"], floating["port"]
    return ["lr-nat-add", name, "dnat_and_snat", address, address_of(document, port), port, _mac(address)]


def remove_floating(document: Document, router: str, floating: Document) -> Command:
    """The opposite."""
    return ["lr-nat-del", f"{document['name']}.{router}", "dnat_and_snat", floating["address"]]


def address_of(document: Document, port: str) -> str:
    """The first address of a port of the tenant. Raises LookupError."""
    for switch in document["switches"]:
        for each in switch["ports"]:
            if each["name"] == port:
                found: str = each["addresses"][0]
                return found
    raise LookupError(f"{document['name']} has no port {port}")


def _make_uplink(router: str, port: Document, gateway: str) -> Iterator[Command]:
    network, end, other = port["external"], f"{router}-{port['name']}", uplink_end(router)
    yield ["lrp-add", router, end, port["mac"], *port["addresses"]]
    yield ["lsp-add", network, other]
    yield ["lsp-set-type", other, "router"]
    yield ["lsp-set-addresses", other, "router"]
    # With `nat-addresses` it announces the addresses that it translates.
    yield ["lsp-set-options", other, f"router-port={end}", "nat-addresses=router"]
    for index, chassis in enumerate(port["gateways"]):
        yield ["lrp-set-gateway-chassis", end, chassis, str(_HIGHEST - index)]
    yield ["lr-route-add", router, "0.0.0.0/0", gateway]
    yield ["set", "Logical_Router", router, *_MANY_NEIGHBOURS]


def _make_balancer(document: Document, balancer: Document) -> Iterator[Command]:
    name = f"{document['name']}.{balancer['name']}"
    members = ",".join(f"{address_of(document, m['port'])}:{m['number']}" for m in balancer["members"])
    yield ["lb-add", name, f"{balancer['vip']}:{balancer['port']}", members, "tcp"]
    yield ["lr-lb-add", f"{document['name']}.{balancer['router']}", name]


def _mac(address: str) -> str:
    """A MAC of its own for each address."""
    return "02:fe:" + ":".join(f"{byte:02x}" for byte in IPv4Address(address).packed)
