"""The conditions of a capture's filter, one at a time: `src host 10.0.0.5`, `tcp dst port 80`, `icmp type 8`.

Each becomes the matches of which one has to be true. Errors name the word that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from ryu_overlay.model.values import MAX_L4_PORT
from ryu_overlay.openflow.fields import (
    ARP_SPA,
    ARP_TPA,
    ETH_ARP,
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    ICMP_CODE,
    ICMP_TYPE,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    TCP_DST,
    TCP_SRC,
    UDP_DST,
    UDP_SRC,
    Field,
    mac_to_int,
)
from ryu_overlay.pipeline.table import Match

Terms = list[Match]

_IP: Match = {ETH_TYPE: ETH_IP}
_ARP: Match = {ETH_TYPE: ETH_ARP}
_PROTOCOLS: dict[str, Match] = {
    "ip": _IP,
    "arp": _ARP,
    "icmp": {**_IP, IP_PROTO: 1},
    "tcp": {**_IP, IP_PROTO: 6},
    "udp": {**_IP, IP_PROTO: 17},
}
_PORTS: dict[str, dict[str, Field]] = {"tcp": {"src": TCP_SRC, "dst": TCP_DST}, "udp": {"src": UDP_SRC, "dst": UDP_DST}}
_ADDRESSES: dict[str, dict[str, Field]] = {
    "ip": {"src": IPV4_SRC, "dst": IPV4_DST},
    "arp": {"src": ARP_SPA, "dst": ARP_TPA},
}
_MACS = {"src": ETH_SRC, "dst": ETH_DST}
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_KNOWN = (
    "arp, ip, icmp, tcp, udp, host, net, port, portrange (each with src or dst, and port with tcp or udp), ether host, "
    "icmp type, icmp code, ip proto"
)


def primitive(words: list[str]) -> Terms:
    """Take one condition from the front of `words`. Raises ValueError naming the word that is wrong."""
    if not words:
        raise ValueError("a condition is missing at the end")
    if words[0] in _PROTOCOLS:
        return _of_protocol(words.pop(0), words)
    if words[0] == "ether":
        del words[0]
        return _ether(words)
    return _address_or_port(words, None)


def _of_protocol(name: str, words: list[str]) -> Terms:
    following = words[:1]
    if name == "icmp" and following in (["type"], ["code"]):
        field = ICMP_TYPE if words.pop(0) == "type" else ICMP_CODE
        return [{**_PROTOCOLS[name], field: _number(words, following[0], 255)}]
    if name == "ip" and following == ["proto"]:
        del words[0]
        return [{**_IP, IP_PROTO: _number(words, "proto", 255)}]
    if following and following[0] in ("src", "dst", "host", "net", "port", "portrange"):
        return _address_or_port(words, name)
    return [_PROTOCOLS[name]]


def _address_or_port(words: list[str], protocol: str | None) -> Terms:
    sides = _sides(words)
    what = words.pop(0) if words else ""
    if what in ("port", "portrange"):
        return _ports(words, what, protocol, sides)
    if what in ("host", "net") or (len(sides) == 1 and what[:1].isdigit()):
        if what not in ("host", "net"):
            words.insert(0, what)  # tcpdump's `src 10.0.0.5`
            what = "net" if "/" in what else "host"
        return _addresses(words, what, protocol, sides)
    if not what:
        raise ValueError(f"{sides[0]!r} of what: host, net, port or portrange?")
    if len(sides) == 1:
        raise ValueError(f"{what!r} is not expected after {sides[0]!r}: host, net, port or portrange is")
    raise ValueError(f"{what!r} is not known, or nothing that a flow can match; known: {_KNOWN}")


def _sides(words: list[str]) -> tuple[str, ...]:
    return (words.pop(0),) if words[:1] in (["src"], ["dst"]) else ("src", "dst")


def _addresses(words: list[str], what: str, protocol: str | None, sides: tuple[str, ...]) -> Terms:
    value = _argument(words, what)
    try:
        network = IPv4Network(value) if what == "net" else IPv4Network(IPv4Address(value))
    except (AddressValueError, ValueError) as error:
        example = "a prefix such as 10.0.0.0/8" if what == "net" else "an IPv4 address"
        raise ValueError(f"{value!r} after {what!r} is not {example}") from error
    kinds = {None: ("ip", "arp"), "ip": ("ip",), "arp": ("arp",)}.get(protocol, ("ip",))
    given = int(network.network_address), int(network.netmask)
    own = _PROTOCOLS[protocol] if protocol else {}
    return [{**_PROTOCOLS[kind], **own, _ADDRESSES[kind][side]: given} for kind in kinds for side in sides]


def _ports(words: list[str], what: str, protocol: str | None, sides: tuple[str, ...]) -> Terms:
    if protocol not in (None, "tcp", "udp"):
        raise ValueError(f"{what!r} is of tcp or udp, not of {protocol}")
    if what == "port":
        number = _number(words, what, MAX_L4_PORT)
        parts: Iterable[tuple[int, int]] = [(number, 0xFFFF)]
    else:
        parts = _range(_argument(words, what))
    kinds = ("tcp", "udp") if protocol is None else (protocol,)
    return [{**_PROTOCOLS[kind], _PORTS[kind][side]: part} for kind in kinds for side in sides for part in parts]


def _range(text: str) -> list[tuple[int, int]]:
    """Ports `first-last` as (value, mask) pairs."""
    first, dash, last = text.partition("-")
    if not dash or not all(_NUMBER.fullmatch(n) and int(n) <= MAX_L4_PORT for n in (first, last)) or int(first) > int(last):
        raise ValueError(f"{text!r} after 'portrange' is not two ports such as 8000-8080")
    parts = []
    low, high = int(first), int(last)
    while low <= high:
        size = (low & -low) or 1 << 16
        while size > high - low + 1:
            size >>= 1
        parts.append((low, 0xFFFF & ~(size - 1)))
        low += size
    return parts


def _ether(words: list[str]) -> Terms:
    sides = _sides(words)
    if words[:1] == ["host"]:
        del words[0]
    elif len(sides) == 2:
        raise ValueError(f"{(words or ['nothing'])[0]!r} is not expected after 'ether': host, src or dst is")
    value = _argument(words, "ether")
    if not _MAC.fullmatch(value):
        raise ValueError(f"{value!r} after 'ether' is not a MAC address")
    return [{_MACS[side]: mac_to_int(value)} for side in sides]


def _argument(words: list[str], after: str) -> str:
    if not words or words[0] in ("and", "or", "not", "(", ")"):
        raise ValueError(f"{after!r} needs a value after it")
    return words.pop(0)


def _number(words: list[str], after: str, most: int) -> int:
    text = _argument(words, after)
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise ValueError(f"{text!r} after {after!r} is not a number from 0 to {most}")
    return int(text)
