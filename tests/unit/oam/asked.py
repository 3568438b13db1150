"""The networks that questions about paths are asked of: scenario way-out, and changes to it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.model.edit import put_network
from ryu_overlay.model.network import Network
from ryu_overlay.model.walk import Facts
from ryu_overlay.northbound.bodies import given
from ryu_overlay.northbound.schemas import NetworkDocument
from ryu_overlay.oam.start import Traffic, start
from ryu_overlay.oam.trip import Trip, trip

Tenants = dict[str, dict[str, Any]]
UPSTREAM = "02:00:00:00:0f:01"
FACTS = Facts(mtu=1450, neighbours={("internet",): {IPv4Address("203.0.113.1"): UPSTREAM}})


def network_of(document: Mapping[str, Any], base: Network | None = None) -> Network:
    """What the document makes of `base`, or of nothing."""
    body = given(NetworkDocument, dict(document))
    return put_network(base or Network(), body["tenants"], body.get("external_networks", ())).network


NET = network_of(WAY_OUT.document)


def documents() -> Tenants:
    """The tenants' documents, to be changed."""
    return {tenant["name"]: tenant for tenant in copy.deepcopy(WAY_OUT.document)["tenants"]}


def changed(edit: Callable[[Tenants], object]) -> Network:
    """The network after `edit` of the tenants' documents."""
    tenants = documents()
    edit(tenants)
    return network_of({"tenants": list(tenants.values())}, NET)


def router(tenants: Tenants, tenant: str, name: str) -> dict[str, Any]:
    [found] = [r for r in tenants[tenant]["routers"] if r["name"] == name]
    return found


def without_route(tenant: str, name: str, *prefixes: str) -> Callable[[Tenants], object]:
    def edit(tenants: Tenants) -> None:
        r = router(tenants, tenant, name)
        r["routes"] = [route for route in r["routes"] if route["prefix"] not in prefixes]

    return edit


def go(sender: str, to: str, network: Network = NET, source: str | None = None, **traffic: Any) -> Trip:
    """There and back."""
    real = None if source is None else IPv4Address(source)
    return trip(network, start(network, sender, to, Traffic(**traffic), real, FACTS), facts=FACTS)
