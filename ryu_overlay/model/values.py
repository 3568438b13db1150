"""Whether one value can be right at all: names, MACs, addresses and subnets, each by itself.

Knows nothing of the objects that hold the values. Addresses are handled as 32-bit integers, because hashing and
comparing `ipaddress` objects dominates the time of a large edit otherwise.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Generic, NamedTuple, TypeVar

from ryu_overlay.model.limits import MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_SUBNET_LENGTH, MIN_SUBNET_LENGTH
from ryu_overlay.model.objects import VNI_BITS

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_NAME_LENGTH - 1}}}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters but tab and newline, and halves of surrogate pairs, which no UTF-8 store can take."""

MAX_VNI = 2**VNI_BITS - 1
MAX_L4_PORT = 2**16 - 1

T = TypeVar("T")


class Span(NamedTuple):
    """A subnet as integers: its first and last address, and its prefix length in bits."""

    first: int
    last: int
    length: int


class SpanMap(Generic[T]):
    """Finds which of several disjoint spans holds an address, in logarithmic time."""

    def __init__(self, items: Iterable[tuple[Span, T]]) -> None:
        self._items = sorted(items, key=lambda item: item[0])
        self._firsts = [span.first for span, _ in self._items]

    def find(self, address: int) -> tuple[Span, T] | None:
        """The span that holds `address` and what was given with it, or None."""
        at = bisect_right(self._firsts, address) - 1
        if at < 0 or self._items[at][0].last < address:
            return None
        return self._items[at]


def span_of(network: IPv4Network) -> Span:
    first = int(network.network_address)
    return Span(first, first | (1 << 32 - network.prefixlen) - 1, network.prefixlen)


def overlapping(items: Iterable[tuple[Span, T]]) -> Iterator[tuple[T, T]]:
    """Pairs of what was given with spans that overlap, one for each span that is not disjoint with those before it.

    Spans nest or are disjoint, so in order of first address it is enough to look at those still open.
    """
    enclosing: list[tuple[Span, T]] = []
    for item in sorted(items, key=lambda item: (item[0].first, item[0].length)):
        while enclosing and enclosing[-1][0].last < item[0].first:
            enclosing.pop()
        if enclosing:
            yield enclosing[-1][1], item[1]
        enclosing.append(item)


class SpanSet:
    """The addresses of any number of spans, which may overlap; tells in logarithmic time whether one of them is met."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for span in sorted(spans):
            if self._lasts and span.first <= self._lasts[-1]:
                self._lasts[-1] = max(self._lasts[-1], span.last)
            else:
                self._firsts.append(span.first)
                self._lasts.append(span.last)

    def meets(self, first: int, last: int) -> bool:
        """Whether any address from `first` to `last` is in it."""
        at = bisect_right(self._firsts, last) - 1
        return at >= 0 and self._lasts[at] >= first


RESERVED: tuple[tuple[Span, str], ...] = (
    (span_of(IPv4Network("0.0.0.0/8")), "is in 0.0.0.0/8, which means no particular host (RFC 1122 section 3.2.1.3)"),
    (span_of(IPv4Network("127.0.0.0/8")), "is a loopback address"),
    (span_of(IPv4Network("224.0.0.0/4")), "is a multicast address"),
    (span_of(IPv4Network("255.255.255.255/32")), "is the limited broadcast address"),
)
"""Ranges no interface can have an address in, and how to say so."""


def name_fault(name: str) -> str | None:
    """What is wrong with a name (1 to 63 of `A-Z a-z 0-9 . _ -`, the first a letter or digit), or None."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return None
    return f"a name is 1 to {MAX_NAME_LENGTH} characters of A-Z a-z 0-9 . _ - and starts with a letter or digit"


def description_fault(text: str) -> str | None:
    """What is wrong with a description (at most `MAX_DESCRIPTION_LENGTH` characters, no control characters), or None."""
    if len(text) > MAX_DESCRIPTION_LENGTH:
        return f"has {len(text):,} characters; at most {MAX_DESCRIPTION_LENGTH:,} are allowed"
    return "holds a control character or half a surrogate pair" if _UNPRINTABLE.search(text) else None


def mac_fault(mac: str) -> str | None:
    """What is wrong with an interface's MAC (lower-case, colons; unicast, IEEE 802 section 8.2), or None."""
    if not _MAC.fullmatch(mac):
        return f"{mac!r} is not a MAC address such as 02:00:00:00:01:0b"
    if int(mac[:2], 16) & 1:
        return f"{mac} is a multicast address; an interface needs a unicast one"
    return f"{mac} is no address at all" if mac == "00:00:00:00:00:00" else None


def vni_fault(vni: int) -> str | None:
    """What is wrong with a tenant's VNI (1 to 2**22 - 1; the two top bits are reserved), or None."""
    return range_fault(vni, 1, MAX_VNI)


def range_fault(number: float, least: float, most: float) -> str | None:
    """What is wrong with a number that must be between `least` and `most`, both included; or None."""
    return None if least <= number <= most else f"{number} is not between {least} and {most}"


def address_fault(address: int) -> str | None:
    """Why no interface can have this address (`is a multicast address`), or None."""
    for span, reason in RESERVED:
        if span.first <= address <= span.last:
            return reason
    return None


def host_fault(address: int, span: Span) -> str | None:
    """Why `address` is not a host of the subnet that holds it, or None. In a /31 both are hosts (RFC 3021)."""
    if span.length >= MAX_SUBNET_LENGTH:
        return None
    subnet = f"{IPv4Address(span.first)}/{span.length}"
    if address == span.first:
        return f"is the network address of {subnet}"
    return f"is the broadcast address of {subnet}" if address == span.last else None


def subnet_fault(network: IPv4Network) -> str | None:
    """Why interfaces cannot share this subnet, or None."""
    if not MIN_SUBNET_LENGTH <= network.prefixlen <= MAX_SUBNET_LENGTH:
        return f"{network} has a prefix length that is not between {MIN_SUBNET_LENGTH} and {MAX_SUBNET_LENGTH}"
    return prefix_fault(network)


def prefix_fault(network: IPv4Network) -> str | None:
    """Why nothing can be behind this prefix (all of it is reserved), or None. 0.0.0.0/0 is the default route."""
    first, last, _ = span_of(network)
    for span, reason in RESERVED:
        if span.first <= first and last <= span.last:
            return f"{network} {reason}"
    return None


def parse_prefix(value: Any) -> IPv4Network:
    """A route's prefix. Raises ValueError, saying what was probably meant, when it is none or has host bits set."""
    if isinstance(value, IPv4Network):
        return value
    try:
        network = IPv4Network(str(value), strict=False)
    except ValueError as error:
        raise ValueError(f"{value} is not an IPv4 prefix such as 10.0.0.0/8") from error
    if str(network) != str(value):
        raise ValueError(f"{value} has host bits set or is not in its shortest form; write {network}")
    return network
