"""A tenant's document in ovn-nbctl's words. Pure; knows neither databases nor hypervisors.

Logical switches and routers are called `<tenant>.<name>`; port security is left off, which is OVN's default and its cheaper way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.bench.networks import Document

Command = list[str]


def transaction(commands: Iterable[Command]) -> list[str]:
    """Arguments of one ovn-nbctl call that does all of `commands` at once."""
    words: list[str] = []
    for command in commands:
        words += ["--", *command] if words else command
    return words


def make_tenant(document: Document) -> Iterator[Command]:
    """Everything in the document but its ways out (see `ovn_words_out`)."""
    tenant = document["name"]
    for switch in document["switches"]:
        yield ["ls-add", f"{tenant}.{switch['name']}"]
        for port in switch["ports"]:
            yield from make_port(tenant, switch["name"], port)
    for router in document["routers"]:
        name = f"{tenant}.{router['name']}"
        yield ["lr-add", name]
        for port in router["ports"]:
            if "switch" in port:
                yield from _make_router_port(tenant, name, port)


def make_port(tenant: str, switch: str, port: Document) -> Iterator[Command]:
    """One VM's port."""
    yield ["lsp-add", f"{tenant}.{switch}", port["name"]]
    yield ["lsp-set-addresses", port["name"], " ".join([port["mac"], *port["addresses"]])]


def remove_tenant(document: Document) -> Iterator[Command]:
    """Everything that `make_tenant` and `ovn_words_out.make_way_out` made; ports and NAT go with what they belong to."""
    tenant = document["name"]
    for balancer in document.get("load_balancers", ()):
        yield ["--if-exists", "lb-del", f"{tenant}.{balancer['name']}"]
    for router in document["routers"]:
        for port in router["ports"]:
            if "external" in port:
                yield ["--if-exists", "lsp-del", uplink_end(f"{tenant}.{router['name']}")]
    for router in document["routers"]:
        yield ["--if-exists", "lr-del", f"{tenant}.{router['name']}"]
    for switch in document["switches"]:
        yield ["--if-exists", "ls-del", f"{tenant}.{switch['name']}"]


def uplink_end(router: str) -> str:
    """The external network's port towards a router."""
    return f"{router}-out"


def _make_router_port(tenant: str, router: str, port: Document) -> Iterator[Command]:
    end = f"{router}-{port['name']}"
    # Two routers may stand on one switch.
    other = f"{end}-r"
    yield ["lrp-add", router, end, port["mac"], *port["addresses"]]
    yield ["lsp-add", f"{tenant}.{port['switch']}", other]
    yield ["lsp-set-type", other, "router"]
    yield ["lsp-set-addresses", other, "router"]
    yield ["lsp-set-options", other, f"router-port={end}"]
