"""Documents of tenants and external networks as files: read in any shape `apply` takes, written so that two exports compare.

It knows JSON and the documents' shape; it does not know HTTP or the terminal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, NoReturn

from ryu_overlay.cli.kinds import READ_ONLY, READ_ONLY_IN, Document

ORDER = (
    *("name", "prefix", "description", "physical_network", "vlan", "vni", "subnets", "subnet", "gateway", "pools", "mtu"),
    *("vip", "mac", "address", "prefixes", "addresses", "port", "number", "inside", "protocol", "weight", "router", "switch"),
    *("check", "path", "interval", "timeout", "rise", "fall"),
    *(
        "external_networks",
        "tenants",
        "switches",
        "routers",
        "ports",
        "routes",
        "snats",
        "floating_ips",
        "load_balancers",
        "members",
    ),
)
"""Fields in the order people read them; others follow, by name."""


class BadDocument(Exception):
    """What was given is not JSON, or holds no documents. The message says what and where."""


@dataclass(frozen=True)
class Given:
    """A document as given: the body for PUT /v1/network, and what stands in it for `tenants` in the body."""

    body: dict[str, Any]
    shape: str

    def field(self, path: str) -> str:
        """A field's path in the body, as a path in what was given: `tenants[0].switches[1]` as `switches[1]` for one tenant."""
        if self.shape == "list":
            return re.sub(r"^tenants(?=\[)", "", path)
        return re.sub(r"^tenants\[0\]\.?", "", path) if self.shape == "tenant" else path


def parse(text: str) -> Given:
    """One tenant's document, a list of them, or {"external_networks": [...], "tenants": [...]}, one of the two left out or not.

    Raises BadDocument. A name that comes twice in one object is an error (RFC 8259 section 4 leaves it open): it would hide what
    was meant.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"not JSON: {error}") from error
    if isinstance(value, list):
        return Given({"tenants": value}, "list")
    if isinstance(value, dict) and {"tenants", "external_networks"} & set(value):
        return Given({"tenants": [], **value}, "network")
    if isinstance(value, dict) and "name" in value:
        return Given({"tenants": [value]}, "tenant")
    network = '{"external_networks": [...], "tenants": [...]}'
    raise BadDocument(f'neither a tenant ({{"name": ...}}), nor a list of tenants, nor {network}')


def pretty(document: Document) -> str:
    """The document without what is read-only, each object's fields and each collection in one fixed order, indented."""
    return json.dumps(_sorted(document), indent=2, ensure_ascii=False)


def _sorted(value: Any, collection: str = "") -> Any:
    if isinstance(value, dict):
        written = set(value) - READ_ONLY - READ_ONLY_IN.get(collection, frozenset())
        names = sorted(written, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n))
        return {name: _sorted(value[name], name) for name in names}
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return [_sorted(each, collection) for each in sorted(value, key=_place)]
    return value


def _place(each: Document) -> tuple[Any, ...]:
    """Where an object stands in its collection: by name, or routes by prefix as numbers."""
    try:
        net = ip_network(str(each.get("prefix", "")))
        return (net.version, int(net.network_address), net.prefixlen)
    except ValueError:
        return (0, str(each.get("name", "")), 0)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise ValueError(f"{twice!r} is given twice in one object")
    return seen


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
