"""What crosses an uplink, counted where it does, by whose the other end is: the internet's, another tenant's or its own. And what
stays inside, counted where it comes in.

An external address of the model is its tenant's, every other is the internet's. Each packet that crosses a border is counted by
one meter: that of its floating IP, or that of the uplink for what rules translate and what is the router's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ryu_overlay.compiler.keys import IP, VNI_BITS
from ryu_overlay.compiler.uplink import Border
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView
from ryu_overlay.model.numbers import MAC_PREFIX
from ryu_overlay.model.objects import TENANT_KEY_BITS, Switch, Tenant
from ryu_overlay.openflow.actions import SetField
from ryu_overlay.openflow.fields import ETH_SRC, IPV4_DST, IPV4_SRC, TUN_ID, Field, mac_to_int
from ryu_overlay.openflow.flow import UNLIMITED, Block, Flow, Meter
from ryu_overlay.pipeline.accounts import PEERS, WAYS, Line, Peer, Way, meter_of
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, LINK, OUT_LPORT
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import USE_IN, USE_IN_PEER, USE_INSIDE, USE_OUT, USE_OUT_PEER

_INTERNET, _SOMEBODY = 0, 1 << TENANT_KEY_BITS
"""In place of a tenant's key: nobody's here; one that is not known."""
_OF_PREFIX = 0xFFFFFF000000
_WHERE: dict[Way, tuple[Table, Field, Field]] = {
    "out": (USE_OUT, OUT_LPORT.field, IPV4_SRC),
    "in": (USE_IN, IN_LPORT.field, IPV4_DST),
}
"""Where each way is counted, and what there names the uplink and the floating IP."""


def whose_flows(view: ExternalView) -> Iterator[Flow]:
    """Whose each external address of a network is, for what leaves; and whose each MAC, for what comes in.

    By then the sender may have an address that is not known here yet, or not any more; its MAC stays. A MAC of ours that is not
    known is somebody's here, too.
    """
    here: Match = {DATAPATH.field: view.network.key}
    addresses, macs = _whose(view)
    for table, field, whose, then in (
        (USE_OUT_PEER, IPV4_DST, addresses, USE_OUT),
        (USE_IN_PEER, ETH_SRC, macs, USE_IN),
    ):
        for value, tenant in whose.items():
            match = {**here, **(IP if field is IPV4_DST else {}), field: value}
            why = Why(Feature.EXTERNAL, tenant, view.network.key)
            yield table.flow("known", match, (SetField(LINK.field, tenant),), goto=then, why=why)
    ours: Match = {**here, ETH_SRC: (MAC_PREFIX, _OF_PREFIX)}
    why = Why(Feature.EXTERNAL, key=view.network.key)
    yield USE_IN_PEER.flow("ours", ours, (SetField(LINK.field, _SOMEBODY),), goto=USE_IN, why=why)


def inside_flow(tenant: Tenant, switch: Switch) -> Flow | None:
    """What goes to ports of a switch, and came from VMs here."""
    if not tenant.account:
        return None
    match: Match = {DATAPATH.field: switch.key, TUN_ID: (0, (1 << VNI_BITS) - 1)}
    return USE_INSIDE.flow("inside", match, meter=_inside(tenant).number, why=Why(Feature.COUNTER, tenant.key, switch.key))


def inside_block(tenant: Tenant) -> Block:
    """The meter of what stays inside, for all of a tenant's switches on a chassis."""
    return Block(meters=(_inside(tenant),)) if tenant.account else Block()


def _inside(tenant: Tenant) -> Meter:
    return Meter(meter_of(Line(tenant.account, "inside", "out")), UNLIMITED, UNLIMITED)


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
        of: Match = {} if address is None else {field: int(address)}
        crossing = {port: border.uplink.key, **IP, **of}
        for peer, match in tenants.items():
            priority = what + ("known" if match else "others")
            yield table.flow(priority, {**crossing, **match}, meter=meter_of(Line(account, peer, way)), why=why)


def _whose(view: ExternalView) -> tuple[dict[int, int], dict[int, int]]:
    """The tenants' keys, by address and by MAC."""
    addresses, macs = dict[int, int](), dict[int, int]()
    for router in view.routers:
        uplink, tenant = router.uplink, router.tenant.key
        if uplink is not None:
            addresses.update(dict.fromkeys(map(int, own_addresses(router)), tenant))
            addresses.update((int(floating.address), tenant) for floating, _ in router.floating_ips)
            macs.update((mac_to_int(mac), tenant) for mac in (uplink.mac, *(f.mac for f, _ in router.floating_ips)))
    return addresses, macs
