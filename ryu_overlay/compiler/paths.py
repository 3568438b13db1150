"""Routers whose answers stand for paths: an answer for an interface elsewhere goes there and back before it is given.

It goes through the tunnel that the way has, in a VNI of its own, and the chassis at the other end sends it back without looking
at it: so whoever asked measures the tunnel, and hears nothing if it does not carry packets both ways. Where it is known that the
way is broken, who asks is told so instead. See docs/decisions/0024-answers-that-go-the-way.md.

The controller's probes are answered here, whatever the policy: they try each part of a way for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.compiler.keys import ICMP, SWAP
from ryu_overlay.compiler.limiting import PUNT
from ryu_overlay.compiler.routing import own_echo
from ryu_overlay.model.external import port_addresses
from ryu_overlay.model.network import RouterView
from ryu_overlay.model.objects import RouterPort
from ryu_overlay.openflow.actions import OFPP_IN_PORT, Action, Output, SetField, SetTtl
from ryu_overlay.openflow.fields import (
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    FRAG_LATER,
    ICMP_CODE,
    ICMP_TYPE,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    TUN_ID,
)
from ryu_overlay.openflow.flow import Block, Flow
from ryu_overlay.pipeline.answers import FROM_UPLINK, KINDS, OWN_ADDRESS, answer_mac
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import ANSWER, DATAPATH, HOME, OFPORT, PROBE, TUNNEL
from ryu_overlay.pipeline.table import Match
from ryu_overlay.pipeline.tables import BACK_VNI, LR_IN_ROUTE, LR_IN_SERVICE, ORIGIN_TTL, PHY_IN_TUNNEL, PHY_OUT, THERE_VNI

_NO_PROBE: Match = {PROBE.field: (0, 1)}


@dataclass(frozen=True, slots=True)
class Leads:
    """Where the way to a port's place leads: into the tunnel `ofport`, or nowhere (None)."""

    port: int
    ofport: int | None


def base_flows() -> Iterator[Flow]:
    """What another chassis' answer is sent back by, on every bridge."""
    back: tuple[Action, ...] = (SetField(TUN_ID, BACK_VNI), Output(OFPP_IN_PORT))
    yield PHY_IN_TUNNEL.flow("answer", {TUN_ID: THERE_VNI}, back, why=Why(Feature.PATH))


def path_block(view: RouterView, *leads: Leads) -> Block:
    """A router whose policy is `path`, on a chassis from which the ways to these of its ports lead elsewhere or nowhere."""
    by_key = {lead.port: lead for lead in leads}
    flows = list(_back(view))
    for port in view.ports:
        lead = by_key.get(port.key)
        if lead is None:
            continue
        for address in port_addresses(view, port):
            if lead.ofport is None:
                flows += _broken(view, port, address)
            elif port.external is None:
                flows += _there(view, port, address, lead.ofport)
    return Block(tuple(flows))


def _back(view: RouterView) -> Iterator[Flow]:
    """Answers that are back go on as they would have begun."""
    why = Why(Feature.PATH, view.tenant.key, view.router.key)
    for kind in KINDS:
        own, home = int(bool(kind & OWN_ADDRESS)), int(bool(kind & FROM_UPLINK))
        position = (SetField(DATAPATH.field, view.router.key), SetField(HOME.field, home), SetField(ANSWER.field, own))
        match = {TUN_ID: BACK_VNI, ETH_TYPE: ETH_IP, ETH_SRC: answer_mac(view.router.key, kind)}
        yield PHY_IN_TUNNEL.flow("answer", match, (*position, SetTtl(ORIGIN_TTL + 1)), goto=LR_IN_ROUTE, why=why)


def _there(view: RouterView, port: RouterPort, address: IPv4Address, ofport: int) -> Iterator[Flow]:
    """Echo requests. All else that is answered the controller sends that way."""
    why = Why(Feature.PATH, view.tenant.key, port.key)
    mac = SetField(ETH_SRC, answer_mac(view.router.key, OWN_ADDRESS))
    out = (mac, SetField(TUN_ID, THERE_VNI), SetField(OFPORT.field, TUNNEL | ofport))
    icmp = {**_to(view, address), **_NO_PROBE, IP_PROTO: ICMP, ANSWER.field: 0}
    echo = {**icmp, ICMP_TYPE: 8, ICMP_CODE: 0}
    yield LR_IN_SERVICE.flow("far", echo, (*SWAP, SetField(ICMP_TYPE, 0), *out), goto=PHY_OUT, why=why)
    yield LR_IN_SERVICE.flow("far", {**icmp, IP_FRAG: FRAG_LATER}, (*SWAP, *out), goto=PHY_OUT, why=why)


def _broken(view: RouterView, port: RouterPort, address: IPv4Address) -> Iterator[Flow]:
    to, tenant = {**_to(view, address), **_NO_PROBE}, view.tenant.key
    if port.external is not None:
        yield own_echo(view, address, Why(Feature.PATH, tenant, port.key))
    if view.router.without_path == "silent":
        yield LR_IN_SERVICE.flow("no_path", to, why=Why(Feature.DROP_NO_PATH, tenant, port.key))
    else:
        yield LR_IN_SERVICE.flow("no_path", to, PUNT, why=Why(Feature.PUNT_NO_PATH, tenant, port.key))


def _to(view: RouterView, address: IPv4Address) -> Match:
    return {DATAPATH.field: view.router.key, ETH_TYPE: ETH_IP, IPV4_DST: int(address)}
