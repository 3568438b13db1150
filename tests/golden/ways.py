"""The words in which a packet's way is told, whoever worked it out.

A way is a list of legs: the packet's own, then its answer's. A leg says position by position, each with its chassis, where
the packet was, and how that ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ryu_overlay.model.objects import FloatingIp, Member, Ref, Snat
from ryu_overlay.model.walk_values import Arp, Ip, Packet

ON_THE_WIRE = "-"
"""In place of a chassis: a packet outside that none of them takes."""


@dataclass(frozen=True)
class Leg:
    """Where a packet was, and how it ended."""

    path: tuple[str, ...]
    end: str


Way = tuple[Leg, ...]


def from_port(chassis: str, ref: Ref) -> str:
    return f"{chassis} from {'/'.join(ref)}"


def to_port(chassis: str, ref: Ref) -> str:
    return f"{chassis} to {'/'.join(ref)}"


def in_switch(chassis: str, ref: Ref) -> str:
    return f"{chassis} switch {'/'.join(ref)}"


def in_router(chassis: str, ref: Ref, in_port: Ref | None, out_port: Ref | None) -> str:
    came, goes = (port[-1] if port is not None else "-" for port in (in_port, out_port))
    return f"{chassis} router {'/'.join(ref)} {came} > {goes}"


def in_external(chassis: str, ref: Ref) -> str:
    return f"{chassis} external {'/'.join(ref)}"


def at_border(chassis: str, ref: Ref, direction: str, by: Snat | FloatingIp | Member | None, known: bool) -> str:
    rule = "known" if known else "-" if by is None else f"{by.kind} {'/'.join(by.ref[1:])}"
    return f"{chassis} border {'/'.join(ref)} {direction}: {rule}"


def at_balancer(chassis: str, by: Member) -> str:
    return f"{chassis} balancer {by.tenant}/{by.load_balancer}: {by.name}"


def delivered(to: Iterable[tuple[str, Packet]]) -> str:
    """Handed to the ports with these names."""
    return "delivered: " + (", ".join(sorted(f"{name} {describe(packet)}" for name, packet in to)) or "nobody")


def left(network: Ref, packet: Packet) -> str:
    """Out on the wire of this external network."""
    return f"left: {'/'.join(network)} {describe(packet)}"


def describe(packet: Packet) -> str:
    """All of a packet that a network can change."""
    body, macs = packet.body, f"{packet.eth_src}>{packet.eth_dst}"
    if isinstance(body, Arp):
        return f"{macs} arp {body.op} {body.sha} {body.spa} > {body.tha} {body.tpa}"
    if not isinstance(body, Ip):
        return f"{macs} 0x{body:04x}"
    l4 = "fragment" if body.later_fragment else f"{body.l4[0]}/{body.l4[1]}"
    about = "" if body.about is None else f" about {_flow(body.about)}"
    return f"{macs} {body.src}>{body.dst} ttl {body.ttl} proto {body.proto} {l4}{' rst' if body.rst else ''}{about}"


def _flow(ip: Ip) -> str:
    return f"{ip.src}>{ip.dst} proto {ip.proto} {ip.l4[0]}/{ip.l4[1]}"
