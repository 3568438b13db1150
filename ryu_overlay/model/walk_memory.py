"""What connection tracking means to the reference walk: connections that began, and how their packets are translated.

A connection is found again by either direction of it, and by ICMP errors about it. Ports are kept as they are and nothing runs
out or times out: which port is free, and for how long a connection is remembered, is not the model's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ryu_overlay.model.objects import Ref
from ryu_overlay.model.walk_values import ICMP, ICMP_QUOTING, TCP, UDP, Answered, Connection, Flow, Ip, Path

_BEGINNERS = frozenset(((8, 0), (13, 0), (15, 0)))
"""ICMP that asks for an answer: echo, timestamp, information (RFC 792)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A packet's connection, the packet as it translates it, and whether it goes against the first packet's direction."""

    connection: Connection
    after: Ip
    is_reply: bool


class Memory:
    """The connections known so far. The newest is found first."""

    def __init__(self, known: Iterable[Connection] = ()) -> None:
        self._known = list(known)

    def add(self, connection: Connection) -> None:
        self._known.append(connection)

    def find(self, place: Ref, ip: Ip) -> Found | None:
        """The connection at `place` that `ip` belongs to or is an error about, or None."""
        if ip.later_fragment:
            return None
        key = flow_of(ip) if not is_error(ip) else None if ip.about is None else flow_of(ip.about).reverse
        for connection in reversed(self._known):
            if connection.place == place and key in (connection.original, connection.translated.reverse):
                is_reply = key != connection.original
                return Found(connection, _translated(ip, connection, is_reply), is_reply)
        return None


def remembered(paths: Iterable[Path]) -> Iterator[Connection]:
    """The connections that packets and their answers began."""
    for path in paths:
        yield from path.connections
        if isinstance(path.outcome, Answered):
            yield from remembered((path.outcome.way_back,))


def flow_of(ip: Ip) -> Flow:
    """What tells the packet's connection from others."""
    return Flow(ip.src, ip.dst, ip.proto, ip.l4 if ip.proto in (TCP, UDP) else (0, 0))


def is_error(ip: Ip) -> bool:
    """Whether it is an ICMP error."""
    return ip.proto == ICMP and not ip.later_fragment and ip.l4[0] in ICMP_QUOTING


def may_begin(ip: Ip) -> bool:
    """Whether a connection may begin with the packet. A fragment alone is not looked at until the others have come.

    TCP may be taken up anywhere but in its answer to a first segment.
    """
    if ip.later_fragment or (ip.proto == TCP and ip.syn_ack):
        return False
    return ip.proto != ICMP or ip.l4 in _BEGINNERS


def _translated(ip: Ip, connection: Connection, is_reply: bool) -> Ip:
    before, after = connection.original, connection.translated
    if is_reply:
        before, after = after.reverse, before.reverse
    if not is_error(ip) or ip.about is None:
        return replace(ip, src=after.src, dst=after.dst, l4=after.l4 if ip.proto in (TCP, UDP) else ip.l4)
    # Whoever sends an error about a translated connection looks as if he were the connection's end.
    src = ip.src if after.src == before.src else after.src
    dst = ip.dst if after.dst == before.dst else after.dst
    quoted = after.reverse
    l4 = quoted.l4 if ip.about.proto in (TCP, UDP) else ip.about.l4
    return replace(ip, src=src, dst=dst, about=replace(ip.about, src=quoted.src, dst=quoted.dst, l4=l4))
