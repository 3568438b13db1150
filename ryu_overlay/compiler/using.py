"""What crosses an uplink, counted where it does, by whose the other end is: the internet's, another tenant's or its own.

An external address of the model is its tenant's, every other is the internet's. Each packet that crosses a border is counted by
one meter: that of its floating IP, or that of the uplink for what rules translate and what is the router's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ryu_overlay.compiler.keys import IP
from ryu_overlay.compiler.uplink import Border
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView
from ryu_overlay.openflow.actions import SetField
from ryu_overlay.openflow.fields import IPV4_DST, IPV4_SRC, Field
from ryu_overlay.openflow.flow import UNLIMITED, Block, Flow, Meter
from ryu_overlay.pipeline.accounts import PEERS, WAYS, Line, Peer, Way, meter_of
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, LINK, OUT_LPORT
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import USE_IN, USE_IN_PEER, USE_OUT, USE_OUT_PEER

_INTERNET = 0
"""In place of a tenant's key."""
_WHERE: dict[Way, tuple[Table, Field, Field]] = {
    "out": (USE_OUT, OUT_LPORT.field, IPV4_SRC),
    "in": (USE_IN, IN_LPORT.field, IPV4_DST),
}
"""Where each way is counted, and what there names the uplink and the floating IP."""


def whose_flows(view: ExternalView) -> Iterator[Flow]:
    """Whose each external address of a network is."""
    for address, tenant in _addresses(view).items():
        why = Why(Feature.EXTERNAL, tenant, view.network.key)
        for table, field, then in ((USE_OUT_PEER, IPV4_DST, USE_OUT), (USE_IN_PEER, IPV4_SRC, USE_IN)):
            match = {DATAPATH.field: view.network.key, **IP, field: int(address)}
            yield table.flow("address", match, (SetField(LINK.field, tenant),), goto=then, why=why)


def use_block(border: Border) -> Block:
    """The meters of an uplink and of the floating IPs that are translated here, and what leads to them."""
    flows = [*_count(border, "", border.uplink.account, border.uplink.key, None)]
    accounts = [border.uplink.account]
    for floating, _ in border.floating_ips:
        flows += _count(border, "floating_", floating.account, floating.key, floating.address)
        accounts.append(floating.account)
    lines = (Line(account, peer, way) for account in accounts if account for way in WAYS for peer in PEERS)
    return Block(tuple(flows), meters=tuple(Meter(meter_of(line), UNLIMITED, UNLIMITED) for line in lines))


def _count(border: Border, what: str, account: int, key: int, address: IPv4Address | None) -> Iterator[Flow]:
    """Flows that count in an account what goes from or to an external address, or whatever no address of another takes."""
    if not account:
        return
    why = border.why(Feature.COUNTER, key)
    tenants: dict[Peer, Match] = {
        "internet": {LINK.field: _INTERNET},
        "own": {LINK.field: border.view.tenant.key},
        "others": {},
    }
    for way, (table, port, field) in _WHERE.items():
        of: Match = {} if address is None else {**IP, field: int(address)}
        crossing = {port: border.uplink.key, **of}
        for peer, match in tenants.items():
            priority = what + ("known" if match else "others")
            yield table.flow(priority, {**crossing, **match}, meter=meter_of(Line(account, peer, way)), why=why)


def _addresses(view: ExternalView) -> dict[IPv4Address, int]:
    found: dict[IPv4Address, int] = {}
    for router in view.routers:
        if router.uplink is not None:
            found.update(dict.fromkeys(own_addresses(router), router.tenant.key))
            found.update((floating.address, router.tenant.key) for floating, _ in router.floating_ips)
    return found
