"""What crosses an uplink, counted where it does, by whose the other end is: the internet's, another tenant's or its own.

An external address of the model is its tenant's, every other is the internet's. Each packet that crosses a border is counted by
one flow: that of its floating IP, or that of the uplink for what rules translate and what is the router's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ryu_overlay.compiler.keys import IP
from ryu_overlay.compiler.uplink import Border
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView
from ryu_overlay.openflow.actions import SetField
from ryu_overlay.openflow.fields import IPV4_DST, IPV4_SRC
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, LINK, OUT_LPORT
from ryu_overlay.pipeline.tables import USE_IN, USE_IN_PEER, USE_OUT, USE_OUT_PEER

INTERNET = 0
"""In place of a tenant's key."""


def whose_flows(view: ExternalView) -> Iterator[Flow]:
    """Whose each external address of a network is."""
    for address, tenant in _addresses(view).items():
        why = Why(Feature.EXTERNAL, tenant, view.network.key)
        for table, field, then in ((USE_OUT_PEER, IPV4_DST, USE_OUT), (USE_IN_PEER, IPV4_SRC, USE_IN)):
            match = {DATAPATH.field: view.network.key, **IP, field: int(address)}
            yield table.flow("address", match, (SetField(LINK.field, tenant),), goto=then, why=why)


def use_flows(border: Border) -> Iterator[Flow]:
    """The counters of an uplink and of the floating IPs that are translated here, in each class and direction."""
    tenant, key = border.view.tenant.key, border.uplink.key
    for table, port, field in ((USE_OUT, OUT_LPORT, IPV4_SRC), (USE_IN, IN_LPORT, IPV4_DST)):
        crossing = {port.field: key}
        why = Why(Feature.COUNTER, tenant, key)
        yield table.flow("others", crossing, why=why)
        for peer in (INTERNET, tenant):
            yield table.flow("known", {**crossing, LINK.field: peer}, why=why)
        for floating, _ in border.floating_ips:
            match = {**crossing, **IP, field: int(floating.address)}
            why = Why(Feature.COUNTER, tenant, floating.key)
            yield table.flow("floating_others", match, why=why)
            for peer in (INTERNET, tenant):
                yield table.flow("floating_known", {**match, LINK.field: peer}, why=why)


def _addresses(view: ExternalView) -> dict[IPv4Address, int]:
    found: dict[IPv4Address, int] = {}
    for router in view.routers:
        if router.uplink is not None:
            found.update(dict.fromkeys(own_addresses(router), router.tenant.key))
            found.update((floating.address, router.tenant.key) for floating, _ in router.floating_ips)
    return found
