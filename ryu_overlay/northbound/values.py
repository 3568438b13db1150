"""The kinds of value a field can have: how each is written in JSON, what it becomes, and what to say when it is wrong.

Each judges a value by itself; whether it goes with the rest of the network is the model's to say. Every one carries the
JSON schema that the OpenAPI document shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from ryu_overlay.model import limits
from ryu_overlay.model.check_balancer import MAX_IN_A_ROW, MAX_INTERVAL, MAX_TIMEOUT, MAX_WEIGHT, MIN_INTERVAL, MIN_TIMEOUT
from ryu_overlay.model.check_external import MAX_VLAN
from ryu_overlay.model.values import MAX_L4_PORT, description_fault, mac_fault, name_fault, parse_prefix

T = TypeVar("T")

MAX_ADDRESS_TEXT = 64
"""Characters of the longest text that is looked at as an address; no address, IPv6 or not, is longer."""


_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ADDRESS = rf"({_OCTET}\.){{3}}{_OCTET}"
_LENGTH = r"/(3[0-2]|[12]?[0-9])"
_NAME = rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{limits.MAX_NAME_LENGTH - 1}}}"
_PEER = re.compile(rf"({_NAME})/({_NAME})")
_NUMBER = r"[1-9][0-9]{0,4}"
_PORTS = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?", re.ASCII)
_PATH = re.compile(rf"/[!-~]{{0,{limits.MAX_PATH_LENGTH - 1}}}")


def _checked(fault: Callable[[str], str | None]) -> AfterValidator:
    """A validator from one of the model's functions that say what is wrong with a value."""

    def check(value: str) -> str:
        reason = fault(value)
        if reason is not None:
            raise ValueError(reason)
        return value

    return AfterValidator(check)


def _text(value: Any, what: str) -> str:
    """`value` if it can be a short text in IPv4's notation. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string: {what}")
    if len(value) > MAX_ADDRESS_TEXT:
        raise ValueError(f"must be {what}")
    if ":" in value and _is_ipv6(value):
        raise ValueError(f"IPv6 is not supported yet; give {what}")
    return value


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Interface(text)
    except ValueError:
        return False
    return True


def _parsed(parse: Callable[[str], T], what: str) -> PlainValidator:
    """A validator that takes a string in exactly the form that the parsed value has when written again."""

    def check(value: Any) -> T:
        text = _text(value, what)
        try:
            parsed = parse(text)
        except ValueError:
            parsed = None
        if parsed is None or str(parsed) != text:
            raise ValueError(f"{text!r} is not {what}")
        return parsed

    return PlainValidator(check)


def _prefix(value: Any) -> IPv4Network:
    return parse_prefix(_text(value, "an IPv4 prefix such as 10.0.0.0/8"))


def _mac(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_ADDRESS_TEXT:
        raise ValueError("must be a MAC address such as 02:00:00:00:01:0b")
    canonical = value.lower()
    reason = mac_fault(canonical)
    if reason is not None:
        raise ValueError(reason)
    return canonical


def _peer(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    match = _PEER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a router and its port, such as r2/down, or null")
    return match[1], match[2]


def _address_range(value: Any) -> tuple[IPv4Address, IPv4Address]:
    what = "two IPv4 addresses such as 203.0.113.50-203.0.113.99, or one"
    first, dash, last = _text(value, what).partition("-")
    try:
        found = IPv4Address(first), IPv4Address(last if dash else first)
    except ValueError as error:
        raise ValueError(f"{value!r} is not {what}") from error
    return _ascending(value, *found)


def _port_range(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    what = f"two port numbers from 1 to {MAX_L4_PORT} such as 20000-20010, or one, or null"
    match = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be {what}")
    found = int(match[1]), int(match[2] or match[1])
    if max(found) > MAX_L4_PORT:
        raise ValueError(f"{value!r} is not {what}")
    return _ascending(value, *found)


def _ascending(text: str, first: Any, last: Any) -> tuple[Any, Any]:
    if last < first:
        raise ValueError(f"{text!r} ends before it begins; write {last}-{first}")
    return first, last


def _path_fault(text: str) -> str | None:
    if _PATH.fullmatch(text):
        return None
    return f"must start with / and be at most {limits.MAX_PATH_LENGTH} printable ASCII characters without blanks"


Name = Annotated[str, _checked(name_fault), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
Description = Annotated[
    str, _checked(description_fault), WithJsonSchema({"type": "string", "maxLength": limits.MAX_DESCRIPTION_LENGTH})
]
Address = Annotated[
    IPv4Address,
    _parsed(IPv4Address, "an IPv4 address such as 10.0.1.11"),
    WithJsonSchema({"type": "string", "format": "ipv4", "pattern": f"^{_ADDRESS}$"}),
]
Interface = Annotated[
    IPv4Interface,
    _parsed(IPv4Interface, "an IPv4 address with its prefix length, such as 10.0.1.1/24"),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}{_LENGTH}$", "examples": ["10.0.1.1/24"]}),
]
Prefix = Annotated[
    IPv4Network,
    PlainValidator(_prefix),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}{_LENGTH}$", "examples": ["10.0.0.0/8"]}),
]
Mac = Annotated[str, PlainValidator(_mac), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"})]
Peer = Annotated[
    Any,
    PlainValidator(_peer),
    WithJsonSchema({"type": ["string", "null"], "pattern": f"^{_NAME}/{_NAME}$", "examples": ["r2/down"]}),
]
AddressRange = Annotated[
    Any,
    PlainValidator(_address_range),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}(-{_ADDRESS})?$", "examples": ["203.0.113.50-203.0.113.99"]}),
]
"""Becomes (first, last), both IPv4Address; one address alone is both."""
PortRange = Annotated[
    Any,
    PlainValidator(_port_range),
    WithJsonSchema({"type": ["string", "null"], "pattern": f"^{_NUMBER}(-{_NUMBER})?$", "examples": ["20000-20010"]}),
]
"""TCP or UDP ports; becomes (first, last), or None. One port alone is both."""
Vlan = Annotated[int, Field(ge=1, le=MAX_VLAN)]
L4Port = Annotated[int, Field(ge=1, le=MAX_L4_PORT)]
Weight = Annotated[int, Field(ge=1, le=MAX_WEIGHT)]
Interval = Annotated[float, Field(ge=MIN_INTERVAL, le=MAX_INTERVAL)]
"""Seconds from one check of a member to the next."""
Timeout = Annotated[float, Field(ge=MIN_TIMEOUT, le=MAX_TIMEOUT)]
"""Seconds until a check is given up."""
Count = Annotated[int, Field(ge=1, le=MAX_IN_A_ROW)]
"""How many checks in a row change what a member is taken for."""
HttpPath = Annotated[str, _checked(_path_fault), WithJsonSchema({"type": "string", "pattern": _PATH.pattern.join("^$")})]


def instant(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)
