"""Flows of a router's uplink on one chassis: to the gateway by tunnel, or across the border here, with its translations.

The border is the last thing on the way out and the first on the way in, so routes, TTL and MTU in the router see inside
addresses, and errors that routers make are translated by conntrack as belonging to the connection they complain of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.compiler.balancing import Choice
from ryu_overlay.compiler.keys import (
    ALWAYS,
    ICMP,
    IP,
    KNOWN,
    NEW,
    RELATED,
    TCP,
    TO_GATEWAY,
    from_port,
    group_number,
    into_tunnel,
    prefix,
    to_port,
)
from ryu_overlay.model.external import inside_of, own_addresses
from ryu_overlay.model.inside import inside_networks
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, Port, RouterPort, Snat
from ryu_overlay.model.walk_values import ICMP_ERRORS
from ryu_overlay.openflow.actions import (
    Action,
    Ct,
    CtClear,
    DecTtl,
    ForgetInPort,
    Move,
    Multipath,
    Nat,
    Resubmit,
    SetField,
    ToGroup,
)
from ryu_overlay.openflow.fields import (
    CT_INV,
    CT_STATE,
    CT_TRK,
    ETH_SRC,
    ICMP_TYPE,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    TCP_FLAGS,
    TCP_SYN,
    TUN_ID,
    mac_to_int,
)
from ryu_overlay.openflow.flow import Block, Bucket, Flow, Group
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import ANSWER, CHOSEN, DATAPATH, HOME, IN_LPORT, LINK, OUT_LPORT, OUTSIDE, PROBE, SOURCE, ZONE
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import (
    EXT_RESOLVE,
    LR_COUNT_OUT,
    LR_IN_ADMIT,
    LR_IN_OWN,
    LR_IN_ROUTE,
    LR_IN_SERVICE,
    LR_IN_TRACKED,
    LR_IN_TRANSLATED,
    LR_OUT_BORDER,
    LR_OUT_EXTERNAL,
    LR_OUT_NO_GATEWAY,
    LR_OUT_SNAT,
    LR_OUT_TRACKED,
    LR_OUT_TRANSLATED,
    LR_OUT_UPLINK,
    PHY_IN_TUNNEL,
    PHY_OUT,
)

_UNKNOWN: Match = {CT_STATE: (CT_INV | CT_TRK, CT_INV | CT_TRK)}


@dataclass(frozen=True)
class Border:
    """One router's uplink as one chassis is to treat it.

    `gateways` are the chassis that may carry it, in order; `floating_ips` those translated here; `at_home` the keys of those
    that are here because their port is. `choices` are how its load balancers with an external address choose.
    """

    view: RouterView
    uplink: RouterPort
    network: ExternalNetwork
    chassis: str
    gateways: tuple[str, ...]
    floating_ips: tuple[tuple[FloatingIp, Port], ...]
    at_home: frozenset[int]
    choices: tuple[Choice, ...]

    @property
    def is_gateway(self) -> bool:
        return self.chassis in self.gateways

    @property
    def carries(self) -> bool:
        """Whether packets may cross the border on this chassis."""
        return self.is_gateway or bool(self.at_home)

    @property
    def address(self) -> IPv4Address:
        return self.uplink.addresses[0].ip

    @property
    def own(self) -> tuple[IPv4Address, ...]:
        """External addresses that are the router's own: of the uplink, of NAT rules, of load balancers."""
        return own_addresses(self.view)

    def why(self, feature: Feature, key: int | None = None) -> Why:
        return Why(feature, self.view.tenant.key, self.uplink.key if key is None else key)


def uplink_block(border: Border, tunnels: Mapping[str, int], patch: int | None) -> Block:
    """The uplink on a chassis with these tunnels, and `patch` towards the physical network if it has one."""
    flows, groups = list(_towards(border)), []
    if border.gateways:
        groups.append(_to_gateway(border, tunnels, patch))
    if border.is_gateway:
        flows.append(_from_tunnel(border))
    if border.carries and patch is not None:
        flows += [*_inward(border), *_outward(border), *_leaving(border)]
    return Block(tuple(flows), tuple(groups))


def _towards(border: Border) -> Iterator[Flow]:
    out = {OUT_LPORT.field: border.uplink.key}
    why = border.why(Feature.UPLINK)
    if border.carries:
        yield LR_OUT_UPLINK.flow("home", {**out, HOME.field: 1}, goto=LR_OUT_BORDER, why=why)
    for floating, port in border.floating_ips:
        if floating.key in border.at_home:
            match = {**out, **IP, IPV4_SRC: int(inside_of(floating, port))}
            here = (SetField(HOME.field, 1),)
            why_home = border.why(Feature.FLOATING_IP, floating.key)
            yield LR_OUT_UPLINK.flow("floating_ip", match, here, goto=LR_OUT_BORDER, why=why_home)
    if border.at_home:
        # A router on the way may complain of what a floating IP got: only conntrack here can tell.
        for kind in ICMP_ERRORS:
            error = {**out, **IP, IP_PROTO: ICMP, ICMP_TYPE: kind}
            yield LR_OUT_UPLINK.flow("error", error, goto=LR_OUT_BORDER, why=why)
    if border.gateways:
        yield LR_OUT_UPLINK.flow("gateway", out, (ToGroup(group_number(TO_GATEWAY, border.uplink.key)),), why=why)
    else:
        yield LR_OUT_UPLINK.flow("gateway", out, goto=LR_OUT_NO_GATEWAY, why=why)


def _to_gateway(border: Border, tunnels: Mapping[str, int], patch: int | None) -> Group:
    buckets = []
    for name in border.gateways:
        if name == border.chassis and patch is not None:
            buckets.append(Bucket((SetField(HOME.field, 1), Resubmit(LR_OUT_BORDER.number)), watch=patch))
        elif name in tunnels:
            send = into_tunnel(border.uplink.vni, tunnels[name])
            buckets.append(Bucket((*send, Resubmit(PHY_OUT.number)), watch=tunnels[name]))
    buckets.append(Bucket((Resubmit(LR_OUT_NO_GATEWAY.number),), watch_group=ALWAYS))
    return Group(group_number(TO_GATEWAY, border.uplink.key), tuple(buckets), "failover")


def _from_tunnel(border: Border) -> Flow:
    """What other chassis send here for the uplink: routed once more, which finds the uplink again, and its next hop."""
    into = (SetField(DATAPATH.field, border.view.router.key), SetField(IN_LPORT.field, border.uplink.key))
    match = {TUN_ID: border.uplink.vni}
    why = border.why(Feature.UPLINK)
    return PHY_IN_TUNNEL.flow("vni", match, (*into, SetField(HOME.field, 1)), goto=LR_IN_ROUTE, why=why)


def _inward(border: Border) -> Iterator[Flow]:
    zone, key = border.uplink.zone, border.uplink.key
    came = {IN_LPORT.field: key}
    why = border.why(Feature.UPLINK)
    lookup = (CtClear(), Ct(zone, LR_IN_TRACKED.number, nat=Nat()))
    yield LR_IN_ADMIT.flow("uplink", {**came, **IP}, lookup, why=why)
    # Nobody outside has an inside address: what says so would be answered to a VM that never asked (RFC 3704).
    for net in dict.fromkeys(n for n in inside_networks(border.view.ports, border.view.routes) if n.prefixlen):
        spoofed = {**came, **IP, IPV4_SRC: prefix(net)}
        yield from LR_IN_ADMIT.drop("bad_source", spoofed, why=border.why(Feature.DROP_BAD_SOURCE))
    for known in KNOWN:
        yield LR_IN_TRACKED.flow("known", {**came, **known}, goto=LR_IN_OWN, why=why)
    for floating, port in border.floating_ips:
        match = {**came, **NEW, **IP, IPV4_DST: int(floating.address)}
        inside = Nat("dst", int(inside_of(floating, port)))
        begin = Ct(zone, LR_IN_TRANSLATED.number, commit=True, nat=inside)
        yield LR_IN_TRACKED.flow("floating_ip", match, (begin,), why=border.why(Feature.FLOATING_IP, floating.key))
    for choice in border.choices if border.is_gateway else ():
        lb = choice.view.balancer
        match = {**came, **NEW, **to_port(lb.protocol, lb.port), IPV4_DST: int(lb.vip)}
        if choice.alive:
            then = (SetField(ZONE.field, zone), *choice.actions)
            yield LR_IN_TRACKED.flow("balanced", match, then, why=border.why(Feature.BALANCING, lb.key))
        else:
            yield LR_IN_TRACKED.flow("balanced", match, goto=LR_IN_SERVICE, why=border.why(Feature.BALANCING, lb.key))
    for address in border.own:
        match = {**came, **NEW, **IP, IPV4_DST: int(address)}
        stray = {**match, IP_PROTO: TCP, TCP_FLAGS: (0, TCP_SYN)}
        yield from LR_IN_TRACKED.drop("no_connection", stray, why=border.why(Feature.DROP_NO_CONNECTION))
        yield LR_IN_TRACKED.flow("own", match, goto=LR_IN_SERVICE, why=border.why(Feature.ROUTER_ADDRESS))
    yield LR_IN_TRACKED.flow("new", {**came, **NEW}, why=border.why(Feature.DROP_NOT_TRANSLATED))


def _outward(border: Border) -> Iterator[Flow]:
    zone, key = border.uplink.zone, border.uplink.key
    out = {OUT_LPORT.field: key}
    why = border.why(Feature.UPLINK)
    lookup = (SetField(CHOSEN.field, 0), Move(IPV4_SRC, SOURCE.field), CtClear(), Ct(zone, LR_OUT_TRACKED.number, nat=Nat()))
    yield LR_OUT_BORDER.flow("lookup", {**out, **IP}, lookup, why=why)
    for address in border.own:
        answer = {**out, **IP, ANSWER.field: 1, IPV4_SRC: int(address)}
        yield LR_OUT_BORDER.flow("own", answer, goto=LR_OUT_EXTERNAL, why=border.why(Feature.ROUTER_ADDRESS))
        to_self = {**out, **NEW, **IP, IPV4_DST: int(address)}
        service = (Resubmit(LR_IN_SERVICE.number),)
        yield LR_OUT_TRACKED.flow("own", to_self, service, why=border.why(Feature.ROUTER_ADDRESS))
    for known in KNOWN:
        yield LR_OUT_TRACKED.flow("known", {**out, **known}, goto=LR_OUT_EXTERNAL, why=why)
    if border.at_home and border.gateways:
        to_gateway = (ToGroup(group_number(TO_GATEWAY, key)),)
        yield LR_OUT_TRACKED.flow("elsewhere", {**out, **_UNKNOWN, HOME.field: 0}, to_gateway, why=why)
    for floating, port in border.floating_ips:
        yield from _floating_out(border, floating, inside_of(floating, port))
    if border.is_gateway:
        for snat in border.view.snats:
            yield from _snat(border, snat)
        yield from _strays(border)
        for vip, members in _members(border).items():
            yield from _errors(border, vip, members, 0, why)
    yield LR_OUT_TRACKED.flow("new", {**out, **NEW}, why=border.why(Feature.DROP_NOT_TRANSLATED))
    exhausted = border.why(Feature.DROP_NAT_EXHAUSTED, border.view.router.key)
    yield LR_OUT_TRANSLATED.flow("exhausted", out, why=exhausted)


def _floating_out(border: Border, floating: FloatingIp, inside: IPv4Address) -> Iterator[Flow]:
    """New connections leave as the floating IP."""
    match = {OUT_LPORT.field: border.uplink.key, **NEW, **IP, IPV4_SRC: int(inside)}
    nat = Nat("src", int(floating.address))
    translate = Ct(border.uplink.zone, LR_OUT_TRANSLATED.number, commit=True, nat=nat, mark=PROBE.field)
    why = border.why(Feature.FLOATING_IP, floating.key)
    yield LR_OUT_TRACKED.flow("floating_ip", match, (translate,), why=why)
    yield from _errors(border, floating.address, [inside], floating.key, why)


def _errors(border: Border, outer: IPv4Address, inner: Iterable[IPv4Address], key: int, why: Why) -> Iterator[Flow]:
    """Errors about connections that came in to `outer` and were sent on to one of `inner`.

    Conntrack makes `outer` their sender whoever sent them. Those of `inner` keep it; those of routers on the way get the
    router's own external address (RFC 5508 section 4.2, REQ-5). `key` is what the source MAC is chosen by.
    """
    error = {OUT_LPORT.field: border.uplink.key, **RELATED, **IP, IPV4_SRC: int(outer)}
    from_router = (SetField(IPV4_SRC, int(border.address)), SetField(CHOSEN.field, key))
    yield LR_OUT_TRACKED.flow("error", error, from_router, goto=LR_OUT_EXTERNAL, why=why)
    for address in inner:
        yield LR_OUT_TRACKED.flow("of_port", {**error, SOURCE.field: int(address)}, goto=LR_OUT_EXTERNAL, why=why)


def _snat(border: Border, snat: Snat) -> Iterator[Flow]:
    out = {OUT_LPORT.field: border.uplink.key}
    why = border.why(Feature.SNAT, snat.key)
    # Without ports given, one keeps its own while it is free: so the next gateway takes up its connections where they are.
    addresses = snat.addresses or (border.address,)
    choose: tuple[Action, ...] = (SetField(CHOSEN.field, snat.key),)
    # One inside address keeps to one external address (RFC 4787 REQ-2).
    choose += (Multipath("nw_src", len(addresses), LINK.field),) if len(addresses) > 1 else (SetField(LINK.field, 0),)
    for net in snat.prefixes:
        match = {**out, **NEW, **IP, IPV4_SRC: prefix(net)}
        yield LR_OUT_TRACKED.flow("snat", match, choose, goto=LR_OUT_SNAT, why=why, rank=net.prefixlen)
    for index, address in enumerate(addresses):
        nat = Nat("src", int(address), ports=snat.ports)
        translate = Ct(border.uplink.zone, LR_OUT_TRANSLATED.number, commit=True, nat=nat, mark=PROBE.field)
        match = {**IP, CHOSEN.field: snat.key, LINK.field: index}
        yield LR_OUT_SNAT.flow("address", match, (SetField(CHOSEN.field, 0), translate), why=why)


def _strays(border: Border) -> Iterator[Flow]:
    """Members that go on with a connection another gateway has translated: the client's next packet makes it known here."""
    why = border.why(Feature.DROP_NO_CONNECTION)
    found = {
        (int(port.addresses[0]), c.view.number(member))
        for c in border.choices
        if c.view.balancer.protocol == "tcp"
        for member, port in c.view.members
    }
    for address, number in sorted(found):
        match = {OUT_LPORT.field: border.uplink.key, **NEW, **from_port("tcp", number), IPV4_SRC: address}
        yield from LR_OUT_TRACKED.drop("stray", {**match, TCP_FLAGS: (0, TCP_SYN)}, why=why)


def _members(border: Border) -> dict[IPv4Address, dict[IPv4Address, None]]:
    """The members' addresses behind each external virtual address."""
    found: dict[IPv4Address, dict[IPv4Address, None]] = {}
    for choice in border.choices:
        found.setdefault(choice.view.balancer.vip, {}).update((port.addresses[0], None) for _, port in choice.view.members)
    return found


def _leaving(border: Border) -> Iterator[Flow]:
    out = {OUT_LPORT.field: border.uplink.key, **IP}
    why = border.why(Feature.UPLINK)

    def leave(mac: str) -> tuple[Action, ...]:
        into = (SetField(DATAPATH.field, border.network.key), SetField(OUTSIDE.field, 0), ForgetInPort())
        return Resubmit(LR_COUNT_OUT.number), DecTtl(), SetField(ETH_SRC, mac_to_int(mac)), *into

    yield LR_OUT_EXTERNAL.flow("uplink", out, leave(border.uplink.mac), goto=EXT_RESOLVE, why=why)
    for floating, _ in border.floating_ips:
        why = border.why(Feature.FLOATING_IP, floating.key)
        for priority, match in (
            ("floating_ip", {**out, IPV4_SRC: int(floating.address)}),
            ("error", {**out, CHOSEN.field: floating.key}),
        ):
            yield LR_OUT_EXTERNAL.flow(priority, match, leave(floating.mac), goto=EXT_RESOLVE, why=why)
