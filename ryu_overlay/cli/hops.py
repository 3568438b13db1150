"""Packets, hops and ways as REST tells them, in words for a table: one line a hop.

It knows the JSON of docs/oam.md; it does not know HTTP, commands or the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

HEADERS = ("hop", "at", "packet", "becomes")
_ICMP = {(0, 0): "echo reply", (8, 0): "echo request", (11, 0): "time exceeded", (3, 0): "net unreachable"}
_ICMP |= {(3, 1): "host unreachable", (3, 2): "protocol unreachable", (3, 3): "port unreachable", (3, 4): "too large"}


def rows(way: Document) -> Iterator[tuple[Any, ...]]:
    """The rows of a way, under HEADERS."""
    for number, hop in enumerate(way["hops"], start=1):
        yield number, place(hop), packet(hop["packet"]), becomes(hop)


def whole(way: Document) -> list[Document]:
    """The hops of a way, and those of its answer."""
    back = way["outcome"]["back"]
    return [*way["hops"], *(whole(back) if back else ())]


def place(hop: Document) -> str:
    """Where a hop is: `router red/r1: web to db`, `NAT red/r1/up out: snat red/r1/all`."""
    kind, name = hop["kind"], hop["name"]
    if kind == "port":
        return f"port {name} {'sends' if hop['direction'] == 'from' else 'gets'}"
    if kind == "router":
        return f"router {name}: {hop['in_port'] or 'itself'} to {hop['out_port'] or 'nowhere'}"
    if kind == "nat":
        rule = f": {hop['rule']}" if hop["rule"] else ""
        return f"NAT {name} {hop['direction']}{rule}" + (" (known)" if hop["known"] else "")
    if kind == "balancer":
        return f"load balancer {name}: {hop['rule']}" + (" (known)" if hop["known"] else "")
    if kind == "answer":
        return f"{name} answers: {str(hop['rule']).replace('_', ' ')}"
    if kind == "outside":
        return kind
    return f"{'external network' if kind == 'external' else kind} {name}"


def packet(view: Document) -> str:
    """A packet: `10.0.1.11:49152 > 10.0.2.11:80 tcp ttl 64`."""
    parts = [f"{_ends(view)} {view['protocol']}"]
    if view["icmp"]:
        parts.append(_ICMP.get(tuple(view["icmp"])) or f"type {view['icmp'][0]} code {view['icmp'][1]}")
    if view["ttl"] is not None:
        parts.append(f"ttl {view['ttl']}")
    if view["size"] is not None:
        parts.append(f"size {view['size']}")
    parts += [word for field, word in (("df", "df"), ("later_fragment", "later fragment")) if view[field]]
    if view["about"]:
        parts.append(f"about {_ends(view['about'])}")
    return " ".join(parts)


def becomes(hop: Document) -> str:
    """What translation made of the packet, empty where it made nothing of it. Of an ICMP error also what it is about now."""
    before, after = (_ends_of_all(view) if view else "" for view in (hop["packet"], hop["after"]))
    return "" if after == before else after


def _ends_of_all(view: Document) -> str:
    return _ends(view) + (f" about {_ends(view['about'])}" if view["about"] else "")


def _ends(view: Document) -> str:
    source, target = view["src"] or view["eth_src"], view["dst"] or view["eth_dst"]
    if view["ports"]:
        source, target = (f"{address}:{port}" for address, port in zip((source, target), view["ports"]))
    return f"{source} > {target}"
