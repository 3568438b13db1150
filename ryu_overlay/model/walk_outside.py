"""The reference walk at a router's border and in external networks: each function is one step, and gives the next.

What the border makes of addresses is `walk_border`'s; here is where packets get by it, with which MACs, and who answers ARP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import ExternalView
from ryu_overlay.model.objects import RouterPort
from ryu_overlay.model.walk_border import Serve, Translate, enter, leave
from ryu_overlay.model.walk_steps import Admitted, InExternal, InRouter, IntoBorder, OutOfBorder, Served, Step, Trail
from ryu_overlay.model.walk_values import (
    ARP_REPLY,
    ARP_REQUEST,
    NOT_KNOWN,
    Answered,
    AnswerKind,
    Arp,
    AtBorder,
    AtExternal,
    Dropped,
    DropReason,
    Hop,
    Ip,
    Learned,
    Left,
    Outcome,
    Packet,
    Path,
)


def into_border(trail: Trail, step: IntoBorder) -> Step | Outcome:
    """In by the uplink."""
    view, uplink, packet = step.view, step.uplink, step.packet
    assert isinstance(packet.body, Ip)
    choose = trail.chooser(uplink.ref, packet.body.src, packet.body.dst, packet.body.l4)
    decision = enter(view, uplink, packet.body, trail.memory, trail.facts, choose)
    if isinstance(decision, Translate):
        after = replace(packet, body=decision.after)
        trail.passes(AtBorder(uplink.ref, "in", decision.by, decision.known), packet, after)
        trail.begin(decision.begins)
        return Admitted(view, uplink, after)
    at = AtBorder(uplink.ref, "in")
    trail.passes(at, packet)
    return Served(view, uplink, packet, None) if isinstance(decision, Serve) else Dropped(decision, at)


def out_of_border(trail: Trail, step: OutOfBorder, says_itself: bool) -> Step | Outcome:
    """Out by the uplink. `says_itself`: a router answered as itself, so nothing is to be translated."""
    view, uplink = step.view, step.uplink
    before = Packet(uplink.mac, NOT_KNOWN, step.ip)
    if says_itself and step.ip.src in own_addresses(view):
        trail.passes(AtBorder(uplink.ref, "out"), before)
        return _to_external(trail, step, before)
    decision = leave(view, uplink, step.ip, trail.memory, trail.chooser(view.router.ref, step.ip.src))
    if isinstance(decision, Translate):
        mac = uplink.mac if decision.floating is None else decision.floating.mac
        after = Packet(mac, NOT_KNOWN, decision.after)
        trail.passes(AtBorder(uplink.ref, "out", decision.by, decision.known), before, after)
        trail.begin(decision.begins)
        return _to_external(trail, step, after)
    at = AtBorder(uplink.ref, "out")
    trail.passes(at, before)
    return Served(view, step.in_port or uplink, step.packet, at) if isinstance(decision, Serve) else Dropped(decision, at)


def _to_external(trail: Trail, step: OutOfBorder, packet: Packet) -> InExternal:
    return InExternal(trail.network.external_views[step.uplink.external or "",], step.hop, packet)


def in_external(trail: Trail, step: InExternal) -> Step | Outcome:
    """To the router whose MAC it is, or to the wire; from the wire also to whoever answers ARP."""
    view, hop, packet = step.view, step.hop, step.packet
    ref = view.network.ref
    if hop is not None:
        known = {**trail.facts.neighbours.get(ref, {}), **{address: mac for address, mac, _ in _holders(view)}}
        packet = replace(packet, eth_dst=known.get(hop, NOT_KNOWN))
    trail.passes(AtExternal(ref), packet)
    heard = _heard(view, packet) if isinstance(packet.body, Arp) else None
    if heard is not None:
        return heard
    uplink = next((port for _, mac, port in _holders(view) if mac == packet.eth_dst), None)
    if uplink is not None:
        return InRouter(uplink, packet)
    return Dropped(DropReason.NOT_HERE, AtExternal(ref)) if hop is None else Left(ref, hop, packet)


def _holders(view: ExternalView) -> Iterator[tuple[IPv4Address, str, RouterPort]]:
    """Every address that the model has there, with the MAC that answers for it and the uplink behind."""
    for router in view.routers:
        uplink = router.uplink
        if uplink is not None:
            yield from ((address, uplink.mac, uplink) for address in own_addresses(router))
            yield from ((floating.address, floating.mac, uplink) for floating, _ in router.floating_ips)


def _heard(view: ExternalView, packet: Packet) -> Outcome | None:
    """What an ARP from the wire leads to: a reply tells of a neighbour, so does the gateway when it announces itself."""
    arp = packet.body
    assert isinstance(arp, Arp)
    ref, gateway = view.network.ref, view.network.gateway
    if arp.op == ARP_REPLY or (arp.op == ARP_REQUEST and arp.spa == arp.tpa == gateway):
        return Learned(ref, arp.spa, arp.sha)
    mac = next((mac for address, mac, _ in _holders(view) if address == arp.tpa), None)
    if arp.op != ARP_REQUEST or mac is None:
        return None
    reply = Packet(mac, packet.eth_src, Arp(ARP_REPLY, mac, arp.tpa, arp.sha, arp.spa))
    way_back = Path((Hop(AtExternal(ref), reply),), Left(ref, arp.spa, reply))
    return Answered(AnswerKind.ARP_REPLY, ref, reply, way_back)
